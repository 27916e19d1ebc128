//! `cachewit config show`: the settings in force.

use super::Settings;
use super::resolve::{config, human};
use crate::cache::default_max_size;
use crate::config::Config;
use crate::remote::engine::StoreKind;
use crate::remote::target::{Mode, StoreConfig};
use anyhow::Result;
use serde_json::{Value, json};
use std::process::ExitCode;

/// The commands.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print the settings in force, and where they come from
    Show {
        #[command(flatten)]
        settings: Settings,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Runs one.
pub(super) fn run(command: &Command) -> Result<ExitCode> {
    let Command::Show { settings, json } = command;
    let config = config(settings)?;
    if *json {
        println!("{}", as_json(&config));
        return Ok(ExitCode::SUCCESS);
    }
    println!("file       {}", config.file.as_ref().map_or("none: defaults and environment".to_owned(), |path| path.display().to_string()));
    println!("root       {}", config.root.display());
    println!("go cache   {}", config.go_cache.as_ref().map_or("not looked into".to_owned(), |path| path.display().to_string()));
    println!("max-size   {}", human(limit(&config)));
    println!("min-free   {}", config.limits.min_free.map_or("1 GiB or a hundredth of the file system, the smaller".to_owned(), human));
    println!("max-age    {}", config.limits.max_age.map_or("for ever".to_owned(), |age| humantime::format_duration(age).to_string()));
    println!("traces     {}", config.traces);
    println!("grace      {}", humantime::format_duration(config.limits.grace));
    println!(
        "uploads    {}",
        if config.wait_for_uploads.is_zero() {
            "go on behind go's back".to_owned()
        } else {
            format!("are waited for, at most {}", humantime::format_duration(config.wait_for_uploads))
        }
    );
    for policy in &config.policies {
        let required = if policy.required { ", required" } else { "" };
        println!("policy     {} {}{required}", policy.source, policy.settings);
    }
    for store in &config.stores {
        println!("store      {} ({}), namespace {}, {}", store.name, place(store), store.namespace, mode(store.mode));
    }
    Ok(ExitCode::SUCCESS)
}

fn limit(config: &Config) -> u64 {
    let existing = config.root.ancestors().find(|path| path.exists()).unwrap_or(&config.root);
    config.limits.max_size.unwrap_or_else(|| default_max_size(existing))
}

fn as_json(config: &Config) -> Value {
    json!({
        "file": config.file,
        "root": config.root,
        "go_cache": config.go_cache,
        "max_size": limit(config),
        "min_free": config.limits.min_free,
        "max_age_seconds": config.limits.max_age.map(|age| age.as_secs()),
        "traces": config.traces,
        "grace_seconds": config.limits.grace.as_secs(),
        "wait_for_uploads_seconds": config.wait_for_uploads.as_secs(),
        "policies": config.policies.iter().map(|policy| json!({ "use": policy.source.to_string(), "settings": policy.settings, "required": policy.required })).collect::<Vec<_>>(),
        "stores": config.stores.iter().map(|store| json!({
            "name": store.name, "place": place(store), "namespace": store.namespace, "mode": mode(store.mode), "share_tests": store.share_tests,
        })).collect::<Vec<_>>(),
    })
}

fn place(store: &StoreConfig) -> String {
    match &store.kind {
        StoreKind::S3 { bucket, prefix, endpoint, .. } => {
            let at = endpoint.as_ref().map_or(String::new(), |endpoint| format!(" at {endpoint}"));
            format!("s3://{bucket}/{prefix}{at}")
        }
        StoreKind::Folder { path } => path.display().to_string(),
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Read => "read",
        Mode::Write => "write",
        Mode::ReadWrite => "read-write",
    }
}

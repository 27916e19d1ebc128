//! `cachewit plugin`: look at plugins.

use super::resolve::human;
use crate::config::{PluginSource, plugin_source};
use crate::model::Digest;
use crate::policy::wasm::{ArtifactStore, Compiled};
use crate::policy::{load_bytes, load_one, shipped};
use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

/// The commands.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Load a plugin as a build would: compile it, ask its name, check its settings
    Check {
        /// A file, or builtin:NAME
        plugin: String,
        /// Its settings as JSON, or @FILE
        #[arg(long, default_value = "{}")]
        settings: String,
    },
    /// Look at a plugin without running it
    Inspect {
        /// A file, or builtin:NAME
        plugin: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List the shipped plugins
    List,
}

/// Runs one.
pub(super) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Check { plugin, settings } => check(plugin, settings).with_context(|| format!("plugin {plugin}")),
        Command::Inspect { plugin, json } => inspect(plugin, *json).with_context(|| format!("plugin {plugin}")),
        Command::List => list(),
    }
}

fn artifacts() -> Result<ArtifactStore> {
    ArtifactStore::of_this_user().ok_or_else(|| anyhow!("there is no cache folder for this user to compile into; set HOME"))
}

fn source(plugin: &str) -> PluginSource {
    plugin_source(plugin, Path::new(""))
}

fn check(plugin: &str, settings: &str) -> Result<ExitCode> {
    let text = match settings.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("cannot read the settings {path}"))?,
        None => settings.to_owned(),
    };
    let settings: Value = serde_json::from_str(&text).context("the settings are no JSON")?;
    let (mut policy, roles) = load_one(&source(plugin), settings, &artifacts()?, 4)?;
    let described = policy.describe();
    for (_, line) in policy.take_lines() {
        println!("says       {line}");
    }
    let (name, version, state) = described?;
    println!("name       {name} {version}, state version {state}");
    println!(
        "roles      {}",
        if roles.names().is_empty() { "none: it will not be asked anything".to_owned() } else { roles.names().join(", ") }
    );
    if roles.serving {
        println!("note       this cachewit does not ask the role `serving` yet");
    }
    println!("settings   accepted");
    Ok(ExitCode::SUCCESS)
}

fn inspect(plugin: &str, as_json: bool) -> Result<ExitCode> {
    let component = load_bytes(&source(plugin))?;
    let artifacts = artifacts()?;
    let prepared = match artifacts.load(&component)? {
        Compiled::Ready(prepared) => *prepared,
        Compiled::Missing => artifacts.compile(&component)?,
    };
    let sha256 = Digest::of(&component).to_hex();
    if as_json {
        let object = json!({
            "bytes": component.len(), "sha256": sha256, "roles": prepared.roles().names(),
            "exports": prepared.exports(), "imports": prepared.imports(),
        });
        println!("{object}");
        return Ok(ExitCode::SUCCESS);
    }
    println!("size       {}", human(component.len() as u64));
    println!("sha256     {sha256}");
    println!("roles      {}", prepared.roles().names().join(", "));
    for (title, names) in [("exports", prepared.exports()), ("imports", prepared.imports())] {
        for name in names {
            println!("{title}    {name}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list() -> Result<ExitCode> {
    let artifacts = artifacts()?;
    for name in shipped::NAMES {
        let source = PluginSource::Builtin((*name).to_owned());
        let (_, roles) = load_one(&source, json!({}), &artifacts, 1)?;
        println!("builtin:{name:<14} {}", roles.names().join(", "));
    }
    Ok(ExitCode::SUCCESS)
}

//! `cachewit plugin`: look at plugins, and say which of them builds are to use.

mod add;
mod bench;
mod eval;
mod event;
mod installation;
mod list;
mod new;
mod reset;
mod scaffold;
mod wrap;

use super::resolve::human;
use crate::config::{PluginSource, plugin_source};
use crate::fault::printable;
use crate::policy::wasm::ArtifactStore;
use crate::policy::{Manifest, load_component, load_one};
use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The commands.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Begin a policy: a crate or a Go module that builds, and whose tests pass
    New(new::Arguments),
    /// Load a plugin as a build would: compile it, ask its name, check its settings
    Check {
        /// A file, or builtin:NAME
        plugin: String,
        /// Its settings as JSON, or @FILE
        #[arg(long, default_value = "{}")]
        settings: String,
    },
    /// Ask a plugin one question, an event in JSON, and print its answer
    Eval(eval::Arguments),
    /// Measure what a call of a plugin costs, over recorded sessions
    Bench(bench::Arguments),
    /// Look at a plugin without running it
    Inspect {
        /// A file, or builtin:NAME
        plugin: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Make a component of a core module, as Go compiles one
    Wrap(wrap::Arguments),
    /// Take a plugin into the chain: compile it, pin it by its hash, and say what it may know
    Add(add::Add),
    /// List the plugins of the chain, and those that come with cachewit
    List {
        /// The configuration; by default $`CACHEWIT_CONFIG`, then the user's
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Take a plugin out of the chain
    Remove(add::Remove),
    /// Forget what plugins remember in the store
    Reset {
        #[command(flatten)]
        settings: super::Settings,
    },
}

/// Runs one.
pub(super) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::New(arguments) => new::run(arguments),
        Command::Check { plugin, settings } => check(plugin, settings).with_context(|| format!("plugin {plugin}")),
        Command::Eval(arguments) => eval::run(arguments).with_context(|| format!("plugin {}", arguments.plugin())),
        Command::Bench(arguments) => bench::run(arguments).with_context(|| format!("plugin {}", arguments.plugin())),
        Command::Inspect { plugin, json } => inspect(plugin, *json).with_context(|| format!("plugin {plugin}")),
        Command::Wrap(arguments) => wrap::run(arguments).with_context(|| format!("module {}", arguments.module().display())),
        Command::Add(arguments) => add::add(arguments).with_context(|| format!("plugin {}", arguments.plugin())),
        Command::List { config, json } => list::list(config.as_deref(), *json),
        Command::Remove(arguments) => add::remove(arguments),
        Command::Reset { settings } => reset::run(settings),
    }
}

fn artifacts() -> Result<ArtifactStore> {
    ArtifactStore::of_this_user().ok_or_else(|| anyhow!("there is no cache folder for this user to compile into; set HOME"))
}

fn source(plugin: &str) -> PluginSource {
    plugin_source(plugin, Path::new(""))
}

/// Settings as JSON, or the file that holds them.
fn read_settings(settings: &str) -> Result<Value> {
    let text = match settings.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("cannot read the settings {path}"))?,
        None => settings.to_owned(),
    };
    serde_json::from_str(&text).context("the settings are no JSON")
}

fn check(plugin: &str, settings: &str) -> Result<ExitCode> {
    let settings = read_settings(settings)?;
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
    println!("settings   accepted");
    Ok(ExitCode::SUCCESS)
}

fn inspect(plugin: &str, as_json: bool) -> Result<ExitCode> {
    let component = load_component(&source(plugin))?;
    let manifest = Manifest::read(&component)?;
    let wishes: Vec<String> = manifest.wishes.iter().map(ToString::to_string).collect();
    let sha256 = component.sha256().to_hex();
    if as_json {
        let object = json!({
            "bytes": component.len(), "sha256": sha256, "roles": manifest.roles().names(), "wishes": wishes,
            "exports": manifest.exports, "imports": manifest.imports,
        });
        println!("{object}");
        return Ok(ExitCode::SUCCESS);
    }
    println!("size       {}", human(component.len() as u64));
    println!("sha256     {sha256}");
    println!("roles      {}", manifest.roles().names().join(", "));
    if !wishes.is_empty() {
        println!("wishes     {}", wishes.join(", "));
    }
    for (title, names) in [("exports", manifest.exports), ("imports", manifest.imports)] {
        for name in names {
            // Nobody has checked that they are names.
            let empty = if name.starts_with("wasi:") && !name.starts_with("wasi:config/") { " (empty here)" } else { "" };
            println!("{title}    {}{empty}", printable(&name, 200));
        }
    }
    Ok(ExitCode::SUCCESS)
}

//! `cachewit plugin wrap`: a policy that was compiled to a core module becomes a component.
//!
//! What `go build` makes says nowhere which world it is of. It need not: what it exports says which roles it has, and the contract is here.

mod encode;

use super::super::resolve::human;
use crate::config::PluginSource;
use crate::policy::{Manifest, Wish, load_component};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The arguments of `plugin wrap`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The core module: what `GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared` made
    module: PathBuf,
    /// The component to write; by default the module becomes it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Something that it wishes to know, beside what its source says: fact:NAME or env:NAME
    #[arg(long, value_name = "WISH")]
    wish: Vec<String>,
}

impl Arguments {
    /// What is to be wrapped.
    pub fn module(&self) -> &Path {
        &self.module
    }
}

/// Wraps one.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let wishes: BTreeSet<Wish> = arguments.wish.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let module = load_component(&PluginSource::File(arguments.module.clone()))?;
    let component = encode::component(&module, wishes)?;
    // As whoever loads it will read it.
    let manifest = Manifest::read(&component)?;
    if let Some(other) = manifest.imports.iter().find(|import| !import.starts_with("cachewit:policy/") && !import.starts_with("wasi:")) {
        bail!("it imports {other}, which no host of policies has");
    }
    let output = arguments.output.as_ref().unwrap_or(&arguments.module);
    crate::platform::replace(output, &component).with_context(|| format!("cannot write {}", output.display()))?;
    println!("wrapped    {}, {}", output.display(), human(component.len() as u64));
    let roles = manifest.roles().names();
    println!("roles      {}", if roles.is_empty() { "none: it will not be asked anything".to_owned() } else { roles.join(", ") });
    if !manifest.wishes.is_empty() {
        println!("wishes     {}", manifest.wishes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    }
    Ok(ExitCode::SUCCESS)
}

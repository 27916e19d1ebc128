//! `cachewit plugin add` and `remove`: an operator vouches for a plugin, says what it may know, and takes it into the chain.

use super::installation::Installation;
use super::{artifacts, read_settings, source};
use crate::config::lock::Pinned;
use crate::config::{PluginSource, PolicyConfig};
use crate::policy::{Manifest, Wish, load_component, load_one};
use anyhow::{Result, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The arguments of `plugin add`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Add {
    /// A file, or builtin:NAME
    plugin: String,
    /// The name under which it is kept; by default its own
    #[arg(long)]
    name: Option<String>,
    /// Its settings as JSON, or @FILE; by default those it has already
    #[arg(long, value_name = "JSON")]
    settings: Option<String>,
    /// Let it know something that it wishes to know: fact:NAME or env:NAME
    #[arg(long, value_name = "WISH")]
    grant: Vec<String>,
    /// Do not let it know something that it wishes to know
    #[arg(long, value_name = "WISH")]
    deny: Vec<String>,
    /// Serve nothing that it should have judged and did not
    #[arg(long)]
    required: bool,
    /// The configuration; by default $`CACHEWIT_CONFIG`, then the user's
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Add {
    /// What is to be added.
    pub fn plugin(&self) -> &str {
        &self.plugin
    }
}

/// The arguments of `plugin remove`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Remove {
    /// Its name, or how the configuration names it
    plugin: String,
    /// The configuration; by default $`CACHEWIT_CONFIG`, then the user's
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Looks at a plugin as a session would, and takes it in.
pub(super) fn add(arguments: &Add) -> Result<ExitCode> {
    let source = source(&arguments.plugin);
    let component = load_component(&source)?;
    let manifest = Manifest::read(&component)?;
    let mut installation = Installation::open(arguments.config.as_deref())?;
    let policies = installation.policies()?;
    let settings = arguments.settings.as_deref().map(read_settings).transpose()?;

    let (mut policy, roles) = load_one(&source, serde_json::json!({}), &artifacts()?, 4)?;
    let named = match (&source, policy.describe()) {
        (PluginSource::Builtin(_), _) => arguments.plugin.clone(),
        (PluginSource::File(path), described) => {
            let own = described.map(|(name, ..)| name);
            let name = arguments.name.clone().map_or(own, Ok)?;
            let name = name.trim_end_matches(".wasm");
            check_name(name)?;
            let named = Installation::file_of(name);
            let before = installation.lock.pinned(&named).filter(|pinned| pinned.sha256 != component.sha256());
            if arguments.name.is_none() && before.is_some() && !is_called(path, name) {
                bail!(
                    "{named} is another plugin, and {} calls itself `{name}` too; say --name {name} to replace that one, or --name with another name to have both",
                    path.display()
                );
            }
            named
        }
    };
    let place = installation.chain().iter().position(|other| *other == named);
    if roles.eviction {
        one_eviction(&policies, place)?;
    }
    let before = installation.lock.pinned(&named).cloned();
    let (granted, denied) = decide(&manifest, arguments, before.as_ref())?;
    let sha256 = component.sha256();
    if let PluginSource::File(_) = source {
        installation.lock.pin(Pinned { file: named.clone(), sha256, granted: granted.clone(), denied: denied.clone() });
    }
    installation.set(&named, settings.as_ref(), arguments.required)?;
    // With the settings that it will have: a mistake is said now and not in the middle of a build.
    load_one(&source, installation.settings(&named)?, &artifacts()?, 4)?.0.describe()?;
    installation.write(matches!(source, PluginSource::File(_)).then_some((&named, &component)))?;
    if let Some(before) = before.filter(|before| before.sha256 != sha256) {
        println!("replaced   {named} with SHA-256 {}", before.sha256);
    }
    println!("added      {named} to {}", installation.path.display());
    println!("roles      {}", roles.names().join(", "));
    println!("sha256     {sha256}");
    for (title, wishes) in [("granted    ", granted), ("denied     ", denied)] {
        if !wishes.is_empty() {
            println!("{title}{}", texts(&wishes));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes a plugin out again.
pub(super) fn remove(arguments: &Remove) -> Result<ExitCode> {
    let mut installation = Installation::open(arguments.config.as_deref())?;
    let copy = Installation::file_of(arguments.plugin.trim_end_matches(".wasm"));
    let shipped = format!("builtin:{}", arguments.plugin);
    let known = installation.chain();
    let Some(named) = [&arguments.plugin, &copy, &shipped].into_iter().find(|named| installation.remove(named)) else {
        let known = if known.is_empty() { "it names none".to_owned() } else { format!("it names {}", known.join(", ")) };
        bail!("{} names no plugin `{}`; {known}", installation.path.display(), arguments.plugin);
    };
    installation.write(None)?;
    if Installation::is_copy(named) {
        // The copy was ours; that it cannot be removed leaves a file that nobody names.
        let _ = std::fs::remove_file(installation.folder().join(named));
    }
    println!("removed    {named} from {}", installation.path.display());
    Ok(ExitCode::SUCCESS)
}

/// Whether a file is called as the plugin in it calls itself, and not only the plugin says so: cargo makes `no_secrets.wasm` of `no-secrets`.
fn is_called(path: &Path, name: &str) -> bool {
    let plain = |text: &str| text.replace('_', "-");
    path.file_stem().is_some_and(|stem| plain(&stem.to_string_lossy()) == plain(name))
}

/// A name becomes a file's.
fn check_name(name: &str) -> Result<()> {
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) && !name.starts_with('.');
    if name.is_empty() || !fits || name.len() > 64 {
        bail!("`{name}` is no name for a file; name it with --name: letters, digits, `.`, `_` and `-`");
    }
    Ok(())
}

/// Two that decide who goes would contradict each other.
fn one_eviction(policies: &[PolicyConfig], place: Option<usize>) -> Result<()> {
    for (number, other) in policies.iter().enumerate().filter(|(number, _)| Some(*number) != place) {
        let manifest = load_component(&other.source).and_then(|component| Manifest::read(&component));
        if manifest.is_ok_and(|manifest| manifest.roles().eviction) {
            let other = other.source.to_string();
            bail!("number {} of the chain, {other}, decides eviction already, and only one can; remove one of the two first", number + 1);
        }
    }
    Ok(())
}

/// What it may know: each of its wishes is granted or denied, now or when it was added before.
fn decide(manifest: &Manifest, arguments: &Add, before: Option<&Pinned>) -> Result<(BTreeSet<Wish>, BTreeSet<Wish>)> {
    let parse = |texts: &[String]| -> Result<BTreeSet<Wish>> {
        let wishes: BTreeSet<Wish> = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        if let Some(other) = wishes.iter().find(|wish| !manifest.wishes.contains(wish)) {
            let all = if manifest.wishes.is_empty() { "nothing".to_owned() } else { texts_of(manifest) };
            bail!("it does not wish to know {other}; it wishes to know {all}");
        }
        Ok(wishes)
    };
    let (grant, deny) = (parse(&arguments.grant)?, parse(&arguments.deny)?);
    if let Some(both) = grant.intersection(&deny).next() {
        bail!("{both} is both granted and denied");
    }
    let (mut granted, mut denied) = (BTreeSet::new(), BTreeSet::new());
    for wish in &manifest.wishes {
        let had = |wishes: fn(&Pinned) -> &BTreeSet<Wish>| before.is_some_and(|pinned| wishes(pinned).contains(wish));
        if grant.contains(wish) || !deny.contains(wish) && had(|pinned| &pinned.granted) {
            granted.insert(wish.clone());
        } else if deny.contains(wish) || had(|pinned| &pinned.denied) {
            denied.insert(wish.clone());
        } else {
            bail!("it wishes to know {wish}; say --grant {wish}, or --deny {wish} and it goes without");
        }
    }
    Ok((granted, denied))
}

fn texts(wishes: &BTreeSet<Wish>) -> String {
    wishes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn texts_of(manifest: &Manifest) -> String {
    texts(&manifest.wishes)
}

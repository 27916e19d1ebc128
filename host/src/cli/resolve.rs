//! The settings of a command that no `go` started: GOCACHE is asked of `go`.

use super::Settings;
use crate::cache::Shelf;
use crate::config::{self, Config, Environment, Flags};
use crate::fault::Faults;
use crate::platform;
use crate::policy::wasm::ArtifactStore;
use crate::policy::{Chain, Loader, States};
use crate::store::Layout;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// A `go` command of ours: it must never start a host, or that would start a `go` again.
pub(super) fn go() -> Command {
    let mut command = Command::new("go");
    command.env_remove("GOCACHEPROG").stdin(Stdio::null());
    command
}

/// Where Go's own cache lies.
pub(super) fn gocache(environment: &Environment) -> Result<PathBuf> {
    // `go env NAME` starts no host, and so may keep GOENV, where the user may have written GOCACHE.
    let asked = go().args(["env", "GOCACHE"]).stderr(Stdio::null()).output();
    if let Ok(output) = asked
        && output.status.success()
    {
        let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        if path.is_absolute() {
            return Ok(path);
        }
    }
    if let Some(path) = environment.get("GOCACHE").map(PathBuf::from).filter(|path| path.is_absolute()) {
        return Ok(path);
    }
    let Some(dir) = platform::user_cache_dir() else {
        bail!("cannot tell where Go's cache lies: there is no `go` in PATH and no GOCACHE; set one of them, or name the store with --root");
    };
    Ok(dir.join("go-build"))
}

/// The resolved settings.
pub(super) fn config(settings: &Settings) -> Result<Config> {
    let environment = config::environment();
    let flags = Flags { config: settings.config.clone(), root: absolute(settings.root.as_ref())?, plugins: Vec::new() };
    let gocache = gocache(&environment)?;
    Ok(Config::resolve(&flags, &environment, &gocache)?)
}

fn absolute(path: Option<&PathBuf>) -> Result<Option<PathBuf>> {
    path.map(|path| std::path::absolute(path).with_context(|| format!("cannot find the folder {}", path.display()))).transpose()
}

/// The store and the chain of a command.
pub(super) struct Opened {
    pub config: Config,
    pub shelf: Arc<Shelf>,
    pub chain: Chain,
    pub faults: Arc<Faults>,
}

/// Opens the store of a command. One that does not exist yet is an error: a typing mistake must not look like an empty store.
pub(super) fn open(settings: &Settings) -> Result<Opened> {
    let config = config(settings)?;
    let layout = Layout::new(&config.root)?;
    if !layout.index().exists() {
        bail!("there is no store in {} yet; a build with GOCACHEPROG=cachewit makes one", config.root.display());
    }
    let faults = Arc::new(Faults::new(None));
    let shelf = Arc::new(Shelf::open(layout, faults.clone()));
    if !shelf.is_usable() {
        bail!("the store in {} cannot be opened", config.root.display());
    }
    let states = Some(States::in_folder(shelf.layout().policy_dir()));
    let artifacts = ArtifactStore::of_this_user();
    let loader = Loader { artifacts, session: Arc::default(), states, log_level: config.log_level, recalls: false };
    let chain = Chain::new(&config.policies, loader, faults.clone());
    Ok(Opened { config, shelf, chain, faults })
}

/// Bytes as people read them.
pub(super) fn human(bytes: u64) -> String {
    bytesize::ByteSize(bytes).to_string()
}

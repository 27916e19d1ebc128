//! Settings: flags before environment before file, resolved once into one validated value.

mod file;
mod human;
pub mod lock;

pub use human::{parse_duration, parse_size};

use crate::model::Digest;
use crate::platform;
use crate::policy::{Grants, Wish};
use crate::remote::engine::StoreKind;
use crate::remote::target::{Mode, StoreConfig};
use file::{File, KindName, PolicyEntry, StoreEntry};
use lock::Lock;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What can be wrong with settings. Every message names the place and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML, or has a key or value that is not possible.
    #[error("configuration {path}: {problem}")]
    Wrong {
        /// Which.
        path: PathBuf,
        /// What, with the line.
        problem: String,
    },
    /// An environment variable.
    #[error("environment variable {name}: {problem}")]
    Environment {
        /// Which.
        name: &'static str,
        /// What.
        problem: String,
    },
    /// Settings that contradict each other.
    #[error("{0}")]
    Conflict(String),
}

/// What flags say; `None` where they say nothing.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config FILE`.
    pub config: Option<PathBuf>,
    /// `--root DIR`.
    pub root: Option<PathBuf>,
    /// Plugins named on the command line: they go before those of the file, and have no grant.
    pub plugins: Vec<String>,
}

/// Where a plugin comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginSource {
    /// A shipped one.
    Builtin(String),
    /// A component in a file.
    File(PathBuf),
}

impl std::fmt::Display for PluginSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Builtin(name) => write!(f, "{BUILTIN}{name}"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// One link of the chain.
#[derive(Clone, Debug)]
pub struct PolicyConfig {
    /// Where it comes from.
    pub source: PluginSource,
    /// The same as the operator wrote it.
    pub named: String,
    /// Its settings as JSON.
    pub settings: serde_json::Value,
    /// Whether nothing is to be served that it should have judged and did not.
    pub required: bool,
    /// What its file must hash to.
    pub pin: Pin,
    /// What it may know.
    pub grants: Grants,
    /// What it would like to know, and was refused.
    pub denied: BTreeSet<Wish>,
}

/// Which file a plugin has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// Whatever is there: it is a part of this program, or somebody has named it on the command line.
    Any,
    /// This SHA-256.
    Sha256(Digest),
    /// None yet: nobody has vouched for it.
    Missing,
}

impl PolicyConfig {
    /// A policy without settings and grants, whatever its file is.
    pub fn plain(source: PluginSource) -> Self {
        Self {
            named: source.to_string(),
            source,
            settings: serde_json::json!({}),
            required: false,
            pin: Pin::Any,
            grants: Grants::default(),
            denied: BTreeSet::new(),
        }
    }
}

/// Limits of the local store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes; `None` = 20 GiB or a fifth of the file system, the smaller.
    pub max_size: Option<u64>,
    /// Bytes that stay free on the file system; `None` = 1 GiB or a hundredth of it, the smaller.
    pub min_free: Option<u64>,
    /// How long a group may lie unused; `None` = for ever.
    pub max_age: Option<Duration>,
    /// How long what a session without close handed out stays.
    pub grace: Duration,
}

/// Everything, resolved.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from, if any.
    pub file: Option<PathBuf>,
    /// The store's folder.
    pub root: PathBuf,
    /// Go's own cache directory, where what the store misses is looked for; None = it is left alone.
    pub go_cache: Option<PathBuf>,
    /// The chain, in order.
    pub policies: Vec<PolicyConfig>,
    /// The remote stores, in order.
    pub stores: Vec<StoreConfig>,
    /// Limits.
    pub limits: Limits,
    /// How long close waits for uploads; zero = they go on behind `go`'s back.
    pub wait_for_uploads: Duration,
    /// Sessions whose traces are kept; zero = none is written.
    pub traces: usize,
    /// A file that a JSON line about the session is appended to.
    pub summary: Option<PathBuf>,
    /// The most detailed level of plugin lines that is kept, 1 to 4.
    pub log_level: u32,
}

/// The environment, as far as settings look at it.
pub type Environment = BTreeMap<String, String>;

/// The environment of this process.
pub fn environment() -> Environment {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

impl Config {
    /// Resolves flags, environment and file. `gocache` is Go's own cache directory, under which the store lies unless an operator
    /// says otherwise.
    pub fn resolve(flags: &Flags, environment: &Environment, gocache: &Path) -> Result<Self, ConfigError> {
        let path = find_file(flags, environment);
        let file = match &path {
            Some((path, named)) => read(path, *named)?,
            None => None,
        };
        let file_path = path.and_then(|(path, _)| file.is_some().then_some(path));
        let file = file.unwrap_or_default();
        let in_file = |problem: String| {
            let problem = crate::fault::printable(&problem, 500);
            ConfigError::Wrong { path: file_path.clone().unwrap_or_default(), problem }
        };

        let variable = |name: &'static str| environment.get(name).filter(|value| !value.is_empty());
        let max_size = match variable("CACHEWIT_MAX_SIZE") {
            Some(text) => Some(parse_size(text).map_err(|problem| ConfigError::Environment { name: "CACHEWIT_MAX_SIZE", problem })?),
            None => file.limits.max_size,
        };
        let log_level = match variable("CACHEWIT_LOG") {
            Some(text) => log_level(text).ok_or_else(|| ConfigError::Environment {
                name: "CACHEWIT_LOG",
                problem: format!("`{text}` is no level; use error, warn, info or debug"),
            })?,
            None => 2,
        };
        let root = flags.root.clone().or_else(|| variable("CACHEWIT_ROOT").map(PathBuf::from)).or(file.root);
        let root = root.unwrap_or_else(|| gocache.join("cachewit"));
        if !root.is_absolute() {
            // `go` hands DiskPath on to compilers that run elsewhere.
            let root = crate::fault::printable(&root.display().to_string(), 300);
            return Err(ConfigError::Conflict(format!("the store folder `{root}` must be an absolute path")));
        }
        let mut policies = Vec::new();
        for plugin in &flags.plugins {
            policies.push(PolicyConfig::plain(plugin_source(plugin, Path::new(""))));
        }
        let base = file_path.as_deref().and_then(Path::parent).unwrap_or(Path::new("")).to_owned();
        let locked = file.policy.iter().any(|entry| !entry.r#use.starts_with(BUILTIN));
        let lock = if locked { Lock::read(&base)? } else { Lock::default() };
        for entry in file.policy {
            policies.push(policy(&entry, &base, &lock, environment));
        }
        let mut stores: Vec<StoreConfig> = Vec::new();
        for entry in file.store {
            let store = store(entry).map_err(in_file)?;
            if stores.iter().any(|other| other.name == store.name) {
                return Err(in_file(format!("two stores are named `{}`; give each a name of its own", store.name)));
            }
            stores.push(store);
        }
        // On CI the machine vanishes when the job ends.
        let on_ci = variable("CI").is_some_and(|value| value != "false" && value != "0");
        let wait_for_uploads = file.close.wait_for_uploads.unwrap_or(if on_ci { Duration::from_secs(60) } else { Duration::ZERO });
        Ok(Self {
            file: file_path,
            root,
            go_cache: file.use_go_cache.unwrap_or(true).then(|| gocache.to_owned()),
            policies,
            stores,
            limits: Limits {
                max_size,
                min_free: file.limits.min_free,
                max_age: file.limits.max_age,
                grace: file.limits.grace.unwrap_or(DEFAULT_GRACE),
            },
            wait_for_uploads,
            traces: file.trace.keep.unwrap_or(DEFAULT_TRACES),
            summary: variable("CACHEWIT_SUMMARY").map(PathBuf::from),
            log_level,
        })
    }

    /// Defaults, and nothing shared: what `serve` goes on with when settings cannot be used.
    pub fn fallback(gocache: &Path, environment: &Environment) -> Self {
        Self {
            file: None,
            root: gocache.join("cachewit"),
            go_cache: Some(gocache.to_owned()),
            policies: Vec::new(),
            stores: Vec::new(),
            limits: Limits { max_size: None, min_free: None, max_age: None, grace: DEFAULT_GRACE },
            wait_for_uploads: Duration::ZERO,
            traces: DEFAULT_TRACES,
            summary: environment.get("CACHEWIT_SUMMARY").map(PathBuf::from),
            log_level: 2,
        }
    }
}

/// A day or two of work, in some megabytes.
const DEFAULT_TRACES: usize = 100;

/// Long enough for the caller of `go list -export` to open what it was told.
const DEFAULT_GRACE: Duration = Duration::from_secs(600);

fn log_level(text: &str) -> Option<u32> {
    ["error", "warn", "info", "debug"].iter().position(|level| *level == text).map(|place| place as u32 + 1)
}

/// The configuration that a command changes: the one that is named, or this user's own, which need not be there yet.
pub fn own_file(flag: Option<&Path>, environment: &Environment) -> Option<PathBuf> {
    let named = flag.map(Path::to_owned).or_else(|| environment.get("CACHEWIT_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from));
    named.or_else(|| platform::user_config_dir().map(|dir| dir.join("cachewit/config.toml")))
}

/// The file to read, and whether somebody named it. Never one in the working directory, which a stranger's repository may fill.
fn find_file(flags: &Flags, environment: &Environment) -> Option<(PathBuf, bool)> {
    if let Some(path) = &flags.config {
        return Some((path.clone(), true));
    }
    if let Some(path) = environment.get("CACHEWIT_CONFIG").filter(|path| !path.is_empty()) {
        return Some((PathBuf::from(path), true));
    }
    let user = platform::user_config_dir().map(|dir| dir.join("cachewit/config.toml"));
    let system = cfg!(unix).then(|| PathBuf::from("/etc/cachewit/config.toml"));
    user.into_iter().chain(system).find(|path| path.exists()).map(|path| (path, false))
}

fn read(path: &Path, named: bool) -> Result<Option<File>, ConfigError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => return Ok(None),
        Err(source) => return Err(ConfigError::Unreadable { path: path.to_owned(), source }),
    };
    file::parse(&text).map(Some).map_err(|problem| ConfigError::Wrong { path: path.to_owned(), problem })
}

/// What a shipped plugin's name begins with.
const BUILTIN: &str = "builtin:";

/// Reads a text as a session would: the plugins of its chain, as it names them, with their settings.
pub fn parse_text(text: &str) -> Result<Vec<(String, serde_json::Value)>, String> {
    Ok(file::parse(text)?.policy.iter().map(|entry| (entry.r#use.clone(), settings(entry))).collect())
}

/// A plugin as people write it: `builtin:NAME`, or a file, relative to `base`.
pub fn plugin_source(text: &str, base: &Path) -> PluginSource {
    match text.strip_prefix(BUILTIN) {
        Some(name) => PluginSource::Builtin(name.to_owned()),
        None => PluginSource::File(base.join(text)),
    }
}

fn settings(entry: &PolicyEntry) -> serde_json::Value {
    serde_json::to_value(&entry.settings).unwrap_or_else(|_| serde_json::json!({}))
}

fn policy(entry: &PolicyEntry, base: &Path, lock: &Lock, environment: &Environment) -> PolicyConfig {
    let source = plugin_source(&entry.r#use, base);
    let plain =
        PolicyConfig { settings: settings(entry), required: entry.required, named: entry.r#use.clone(), ..PolicyConfig::plain(source) };
    match (&plain.source, lock.pinned(&entry.r#use)) {
        (PluginSource::Builtin(_), _) => plain,
        (PluginSource::File(_), None) => PolicyConfig { pin: Pin::Missing, ..plain },
        (PluginSource::File(_), Some(pinned)) => PolicyConfig {
            pin: Pin::Sha256(pinned.sha256),
            grants: Grants::new(&pinned.granted, environment),
            denied: pinned.denied.clone(),
            ..plain
        },
    }
}

fn store(entry: StoreEntry) -> Result<StoreConfig, String> {
    let name = entry.name;
    let namespace = entry.namespace.unwrap_or_else(|| "main".to_owned());
    let forbidden = |key: &str, kind: &str| format!("store `{name}`: a store of kind `{kind}` has no `{key}`; remove it");
    let missing = |key: &str, kind: &str| format!("store `{name}`: a store of kind `{kind}` needs `{key}`");
    let kind = match entry.kind {
        KindName::S3 => {
            if entry.path.is_some() {
                return Err(forbidden("path", "s3"));
            }
            StoreKind::S3 {
                bucket: entry.bucket.ok_or_else(|| missing("bucket", "s3"))?,
                prefix: entry.prefix.unwrap_or_default(),
                region: entry.region,
                endpoint: entry.endpoint,
                path_style: entry.path_style.unwrap_or(false),
            }
        }
        KindName::Folder => {
            let given = [
                ("bucket", entry.bucket.is_some()),
                ("prefix", entry.prefix.is_some()),
                ("region", entry.region.is_some()),
                ("endpoint", entry.endpoint.is_some()),
                ("path-style", entry.path_style.is_some()),
            ];
            if let Some((key, _)) = given.iter().find(|(_, given)| *given) {
                return Err(forbidden(key, "folder"));
            }
            let path = entry.path.ok_or_else(|| missing("path", "folder"))?;
            if !path.is_absolute() {
                return Err(format!("store `{name}`: `path` must be absolute, not `{}`", path.display()));
            }
            StoreKind::Folder { path }
        }
    };
    let mode = match entry.mode {
        None | Some(file::ModeName::Read) => Mode::Read,
        Some(file::ModeName::Write) => Mode::Write,
        Some(file::ModeName::ReadWrite) => Mode::ReadWrite,
    };
    Ok(StoreConfig { name, kind, mode, namespace, share_tests: entry.share_tests })
}

#[cfg(test)]
mod tests;

//! A trait per role, and what each may ask of the host.

pub mod admission;
pub mod eviction;
pub mod observer;
pub mod remote;
pub mod serving;

use crate::Fact;
use serde::de::DeserializeOwned;
use std::fmt;

/// What every policy has: a name and settings.
pub trait Policy: Sized + 'static {
    /// Short name, as it stands in reports.
    const NAME: &'static str;
    /// The policy's own version, for people; `env!("CARGO_PKG_VERSION")` will do.
    const VERSION: &'static str;
    /// Raise it when tags or memory of the older version mean something else now: the host then hands them out as 0 and empty.
    const STATE_VERSION: u32 = 0;
    /// The operator's settings; see [`settings!`](crate::settings). `()` where there are none.
    type Settings: DeserializeOwned;

    /// Called once, before anything is asked.
    fn configure(settings: Self::Settings) -> Result<Self, ConfigError>;
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The key at fault, dotted where it lies deeper; empty if no single key is.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl ConfigError {
    /// An error about one key.
    pub fn new(key: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { key: key.into(), message: message.to_string() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() { f.write_str(&self.message) } else { write!(f, "setting `{}`: {}", self.key, self.message) }
    }
}

impl std::error::Error for ConfigError {}

/// The `go` command that is being served.
pub trait Session {
    /// A fact by its key: `stream`, `command`, `module`, `goos`, `goarch`, `go-version`, `ci`; and, where [`export!`](crate::export) names
    /// the wish and the operator granted it, `branch`, `commit`, `ci-event` and `env:NAME`.
    fn fact(&self, key: &str) -> Fact;
}

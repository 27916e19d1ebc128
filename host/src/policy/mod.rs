//! Who decides. Built-in policies and the wasm adapter implement one trait, so that chain, trim and tests cannot tell them apart.

mod abstention;
mod chain;
mod complaints;
mod context;
mod link;
pub mod manifest;
mod native;
mod origins;
mod report;
mod shared;
pub mod shipped;
mod single;
mod source;
mod state;
pub mod wasm;
mod word;

pub use chain::{Chain, DEFAULT_EVICTION, Decision};
pub use context::{
    Admit, Ask, ClosePlan, Fact, FactSource, Grants, Group, GroupView, Later, NetworkView, RequestView, Serve, SessionView, SetView, Sums,
    TargetView, Trust,
};
pub use link::{Loader, check_pin};
pub use manifest::{Manifest, Wish};
pub use native::Fallback;
pub use origins::Origins;
pub use report::LinkReport;
pub use shared::SharedChain;
pub use single::{load_one, load_with};
pub use source::{Component, load_component};
pub use state::States;
pub use word::{Inputs, Word};

use crate::model::{Digest, EventColumns, TrimColumns};
use std::sync::Arc;

/// The roles that a policy has.
#[allow(clippy::struct_excessive_bools, reason = "a set, with a name for each member")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// What may stay here and what may leave.
    pub admission: bool,
    /// Whether a hit may be served.
    pub serving: bool,
    /// Who goes first.
    pub eviction: bool,
    /// Where misses are looked for.
    pub remote: bool,
    /// Learns what happened.
    pub observer: bool,
}

impl Roles {
    /// Their names, in the order of the contract.
    pub fn names(self) -> Vec<&'static str> {
        let all = [
            ("admission", self.admission),
            ("serving", self.serving),
            ("eviction", self.eviction),
            ("remote", self.remote),
            ("observer", self.observer),
        ];
        all.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
    }
}

/// Why a policy has no answer. Its name is added by whoever reports it.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It cannot be loaded: missing, malformed, another world, another version.
    #[error("{0}")]
    Unusable(String),
    /// Nobody has vouched for it.
    #[error("is in no cachewit.lock beside the configuration; look at it and say `cachewit plugin add`")]
    Unpinned,
    /// It is not the one that the operator vouched for.
    #[error("was pinned as {pinned} and is {found} now; if that is meant, say so with `cachewit plugin add`")]
    Changed {
        /// SHA-256 in the lock file.
        pinned: Digest,
        /// SHA-256 of the file.
        found: Digest,
    },
    /// Its settings are wrong.
    #[error("setting `{key}`: {message}")]
    Settings {
        /// The key at fault.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// It ran into a wall: a panic, an endless loop, more memory than it may have.
    #[error("{question}: {cause}")]
    Trap {
        /// What it was asked.
        question: &'static str,
        /// What stopped it.
        cause: String,
    },
    /// It answered something that is no answer.
    #[error("{question}: {problem}")]
    Nonsense {
        /// What it was asked.
        question: &'static str,
        /// What is wrong with the answer.
        problem: String,
    },
    /// It has failed too often, and is not asked again in this session.
    #[error("switched off: {0}")]
    Off(String),
}

/// The version of the contract that this host speaks; components of any 0.1.x are asked.
pub const CONTRACT: &str = "0.1.0";

impl PolicyError {
    /// The beginning of a sentence about this plugin.
    pub fn about(&self, plugin: &str) -> String {
        let failed = match self {
            Self::Trap { .. } | Self::Nonsense { .. } => "failed in ",
            Self::Settings { .. } => "has a wrong ",
            _ => "",
        };
        format!("plugin {plugin} {failed}{self}")
    }

    /// What is wrong with a component that exports `plugin` in this version; None = it does not.
    fn check_version(version: Option<&str>) -> Result<(), Self> {
        match version {
            Some(version) if version.starts_with("0.1.") => Ok(()),
            Some(version) => Err(Self::Unusable(format!(
                "is written for version {} of the contract, and this cachewit speaks {CONTRACT}; rebuild it with the SDK of that version",
                crate::fault::printable(version, 64)
            ))),
            None => Err(Self::no_policy()),
        }
    }

    fn no_policy() -> Self {
        Self::Unusable(format!("is a component but no policy: it does not export cachewit:policy/plugin@{CONTRACT}"))
    }
}

/// A decision maker. Every method but the first two is only called if [`Policy::roles`] has the role.
pub trait Policy: Send {
    /// As reports name it.
    fn name(&self) -> String;

    /// What it can be asked.
    fn roles(&self) -> Roles;

    /// Tags of another owner read as 0: name and state version.
    fn tag_owner(&self) -> String {
        self.name()
    }

    /// Admission: may the group stay, may it leave.
    fn admit(&mut self, group: &GroupView) -> Result<Admit, PolicyError> {
        let _ = group;
        Ok(Admit::default())
    }

    /// Serving: may this hit be served.
    fn serve(&mut self, group: &GroupView) -> Result<Serve, PolicyError> {
        let _ = group;
        Ok(Serve::NoOpinion)
    }

    /// Eviction: one score a row, the lowest go first. The answer has a score for every row and no NaN.
    fn score(&mut self, columns: &mut TrimColumns) -> Result<Vec<f64>, PolicyError> {
        Ok(vec![0.0; columns.len()])
    }

    /// Remote, at the first local miss: the numbers of the sets to load. None = pass.
    fn open(&mut self, network: &NetworkView) -> Result<Option<Vec<u32>>, PolicyError> {
        let _ = network;
        Ok(None)
    }

    /// Remote, at a miss: whom to ask, in which order. None = pass.
    fn route(&mut self, network: &NetworkView, request: RequestView) -> Result<Option<Vec<Ask>>, PolicyError> {
        let _ = (network, request);
        Ok(None)
    }

    /// Remote, at the end: what to publish and where to share. None = pass.
    fn close(&mut self, network: &NetworkView) -> Result<Option<ClosePlan>, PolicyError> {
        let _ = network;
        Ok(None)
    }

    /// Observer: what happened.
    fn observe(&mut self, events: &Arc<EventColumns>) -> Result<(), PolicyError> {
        let _ = events;
        Ok(())
    }
}

//! What a policy may ask about, and what it can answer.

use super::manifest::Wish;
use crate::model::{Digest, Facts, Kind, Origin, UnixNanos};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

pub use cachewit_guest::{Admit, Fact, Serve};

/// How far an entry's origin is trusted. The codes are the contract's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Not known.
    #[default]
    Unknown = 0,
    /// Made on this machine.
    Local = 1,
    /// The bytes hash to their name, the mapping is the remote's word.
    Hashed = 2,
}

/// Reads what an archive says of itself; only asked for by policies that want to know.
pub trait FactSource: Send + Sync {
    /// The facts; None if the object could not be read.
    fn facts(&self, output: Digest) -> Option<Facts>;
}

/// A group: an action with its companions.
pub struct Group {
    /// The head's action.
    pub action: Digest,
    /// The head's output.
    pub output: Digest,
    /// What the head is.
    pub kind: Kind,
    /// Where it came from.
    pub origin: Origin,
    /// When it was last put.
    pub put: UnixNanos,
    /// What takes a look at all of its members.
    pub sums: Later<Sums>,
    /// Where facts are read.
    pub facts: Arc<dyn FactSource>,
}

/// What is added up over a group's members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// Bytes of all its objects.
    pub size: u64,
    /// Bytes of those that no other group needs.
    pub own_size: u64,
    /// Actions, the head included.
    pub members: u32,
    /// What making it took; None = never observed.
    pub cost: Option<Duration>,
}

impl Group {
    /// How far it is trusted.
    pub fn trust(&self) -> Trust {
        match self.origin {
            Origin::Local | Origin::Native => Trust::Local,
            Origin::Remote => Trust::Hashed,
            Origin::Unknown => Trust::Unknown,
        }
    }

    /// A fact by the contract's key.
    pub fn fact(&self, key: &str) -> Fact {
        if !["import-path", "toolchain", "goos", "goarch", "experiments"].contains(&key) {
            return Fact::Unknown;
        }
        if self.kind != Kind::Archive {
            return Fact::Absent;
        }
        let Some(facts) = self.facts.facts(self.output) else { return Fact::Unknown };
        let value = match key {
            "import-path" => facts.import_path,
            "toolchain" => facts.toolchain,
            "goos" => facts.goos,
            "goarch" => facts.goarch,
            _ => facts.experiments,
        };
        value.map_or(Fact::Unknown, Fact::Known)
    }
}

/// What is read when the first question about it comes: a hit is served in microseconds, and most policies look at a part of it.
pub struct Later<T>(Inner<T>);

enum Inner<T> {
    /// Nothing is to be read, and nothing was allocated for it.
    Known(T),
    Read(LazyLock<T, Box<dyn FnOnce() -> T + Send>>),
}

impl<T: Send + 'static> Later<T> {
    /// What is known.
    pub fn of(value: T) -> Self {
        Self(Inner::Known(value))
    }

    /// What `read` reads.
    pub fn new(read: impl FnOnce() -> T + Send + 'static) -> Self {
        Self(Inner::Read(LazyLock::new(Box::new(read))))
    }
}

impl<T> std::ops::Deref for Later<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Inner::Known(value) => value,
            Inner::Read(lazy) => lazy,
        }
    }
}

/// The group that is being asked about.
#[derive(Clone)]
pub struct GroupView(Arc<Later<Group>>);

impl GroupView {
    /// A group that is known.
    pub fn of(group: Group) -> Self {
        Self(Arc::new(Later::of(group)))
    }

    /// A group that `read` reads.
    pub fn later(read: impl FnOnce() -> Group + Send + 'static) -> Self {
        Self(Arc::new(Later::new(read)))
    }
}

impl std::ops::Deref for GroupView {
    type Target = Group;

    fn deref(&self) -> &Group {
        &self.0
    }
}

impl fmt::Debug for GroupView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupView")
    }
}

/// The `go` command that is served: facts by the contract's keys.
#[derive(Clone, Debug, Default)]
pub struct SessionView(pub BTreeMap<&'static str, String>);

impl SessionView {
    /// The keys that every policy may ask for.
    pub const KEYS: [&'static str; 7] = ["stream", "command", "module", "goos", "goarch", "go-version", "ci"];

    /// A fact by the contract's key, whoever asks.
    pub fn fact(&self, key: &str) -> Fact {
        self.0.get(key).map_or(Fact::Absent, |text| Fact::Known(text.clone()))
    }

    /// A fact as a policy with these grants gets it. None = there is no such key for it.
    pub fn fact_for(&self, grants: &Grants, key: &str) -> Option<Fact> {
        if Self::KEYS.contains(&key) || grants.facts.contains(key) {
            return Some(self.fact(key));
        }
        let variable = grants.variables.get(key.strip_prefix("env:")?)?;
        Some(variable.as_ref().map_or(Fact::Absent, |value| Fact::Known(value.clone())))
    }
}

/// What an operator lets a plugin know beyond what every policy may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Facts of the session.
    pub facts: BTreeSet<String>,
    /// Environment variables with their values; None = it is not set.
    pub variables: BTreeMap<String, Option<String>>,
}

impl Grants {
    /// These wishes, with values out of this environment.
    pub fn new<'a>(wishes: impl IntoIterator<Item = &'a Wish>, environment: &BTreeMap<String, String>) -> Self {
        let mut grants = Self::default();
        for wish in wishes {
            match wish {
                Wish::Fact(name) => {
                    grants.facts.insert(name.clone());
                }
                Wish::Environment(name) => {
                    grants.variables.insert(name.clone(), environment.get(name).cloned());
                }
            }
        }
        grants
    }

    /// Whether this is among them.
    pub fn include(&self, wish: &Wish) -> bool {
        match wish {
            Wish::Fact(name) => self.facts.contains(name),
            Wish::Environment(name) => self.variables.contains_key(name),
        }
    }
}

/// A store and namespace that the operator configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetView {
    /// The operator's name for it.
    pub name: String,
    /// `s3`, `folder`.
    pub engine: String,
    /// Bit 0: may be read. Bit 1: may be written.
    pub mode: u32,
    /// 0 not asked yet, 1 good, 2 in trouble, 3 empty.
    pub health: u32,
}

/// A working set that a target's head names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetView {
    /// Its name.
    pub name: String,
    /// The stream of the session that published it.
    pub stream: String,
    /// Number of the target that holds it.
    pub target: u32,
    /// Seconds since it was published.
    pub age: u64,
    /// Actions that it names.
    pub entries: u32,
}

/// The remote side as it stands.
#[derive(Clone, Debug, Default)]
pub struct NetworkView {
    /// The targets, in the operator's order.
    pub targets: Vec<TargetView>,
    /// The sets, newest first.
    pub sets: Vec<SetView>,
}

/// A local miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestView {
    /// The action.
    pub action: Digest,
    /// Bit n: a loaded set of target n names it.
    pub named: u32,
    /// What making it is known to cost.
    pub cost: Option<Duration>,
    /// Milliseconds that the session has waited in vain.
    pub waited: u64,
}

/// A target to ask, and the longest wait for its first byte (None = the host's own).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Its number.
    pub target: u32,
    /// The longest wait.
    pub wait: Option<Duration>,
}

/// What to do when a session is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosePlan {
    /// Targets and names of sets to publish there.
    pub publish: Vec<(u32, String)>,
    /// Targets to share to.
    pub share: Vec<u32>,
}

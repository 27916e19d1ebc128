//! The simulated store: the host's index, and leases, without files.

use super::session::Session;
use crate::model::{Digest, UnixNanos};
use crate::store::trim::{Files, TrimError};
use crate::store::{AllLeases, Index, IndexError, Noted, Used};
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// See the module.
pub(super) struct Store {
    pub index: Index,
    /// What was ever put.
    pub ever: HashSet<Digest>,
    /// Whether nothing more is to go until somebody puts something, or until what was in use is not any more.
    pub settled: bool,
    /// Until when what sessions without close were handed stays.
    grace: Vec<(UnixNanos, Noted)>,
}

impl Store {
    /// An empty one.
    pub fn new() -> Result<Self, IndexError> {
        Ok(Self { index: Index::in_memory()?, ever: HashSet::new(), settled: true, grace: Vec::new() })
    }

    /// An empty one of another machine: what was ever put counts for all of them.
    pub fn of_another(self) -> Result<Self, IndexError> {
        Ok(Self { ever: self.ever, ..Self::new()? })
    }

    /// Looks an action up for a session, as the host does: what it put itself first.
    pub fn find(&self, session: &Session, action: Digest) -> Result<Option<(Digest, u64, Used)>, IndexError> {
        if let Some((output, size)) = session.fresh.get(&action).or_else(|| session.fetched.get(&action)) {
            return Ok(Some((*output, *size, Used::Action(action))));
        }
        Ok(self.index.find(action)?.map(|found| (found.output, found.size, Used::Row(found.id))))
    }

    /// A session is gone without close.
    pub fn leave(&mut self, notes: Noted, now: UnixNanos, grace: Duration) {
        let until = now.0.saturating_add(i64::try_from(grace.as_nanos()).unwrap_or(i64::MAX));
        self.grace.push((UnixNanos(until), notes));
    }

    /// What must stay while these sessions go on.
    pub fn leases(&mut self, live: &BTreeMap<usize, Session>, now: UnixNanos) -> Leases {
        self.grace.retain(|(until, _)| *until >= now);
        Leases(AllLeases {
            live: live.values().flat_map(|session| &session.notes).copied().collect(),
            grace: self.grace.iter().flat_map(|(_, notes)| notes).copied().collect(),
        })
    }
}

/// What a trim meets instead of files: leases as they stand, and objects that go when they are told to.
pub(super) struct Leases(AllLeases);

impl Files for Leases {
    fn leases(&self, _: Duration) -> Result<AllLeases, TrimError> {
        Ok(self.0.clone())
    }

    fn raise_generation(&self) -> Result<(), TrimError> {
        Ok(())
    }

    fn remove(&self, _: Digest) -> bool {
        true
    }
}

//! A session while it is replayed: what a real one keeps in memory.

use super::fleet::Client;
use crate::fault::Faults;
use crate::model::{Digest, Entry, EventColumns, EventRow};
use crate::policy::{Admit, Chain};
use crate::store::{Noted, Used};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// See the module.
pub(super) struct Session {
    /// Its policies, and what is wrong with them.
    pub chain: Chain,
    pub faults: Arc<Faults>,
    /// The label of its stream.
    pub stream: String,
    /// Whether hits have to be judged.
    pub serves: bool,
    /// Microseconds from its beginning to the request that is being replayed.
    pub now: u64,
    /// What happened; None = nobody wants to know.
    events: Option<EventColumns>,
    /// What it put, found again before anything is committed: outputs and their sizes.
    pub fresh: HashMap<Digest, (Digest, u64)>,
    /// Rows that are not committed yet.
    pub queue: Vec<Entry>,
    /// What it fetched, found again before anything is committed: outputs and their sizes.
    pub fetched: HashMap<Digest, (Digest, u64)>,
    /// What it knows of the store of its fleet.
    pub client: Client,
    /// What admission said of groups, each of which is asked about once.
    pub admitted: HashMap<Digest, Admit>,
    /// What it used, in order.
    pub used: Vec<Used>,
    /// What it asked for in vain although the store had had it before.
    pub lost: HashSet<Digest>,
    /// What it found here, and had not found when it was recorded: `go` does not put it.
    pub found: HashSet<Digest>,
    /// Heads of groups that it had found when it was recorded, and has to make here.
    pub remade: HashSet<Digest>,
    /// Heads of groups that it put.
    pub put_heads: HashSet<Digest>,
    /// What its lease holds.
    pub notes: Noted,
}

impl Session {
    /// One that begins.
    pub fn new(mut chain: Chain, faults: Arc<Faults>, stream: &str) -> Self {
        let (serves, observes) = (!chain.serves().is_empty(), chain.observes());
        Self {
            chain,
            faults,
            stream: stream.to_owned(),
            serves,
            now: 0,
            events: observes.then(EventColumns::default),
            fresh: HashMap::new(),
            queue: Vec::new(),
            fetched: HashMap::new(),
            client: Client::default(),
            admitted: HashMap::new(),
            used: Vec::new(),
            lost: HashSet::new(),
            found: HashSet::new(),
            remade: HashSet::new(),
            put_heads: HashSet::new(),
            notes: Noted::default(),
        }
    }

    /// Something happened.
    pub fn happened(&mut self, row: EventRow) {
        if let Some(events) = &mut self.events {
            events.push(row);
        }
    }

    /// Tells observers what happened.
    pub fn tell(&mut self) {
        if let Some(events) = self.events.take().filter(|events| !events.is_empty()) {
            self.chain.observe(&Arc::new(events));
        }
    }

    /// It was handed an object.
    pub fn hit(&mut self, output: Digest, used: Used) {
        self.notes.insert(output.prefix());
        self.used.push(used);
    }

    /// It put an output.
    pub fn put(&mut self, entry: Entry) {
        self.hit(entry.output, Used::Action(entry.action));
        self.fresh.insert(entry.action, (entry.output, entry.size));
        self.put_heads.insert(entry.head);
        self.queue.push(entry);
    }

    /// It fetched an output, or one came along. What it has already it keeps.
    pub fn fetch(&mut self, entry: Entry) {
        if !self.fresh.contains_key(&entry.action) && !self.fetched.contains_key(&entry.action) {
            self.notes.insert(entry.output.prefix());
            self.fetched.insert(entry.action, (entry.output, entry.size));
            self.queue.push(entry);
        }
    }

    /// Whether the store is another one than before it.
    pub fn has_grown(&self) -> bool {
        !self.put_heads.is_empty() || !self.fetched.is_empty()
    }
}

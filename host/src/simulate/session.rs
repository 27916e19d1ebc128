//! A session while it is replayed: what a real one keeps in memory.

use crate::model::{Digest, Entry};
use crate::store::{Noted, Used};
use std::collections::{HashMap, HashSet};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// What it put, found again before anything is committed: outputs and their sizes.
    pub fresh: HashMap<Digest, (Digest, u64)>,
    /// Rows that are not committed yet.
    pub queue: Vec<Entry>,
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

    /// Whether the store is another one than before it.
    pub fn has_grown(&self) -> bool {
        !self.put_heads.is_empty()
    }
}

//! Which actions belong together, and what making them cost: both can be seen from the order of requests.

use crate::model::{Digest, Entry, Kind};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What a session has seen of actions.
#[derive(Default)]
pub struct Groups {
    missed: HashMap<Digest, Instant>,
    companions: HashMap<Digest, Companion>,
    /// Puts whose head was not known when they came.
    alone: HashMap<Digest, Entry>,
}

#[derive(Clone, Copy)]
struct Companion {
    head: Digest,
    kind: Kind,
}

impl Groups {
    /// `go` was told that it must make this action itself. From now on the clock runs, and the keys of its companions are known.
    pub fn missed(&mut self, action: Digest) {
        self.missed.insert(action, Instant::now());
        self.expect_companions(action);
    }

    fn expect_companions(&mut self, head: Digest) -> [Digest; 2] {
        let keys = [(head.subkey("stdout"), Kind::Other), (head.subkey("srcfiles"), Kind::SourceList)];
        keys.map(|(key, kind)| {
            self.companions.insert(key, Companion { head, kind });
            key
        })
    }

    /// How long `go` took to make an action that it now puts.
    pub fn cost(&mut self, action: Digest) -> Option<Duration> {
        self.missed.remove(&action).map(|since| since.elapsed())
    }

    /// What was missed and never put.
    pub fn never_put(&self) -> Vec<Digest> {
        self.missed.keys().copied().collect()
    }

    /// The head of the group that an action belongs to, and the kind that follows from its place in it.
    pub fn head(&self, action: Digest) -> (Digest, Option<Kind>) {
        self.companions.get(&action).map_or((action, None), |companion| (companion.head, Some(companion.kind)))
    }

    /// An entry was put. Returns entries that came before their head, which is this one: with `go build -a` there are no misses to
    /// tell them by.
    pub fn put(&mut self, entry: &Entry) -> Vec<Entry> {
        if entry.head != entry.action {
            return Vec::new();
        }
        let keys = self.expect_companions(entry.action);
        let found = keys.iter().filter_map(|key| self.alone.remove(key));
        let linked = found.map(|companion| Entry { head: entry.action, ..companion }).collect();
        self.alone.insert(entry.action, entry.clone());
        linked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Origin, UnixNanos};

    fn entry(action: Digest, head: Digest) -> Entry {
        Entry { action, output: Digest::EMPTY, size: 0, put: UnixNanos(0), kind: Kind::Other, cost: None, head, origin: Origin::Local }
    }

    #[test]
    fn a_miss_makes_its_companions_known_and_starts_the_clock() {
        let mut groups = Groups::default();
        let head = Digest::of(b"head");
        groups.missed(head);
        assert_eq!(groups.head(head.subkey("srcfiles")), (head, Some(Kind::SourceList)));
        assert_eq!(groups.head(head.subkey("stdout")), (head, Some(Kind::Other)));
        let stranger = Digest::of(b"other");
        assert_eq!(groups.head(stranger), (stranger, None));
        assert!(groups.cost(head).is_some());
        assert_eq!(groups.cost(head), None, "one miss, one cost");
    }

    #[test]
    fn a_companion_that_came_before_its_head_is_linked_when_that_comes() {
        let mut groups = Groups::default();
        let head = Digest::of(b"head");
        let companion = head.subkey("stdout");
        assert!(groups.put(&entry(companion, companion)).is_empty());
        let linked = groups.put(&entry(head, head));
        assert_eq!(linked, [entry(companion, head)]);
    }
}

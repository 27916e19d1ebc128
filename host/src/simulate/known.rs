//! What the traces say of an action: what `go` puts when it has to make it.

use crate::model::{Digest, Kind};
use crate::trace::Event;
use std::collections::HashMap;

/// An output as it was put last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Put {
    /// SHA-256 of the body.
    pub output: Digest,
    /// Bytes of the body.
    pub size: u64,
    /// What the body is.
    pub kind: Kind,
    /// Microseconds that making it took, where that was ever observed.
    pub cost: Option<u64>,
    /// The head of its group.
    pub head: Digest,
}

/// All that was put up to a moment of the history.
#[derive(Debug, Default)]
pub struct Known {
    puts: HashMap<Digest, Put>,
    /// Members of each group, in the order in which they were first put.
    groups: HashMap<Digest, Vec<Digest>>,
}

impl Known {
    /// Something was put.
    pub fn put(&mut self, event: &Event) {
        let Some(output) = event.output else { return };
        let head = event.head.unwrap_or(event.action);
        let before = self.puts.get(&event.action);
        // As the index does: the same output again, as with `go build -a`, tells no other cost.
        let cost = event.cost.or_else(|| before.filter(|before| before.output == output)?.cost);
        self.puts.insert(event.action, Put { output, size: event.size, kind: event.kind(), cost, head });
        let members = self.groups.entry(head).or_default();
        if !members.contains(&event.action) {
            members.push(event.action);
        }
    }

    /// What is put for an action.
    pub fn get(&self, action: Digest) -> Option<Put> {
        self.puts.get(&action).copied()
    }

    /// The members of a group.
    pub fn members(&self, head: Digest) -> &[Digest] {
        self.groups.get(&head).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::What;

    #[test]
    fn the_last_put_counts_and_its_cost_stays_known_while_its_output_does() {
        let (head, companion) = (Digest::of(b"head"), Digest::of(b"companion"));
        let event = |action, output: &[u8], cost| Event {
            t: 0,
            d: 0,
            what: What::Put,
            action,
            output: Some(Digest::of(output)),
            size: output.len() as u64,
            kind: Some(1),
            cost,
            head: (action != head).then_some(head),
        };
        let mut known = Known::default();
        known.put(&event(companion, b"list", None));
        known.put(&event(head, b"one", Some(5)));
        known.put(&event(head, b"one", None));
        assert_eq!(known.get(head).map(|put| (put.cost, put.kind)), Some((Some(5), Kind::Archive)));
        known.put(&event(head, b"another", None));
        assert_eq!(known.get(head).map(|put| (put.cost, put.size)), Some((None, 7)));
        assert_eq!(known.members(head), [companion, head]);
        assert_eq!(known.get(companion).map(|put| put.head), Some(head));
        assert!(known.get(Digest::of(b"other")).is_none() && known.members(companion).is_empty());
    }
}

//! Groups, as policies are asked about them.

use super::Hit;
use crate::model::{Digest, Entry, Facts, Kind, Origin, UnixNanos};
use crate::object;
use crate::policy::{FactSource, Group, GroupView, Later, Sums};
use crate::store::{GroupRow, MemberRow};
use std::fs::File;
use std::io::{BufReader, Read};
use std::sync::Arc;

/// A group of the index.
pub fn group_view(row: &GroupRow, facts: Arc<dyn FactSource>) -> GroupView {
    let head = row.head();
    GroupView::of(Group {
        action: head.action,
        output: head.output,
        kind: head.kind,
        origin: head.origin,
        put: head.put,
        sums: Later::of(sums(row)),
        facts,
    })
}

/// What has just been fetched: the index may know nothing of the rest of its group.
pub fn fetched_view(entry: &Entry, facts: Arc<dyn FactSource>) -> GroupView {
    GroupView::of(fetched_group(entry, facts))
}

/// See [`fetched_view`].
pub(super) fn fetched_group(entry: &Entry, facts: Arc<dyn FactSource>) -> Group {
    Group {
        action: entry.head,
        output: entry.output,
        kind: entry.kind,
        origin: Origin::Remote,
        put: entry.put,
        sums: Later::of(Sums { size: entry.size, own_size: entry.size, members: 1, cost: entry.cost }),
        facts,
    }
}

/// The group of a hit by its head, and where the hit came from; the rest of it is read with `group` should a policy ask.
pub(super) fn stored_group(
    head: MemberRow,
    hit: Origin,
    group: impl FnOnce(Digest) -> Option<GroupRow> + Send + 'static,
    facts: Arc<dyn FactSource>,
) -> Group {
    let origin = origin_of(&head, hit);
    let alone = Sums { size: head.size, own_size: head.size, members: 1, cost: head.cost };
    let sums = Later::new(move || group(head.action).as_ref().map_or(alone, sums));
    Group { action: head.action, output: head.output, kind: head.kind, origin, put: head.put, sums, facts }
}

/// Where the group of a hit comes from: one that was made here may have lost a companion, and that came from elsewhere.
pub(super) fn origin_of(head: &MemberRow, hit: Origin) -> Origin {
    if hit == Origin::Remote { Origin::Remote } else { head.origin }
}

fn sums(row: &GroupRow) -> Sums {
    // Nearly always the same: what groups share is the empty body and tiny lists.
    let size = row.size();
    Sums { size, own_size: size, members: row.members.len() as u32, cost: row.cost() }
}

/// What is known of a hit by itself.
#[derive(Clone, Copy)]
pub(super) struct Alone {
    pub action: Digest,
    pub output: Digest,
    pub size: u64,
    pub put: UnixNanos,
    pub origin: Origin,
}

impl Alone {
    pub fn of(action: Digest, hit: &Hit) -> Self {
        Self { action, output: hit.output, size: hit.size, put: hit.put, origin: hit.origin }
    }

    /// A group of one, for what the index does not know, such as what lies in Go's own cache.
    pub fn group(self, path: String) -> Group {
        let Self { action, output, size, put, origin } = self;
        let sums = Later::of(Sums { size, own_size: size, members: 1, cost: None });
        Group { action, output, kind: sniff(&path), origin, put, sums, facts: Arc::new(FileFacts(path)) }
    }
}

fn sniff(path: &str) -> Kind {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(super::HEAD as u64).read_to_end(&mut head));
    read.map_or(Kind::Unknown, |_| object::sniff(&head))
}

/// Reads facts out of one file.
pub(super) struct FileFacts(pub String);

impl FactSource for FileFacts {
    fn facts(&self, _output: Digest) -> Option<Facts> {
        Some(object::read_facts(&mut BufReader::new(File::open(&self.0).ok()?)))
    }
}

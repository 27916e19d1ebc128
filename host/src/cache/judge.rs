//! Serving: whether a hit may be served that this session did not put itself.

use super::archive::ArchiveFacts;
use super::{Hit, Shelf};
use crate::model::{Digest, Entry, Facts, Kind, Origin};
use crate::object;
use crate::policy::{Chain, FactSource, Group, GroupView};
use crate::store::{GroupRow, Used};
use std::fs::File;
use std::io::{BufReader, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

/// Asks the chain, if anybody in it has a say.
pub(super) struct Judge {
    chain: Arc<Mutex<Chain>>,
    sources: Arc<Sources>,
    /// Whether anybody may have a say, which shows when it is asked for.
    serves: AtomicBool,
    awaited: Once,
}

/// Where the answers to what a policy asks come from: one count to raise a hit, and not two.
struct Sources {
    shelf: Arc<Shelf>,
    facts: Arc<ArchiveFacts>,
}

/// Where a hit came from, as far as it is not in the index.
pub(super) enum Found<'a> {
    /// In the store.
    Here,
    /// In Go's own cache directory.
    Native,
    /// It has just arrived.
    Fetched(&'a Entry),
}

impl Judge {
    pub fn new(chain: Arc<Mutex<Chain>>, shelf: Arc<Shelf>) -> Self {
        let facts = Arc::new(ArchiveFacts::new(shelf.clone()));
        Self { chain, sources: Arc::new(Sources { shelf, facts }), serves: AtomicBool::new(true), awaited: Once::new() }
    }

    /// Whether it may be served.
    pub fn lets_pass(&self, action: Digest, hit: &Hit, found: &Found<'_>) -> bool {
        if hit.own || !self.serves.load(Ordering::Relaxed) {
            return true;
        }
        let view = self.view(action, hit, found);
        let mut chain = self.chain();
        let passes = chain.serve(&view);
        self.serves.store(chain.serves(), Ordering::Relaxed);
        passes
    }

    /// Waits until everybody is there whose word is needed. A body that is on its way would not wait for a compiler.
    pub fn await_required(&self) {
        self.awaited.call_once(|| self.chain().await_required());
    }

    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The group of a hit, which is looked for when a policy asks the first thing about it.
    fn view(&self, action: Digest, hit: &Hit, found: &Found<'_>) -> GroupView {
        let Hit { output, size, put, used, .. } = *hit;
        // Where a row of the index has its object follows from its output, should anybody ask.
        let path = (!matches!(used, Used::Row(_))).then(|| hit.path.clone());
        let (alone, origin) = match found {
            Found::Here => (None, Origin::Unknown),
            Found::Native => (None, Origin::Native),
            Found::Fetched(entry) => (Some((*entry).clone()), entry.origin),
        };
        let sources = self.sources.clone();
        GroupView::later(move || {
            let Sources { shelf, facts } = &*sources;
            let row = || {
                let head = *shelf.with_index(|index| index.heads(&[used]))?.first()?;
                shelf.with_index(|index| index.group(head)).flatten()
            };
            if let Some(row) = row() {
                return group_of(&row, facts.clone());
            }
            let path = path.unwrap_or_else(|| shelf.layout().object(output));
            match &alone {
                Some(entry) => fetched_group(entry, Arc::new(FileFacts(path))),
                None => group_of_one(action, &Hit { output, size, put, path, used, own: false }, origin),
            }
        })
    }
}

/// A group of the index, as policies are asked about it.
pub fn group_view(row: &GroupRow, facts: Arc<dyn FactSource>) -> GroupView {
    GroupView::of(group_of(row, facts))
}

/// What has just been fetched, as policies are asked about it: the index may know nothing of the rest of its group.
pub fn fetched_view(entry: &Entry, facts: Arc<dyn FactSource>) -> GroupView {
    GroupView::of(fetched_group(entry, facts))
}

fn fetched_group(entry: &Entry, facts: Arc<dyn FactSource>) -> Group {
    Group {
        action: entry.head,
        output: entry.output,
        kind: entry.kind,
        size: entry.size,
        own_size: entry.size,
        members: 1,
        cost: entry.cost,
        origin: Origin::Remote,
        put: entry.put,
        facts,
    }
}

fn group_of(row: &GroupRow, facts: Arc<dyn FactSource>) -> Group {
    let head = row.head();
    Group {
        action: head.action,
        output: head.output,
        kind: head.kind,
        size: row.size(),
        // Nearly always the same: what groups share is the empty body and tiny lists.
        own_size: row.size(),
        members: row.members.len() as u32,
        cost: row.cost(),
        origin: head.origin,
        put: head.put,
        facts,
    }
}

/// What the index does not know, such as what lies in Go's own cache.
fn group_of_one(action: Digest, hit: &Hit, origin: Origin) -> Group {
    Group {
        action,
        output: hit.output,
        kind: sniff(&hit.path),
        size: hit.size,
        own_size: hit.size,
        members: 1,
        cost: None,
        origin,
        put: hit.put,
        facts: Arc::new(FileFacts(hit.path.clone())),
    }
}

fn sniff(path: &str) -> Kind {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(super::HEAD as u64).read_to_end(&mut head));
    read.map_or(Kind::Unknown, |_| object::sniff(&head))
}

/// Reads facts out of one file.
struct FileFacts(String);

impl FactSource for FileFacts {
    fn facts(&self, _output: Digest) -> Option<Facts> {
        Some(object::read_facts(&mut BufReader::new(File::open(&self.0).ok()?)))
    }
}

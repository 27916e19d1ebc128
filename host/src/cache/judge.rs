//! Serving: whether a hit may be served that this session did not put itself.

use super::archive::ArchiveFacts;
use super::group_views::{Alone, FileFacts, fetched_group, stored_group};
use super::{Hit, Shelf, Verdict};
use crate::model::{Digest, Entry, Origin};
use crate::policy::{Chain, GroupView, Origins, SharedChain};
use crate::store::Used;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, MutexGuard, Once};

/// Asks the chain, if anybody in it has a say.
pub(super) struct Judge {
    chain: Arc<SharedChain>,
    sources: Arc<Sources>,
    /// Where hits come from about which anybody may have a say, which shows when they are asked: bits of [`Origins`].
    serves: AtomicU8,
    /// Whether the session has asked for all that it wants.
    over: AtomicBool,
    awaited: Once,
}

/// Where the answers to what a policy asks come from: one count to raise a hit, and not two.
struct Sources {
    shelf: Arc<Shelf>,
    facts: Arc<ArchiveFacts>,
}

impl Judge {
    pub fn new(chain: Arc<SharedChain>, shelf: Arc<Shelf>) -> Self {
        let facts = Arc::new(ArchiveFacts::new(shelf.clone()));
        let sources = Arc::new(Sources { shelf, facts });
        let serves = if chain.lock().is_empty() { Origins::default() } else { Origins::ALL };
        Self { chain, sources, serves: serves.bits().into(), over: AtomicBool::new(false), awaited: Once::new() }
    }

    /// Whether it may be served. What has just arrived comes with what its store says of it.
    pub fn lets_pass(&self, action: Digest, hit: &Hit, fetched: Option<&Entry>) -> bool {
        match hit.verdict {
            Verdict::Passes => true,
            Verdict::Refused => false,
            Verdict::Open => !self.may_ask_about(hit, fetched) || self.passes(&self.view(action, hit, fetched)),
        }
    }

    /// What the chain says of a group before `go` asks. None where somebody has no word yet because he is still being compiled: when `go` asks
    /// he may have one.
    pub fn judge(&self, group: &GroupView) -> Option<Verdict> {
        match self.ask(self.chain.lock_last(), group) {
            (_, false) => None,
            (true, true) => Some(Verdict::Passes),
            (false, true) => Some(Verdict::Refused),
        }
    }

    /// Where archives are read.
    pub fn facts(&self) -> Arc<ArchiveFacts> {
        self.sources.facts.clone()
    }

    /// No hit comes any more.
    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Waits until everybody is there whose word is needed. A body that is on its way would not wait for a compiler.
    pub fn await_required(&self) {
        self.awaited.call_once(|| self.chain.lock().await_required());
    }

    /// Whether anybody may have a say in a hit, and hits still come.
    pub fn is_needed(&self) -> bool {
        !self.serves().is_empty() && !self.over.load(Ordering::Relaxed)
    }

    /// Whether anybody may have a say in a group that comes from there.
    pub fn asks_about(&self, origin: Origin) -> bool {
        self.serves().has(origin)
    }

    fn serves(&self) -> Origins {
        Origins::from_bits(self.serves.load(Ordering::Relaxed))
    }

    /// Whether anybody may have a say in a hit. Where its group comes from is not looked up for that.
    fn may_ask_about(&self, hit: &Hit, fetched: Option<&Entry>) -> bool {
        let serves = self.serves();
        match hit.used {
            _ if fetched.is_some() || hit.origin == Origin::Remote => serves.has(Origin::Remote),
            Used::Row(_) => !serves.is_empty(),
            Used::Action(_) => serves.has(hit.origin),
        }
    }

    fn passes(&self, group: &GroupView) -> bool {
        self.ask(self.chain.lock(), group).0
    }

    /// Whether the chain lets it pass, and whether everybody in it was there to say so.
    fn ask(&self, mut chain: MutexGuard<'_, Chain>, group: &GroupView) -> (bool, bool) {
        let passes = chain.serve(group);
        self.serves.store(chain.serves().bits(), Ordering::Relaxed);
        (passes, !chain.is_compiling())
    }

    /// The group of a hit, which is looked for when a policy asks the first thing about it.
    fn view(&self, action: Digest, hit: &Hit, fetched: Option<&Entry>) -> GroupView {
        if let Some(entry) = fetched {
            // Whatever the index knows of the action is about what was here before.
            let (entry, path) = (entry.clone(), hit.path.clone());
            return GroupView::later(move || fetched_group(&entry, Arc::new(FileFacts(path))));
        }
        let alone = Alone::of(action, hit);
        let Used::Row(_) = hit.used else {
            let path = hit.path.clone();
            return GroupView::later(move || alone.group(path));
        };
        let (used, sources) = (hit.used, self.sources.clone());
        GroupView::later(move || {
            let Sources { shelf, facts } = &*sources;
            let Some(head) = shelf.with_index(|index| index.head_of(used)).flatten() else {
                return alone.group(shelf.layout().object(alone.output));
            };
            let shelf = shelf.clone();
            let group = move |head| shelf.with_index(|index| index.group(head)).flatten();
            stored_group(head, alone.origin, group, facts.clone())
        })
    }
}

//! The limits of the store: what they ask for, and the trim that keeps them. No policy can override one; a policy says what goes first.

use super::Shelf;
use crate::config::Limits;
use crate::fault::Faults;
use crate::model::{TrimColumns, TrimReason, UnixNanos};
use crate::platform;
use crate::policy::{Chain, SharedChain};
use crate::store::Index;
use crate::store::trim::{self, Goal, Scorer, TrimError, TrimReport};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// `min-free` where nobody says otherwise, or a hundredth of the file system, the smaller: enough for what `go` itself writes.
const MOST_FREE: u64 = 1 << 30;
/// How many bytes are put before the space is looked at again.
const LOOK_EVERY: u64 = 64 << 20;
/// Where the index remembers the limits that the store is within.
const LIMITS: &str = "limits";
/// How often groups that are too old are looked for at most.
const AGING_EVERY: Duration = Duration::from_secs(3600);

/// 20 GiB or a fifth of the file system, the smaller.
pub fn default_max_size(folder: &Path) -> u64 {
    const MOST: u64 = 20 << 30;
    platform::space(folder).map_or(MOST, |space| MOST.min(space.total / 5))
}

/// Runs `work` as the one process that trims; None if another does, or if it cannot be.
pub(super) fn with_trim_lock<T>(
    shelf: &Shelf,
    faults: &Faults,
    work: impl FnOnce(&trim::TrimLock, &Shelf) -> Option<Result<T, TrimError>>,
) -> Option<T> {
    let done = match trim::lock(shelf.layout()) {
        Ok(Some(lock)) => work(&lock, shelf)?,
        Ok(None) => return None,
        Err(error) => Err(error),
    };
    done.inspect_err(|error| {
        if !shelf.is_full() {
            faults.say("trim", error);
        }
    })
    .ok()
}

/// What a trim did, and who decided.
#[derive(Clone, Debug)]
pub struct TrimOutcome {
    /// What went.
    pub report: TrimReport,
    /// Who scored.
    pub by: String,
}

/// A chain as a trim asks it.
pub struct ChainScorer<'a> {
    chain: &'a mut Chain,
    /// Who scored.
    pub by: String,
}

impl<'a> ChainScorer<'a> {
    /// Nobody has scored yet.
    pub fn new(chain: &'a mut Chain) -> Self {
        Self { chain, by: String::new() }
    }
}

impl Scorer for ChainScorer<'_> {
    fn tag_owner(&mut self) -> String {
        self.chain.tag_owner()
    }

    fn score(&mut self, columns: &mut TrimColumns) -> Vec<f64> {
        let (scores, decision) = self.chain.score(columns);
        self.by = decision.by;
        scores
    }
}

/// Brings the store back within its limits where it is over them; None if there was nothing to do, or if another process does it.
pub(super) fn keep(shelf: &Shelf, chain: &mut Chain, faults: &Faults, limits: Limits) -> Option<TrimOutcome> {
    if shelf.is_read_only() {
        return None;
    }
    let Some(goal) = goal(shelf, limits) else {
        settle(shelf, &text(limits));
        return None;
    };
    let Some(mut outcome) = trim_now(shelf, chain, faults, goal) else {
        settle(shelf, "");
        return None;
    };
    // A full disk hurts more than a `go list -export` whose caller has not opened a path for minutes. What a living session was handed
    // stays even then.
    if outcome.report.short && goal.reason == TrimReason::MinFree {
        let down_to = goal.down_to;
        if let Some(more) = trim_now(shelf, chain, faults, Goal { grace: Duration::ZERO, above: down_to, ..goal }) {
            outcome.report.groups += more.report.groups;
            outcome.report.gone.extend(more.report.gone);
            outcome.report.bytes += more.report.bytes;
            outcome.report.after = more.report.after;
            outcome.report.short = more.report.short;
        }
    }
    // What is in the way is in use, and will not be for ever: the next session tries again, whether or not it puts something.
    settle(shelf, &if outcome.report.short { String::new() } else { text(limits) });
    (outcome.report.groups > 0 || outcome.report.bytes > 0).then_some(outcome)
}

/// Whether the store is known to be within these limits, as far as nobody has added to it since.
pub(super) fn is_settled(shelf: &Shelf, limits: Limits) -> bool {
    shelf.with_index(|index| index.meta(LIMITS)).flatten().as_deref() == Some(&text(limits))
}

/// Remembers what the store is within; nothing = the next session is to look.
fn settle(shelf: &Shelf, limits: &str) {
    if shelf.with_index(|index| index.meta(LIMITS)).flatten().as_deref() != Some(limits) {
        shelf.with_index(|index| index.set_meta(LIMITS, limits));
    }
}

fn text(limits: Limits) -> String {
    let Limits { max_size, min_free, max_age, grace: _ } = limits;
    format!("{max_size:?} {min_free:?} {max_age:?}")
}

/// What the limits ask for now.
fn goal(shelf: &Shelf, limits: Limits) -> Option<Goal> {
    let used = shelf.with_index(Index::bytes)?;
    let max = limits.max_size.unwrap_or_else(|| default_max_size(shelf.folder()));
    let missing = missing_space(shelf.folder(), limits.min_free);
    // Old groups are looked for a few times within the age that is too old, at most hourly.
    let aging_is_due = |age: &Duration| shelf.with_index(|index| index.is_due("aged", AGING_EVERY.min(*age / 8))).unwrap_or(false);
    let max_age = limits.max_age.filter(aging_is_due);
    goal_of(Demands { used, max, missing, max_age, grace: limits.grace, now: UnixNanos::now() })
}

/// What is known of a store that may be over its limits.
#[derive(Clone, Copy, Debug)]
pub struct Demands {
    /// Bytes of all objects, and how many there may be.
    pub used: u64,
    /// See `used`.
    pub max: u64,
    /// Bytes that the file system lacks.
    pub missing: u64,
    /// Groups that nobody used for longer are to go, if it is time to look for them.
    pub max_age: Option<Duration>,
    /// How long what a session without close handed out stays.
    pub grace: Duration,
    /// The present.
    pub now: UnixNanos,
}

/// How far a store that was over its limit goes below it: a little, or the very next put would trim again, and no further, since what goes
/// early is made again. Down to nine tenths instead, the default policy loses 1.6 times as many seconds over the histories that are kept
/// in the repository at 0.8 times the working set, and 25 times as many at 1.02 times. A trim of 100,000 groups takes a fifth of a second,
/// when `go` has ended.
pub fn below_limit(max: u64) -> u64 {
    max - max / 50
}

/// What a trim is to reach; None if there is nothing to do.
pub fn goal_of(demands: Demands) -> Option<Goal> {
    let Demands { used, max, missing, max_age, grace, now } = demands;
    let mut down_to = used;
    if used > max {
        down_to = below_limit(max);
    }
    if missing > 0 {
        down_to = down_to.min(used.saturating_sub(missing));
    }
    let reason = if missing > 0 { TrimReason::MinFree } else { TrimReason::MaxSize };
    (down_to < used || max_age.is_some()).then_some(Goal { reason, above: down_to, down_to, max_age, grace, now })
}

/// Bytes that the file system lacks to have `min_free` left for this user.
fn missing_space(folder: &Path, min_free: Option<u64>) -> u64 {
    let Some(space) = platform::space(folder) else { return 0 };
    min_free.unwrap_or_else(|| MOST_FREE.min(space.total / 100)).saturating_sub(space.free)
}

/// Watches the space on the file system while a build goes on: one that fills the disk would end with everybody's builds failing.
#[derive(Debug, Default)]
pub(super) struct SpaceWatch {
    since: AtomicU64,
    at_work: Mutex<AtWork>,
}

#[derive(Debug, Default)]
struct AtWork {
    thread: Option<JoinHandle<Option<TrimOutcome>>>,
    done: Vec<TrimOutcome>,
}

impl AtWork {
    /// Takes what the thread did, waiting for its end.
    fn join(&mut self) {
        // A thread that panicked did what it did; the index knows.
        self.done.extend(self.thread.take().and_then(|thread| thread.join().ok()).flatten());
    }
}

impl SpaceWatch {
    /// So many bytes were written. Every few of them the space is looked at, and if there is too little, a thread makes room.
    pub fn wrote(&self, bytes: u64, shelf: &Shelf, chain: &Arc<SharedChain>, faults: &Arc<Faults>, limits: Limits) {
        let total = self.since.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if total < LOOK_EVERY {
            return;
        }
        self.since.store(0, Ordering::Relaxed);
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        if missing_space(shelf.folder(), limits.min_free) == 0 || at_work.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        at_work.join();
        // A shelf of its own: it must not be in the way of the answers.
        let (layout, chain, faults) = (shelf.layout().clone(), chain.clone(), faults.clone());
        at_work.thread = Some(std::thread::spawn(move || {
            let shelf = Shelf::open(layout, faults.clone());
            keep(&shelf, &mut chain.lock(), &faults, limits)
        }));
    }

    /// Waits for a thread that makes room, and returns what all of them did.
    pub fn finish(&self) -> Vec<TrimOutcome> {
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        at_work.join();
        std::mem::take(&mut at_work.done)
    }
}

/// Trims to a goal; None if another process does, or if it cannot be.
pub fn trim_now(shelf: &Shelf, chain: &mut Chain, faults: &Faults, goal: Goal) -> Option<TrimOutcome> {
    let mut scorer = ChainScorer::new(chain);
    let report = with_trim_lock(shelf, faults, |lock, shelf| {
        shelf.with_index(|index| Ok(trim::trim(lock, shelf.layout(), index, goal, &mut scorer)))
    })?;
    Some(TrimOutcome { report, by: scorer.by })
}

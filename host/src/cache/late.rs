//! What happens behind `go`'s back, in the same process: the session's row, admission, sharing, trimming, housekeeping.

use super::archive::ArchiveFacts;
use super::{Cache, Ending, Shelf, Summary};
use crate::config::Limits;
use crate::fault::Faults;
use crate::model::{Digest, TrimColumns, TrimReason, UnixNanos};
use crate::platform;
use crate::policy::{Admit, Chain, GroupView};
use crate::store::index::{UNFOLDED, fold};
use crate::store::trim::{self, Goal, Scorer, TrimError, TrimReport};
use crate::store::{GroupRow, Index};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// How long sharing may go on behind `go`'s back. What is left then is shared by the next session that uses it.
const LATE_SHARING: Duration = Duration::from_secs(300);
/// How old a file without a row must be to be swept.
const SWEEP_AGE: Duration = Duration::from_secs(3600);
/// How often files without a row are looked for.
const SWEEP_EVERY: i64 = 24 * 3600;

/// 20 GiB or a fifth of the file system, the smaller.
pub fn default_max_size(folder: &Path) -> u64 {
    const MOST: u64 = 20 << 30;
    platform::space(folder).map_or(MOST, |space| MOST.min(space.total / 5))
}

/// Everything after the answer to close, or after the end of input.
pub(super) fn run(cache: &Cache, ending: Ending) {
    let began = Instant::now();
    let mut summary = Summary { sessions: 1, session_ms: millis(cache.began.elapsed()), ..Summary::default() };
    summary.counts = cache.book().ledger.counts.clone();
    // What was fetched fills the store as well as what was put.
    let fetched = cache.client.as_ref().is_some_and(|client| client.stats().objects > 0);
    let put_something = summary.counts.puts > 0 || fetched;
    match ending {
        Ending::Closed => cache.shelf.end_lease(),
        Ending::Vanished => cache.shelf.leave_lease(),
    }
    cache.settle();
    if !cache.shared.load(Ordering::Relaxed) {
        cache.share(LATE_SHARING);
    }
    let rejected = Admissions::new(cache).not_to_keep();
    if !rejected.is_empty() {
        let _ = with_trim_lock(&cache.shelf, &cache.faults, |lock, shelf| {
            shelf.with_index(|index| Ok(trim::let_go(lock, shelf.layout(), index, &rejected, cache.config.limits.grace)))
        });
        summary.not_kept = rejected.len() as u64;
    }
    if put_something
        && let Some(outcome) = trim_if_needed(
            &cache.shelf,
            &mut cache.chain.lock().unwrap_or_else(PoisonError::into_inner),
            &cache.faults,
            cache.config.limits,
        )
    {
        summary.evicted_groups = outcome.report.groups;
        summary.evicted_bytes = outcome.report.bytes;
        summary.evicted_by = Some(outcome.by);
    }
    summary.policies = cache.chain().reports().into_iter().map(Into::into).collect();
    cache.remote_counts(&mut summary);
    // Before the last write: the first commit into an emptied WAL syncs, and so the next session's does not.
    housekeeping(&cache.shelf, &cache.faults, cache.config.limits.grace, put_something);
    summary.faults = cache.faults.lines();
    // A session that put something has its row by now.
    let row = cache.unwritten_row();
    cache.shelf.with_index(|index| index.add_totals(&summary.totals(), row.as_ref()));
    summary.late_ms = millis(began.elapsed());
    write_summary(cache, &summary);
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// One line, appended in one write, so that sessions that end together do not mix theirs.
fn write_summary(cache: &Cache, summary: &Summary) {
    let (Some(path), Ok(mut line)) = (&cache.config.summary, serde_json::to_string(summary)) else { return };
    line.push('\n');
    let written = match &cache.summary_file {
        Some(file) => (&*file).write_all(line.as_bytes()),
        None => return,
    };
    if let Err(error) = written {
        cache.faults.say("summary", format!("cannot write the summary {}: {error}", path.display()));
    }
}

/// Opens the file of summaries. The shared lock on it, held until this session's line is written, tells whoever waits for all lines that
/// one is still to come.
pub(super) fn open_summary(path: &Path, faults: &Faults) -> Option<File> {
    let open = || -> std::io::Result<File> {
        let file = File::options().read(true).append(true).create(true).open(path)?;
        file.lock_shared()?;
        Ok(file)
    };
    open().inspect_err(|error| faults.say("summary", format!("cannot write the summary {}: {error}", path.display()))).ok()
}

/// Asks admission, each group once.
pub(super) struct Admissions<'a> {
    cache: &'a Cache,
    facts: Arc<ArchiveFacts>,
}

impl<'a> Admissions<'a> {
    pub fn new(cache: &'a Cache) -> Self {
        Self { cache, facts: Arc::new(ArchiveFacts::new(cache.shelf.clone())) }
    }

    /// What the chain says of a group.
    pub fn ask(&mut self, row: &GroupRow) -> Admit {
        let head = row.head();
        if let Some(answer) = self.cache.book().admitted.get(&head.action) {
            return *answer;
        }
        let view = GroupView {
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
            facts: self.facts.clone(),
        };
        let answer = self.cache.chain().admit(&view);
        // Sharing asks, and keeping after it.
        self.cache.book().admitted.insert(head.action, answer);
        answer
    }

    /// The heads of groups that this session put and that are not to be kept.
    fn not_to_keep(&mut self) -> Vec<Digest> {
        let heads = std::mem::take(&mut self.cache.book().ledger.put_heads);
        if self.cache.chain().is_empty() {
            return Vec::new();
        }
        let row = |head: &Digest| self.cache.shelf.with_index(|index| index.group(*head)).flatten();
        let rows: Vec<GroupRow> = heads.iter().filter_map(row).collect();
        rows.iter().filter(|row| self.ask(row).keep == Some(false)).map(|row| row.head().action).collect()
    }
}

/// Runs `work` as the one process that trims; None if another does, or if it cannot be.
fn with_trim_lock<T>(
    shelf: &Shelf,
    faults: &Faults,
    work: impl FnOnce(&trim::TrimLock, &Shelf) -> Option<Result<T, TrimError>>,
) -> Option<T> {
    let done = match trim::lock(shelf.layout()) {
        Ok(Some(lock)) => work(&lock, shelf)?,
        Ok(None) => return None,
        Err(error) => Err(error),
    };
    done.inspect_err(|error| faults.say("trim", error)).ok()
}

/// What a trim did, and who decided.
#[derive(Clone, Debug)]
pub struct TrimOutcome {
    /// What went.
    pub report: TrimReport,
    /// Who scored.
    pub by: String,
}

struct ChainScorer<'a> {
    chain: &'a mut Chain,
    by: String,
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

fn trim_if_needed(shelf: &Shelf, chain: &mut Chain, faults: &Faults, limits: Limits) -> Option<TrimOutcome> {
    let max = limits.max_size.unwrap_or_else(|| default_max_size(shelf.folder()));
    let goal = Goal { reason: TrimReason::MaxSize, above: max, down_to: max / 10 * 9, grace: limits.grace };
    let outcome = trim_now(shelf, chain, faults, goal)?;
    (outcome.report.groups > 0 || outcome.report.bytes > 0).then_some(outcome)
}

/// Trims to a goal; None if another process does, or if it cannot be.
pub fn trim_now(shelf: &Shelf, chain: &mut Chain, faults: &Faults, goal: Goal) -> Option<TrimOutcome> {
    let mut scorer = ChainScorer { chain, by: String::new() };
    let report = with_trim_lock(shelf, faults, |lock, shelf| {
        shelf.with_index(|index| Ok(trim::trim(lock, shelf.layout(), index, goal, &mut scorer)))
    })?;
    Some(TrimOutcome { report, by: scorer.by })
}

/// Folding when enough sessions have piled up, the checkpoint, and once a day a sweep for files that no row knows.
fn housekeeping(shelf: &Shelf, faults: &Faults, grace: Duration, put_something: bool) {
    let unfolded = shelf.with_index(Index::unfolded).unwrap_or(0);
    if unfolded >= UNFOLDED {
        shelf.with_index(fold);
    }
    shelf.with_index(Index::checkpoint);
    if put_something && sweep_is_due(shelf) {
        sweep_now(shelf, faults, SWEEP_AGE, grace);
    }
}

/// Removes files older than `age` that no row knows; None if another process trims. Returns how many and their bytes.
pub fn sweep_now(shelf: &Shelf, faults: &Faults, age: Duration, grace: Duration) -> Option<(u64, u64)> {
    with_trim_lock(shelf, faults, |lock, shelf| shelf.with_index(|index| Ok(trim::sweep(lock, shelf.layout(), index, age, grace))))
}

fn sweep_is_due(shelf: &Shelf) -> bool {
    let now = UnixNanos::now().seconds();
    let due = shelf.with_index(|index| {
        let last: i64 = index.meta("swept")?.and_then(|text| text.parse().ok()).unwrap_or(0);
        if now - last < SWEEP_EVERY {
            return Ok(false);
        }
        index.set_meta("swept", &now.to_string())?;
        // A store that begins has nothing to sweep.
        Ok(last != 0)
    });
    due.unwrap_or(false)
}

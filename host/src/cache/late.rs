//! What happens behind `go`'s back, in the same process: the session's row, admission, sharing, trimming, housekeeping.

use super::archive::ArchiveFacts;
use super::bounds::{self, with_trim_lock};
use super::group_views::group_view;
use super::{Cache, Ending, Shelf, Summary, observed};
use crate::fault::Faults;
use crate::model::Digest;
use crate::platform;
use crate::policy::Admit;
use crate::store::index::fold_if_many;
use crate::store::trim;
use crate::store::{self, GroupRow, Index};
use crate::trace::{self, Event, Trace};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long sharing may go on behind `go`'s back. What is left then is shared by the next session that uses it.
const LATE_SHARING: Duration = Duration::from_secs(300);
/// How long objects are hashed again after a crash of the machine; the next session goes on.
const LATE_RECHECK: Duration = Duration::from_secs(60);
/// How old a file without a row must be to be swept.
const SWEEP_AGE: Duration = Duration::from_secs(3600);
/// How often leases past their grace are.
const LEASES_EVERY: Duration = Duration::from_secs(3600);
/// How often files without a row are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Everything after the answer to close, or after the end of input.
pub(super) fn run(cache: &Cache, ending: Ending) {
    let began = Instant::now();
    let mut summary = Summary { sessions: 1, session_ms: millis(cache.began.elapsed()), ..Summary::default() };
    summary.counts = cache.book().ledger.counts.clone();
    match ending {
        Ending::Closed => cache.shelf.end_lease(),
        Ending::Vanished => cache.shelf.leave_lease(),
    }
    cache.settle(ending);
    if !cache.shared.load(Ordering::Relaxed) {
        cache.share(LATE_SHARING);
    }
    if cache.shelf.is_read_only() {
        cache.remote_counts(&mut summary);
        observed::tell(cache, &cache.book().recorder.take().0, &[]);
        summary.policies = cache.chain().reports().into_iter().map(Into::into).collect();
        (summary.faults, summary.unsaid) = (cache.faults.lines(), cache.faults.unsaid());
        summary.late_ms = millis(began.elapsed());
        write_summary(cache, &summary);
        return;
    }
    let rejected = Admissions::new(cache).not_to_keep();
    if !rejected.is_empty() {
        let _ = with_trim_lock(&cache.shelf, &cache.faults, |lock, shelf| {
            shelf.with_index(|index| Ok(trim::let_go(lock, shelf.layout(), index, &rejected, cache.config.limits.grace)))
        });
        summary.not_kept = rejected.len() as u64;
    }
    let mut trims = cache.space.finish();
    let grown = cache.shelf.has_grown();
    // A store that nobody adds to is over its limits if these have changed, or if the last trim found too much in use.
    if grown || !bounds::is_settled(&cache.shelf, cache.config.limits) {
        trims.extend(bounds::keep(&cache.shelf, &mut cache.chain(), &cache.faults, cache.config.limits));
    }
    let mut evicted = Vec::new();
    for outcome in trims {
        evicted.extend(outcome.report.gone);
        summary.evicted_groups += outcome.report.groups;
        summary.evicted_bytes += outcome.report.bytes;
        summary.evicted_by = Some(outcome.by);
    }
    let (events, left_out) = cache.book().recorder.take();
    observed::tell(cache, &events, &evicted);
    cache.chain().remember();
    summary.policies = cache.chain().reports().into_iter().map(Into::into).collect();
    cache.remote_counts(&mut summary);
    // Before the last write: the first commit into an emptied WAL syncs, and so the next session's does not.
    housekeeping(&cache.shelf, &cache.faults, cache.config.limits.grace, grown);
    (summary.faults, summary.unsaid) = (cache.faults.lines(), cache.faults.unsaid());
    // A session that put something has its row by now.
    let row = cache.unwritten_row(ending);
    cache.shelf.with_index(|index| index.add_totals(&summary.totals(), row.as_ref()));
    if cache.config.traces > 0 && !events.is_empty() {
        write_trace(cache, ending, began.duration_since(cache.began), events, left_out);
    }
    summary.late_ms = millis(began.elapsed());
    write_summary(cache, &summary);
}

/// What the session did, request by request. That it cannot be written costs nothing but the trace.
fn write_trace(cache: &Cache, ending: Ending, wall: Duration, events: Vec<Event>, left_out: u64) {
    let mut facts: BTreeMap<String, String> = cache.view.0.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    facts.extend(cache.joined.get().map(|label| ("stream".to_owned(), label.clone())));
    let header = trace::Header {
        trace: trace::VERSION,
        cachewit: env!("CARGO_PKG_VERSION").to_owned(),
        began_ns: cache.began_at.0,
        wall_us: u64::try_from(wall.as_micros()).unwrap_or(u64::MAX),
        closed: ending == Ending::Closed,
        left_out,
        facts,
        history: None,
    };
    let folder = cache.shelf.layout().traces_dir();
    if let Err(error) = trace::write(&folder, &Trace { header, events }, cache.config.traces)
        // That the store cannot be used, or takes no more, was said.
        && cache.shelf.is_usable()
        && !cache.shelf.is_full()
    {
        cache.faults.say("trace", error);
    }
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
        let answer = self.cache.chain().admit(&group_view(row, self.facts.clone()));
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

/// Folding when enough sessions have piled up, the checkpoint, and once a day a sweep for files that no row knows.
fn housekeeping(shelf: &Shelf, faults: &Faults, grace: Duration, grown: bool) {
    shelf.with_index(fold_if_many);
    if let Some(Err(error)) = shelf.with_index(|index| Ok(trim::finish_left_over(shelf.layout(), index, grace)))
        && !shelf.is_full()
    {
        faults.say("trim", error);
    }
    if grown {
        make_durable(shelf, faults);
    }
    recheck(shelf, faults);
    shelf.with_index(Index::checkpoint);
    let is_due = |name, every| shelf.with_index(|index| index.is_due(name, every)).unwrap_or(false);
    if is_due("leases-swept", LEASES_EVERY) {
        let _ = store::sweep_leases(shelf.layout(), grace);
        store::remove_unused_formats(shelf.layout());
    }
    if grown && is_due("swept", SWEEP_EVERY) {
        sweep_now(shelf, faults, SWEEP_AGE, grace);
    }
}

/// Brings what was written to the disk, at most every few minutes.
fn make_durable(shelf: &Shelf, faults: &Faults) {
    let synced = shelf.with_index(|index| index.make_durable(|| platform::sync_file_system(shelf.folder())));
    if synced == Some(false) {
        let folder = shelf.folder().display();
        faults.say("sync", format!("the file system of {folder} cannot be synced; after a power cut its objects are hashed again"));
    }
}

/// Hashes what an earlier run of the machine wrote and may not have brought to the disk, so that no build has to.
fn recheck(shelf: &Shelf, faults: &Faults) {
    let suspects = shelf.suspects();
    if suspects.is_empty() {
        return;
    }
    let until = Instant::now() + LATE_RECHECK;
    let report = with_trim_lock(shelf, faults, |lock, shelf| {
        shelf.with_index(|index| Ok(store::recheck(lock, shelf.layout(), index, &suspects, until)))
    });
    if let Some(damaged) = report.map(|report| report.damaged.len()).filter(|damaged| *damaged > 0) {
        faults.say("power", format!("the machine went down before {damaged} objects had reached the disk; they are made anew"));
    }
}

/// Removes files older than `age` that no row knows; None if another process trims. Returns how many and their bytes.
pub fn sweep_now(shelf: &Shelf, faults: &Faults, age: Duration, grace: Duration) -> Option<(u64, u64)> {
    with_trim_lock(shelf, faults, |lock, shelf| shelf.with_index(|index| Ok(trim::sweep(lock, shelf.layout(), index, age, grace))))
}

//! What the last session of this stream used, looked up before it is asked for.
//!
//! A warm build asks for what the one before it asked for, and `go` waits for every answer. While `go` still reads its packages, a thread
//! does for the whole working set what a lookup does: row, note in the lease, look whether it is doomed, look at the file, have it judged. What
//! a lease holds stays for as long as the session lives, so the answer may wait in memory until it is asked for.

use super::ahead::{Ahead, Unjudged};
use super::judge::Judge;
use super::shelf::Inner;
use super::{Hit, Verdict};
use crate::fault::Faults;
use crate::model::Digest;
use crate::platform::Folder;
use crate::store::{EntryRow, Found, Index, Layout, MemberRow};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// A smaller working set is not worth a thread and a connection: `go list` and `go env` wait for their start and hardly for lookups.
const WORTH_A_THREAD: usize = 64;
/// Nobody's build asks for more within [`KEPT`].
const MOST: usize = 50_000;
/// Looked up at a time. Who asks meanwhile waits for half of that at most.
const BATCH: usize = 32;
/// How long an answer waits for its question. What another session puts under the same action, and what somebody removes by hand, is seen
/// this much later.
const KEPT: Duration = Duration::from_secs(2);

/// Answers that wait for their questions.
#[derive(Default)]
pub(super) struct Recalled {
    hits: HashMap<Digest, (Instant, Hit)>,
    /// Nothing is asked any more, so nothing is to be noted either.
    over: bool,
}

impl Recalled {
    /// The answer to a question, which is asked once: a second time is looked up.
    pub fn take(&mut self, action: Digest) -> Option<Hit> {
        let (looked_up, hit) = self.hits.remove(&action)?;
        (looked_up.elapsed() < KEPT).then_some(hit)
    }

    /// Whether it waits for its question, and for somebody who judges it.
    fn is_open(&self, action: Digest) -> bool {
        self.hits.get(&action).is_some_and(|(_, hit)| hit.verdict == Verdict::Open)
    }

    /// Notes whether it may be served, unless it was asked for meanwhile.
    fn note(&mut self, action: Digest, verdict: Verdict) {
        if let Some((_, hit)) = self.hits.get_mut(&action) {
            hit.verdict = verdict;
        }
    }

    /// Forgets what was put meanwhile.
    pub fn forget(&mut self, action: Digest) {
        self.hits.remove(&action);
    }

    /// No question comes any more.
    pub fn end(&mut self) {
        self.over = true;
        self.hits.clear();
    }
}

/// The rows that are looked up, of those that the last session used: none if they are too few.
pub fn worth_it(mut ids: Vec<i64>) -> Vec<i64> {
    ids.truncate(if ids.len() < WORTH_A_THREAD { 0 } else { MOST });
    ids
}

/// Looks `ids` up on a thread of its own, which ends with the session. That it cannot be started costs nothing but time.
pub(super) fn begin(ids: Vec<i64>, layout: Layout, faults: Arc<Faults>, inner: Weak<Mutex<Inner>>, judge: Arc<Judge>) {
    let ids = worth_it(ids);
    if ids.is_empty() {
        return;
    }
    let _ = std::thread::Builder::new().name("working set".to_owned()).spawn(move || look_up(&ids, &layout, &faults, &inner, &judge));
}

fn look_up(ids: &[i64], layout: &Layout, faults: &Faults, shared: &Weak<Mutex<Inner>>, judge: &Judge) -> Option<()> {
    // A connection of its own, so that lookups of others go on beside it.
    let index = Index::open(&layout.index()).ok()?;
    let objects = Folder::open(&layout.objects_dir())?;
    let mut open = Unjudged::default();
    for ids in ids.chunks(BATCH) {
        let found = index.find_rows(ids).ok()?;
        // Before the lease is noted, so that the time is never said to be later than it was.
        let now = Instant::now();
        let held: Vec<EntryRow> = {
            let inner = shared.upgrade()?;
            let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
            if inner.recalled.over {
                return None;
            }
            found.into_iter().filter(|row| !inner.is_unsafe(row.entry.output, layout, faults)).collect()
        };
        let mut hits: Vec<(Digest, Hit)> = Vec::with_capacity(held.len());
        for row in held {
            let MemberRow { id, action, output, size, put, origin, .. } = row.entry;
            let path = layout.object(output);
            if objects.size_of_file(layout.name_of_object(&path)) == Some(size) {
                hits.push((action, Hit::found(&Found { id, output, size, put, origin }, path)));
                if judge.is_needed() {
                    open.add(row);
                }
            }
        }
        let inner = shared.upgrade()?;
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        for (action, hit) in hits {
            if !inner.has_put(action) && !inner.recalled.over {
                inner.recalled.hits.insert(action, (now, hit));
            }
        }
    }
    // Behind all lookups, which wait for no policy.
    have_judged(open, index, shared, judge)
}

/// Has judged what still waits for its question.
fn have_judged(open: Unjudged, index: Index, shared: &Weak<Mutex<Inner>>, judge: &Judge) -> Option<()> {
    let (mut ahead, rows) = Ahead::new(judge, index, open);
    for rows in rows.chunks(BATCH) {
        let open: Vec<(Digest, u32)> = {
            let inner = shared.upgrade()?;
            let inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
            rows.iter().copied().filter(|(action, _)| inner.recalled.is_open(*action)).collect()
        };
        let mut verdicts = Vec::with_capacity(open.len());
        for (action, group) in open {
            if !judge.is_needed() {
                return None;
            }
            verdicts.extend(ahead.judge(group).map(|verdict| (action, verdict)));
        }
        let inner = shared.upgrade()?;
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        for (action, verdict) in verdicts {
            inner.recalled.note(action, verdict);
        }
    }
    Some(())
}

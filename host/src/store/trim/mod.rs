//! Shrinking the store: one process at a time, groups and not entries, and nothing that anybody was handed.
//!
//! Two phases, so that scoring holds no lock: read everything and decide; then, in one transaction, delete the rows that are still as
//! they were and doom the objects that nothing refers to any more. Only after that are the leases read, and what nobody noted is
//! unlinked. A trim that dies leaves its list in the index, and the next one carries on.

mod files;
mod plan;

pub use files::{Files, OnDisk};
pub use plan::Victims;

use super::lease::{self, ReadersLock};
use super::{Index, IndexError, Layout, index};
use crate::model::{Digest, Kind, TrimColumns, TrimReason, UnixNanos};
use rusqlite::params;
use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::io;
use std::time::{Duration, Instant};

/// What a trim is to reach.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// Why it happens.
    pub reason: TrimReason,
    /// Bytes from which on it acts.
    pub above: u64,
    /// Bytes that it goes down to.
    pub down_to: u64,
    /// Groups that nobody used for longer go first, and whether or not there is room.
    pub max_age: Option<Duration>,
    /// How long what a session without close handed out stays.
    pub grace: Duration,
    /// The present, from which ages are counted.
    pub now: UnixNanos,
}

/// What a trim did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrimReport {
    /// Bytes in the store before and after.
    pub before: u64,
    /// See `before`.
    pub after: u64,
    /// Groups whose rows went.
    pub groups: u64,
    /// Heads of these groups, in the order in which they went.
    pub heads: Vec<Digest>,
    /// Bytes and kind of each of them.
    pub gone: Vec<(u64, Kind)>,
    /// Bytes of the files that went.
    pub bytes: u64,
    /// Whether the goal was out of reach, since what remains is in use.
    pub short: bool,
    /// What scoring took, and all of the decision with it: from reading the index to the removal of rows.
    pub scored_in: Duration,
    /// See `scored_in`.
    pub decided_in: Duration,
}

/// What can stop a trim.
#[derive(Debug, thiserror::Error)]
pub enum TrimError {
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The leases, or the lock.
    #[error("cannot trim the store in {path}: {source}")]
    Io {
        /// Where.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Who decides: scores the rows, the lowest go first, and may set tags.
pub trait Scorer {
    /// Tags of another owner read as 0.
    fn tag_owner(&mut self) -> String;
    /// One score a row; any order of floats, no NaN.
    fn score(&mut self, columns: &mut TrimColumns) -> Vec<f64>;
}

/// Holds the trim lock while it lives, and keeps sessions out that can take no lease.
#[derive(Debug)]
pub struct TrimLock {
    _alone: File,
    _no_readers: ReadersLock,
}

/// Takes the trim lock; None if another process trims, which will do, or if one reads the store that can take no lease.
pub fn lock(layout: &Layout) -> Result<Option<TrimLock>, TrimError> {
    let path = layout.trim_lock();
    let take = || -> io::Result<Option<TrimLock>> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(ReadersLock::take_alone(layout)?.map(|no_readers| TrimLock { _alone: file, _no_readers: no_readers })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    };
    take().map_err(|source| TrimError::Io { path: path.clone(), source })
}

/// Trims if the store is above the goal.
pub fn trim(_lock: &TrimLock, layout: &Layout, index: &Index, goal: Goal, scorer: &mut dyn Scorer) -> Result<TrimReport, TrimError> {
    trim_with(&OnDisk(layout), index, goal, scorer)
}

/// The same where the files may be anywhere: whoever calls it sees to it that nobody else trims.
pub fn trim_with(files: &dyn Files, index: &Index, goal: Goal, scorer: &mut dyn Scorer) -> Result<TrimReport, TrimError> {
    finish(files, index, goal.grace)?;
    let before = index.bytes()?;
    if before <= goal.above && goal.down_to > 0 && goal.max_age.is_none() {
        return Ok(TrimReport { before, after: before, ..TrimReport::default() });
    }
    let began = Instant::now();
    index::fold(index)?;
    let leases = files.leases(goal.grace)?;
    // Asked once: a policy that breaks over its rows still owns the words that they had before.
    let tag_owner = scorer.tag_owner();
    let mut plan = plan::Plan::read(index, goal, before, &leases, &tag_owner)?;
    let asked = Instant::now();
    let scores = scorer.score(&mut plan.columns);
    let scored_in = asked.elapsed();
    let victims = plan.choose(&scores, goal.max_age);
    commit(index, &plan, &victims, &tag_owner)?;
    let decided_in = began.elapsed();
    let bytes = finish(files, index, goal.grace)?;
    let short = victims.freed < plan.columns.wanted;
    Ok(TrimReport {
        before,
        after: before.saturating_sub(bytes),
        groups: victims.groups.len() as u64,
        heads: victims.groups.iter().map(|group| plan.head(*group)).collect(),
        gone: victims.groups.iter().map(|group| (plan.columns.sizes[*group], plan.columns.kinds[*group])).collect(),
        bytes,
        short,
        scored_in,
        decided_in,
    })
}

/// Lets the groups with these heads go, as far as nobody was handed them: what a policy does not want kept. Returns the bytes of the files that went.
pub fn let_go(_lock: &TrimLock, layout: &Layout, index: &Index, heads: &[Digest], grace: Duration) -> Result<u64, TrimError> {
    let_go_with(&OnDisk(layout), index, heads, grace)
}

/// The same where the files may be anywhere, as [`trim_with`].
pub fn let_go_with(files: &dyn Files, index: &Index, heads: &[Digest], grace: Duration) -> Result<u64, TrimError> {
    let leases = files.leases(grace)?;
    // Nobody scores it, so no age counts.
    let goal = Goal { reason: TrimReason::Asked, above: 0, down_to: 0, max_age: None, grace, now: UnixNanos(0) };
    let plan = plan::Plan::read(index, goal, 0, &leases, "")?;
    commit(index, &plan, &plan.with_heads(&heads.iter().copied().collect()), "")?;
    finish(files, index, grace)
}

/// Deletes the victims' rows that are still as they were read, and dooms the objects that nothing refers to after that.
fn commit(index: &Index, plan: &plan::Plan, victims: &Victims, tag_owner: &str) -> Result<(), IndexError> {
    let work = || -> rusqlite::Result<()> {
        let transaction = rusqlite::Transaction::new_unchecked(index.connection(), rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut delete = transaction.prepare("DELETE FROM entry WHERE id = ?1 AND output = ?2 AND put_ns = ?3")?;
            let mut forget = transaction.prepare("DELETE FROM last_run WHERE entry = ?1")?;
            for row in victims.groups.iter().flat_map(|group| plan.rows(*group)) {
                if delete.execute(params![row.id, row.output.0.as_slice(), row.put_ns])? > 0 {
                    forget.execute(params![row.id])?;
                }
            }
            let referred = referred(&transaction, &victims.objects)?;
            let mut doom = transaction.prepare("INSERT INTO doomed (output) VALUES (?1) ON CONFLICT DO NOTHING")?;
            // The file of empty bodies is shared by all, and costs nothing.
            for output in victims.objects.iter().filter(|output| **output != Digest::EMPTY && !referred.contains(output)) {
                doom.execute(params![output.0.as_slice()])?;
            }
            if !tag_owner.is_empty() {
                plan.write_tags(&transaction, tag_owner)?;
            }
        }
        transaction.commit()
    };
    work().map_err(|error| index.error(error))
}

/// Which of these objects some row refers to. One pass over the table: an index on outputs would be paid for by every put.
fn referred(connection: &rusqlite::Connection, among: &HashSet<Digest>) -> rusqlite::Result<HashSet<Digest>> {
    let mut found = HashSet::new();
    if among.is_empty() {
        return Ok(found);
    }
    let mut all = connection.prepare("SELECT output FROM entry")?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let output = index::digest(row, 0)?;
        if among.contains(&output) {
            found.insert(output);
        }
    }
    Ok(found)
}

/// Unlinks what is doomed and held by nobody, and takes all of it off the list. Returns the bytes that went.
pub(super) fn finish_doomed(layout: &Layout, index: &Index, grace: Duration) -> Result<u64, TrimError> {
    finish(&OnDisk(layout), index, grace)
}

fn finish(files: &dyn Files, index: &Index, grace: Duration) -> Result<u64, TrimError> {
    let doomed: HashSet<Digest> = {
        let work = || -> rusqlite::Result<_> {
            let mut all = index.connection().prepare("SELECT output FROM doomed")?;
            all.query_map([], |row| index::digest(row, 0))?.collect()
        };
        work().map_err(|error| index.error(error))?
    };
    if doomed.is_empty() {
        return Ok(0);
    }
    // The order is the point: see `Lease::note`.
    files.raise_generation()?;
    let leases = files.leases(grace)?;
    // After the leases: a session that closed in between has committed its rows before it gave its lease up.
    let referred = referred(index.connection(), &doomed).map_err(|error| index.error(error))?;
    let victims: Vec<&Digest> = doomed.iter().filter(|output| !leases.hold(**output) && !referred.contains(*output)).collect();
    if !victims.is_empty() {
        // Were their rows to come back after a power cut, they would vouch for whatever was put under these names since.
        index.sync()?;
    }
    // One that cannot be removed stays in `object`, and the next trim finds it as an orphan.
    let gone: Vec<Digest> = victims.into_iter().copied().filter(|output| files.remove(*output)).collect();
    let work = || -> rusqlite::Result<i64> {
        let transaction = rusqlite::Transaction::new_unchecked(index.connection(), rusqlite::TransactionBehavior::Immediate)?;
        let mut bytes = 0;
        {
            let mut forget = transaction.prepare("DELETE FROM object WHERE output = ?1 RETURNING size")?;
            for output in &gone {
                let size: Option<i64> =
                    rusqlite::OptionalExtension::optional(forget.query_row(params![output.0.as_slice()], |row| row.get(0)))?;
                bytes += size.unwrap_or(0);
            }
            let mut spare = transaction.prepare("DELETE FROM doomed WHERE output = ?1")?;
            for output in &doomed {
                spare.execute(params![output.0.as_slice()])?;
            }
        }
        transaction.commit()?;
        Ok(bytes)
    };
    Ok(work().map_err(|error| index.error(error))?.max(0) as u64)
}

/// Finishes what a trim began that died: until somebody does, what is put under a doomed name is not kept. Does nothing where nothing is
/// doomed, or where another process trims.
pub fn finish_left_over(layout: &Layout, index: &Index, grace: Duration) -> Result<(), TrimError> {
    if index.is_anything_doomed()?
        && let Some(_lock) = lock(layout)?
    {
        finish_doomed(layout, index, grace)?;
    }
    Ok(())
}

/// How long a half-written or private body of a session that is gone stays: a session may last for hours under `go run`.
const TMP_KEPT: Duration = Duration::from_secs(24 * 3600);

/// How long an index that was set aside stays, for whoever wants to look at it.
const SET_ASIDE_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Removes files that no row knows, such as those of a session that was killed between publishing and committing, once they are older
/// than `age`; and what such a session left half-written. Returns how many files and bytes went.
///
/// They go the way of every victim, doomed first: a put may be adopting one right now.
pub fn sweep(_lock: &TrimLock, layout: &Layout, index: &Index, age: Duration, grace: Duration) -> Result<(u64, u64), TrimError> {
    let io_error = |source| TrimError::Io { path: layout.dir().to_owned(), source };
    let is_old = |data: &std::fs::Metadata, age| data.modified().is_ok_and(|time| UnixNanos::from(time).age_at(UnixNanos::now()) >= age);
    let mut orphans = Vec::new();
    for folder in std::fs::read_dir(layout.objects_dir()).map_err(io_error)?.flatten() {
        for file in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            let Some(output) = file.file_name().to_str().and_then(Digest::from_hex) else { continue };
            let known = index.knows(output)?;
            if let (false, true, Ok(data)) = (known, output != Digest::EMPTY, file.metadata())
                && is_old(&data, age)
            {
                orphans.push((output, data.len()));
            }
        }
    }
    doom(index, orphans.iter().map(|(output, _)| *output))?;
    finish_doomed(layout, index, grace)?;
    let gone = |orphan: &&(Digest, u64)| !std::path::Path::new(&layout.object(orphan.0)).exists();
    let (mut files, mut bytes) = orphans.iter().filter(gone).fold((0, 0), |(files, bytes), (_, size)| (files + 1, bytes + size));
    for file in std::fs::read_dir(layout.tmp_dir()).map_err(io_error)?.flatten() {
        if let Ok(data) = file.metadata()
            && is_old(&data, TMP_KEPT)
            && std::fs::remove_file(file.path()).is_ok()
        {
            files += 1;
            bytes += data.len();
        }
    }
    for file in super::set_aside(layout) {
        if let Ok(data) = std::fs::symlink_metadata(&file)
            && is_old(&data, SET_ASIDE_KEPT)
            && std::fs::remove_file(file).is_ok()
        {
            files += 1;
            bytes += data.len();
        }
    }
    let (private, private_bytes) = super::overflow::sweep_all();
    lease::sweep_leases(layout, grace).map_err(io_error)?;
    Ok((files + private, bytes + private_bytes))
}

/// Puts objects on the list of what is about to be removed.
pub(super) fn doom(index: &Index, outputs: impl Iterator<Item = Digest>) -> Result<(), IndexError> {
    let work = || -> rusqlite::Result<()> {
        let transaction = rusqlite::Transaction::new_unchecked(index.connection(), rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut doom = transaction.prepare("INSERT INTO doomed (output) VALUES (?1) ON CONFLICT DO NOTHING")?;
            for output in outputs {
                doom.execute(params![output.0.as_slice()])?;
            }
        }
        transaction.commit()
    };
    work().map_err(|error| index.error(error))
}

//! Leases: what a session was handed stays until it ends.
//!
//! A lease is a file that its session keeps locked; whether the session lives is whether the lock is held, never a PID, since two
//! containers on one volume may share those. Each object is noted in it before it is answered, as the first eight bytes of its
//! digest: two objects that share them only keep each other.

use super::Layout;
use crate::model::Digest;
use crate::platform::{self, SharedWords};
use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::atomic::{Ordering, fence};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Prefixes of the digests that live sessions, and those of the grace period, were handed.
pub type Noted = HashSet<u64>;

/// This session's lease.
#[derive(Debug)]
pub struct Lease {
    path: PathBuf,
    file: File,
    generation: File,
    seen: u64,
    noted: HashSet<u64>,
    /// The notes and the generation as memory, once there are enough of them.
    mapped: Option<Mapped>,
}

#[derive(Debug)]
struct Mapped {
    notes: SharedWords,
    generation: SharedWords,
}

/// From how many notes on the lease is mapped: before that, mapping costs more than it saves. A file system that cannot is asked once.
const MAP_FROM: usize = 32;

/// Notes that are mapped; further ones are written.
const MAPPED_NOTES: usize = 128 << 10;

impl Lease {
    /// Takes a lease in a store whose folders exist.
    pub fn take(layout: &Layout) -> io::Result<Self> {
        let (path, file) = Self::lock_new_file(layout)?;
        let generation = File::options().read(true).write(true).create(true).truncate(false).open(layout.generation())?;
        let seen = read_generation(&generation)?;
        Ok(Self { path, file, generation, seen, noted: HashSet::new(), mapped: None })
    }

    /// A locked file of a name of its own. A sweep may take one for left over that is made and not locked yet; then another is made.
    fn lock_new_file(layout: &Layout) -> io::Result<(PathBuf, File)> {
        loop {
            let path = layout.lease_dir().join(platform::unique_name());
            let made = || File::options().read(true).write(true).create_new(true).open(&path);
            let file = match made() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    layout.create_again().map_err(io::Error::other)?;
                    made()?
                }
                made => made?,
            };
            file.lock()?;
            if std::fs::symlink_metadata(&path).is_ok() {
                return Ok((path, file));
            }
        }
    }

    /// Notes an object. True if a trim has moved on since this was last asked: then look whether the object is doomed.
    ///
    /// The order is what makes it safe: a trim dooms, raises the generation, and only then reads the leases. Whoever notes and still
    /// sees the old generation is read; whoever sees a new one looks at what was doomed.
    pub fn note(&mut self, output: Digest) -> io::Result<bool> {
        if self.noted.insert(output.prefix()) {
            let place = self.noted.len() - 1;
            if place == MAP_FROM {
                self.map();
            }
            match &self.mapped {
                Some(Mapped { notes, .. }) if place < notes.count() => notes.store(place, output.prefix()),
                _ => platform::write_at(&self.file, &output.prefix().to_le_bytes(), place as u64 * 8)?,
            }
        }
        let now = match &self.mapped {
            Some(Mapped { generation, .. }) => generation.load(0),
            None => read_generation(&self.generation)?,
        };
        let moved = now != self.seen;
        self.seen = now;
        Ok(moved)
    }

    fn map(&mut self) {
        let map = |file, words| SharedWords::map(file, words);
        if let (Ok(notes), Ok(generation)) = (map(&self.file, MAPPED_NOTES), map(&self.generation, 1)) {
            self.mapped = Some(Mapped { notes, generation });
        }
    }

    /// The session's `go` has gone without closing: what it was handed stays for the grace period from now on.
    pub fn begin_grace(&mut self) {
        if self.mapped.take().is_some() {
            // What was reserved for notes that never came: many such leases may lie there at once.
            let _ = self.file.set_len(self.noted.len() as u64 * 8);
        }
        // A file system that cannot set times counts from the last note.
        let _ = self.file.set_modified(SystemTime::now());
    }

    /// Whether others see that it is held, as they do not where a file system takes locks and does nothing.
    pub fn is_seen(&self) -> io::Result<bool> {
        match File::open(&self.path)?.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Gives it up: nobody will open what was handed out any more.
    pub fn end(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What a session holds that cannot write in the store, as where it is mounted read-only or another user's: while it lives, nothing is
/// unlinked. A lock needs no right to write.
#[derive(Debug)]
pub struct ReadersLock(#[allow(dead_code, reason = "its drop unlocks")] File);

impl ReadersLock {
    /// Takes it, shared with other readers. A trim that is under way is waited for, since what it removes is still found.
    pub fn take(layout: &Layout) -> io::Result<Self> {
        let file = File::open(layout.readers_lock())?;
        file.lock_shared()?;
        Ok(Self(file))
    }

    /// Takes it alone, for whoever is about to unlink; None while somebody reads.
    pub(super) fn take_alone(layout: &Layout) -> io::Result<Option<Self>> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(layout.readers_lock())?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Raises the generation. Only the holder of the trim lock may.
pub(super) fn raise_generation(layout: &Layout) -> io::Result<()> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(layout.generation())?;
    let next = read_generation(&file)?.wrapping_add(1);
    platform::write_at(&file, &next.to_le_bytes(), 0)?;
    // Before the leases are read: sessions note and look at the generation through memory, without a call that would order the two.
    fence(Ordering::SeqCst);
    Ok(())
}

fn read_generation(file: &File) -> io::Result<u64> {
    let mut bytes = [0; 8];
    // A new file is empty: generation 0.
    let _ = platform::read_at(file, &mut bytes, 0)?;
    Ok(u64::from_le_bytes(bytes))
}

/// What must stay: the notes of every live session, and of every session that ended without close less than `grace` ago, since
/// callers of `go list -export` open paths after `go` and its host are gone. Removes leases that are past it.
pub(super) fn read_all(layout: &Layout, grace: Duration) -> io::Result<AllLeases> {
    let mut all = AllLeases::default();
    for found in std::fs::read_dir(layout.lease_dir())? {
        let path = found?.path();
        let Ok(file) = File::options().read(true).write(true).open(&path) else { continue };
        let live = match file.try_lock() {
            Err(TryLockError::WouldBlock) => true,
            Ok(()) => false,
            Err(TryLockError::Error(error)) => return Err(error),
        };
        if !live && age(&file) > grace {
            let _ = std::fs::remove_file(&path);
            continue;
        }
        let noted = if live { &mut all.live } else { &mut all.grace };
        // From the open file: its session may end, and remove it, at any moment.
        noted.extend(read_notes(file)?);
    }
    Ok(all)
}

/// Removes leases that are past their grace. Without a trim nobody reads them, and every `go list` leaves one.
pub fn sweep_leases(layout: &Layout, grace: Duration) -> io::Result<()> {
    read_all(layout, grace).map(drop)
}

/// How many leases are past their grace: each of a session that is gone.
pub fn count_left_over(layout: &Layout, grace: Duration) -> usize {
    let all = std::fs::read_dir(layout.lease_dir()).into_iter().flatten().flatten();
    let left = |path: PathBuf| {
        let Ok(file) = File::open(path) else { return false };
        age(&file) > grace && file.try_lock().is_ok()
    };
    all.filter(|lease| left(lease.path())).count()
}

/// What must stay, since somebody was handed it.
#[derive(Clone, Debug, Default)]
pub struct AllLeases {
    /// Of sessions that live.
    pub live: Noted,
    /// Of sessions that ended without close a short while ago.
    pub grace: Noted,
}

impl AllLeases {
    /// Whether the object must stay.
    pub fn hold(&self, output: Digest) -> bool {
        self.live.contains(&output.prefix()) || self.grace.contains(&output.prefix())
    }
}

fn age(file: &File) -> Duration {
    let modified = file.metadata().and_then(|data| data.modified()).unwrap_or(UNIX_EPOCH);
    SystemTime::now().duration_since(modified).unwrap_or_default()
}

fn read_notes(mut file: File) -> io::Result<Vec<u64>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut notes: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|note| u64::from_le_bytes(*note)).collect();
    // A lease that is mapped is longer than its notes, and ends in zeros.
    notes.dedup();
    Ok(notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path()).unwrap();
        layout.create().unwrap();
        (dir, layout)
    }

    #[test]
    fn a_live_session_holds_what_it_noted_and_a_closed_one_nothing() {
        let (_dir, layout) = store();
        let object = Digest::of(b"one");
        let mut lease = Lease::take(&layout).unwrap();
        assert!(!lease.note(object).unwrap());
        let all = read_all(&layout, Duration::ZERO).unwrap();
        assert!(all.live.contains(&object.prefix()));
        assert!(!all.hold(Digest::of(b"two")));
        lease.end();
        assert!(!read_all(&layout, Duration::from_secs(600)).unwrap().hold(object));
    }

    #[test]
    fn a_session_that_ended_without_close_holds_for_the_grace_period_only() {
        let (_dir, layout) = store();
        let object = Digest::of(b"one");
        let mut lease = Lease::take(&layout).unwrap();
        lease.note(object).unwrap();
        drop(lease);
        assert!(read_all(&layout, Duration::from_secs(600)).unwrap().grace.contains(&object.prefix()));
        std::thread::sleep(Duration::from_millis(5));
        assert!(!read_all(&layout, Duration::ZERO).unwrap().hold(object));
        assert_eq!(std::fs::read_dir(layout.lease_dir()).unwrap().count(), 0, "a lease past its grace is swept");
    }

    /// From the 32nd note on they go through memory, and trims read files.
    #[test]
    fn what_is_noted_through_memory_is_held_and_a_trim_is_seen_through_it() {
        let (_dir, layout) = store();
        let objects: Vec<Digest> = (0..3 * MAP_FROM).map(|number| Digest::of(&number.to_le_bytes())).collect();
        let mut lease = Lease::take(&layout).unwrap();
        assert!(objects.iter().all(|object| !lease.note(*object).unwrap()));
        assert!(lease.mapped.is_some());
        let all = read_all(&layout, Duration::ZERO).unwrap();
        assert!(objects.iter().all(|object| all.live.contains(&object.prefix())));
        raise_generation(&layout).unwrap();
        assert!(lease.note(objects[0]).unwrap());
        assert!(!lease.note(objects[0]).unwrap());
        lease.begin_grace();
        drop(lease);
        let all = read_all(&layout, Duration::from_secs(600)).unwrap();
        assert!(objects.iter().all(|object| all.grace.contains(&object.prefix())));
    }

    #[test]
    fn whoever_notes_after_a_trim_moved_on_learns_it_once() {
        let (_dir, layout) = store();
        let mut lease = Lease::take(&layout).unwrap();
        raise_generation(&layout).unwrap();
        assert!(lease.note(Digest::of(b"one")).unwrap());
        assert!(!lease.note(Digest::of(b"one")).unwrap());
    }
}

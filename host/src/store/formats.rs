//! Stores of other format versions, which lie beside ours since somebody used an older cachewit, or a newer one.
//!
//! A newer one is never touched. An older one goes when nobody has used it for a week. What makes that safe is the little that all
//! versions keep: a session holds a file in `leases/` locked while it lives, or `readers.lock` where it cannot write, and who trims holds
//! `trim.lock`; a session makes or writes a file in its folder, in `leases/` or in `tmp/`.

use super::layout::{Layout, VERSION};
use crate::platform;
use std::fs::{File, Metadata, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long nobody must have used an older one: a branch that pins an older cachewit is built more often than that.
const UNUSED: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a folder is called while it is being removed, after its name.
const GOING: &str = ".going";

/// A store of another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherFormat {
    /// The version.
    pub version: u32,
    /// Its folder.
    pub path: PathBuf,
    /// When a session last left a mark there.
    pub used: SystemTime,
}

impl OtherFormat {
    /// Whether an older cachewit made it.
    pub fn is_older(&self) -> bool {
        self.version < VERSION
    }

    /// Whether nobody has used it for so long that it goes.
    pub fn is_unused(&self) -> bool {
        is_long_ago(self.used)
    }

    /// Bytes of its files, counted now: that takes a while.
    pub fn bytes(&self) -> u64 {
        bytes_of_folder(&self.path)
    }
}

/// The stores of other versions that lie beside this one, the oldest first.
pub fn other_formats(layout: &Layout) -> Vec<OtherFormat> {
    let version = |path: &Path| version_of(path.file_name()?.to_str()?).filter(|version| *version != VERSION);
    let mut found: Vec<OtherFormat> = folders(layout)
        .into_iter()
        .filter_map(|path| Some(OtherFormat { version: version(&path)?, used: last_used(&path), path }))
        .collect();
    found.sort_by_key(|format| format.version);
    found
}

/// Removes the older ones that nobody has used for a week, and finishes with one whose removal was cut short. Returns how many went.
pub fn remove_unused_formats(layout: &Layout) -> u32 {
    let mut gone = 0;
    for path in folders(layout) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let older = |name| version_of(name).is_some_and(|version| version < VERSION);
        if let Some(version) = name.strip_suffix(GOING).filter(|name| older(name)) {
            gone += u32::from(finish(&path, &path.with_file_name(version)));
        } else if older(name) {
            gone += u32::from(remove(&path));
        }
    }
    gone
}

/// Folders that are this user's, and no links.
fn folders(layout: &Layout) -> Vec<PathBuf> {
    let ours = |path: &PathBuf| std::fs::symlink_metadata(path).is_ok_and(|data| data.is_dir() && platform::is_ours(&data));
    let all = std::fs::read_dir(layout.versions_dir()).into_iter().flatten().flatten().map(|entry| entry.path());
    all.filter(ours).collect()
}

/// `v7` is 7, and nothing else is.
fn version_of(name: &str) -> Option<u32> {
    let version: u32 = name.strip_prefix('v')?.parse().ok()?;
    (name == format!("v{version}")).then_some(version)
}

/// Whether a store that was used then is unused. One that was used in the future was used by somebody whose clock is ahead.
fn is_long_ago(used: SystemTime) -> bool {
    SystemTime::now().duration_since(used).is_ok_and(|age| age >= UNUSED)
}

/// Removes one unless somebody uses it.
fn remove(path: &Path) -> bool {
    if !is_long_ago(last_used(path)) {
        return false;
    }
    let Ok(_alone) = lock_all(path, true) else { return false };
    if is_leased(path) {
        return false;
    }
    // Out of reach for whoever begins now, and back if somebody began in between: it holds a lease by then, or has left a fresh file. Where a
    // folder cannot be renamed that has open files, as on Windows, it stays.
    let mut going = path.as_os_str().to_owned();
    going.push(GOING);
    let going = PathBuf::from(going);
    if std::fs::rename(path, &going).is_err() {
        return false;
    }
    if is_leased(&going) || !is_long_ago(last_used(&going)) {
        let _ = std::fs::rename(&going, path);
        return false;
    }
    std::fs::remove_dir_all(&going).is_ok()
}

/// Goes on with one whose remover died. It may have died just before it would have found somebody in it.
fn finish(going: &Path, path: &Path) -> bool {
    let Ok(_alone) = lock_all(going, false) else { return false };
    if is_leased(going) {
        let _ = std::fs::rename(going, path);
        return false;
    }
    std::fs::remove_dir_all(going).is_ok()
}

/// Keeps trims and sessions that cannot write out; an error if one is in.
fn lock_all(path: &Path, create: bool) -> io::Result<Vec<File>> {
    let mut held = Vec::new();
    for name in ["trim.lock", "readers.lock"] {
        let file = match File::options().read(true).write(true).create(create).truncate(false).open(path.join(name)) {
            // Gone already, with the rest.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !create => continue,
            opened => opened?,
        };
        file.try_lock()?;
        held.push(file);
    }
    Ok(held)
}

/// Whether a session lives that can be handed, or was handed, what lies there. What cannot be told counts as yes.
fn is_leased(path: &Path) -> bool {
    let leases = match std::fs::read_dir(path.join("leases")) {
        Ok(leases) => leases,
        Err(error) => return error.kind() != io::ErrorKind::NotFound,
    };
    leases.into_iter().any(|lease| {
        let Ok(lease) = lease else { return true };
        match File::options().read(true).write(true).open(lease.path()).map(|file| file.try_lock()) {
            Ok(Ok(())) => false,
            Ok(Err(TryLockError::WouldBlock | TryLockError::Error(_))) => true,
            // Its session has ended since the folder was read.
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    })
}

/// The newest time of what sessions make or write there. Locks do not count: a trim that finds nothing to do takes one.
fn last_used(path: &Path) -> SystemTime {
    let inside = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().collect::<Vec<_>>();
    let own = inside(path).into_iter().filter(|entry| Path::new(&entry.file_name()).extension().is_none_or(|end| end != "lock"));
    let entries = own.chain(inside(&path.join("leases"))).chain(inside(&path.join("tmp")));
    let time = |data: Metadata| data.modified().ok();
    let newest = entries.filter_map(|entry| entry.metadata().ok().and_then(time)).max();
    // Of one without anything in it, when it was made.
    newest.or_else(|| std::fs::symlink_metadata(path).ok().and_then(time)).unwrap_or(UNIX_EPOCH)
}

/// Bytes of all files below a folder.
pub fn bytes_of_folder(path: &Path) -> u64 {
    let one = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => bytes_of_folder(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    std::fs::read_dir(path).into_iter().flatten().flatten().map(one).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_name_of_a_version_is_one() {
        assert_eq!(version_of("v0"), Some(0));
        assert_eq!(version_of("v12"), Some(12));
        for name in ["v", "v00", "v01", "v+1", "v-1", "v1.going", "V1", "1", "v1 ", "v99999999999", "objects"] {
            assert_eq!(version_of(name), None, "{name}");
        }
    }

    /// As a remover left it that was killed on the way.
    #[test]
    fn a_removal_that_was_cut_short_is_finished_and_one_that_somebody_is_in_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path()).unwrap();
        let going = dir.path().join("v0.going");
        std::fs::create_dir_all(going.join("leases")).unwrap();
        let lease = File::create(going.join("leases/somebody")).unwrap();
        lease.lock().unwrap();
        assert_eq!(remove_unused_formats(&layout), 0);
        assert!(!going.exists() && dir.path().join("v0/leases/somebody").exists());
        std::fs::rename(dir.path().join("v0"), &going).unwrap();
        lease.unlock().unwrap();
        assert_eq!(remove_unused_formats(&layout), 1);
        assert!(!going.exists() && !dir.path().join("v0").exists());
    }
}

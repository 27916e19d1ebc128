//! Room outside the store, for bodies that it has none for: a put is always answered with a file.

use crate::platform;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long a file here outlives its session at most. Callers of `go list -export` open paths after everybody is gone.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// A new file where there is room.
pub(super) fn create() -> io::Result<(File, PathBuf)> {
    let mut last = io::Error::from(io::ErrorKind::StorageFull);
    for folder in folders() {
        match create_in(&folder) {
            Ok(made) => return Ok(made),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Copies the first `written` bytes of `from`, which ran out of room, into a new file and appends `chunk`.
pub(super) fn carry_on(from: &File, written: u64, chunk: &[u8]) -> io::Result<(File, PathBuf)> {
    let mut last = io::Error::from(io::ErrorKind::StorageFull);
    for folder in folders() {
        let made =
            create_in(&folder).and_then(|(mut file, path)| match copy(from, written, &mut file).and_then(|()| file.write_all(chunk)) {
                Ok(()) => Ok((file, path)),
                Err(error) => {
                    let _ = std::fs::remove_file(path);
                    Err(error)
                }
            });
        match made {
            Ok(made) => return Ok(made),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn copy(from: &File, written: u64, to: &mut File) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut done = 0;
    while done < written {
        let most = buffer.len().min((written - done) as usize);
        let read = platform::read_at(from, &mut buffer[..most], done)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all(&buffer[..read])?;
        done += read as u64;
    }
    Ok(())
}

fn folders() -> Vec<PathBuf> {
    let mut folders = vec![std::env::temp_dir()];
    folders.extend(platform::user_cache_dir());
    if cfg!(target_os = "linux") {
        folders.push(PathBuf::from("/dev/shm"));
    }
    folders
}

/// This user's folder for such bodies in one that has room.
fn private_in(folder: &Path) -> PathBuf {
    folder.join(format!("cachewit-overflow-{}", user()))
}

fn create_in(folder: &Path) -> io::Result<(File, PathBuf)> {
    let folder = private_in(folder);
    platform::create_private_dir(&folder)?;
    if !platform::is_mine(&folder) {
        // Somebody else made a folder of this name in a shared one, and could replace what we hand to `go`.
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    sweep(&folder);
    let path = folder.join(platform::unique_name());
    if path.to_str().is_none() {
        return Err(io::Error::new(io::ErrorKind::InvalidFilename, "not valid UTF-8"));
    }
    Ok((platform::create_object(&path)?, path))
}

/// A number that tells users apart on a shared temporary folder.
fn user() -> u32 {
    #[cfg(unix)]
    return rustix::process::getuid().as_raw();
    #[cfg(not(unix))]
    0
}

/// Removes what outlived its session by a day. Returns how many files and bytes went.
pub(super) fn sweep_all() -> (u64, u64) {
    let ours = folders().iter().map(|folder| private_in(folder)).filter(|folder| platform::is_mine(folder)).collect::<Vec<_>>();
    ours.iter().map(|folder| sweep(folder)).fold((0, 0), |(files, bytes), (more, and_bytes)| (files + more, bytes + and_bytes))
}

fn sweep(folder: &Path) -> (u64, u64) {
    let gone = left_in(folder).into_iter().filter(|(path, _)| std::fs::remove_file(path).is_ok());
    gone.fold((0, 0), |(files, bytes), (_, size)| (files + 1, bytes + size))
}

/// Bodies outside the store that outlived their session by a day: how many, and their bytes.
pub fn left_over_bodies() -> (u64, u64) {
    let all = folders().into_iter().flat_map(|folder| left_in(&private_in(&folder)));
    all.fold((0, 0), |(files, bytes), (_, size)| (files + 1, bytes + size))
}

fn left_in(folder: &Path) -> Vec<(PathBuf, u64)> {
    let is_old =
        |data: &std::fs::Metadata| data.modified().is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age > KEPT));
    let all = std::fs::read_dir(folder).into_iter().flatten().flatten();
    all.filter_map(|file| file.metadata().ok().filter(is_old).map(|data| (file.path(), data.len()))).collect()
}

//! An index that cannot be read is set aside, and an empty one begun.

use super::{Index, IndexError, Layout};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Opens the index. A damaged one is renamed away first, by one process at a time; the second value says so. Its objects do not know their
/// actions, so what it held is lost; puts adopt the objects again and a sweep takes the rest.
pub fn open_index(layout: &Layout) -> Result<(Index, Option<IndexError>), IndexError> {
    let path = layout.index();
    let damage = match Index::open(&path) {
        Ok(index) => return Ok((index, None)),
        Err(error) if error.is_damage() => error,
        Err(error) => return Err(error),
    };
    let lock = File::options().read(true).write(true).create(true).truncate(false).open(layout.recover_lock());
    let _held = lock.and_then(|file| file.lock().map(|()| file));
    // Whoever had the lock before us may have done it.
    if let Ok(index) = Index::open(&path) {
        return Ok((index, None));
    }
    for (from, to) in files(&path).into_iter().zip(files(&damaged(&path))) {
        let _ = std::fs::rename(from, &to);
        // A week from now on it stays.
        let _ = File::open(to).and_then(|file| file.set_modified(SystemTime::now()));
    }
    Index::open(&path).map(|index| (index, Some(damage)))
}

/// What an index is called that was set aside.
fn damaged(index: &Path) -> PathBuf {
    index.with_extension("damaged")
}

/// An index and what `SQLite` has beside it.
fn files(index: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut path = index.as_os_str().to_owned();
        path.push(suffix);
        path.into()
    })
}

/// The files of an index that was set aside, as far as they are there.
pub fn set_aside(layout: &Layout) -> Vec<PathBuf> {
    files(&damaged(&layout.index())).into_iter().filter(|path| path.exists()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_index_is_set_aside_and_an_empty_one_begun() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path()).unwrap();
        layout.create().unwrap();
        std::fs::write(layout.index(), vec![b'x'; 8192]).unwrap();
        let (index, damage) = open_index(&layout).unwrap();
        assert!(damage.is_some());
        assert_eq!(index.size().unwrap().entries, 0);
        assert!(layout.index().with_extension("damaged").exists());
        assert!(open_index(&layout).unwrap().1.is_none(), "the second open finds a good one");
    }
}

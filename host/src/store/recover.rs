//! An index that cannot be read is set aside, and an empty one begun.

use super::{Index, IndexError, Layout};
use std::fs::File;

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
    for suffix in ["", "-wal", "-shm"] {
        let mut from = path.clone().into_os_string();
        from.push(suffix);
        let mut to = path.with_extension("damaged").into_os_string();
        to.push(suffix);
        let _ = std::fs::rename(from, to);
    }
    Index::open(&path).map(|index| (index, Some(damage)))
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

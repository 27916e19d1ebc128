//! What policies remember from session to session: a file each, below the store; or in memory, where sessions are simulated.

use crate::model::Digest;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The longest that a policy can have remembered, in bytes.
pub const MOST_BYTES: usize = 64 << 10;

/// Where that is.
#[derive(Clone, Debug)]
pub struct States(Place);

#[derive(Clone, Debug)]
enum Place {
    Folder(PathBuf),
    Memory(Arc<Mutex<HashMap<String, Vec<u8>>>>),
}

impl States {
    /// In files of a folder, which is made with the first of them.
    pub fn in_folder(dir: PathBuf) -> Self {
        Self(Place::Folder(dir))
    }

    /// In memory: it ends with the last clone.
    pub fn in_memory() -> Self {
        Self(Place::Memory(Arc::default()))
    }

    /// What was saved last; nothing if it cannot be read, or is not what was written.
    pub fn load(&self, owner: &str) -> Vec<u8> {
        let folder = match &self.0 {
            Place::Folder(folder) => folder,
            Place::Memory(all) => return all.lock().unwrap_or_else(PoisonError::into_inner).get(owner).cloned().unwrap_or_default(),
        };
        let bytes = crate::platform::read(&file(folder, owner), MOST_BYTES as u64 + 32).unwrap_or_default();
        // Nobody waits for the disk when it is written, so a power cut may leave anything.
        match bytes.split_first_chunk::<32>() {
            Some((digest, rest)) if rest.len() <= MOST_BYTES && Digest::of(rest).0 == *digest => rest.to_vec(),
            _ => Vec::new(),
        }
    }

    /// Replaces it.
    pub fn save(&self, owner: &str, bytes: &[u8]) -> io::Result<()> {
        let folder = match &self.0 {
            Place::Folder(folder) => folder,
            Place::Memory(all) => {
                all.lock().unwrap_or_else(PoisonError::into_inner).insert(owner.to_owned(), bytes.to_vec());
                return Ok(());
            }
        };
        std::fs::create_dir_all(folder)?;
        let path = file(folder, owner);
        crate::platform::replace(&path, &[&Digest::of(bytes).0, bytes].concat())
    }
}

/// The file of an owner: the policy's name and state version, which may be anything that a guest says.
fn file(folder: &Path, owner: &str) -> PathBuf {
    folder.join(Digest::of(owner.as_bytes()).to_hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded_by_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = States::in_folder(dir.path().join("policy"));
        assert!(folder.load("lru/1").is_empty());
        folder.save("lru/1", b"one").unwrap();
        folder.save("lru/1", b"another").unwrap();
        assert_eq!(folder.load("lru/1"), b"another");
        assert!(folder.load("lru/2").is_empty() && folder.load("../lru/1").is_empty());
        assert_eq!(std::fs::read_dir(dir.path().join("policy")).unwrap().count(), 1);
    }

    #[test]
    fn what_was_half_written_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let folder = States::in_folder(dir.path().to_owned());
        folder.save("a", &[7; 1000]).unwrap();
        let path = file(dir.path(), "a");
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 5, 32, 500, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(folder.load("a").is_empty(), "{length}");
        }
    }
}

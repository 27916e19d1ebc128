//! Where everything lies under the store's root.

use super::StoreError;
use crate::model::Digest;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The version of the folder layout and of the index's tables. A change that an older cachewit cannot read takes the next one;
/// each version has a folder of its own, so two versions never meet. See `formats.rs` for what all of them keep.
pub(super) const VERSION: u32 = 1;

/// The paths of one store. Making one touches nothing.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    objects: String,
}

impl Layout {
    /// The store under `root`, by default `$GOCACHE/cachewit`. It must lie under GOCACHE: `go build -o lib.a ./lib` renames a file that
    /// does not, out of the store.
    pub fn new(root: &Path) -> Result<Self, StoreError> {
        let root = root.join(format!("v{VERSION}"));
        let Some(objects) = root.join("objects").to_str().map(str::to_owned) else {
            return Err(StoreError::NotUtf8(root));
        };
        Ok(Self { root, objects })
    }

    /// A store that cannot exist, for a session that has none: nothing is found in it, and everything put goes where there is room.
    pub fn nowhere() -> Self {
        Self { root: PathBuf::from("/dev/null/cachewit"), objects: "/dev/null/cachewit/objects".to_owned() }
    }

    /// Makes the folders that are missing.
    pub fn create(&self) -> Result<(), StoreError> {
        // The last thing that is made: where it stands, all of it does.
        if self.readers_lock().exists() {
            return Ok(());
        }
        self.create_again()
    }

    /// Makes the folders that are missing, although everything was there once: somebody has cleaned up by hand.
    pub fn create_again(&self) -> Result<(), StoreError> {
        for folder in [self.root.clone(), self.objects_dir(), self.tmp_dir(), self.lease_dir(), self.remote_dir()] {
            std::fs::create_dir_all(&folder).map_err(|source| StoreError::Folder { path: folder, source })?;
        }
        let lock = self.readers_lock();
        let made = File::options().read(true).write(true).create(true).truncate(false).open(&lock);
        made.map(drop).map_err(|source| StoreError::Folder { path: lock, source })
    }

    /// The folder of this layout version.
    pub fn dir(&self) -> &Path {
        &self.root
    }

    /// The folder in which each layout version has one.
    pub fn versions_dir(&self) -> &Path {
        self.root.parent().unwrap_or(&self.root)
    }

    /// Objects, in 256 folders by their first byte.
    pub fn objects_dir(&self) -> PathBuf {
        PathBuf::from(&self.objects)
    }

    /// An object's final path: the whole digest and no extension, since analysis tools reject files with one.
    pub fn object(&self, output: Digest) -> String {
        output.hex(|hex| {
            let mut path = String::with_capacity(self.objects.len() + 68);
            path.push_str(&self.objects);
            path.push('/');
            path.push_str(&hex[..2]);
            path.push('/');
            path.push_str(hex);
            path
        })
    }

    /// The part of an object's path below the folder of objects.
    pub fn name_of_object<'a>(&self, path: &'a str) -> &'a str {
        path.get(self.objects.len() + 1..).unwrap_or_default()
    }

    /// Files that are being written, on the file system of the objects.
    pub fn tmp_dir(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// One locked file a session.
    pub fn lease_dir(&self) -> PathBuf {
        self.root.join("leases")
    }

    /// The counter that every trim raises between dooming and reading the leases.
    pub fn generation(&self) -> PathBuf {
        self.root.join("generation")
    }

    /// Held by the one process that trims.
    pub fn trim_lock(&self) -> PathBuf {
        self.root.join("trim.lock")
    }

    /// Held, shared, by sessions that cannot write here and so can take no lease; while one of them lives, nothing is unlinked.
    pub fn readers_lock(&self) -> PathBuf {
        self.root.join("readers.lock")
    }

    /// Held by the one process that sets a damaged index aside.
    pub fn recover_lock(&self) -> PathBuf {
        self.root.join("recover.lock")
    }

    /// The index.
    pub fn index(&self) -> PathBuf {
        self.root.join("index.db")
    }

    /// What sessions did.
    pub fn traces_dir(&self) -> PathBuf {
        self.root.join("traces")
    }

    /// State of remote targets, such as an open circuit breaker.
    pub fn remote_dir(&self) -> PathBuf {
        self.root.join("remote")
    }

    /// What policies remember from session to session.
    pub fn policy_dir(&self) -> PathBuf {
        self.root.join("policy")
    }

    /// What went wrong after `go` had gone; the next session says it.
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }
}

//! Objects: written beside the store's objects, hashed on the way, published by rename.

use super::{Layout, overflow};
use crate::model::Digest;
use crate::platform;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A body on its way in. It takes every byte whatever the disk does: `go` must never be held up, and its put never refused, by our
/// troubles.
pub struct Incoming {
    hasher: Sha256,
    written: u64,
    place: Place,
}

/// Where the bytes go.
enum Place {
    /// A file of ours, in the store unless that has refused it.
    File { file: File, path: PathBuf, refused: Option<io::Error> },
    /// No file system takes it.
    Nowhere(io::Error),
}

/// Where a body is now.
#[derive(Debug)]
pub enum Published {
    /// Under its name, for every session.
    Shared,
    /// Whole, but only for this session.
    Private(PathBuf, Aside),
}

/// Why a body is not in the store.
#[derive(Debug)]
pub enum Aside {
    /// A trim is about to remove the object of this name.
    Doomed,
    /// The store did not take it.
    Refused(io::Error),
}

/// What the index knows of the name that a body is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No row names it.
    Unknown,
    /// Rows name it. After a power cut they may be all that is known of it, and say that it had reached the disk long ago.
    Known,
    /// A trim is about to remove it.
    Doomed,
}

/// A body that cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// It is not what it says.
    #[error("the body of {size} bytes has the SHA-256 {found} and not {expected}")]
    Hash {
        /// What its name says.
        expected: Digest,
        /// What it is.
        found: Digest,
        /// Bytes received.
        size: u64,
    },
    /// No folder took it.
    #[error("cannot store a body of {size} bytes anywhere: {source}")]
    NoRoom {
        /// Bytes received.
        size: u64,
        /// The last reason.
        source: io::Error,
    },
}

impl Incoming {
    /// A place for a body: a file in the store, or where else there is room.
    pub fn new(layout: &Layout) -> Self {
        let path = layout.tmp_dir().join(platform::unique_name());
        let made = platform::create_object(&path).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound if layout.create_again().is_ok() => platform::create_object(&path),
            _ => Err(error),
        });
        let place = match made {
            Ok(file) => Place::File { file, path, refused: None },
            Err(error) => match overflow::create() {
                Ok((file, path)) => Place::File { file, path, refused: Some(error) },
                Err(error) => Place::Nowhere(error),
            },
        };
        Self { hasher: Sha256::new(), written: 0, place }
    }

    /// Takes the next bytes.
    pub fn write(&mut self, chunk: &[u8]) {
        self.hasher.update(chunk);
        if let Place::File { file, path, refused } = &mut self.place
            && let Err(error) = file.write_all(chunk)
        {
            let moved = if refused.is_none() { overflow::carry_on(file, self.written, chunk) } else { Err(io::Error::from(error.kind())) };
            let _ = std::fs::remove_file(&*path);
            self.place = moved.map_or_else(Place::Nowhere, |(file, path)| Place::File { file, path, refused: Some(error) });
        }
        self.written += chunk.len() as u64;
    }

    /// Bytes taken so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Publishes the body under its name if it hashes to it. What is known of that name is asked after the caller noted the object in its
    /// lease.
    pub fn publish(self, layout: &Layout, output: Digest, standing: Standing) -> Result<Published, PublishError> {
        let found = Digest(self.hasher.finalize().into());
        let size = self.written;
        let (file, path, refused) = match self.place {
            Place::File { file, path, refused } => (file, path, refused),
            Place::Nowhere(source) if found == output => return Err(PublishError::NoRoom { size, source }),
            Place::Nowhere(_) => return Err(PublishError::Hash { expected: output, found, size }),
        };
        if found != output {
            let _ = std::fs::remove_file(&path);
            return Err(PublishError::Hash { expected: output, found, size });
        }
        if let Some(error) = refused {
            return Ok(Published::Private(path, Aside::Refused(error)));
        }
        let name = layout.object(output);
        let ready = match standing {
            Standing::Doomed => return Ok(Published::Private(path, Aside::Doomed)),
            Standing::Unknown => Ok(()),
            // What has reached the disk must not give way to what has not: after a power cut the old rows would vouch for it.
            Standing::Known if has_these_bytes(&file, size, &name) => {
                let _ = std::fs::remove_file(path);
                return Ok(Published::Shared);
            }
            Standing::Known => file.sync_all(),
        };
        // Over whatever may stand there: so a damaged object heals, and a reader of the old inode keeps it.
        match ready.and_then(|()| rename_into_place(&path, Path::new(&name))) {
            Ok(()) => Ok(Published::Shared),
            Err(error) => Ok(Published::Private(path, Aside::Refused(error))),
        }
    }

    /// Removes what was written: the body turned out to be none.
    pub fn discard(self) {
        if let Place::File { path, .. } = self.place {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn rename_into_place(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        // The 256 folders are made as they are needed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            to.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::rename(from, to)
        }
        done => done,
    }
}

/// Whether an object stands there with just the bytes that were written to `file`.
fn has_these_bytes(file: &File, size: u64, path: &str) -> bool {
    if !stands(path, size) {
        return false;
    }
    let same = || -> io::Result<bool> {
        let other = File::open(path)?;
        let most = size.min(64 << 10) as usize;
        let (mut ours, mut theirs) = (vec![0; most], vec![0; most]);
        let mut done = 0;
        while done < size {
            let read = platform::read_at(file, &mut ours, done)?;
            if read == 0 || platform::read_at(&other, &mut theirs[..read], done)? != read || ours[..read] != theirs[..read] {
                return Ok(false);
            }
            done += read as u64;
        }
        Ok(true)
    };
    same().unwrap_or(false)
}

/// Asks the system whether the store has room, by writing as much as a commit may, and how it puts it if there is none.
pub fn room(layout: &Layout) -> io::Result<()> {
    let path = layout.tmp_dir().join(platform::unique_name());
    let written = platform::create_object(&path)?.write_all(&vec![0; 256 << 10]);
    let _ = std::fs::remove_file(path);
    written
}

/// Whether an object stands there, a regular file of the announced size that this user may read.
pub fn stands(path: &str, size: u64) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|data| data.is_file() && data.len() == size && platform::is_readable(Path::new(path), &data))
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

    fn put(layout: &Layout, body: &[u8], output: Digest, standing: Standing) -> Result<Published, PublishError> {
        let mut incoming = Incoming::new(layout);
        for chunk in body.chunks(3) {
            incoming.write(chunk);
        }
        incoming.publish(layout, output, standing)
    }

    #[test]
    fn a_body_stands_whole_and_read_only_under_its_name() {
        let (_dir, layout) = store();
        let output = Digest::of(b"a body");
        assert!(matches!(put(&layout, b"a body", output, Standing::Unknown), Ok(Published::Shared)));
        let path = layout.object(output);
        assert!(stands(&path, 6) && !stands(&path, 5));
        assert_eq!(std::fs::read(&path).unwrap(), b"a body");
        assert_eq!(std::fs::read_dir(layout.tmp_dir()).unwrap().count(), 0);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode & 0o222, 0, "nobody may write it");
            assert_ne!(mode & 0o100, 0, "go executes some hits");
        }
    }

    #[test]
    fn a_body_that_is_not_what_it_says_leaves_nothing() {
        let (_dir, layout) = store();
        let output = Digest::of(b"another body");
        assert!(matches!(put(&layout, b"a body", output, Standing::Unknown), Err(PublishError::Hash { .. })));
        assert!(!Path::new(&layout.object(output)).exists());
        assert_eq!(std::fs::read_dir(layout.tmp_dir()).unwrap().count(), 0);
    }

    #[test]
    fn a_put_heals_a_damaged_object() {
        let (_dir, layout) = store();
        let output = Digest::of(b"a body");
        let path = layout.object(output);
        std::fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        for standing in [Standing::Unknown, Standing::Known] {
            std::fs::write(&path, b"damage").unwrap();
            put(&layout, b"a body", output, standing).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"a body");
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_object_that_rows_know_is_not_replaced_by_its_like() {
        use std::os::unix::fs::MetadataExt;
        let (_dir, layout) = store();
        let output = Digest::of(b"a body");
        let inode = || std::fs::metadata(layout.object(output)).unwrap().ino();
        put(&layout, b"a body", output, Standing::Unknown).unwrap();
        let before = inode();
        assert!(matches!(put(&layout, b"a body", output, Standing::Known), Ok(Published::Shared)));
        assert_eq!(inode(), before, "it may have reached the disk, and the new file has not");
        assert_eq!(std::fs::read_dir(layout.tmp_dir()).unwrap().count(), 0);
    }

    #[test]
    fn a_doomed_name_is_left_to_the_trim_and_the_body_stays_whole_beside_it() {
        let (_dir, layout) = store();
        let output = Digest::of(b"a body");
        let Ok(Published::Private(path, Aside::Doomed)) = put(&layout, b"a body", output, Standing::Doomed) else { panic!("published") };
        assert_eq!(std::fs::read(path).unwrap(), b"a body");
        assert!(!Path::new(&layout.object(output)).exists());
    }

    #[test]
    fn without_a_store_folder_a_body_still_gets_a_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), b"in the way").unwrap();
        let layout = Layout::new(&dir.path().join("file")).unwrap();
        let put = put(&layout, b"a body", Digest::of(b"a body"), Standing::Unknown);
        let Ok(Published::Private(path, Aside::Refused(_))) = put else { panic!("published") };
        assert_eq!(std::fs::read(&path).unwrap(), b"a body");
        std::fs::remove_file(path).unwrap();
    }
}

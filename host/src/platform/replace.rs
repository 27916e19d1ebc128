//! Files that are written beside their place and renamed into it: readers see the old one or the new one, and never a part.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A file name that no other process and no other thread makes: PIDs repeat across containers, so the clock is in it too; a
/// collision fails in `create_new` and does no harm.
pub fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("{nanos:x}-{:x}-{count:x}", std::process::id())
}

/// Writes a file anew.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    Staged::new(path, bytes)?.place()
}

/// Writes a file anew that nobody is to write in after that, and that a power cut leaves whole or not at all.
pub fn replace_for_good(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let staged = Staged::write(path, bytes, |file| {
        let mut permissions = file.metadata()?.permissions();
        permissions.set_readonly(true);
        file.set_permissions(permissions)
    })?;
    staged.file.sync_all()?;
    staged.place()
}

/// A file that is written, and not yet in its place.
#[derive(Debug)]
pub struct Staged {
    file: File,
    new: PathBuf,
    path: PathBuf,
}

impl Staged {
    /// Writes a file of somebody's anew, which may be a link and stays one, and keeps its owner and its permissions.
    pub fn own(path: &Path, bytes: &[u8]) -> io::Result<Self> {
        match fs::canonicalize(path) {
            Ok(path) => Self::write(&path, bytes, |file| keep_access(file, &fs::metadata(&path)?)),
            // A link to nothing is left to whoever made it.
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err() => Self::new(path, bytes),
            Err(error) => Err(error),
        }
    }

    /// Writes a file of ours anew.
    pub fn new(path: &Path, bytes: &[u8]) -> io::Result<Self> {
        Self::write(path, bytes, |_| Ok(()))
    }

    fn write(path: &Path, bytes: &[u8], permit: impl FnOnce(&File) -> io::Result<()>) -> io::Result<Self> {
        let new = path.with_extension(format!("new-{}", unique_name()));
        let mut staged = Self { file: File::create_new(&new)?, new, path: path.to_owned() };
        // Before there is anything in it: it may be nobody else's business.
        permit(&staged.file)?;
        staged.file.write_all(bytes)?;
        Ok(staged)
    }

    /// Puts it there.
    pub fn place(self) -> io::Result<()> {
        fs::rename(&self.new, &self.path)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Where it was placed there is none of this name any more.
        let _ = fs::remove_file(&self.new);
    }
}

fn keep_access(file: &File, old: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            // Only the superuser gives files away; who cannot may still write it.
            let _ = fchown(file, Some(old.uid()), Some(old.gid()));
        }
    }
    file.set_permissions(old.permissions())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_whoever_else_writes_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plugin.words");
        let of = |number: u8| vec![number; 1 << 16];
        replace_for_good(&path, &of(0)).unwrap();
        std::thread::scope(|scope| {
            for number in 1..5 {
                let path = &path;
                scope.spawn(move || (0..50).for_each(|_| replace_for_good(path, &of(number)).unwrap()));
            }
            for _ in 0..200 {
                let bytes = fs::read(&path).unwrap();
                assert_eq!(bytes, of(bytes[0]));
            }
        });
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(fs::metadata(&path).unwrap().permissions().readonly());
        replace(&path, b"short").unwrap();
        assert!(!fs::metadata(&path).unwrap().permissions().readonly());
    }

    #[test]
    #[cfg(unix)]
    fn somebodys_own_file_stays_the_link_that_it_is_and_as_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("of-a-repository.toml"), dir.path().join("config.toml"));
        fs::write(&file, b"old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        Staged::own(&link, b"new").unwrap().place().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!((fs::read(&file).unwrap(), fs::metadata(&file).unwrap().permissions().mode() & 0o777), (b"new".to_vec(), 0o600));
        Staged::own(&dir.path().join("another.toml"), b"new").unwrap().place().unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
        fs::remove_file(&file).unwrap();
        Staged::own(&link, b"new").unwrap_err();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "a link to nothing as well");
    }

    #[test]
    fn what_cannot_be_put_in_its_place_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("folder");
        fs::create_dir(&place).unwrap();
        fs::write(place.join("file"), b"").unwrap();
        replace(&place, b"bytes").unwrap_err();
        drop(Staged::own(&dir.path().join("other"), b"bytes").unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

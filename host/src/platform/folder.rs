//! A folder that is looked into again and again.

use std::path::Path;

/// Held open where the system lets us, so that a look walks two components of a path and not eight.
#[derive(Debug)]
pub struct Folder {
    #[cfg(unix)]
    handle: std::os::fd::OwnedFd,
    #[cfg(not(unix))]
    path: std::path::PathBuf,
}

impl Folder {
    /// Opens it; None if it is not there yet.
    pub fn open(path: &Path) -> Option<Self> {
        #[cfg(unix)]
        {
            use rustix::fs::{Mode, OFlags};
            let handle = rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
            Some(Self { handle })
        }
        #[cfg(not(unix))]
        path.is_dir().then(|| Self { path: path.to_owned() })
    }

    /// Bytes of a regular file in it that this user may read; None if it is none, or not there.
    pub fn size_of_file(&self, name: &str) -> Option<u64> {
        #[cfg(unix)]
        {
            use rustix::fs::{Access, AtFlags, FileType, accessat, statat};
            let stat = statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            // Another user's umask may have kept it from everybody else.
            let readable =
                super::owner::readable_by_all(stat.st_mode) || accessat(&self.handle, name, Access::READ_OK, AtFlags::empty()).is_ok();
            (FileType::from_raw_mode(stat.st_mode).is_file() && readable).then(|| u64::try_from(stat.st_size).unwrap_or(0))
        }
        #[cfg(not(unix))]
        {
            let data = std::fs::symlink_metadata(self.path.join(name)).ok()?;
            data.is_file().then(|| data.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_files_have_a_size_and_nothing_else_has() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("ab")).unwrap();
        std::fs::write(dir.path().join("ab/file"), b"12345").unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        assert_eq!(folder.size_of_file("ab/file"), Some(5));
        assert_eq!(folder.size_of_file("ab"), None);
        assert_eq!(folder.size_of_file("ab/other"), None);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("file", dir.path().join("ab/link")).unwrap();
            assert_eq!(folder.size_of_file("ab/link"), None);
        }
        assert!(Folder::open(&dir.path().join("missing")).is_none());
    }
}

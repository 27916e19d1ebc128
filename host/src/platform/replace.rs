//! Files that are written beside their place and renamed into it: readers see the old one or the new one, and never a part.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
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
    write_anew(path, bytes, |_| Ok(()))
}

/// Writes a file anew that nobody is to write in after that.
pub fn replace_read_only(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_anew(path, bytes, |file| {
        let mut permissions = file.metadata()?.permissions();
        permissions.set_readonly(true);
        file.set_permissions(permissions)
    })
}

/// Writes a file of somebody's anew, which may be a link and stays one, and keeps its permissions.
pub fn replace_own(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::canonicalize(path) {
        Ok(path) => write_anew(&path, bytes, |file| file.set_permissions(fs::metadata(&path)?.permissions())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => replace(path, bytes),
        Err(error) => Err(error),
    }
}

fn write_anew(path: &Path, bytes: &[u8], permit: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let new = path.with_extension(format!("new-{}", unique_name()));
    let mut file = File::create_new(&new)?;
    // Before there is anything in it: it may be nobody else's business.
    let written = permit(&file).and_then(|()| file.write_all(bytes)).and_then(|()| {
        drop(file);
        fs::rename(&new, path)
    });
    written.inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_whoever_else_writes_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plugin.words");
        let of = |number: u8| vec![number; 1 << 16];
        replace_read_only(&path, &of(0)).unwrap();
        std::thread::scope(|scope| {
            for number in 1..5 {
                let path = &path;
                scope.spawn(move || (0..50).for_each(|_| replace_read_only(path, &of(number)).unwrap()));
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
        replace_own(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!((fs::read(&file).unwrap(), fs::metadata(&file).unwrap().permissions().mode() & 0o777), (b"new".to_vec(), 0o600));
        replace_own(&dir.path().join("another.toml"), b"new").unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn what_cannot_be_put_in_its_place_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("folder");
        fs::create_dir(&place).unwrap();
        fs::write(place.join("file"), b"").unwrap();
        replace(&place, b"bytes").unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

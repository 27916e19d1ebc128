//! What is compiled of a plugin and not used any more. Every roll-out leaves an artefact behind, and that of a Go program has ten megabytes.

use super::ArtifactStore;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What was not used for so long is let go. A plugin that comes back is compiled again.
const UNUSED: Duration = Duration::from_secs(30 * DAY);
/// How exactly it is known when something was used last: noting it costs a session a system call or two.
const NOTED: Duration = Duration::from_secs(DAY);
const DAY: u64 = 24 * 60 * 60;

impl ArtifactStore {
    /// Notes that an artefact is used.
    pub(super) fn use_now(path: &Path, data: &Metadata) {
        if age(data) > NOTED {
            // Where that cannot be noted it is compiled again every month.
            let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
        }
    }

    /// Lets go of what was not used for long. Of notes it is only known when they were written: they are made anew, and that costs no more than
    /// the session in which they were.
    pub(super) fn sweep(&self) {
        let Some(files) = self.folder().and_then(|_| fs::read_dir(&self.dir).ok()) else { return };
        for file in files.flatten() {
            let is_old = || file.metadata().is_ok_and(|data| data.is_file() && age(&data) > UNUSED);
            if is_ours(&file.path()) && is_old() {
                // On some systems not while another session runs it; then next time.
                let _ = fs::remove_file(file.path());
            }
        }
    }
}

/// Zero for what lies in the future.
fn age(data: &Metadata) -> Duration {
    data.modified().ok().and_then(|time| time.elapsed().ok()).unwrap_or_default()
}

/// Everything of ours is named by a digest.
fn is_ours(path: &Path) -> bool {
    let digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let extension = path.extension().map(OsStr::as_encoded_bytes);
    path.file_stem().is_some_and(|stem| stem.len() == 64 && stem.as_encoded_bytes().iter().all(digit))
        && extension.is_none_or(|known| matches!(known, b"refused" | b"seen" | b"words") || known.starts_with(b"new-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;
    use std::path::PathBuf;

    fn written(dir: &Path, name: &str, age: u64) -> PathBuf {
        let path = dir.join(name);
        fs::write(&path, name).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(SystemTime::now() - Duration::from_secs(age * DAY)).unwrap();
        path
    }

    #[test]
    fn what_was_not_used_for_a_month_goes_and_nothing_that_is_not_ours() {
        let dir = tempfile::tempdir().unwrap();
        let native = dir.path().join("native");
        crate::platform::create_private_dir(&native).unwrap();
        let hex = |number: u8| Digest::of(&[number]).to_hex();
        let gone: Vec<PathBuf> = ["", ".words", ".seen", ".refused", ".new-4711"]
            .iter()
            .zip(0..)
            .map(|(extension, number)| written(&native, &format!("{}{extension}", hex(number)), 31))
            .collect();
        let kept = [
            written(&native, &hex(10), 29),
            written(&native, &hex(11)[1..], 1000),
            written(&native, "README", 1000),
            written(&native, &format!("{}.txt", hex(14)), 1000),
            written(&native, &hex(15).to_uppercase(), 1000),
            written(&native, &hex(12).replace('a', "x"), 1000),
        ];
        fs::create_dir(native.join(hex(13))).unwrap();
        ArtifactStore::new(native.clone(), PathBuf::from("cachewit")).sweep();
        assert!(gone.iter().all(|path| !path.exists()), "{gone:?}");
        assert!(kept.iter().all(|path| path.exists()), "{kept:?}");
        assert!(native.join(hex(13)).is_dir());
    }

    #[test]
    fn what_is_used_is_as_new_and_that_is_noted_once_a_day() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path(), "artefact", 40);
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        ArtifactStore::use_now(&path, &fs::metadata(&path).unwrap());
        let noted = fs::metadata(&path).unwrap();
        assert!(age(&noted) < NOTED, "{:?}", age(&noted));
        ArtifactStore::use_now(&path, &noted);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), noted.modified().unwrap());
    }
}

//! What a plugin's file was when it was last read: it need not be read, hashed and parsed in each session, which was a third of a plugin's
//! start.
//!
//! No code runs because of what is noted here. What runs is an artefact, found by the digest that the operator vouched for and compiled
//! from bytes with that digest; the file itself is looked at only so that a change is noticed and refused. It is read again as soon as
//! anything about it has changed that the system tells of a file.

use super::ArtifactStore;
use crate::model::Digest;
use crate::platform::{self, FileIdentity};
use crate::policy::Manifest;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A manifest has some lines.
const MOST_BYTES: u64 = 1 << 20;

/// The manifest of a pinned plugin, and the file that it was read from.
#[derive(Serialize, Deserialize)]
struct Seen {
    manifest: Manifest,
    /// Last, so that what a power cut has cut short is of no file.
    file: FileIdentity,
}

impl ArtifactStore {
    /// The manifest of a plugin whose file is still the one that had this digest.
    pub(in crate::policy) fn recall(&self, plugin: &Path, pinned: Digest, file: FileIdentity) -> Option<Manifest> {
        self.folder()?;
        let bytes = platform::read(&self.seen(plugin, pinned), MOST_BYTES).ok()?;
        let (seen, rest): (Seen, _) = postcard::take_from_bytes(&bytes).ok()?;
        (rest.is_empty() && seen.file == file).then_some(seen.manifest)
    }

    /// Notes a file that has this digest. `file` is what it was before it was read: what changed meanwhile shows next time.
    pub(in crate::policy) fn note(&self, plugin: &Path, pinned: Digest, file: FileIdentity, manifest: &Manifest) {
        // Of a file that was changed just now another change might not show, and of one that lies on another machine it might show late.
        if !file.is_settled() || platform::remote_file_system(plugin).is_some() {
            return;
        }
        if let Ok(bytes) = postcard::to_allocvec(&Seen { manifest: manifest.clone(), file }) {
            // Without it the file is read next time.
            let _ = self.keep(&self.seen(plugin, pinned), &bytes);
        }
    }

    fn seen(&self, plugin: &Path, pinned: Digest) -> PathBuf {
        let mut key = format!("{} {pinned} ", env!("CARGO_PKG_VERSION")).into_bytes();
        key.extend(plugin.as_os_str().as_encoded_bytes());
        self.dir.join(Digest::of(&key).to_hex()).with_extension("seen")
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::policy::shipped;
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    struct Case {
        dir: tempfile::TempDir,
        store: ArtifactStore,
        manifest: Manifest,
        pinned: Digest,
    }

    impl Case {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let store = ArtifactStore::new(dir.path().join("native"), PathBuf::from("cachewit"));
            let component = shipped::component("ci-guard").unwrap();
            fs::write(dir.path().join("plugin.wasm"), component).unwrap();
            let manifest = Manifest::read(component).unwrap();
            assert!(!manifest.wishes.is_empty());
            Self { dir, store, manifest, pinned: Digest::of(component) }
        }

        fn plugin(&self) -> PathBuf {
            self.dir.path().join("plugin.wasm")
        }

        fn file(&self) -> FileIdentity {
            FileIdentity::of(&self.plugin()).unwrap()
        }

        /// The file as it was some days ago and is since.
        fn settled(&self) -> FileIdentity {
            while !self.file().is_settled() {
                std::thread::sleep(Duration::from_millis(50));
            }
            self.file()
        }

        fn note(&self, file: FileIdentity) {
            self.store.note(&self.plugin(), self.pinned, file, &self.manifest);
        }

        fn recall(&self) -> Option<Manifest> {
            self.store.recall(&self.plugin(), self.pinned, self.file())
        }
    }

    #[test]
    fn a_file_that_was_left_alone_is_known_by_its_path_and_its_digest() {
        let case = Case::new();
        assert_eq!(case.recall(), None);
        case.note(case.settled());
        assert_eq!(case.recall().as_ref(), Some(&case.manifest));
        assert_eq!(case.store.recall(&case.plugin(), Digest::of(b"another"), case.file()), None);
        assert_eq!(case.store.recall(&case.dir.path().join("other.wasm"), case.pinned, case.file()), None);
    }

    #[test]
    fn what_has_just_changed_is_not_noted() {
        let case = Case::new();
        assert!(!case.file().is_settled());
        case.note(case.file());
        assert_eq!(case.recall(), None);
    }

    #[test]
    fn another_content_shows_although_size_and_time_are_the_old_ones() {
        let case = Case::new();
        case.note(case.settled());
        let modified = fs::metadata(case.plugin()).unwrap().modified().unwrap();
        let mut bytes = fs::read(case.plugin()).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(case.plugin(), bytes).unwrap();
        File::options().write(true).open(case.plugin()).unwrap().set_modified(modified).unwrap();
        assert_eq!(fs::metadata(case.plugin()).unwrap().modified().unwrap(), modified);
        assert_eq!(case.recall(), None);
    }

    #[test]
    fn another_file_in_its_place_shows_although_it_is_as_old_and_as_long() {
        let case = Case::new();
        let twin = case.dir.path().join("twin.wasm");
        fs::copy(case.plugin(), &twin).unwrap();
        let time = SystemTime::now() - Duration::from_secs(1000);
        for path in [&twin, &case.plugin()] {
            File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        }
        case.note(case.settled());
        assert!(case.recall().is_some());
        fs::rename(&twin, case.plugin()).unwrap();
        assert_eq!(case.recall(), None);
    }

    #[test]
    fn what_was_cut_short_or_lies_in_a_folder_that_others_may_write_in_is_not_believed() {
        use std::os::unix::fs::PermissionsExt;
        let case = Case::new();
        case.note(case.settled());
        let native = case.dir.path().join("native");
        let noted = fs::read_dir(&native).unwrap().next().unwrap().unwrap().path();
        let whole = fs::read(&noted).unwrap();
        let put = |bytes: &[u8]| {
            fs::remove_file(&noted).unwrap();
            fs::write(&noted, bytes).unwrap();
        };
        for length in 0..whole.len() {
            put(&whole[..length]);
            assert_eq!(case.recall(), None, "{length}");
        }
        put(&vec![0; whole.len()]);
        assert_eq!(case.recall(), None);
        put(&whole);
        assert!(case.recall().is_some());
        fs::set_permissions(&native, fs::Permissions::from_mode(0o777)).unwrap();
        let store = ArtifactStore::new(native, PathBuf::from("cachewit"));
        assert_eq!(store.recall(&case.plugin(), case.pinned, case.file()), None);
    }
}

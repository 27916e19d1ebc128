//! Compiled components, kept for the next session.
//!
//! An artefact is native code, and loading one is running it. So it lies in a folder of this user's own with mode 0700, never below
//! GOCACHE or the store, which CI systems archive and hand to other machines; it is read and never fetched.

use super::compile::{self, CompileError};
use super::engine::Prepared;
use crate::model::Digest;
use crate::platform;
use crate::policy::manifest::check_header;
use crate::policy::{Component, PolicyError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What the file of a refusal ends in, which lies where the artefact would.
const REFUSED: &str = "refused";

/// How long a component is not compiled again that broke the compiler or its limits: a build has many `go` commands, and each of them
/// would pay for it.
const REFUSED_FOR: Duration = Duration::from_secs(3600);

/// A refusal is a sentence.
const MOST_WORDS: u64 = 4096;

/// The folder of artefacts.
#[derive(Clone, Debug)]
pub struct ArtifactStore {
    pub(super) dir: PathBuf,
    program: PathBuf,
    folder: Arc<OnceLock<Folder>>,
}

/// The folder, once it is there and is this user's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folder {
    /// On a network another machine can take a file away.
    is_remote: bool,
}

/// What became of a component.
#[derive(Debug)]
pub enum Compiled {
    /// It is linked.
    Ready(Box<Prepared>),
    /// It has to be compiled first; that takes long enough for somebody to do it elsewhere.
    Missing,
    /// It cannot be compiled, for this reason; that was found out a short while ago, and at a price.
    Refused(String),
}

impl ArtifactStore {
    /// Artefacts in `dir`, compiled by `program`, which must be a cachewit command line.
    pub fn new(dir: PathBuf, program: PathBuf) -> Self {
        Self { dir, program, folder: Arc::default() }
    }

    /// The usual folder, and this program as the compiler. None where the system has no folder for this user.
    pub fn of_this_user() -> Option<Self> {
        let dir = platform::user_cache_dir()?.join("cachewit").join("native");
        Some(Self::new(dir, std::env::current_exe().ok()?))
    }

    /// The folder; None while it is not there, or not this user's own.
    pub(super) fn folder(&self) -> Option<Folder> {
        if let Some(folder) = self.folder.get() {
            return Some(*folder);
        }
        let look = || Folder { is_remote: platform::remote_file_system(&self.dir).is_some() };
        platform::is_mine(&self.dir).then(|| *self.folder.get_or_init(look))
    }

    /// Links the component with this digest if it was compiled before.
    pub fn load(&self, sha256: Digest) -> Result<Compiled, PolicyError> {
        let path = self.path(sha256);
        let data = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file);
        let (Some(folder), Some(data)) = (self.folder(), data) else {
            return Ok(self.refusal(&path).map_or(Compiled::Missing, Compiled::Refused));
        };
        Self::use_now(&path, &data);
        // Mapped, of a policy's quarter of a megabyte and of a Go program's ten only those pages come in that are looked at, which is half
        // of the time of a start. If the file is taken away under the mapping, that is our end.
        let prepared = if folder.is_remote {
            std::fs::read(&path).map_or(Ok(None), |artifact| Prepared::from_artifact(&artifact))?
        } else {
            Prepared::from_file(&path)?
        };
        Ok(prepared.map_or(Compiled::Missing, |prepared| Compiled::Ready(Box::new(prepared))))
    }

    /// Compiles a component in a child process with limits, keeps the artefact, and links it. Where it cannot be kept it is compiled again next
    /// time, and the error of that comes with it.
    pub fn compile(&self, component: &Component) -> Result<(Prepared, io::Result<()>), PolicyError> {
        check_header(component)?;
        let path = self.path(component.sha256());
        let artifact = compile::in_child(&self.program, component).map_err(|error| {
            if error.is_for_good() {
                let _ = self.keep(&path.with_extension(REFUSED), error.to_string().as_bytes());
            }
            PolicyError::Unusable(error.to_string())
        })?;
        // Never overwritten in place, by us or by whoever restores a backup: other processes run it.
        let kept = self.make_folder().and_then(|()| platform::replace_for_good(&path, &artifact));
        self.sweep();
        let unusable = || PolicyError::Unusable(CompileError::Unfit.to_string());
        Ok((Prepared::from_artifact(&artifact)?.ok_or_else(unusable)?, kept))
    }

    /// Everything that generated code depends on but wasmtime does not check is in the name; what it does check (its version, settings,
    /// processor features) is checked again on loading, and a mismatch is a miss.
    pub(super) fn path(&self, sha256: Digest) -> PathBuf {
        let key = format!("{} {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH, sha256);
        self.dir.join(Digest::of(key.as_bytes()).to_hex())
    }

    /// Why a component could not be compiled, if that was found out within the last hour.
    fn refusal(&self, path: &Path) -> Option<String> {
        let path = path.with_extension(REFUSED);
        let age = std::fs::metadata(&path).and_then(|data| data.modified()).ok()?.elapsed().ok()?;
        let words = (age < REFUSED_FOR && self.folder().is_some()).then(|| platform::read(&path, MOST_WORDS).ok())??;
        let words = String::from_utf8_lossy(&words);
        Some(format!("{words}; it is tried again in an hour, and now with `cachewit plugin check`"))
    }

    /// Keeps a refusal, a note or words.
    pub(super) fn keep(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.make_folder()?;
        platform::replace(path, bytes)
    }

    /// Makes the folder where it is missing. An error says why nothing can be kept there.
    pub fn make_folder(&self) -> io::Result<()> {
        platform::create_private_dir(&self.dir)?;
        if platform::is_mine(&self.dir) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is a link, or another user's, or others may write in it"))
    }

    /// The folder's path, for people.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

//! Whether a file is the one that it was.

use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Times of files are no finer than the system's ticks, or than two seconds on the coarsest file systems.
const COARSEST: Duration = Duration::from_secs(2);

/// What tells a file from any other, and from itself before it was changed: nobody but the system sets the time of the last change, so other
/// content shows in it, unless the system's clock is set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, i64),
    /// The same of the last change of anything about it.
    changed: (i64, i64),
}

impl FileIdentity {
    /// The identity of the file behind a path. None if there is none, and where the system has no such times.
    pub fn of(path: &Path) -> Option<Self> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let data = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
            let (modified, changed) = ((data.mtime(), data.mtime_nsec()), (data.ctime(), data.ctime_nsec()));
            Some(Self { device: data.dev(), inode: data.ino(), size: data.size(), modified, changed })
        }
        #[cfg(not(unix))]
        {
            let _ = path;
            None
        }
    }

    /// Whether the last change is so long ago that another would show.
    pub fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(self.changed.0).is_ok_and(|changed| Duration::from_secs(changed + 1) + COARSEST <= now)
    }
}

//! Whose a file is, and who may read it.

use std::fs::Metadata;
use std::path::Path;

/// The number of the user that a file or folder belongs to; None where it is not there, or where users have no numbers.
pub fn owner(path: &Path) -> Option<u32> {
    #[cfg(unix)]
    return std::fs::symlink_metadata(path).ok().map(|data| std::os::unix::fs::MetadataExt::uid(&data));
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// Whether a file or folder belongs to this user, as far as the system can tell.
pub fn is_ours(data: &Metadata) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::uid(data) == rustix::process::geteuid().as_raw();
    #[cfg(not(unix))]
    {
        let _ = data;
        true
    }
}

/// Whether this user may read a file. Nearly always its mode says so for everybody, and nothing more is asked.
pub fn is_readable(path: &Path, data: &Metadata) -> bool {
    #[cfg(unix)]
    return readable_by_all(std::os::unix::fs::MetadataExt::mode(data)) || rustix::fs::access(path, rustix::fs::Access::READ_OK).is_ok();
    #[cfg(not(unix))]
    {
        let _ = (path, data);
        true
    }
}

/// Whether this user may make files in a folder, as far as its mode says.
pub fn may_fill(folder: &Path) -> bool {
    #[cfg(unix)]
    return rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok();
    #[cfg(not(unix))]
    {
        let _ = folder;
        true
    }
}

/// Whether a mode lets owner, group and others read.
#[cfg(unix)]
pub(super) fn readable_by_all(mode: u32) -> bool {
    mode & 0o444 == 0o444
}

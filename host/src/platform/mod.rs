//! All that differs between operating systems. Every function has a fallback that is slower or less, never wrong.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

mod folder;
mod identity;
mod owner;
mod parent;
mod power;
mod replace;
mod stdio;
mod volume;
mod words;

pub use folder::Folder;
pub use identity::FileIdentity;
pub use owner::{is_ours, is_readable, may_fill, owner};
pub use parent::parent_arguments;
pub use power::{boot_id, knows_boots, sync_file_system};
pub use replace::{Staged, replace, replace_for_good, unique_name};
pub use stdio::{end_at_broken_pipes, enlarge_pipes, ignore_interrupts, let_go_of_the_terminal, release_stdout};
pub use volume::{has_shared_memory, remote_file_system};
pub use words::SharedWords;

/// Creates a file that must not exist yet, readable and executable by everybody and writable through this handle alone: `go`
/// executes some hits, and nothing may change a published object.
pub fn create_object(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o555);
    }
    options.open(path)
}

/// Reads a file that has no reason to be larger. A pipe or a device in its place is an error: whoever waits for one waits for ever.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    use std::io::Read;
    let data = std::fs::metadata(path)?;
    if !data.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(data.len().min(most)).unwrap_or(0));
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {most} bytes")));
    }
    Ok(bytes)
}

/// Creates a folder and its parents for this user alone.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Whether a folder belongs to this user and nobody else may write in it.
pub fn is_mine(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        std::fs::symlink_metadata(path)
            .is_ok_and(|data| data.is_dir() && data.uid() == rustix::process::geteuid().as_raw() && data.mode() & 0o022 == 0)
    }
    #[cfg(not(unix))]
    std::fs::symlink_metadata(path).is_ok_and(|data| data.is_dir())
}

/// Writes at an offset without moving anything.
pub fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::write_all_at(file, bytes, offset);
    #[cfg(windows)]
    {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        if written == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }
}

/// Reads at an offset without moving anything; fewer bytes only at the end of the file.
pub fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, bytes, offset);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, bytes, offset);
}

/// Bytes of the file system that holds `path`, and how many of them are free for this user. None where it cannot be told.
pub fn space(path: &Path) -> Option<Space> {
    #[cfg(unix)]
    {
        let stat = rustix::fs::statvfs(path).ok()?;
        // File systems that make room for files as they come say that they have none at all.
        let files = (stat.f_files > 0).then_some(stat.f_favail);
        Some(Space { total: stat.f_blocks.saturating_mul(stat.f_frsize), free: stat.f_bavail.saturating_mul(stat.f_frsize), files })
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// See [`space`]. In bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// The file system's size.
    pub total: u64,
    /// What is free for this user.
    pub free: u64,
    /// How many more files this user may make there; None where that is not limited.
    pub files: Option<u64>,
}

/// The folder for this user's caches that are not Go's: native code must not lie below GOCACHE, which CI archives.
pub fn user_cache_dir() -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(windows) {
        return from("LOCALAPPDATA");
    }
    if cfg!(target_os = "macos") {
        return from("HOME").map(|home| home.join("Library/Caches"));
    }
    from("XDG_CACHE_HOME").or_else(|| from("HOME").map(|home| home.join(".cache")))
}

/// The folder for this user's settings.
pub fn user_config_dir() -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(windows) {
        return from("APPDATA");
    }
    if cfg!(target_os = "macos") {
        return from("HOME").map(|home| home.join("Library/Application Support"));
    }
    from("XDG_CONFIG_HOME").or_else(|| from("HOME").map(|home| home.join(".config")))
}

/// Limits this process before it compiles a stranger's component: address space in bytes, processor time in seconds.
pub fn limit_this_process(address_space: u64, cpu_seconds: u64) {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let limit = |most, last| Rlimit { current: Some(most), maximum: Some(last) };
        // A system that refuses leaves the wall clock of the parent, which kills this process.
        let _ = setrlimit(Resource::As, limit(address_space, address_space));
        // The first limit sends a signal that says why, the second kills.
        let _ = setrlimit(Resource::Cpu, limit(cpu_seconds, cpu_seconds + 1));
        let _ = setrlimit(Resource::Core, limit(0, 0));
    }
    #[cfg(not(unix))]
    let _ = (address_space, cpu_seconds);
}

/// Whether a process ended because it had used the processor time of [`limit_this_process`].
pub fn used_up_its_time(status: std::process::ExitStatus) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        status.signal() == Some(rustix::process::Signal::XCPU.as_raw())
    }
    #[cfg(not(unix))]
    {
        let _ = status;
        false
    }
}

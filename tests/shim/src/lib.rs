//! A shared object that a test loads into the real binary with `LD_PRELOAD`. It stands between that process and the kernel: it records
//! each call that changes something below one folder, lets a user's quota be used up there, and gives the machine another boot.
//!
//! Nothing in the product knows of it. Linux alone, on the processors that [`SUPPORTED`] names.

pub mod log;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod preload;

/// The folder that is watched, absolute and without symbolic links. Without it the shim does nothing.
pub const FOLDER: &str = "CACHEWIT_SHIM_FOLDER";

/// The file to which calls are appended, of all processes in one order; see [`log`].
pub const LOG: &str = "CACHEWIT_SHIM_LOG";

/// How many bytes this process may add below the folder before its user's quota is used up.
pub const QUOTA: &str = "CACHEWIT_SHIM_QUOTA";

/// A file that is read in the place of the kernel's name for this run of the machine.
pub const BOOT: &str = "CACHEWIT_SHIM_BOOT";

/// Whether the shim does anything on this machine.
pub const SUPPORTED: bool = cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")));

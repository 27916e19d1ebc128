//! What the tests share: a real `go`, a real S3 server, clients that speak the protocol, and components made for a test.

pub mod bucket;
pub mod client;
pub mod conformance;
pub mod docs;
pub mod fake_system;
pub mod fuzz;
pub mod go;
pub mod go_policy;
pub mod guest;
pub mod s3;
pub mod script;
#[cfg(target_os = "linux")]
pub mod shim;
pub mod stored;
pub mod toolchain;
pub mod warmed;
#[cfg(unix)]
pub mod wrong;

use std::time::Duration;

/// How long a host may take for anything: a bound against hanging, and no measure. Most wrong hosts hang, so the run of them names a
/// shorter one, in seconds, in `CACHEWIT_PATIENCE`.
pub fn patience() -> Duration {
    let named = std::env::var("CACHEWIT_PATIENCE").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(named.unwrap_or(300))
}

/// Whether this machine lets a test mount something in namespaces of its own, as most containers do not. `cargo xtask test` finds out, says
/// so, and names it in `CACHEWIT_NO_NAMESPACES`; without that variable a test that cannot mount fails.
pub fn namespaces() -> bool {
    std::env::var_os("CACHEWIT_NO_NAMESPACES").is_none()
}

/// Another user that a test can start processes as; None, and a line in capital letters, where the tests do not run as root.
pub fn other_user() -> Option<u32> {
    #[cfg(unix)]
    {
        let mine = tempfile::tempfile().and_then(|file| file.metadata()).map(|data| std::os::unix::fs::MetadataExt::uid(&data));
        if mine.is_ok_and(|uid| uid == 0) {
            // Who owns nothing, on every system.
            return Some(65_534);
        }
    }
    eprintln!("THE TESTS DO NOT RUN AS ROOT and so as no other user: this one proves nothing here");
    None
}

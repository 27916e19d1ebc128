//! What the tests share: a real `go`, a real S3 server, clients that speak the protocol, and components made for a test.

pub mod bucket;
pub mod client;
pub mod go;
pub mod guest;
pub mod s3;
pub mod script;
pub mod stored;

/// Whether this machine lets a test mount something in namespaces of its own, as most containers do not. `cargo xtask test` finds out, says
/// so, and names it in `CACHEWIT_NO_NAMESPACES`; without that variable a test that cannot mount fails.
pub fn namespaces() -> bool {
    std::env::var_os("CACHEWIT_NO_NAMESPACES").is_none()
}

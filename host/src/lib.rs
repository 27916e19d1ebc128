//! cachewit: Go's build cache made programmable.
//!
//! The `go` command starts a host process through `GOCACHEPROG` and asks it for the outputs of actions. A native host speaks
//! the protocol and owns every byte on disk and on the wire; what to admit, keep, fetch and share is decided by sandboxed
//! WebAssembly components. `docs/architecture.md` in the repository is the map of this crate.

pub mod cache;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod fault;
pub mod model;
pub mod object;
pub mod platform;
pub mod policy;
pub mod protocol;
pub mod remote;
pub mod session;
pub mod simulate;
pub mod store;
pub mod trace;

//! What an object is, and what an archive says of itself.
//!
//! `go` tells neither: its requests carry digests alone. Both are read off the bytes, so both are best effort, and nothing
//! that a build's result depends on may rest on them.

mod archive;
mod kind;

pub use archive::read_facts;
pub use kind::{HEAD, sniff};

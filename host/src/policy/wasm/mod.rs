//! Policies in the sandbox.
//!
//! The stages are named so that what is dear and what is cheap cannot be mixed up: bytes are compiled once, by a child process, into an
//! artefact; that becomes a linked [`Prepared`] in a fraction of a millisecond; and that becomes an instance at the
//! first question, anew after each trap.

mod artifact;
mod compile;
mod engine;
mod identity;
mod imports;
mod instance;
mod limits;
mod seen;
mod sweep;
mod ticker;
mod v0_1;
mod words;

pub use artifact::{ArtifactStore, Compiled};
pub use compile::{Allowance, COMPILE_COMMAND, compile_child};
pub use engine::Prepared;
pub use identity::Identity;
pub use instance::WasmPolicy;
pub use limits::{LIMITS, Limits};
pub(super) use words::Speaker;

//! What a lookup finds.

use crate::model::{Digest, Origin, UnixNanos};
use crate::store::{Found, Used};

/// A local hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// SHA-256 of the body.
    pub output: Digest,
    /// Bytes.
    pub size: u64,
    /// When `go` last put it.
    pub put: UnixNanos,
    /// Where it lies: whole, unchanged, and there until this session ends.
    pub path: String,
    /// How the session's list names it.
    pub used: Used,
    /// Where it came from.
    pub origin: Origin,
    /// Whether it may be served, as far as that is known.
    pub verdict: Verdict,
}

impl Hit {
    /// What the index knows, and the file that is there.
    pub(super) fn found(found: &Found, path: String) -> Self {
        let Found { id, output, size, put, origin } = *found;
        Self { output, size, put, path, used: Used::Row(id), origin, verdict: Verdict::Open }
    }
}

/// What is known of whether a hit may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody was asked yet.
    Open,
    /// It may: this session's own `go` put it, or the chain has let it pass.
    Passes,
    /// The chain has refused it.
    Refused,
}

//! What happened.

use crate::{Kind, Session};
use std::time::Duration;

/// What happened to a request, or to a group after all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum What {
    /// `go` asked.
    Get,
    /// `go` put.
    Put,
    /// A group went.
    Evicted,
    /// A group was shared.
    Shared,
    /// Something that this SDK does not know; to be skipped.
    #[default]
    Other,
}

impl What {
    /// Reads the contract's code.
    pub const fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Get,
            2 => Self::Put,
            3 => Self::Evicted,
            4 => Self::Shared,
            _ => Self::Other,
        }
    }

    /// The contract's code.
    pub const fn code(self) -> u32 {
        match self {
            Self::Get => 1,
            Self::Put => 2,
            Self::Evicted => 3,
            Self::Shared => 4,
            Self::Other => 0,
        }
    }
}

/// Where a get was answered from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Nowhere, or it was no get.
    #[default]
    Miss,
    /// The local store.
    Local,
    /// A remote store.
    Remote,
    /// Go's own cache directory.
    Native,
    /// A serving policy refused it.
    Refused,
    /// Somewhere that this SDK does not know.
    Other,
}

impl Level {
    /// Reads the contract's code.
    pub const fn from_code(code: u32) -> Self {
        match code {
            0 => Self::Miss,
            1 => Self::Local,
            2 => Self::Remote,
            3 => Self::Native,
            4 => Self::Refused,
            _ => Self::Other,
        }
    }

    /// The contract's code.
    pub const fn code(self) -> u32 {
        match self {
            Self::Miss => 0,
            Self::Local => 1,
            Self::Remote => 2,
            Self::Native => 3,
            Self::Refused => 4,
            Self::Other => u32::MAX,
        }
    }
}

/// Something that happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub what: What,
    /// Of a get: where its answer came from.
    pub level: Level,
    /// Bytes of the object or group; 0 for a miss.
    pub size: u64,
    /// From the beginning of the session to the request.
    pub time: Duration,
    /// Until the answer was ready.
    pub duration: Duration,
    /// What the object or group is; a get does not tell.
    pub kind: Kind,
    /// Of a put: how long `go` took to make it, where that was observed.
    pub cost: Option<Duration>,
}

/// What happened in the session, a row an event: gets and puts in the order of their answers, then what was evicted and shared. A run of rows
/// past the end is a mistake.
#[allow(clippy::len_without_is_empty, reason = "the contract has `rows`; nobody asks whether there are none")]
pub trait Events {
    /// How many rows there are.
    fn len(&self) -> u32;
    /// The events of a run of rows.
    fn run(&self, first: u32, count: u32) -> Vec<Event>;
}

/// Learns what happened.
pub trait Observer {
    /// Asked behind `go`'s back when everything else was decided, in batches that come in order; every row is in exactly one of them.
    fn observe(&mut self, events: &dyn Events, session: &dyn Session, first: u32, count: u32);
}

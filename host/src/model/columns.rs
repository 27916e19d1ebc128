//! The groups that a trim could let go, as columns.

use super::Kind;

/// A cost that was never observed, in [`TrimColumns::costs`].
pub const UNKNOWN_COST: u64 = u64::MAX;

/// Why a trim happens. The codes are the contract's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimReason {
    /// The store is over `max-size`.
    MaxSize = 1,
    /// The file system is under `min-free`.
    MinFree = 2,
    /// Somebody asked for it.
    Asked = 3,
}

/// One row a group; all columns have the same length.
#[derive(Clone, Debug)]
pub struct TrimColumns {
    /// Why the trim happens.
    pub reason: TrimReason,
    /// Bytes in the store.
    pub used: u64,
    /// Bytes that must go.
    pub wanted: u64,
    /// The first eight bytes of the head's action.
    pub keys: Vec<u64>,
    /// Bytes of the objects that only this group needs.
    pub sizes: Vec<u64>,
    /// Ended sessions of a stream since one used it, the least over all live streams; `u32::MAX` if no live stream ever did.
    pub idle_runs: Vec<u32>,
    /// Place in the order of last use, 0 = the longest unused.
    pub ranks: Vec<u32>,
    /// Seconds since the last use.
    pub idle_seconds: Vec<u32>,
    /// Seconds since the last put.
    pub ages: Vec<u32>,
    /// Sessions that used it.
    pub uses: Vec<u32>,
    /// Microseconds that making it took, or [`UNKNOWN_COST`].
    pub costs: Vec<u64>,
    /// What the head is.
    pub kinds: Vec<Kind>,
    /// The stream that used it last; 0 = unknown.
    pub streams: Vec<u32>,
    /// Actions of the group.
    pub members: Vec<u32>,
    /// Bit n: target n is known to hold it.
    pub held: Vec<u32>,
    /// Bit 0: a live process was handed one of its objects.
    pub marks: Vec<u32>,
    /// The policy's own word.
    pub tags: Vec<u64>,
}

impl TrimColumns {
    /// No rows.
    pub fn empty(reason: TrimReason) -> Self {
        Self {
            reason,
            used: 0,
            wanted: 0,
            keys: Vec::new(),
            sizes: Vec::new(),
            idle_runs: Vec::new(),
            ranks: Vec::new(),
            idle_seconds: Vec::new(),
            ages: Vec::new(),
            uses: Vec::new(),
            costs: Vec::new(),
            kinds: Vec::new(),
            streams: Vec::new(),
            members: Vec::new(),
            held: Vec::new(),
            marks: Vec::new(),
            tags: Vec::new(),
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }
}

/// What happened to a request, or to a group after them. The codes are the contract's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventCode {
    /// `go` asked.
    Get = 1,
    /// `go` put.
    Put = 2,
    /// A group went.
    Evicted = 3,
    /// A group was shared.
    Shared = 4,
}

/// What happened in a session, one row an event; all columns have the same length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventColumns {
    /// See [`EventCode`].
    pub codes: Vec<u32>,
    /// Where a get was answered from: 0 miss, 1 here, 2 remote, 3 Go's own cache directory, 4 refused.
    pub levels: Vec<u32>,
    /// Bytes.
    pub sizes: Vec<u64>,
    /// Microseconds from the beginning of the session.
    pub times: Vec<u64>,
    /// Microseconds until the answer.
    pub durations: Vec<u64>,
    /// Kind codes; 0 = not known.
    pub kinds: Vec<u32>,
    /// Microseconds that making it took, or [`UNKNOWN_COST`].
    pub costs: Vec<u64>,
}

/// One row of [`EventColumns`].
#[derive(Clone, Copy, Debug)]
pub struct EventRow {
    /// What happened.
    pub code: EventCode,
    /// See [`EventColumns::levels`].
    pub level: u32,
    /// Bytes.
    pub size: u64,
    /// Microseconds from the beginning of the session.
    pub time: u64,
    /// Microseconds until the answer.
    pub duration: u64,
    /// What it is; None = not known.
    pub kind: Option<Kind>,
    /// Microseconds that making it took.
    pub cost: Option<u64>,
}

impl EventColumns {
    /// Adds a row.
    pub fn push(&mut self, row: EventRow) {
        self.codes.push(row.code as u32);
        self.levels.push(row.level);
        self.sizes.push(row.size);
        self.times.push(row.time);
        self.durations.push(row.duration);
        self.kinds.push(row.kind.map_or(0, |kind| u32::from(kind.code())));
        self.costs.push(row.cost.unwrap_or(UNKNOWN_COST));
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }
}

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

//! Who goes first when the store must shrink.

/// A cost that was never observed, in [`Rows::costs`].
pub const UNKNOWN_COST: u64 = u64::MAX;

/// Why a trim happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrimReason {
    /// A reason that this SDK does not know.
    #[default]
    Unknown,
    /// The store is over `max-size`.
    MaxSize,
    /// The file system is under `min-free`.
    MinFree,
    /// Somebody asked for it.
    Asked,
}

impl TrimReason {
    /// Reads the contract's code.
    pub fn from_code(code: u32) -> Self {
        match code {
            1 => Self::MaxSize,
            2 => Self::MinFree,
            3 => Self::Asked,
            _ => Self::Unknown,
        }
    }

    /// The contract's code.
    pub fn code(self) -> u32 {
        match self {
            Self::Unknown => 0,
            Self::MaxSize => 1,
            Self::MinFree => 2,
            Self::Asked => 3,
        }
    }
}

/// The trim that is going on. Every column is asked for a run of rows, `first + count` at most [`Rows::len`].
#[allow(clippy::len_without_is_empty, reason = "a trim without rows asks nobody")]
pub trait Rows {
    /// Why it happens.
    fn reason(&self) -> TrimReason;
    /// Bytes in the store.
    fn used(&self) -> u64;
    /// Bytes that must go.
    fn wanted(&self) -> u64;
    /// How many rows there are.
    fn len(&self) -> u32;
    /// What tells a group from all others, from trim to trim: the first eight bytes of its head's action ID.
    fn keys(&self, first: u32, count: u32) -> Vec<u64>;
    /// Bytes of the objects that only this group needs.
    fn sizes(&self, first: u32, count: u32) -> Vec<u64>;
    /// Sessions of its stream that ended since one used it: 0 = the last one did.
    fn idle_runs(&self, first: u32, count: u32) -> Vec<u32>;
    /// Place in the order of last use, 0 = the longest unused.
    fn ranks(&self, first: u32, count: u32) -> Vec<u32>;
    /// Seconds since the last use.
    fn idle_seconds(&self, first: u32, count: u32) -> Vec<u32>;
    /// Seconds since the last put.
    fn ages(&self, first: u32, count: u32) -> Vec<u32>;
    /// In how many sessions it was used.
    fn uses(&self, first: u32, count: u32) -> Vec<u32>;
    /// Microseconds that `go` took to make it, or [`UNKNOWN_COST`].
    fn costs(&self, first: u32, count: u32) -> Vec<u64>;
    /// Codes of [`crate::Kind`].
    fn kinds(&self, first: u32, count: u32) -> Vec<u32>;
    /// The stream that used it last; 0 = unknown.
    fn streams(&self, first: u32, count: u32) -> Vec<u32>;
    /// How many actions each group has.
    fn members(&self, first: u32, count: u32) -> Vec<u32>;
    /// Which remote targets hold it: bit n = target n.
    fn held(&self, first: u32, count: u32) -> Vec<u32>;
    /// Bit 0: a live process was handed one of its objects, so it will not go now.
    fn marks(&self, first: u32, count: u32) -> Vec<u32>;
    /// The policy's own word for each group.
    fn tags(&self, first: u32, count: u32) -> Vec<u64>;
    /// Replaces the words of the rows from `first` on.
    fn set_tags(&self, first: u32, tags: &[u64]);
}

/// Decides who goes first. Per trim: one `begin`, then `score` for runs of rows until every row has a score, then `end`.
pub trait Eviction {
    /// A trim begins.
    fn begin(&mut self, rows: &dyn Rows) {
        let _ = rows;
    }

    /// A score for each of the `count` rows from `first` on: the lowest go first. Another length, or a NaN, hands the decision to the
    /// host's fallback.
    fn score(&mut self, rows: &dyn Rows, first: u32, count: u32) -> Vec<f64>;

    /// Every row has its score. The place to set tags.
    fn end(&mut self, rows: &dyn Rows) {
        let _ = rows;
    }
}

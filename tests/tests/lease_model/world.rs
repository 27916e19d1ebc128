//! What all processes share, and the whole of a state.

use crate::session::{Session, Worker};
use crate::trimmer::Trimmer;

/// Sessions of a scenario at most.
pub const SESSIONS: usize = 3;

/// Workers of a scenario at most.
pub const WORKERS: usize = 3;

/// Changes of the algorithm that the model can make. All but the last three must break a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The trimmer bumps the generation before it commits the doomed set.
    GenerationBeforeCommit,
    /// The trimmer reads the leases before it bumps the generation.
    LeasesBeforeGeneration,
    /// A trimmer that finds a doomed set goes on with it without a new generation.
    ResumeInOldGeneration,
    /// The trimmer takes an object off the doomed set before it unlinks the file.
    ReprieveBeforeUnlink,
    /// Nobody looks at the generation.
    NoGenerationCheck,
    /// A session keeps no doomed set: it starts without one, and looks only where the generation moved in this very request.
    DoomedSetNotKept,
    /// A session's first generation is read after its first doomed set.
    DoomedSetBeforeGeneration,
    /// A worker stores the new generation before it has read the doomed set that goes with it.
    GenerationStoredFirst,
    /// A get notes the object in the lease after its stat.
    NoteAfterStat,
    /// The note becomes visible to others after the generation was read (a store buffer without a fence).
    NoteVisibleLate,
    /// The doomed set is read in the transaction of the lookup, so as it was then.
    StaleSnapshot,
    /// A put does not look whether its object is doomed.
    PutIgnoresDoomed,
    /// A get does not stat.
    NoStat,
    /// A session does not look whether its lease file was swept between creation and lock.
    LeaseUnverified,
    /// Harmless: a put that finds the file in place leaves it there.
    PutReusesFile,
    /// Harmless: the trimmer does not look whether a row names the object again.
    NoRowCheck,
    /// Harmless: rows are committed after the lease is gone.
    RowsAfterLease,
}

/// A lease file. Liveness is its lock, which the kernel drops with its holder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lease {
    #[default]
    Absent,
    /// Created and not locked yet, or left by a dead session.
    Unlocked,
    Locked,
    /// Found unlocked and locked by the trimmer, which is about to remove it.
    Swept,
}

/// A state: shared things first, then everybody's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct World {
    /// Which of the two actions has a row. Both have the same output.
    pub rows: [bool; 2],
    /// Whether the output stands in the doomed set.
    pub doomed: bool,
    pub generation: u8,
    /// Whether the object's file is there. It is renamed into place whole, and no inode ever changes.
    pub file: bool,
    pub leases: [Lease; SESSIONS],
    /// Whether the lease names the object, as others see it.
    pub noted: [bool; SESSIONS],
    pub sessions: [Session; SESSIONS],
    pub workers: [Worker; WORKERS],
    pub trimmer: Trimmer,
    /// How many trims may still begin, and how many processes may still be killed.
    pub trims_left: u8,
    pub kills_left: u8,
}

impl World {
    /// The promise that a state breaks, if any.
    pub fn broken_promise(&self) -> Option<&'static str> {
        let holds_path = self.sessions.iter().any(|session| session.handed_out);
        (holds_path && !self.file).then_some("a path that was handed out is gone")
    }
}

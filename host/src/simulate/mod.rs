//! What a policy would have cost: recorded sessions once more, in a store of any size, without files.
//!
//! Everything that decides is the host's own: the index and its streams, the plan of a trim and its choice, the chain of plugins in their
//! sandbox, the goal that a limit sets. What is simulated is the rest: files, processes and time. `docs/simulator.md` says what `go` is taken
//! to do where the simulated store has less, or more, than the recorded one had.

mod chart;
mod fleet;
mod history;
mod known;
mod outcome;
mod policy;
mod replay;
mod session;
mod size;
mod store;
mod told;

pub use chart::{Line, svg};
pub use fleet::Wire;
pub use history::{History, WorkingSet};
pub use outcome::{Outcome, Times};
pub use policy::Contender;
pub use replay::{Bounds, Ended, run};
pub use size::StoreSize;

use crate::store::IndexError;
use crate::store::trim::TrimError;

/// What can stop a simulation.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// Nothing was recorded.
    #[error("there are no sessions in these traces")]
    Nothing,
    /// A policy failed, where a build would go on without it.
    #[error("policy {policy}, session {session} of {sessions} (`{stream}`): {said}")]
    Policy {
        /// As it was named.
        policy: String,
        /// Which session, from 1.
        session: usize,
        /// Of how many.
        sessions: usize,
        /// The session's stream.
        stream: String,
        /// What a build would have said.
        said: String,
    },
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The trim.
    #[error(transparent)]
    Trim(#[from] TrimError),
}

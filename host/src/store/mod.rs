//! This machine's disk: objects, the index over them, leases, and the trim.
//!
//! What keeps [the promises](crate) here: an object is published by rename and never written again; a path is only answered
//! after its object was noted in this session's lease and found not to be doomed; a trim dooms first, reads the leases
//! afterwards, and unlinks what nobody noted. `tests/tests/lease_model/` visits every order of these steps.

mod formats;
pub mod index;
mod layout;
mod lease;
mod native;
mod object;
mod overflow;
mod recover;
pub mod trim;
mod verify;

pub use formats::{OtherFormat, bytes_of_folder, other_formats, remove_unused_formats};
pub use index::{EntryRow, Found, GroupRow, Index, IndexError, MemberRow, Rows, SessionRow, Size, Suspects, Totals, Used, Writer};
pub use layout::Layout;
pub use lease::{AllLeases, Lease, Noted, ReadersLock, count_left_over as left_over_leases, sweep_leases};
pub use native::{Native, NativeHit};
pub use object::{Aside, Incoming, PublishError, Published, Standing, room, stands};
pub use overflow::left_over_bodies;
pub use recover::{open_index, set_aside};
pub use verify::{VerifyReport, is_whole, recheck, verify};

use std::io;
use std::path::PathBuf;

/// What can be wrong with a store as a whole.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A folder cannot be made or used.
    #[error("cannot use the store folder {path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// JSON cannot carry the path, so `go` could not be told it.
    #[error("the store folder {0:?} is not valid UTF-8; set one that is with `root` in the configuration")]
    NotUtf8(PathBuf),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
}

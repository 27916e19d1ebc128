//! What a trim meets beside the index: the leases, and the files of objects.

use super::TrimError;
use crate::model::Digest;
use crate::store::Layout;
use crate::store::lease::{self, AllLeases};
use std::io;
use std::time::Duration;

/// The objects of a store, as far as a trim touches them. A store that is only simulated has none, and the same trim.
pub trait Files {
    /// What must stay.
    fn leases(&self, grace: Duration) -> Result<AllLeases, TrimError>;
    /// Tells sessions that something is doomed. Whatever they note from now on is read by nobody before they have looked whether it is.
    fn raise_generation(&self) -> Result<(), TrimError>;
    /// Removes an object; whether it is gone.
    fn remove(&self, output: Digest) -> bool;
}

/// Those of a real store.
#[derive(Clone, Copy, Debug)]
pub struct OnDisk<'a>(pub &'a Layout);

impl OnDisk<'_> {
    fn error(self, source: io::Error) -> TrimError {
        TrimError::Io { path: self.0.dir().to_owned(), source }
    }
}

impl Files for OnDisk<'_> {
    fn leases(&self, grace: Duration) -> Result<AllLeases, TrimError> {
        lease::read_all(self.0, grace).map_err(|source| self.error(source))
    }

    fn raise_generation(&self) -> Result<(), TrimError> {
        lease::raise_generation(self.0).map_err(|source| self.error(source))
    }

    fn remove(&self, output: Digest) -> bool {
        match std::fs::remove_file(self.0.object(output)) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

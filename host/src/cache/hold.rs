//! What keeps the objects that a session was handed: a lease, or a lock shared with other readers where nothing can be written.

use crate::fault::Faults;
use crate::model::Digest;
use crate::store::{Index, Layout, Lease, ReadersLock};

/// See the module.
pub(super) enum Hold {
    /// Nothing was handed out yet.
    Nothing,
    /// Each object is noted before it is handed out.
    Lease {
        /// Where.
        lease: Lease,
        /// Whether anything was doomed when the generation was last seen to move: then each object is looked up in that list.
        suspicious: bool,
    },
    /// While this is held nobody unlinks. Beside it the lease, if there was room for one before there was none.
    Readers(#[allow(dead_code, reason = "its drop unlocks")] ReadersLock, Option<Lease>),
    /// Neither can be had, so nothing may be handed out.
    Impossible,
}

impl Hold {
    /// What a session begins with. A reader's lock is taken before the first lookup: what is found after it stays.
    pub fn new(read_only: bool, layout: &Layout, faults: &Faults) -> Self {
        if !read_only {
            return Self::Nothing;
        }
        Self::readers(layout, faults, None)
    }

    fn readers(layout: &Layout, faults: &Faults, lease: Option<Lease>) -> Self {
        match ReadersLock::take(layout) {
            Ok(lock) => Self::Readers(lock, lease),
            Err(error) => Self::failed(layout, faults, &error),
        }
    }

    fn failed(layout: &Layout, faults: &Faults, error: &std::io::Error) -> Self {
        let folder = layout.lease_dir();
        // Under the key of a store that cannot be opened: where that was said, this follows from it.
        faults.say("store", format!("cannot take a lease in {}: {error}; this build goes on without a cache", folder.display()));
        Self::Impossible
    }

    /// Notes an object; true if it must not be relied on: it is doomed, or it cannot be held.
    pub fn note(&mut self, output: Digest, index: Option<&Index>, layout: &Layout, faults: &Faults) -> bool {
        if matches!(self, Self::Nothing) {
            *self = match Lease::take(layout) {
                // After the generation was read: a trim that doomed before and has read the leases already is on the list.
                Ok(lease) => Self::Lease { lease, suspicious: anything_doomed(index) },
                // A full disk, or a used-up quota.
                Err(_) => Self::readers(layout, faults, None),
            };
        }
        let is_doomed = || !matches!(index.map(|index| index.is_doomed(output)), Some(Ok(false)));
        match self {
            Self::Lease { lease, suspicious } => {
                match lease.note(output) {
                    Ok(false) => {}
                    // A trim has moved on since this session looked last.
                    Ok(true) => *suspicious = anything_doomed(index),
                    // No room for another note: what is noted stays, and from here on everything else does.
                    Err(_) => {
                        if let Self::Lease { lease, .. } = std::mem::replace(self, Self::Impossible) {
                            *self = Self::readers(layout, faults, Some(lease));
                        }
                        return matches!(self, Self::Impossible) || is_doomed();
                    }
                }
                *suspicious && is_doomed()
            }
            Self::Readers(..) => is_doomed(),
            Self::Nothing | Self::Impossible => true,
        }
    }

    /// `go` has closed, and nobody will open what it was handed.
    pub fn end(&mut self) {
        if let Self::Lease { lease, .. } | Self::Readers(_, Some(lease)) = std::mem::replace(self, Self::Nothing) {
            lease.end();
        }
    }

    /// `go` has gone without closing: the grace of what it was handed begins now.
    pub fn leave(&mut self) {
        if let Self::Lease { lease, .. } | Self::Readers(_, Some(lease)) = self {
            lease.begin_grace();
        }
    }
}

/// Whether a trim has doomed something and not finished. An index that cannot say counts as yes.
fn anything_doomed(index: Option<&Index>) -> bool {
    !matches!(index.map(Index::is_anything_doomed), Some(Ok(false)))
}

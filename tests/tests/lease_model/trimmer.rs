//! The trimmer, one atomic step at a time. One lock lets in one at a time, and a dead one's successor finds the doomed set.

use crate::world::{Change, Lease, SESSIONS, World};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Trimmer {
    pub step: Trim,
    /// The rows that were there when the victims were chosen.
    pub victims: [bool; 2],
    /// A lease names the object, or a row does again.
    pub held: bool,
    /// The next lease to read.
    pub lease: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Trim {
    #[default]
    Idle,
    FirstLeases,
    Doom,
    Bump,
    Leases,
    /// The lease file that was found unlocked is removed, under its lock.
    Sweep,
    Rows,
    Unlink,
    Reprieve,
}

impl World {
    /// One step of the trimmer; `None` if it has none to take now.
    pub fn step_trimmer(&self, change: Option<Change>) -> Option<World> {
        let mut next = *self;
        let lease = usize::from(self.trimmer.lease);
        let trimmer = &mut next.trimmer;
        trimmer.step = match trimmer.step {
            Trim::Idle => {
                next.trims_left = self.trims_left.checked_sub(1)?;
                if !self.doomed {
                    Trim::FirstLeases
                } else if change == Some(Change::ResumeInOldGeneration) {
                    Trim::Leases
                } else {
                    Trim::Bump
                }
            }
            // The object may have no row: what a dead session left, or an earlier trim.
            Trim::FirstLeases => {
                trimmer.victims = self.rows;
                let live = |session: usize| self.leases[session] == Lease::Locked && self.noted[session];
                if (0..SESSIONS).any(live) {
                    Trim::Idle
                } else if change == Some(Change::GenerationBeforeCommit) {
                    Trim::Bump
                } else {
                    Trim::Doom
                }
            }
            Trim::Doom => {
                next.doomed = true;
                for (row, victim) in next.rows.iter_mut().zip(trimmer.victims) {
                    *row &= !victim;
                }
                trimmer.victims = [false; 2];
                match change {
                    Some(Change::GenerationBeforeCommit | Change::LeasesBeforeGeneration) => Trim::Leases,
                    _ => Trim::Bump,
                }
            }
            Trim::Bump => {
                next.generation += 1;
                match change {
                    Some(Change::GenerationBeforeCommit) if !self.doomed => Trim::Doom,
                    // A resumed set has had no leases read.
                    Some(Change::LeasesBeforeGeneration) if lease == SESSIONS => Trim::Rows,
                    _ => Trim::Leases,
                }
            }
            Trim::Leases if lease == SESSIONS => {
                if change == Some(Change::LeasesBeforeGeneration) {
                    Trim::Bump
                } else {
                    Trim::Rows
                }
            }
            Trim::Leases => match self.leases[lease] {
                Lease::Unlocked => {
                    next.leases[lease] = Lease::Swept;
                    Trim::Sweep
                }
                found => {
                    trimmer.held |= found == Lease::Locked && self.noted[lease];
                    trimmer.lease += 1;
                    Trim::Leases
                }
            },
            Trim::Sweep => {
                next.leases[lease] = Lease::Absent;
                trimmer.lease += 1;
                Trim::Leases
            }
            Trim::Rows => {
                trimmer.lease = 0;
                trimmer.held |= self.rows != [false; 2] && change != Some(Change::NoRowCheck);
                if trimmer.held || change == Some(Change::ReprieveBeforeUnlink) { Trim::Reprieve } else { Trim::Unlink }
            }
            Trim::Unlink => {
                next.file = false;
                if change == Some(Change::ReprieveBeforeUnlink) { Trim::Idle } else { Trim::Reprieve }
            }
            Trim::Reprieve => {
                next.doomed = false;
                if change == Some(Change::ReprieveBeforeUnlink) && !trimmer.held { Trim::Unlink } else { Trim::Idle }
            }
        };
        if trimmer.step == Trim::Idle {
            *trimmer = Trimmer::default();
        }
        Some(next)
    }

    /// The trimmer dies where it stands; the locks that it holds go with it.
    pub fn kill_trimmer(&self) -> Option<World> {
        if self.kills_left == 0 || self.trimmer.step == Trim::Idle {
            return None;
        }
        let mut next = *self;
        next.kills_left -= 1;
        if self.trimmer.step == Trim::Sweep {
            next.leases[usize::from(self.trimmer.lease)] = Lease::Unlocked;
        }
        next.trimmer = Trimmer::default();
        Some(next)
    }
}

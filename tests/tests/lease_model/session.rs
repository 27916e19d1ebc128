//! A session and the workers that answer in it, one atomic step at a time.

use crate::world::{Change, Lease, World};

/// One `go` command's host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Session {
    pub stage: Stage,
    pub generation_seen: u8,
    pub doomed_seen: bool,
    /// Rows of puts that no commit holds yet.
    pub pending: [bool; 2],
    /// The shared path of the object was answered to `go`, which may open it until the session ends.
    pub handed_out: bool,
    /// The lock is held on a lease file that is no longer in the folder.
    pub lease_lost: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stage {
    /// No such session in this scenario.
    #[default]
    None,
    CreateLease,
    LockLease,
    VerifyLease,
    ReadGeneration,
    ReadDoomed,
    Open,
    /// Only with [`Change::RowsAfterLease`].
    CommitLate,
    Ended,
}

/// What `go` asks of a worker. Threads of one host answer at the same time where one of them waits for a remote store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    Get(u8),
    Put(u8),
    /// What `go` does: put what was a miss.
    GetOrPut(u8),
    PutThenGet(u8),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Worker {
    pub session: u8,
    pub request: Option<Request>,
    pub step: Step,
    pub generation_read: u8,
    /// The doomed set as of the lookup, for [`Change::StaleSnapshot`].
    pub snapshot: bool,
    /// A get under way, or a put.
    pub getting: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Step {
    #[default]
    Next,
    Lookup,
    Note,
    ReadGeneration,
    ReadDoomed,
    Judge,
    /// Stat of a get, rename of a put: what the answer rests on.
    Place,
    LateNote,
    Answer,
}

/// What came of a request, for the tests to see that each was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Nothing,
    Hit,
    Miss,
    Placed,
    PlacedPrivately,
}

impl World {
    /// One step of starting or ending session `number`; `None` if it has none to take now.
    pub fn step_session(&self, number: usize, change: Option<Change>) -> Option<World> {
        let mut next = *self;
        let World { sessions, leases, noted, rows, .. } = &mut next;
        let session = &mut sessions[number];
        session.stage = match session.stage {
            Stage::None | Stage::Ended => return None,
            Stage::CreateLease => {
                leases[number] = Lease::Unlocked;
                Stage::LockLease
            }
            Stage::LockLease => match leases[number] {
                Lease::Swept => return None,
                Lease::Absent => {
                    session.lease_lost = true;
                    Stage::VerifyLease
                }
                Lease::Unlocked | Lease::Locked => {
                    leases[number] = Lease::Locked;
                    Stage::VerifyLease
                }
            },
            Stage::VerifyLease if session.lease_lost && change != Some(Change::LeaseUnverified) => {
                session.lease_lost = false;
                Stage::CreateLease
            }
            Stage::VerifyLease if change == Some(Change::DoomedSetBeforeGeneration) => Stage::ReadDoomed,
            Stage::VerifyLease => Stage::ReadGeneration,
            Stage::ReadGeneration => {
                session.generation_seen = self.generation;
                if change == Some(Change::DoomedSetBeforeGeneration) { Stage::Open } else { Stage::ReadDoomed }
            }
            Stage::ReadDoomed => {
                session.doomed_seen = self.doomed && change != Some(Change::DoomedSetNotKept);
                if change == Some(Change::DoomedSetBeforeGeneration) { Stage::ReadGeneration } else { Stage::Open }
            }
            // Batches of rows are committed whenever there are some.
            Stage::Open if session.pending != [false; 2] && change != Some(Change::RowsAfterLease) => {
                commit(rows, session);
                Stage::Open
            }
            Stage::Open => {
                if self.workers.iter().any(|worker| usize::from(worker.session) == number && worker.request.is_some()) {
                    return None;
                }
                session.handed_out = false;
                leases[number] = Lease::Absent;
                noted[number] = false;
                if session.pending == [false; 2] { Stage::Ended } else { Stage::CommitLate }
            }
            Stage::CommitLate => {
                commit(rows, session);
                Stage::Ended
            }
        };
        Some(next)
    }

    /// The process of session `number` dies: its lock goes, its lease file stays, its rows are lost, `go` fails with it.
    pub fn kill_session(&self, number: usize) -> Option<World> {
        if self.kills_left == 0 || matches!(self.sessions[number].stage, Stage::None | Stage::Ended) {
            return None;
        }
        let mut next = *self;
        next.kills_left -= 1;
        next.sessions[number] = Session { stage: Stage::Ended, ..Session::default() };
        next.noted[number] = false;
        if next.leases[number] == Lease::Locked {
            next.leases[number] = Lease::Unlocked;
        }
        for worker in next.workers.iter_mut().filter(|worker| usize::from(worker.session) == number) {
            *worker = Worker { session: worker.session, ..Worker::default() };
        }
        Some(next)
    }

    /// One step of worker `number`; `None` if it has none to take now.
    pub fn step_worker(&self, number: usize, change: Option<Change>) -> Option<(World, Outcome)> {
        let mut next = *self;
        let worker = &mut next.workers[number];
        let own = usize::from(worker.session);
        let session = &mut next.sessions[own];
        let request = worker.request?;
        if session.stage != Stage::Open {
            return None;
        }
        let note = |noted: &mut [bool]| noted[own] = !session.lease_lost;
        let action = request.action();
        let mut outcome = Outcome::Nothing;
        worker.step = match worker.step {
            Step::Next => {
                worker.getting = matches!(request, Request::Get(_) | Request::GetOrPut(_));
                if worker.getting { Step::Lookup } else { Step::Note }
            }
            Step::Lookup => {
                worker.snapshot = self.doomed;
                if self.rows[action] || session.pending[action] {
                    if change == Some(Change::NoteAfterStat) { Step::ReadGeneration } else { Step::Note }
                } else {
                    outcome = Outcome::Miss;
                    Step::Answer
                }
            }
            Step::Note => {
                if change != Some(Change::NoteVisibleLate) {
                    note(&mut next.noted);
                }
                if change == Some(Change::NoGenerationCheck) { Step::Judge } else { Step::ReadGeneration }
            }
            Step::ReadGeneration => {
                worker.generation_read = self.generation;
                let same = self.generation == session.generation_seen;
                if change == Some(Change::GenerationStoredFirst) {
                    session.generation_seen = self.generation;
                }
                session.doomed_seen &= change != Some(Change::DoomedSetNotKept);
                if same { Step::Judge } else { Step::ReadDoomed }
            }
            Step::ReadDoomed => {
                let stale = change == Some(Change::StaleSnapshot) && worker.getting;
                session.doomed_seen = if stale { worker.snapshot } else { self.doomed };
                session.generation_seen = worker.generation_read;
                Step::Judge
            }
            Step::Judge => {
                if change == Some(Change::NoteVisibleLate) {
                    note(&mut next.noted);
                }
                // What was once seen doomed may be so no longer; the index says.
                let looks = worker.getting || change != Some(Change::PutIgnoresDoomed);
                let doomed = looks && session.doomed_seen && self.doomed;
                if doomed {
                    outcome = if worker.getting { Outcome::Miss } else { Outcome::PlacedPrivately };
                    Step::Answer
                } else {
                    Step::Place
                }
            }
            Step::Place if worker.getting => {
                if self.file || change == Some(Change::NoStat) {
                    if change == Some(Change::NoteAfterStat) {
                        Step::LateNote
                    } else {
                        session.handed_out = true;
                        outcome = Outcome::Hit;
                        Step::Answer
                    }
                } else {
                    outcome = Outcome::Miss;
                    Step::Answer
                }
            }
            Step::Place => {
                if !(self.file && change == Some(Change::PutReusesFile)) {
                    next.file = true;
                }
                session.handed_out = true;
                session.pending[action] = true;
                outcome = Outcome::Placed;
                Step::Answer
            }
            Step::LateNote => {
                note(&mut next.noted);
                session.handed_out = true;
                outcome = Outcome::Hit;
                Step::Answer
            }
            Step::Answer => return None,
        };
        if worker.step == Step::Answer {
            worker.step = Step::Next;
            worker.request = request.after(outcome);
            worker.getting = false;
            worker.generation_read = 0;
            worker.snapshot = false;
        }
        Some((next, outcome))
    }
}

fn commit(rows: &mut [bool; 2], session: &mut Session) {
    for (row, pending) in rows.iter_mut().zip(&mut session.pending) {
        *row |= std::mem::take(pending);
    }
}

impl Request {
    /// Which row it is about.
    fn action(self) -> usize {
        match self {
            Self::Get(action) | Self::Put(action) | Self::GetOrPut(action) | Self::PutThenGet(action) => usize::from(action),
        }
    }

    /// What the worker does next.
    fn after(self, outcome: Outcome) -> Option<Self> {
        match self {
            Self::GetOrPut(action) if outcome == Outcome::Miss => Some(Self::Put(action)),
            Self::PutThenGet(action) => Some(Self::Get(action)),
            Self::Get(_) | Self::Put(_) | Self::GetOrPut(_) => None,
        }
    }
}

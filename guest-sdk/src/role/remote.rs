//! Where a miss is looked for, and where what was made here goes.

use crate::{Digest, Session};
use std::time::Duration;

/// How a target fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetHealth {
    /// Not asked yet.
    #[default]
    Unknown,
    /// It answers.
    Good,
    /// In trouble: the host asks it nothing for now.
    Trouble,
    /// It holds nothing.
    Empty,
}

impl TargetHealth {
    /// Reads the contract's code.
    pub fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Good,
            2 => Self::Trouble,
            3 => Self::Empty,
            _ => Self::Unknown,
        }
    }
}

/// A store and a namespace in it, as the operator configured them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Its number, in the order of the configuration.
    pub index: u32,
    /// The operator's name for it.
    pub name: String,
    /// Its engine: `s3`, `fs`.
    pub engine: String,
    /// It may be read.
    pub readable: bool,
    /// It may be written.
    pub writable: bool,
    /// How it fares.
    pub health: TargetHealth,
}

/// The targets there are.
pub trait Targets {
    /// All of them, in the order of the configuration.
    fn all(&self) -> Vec<Target>;
}

/// A working set that some target's head names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// Its number.
    pub index: u32,
    /// The name it was published under.
    pub name: String,
    /// The stream of the session that published it.
    pub stream: String,
    /// The target that holds it.
    pub target: u32,
    /// How long ago it was published.
    pub age: Duration,
    /// How many actions it names.
    pub entries: u32,
}

/// The sets there are.
pub trait Sets {
    /// All of them, newest first.
    fn all(&self) -> Vec<Set>;
}

/// The local miss that is being asked about.
pub trait Request {
    /// Bit n: a loaded set of target n names it.
    fn named(&self) -> u32;
    /// What making it is known to cost.
    fn cost(&self) -> Option<Duration>;
    /// How long this session has waited in vain, all together.
    fn waited(&self) -> Duration;
    /// The action ID.
    fn action(&self) -> Digest;
}

/// One target to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The target's number.
    pub target: u32,
    /// The longest wait for the first byte; None = the host's own limit, which no wait can exceed.
    pub wait: Option<Duration>,
}

/// Where a policy writes down what is to be done.
pub trait Plan {
    /// In [`Remote::open`]: load this set.
    fn load(&self, set: u32);
    /// In [`Remote::route`]: ask this target next.
    fn ask(&self, ask: Ask);
    /// In [`Remote::close`]: publish what the session used under this name (1 to 200 of `A-Za-z0-9._/@=+-`).
    fn publish(&self, target: u32, name: &str);
    /// In [`Remote::close`]: share there what admission lets out.
    fn share(&self, target: u32);
}

/// Whether the plan holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The next policy of the chain is asked, at last the host's own rule.
    Pass,
    /// What [`Plan`] was told is what happens, be it nothing.
    Decided,
}

impl Decision {
    /// The contract's code.
    pub const fn code(self) -> u32 {
        match self {
            Self::Pass => 0,
            Self::Decided => 1,
        }
    }
}

/// Decides where misses are looked for and where things go. Every method passes unless you write it.
pub trait Remote {
    /// The first local miss: which sets to load.
    fn open(&mut self, targets: &dyn Targets, sets: &dyn Sets, session: &dyn Session, plan: &dyn Plan) -> Decision {
        let _ = (targets, sets, session, plan);
        Decision::Pass
    }

    /// A miss: whom to ask, in which order.
    fn route(&mut self, request: &dyn Request, targets: &dyn Targets, session: &dyn Session, plan: &dyn Plan) -> Decision {
        let _ = (request, targets, session, plan);
        Decision::Pass
    }

    /// The session is over: what to publish, and where to share.
    fn close(&mut self, targets: &dyn Targets, session: &dyn Session, plan: &dyn Plan) -> Decision {
        let _ = (targets, session, plan);
        Decision::Pass
    }
}

//! Whether a hit may be served.

use crate::{Group, Session};

/// The answer of a serving policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Serve {
    /// Somebody else may decide; at last it is served.
    #[default]
    NoOpinion,
    /// Serve it.
    Yes,
    /// Do not serve it: `go` makes it anew.
    Refuse,
    /// No opinion on this hit and any other of this session: it is not asked again. As the first answer of a policy that has asked nothing but
    /// facts of the session it holds for later sessions with the same facts and settings too, and the policy is not started for it.
    Abstain,
    /// No opinion on this hit and any other of this session that comes from where this one does ([`Group::origin`]): it is not asked about
    /// these again.
    AbstainFromOrigin,
}

impl Serve {
    /// The contract's code.
    pub const fn code(self) -> u32 {
        match self {
            Self::NoOpinion => 0,
            Self::Yes => 1,
            Self::Refuse => 2,
            Self::Abstain => 3,
            Self::AbstainFromOrigin => 4,
        }
    }

    /// Reads the contract's code: one that it does not know is no opinion.
    pub const fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Yes,
            2 => Self::Refuse,
            3 => Self::Abstain,
            4 => Self::AbstainFromOrigin,
            _ => Self::NoOpinion,
        }
    }
}

/// Judges hits before they are served. It costs a call on every hit, so have this role only to refuse some, and
/// [abstain](Serve::AbstainFromOrigin) from what none is refused of.
pub trait Serving {
    /// Asked before a hit is served that this session did not put itself. About what the last session of the stream used it is asked ahead of
    /// `go`, once a group; `go` may not come for all of it.
    fn serve(&mut self, group: &dyn Group, session: &dyn Session) -> Serve;
}

//! Requests as the rest of the host sees them, and what decides about their use.

use super::Problem;
use super::fields::Fields;
use super::lost::Named;
use crate::model::Digest;

/// Bytes that a request object may have. What `go` writes has less than 250.
pub const MAX_OBJECT: usize = 64 * 1024;

/// Characters of an unknown command that its problem repeats.
const COMMAND_SHOWN: usize = 32;

/// One request of `go`. Every one of them wants exactly one response with its ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Which output has this action?
    Get {
        /// To be echoed.
        id: i64,
        /// The key.
        action: Digest,
    },
    /// Keep this output for this action. The body follows if `size` is not zero: read it with
    /// [`Requests::body`](super::Requests::body).
    Put {
        /// To be echoed.
        id: i64,
        /// The key.
        action: Digest,
        /// SHA-256 of the body, as `go` says: `OutputID`, or `ObjectID` where only that is given (Go 1.21 to 1.23).
        output: Digest,
        /// Bytes of the body. Not trustworthy before the body has been read: never allocate by it.
        size: u64,
    },
    /// Finish.
    Close {
        /// To be echoed.
        id: i64,
    },
    /// A request that cannot be used. Its body, if it has one, is skipped before the next request.
    Refused {
        /// To be echoed; zero where the ID is missing or no integer, as `go` reads a missing one as zero.
        id: i64,
        /// What to answer.
        problem: Problem,
    },
}

/// How a body ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// The sink has got exactly as many bytes as announced.
    Complete,
    /// The body is not what was announced. It has been read to its end, so the next request is intact; the sink has got a part
    /// of it that is worth nothing, and never more than was announced.
    Wrong(Problem),
}

/// What stands between a request object and the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// Nothing.
    Nothing,
    /// A body of so many bytes.
    Body(u64),
    /// The request was refused, so nobody can say: an object is the next request, anything else a body.
    Perhaps,
}

/// What an object says, judged.
pub(super) struct Judged {
    pub request: Request,
    pub follows: Follows,
    pub named: Named,
}

impl Judged {
    /// Judges the fields of a whole object.
    pub fn of(fields: Fields<'_>) -> Self {
        let named = fields.named();
        let refused = Follows::refused(fields.size.as_ref());
        let id = fields.id.clone().unwrap_or(Err(Problem::Missing("ID")));
        let echo = *id.as_ref().unwrap_or(&0);
        match id.and_then(|id| understood(id, fields)) {
            Ok((request, follows)) => Self { request, follows, named },
            Err(problem) => Self { request: Request::Refused { id: echo, problem }, follows: refused, named },
        }
    }
}

impl Follows {
    /// `go` writes no body at all where it is empty.
    pub fn after_put(size: u64) -> Self {
        if size == 0 { Self::Nothing } else { Self::Body(size) }
    }

    /// What cannot be used may still have a body, a command that is not known as well.
    fn refused(size: Option<&Result<i64, Problem>>) -> Self {
        if matches!(size, None | Some(Ok(0))) { Self::Nothing } else { Self::Perhaps }
    }
}

fn understood(id: i64, fields: Fields<'_>) -> Result<(Request, Follows), Problem> {
    let command = fields.command.unwrap_or(Err(Problem::Missing("Command")))?;
    match command.as_ref() {
        "get" => Ok((Request::Get { id, action: required(fields.action, "ActionID")? }, Follows::Nothing)),
        "put" => {
            let action = required(fields.action, "ActionID")?;
            let output = required(fields.output.or(fields.object), "OutputID")?;
            let size = fields.size.unwrap_or(Ok(0))?;
            let size = u64::try_from(size).map_err(|_| Problem::NegativeSize(size))?;
            Ok((Request::Put { id, action, output, size }, Follows::after_put(size)))
        }
        "close" => Ok((Request::Close { id }, Follows::Nothing)),
        unknown => Err(Problem::UnknownCommand(unknown.chars().take(COMMAND_SHOWN).collect())),
    }
}

fn required(field: Option<Result<Digest, Problem>>, name: &'static str) -> Result<Digest, Problem> {
    field.unwrap_or(Err(Problem::Missing(name)))
}

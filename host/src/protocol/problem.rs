//! What is wrong with a request whose end is certain.

use thiserror::Error;

/// Why a request or its body cannot be used although the framing is intact. The text is fit for the `Err` of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// A field that the command needs is absent or `null`.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field has another JSON type than a string.
    #[error("{0} is not a string")]
    NotAString(&'static str),
    /// A field is no integer, or one outside of 64 signed bits.
    #[error("{0} is not a 64-bit integer")]
    NotAnInteger(&'static str),
    /// A digest is not in padded standard base64.
    #[error("{0} is not standard base64")]
    NotBase64(&'static str),
    /// A digest has not 32 bytes.
    #[error("{field} is {length} bytes long instead of 32")]
    WrongLength {
        /// The name of the field.
        field: &'static str,
        /// The bytes that it encodes.
        length: usize,
    },
    /// A command that the greeting did not offer; the first characters of it.
    #[error("the command {0:?} is not known")]
    UnknownCommand(String),
    /// The size of a body below zero.
    #[error("BodySize is {0}")]
    NegativeSize(i64),
    /// In the place of the body stands a number, an array, `true`, `false` or `null`.
    #[error("the body is not a string")]
    BodyNotAString,
    /// The body is not in padded standard base64.
    #[error("the body is not standard base64")]
    BodyNotBase64,
    /// The body ends early.
    #[error("the body is {actual} bytes long, but BodySize says {announced}")]
    BodyTooShort {
        /// The bytes that there are.
        actual: u64,
        /// The bytes that were announced.
        announced: u64,
    },
    /// The body goes on beyond its size.
    #[error("the body is longer than the {announced} bytes that BodySize says")]
    BodyTooLong {
        /// The bytes that were announced.
        announced: u64,
    },
}

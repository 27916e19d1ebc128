//! Framing that is lost.

use std::fmt;
use std::io;

use thiserror::Error;

use super::request::MAX_OBJECT;
use super::scan::MAX_DEPTH;

/// Nothing more can be read from the input: what follows is not known to be a request, a body or a part of either. Every message
/// is one line that names the request and the offence.
#[derive(Debug, Error)]
pub enum Lost {
    /// The operating system refuses to read.
    #[error("standard input cannot be read {place}: {source}")]
    Read {
        /// Where.
        place: Place,
        /// Why.
        source: io::Error,
    },
    /// The input ends inside of a value, or where a body must begin.
    #[error("the input ends {place}")]
    Ended {
        /// Where.
        place: Place,
    },
    /// Something that is no object stands where a request must begin.
    #[error("{found:?} {place} is not the beginning of a request object")]
    NotAnObject {
        /// Where.
        place: Place,
        /// The first byte, as the character of that code.
        found: char,
    },
    /// A value is not JSON.
    #[error("{found:?} at offset {offset} {place} is not JSON")]
    NotJson {
        /// Where.
        place: Place,
        /// The byte that is wrong, as the character of that code.
        found: char,
        /// Its distance in bytes from the beginning of the value.
        offset: usize,
    },
    /// A request object, or what stands in the place of a body and is no string, has more than [`MAX_OBJECT`] bytes.
    #[error("more than {MAX_OBJECT} bytes of JSON {place}")]
    TooLong {
        /// Where.
        place: Place,
    },
    /// More than [`MAX_DEPTH`] levels of objects and arrays.
    #[error("more than {MAX_DEPTH} levels of JSON {place}")]
    TooDeep {
        /// Where.
        place: Place,
    },
    /// The string of a body is not closed, but something else follows.
    #[error("the string {place} is not closed")]
    NotClosed {
        /// Where.
        place: Place,
    },
    /// An object stands in the place of a body; it may as well be the next request.
    #[error("an object stands where a string must begin, {place}")]
    ObjectForBody {
        /// Where.
        place: Place,
    },
}

/// How messages call a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub id: Option<i64>,
    pub command: Option<&'static str>,
}

/// The place of an offence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub(super) part: Part,
    /// The request there, as far as it is known.
    pub(super) named: Option<Named>,
    /// The last one before it that is known.
    pub(super) after: Option<Named>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Between two requests.
    Between,
    /// In the object.
    Object,
    /// Where the body must begin.
    BeforeBody,
    /// In the body.
    Body,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, "request {id}")?,
            None => f.write_str("a request without an ID")?,
        }
        match self.command {
            Some(command) => write!(f, " ({command})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.part, self.named, self.after) {
            (Part::Between, _, None) => f.write_str("before the first request"),
            (Part::Between, _, Some(after)) => write!(f, "after {after}"),
            (Part::Object, Some(named), _) => write!(f, "in {named}"),
            (Part::Object, None, None) => f.write_str("in the first request"),
            (Part::Object, None, Some(after)) => write!(f, "in the request after {after}"),
            (Part::BeforeBody, Some(named), _) => write!(f, "before the body of {named}"),
            (Part::BeforeBody, None, _) => f.write_str("before the body of a request"),
            (Part::Body, Some(named), _) => write!(f, "in the body of {named}"),
            (Part::Body, None, _) => f.write_str("in the body of a request"),
        }
    }
}

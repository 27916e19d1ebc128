//! The framing of `GOCACHEPROG`: bytes in, requests out; responses in, bytes out. Knows no cache.
//!
//! `go` writes a stream of JSON values to the host: request objects, and behind a put whose body is not empty the body as one
//! base64 string. [`Requests`] reads that stream in constant memory, whatever the size of a body; [`encode`] appends responses to
//! a buffer. The shapes are those that Go 1.21 to 1.27 write and accept (golang/go `src/cmd/go/internal/cacheprog`).
//!
//! What is wrong with the input falls into two classes, and the difference is whether the end of the wrong thing is certain:
//!
//! * **Refused** ([`Request::Refused`], [`BodyEnd::Wrong`]): where the next request begins is certain. The request cannot be used,
//!   is to be answered with an error, and the session goes on. A request object that is well-formed JSON is of this class whatever
//!   its fields hold; so is a body that is a closed string but not base64 of the announced length, or a number, array, `true`,
//!   `false` or `null` in its place.
//! * **Lost** ([`Lost`]): what follows can no longer be told apart, so an answer would be a guess. Anything but an object where a
//!   request must begin; broken JSON; an object of more than [`MAX_OBJECT`] bytes or more than [`MAX_DEPTH`] levels; the end of
//!   input anywhere but between two values; a string that is not closed; an object in the place of a body, as it may as well be the
//!   next request.
//!
//! A string that is not closed is what `go` leaves behind when reading a file fails under its hands: it gives up in the middle, and
//! the next request follows directly. Its first bytes are `{"`, so the string seems to end in `{`; a string that does is taken for
//! one that was never closed, and so is one with a raw control character in it.

mod base64;
mod body;
mod decode;
pub mod encode;
mod fast;
mod fields;
mod input;
mod lost;
mod problem;
mod request;
mod scan;
mod text;
mod time;

pub use decode::Requests;
pub use lost::{Lost, Place};
pub use problem::Problem;
pub use request::{BodyEnd, MAX_OBJECT, Request};
pub use scan::MAX_DEPTH;

#[cfg(test)]
mod tests;

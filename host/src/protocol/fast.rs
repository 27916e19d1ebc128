//! The very bytes that `go` writes, read without looking for anything else: what is not of this shape is left to the scanner.

use super::alphabet::{DIGEST, digest};
use super::lost::Named;
use super::request::{Follows, Judged, Request};
use crate::model::Digest;

/// The request that `bytes` begin with, and the length of its object. `None` says nothing but that the shape is another, or that
/// bytes are still to come.
pub(super) fn parse(bytes: &[u8]) -> Option<(Judged, usize)> {
    let rest = bytes.strip_prefix(b"{\"ID\":")?;
    let (id, rest) = number(rest)?;
    let rest = rest.strip_prefix(b",\"Command\":\"")?;
    let (request, follows, command, rest) = if let Some(rest) = rest.strip_prefix(b"get\",\"ActionID\":\"") {
        let (action, rest) = quoted_digest(rest)?;
        (Request::Get { id, action }, Follows::Nothing, "get", rest)
    } else if let Some(rest) = rest.strip_prefix(b"put\",\"ActionID\":\"") {
        let (action, rest) = quoted_digest(rest)?;
        let rest = rest.strip_prefix(b",\"OutputID\":\"").or_else(|| rest.strip_prefix(b",\"ObjectID\":\""))?;
        let (output, rest) = quoted_digest(rest)?;
        let (size, rest) = match rest.strip_prefix(b",\"BodySize\":") {
            Some(rest) => number(rest)?,
            None => (0, rest),
        };
        let size = u64::try_from(size).ok()?;
        (Request::Put { id, action, output, size }, Follows::after_put(size), "put", rest)
    } else {
        (Request::Close { id }, Follows::Nothing, "close", rest.strip_prefix(b"close\"")?)
    };
    let rest = rest.strip_prefix(b"}")?;
    let named = Named { id: Some(id), command: Some(command) };
    Some((Judged { request, follows, named }, bytes.len() - rest.len()))
}

/// A number without a sign that fits in 63 bits. It must not be the last thing in `bytes`: its next digit may be to come.
fn number(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut value = 0_i64;
    for (at, byte) in bytes.iter().enumerate() {
        if !byte.is_ascii_digit() {
            // JSON knows no leading zeros, and the scanner is to say so.
            let written = at == 1 || (at > 1 && bytes[0] != b'0');
            return written.then_some((value, &bytes[at..]));
        }
        value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
    }
    None
}

fn quoted_digest(bytes: &[u8]) -> Option<(Digest, &[u8])> {
    let (text, rest) = bytes.split_at_checked(DIGEST)?;
    let rest = rest.strip_prefix(b"\"")?;
    Some((digest(text, "").ok()?, rest))
}

//! Responses: one line each, appended to a buffer that the caller writes and flushes.
//!
//! The first thing that `go` must read is the [`greeting`]; every other response carries the ID of a request that has none yet, or
//! `go` gives up.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::alphabet::DIGEST;
use super::time::rfc3339;
use crate::model::{Digest, UnixNanos};

/// What must be written before anything is read: the commands that the host knows, under ID 0.
pub fn greeting(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"ID\":0,\"KnownCommands\":[\"get\",\"put\",\"close\"]}\n");
}

/// Answer to a get: the action has this output of `size` bytes, put at `time`, whole in the file at the absolute `path`.
pub fn hit(out: &mut Vec<u8>, id: i64, output: &Digest, size: u64, time: UnixNanos, path: &str) {
    begin(out, id);
    out.extend_from_slice(b",\"OutputID\":\"");
    let mut text = [0; DIGEST];
    // Cannot fail: the array has the length that 32 bytes take.
    let length = STANDARD.encode_slice(output.0, &mut text).unwrap_or(0);
    out.extend_from_slice(&text[..length]);
    out.extend_from_slice(b"\",\"Size\":");
    decimal(out, size);
    out.extend_from_slice(b",\"Time\":\"");
    out.extend_from_slice(&rfc3339(time));
    out.extend_from_slice(b"\",\"DiskPath\":");
    string(out, path);
    end(out);
}

/// Answer to a get: there is nothing for the action.
pub fn miss(out: &mut Vec<u8>, id: i64) {
    begin(out, id);
    out.extend_from_slice(b",\"Miss\":true");
    end(out);
}

/// Answer to a put: the output lies whole in the file at the absolute `path`.
pub fn put(out: &mut Vec<u8>, id: i64, path: &str) {
    begin(out, id);
    out.extend_from_slice(b",\"DiskPath\":");
    string(out, path);
    end(out);
}

/// Answer to a close.
pub fn close(out: &mut Vec<u8>, id: i64) {
    begin(out, id);
    end(out);
}

/// Answer to a request that failed. `go` takes an empty `message` for success.
pub fn error(out: &mut Vec<u8>, id: i64, message: &str) {
    begin(out, id);
    out.extend_from_slice(b",\"Err\":");
    string(out, message);
    end(out);
}

fn begin(out: &mut Vec<u8>, id: i64) {
    out.extend_from_slice(b"{\"ID\":");
    if id < 0 {
        out.push(b'-');
    }
    decimal(out, id.unsigned_abs());
}

fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"}\n");
}

fn decimal(out: &mut Vec<u8>, value: u64) {
    // u64::MAX has 20 digits.
    let mut digits = [0; 20];
    let mut first = digits.len();
    let mut rest = value;
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

/// A JSON string, quotes included.
fn string(out: &mut Vec<u8>, text: &str) {
    let is_escaped = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    out.push(b'"');
    let mut rest = text.as_bytes();
    // Looked through without stopping, which the compiler does sixteen bytes at a time: hardly a path has anything to escape.
    let any = rest.iter().fold(false, |any, &byte| any | is_escaped(byte));
    while any && let Some(at) = rest.iter().position(|&byte| is_escaped(byte)) {
        out.extend_from_slice(&rest[..at]);
        let byte = rest[at];
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            _ => {
                let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
            }
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

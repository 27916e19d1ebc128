//! What the rooms of the protocol do together, seen from outside.

mod bodies;
mod malformed;
mod random;
mod requests;
mod responses;

use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::model::Digest;

/// Gives the bytes out in pieces of one length, as a pipe may.
struct Pieces<'a> {
    rest: &'a [u8],
    length: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.length.min(self.rest.len()).min(buffer.len());
        let (piece, rest) = self.rest.split_at(count);
        buffer[..count].copy_from_slice(piece);
        self.rest = rest;
        Ok(count)
    }
}

/// Gives the bytes out in two pieces.
fn split(bytes: &[u8], at: usize) -> impl Read {
    bytes[..at].chain(&bytes[at..])
}

/// A request, and behind a put its body.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    request: Request,
    body: Option<(BodyEnd, Vec<u8>)>,
}

/// All that a stream holds, and how it ends.
fn read_all(input: impl Read) -> (Vec<Seen>, Result<(), Lost>) {
    let mut requests = Requests::new(input);
    let mut seen = Vec::new();
    let result = loop {
        let request = match requests.next_request() {
            Ok(Some(request)) => request,
            Ok(None) => break Ok(()),
            Err(lost) => break Err(lost),
        };
        let mut body = None;
        if let Request::Put { size: 1.., .. } = request {
            let mut bytes = Vec::new();
            match requests.body(&mut |piece| bytes.extend_from_slice(piece)) {
                Ok(end) => body = Some((end, bytes)),
                Err(lost) => {
                    seen.push(Seen { request, body });
                    break Err(lost);
                }
            }
        }
        seen.push(Seen { request, body });
    };
    (seen, result)
}

/// What an intact stream holds.
fn read_intact(input: impl Read) -> Vec<Seen> {
    let (seen, result) = read_all(input);
    if let Err(lost) = result {
        panic!("{lost}; before: {seen:?}");
    }
    seen
}

/// The requests of an intact stream without puts.
fn requests_of(text: &str) -> Vec<Request> {
    read_intact(text.as_bytes()).into_iter().map(|seen| seen.request).collect()
}

/// What is said of a stream that is lost.
fn lost_message(text: &[u8]) -> String {
    match read_all(text) {
        (seen, Ok(())) => panic!("not lost, but read as {seen:?}"),
        (_, Err(lost)) => lost.to_string(),
    }
}

fn base64_of(digest: Digest) -> String {
    STANDARD.encode(digest.0)
}

fn get_text(id: i64, action: Digest) -> String {
    format!("{{\"ID\":{id},\"Command\":\"get\",\"ActionID\":\"{}\"}}\n\n", base64_of(action))
}

fn put_object(id: i64, action: Digest, output: Digest, size: i64) -> String {
    let (action, output) = (base64_of(action), base64_of(output));
    format!("{{\"ID\":{id},\"Command\":\"put\",\"ActionID\":\"{action}\",\"OutputID\":\"{output}\",\"BodySize\":{size}}}\n\n")
}

/// A put as `go` writes it.
fn put_text(id: i64, action: Digest, body: &[u8]) -> String {
    if body.is_empty() {
        return format!(
            "{{\"ID\":{id},\"Command\":\"put\",\"ActionID\":\"{}\",\"OutputID\":\"{}\"}}\n\n",
            base64_of(action),
            base64_of(Digest::EMPTY)
        );
    }
    let object = put_object(id, action, Digest::of(body), body.len() as i64);
    format!("{object}\"{}\"\n", STANDARD.encode(body))
}

fn close_text(id: i64) -> String {
    format!("{{\"ID\":{id},\"Command\":\"close\"}}\n\n")
}

/// Bytes that repeat nowhere soon.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(byte).take(length).collect()
}

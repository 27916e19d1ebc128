//! The floor host: the least that any GOCACHEPROG host can do, so that the benchmark shows what the protocol itself costs.
//!
//! It answers `get` from a table that was linked into it and allocates nothing after start-up. The bench compiles it with `rustc`
//! against the table of a warmed GOCACHE (`xtask/src/bench/floor.rs` describes the layout). It stores nothing: the body of a put
//! is drained and any path answered, which is enough for the commands of the bench. With an argument every get is a miss.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

static TABLE: &[u8] = include_bytes!(env!("FLOOR_TABLE"));

/// Base64 of 32 bytes.
const ACTION: usize = 44;
/// An action, then offset and length of its answer.
const ROW: usize = ACTION + 8;
const BUFFER: usize = 1 << 16;

fn main() -> ExitCode {
    let table = if std::env::args_os().len() > 1 { Table { rows: &[], answers: &[] } } else { Table::linked() };
    match serve(&table) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

struct Table {
    rows: &'static [u8],
    answers: &'static [u8],
}

impl Table {
    fn linked() -> Self {
        let rows = number(TABLE, 0) * ROW;
        Self { rows: &TABLE[4..4 + rows], answers: &TABLE[4 + rows..] }
    }

    /// What follows the ID in the answer to a get.
    fn answer(&self, action: &[u8]) -> &[u8] {
        let (mut low, mut high) = (0, self.rows.len() / ROW);
        while low < high {
            let middle = usize::midpoint(low, high);
            let row = &self.rows[middle * ROW..(middle + 1) * ROW];
            match row[..ACTION].cmp(action) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => {
                    let offset = number(row, ACTION);
                    return &self.answers[offset..offset + number(row, ACTION + 4)];
                }
            }
        }
        b",\"Miss\":true}\n"
    }
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
}

fn serve(table: &Table) -> io::Result<()> {
    // Plain files: the standard streams of the library would add a lock and a second buffer.
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    output.write_all(b"{\"ID\":0,\"KnownCommands\":[\"get\",\"put\",\"close\"]}\n")?;
    let mut buffer = vec![0_u8; BUFFER];
    let mut replies = Vec::with_capacity(BUFFER);
    let mut filled = 0;
    // Bytes of a put's body that are still to be skipped, and the answer that is due behind them.
    let mut body = 0;
    loop {
        let read = input.read(&mut buffer[filled..])?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let mut at = 0;
        loop {
            if body > 0 {
                let skipped = body.min(filled - at);
                at += skipped;
                body -= skipped;
                if body > 0 {
                    break;
                }
            }
            let Some(end) = buffer[at..filled].iter().position(|&byte| byte == b'}') else { break };
            let request = &buffer[at..at + end];
            let id_at = find(request, b"\"ID\":") + 5;
            let command = request[find(request, b"\"Command\":\"") + 11];
            // Behind a put's object go writes an empty line before the body, and the empty line of the last request may still
            // lie before this one. The body is two quotes, base64 and a line feed.
            let mut body_of_put = 0;
            if command == b'p' {
                let size = find(request, b"\"BodySize\":");
                if size < request.len() {
                    let size = decimal(&request[size + 11..]);
                    body_of_put = 2 + 2 + size.div_ceil(3) * 4 + 1;
                }
            }
            let digits = request[id_at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let id = &request[id_at..id_at + digits];
            let answer = match command {
                b'g' => {
                    let action = find(request, b"\"ActionID\":\"") + 12;
                    table.answer(&request[action..action + ACTION])
                }
                b'p' => b",\"DiskPath\":\"/dev/null\"}\n",
                _ => b"}\n",
            };
            if replies.len() + 32 + answer.len() > BUFFER {
                output.write_all(&replies)?;
                replies.clear();
            }
            replies.extend_from_slice(b"{\"ID\":");
            replies.extend_from_slice(id);
            replies.extend_from_slice(answer);
            at += end + 1;
            body = body_of_put;
        }
        if !replies.is_empty() {
            output.write_all(&replies)?;
            replies.clear();
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
}

/// Where `needle` begins, or the length of `text`.
fn find(text: &[u8], needle: &[u8]) -> usize {
    text.windows(needle.len()).position(|window| window == needle).unwrap_or(text.len())
}

fn decimal(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).fold(0, |value, byte| value * 10 + usize::from(byte - b'0'))
}

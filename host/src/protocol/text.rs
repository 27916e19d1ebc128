//! The inside of a body's string: whole quads in bulk, torn ones and everything unusual byte by byte.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{BodyEnd, Problem};

/// What is known of a string of which a part has been read.
pub(super) struct Text {
    /// Bytes announced.
    size: u64,
    /// Bytes that the sink has got.
    delivered: u64,
    /// The beginning of a quad of characters that is torn between reads.
    quad: [u8; 4],
    held: usize,
    /// A padded quad has been read: nothing may follow.
    padded: bool,
    /// What is wrong with the body; nothing is decoded any more.
    wrong: Option<Problem>,
    escape: Escape,
    /// The last character was a bare `{`.
    brace: bool,
    /// Bulk decoding failed: something unusual is ahead.
    pub bytewise: bool,
}

/// How far the string has been read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    More,
    Closed,
    /// It goes on with what no string holds.
    NotClosed,
}

/// Where in an escape sequence the string is torn. Base64 needs none, but JSON allows them for any character, and some encoders
/// write `\/`.
#[derive(Clone, Copy)]
enum Escape {
    None,
    Begun,
    Hex { left: u8, code: u16 },
}

/// Stands for an escaped character that base64 does not know.
const NOT_BASE64: u8 = b'\\';

impl Text {
    /// Behind the opening quote.
    pub fn new(size: u64) -> Self {
        Self { size, delivered: 0, quad: [0; 4], held: 0, padded: false, wrong: None, escape: Escape::None, brace: false, bytewise: false }
    }

    /// How many of the next `available` characters are whole quads of three announced bytes each, if all goes well.
    pub fn bulk(&self, available: usize) -> usize {
        if self.bytewise || self.padded || self.held > 0 || self.wrong.is_some() {
            return 0;
        }
        let quads = usize::try_from((self.size - self.delivered) / 3).unwrap_or(usize::MAX);
        quads.min(available / 4) * 4
    }

    /// Notes that `characters` have been decoded to `bytes` for the sink.
    pub fn decoded(&mut self, bytes: usize, characters: usize) {
        self.delivered += bytes as u64;
        self.padded = bytes < characters / 4 * 3;
    }

    /// Reads on, until bulk decoding may be tried again; the number of bytes read.
    pub fn read(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&[u8])) -> (usize, Reading) {
        for (at, &byte) in bytes.iter().enumerate() {
            match self.push(byte, sink) {
                Reading::More => {}
                ended => return (at + 1, ended),
            }
            if self.bulk(4) > 0 {
                return (at + 1, Reading::More);
            }
        }
        (bytes.len(), Reading::More)
    }

    /// What the body is, now that its string is closed.
    pub fn end(self) -> BodyEnd {
        let announced = self.size;
        match self.wrong {
            Some(problem) => BodyEnd::Wrong(problem),
            None if self.held > 0 => BodyEnd::Wrong(Problem::BodyNotBase64),
            None if self.delivered < announced => BodyEnd::Wrong(Problem::BodyTooShort { actual: self.delivered, announced }),
            None => BodyEnd::Complete,
        }
    }

    fn push(&mut self, byte: u8, sink: &mut dyn FnMut(&[u8])) -> Reading {
        let brace = std::mem::take(&mut self.brace);
        match (self.escape, byte) {
            (Escape::None, b'"') => return if brace { Reading::NotClosed } else { Reading::Closed },
            (_, ..0x20) => return Reading::NotClosed,
            (Escape::None, b'\\') => self.escape = Escape::Begun,
            (Escape::None, _) => {
                self.brace = byte == b'{';
                self.character(byte, sink);
            }
            (Escape::Begun, b'u') => self.escape = Escape::Hex { left: 4, code: 0 },
            (Escape::Begun, _) => {
                self.escape = Escape::None;
                self.character(if byte == b'/' { byte } else { NOT_BASE64 }, sink);
            }
            (Escape::Hex { left, code }, _) => {
                let Some(digit) = char::from(byte).to_digit(16) else {
                    return Reading::NotClosed;
                };
                let code = code << 4 | digit as u16;
                if left > 1 {
                    self.escape = Escape::Hex { left: left - 1, code };
                } else {
                    self.escape = Escape::None;
                    self.character(u8::try_from(code).unwrap_or(NOT_BASE64), sink);
                }
            }
        }
        Reading::More
    }

    fn character(&mut self, character: u8, sink: &mut dyn FnMut(&[u8])) {
        if self.wrong.is_some() {
            return;
        }
        self.quad[self.held] = character;
        self.held += 1;
        if self.held < self.quad.len() {
            return;
        }
        self.held = 0;
        let mut bytes = [0; 3];
        match STANDARD.decode_slice(self.quad, &mut bytes) {
            Ok(_) | Err(_) if self.padded => self.wrong = Some(Problem::BodyNotBase64),
            Ok(count) if self.delivered + count as u64 > self.size => {
                self.wrong = Some(Problem::BodyTooLong { announced: self.size });
            }
            Ok(count) => {
                sink(&bytes[..count]);
                self.delivered += count as u64;
                self.padded = count < bytes.len();
            }
            Err(_) => self.wrong = Some(Problem::BodyNotBase64),
        }
    }
}

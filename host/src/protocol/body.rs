//! Bodies: one base64 string of any length, decoded while it arrives.

use std::io::Read;

use base64::Engine as _;

use super::alphabet::engine;
use super::input::BUFFER;
use super::lost::Part;
use super::request::MAX_OBJECT;
use super::scan::Scanner;
use super::text::{Reading, Text};
use super::{BodyEnd, Lost, Problem, Requests};

impl<R: Read> Requests<R> {
    /// Reads the value that stands in the place of a body of `size` bytes.
    pub(super) fn read_body(&mut self, size: u64, sink: &mut dyn FnMut(&[u8])) -> Result<BodyEnd, Lost> {
        match self.input.first_unblank() {
            Ok(Some(b'"')) => {
                self.input.consume(1);
                self.string(size, sink)
            }
            Ok(Some(b'{')) => Err(Lost::ObjectForBody { place: self.place(Part::BeforeBody) }),
            Ok(Some(_)) => self.other_value().map(|()| BodyEnd::Wrong(Problem::BodyNotAString)),
            Ok(None) => Err(Lost::Ended { place: self.place(Part::BeforeBody) }),
            Err(source) => Err(Lost::Read { place: self.place(Part::BeforeBody), source }),
        }
    }

    fn string(&mut self, size: u64, sink: &mut dyn FnMut(&[u8])) -> Result<BodyEnd, Lost> {
        let mut text = Text::new(size);
        loop {
            if self.input.rest().is_empty() {
                self.more(Part::Body)?;
            }
            let rest = self.input.rest();
            let bulk = text.bulk(rest.len());
            if bulk > 0 {
                // Room for all that the input buffer can hold, so this allocates once in the life of the decoder.
                self.plain.resize(BUFFER / 4 * 3, 0);
                let base64 = self.base64.get_or_insert_with(engine);
                if let Ok(decoded) = base64.decode_slice(&rest[..bulk], &mut self.plain) {
                    sink(&self.plain[..decoded]);
                    text.decoded(decoded, bulk);
                    self.input.consume(bulk);
                    continue;
                }
                text.bytewise = true;
            }
            match text.read(rest, sink) {
                (count, Reading::More) => self.input.consume(count),
                (count, Reading::Closed) => {
                    self.input.consume(count);
                    return Ok(text.end());
                }
                (_, Reading::NotClosed) => return Err(Lost::NotClosed { place: self.place(Part::Body) }),
            }
        }
    }

    /// Skips a value that is neither string nor object.
    fn other_value(&mut self) -> Result<(), Lost> {
        let mut scanner = Scanner::new();
        let mut skipped = 0;
        loop {
            let rest = self.input.rest();
            match scanner.advance(rest) {
                Ok(Some(length)) => {
                    self.input.consume(length);
                    return Ok(());
                }
                Ok(None) => {}
                Err((at, flaw)) => return Err(flaw.lost(self.place(Part::Body), skipped + at, rest[at])),
            }
            skipped += rest.len();
            if skipped > MAX_OBJECT {
                return Err(Lost::TooLong { place: self.place(Part::Body) });
            }
            self.input.consume(rest.len());
            self.more(Part::Body)?;
        }
    }
}

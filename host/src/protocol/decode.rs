//! The stream of requests.

use std::io::Read;

use super::alphabet::{Base64, encoded_length};
use super::fast;
use super::fields::Fields;
use super::input::Input;
use super::lost::{Named, Part};
use super::request::{Follows, Judged, MAX_OBJECT};
use super::scan::{Flaw, Scanner, skip_blanks};
use super::{BodyEnd, Lost, Place, Request};

/// Requests, decoded from any reader while they arrive. Holds two buffers of fixed size; neither a request nor a body, whatever its
/// size, makes it allocate more.
///
/// After a [`Lost`] the input must not be read any further.
pub struct Requests<R> {
    pub(super) input: Input<R>,
    /// For bodies, once there is one.
    pub(super) base64: Option<Base64>,
    /// Decoded body, on its way to the sink. Empty until the first body, which a warm build never sends.
    pub(super) plain: Vec<u8>,
    pub(super) follows: Follows,
    last: Option<Named>,
}

impl<R: Read> Requests<R> {
    /// From the beginning of a stream.
    pub fn new(input: R) -> Self {
        Self { input: Input::new(input), base64: None, plain: Vec::new(), follows: Follows::Nothing, last: None }
    }

    /// The next request; `Ok(None)` at the end of input. Waits for it. A body that nobody has read is skipped.
    pub fn next_request(&mut self) -> Result<Option<Request>, Lost> {
        match self.follows {
            Follows::Nothing => {}
            Follows::Body(_) => {
                self.body(&mut |_| {})?;
            }
            Follows::Perhaps => self.skip_body()?,
        }
        match self.input.first_unblank() {
            Ok(Some(b'{')) => self.object().map(Some),
            Ok(Some(byte)) => Err(Lost::NotAnObject { place: self.place(Part::Between), found: char::from(byte) }),
            Ok(None) => Ok(None),
            Err(source) => Err(Lost::Read { place: self.place(Part::Between), source }),
        }
    }

    /// Whether the next request has been read already, with all of its body: then
    /// [`next_request`](Self::next_request) will not wait for input, and the replies before it need not be flushed yet.
    pub fn has_next(&self) -> bool {
        if self.follows != Follows::Nothing {
            return false;
        }
        let rest = skip_blanks(self.input.rest());
        let (follows, length) = match fast::parse(rest) {
            Some((judged, length)) => (judged.follows, length),
            None => match Scanner::new().advance(rest) {
                Ok(Some(length)) => (Judged::of(Fields::read(&rest[..length])).follows, length),
                _ => return false,
            },
        };
        match follows {
            Follows::Nothing | Follows::Perhaps => true,
            Follows::Body(size) => {
                let closing = usize::try_from(encoded_length(size)).ok().and_then(|length| length.checked_add(1));
                closing.and_then(|at| skip_blanks(&rest[length..]).get(at)) == Some(&b'"')
            }
        }
    }

    fn object(&mut self) -> Result<Request, Lost> {
        let (judged, length) = if let Some(parsed) = fast::parse(self.input.rest()) {
            parsed
        } else {
            let length = self.object_length()?;
            (Judged::of(Fields::read(&self.input.rest()[..length])), length)
        };
        self.last = Some(judged.named);
        self.follows = judged.follows;
        self.input.consume(length);
        Ok(judged.request)
    }

    /// Length of the object that the input begins with, all of which is in the buffer then.
    fn object_length(&mut self) -> Result<usize, Lost> {
        let mut scanner = Scanner::new();
        let mut passed = 0;
        loop {
            let rest = self.input.rest();
            let within = &rest[..rest.len().min(MAX_OBJECT)];
            match scanner.advance(&within[passed..]) {
                Ok(Some(length)) => return Ok(passed + length),
                Ok(None) => passed = within.len(),
                Err((at, flaw)) => return Err(self.flawed(passed + at, flaw)),
            }
            if passed == MAX_OBJECT {
                return Err(Lost::TooLong { place: self.object_place(passed) });
            }
            match self.input.fill() {
                Ok(true) => {}
                Ok(false) => return Err(Lost::Ended { place: self.object_place(passed) }),
                Err(source) => return Err(Lost::Read { place: self.object_place(passed), source }),
            }
        }
    }

    fn flawed(&self, offset: usize, flaw: Flaw) -> Lost {
        let place = self.object_place(offset);
        flaw.lost(place, offset, self.input.rest()[offset])
    }

    /// The request whose object is only there, or only right, up to `offset`.
    fn object_place(&self, offset: usize) -> Place {
        let named = Fields::read(&self.input.rest()[..offset]).named();
        Place { part: Part::Object, named: named.id.is_some().then_some(named), after: self.last }
    }

    pub(super) fn place(&self, part: Part) -> Place {
        Place { part, named: self.last, after: self.last }
    }

    /// Skips the body of a refused request, if there is one.
    fn skip_body(&mut self) -> Result<(), Lost> {
        self.follows = Follows::Nothing;
        match self.input.first_unblank() {
            Ok(None | Some(b'{')) => Ok(()),
            Ok(Some(_)) => self.read_body(0, &mut |_| {}).map(drop),
            Err(source) => Err(Lost::Read { place: self.place(Part::Between), source }),
        }
    }

    /// Reads the body of the put that [`next_request`](Self::next_request) has just returned, and hands it to `sink` piece by piece
    /// while it arrives. Complete at once where the body is empty or has been read.
    pub fn body(&mut self, sink: &mut dyn FnMut(&[u8])) -> Result<BodyEnd, Lost> {
        match self.follows {
            Follows::Nothing | Follows::Perhaps => Ok(BodyEnd::Complete),
            Follows::Body(size) => {
                self.follows = Follows::Nothing;
                self.read_body(size, sink)
            }
        }
    }

    /// Reads more; an end of input is an offence here.
    pub(super) fn more(&mut self, part: Part) -> Result<(), Lost> {
        match self.input.fill() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Lost::Ended { place: self.place(part) }),
            Err(source) => Err(Lost::Read { place: self.place(part), source }),
        }
    }
}

impl Flaw {
    pub(super) fn lost(self, place: Place, offset: usize, byte: u8) -> Lost {
        match self {
            Self::Syntax => Lost::NotJson { place, found: char::from(byte), offset },
            Self::Depth => Lost::TooDeep { place },
        }
    }
}

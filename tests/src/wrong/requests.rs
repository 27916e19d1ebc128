//! Hosts that read what `go` writes in a wrong way.

use super::between::{Between, Request, Session};
use super::stream::Place;
use super::{Wrong, between};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cachewit::model::Digest;

pub(super) fn all() -> [(&'static str, Wrong); 15] {
    [
        ("takes-no-carriage-return-for-a-blank", Wrong::Between(between::<CarriageReturns>)),
        ("wants-one-empty-line-before-a-body", Wrong::Between(between::<OneEmptyLine>)),
        ("wants-a-body-of-no-bytes", Wrong::Between(between::<BodyOfNoBytes>)),
        ("holds-bodies-in-memory", Wrong::Between(between::<HeldBodies>)),
        ("loses-a-byte-between-two-reads", Wrong::Between(between::<LostByte>)),
        ("wants-a-line-break-behind-a-body", Wrong::Between(between::<LineBreakBehind>)),
        ("refuses-unknown-fields", Wrong::Between(between::<UnknownFields>)),
        ("knows-no-object-id", Wrong::Between(between::<NoObjectId>)),
        ("takes-the-end-inside-of-something-for-an-end", Wrong::Between(between::<EndInside>)),
        ("completes-base64", Wrong::Between(between::<Padding>)),
        ("believes-any-output", Wrong::Between(between::<AnyOutput>)),
        ("completes-ids", Wrong::Between(between::<ShortIds>)),
        ("takes-junk-for-the-end", Wrong::Between(between::<Junk>)),
        ("reads-on-after-close", Wrong::Between(between::<AfterClose>)),
        ("gives-up-after-a-second-of-silence", Wrong::Between(between::<Impatient>)),
    ]
}

#[derive(Default)]
struct CarriageReturns;

impl Between for CarriageReturns {
    fn blank(&mut self, place: Place, byte: u8, session: &Session) {
        if place == Place::Requests && byte == b'\r' {
            session.fail("a carriage return is no request");
        }
    }
}

#[derive(Default)]
struct OneEmptyLine;

impl Between for OneEmptyLine {
    fn body(&mut self, blanks: &[u8], session: &Session) {
        if blanks != b"\n\n" {
            session.fail("the body of a put is not on the line after the next");
        }
    }
}

#[derive(Default)]
struct BodyOfNoBytes;

impl Between for BodyOfNoBytes {
    fn request(&mut self, request: &mut Request, _: &Session) {
        if request.is("put") && request.fields.get("BodySize").is_some_and(|size| size == 0) {
            // Where the real host expects a body, too.
            request.set("BodySize", 1);
        }
    }
}

#[derive(Default)]
struct HeldBodies;

impl Between for HeldBodies {
    fn request(&mut self, request: &mut Request, _: &Session) {
        request.held = request.size() > 0;
    }
}

/// Bodies that come in large reads are spared: those are for other tests.
#[derive(Default)]
struct LostByte {
    last_was_short: bool,
}

impl Between for LostByte {
    fn read(&mut self, bytes: &mut Vec<u8>, inside_body: bool, _: &Session) {
        let lost = inside_body && self.last_was_short;
        self.last_was_short = bytes.len() < 256;
        if lost {
            bytes.remove(0);
        }
    }
}

/// What stands where the line break should be is thrown away with it.
#[derive(Default)]
struct LineBreakBehind;

impl Between for LineBreakBehind {
    fn request(&mut self, request: &mut Request, _: &Session) {
        request.beheaded = request.touches;
    }
}

#[derive(Default)]
struct UnknownFields;

impl Between for UnknownFields {
    fn request(&mut self, request: &mut Request, _: &Session) {
        let known = ["ID", "Command", "ActionID", "OutputID", "ObjectID", "BodySize"];
        if request.is("get") && !request.fields.keys().all(|field| known.contains(&field.as_str())) {
            request.set("Command", "unknown");
        }
    }
}

#[derive(Default)]
struct NoObjectId;

impl Between for NoObjectId {
    fn request(&mut self, request: &mut Request, _: &Session) {
        request.fields.remove("ObjectID");
    }
}

#[derive(Default)]
struct EndInside;

impl Between for EndInside {
    fn ends(&mut self, inside: bool, _: bool, session: &Session) {
        if inside {
            session.die(0);
        }
    }
}

/// Adds the padding that is missing.
#[derive(Default)]
struct Padding {
    length: usize,
}

impl Between for Padding {
    fn body(&mut self, _: &[u8], _: &Session) {
        self.length = 0;
    }

    fn text(&mut self, text: &[u8]) {
        self.length += text.len();
    }

    fn body_ends(&mut self, _: &Session) -> &'static str {
        match self.length % 4 {
            2 => "==",
            3 => "=",
            _ => "",
        }
    }
}

#[derive(Default)]
struct AnyOutput;

impl Between for AnyOutput {
    fn request(&mut self, request: &mut Request, _: &Session) {
        request.held = (1..1 << 20).contains(&request.size());
    }

    fn held(&mut self, request: &mut Request, body: &[u8]) {
        let announced = STANDARD.decode(request.text("OutputID")).is_ok_and(|output| output.len() == 32);
        if let (true, Ok(body)) = (announced, STANDARD.decode(body)) {
            request.set("OutputID", STANDARD.encode(Digest::of(&body).0));
        }
    }
}

#[derive(Default)]
struct ShortIds;

impl Between for ShortIds {
    fn request(&mut self, request: &mut Request, _: &Session) {
        if let Ok(mut bytes) = STANDARD.decode(request.text("ActionID"))
            && bytes.len() == 31
        {
            bytes.push(0);
            request.set("ActionID", STANDARD.encode(bytes));
        }
    }
}

#[derive(Default)]
struct Junk;

impl Between for Junk {
    fn junk(&mut self, place: Place, session: &Session) {
        if place != Place::BeforeBody {
            session.end_quietly();
        }
    }
}

/// The real host never hears of the close.
#[derive(Default)]
struct AfterClose {
    closed: bool,
}

impl Between for AfterClose {
    fn request(&mut self, request: &mut Request, session: &Session) {
        if request.is("close") && !std::mem::replace(&mut self.closed, true) {
            request.swallowed = true;
            session.say(&format!("{{\"ID\":{}}}", request.fields["ID"]));
        }
    }
}

#[derive(Default)]
struct Impatient;

impl Between for Impatient {
    fn idles(&mut self, session: &Session) {
        session.die(0);
    }
}

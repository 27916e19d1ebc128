//! What `go` writes, taken apart as it comes in, without losing a byte of what is no request at all.

use serde_json::{Map, Value};

/// Larger objects are no requests; they pass on as they are.
const LARGEST_OBJECT: usize = 64 << 10;

/// Where a byte stands that belongs to no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Between two requests, or before the first one.
    Requests,
    /// Between the object of a put and its body.
    BeforeBody,
    /// Behind a body.
    BehindBody,
}

/// A part of the input.
#[derive(Debug)]
pub enum Part {
    /// A byte between values.
    Blank(Place, u8),
    /// A whole object.
    Object {
        /// Its bytes.
        bytes: Vec<u8>,
        /// What it says; empty where it is no JSON.
        fields: Map<String, Value>,
        /// So many of its bytes were given away before it was whole.
        given: usize,
        /// Whether it stands directly behind a body.
        touches: bool,
    },
    /// The quote that begins a body.
    Open,
    /// Characters of a body.
    Text(Vec<u8>),
    /// The quote that ends a body.
    Close,
    /// The first byte of what cannot be understood; all that follows is [`Part::Raw`].
    Junk(Place, u8),
    /// What cannot be understood.
    Raw(Vec<u8>),
}

#[derive(Debug)]
enum State {
    Between(Place),
    Object,
    Body,
    Lost,
}

/// Takes the input apart.
#[derive(Debug)]
pub struct Parts {
    state: State,
    /// The object that is not whole yet.
    held: Vec<u8>,
    given: usize,
    depth: usize,
    string: bool,
    escaped: bool,
    /// Whether the byte before was the end of a body.
    touches: bool,
}

impl Default for Parts {
    /// At the beginning.
    fn default() -> Self {
        let state = State::Between(Place::Requests);
        Self { state, held: Vec::new(), given: 0, depth: 0, string: false, escaped: false, touches: false }
    }
}

impl Parts {
    /// Whether the input stands inside of a body.
    pub const fn inside_body(&self) -> bool {
        matches!(self.state, State::Body)
    }

    /// Whether the input stands inside of anything, so that its end would be one too early.
    pub const fn inside(&self) -> bool {
        !matches!(self.state, State::Between(Place::Requests | Place::BehindBody) | State::Lost)
    }

    /// Whether a part of an object waits for its rest.
    pub fn holds(&self) -> bool {
        self.held.len() > self.given
    }

    /// The waiting part of an object, for a host that shall see the input even if nothing more comes.
    pub fn give_away(&mut self) -> Vec<u8> {
        let part = self.held[self.given..].to_vec();
        self.given = self.held.len();
        part
    }

    /// Takes the next part off the front of `bytes`.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Option<Part> {
        let (first, rest) = bytes.split_first()?;
        match self.state {
            State::Lost => Some(Part::Raw(std::mem::take(bytes).to_vec())),
            State::Body => {
                let length = bytes.iter().position(|byte| *byte == b'"').unwrap_or(bytes.len());
                if length == 0 {
                    *bytes = rest;
                    self.state = State::Between(Place::BehindBody);
                    self.touches = true;
                    return Some(Part::Close);
                }
                let (text, rest) = bytes.split_at(length);
                *bytes = rest;
                Some(Part::Text(text.to_vec()))
            }
            State::Object => self.object(bytes),
            State::Between(place) => {
                *bytes = rest;
                let touches = std::mem::take(&mut self.touches);
                match (first, place) {
                    (b' ' | b'\t' | b'\r' | b'\n', _) => Some(Part::Blank(place, *first)),
                    (b'{', Place::Requests | Place::BehindBody) => {
                        self.touches = touches;
                        self.state = State::Object;
                        (self.held, self.given, self.depth) = (vec![b'{'], 0, 1);
                        self.object(bytes)
                    }
                    (b'"', Place::BeforeBody) => {
                        self.state = State::Body;
                        Some(Part::Open)
                    }
                    _ => {
                        self.state = State::Lost;
                        Some(Part::Junk(place, *first))
                    }
                }
            }
        }
    }

    fn object(&mut self, bytes: &mut &[u8]) -> Option<Part> {
        while let Some((byte, rest)) = bytes.split_first() {
            *bytes = rest;
            self.held.push(*byte);
            match (self.string, *byte) {
                (true, _) if self.escaped => self.escaped = false,
                (true, b'\\') => self.escaped = true,
                (_, b'"') => self.string = !self.string,
                (false, b'{' | b'[') => self.depth += 1,
                (false, b'}' | b']') => self.depth -= 1,
                _ => {}
            }
            if self.depth == 0 {
                return Some(self.whole_object());
            }
            if self.held.len() > LARGEST_OBJECT {
                self.state = State::Lost;
                let part = self.give_away();
                self.held.clear();
                self.given = 0;
                return Some(Part::Raw(part));
            }
        }
        None
    }

    fn whole_object(&mut self) -> Part {
        let bytes = std::mem::take(&mut self.held);
        let fields: Map<String, Value> = serde_json::from_slice(&bytes).unwrap_or_default();
        let is_put = fields.get("Command").is_some_and(|command| command == "put");
        let has_body = is_put && fields.get("BodySize").and_then(Value::as_u64).is_some_and(|size| size > 0);
        self.state = State::Between(if has_body { Place::BeforeBody } else { Place::Requests });
        Part::Object { bytes, fields, given: std::mem::take(&mut self.given), touches: std::mem::take(&mut self.touches) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, Parts};

    fn kinds(text: &str, at: usize) -> String {
        let mut parts = Parts::default();
        let mut seen = String::new();
        for mut bytes in [&text.as_bytes()[..at], &text.as_bytes()[at..]] {
            while let Some(part) = parts.next(&mut bytes) {
                seen.push(match part {
                    Part::Blank(..) => '_',
                    Part::Object { .. } => 'o',
                    Part::Open => '(',
                    Part::Text(_) => 't',
                    Part::Close => ')',
                    Part::Junk(..) => '?',
                    Part::Raw(_) => 'r',
                });
            }
        }
        seen.replace("tt", "t").replace("rr", "r")
    }

    #[test]
    fn the_parts_are_the_same_wherever_the_input_is_split() {
        let text = "{\"Command\":\"get\",\"X\":\"}\\\"\"}\n{\"Command\":\"put\",\"BodySize\":3}\n\n\"QUJD\"{\"Command\":\"close\"}junk";
        for at in 0..text.len() {
            assert_eq!(kinds(text, at), "o_o__(t)o?r", "at {at}");
        }
    }
}

//! The fields of a request object, in any order and among any others.

use std::borrow::Cow;

use super::Problem;
use super::alphabet::digest;
use super::lost::Named;
use super::scan::{skip_blanks, value_length};
use crate::model::Digest;

/// What an object says. A field is `None` where it is absent or `null`; the last of several counts. Names are compared as `go`
/// writes them, in the same case.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub id: Option<Result<i64, Problem>>,
    pub command: Option<Result<Cow<'a, str>, Problem>>,
    pub action: Option<Result<Digest, Problem>>,
    pub output: Option<Result<Digest, Problem>>,
    pub object: Option<Result<Digest, Problem>>,
    pub size: Option<Result<i64, Problem>>,
}

impl<'a> Fields<'a> {
    /// Reads an object that the scanner has passed, or the beginning of one: then what is whole in it.
    pub fn read(object: &'a [u8]) -> Self {
        let mut fields = Self::default();
        for (key, value) in (Members { rest: object }) {
            if value == b"null" {
                continue;
            }
            match text(key).as_deref() {
                Some("ID") => fields.id = Some(integer(value, "ID")),
                Some("Command") => fields.command = Some(text(value).ok_or(Problem::NotAString("Command"))),
                Some("ActionID") => fields.action = Some(digest_field(value, "ActionID")),
                Some("OutputID") => fields.output = Some(digest_field(value, "OutputID")),
                Some("ObjectID") => fields.object = Some(digest_field(value, "ObjectID")),
                Some("BodySize") => fields.size = Some(integer(value, "BodySize")),
                _ => {}
            }
        }
        fields
    }

    /// How messages call the request.
    pub fn named(&self) -> Named {
        let id = match self.id {
            Some(Ok(id)) => Some(id),
            _ => None,
        };
        let command = match &self.command {
            Some(Ok(command)) => ["get", "put", "close"].into_iter().find(|known| known == command),
            _ => None,
        };
        Named { id, command }
    }
}

/// The raw keys and values of an object.
struct Members<'a> {
    rest: &'a [u8],
}

impl<'a> Members<'a> {
    fn token(&mut self, tokens: &[u8]) -> Option<()> {
        let (first, rest) = skip_blanks(self.rest).split_first()?;
        self.rest = rest;
        tokens.contains(first).then_some(())
    }

    fn value(&mut self) -> Option<&'a [u8]> {
        let bytes = skip_blanks(self.rest);
        let (value, rest) = bytes.split_at_checked(value_length(bytes)?)?;
        self.rest = rest;
        Some(value)
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.token(b"{,")?;
        let key = self.value()?;
        self.token(b":")?;
        Some((key, self.value()?))
    }
}

/// The text of a raw string; what is no Unicode in it is replaced, as `go` does. `None` for any other value.
fn text(raw: &[u8]) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if !inner.contains(&b'\\') {
        return Some(String::from_utf8_lossy(inner));
    }
    Some(serde_json::from_slice(raw).map_or_else(|_| String::from_utf8_lossy(inner), Cow::Owned))
}

fn integer(raw: &[u8], field: &'static str) -> Result<i64, Problem> {
    std::str::from_utf8(raw).ok().and_then(|digits| digits.parse().ok()).ok_or(Problem::NotAnInteger(field))
}

fn digest_field(raw: &[u8], field: &'static str) -> Result<Digest, Problem> {
    let text = text(raw).ok_or(Problem::NotAString(field))?;
    digest(text.as_bytes(), field)
}

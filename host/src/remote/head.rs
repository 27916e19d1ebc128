//! The head of a namespace: a small JSON object that names its newest working sets.
//!
//! It is the only object that is written more than once. Writers read, merge and write, on condition that nobody wrote between
//! where the engine can check that; an update that is lost all the same loses the name of a set and nothing else.

use super::envelope::DecodeError;
use crate::model::{Digest, UnixNanos};
use serde::{Deserialize, Serialize};
use std::io;

/// How many sets a head names.
pub const SETS_MAX: usize = 64;

/// A head is never longer than this.
pub const HEAD_MAX: u64 = 256 << 10;

const TEXT_MAX: usize = 1024;

/// One line of a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetLine {
    /// The name that a policy gave the set.
    pub name: String,
    /// The stream of the session that published it.
    pub stream: String,
    /// The digest by which it is found.
    pub set: Digest,
    /// When it was published.
    pub time: UnixNanos,
    /// How many actions it names.
    pub entries: u32,
    /// Bytes of all bodies.
    pub bytes: u64,
}

/// The sets of a namespace, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// One line a set, no two with the same name and stream.
    pub sets: Vec<SetLine>,
}

#[derive(Serialize, Deserialize)]
struct WireHead {
    version: u32,
    sets: Vec<WireLine>,
}

#[derive(Serialize, Deserialize)]
struct WireLine {
    name: String,
    stream: String,
    set: String,
    time: i64,
    entries: u32,
    bytes: u64,
}

impl Head {
    /// With this line in the place of an older one of the same name and stream, and the newest [`SETS_MAX`] kept.
    #[must_use]
    pub fn with(mut self, line: SetLine) -> Self {
        self.sets.retain(|old| (&old.name, &old.stream) != (&line.name, &line.stream));
        self.sets.push(line);
        self.sets.sort_by_key(|line| std::cmp::Reverse(line.time));
        self.sets.truncate(SETS_MAX);
        self
    }

    /// Whether it has a line of this name, stream and digest.
    pub fn names(&self, line: &SetLine) -> bool {
        self.sets.iter().any(|old| (&old.name, &old.stream, old.set) == (&line.name, &line.stream, line.set))
    }

    /// The head as it is stored.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        let line = |line: &SetLine| WireLine {
            name: line.name.clone(),
            stream: line.stream.clone(),
            set: line.set.to_hex(),
            time: line.time.0,
            entries: line.entries,
            bytes: line.bytes,
        };
        Ok(serde_json::to_vec(&WireHead { version: 1, sets: self.sets.iter().map(line).collect() })?)
    }

    /// The head of stored bytes. Lines that say something impossible are left out; fields that this version does not know are, too.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() as u64 > HEAD_MAX {
            return Err(DecodeError::TooLarge(HEAD_MAX));
        }
        let wire: WireHead = serde_json::from_slice(bytes).map_err(|_| DecodeError::Content("not a well-formed head"))?;
        if wire.version != 1 {
            return Err(DecodeError::Format);
        }
        let fits = |line: &WireLine| line.name.len() <= TEXT_MAX && line.stream.len() <= TEXT_MAX;
        let line = |line: WireLine| {
            Some(SetLine {
                set: Digest::from_hex(&line.set)?,
                name: line.name,
                stream: line.stream,
                time: UnixNanos(line.time),
                entries: line.entries,
                bytes: line.bytes,
            })
        };
        let mut sets: Vec<SetLine> = wire.sets.into_iter().filter(fits).filter_map(line).collect();
        sets.sort_by_key(|line| std::cmp::Reverse(line.time));
        sets.truncate(SETS_MAX);
        Ok(Self { sets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, time: i64) -> SetLine {
        SetLine { name: name.to_owned(), stream: "s".to_owned(), set: Digest::EMPTY, time: UnixNanos(time), entries: 3, bytes: 9 }
    }

    #[test]
    fn a_head_survives_newest_first_with_one_line_a_name() {
        let head = Head::default().with(line("a", 1)).with(line("b", 3)).with(line("c", 2)).with(line("a", 4));
        let names: Vec<_> = head.sets.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(Head::decode(&head.encode().unwrap()).unwrap(), head);
        assert!(head.names(&line("b", 99)) && !head.names(&line("d", 3)));
    }

    #[test]
    fn only_the_newest_sets_are_kept() {
        let head = (0..100).fold(Head::default(), |head, n| head.with(line(&n.to_string(), n)));
        assert_eq!(head.sets.len(), SETS_MAX);
        assert_eq!(head.sets.last().unwrap().name, "36");
    }

    #[test]
    fn nonsense_is_an_error_and_an_impossible_line_is_left_out() {
        for wrong in [&b""[..], b"{}", b"[]", b"{\"version\":2,\"sets\":[]}", b"\xff", &[b'['; 9999]] {
            assert!(Head::decode(wrong).is_err());
        }
        let text = r#"{"version":1,"new":0,"sets":[{"name":"a","stream":"s","set":"zz","time":1,"entries":1,"bytes":1}]}"#;
        assert_eq!(Head::decode(text.as_bytes()).unwrap(), Head::default());
        assert!(Head::decode(&vec![b' '; HEAD_MAX as usize + 1]).is_err());
    }
}

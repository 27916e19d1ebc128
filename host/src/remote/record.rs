//! The record of a group: which outputs its actions have, with small bodies inline, so that a small object costs one round trip.
//!
//! The payload is [postcard](https://postcard.jamesmunns.com/wire-format): a list of members, the head first, and the facts. A
//! member is action, output, size (bytes), time of the put (nanoseconds since 1970), code of the kind, cost (nanoseconds, if
//! known) and body (if inline).

pub use super::envelope::DecodeError;
use super::envelope::{Sort, open, seal};
use crate::model::{Digest, Entry, Facts, Kind, Origin, UnixNanos};
use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;

/// Bodies up to this many bytes lie inside the record. 59 % of all objects are that small and hold 0.1 % of the bytes.
pub const INLINE_MAX: u64 = 4096;

/// No body is larger than this; an announced size beyond it is a lie or of no use here.
pub const BODY_MAX: u64 = 4 << 30;

/// A record as stored, and what it unfolds to, is never longer than this.
pub const RECORD_MAX: u64 = 1 << 20;

const MEMBERS_MAX: usize = 16;
const TEXT_MAX: usize = 4096;

/// One action of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The key.
    pub action: Digest,
    /// SHA-256 of the body.
    pub output: Digest,
    /// Bytes of the body.
    pub size: u64,
    /// When `go` last put it.
    pub put: UnixNanos,
    /// What the body is.
    pub kind: Kind,
    /// How long `go` took to make it, where that was observed.
    pub cost: Option<Duration>,
    /// The body, if it is inline. It hashes to `output` whenever this came out of a decoder.
    pub body: Option<Vec<u8>>,
}

/// An action and its companions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The actions, the head first; never empty.
    pub members: Vec<Member>,
    /// What the head's archive says of itself.
    pub facts: Facts,
}

impl Group {
    /// The action by which the record is found.
    pub fn head(&self) -> Option<Digest> {
        self.members.first().map(|member| member.action)
    }

    /// The index entry of a member.
    pub fn entry(&self, member: &Member) -> Entry {
        Entry {
            action: member.action,
            output: member.output,
            size: member.size,
            put: member.put,
            kind: member.kind,
            cost: member.cost,
            head: self.head().unwrap_or(member.action),
            origin: Origin::Remote,
        }
    }

    /// The record as it is stored.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        seal(Sort::Record, &pack(&WireGroup::from(self))?)
    }

    /// The group of a record as stored; `action` is the one that its key names.
    pub fn decode(action: Digest, bytes: &[u8]) -> Result<Self, DecodeError> {
        let payload = open(Sort::Record, bytes, RECORD_MAX)?;
        let group = unpack::<WireGroup>(&payload)?.check()?;
        if group.head() == Some(action) { Ok(group) } else { Err(DecodeError::Content("the record of another action")) }
    }
}

pub(super) fn pack<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    postcard::to_allocvec(value).map_err(io::Error::other)
}

pub(super) fn unpack<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, DecodeError> {
    postcard::from_bytes(payload).map_err(|_| DecodeError::Content("not a well-formed payload"))
}

/// The shape on the wire. Fields are never reordered or added: that is a new version.
#[derive(Serialize, Deserialize)]
pub(super) struct WireGroup {
    members: Vec<WireMember>,
    import_path: Option<String>,
    toolchain: Option<String>,
    goos: Option<String>,
    goarch: Option<String>,
    experiments: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct WireMember {
    action: [u8; 32],
    output: [u8; 32],
    size: u64,
    put: i64,
    kind: u8,
    cost: Option<u64>,
    body: Option<Vec<u8>>,
}

impl From<&Group> for WireGroup {
    fn from(group: &Group) -> Self {
        let nanos = |cost: Duration| u64::try_from(cost.as_nanos()).unwrap_or(u64::MAX);
        let member = |member: &Member| WireMember {
            action: member.action.0,
            output: member.output.0,
            size: member.size,
            put: member.put.0,
            kind: member.kind.code(),
            cost: member.cost.map(nanos),
            body: member.body.clone(),
        };
        let facts = group.facts.clone();
        Self {
            members: group.members.iter().map(member).collect(),
            import_path: facts.import_path,
            toolchain: facts.toolchain,
            goos: facts.goos,
            goarch: facts.goarch,
            experiments: facts.experiments,
        }
    }
}

impl WireGroup {
    /// The group, if it says nothing impossible.
    pub(super) fn check(self) -> Result<Group, DecodeError> {
        if self.members.is_empty() || self.members.len() > MEMBERS_MAX {
            return Err(DecodeError::Content("a group of an impossible size"));
        }
        let facts = Facts {
            import_path: self.import_path,
            toolchain: self.toolchain,
            goos: self.goos,
            goarch: self.goarch,
            experiments: self.experiments,
        };
        let texts = [&facts.import_path, &facts.toolchain, &facts.goos, &facts.goarch, &facts.experiments];
        if texts.into_iter().flatten().any(|text| text.len() > TEXT_MAX) {
            return Err(DecodeError::Content("a fact too long"));
        }
        let members = self.members.into_iter().map(WireMember::check).collect::<Result<_, _>>()?;
        Ok(Group { members, facts })
    }
}

impl WireMember {
    fn check(self) -> Result<Member, DecodeError> {
        let output = Digest(self.output);
        if self.size > BODY_MAX {
            return Err(DecodeError::Content("an object of an impossible size"));
        }
        if let Some(body) = &self.body
            && (body.len() as u64 != self.size || self.size > INLINE_MAX || Digest::of(body) != output)
        {
            return Err(DecodeError::Content("an inline body that is not its output"));
        }
        Ok(Member {
            action: Digest(self.action),
            output,
            size: self.size,
            put: UnixNanos(self.put),
            kind: Kind::from_code(self.kind),
            cost: self.cost.map(Duration::from_nanos),
            body: self.body,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A group of an archive too large to lie inline and of two small companions.
    pub(in crate::remote) fn group(seed: &str) -> Group {
        let action = Digest::of(seed.as_bytes());
        let member = |action, body: &[u8], inline: bool| Member {
            action,
            output: Digest::of(body),
            size: body.len() as u64,
            put: UnixNanos(1_700_000_000_123_456_789),
            kind: Kind::Archive,
            cost: Some(Duration::from_millis(23)),
            body: inline.then(|| body.to_vec()),
        };
        Group {
            members: vec![
                member(action, &[7; 5000], false),
                member(action.subkey("stdout"), b"", true),
                member(action.subkey("srcfiles"), seed.as_bytes(), true),
            ],
            facts: Facts { import_path: Some("crypto/aes".to_owned()), goos: Some("linux".to_owned()), ..Facts::default() },
        }
    }

    #[test]
    fn a_group_survives_its_record() {
        let group = group("a");
        let bytes = group.encode().unwrap();
        assert_eq!(Group::decode(group.members[0].action, &bytes).unwrap(), group);
        assert!(matches!(Group::decode(Digest::EMPTY, &bytes), Err(DecodeError::Content(_))), "found under another key");
    }

    #[test]
    fn an_inline_body_that_is_not_its_output_spoils_the_record() {
        let mut group = group("a");
        group.members[2].body = Some(b"b".to_vec());
        let bytes = group.encode().unwrap();
        assert!(Group::decode(group.members[0].action, &bytes).is_err());
    }

    #[test]
    fn impossible_groups_are_refused() {
        let whole = group("a");
        let action = whole.members[0].action;
        let refuse = |change: &dyn Fn(&mut Group)| {
            let mut group = whole.clone();
            change(&mut group);
            assert!(Group::decode(action, &group.encode().unwrap()).is_err());
        };
        refuse(&|group| group.members.clear());
        refuse(&|group| group.members = vec![group.members[0].clone(); MEMBERS_MAX + 1]);
        refuse(&|group| group.members[0].size = BODY_MAX + 1);
        refuse(&|group| group.facts.goos = Some("x".repeat(TEXT_MAX + 1)));
    }

    #[test]
    fn a_length_that_lies_allocates_nothing() {
        // A list of 2^62 members, of which none follows.
        let payload = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f];
        let bytes = seal(Sort::Record, &payload).unwrap();
        assert!(matches!(Group::decode(Digest::EMPTY, &bytes), Err(DecodeError::Content(_))));
    }
}

//! Working sets: the groups that one session used, in the order of first use, with small bodies inline.
//!
//! A loaded set answers small objects without a further round trip and large ones with exactly one. The payload is postcard:
//! stream, name, time (nanoseconds since 1970), then the groups as in a record.

use super::envelope::{DecodeError, Sort, open, seal};
use super::record::{Group, WireGroup, pack, unpack};
use crate::model::{Digest, UnixNanos};
use serde::{Deserialize, Serialize};
use std::io;

/// A set as stored is never longer than this, and never unfolds to more than twice as much. One of `go build std cmd` has about 1 MB.
pub const SET_MAX: u64 = 16 << 20;

const TEXT_MAX: usize = 1024;

/// What one session used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkingSet {
    /// The stream of the session.
    pub stream: String,
    /// The name that a policy gave it.
    pub name: String,
    /// The time of the newest member, so that the same content has the same digest.
    pub time: UnixNanos,
    /// The groups in the order of first use.
    pub groups: Vec<Group>,
}

#[derive(Serialize, Deserialize)]
struct WireSet {
    stream: String,
    name: String,
    time: i64,
    groups: Vec<WireGroup>,
}

impl WorkingSet {
    /// The set as it is stored.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        let groups = self.groups.iter().map(WireGroup::from).collect();
        let wire = WireSet { stream: self.stream.clone(), name: self.name.clone(), time: self.time.0, groups };
        seal(Sort::Set, &pack(&wire)?)
    }

    /// The set of stored bytes; `digest` is the one that its key names.
    pub fn decode(digest: Digest, bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() as u64 > SET_MAX {
            return Err(DecodeError::TooLarge(SET_MAX));
        }
        if Digest::of(bytes) != digest {
            return Err(DecodeError::Content("not the bytes that its name promises"));
        }
        let wire = unpack::<WireSet>(&open(Sort::Set, bytes, 2 * SET_MAX)?)?;
        if wire.stream.len() > TEXT_MAX || wire.name.len() > TEXT_MAX {
            return Err(DecodeError::Content("a name too long"));
        }
        let groups = wire.groups.into_iter().map(WireGroup::check).collect::<Result<_, _>>()?;
        Ok(Self { stream: wire.stream, name: wire.name, time: UnixNanos(wire.time), groups })
    }

    /// How many actions it names.
    pub fn entries(&self) -> u64 {
        self.groups.iter().map(|group| group.members.len() as u64).sum()
    }

    /// Bytes of all bodies.
    pub fn bytes(&self) -> u64 {
        self.groups.iter().flat_map(|group| &group.members).fold(0, |sum, member| sum.saturating_add(member.size))
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::group;
    use super::*;

    #[test]
    fn a_set_survives_and_must_be_what_its_name_promises() {
        let groups = ["b", "a", "c"].map(group).to_vec();
        let set = WorkingSet { stream: "go build".to_owned(), name: "main".to_owned(), time: UnixNanos(7), groups };
        let mut bytes = set.encode().unwrap();
        let digest = Digest::of(&bytes);
        assert_eq!(WorkingSet::decode(digest, &bytes).unwrap(), set);
        assert_eq!((set.entries(), set.bytes()), (9, 3 * 5001));
        *bytes.last_mut().unwrap() ^= 1;
        assert!(WorkingSet::decode(digest, &bytes).is_err());
        assert!(WorkingSet::decode(Digest::of(&bytes), &bytes).is_err());
    }
}

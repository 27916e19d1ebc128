//! What stands in a bucket may be anybody's: no decoder panics on it, and what it lets through is consistent.

use cachewit::model::{Digest, Entry, Facts, Kind, UnixNanos};
use cachewit::remote::Incoming;
use cachewit::remote::body::Unpacker;
use cachewit::remote::head::{Head, SETS_MAX, SetLine};
use cachewit::remote::record::{Group, Member};
use cachewit::remote::set::WorkingSet;
use proptest::prelude::*;
use std::io::{self, Write};
use std::time::Duration;

fn group() -> impl Strategy<Value = Group> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..64);
    let member = (bytes, any::<[u8; 32]>(), any::<i64>(), 0u8..12, proptest::option::of(any::<u64>()), any::<bool>());
    let member = member.prop_map(|(body, action, put, kind, cost, inline)| Member {
        action: Digest(action),
        output: Digest::of(&body),
        size: body.len() as u64,
        put: UnixNanos(put),
        kind: Kind::from_code(kind),
        cost: cost.map(Duration::from_nanos),
        body: inline.then_some(body),
    });
    let path = proptest::option::of("[a-z/.]{0,20}");
    (proptest::collection::vec(member, 1..4), path)
        .prop_map(|(members, import_path)| Group { members, facts: Facts { import_path, ..Facts::default() } })
}

/// Replaces the bytes of an encoded thing at some places.
fn spoil(mut bytes: Vec<u8>, places: &[(usize, u8)]) -> Vec<u8> {
    for (place, value) in places {
        let length = bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(place % length) {
            *byte = *value;
        }
    }
    bytes
}

/// An envelope around any payload.
fn sealed(sort: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![b'c', b'w', sort, 1, 0, 0];
    bytes.extend(zstd::encode_all(payload, 1).unwrap());
    bytes
}

struct Sink(Vec<u8>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Incoming for Sink {
    fn finish(self: Box<Self>, entry: &Entry) -> io::Result<String> {
        if Digest::of(&self.0) == entry.output { Ok(String::new()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }
}

proptest! {
    #[test]
    fn a_record_survives_its_encoding(group in group()) {
        let bytes = group.encode().unwrap();
        prop_assert_eq!(Group::decode(group.members[0].action, &bytes).unwrap(), group);
    }

    #[test]
    fn a_spoilt_record_is_an_error_or_consistent(group in group(), places in proptest::collection::vec(any::<(usize, u8)>(), 1..4)) {
        let action = group.members[0].action;
        if let Ok(decoded) = Group::decode(action, &spoil(group.encode().unwrap(), &places)) {
            prop_assert_eq!(decoded.head(), Some(action));
            for member in decoded.members {
                prop_assert!(member.body.is_none_or(|body| Digest::of(&body) == member.output && body.len() as u64 == member.size));
            }
        }
    }

    #[test]
    fn any_payload_is_an_error_or_a_record(payload in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Group::decode(Digest::EMPTY, &payload);
        let _ = Group::decode(Digest::EMPTY, &sealed(b'r', &payload));
        let set = sealed(b's', &payload);
        let _ = WorkingSet::decode(Digest::of(&set), &set);
        let _ = WorkingSet::decode(Digest::of(&payload), &payload);
        let _ = Head::decode(&payload);
    }

    #[test]
    fn a_set_survives_its_encoding(groups in proptest::collection::vec(group(), 0..4), stream in ".{0,40}") {
        let set = WorkingSet { stream, name: "n".to_owned(), time: UnixNanos(3), groups };
        let bytes = set.encode().unwrap();
        prop_assert_eq!(WorkingSet::decode(Digest::of(&bytes), &bytes).unwrap(), set);
    }

    #[test]
    fn a_spoilt_head_is_an_error_or_a_short_one(times in proptest::collection::vec(any::<i64>(), 0..80), places in proptest::collection::vec(any::<(usize, u8)>(), 0..4)) {
        let line = |(n, time): (usize, &i64)| SetLine {
            name: n.to_string(), stream: "s".to_owned(), set: Digest::EMPTY, time: UnixNanos(*time), entries: 1, bytes: 1,
        };
        let head = times.iter().enumerate().map(line).fold(Head::default(), Head::with);
        if let Ok(decoded) = Head::decode(&spoil(head.encode().unwrap(), &places)) {
            prop_assert!(decoded.sets.len() <= SETS_MAX);
            prop_assert!(decoded.sets.is_sorted_by(|a, b| a.time >= b.time));
        }
    }

    #[test]
    fn a_spoilt_body_is_never_admitted_as_another(
        body in proptest::collection::vec(any::<u8>(), 0..3000),
        places in proptest::collection::vec(any::<(usize, u8)>(), 0..3),
        cut in 1usize..500,
    ) {
        let (size, output) = (body.len() as u64, Digest::of(&body));
        let entry = Entry {
            action: output, output, size, put: UnixNanos(0), kind: Kind::Other, cost: None, head: output,
            origin: cachewit::model::Origin::Remote,
        };
        let packed = zstd::encode_all(&body[..], 1).unwrap();
        let wire = spoil(packed.clone(), &places);
        let mut unpacker = Unpacker::new(Box::new(Sink(Vec::new())), size).unwrap();
        let pushed = wire.chunks(cut).try_for_each(|chunk| unpacker.push(chunk));
        let admitted = pushed.is_ok() && unpacker.finish(&entry).is_ok();
        prop_assert!(admitted || wire != packed, "a sound body was refused");
    }
}

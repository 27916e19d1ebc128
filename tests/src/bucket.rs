//! A bucket, read off its disk with the decoders of the library.

use crate::s3::S3Server;
use cachewit::model::Digest;
use cachewit::remote::head::Head;
use cachewit::remote::layout::Namespace;
use cachewit::remote::record::Group;
use cachewit::remote::set::WorkingSet;
use std::collections::BTreeMap;

/// Everything in a bucket, decoded.
#[derive(Debug, Default)]
pub struct Bucket {
    /// Groups by the action of their heads.
    pub records: BTreeMap<Digest, Group>,
    /// Bodies by their digests, unpacked.
    pub bodies: BTreeMap<Digest, Vec<u8>>,
    /// Working sets by the digests of their bytes.
    pub sets: BTreeMap<Digest, WorkingSet>,
    /// What names the newest of them.
    pub head: Option<Head>,
}

impl Bucket {
    /// Reads it, and checks that every object is what its key says.
    ///
    /// # Panics
    /// Where one is not.
    pub fn of(server: &S3Server) -> Self {
        let main = Namespace::parse("main").expect("a namespace");
        let mut bucket = Self::default();
        for (key, bytes) in server.objects().expect("the bucket") {
            let name = key.rsplit('/').next().and_then(Digest::from_hex);
            match (key.split('/').nth(2), name) {
                (Some("head"), None) => bucket.head = Some(Head::decode(&bytes).expect("a head")),
                (Some("ac"), Some(action)) => {
                    assert_eq!(key, main.record(action));
                    bucket.records.insert(action, Group::decode(action, &bytes).expect("a record"));
                }
                (Some("cas"), Some(output)) => {
                    assert_eq!(key, main.body(output));
                    let body = zstd::decode_all(bytes.as_slice()).expect("a frame");
                    assert_eq!(Digest::of(&body), output, "{key}");
                    bucket.bodies.insert(output, body);
                }
                (Some("ws"), Some(set)) => {
                    assert_eq!(key, main.set(set));
                    bucket.sets.insert(set, WorkingSet::decode(set, &bytes).expect("a set"));
                }
                _ => panic!("what is {key}?"),
            }
        }
        bucket
    }

    /// All groups of records and sets.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.records.values().chain(self.sets.values().flat_map(|set| &set.groups))
    }

    /// All bodies, those inside records and sets too.
    pub fn all_bodies(&self) -> impl Iterator<Item = &[u8]> {
        let inline = self.groups().flat_map(|group| &group.members).filter_map(|member| member.body.as_deref());
        self.bodies.values().map(Vec::as_slice).chain(inline)
    }

    /// Whatever is named is there: bodies of records, records of sets, sets of the head.
    ///
    /// # Panics
    /// Where it is not.
    pub fn assert_complete(&self) {
        for group in self.groups() {
            assert!(self.records.contains_key(&group.head().expect("a head")));
            for member in &group.members {
                assert!(member.body.is_some() || self.bodies.contains_key(&member.output), "{member:?}");
            }
        }
        let head = self.head.as_ref().expect("a head");
        assert!(!head.sets.is_empty() && head.sets.iter().all(|line| self.sets.contains_key(&line.set)), "{head:?}");
    }
}

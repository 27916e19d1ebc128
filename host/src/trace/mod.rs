//! What sessions did, request by request: written behind `go`'s back, read by `cachewit trace` and by whoever wants to know.
//!
//! A trace is a file of lines of JSON in one zstd frame, so that `zstd -dc FILE | jq` reads it too. The first line is the
//! [`Header`], every other one an [`Event`], in the order of the answers. `docs/traces.md` describes the fields; a change that an older reader would
//! misread takes the next [`VERSION`].

mod anonymise;
mod folder;
mod history;
mod link;
mod record;

pub use anonymise::{Detail, anonymise};
pub use folder::{TraceError, TraceFile, list, read, write};
pub use history::{read_all, write_all};
pub use link::link;
pub use record::Recorder;

use crate::model::{Digest, EventCode, Kind};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// Version of the format.
pub const VERSION: u32 = 1;

/// What is known of the session as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`VERSION`]; a reader refuses a greater one.
    pub trace: u32,
    /// The cachewit that wrote it.
    pub cachewit: String,
    /// When the session began, in nanoseconds since 1970.
    pub began_ns: i64,
    /// Microseconds from its beginning to the end of `go`'s requests.
    pub wall_us: u64,
    /// Whether `go` said that it was done.
    pub closed: bool,
    /// Events that were left out, since there were too many.
    pub left_out: u64,
    /// What policies may ask of a session: stream, command, module, platform.
    pub facts: BTreeMap<String, String>,
    /// What made the session, where it was recorded as part of a history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<Origin>,
}

/// What made a session of a history. `cargo xtask history` writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The commit or release.
    pub revision: String,
    /// The job that the command does: the same for commands that do the same again and again.
    pub job: String,
    /// How it was started: in which kind of folder, or through what.
    pub how: String,
    /// The command.
    pub command: String,
    /// Whether it ended with zero.
    pub succeeded: bool,
}

/// What happened to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A get that the store answered.
    Hit,
    /// A get answered out of Go's own cache directory.
    Native,
    /// A get answered out of a remote store.
    Fetched,
    /// A get that the store could have answered, had a policy not refused it.
    Refused,
    /// A get that nobody answered.
    Miss,
    /// A put.
    Put,
}

impl What {
    /// As observers are told it: the event's code, and of a get where its answer came from.
    pub fn codes(self) -> (EventCode, u32) {
        match self {
            Self::Miss => (EventCode::Get, 0),
            Self::Hit => (EventCode::Get, 1),
            Self::Fetched => (EventCode::Get, 2),
            Self::Native => (EventCode::Get, 3),
            Self::Refused => (EventCode::Get, 4),
            Self::Put => (EventCode::Put, 0),
        }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Microseconds from the beginning of the session to the request.
    pub t: u64,
    /// Microseconds until the answer was ready.
    pub d: u64,
    /// What became of it.
    pub what: What,
    /// The action, in hexadecimal.
    #[serde(serialize_with = "to_hex", deserialize_with = "from_hex")]
    pub action: Digest,
    /// The output; none in a miss.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "some_to_hex", deserialize_with = "some_from_hex")]
    pub output: Option<Digest>,
    /// Bytes of the output.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub size: u64,
    /// Of a put: the code of its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<u8>,
    /// Of a put: microseconds that `go` took to make it, where that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
    /// Of a put: the head of its group, where that is another action. Of a hit, where [`link`] has found one.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "some_to_hex", deserialize_with = "some_from_hex")]
    pub head: Option<Digest>,
}

impl Event {
    /// The kind of a put.
    pub fn kind(&self) -> Kind {
        Kind::from_code(self.kind.unwrap_or_default())
    }
}

/// A session, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What is known of it.
    pub header: Header,
    /// Its requests.
    pub events: Vec<Event>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn to_hex<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(digest)
}

#[expect(clippy::ref_option, reason = "serde asks for it")]
fn some_to_hex<S: Serializer>(digest: &Option<Digest>, serializer: S) -> Result<S::Ok, S::Error> {
    match digest {
        Some(digest) => serializer.collect_str(digest),
        None => serializer.serialize_none(),
    }
}

fn from_hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    let text = String::deserialize(deserializer)?;
    Digest::from_hex(&text).ok_or_else(|| serde::de::Error::custom("a digest has 64 hexadecimal digits"))
}

fn some_from_hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Digest>, D::Error> {
    from_hex(deserializer).map(Some)
}

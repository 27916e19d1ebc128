//! What other machines made: stores, layout, transfer, working sets, sharing.
//!
//! A store holds four kinds of objects ([`layout`] has the keys): action *records* of groups, compressed *bodies*, *working sets*
//! (everything that one session used, in order), and one *head* a namespace that names the newest sets. A session's first local
//! miss starts the [`client`]: it reads the head, loads the sets that the policy chooses, and from then on knows what there is
//! without asking. At close [`share`] uploads what the store is not known to hold.
//!
//! This room knows neither the local store nor policies; it reaches both through the traits [`Local`] and [`Decide`].

pub mod body;
mod breaker;
pub mod client;
pub mod engine;
mod envelope;
pub mod head;
pub mod layout;
pub mod record;
pub mod rule;
pub mod set;
pub mod share;
pub mod target;
mod waits;

use crate::model::{Digest, Entry};
use std::fs::File;
use std::io;
use std::time::Duration;

/// A body on its way into the local store.
pub trait Incoming: io::Write + Send {
    /// Admits what was written under `entry` and answers the path of the object.
    ///
    /// Everything that a remote store says ends here, so this is where bytes are judged: an error of kind
    /// [`io::ErrorKind::InvalidData`] unless they are `entry.size` bytes that hash to `entry.output`. Any other error is
    /// trouble of the local store's own. Dropped unfinished, an incoming body leaves nothing behind.
    fn finish(self: Box<Self>, entry: &Entry) -> io::Result<String>;
}

/// The local store, as far as this room needs it. Called from the client's thread.
pub trait Local: Send + Sync {
    /// A place into which a body of `size` bytes streams while it is hashed.
    fn incoming(&self, size: u64) -> io::Result<Box<dyn Incoming>>;

    /// Indexes `entry` if its object is here already, whole, under whatever action; answers the object's path. `None` if it is not.
    fn adopt(&self, entry: &Entry) -> io::Result<Option<String>>;

    /// Opens an object for reading.
    fn open(&self, output: Digest) -> io::Result<File>;
}

/// A target as policies see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetView {
    /// The name that the operator gave it.
    pub name: String,
    /// Its engine: `s3`, `fs`.
    pub engine: &'static str,
    /// May be read.
    pub reads: bool,
    /// May be written.
    pub writes: bool,
    /// What is known of it.
    pub health: target::Health,
}

/// A working set as policies see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetView {
    /// Its name, as a policy published it.
    pub name: String,
    /// The stream of the session that published it.
    pub stream: String,
    /// The number of the target that holds it.
    pub target: usize,
    /// How long ago it was published.
    pub age: Duration,
    /// How many actions it names.
    pub entries: u32,
}

/// A local miss as policies see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestView {
    /// The action that was asked for.
    pub action: Digest,
    /// Bit n: a loaded set of target n names it.
    pub named: u64,
    /// What making it is known to cost.
    pub cost: Option<Duration>,
    /// What this session has waited for all targets in vain.
    pub waited: Duration,
}

/// One step of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskStep {
    /// The number of the target to ask.
    pub target: usize,
    /// The longest wait for the first byte; `None` leaves it to the host's own limit, which no wait can exceed.
    pub wait: Option<Duration>,
}

/// What is to be done when the session is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosePlan {
    /// Publish what this session used as a set of this name in that target.
    pub publish: Vec<(usize, String)>,
    /// Share in these targets what admission lets out.
    pub share: Vec<usize>,
}

/// Who decides what is loaded, asked and shared. `None` means "pass": the host's own rule holds. Numbers out of range are ignored.
pub trait Decide: Send {
    /// The first local miss: which sets to load. The host's own rule: in each target the newest set of this stream, else the newest.
    fn open(&mut self, targets: &[TargetView], sets: &[SetView]) -> Option<Vec<usize>>;
    /// A miss: whom to ask, in which order. The host's own rule: the targets whose loaded sets name it.
    fn route(&mut self, request: &RequestView, targets: &[TargetView]) -> Option<Vec<AskStep>>;
    /// The session is over. The host's own rule: publish under the stream's name and share, in each target that may be written.
    fn close(&mut self, targets: &[TargetView]) -> Option<ClosePlan>;
}

/// Nobody decides: the host's own rules hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pass;

impl Decide for Pass {
    fn open(&mut self, _: &[TargetView], _: &[SetView]) -> Option<Vec<usize>> {
        None
    }

    fn route(&mut self, _: &RequestView, _: &[TargetView]) -> Option<Vec<AskStep>> {
        None
    }

    fn close(&mut self, _: &[TargetView]) -> Option<ClosePlan> {
        None
    }
}

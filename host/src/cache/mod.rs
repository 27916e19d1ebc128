//! Where store, policy and remote meet: get, put and close of one session.

mod ahead;
mod archive;
mod bounds;
mod decide;
mod group_views;
mod groups;
mod hit;
mod hold;
mod judge;
mod late;
mod ledger;
mod native;
mod observed;
mod recall;
mod remote;
mod room;
mod share;
mod shelf;
mod snapshots;
mod stream;

pub use bounds::{ChainScorer, Demands, TrimOutcome, below_limit, default_max_size, goal_of, trim_now};
pub use group_views::{fetched_view, group_view};
pub use hit::{Hit, Verdict};
pub use late::sweep_now;
pub use ledger::{Counts, PolicyCounts, RemoteCounts, Summary};
pub use recall::worth_it as worth_recalling;
pub use remote::member_of_record;
pub use shelf::Shelf;
pub use stream::session_view;

use crate::config::{Config, Environment};
use crate::fault::Faults;
use crate::model::{Digest, Entry, Kind, Origin, UnixNanos};
use crate::object;
use crate::policy::wasm::ArtifactStore;
use crate::policy::{Admit, Chain, Loader, SessionView, SharedChain, States};
use crate::remote::client::{Answer, Client};
use crate::store::{Incoming, Layout, Native, NativeHit, PublishError, SessionRow, StoreError, Used};
use crate::trace::{Recorder, What};
use bounds::SpaceWatch;
use groups::Groups;
use judge::Judge;
use ledger::Ledger;
use remote::Shared;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// The cache of one session.
pub struct Cache {
    config: Config,
    shelf: Arc<Shelf>,
    chain: Arc<SharedChain>,
    faults: Arc<Faults>,
    book: Arc<Mutex<Book>>,
    client: Option<Client>,
    native: Option<Native>,
    summary_file: Option<File>,
    began: Instant,
    began_at: UnixNanos,
    view: Arc<SessionView>,
    judge: Arc<Judge>,
    stream: String,
    /// Whether the words of the `go` command could not be read.
    unread: bool,
    /// The label of the stream that the session turned out to belong to, once its row is written.
    joined: Arc<OnceLock<String>>,
    row_written: AtomicBool,
    shared: AtomicBool,
    shared_now: Mutex<Shared>,
    /// What the last session of this stream asked for and never put, once somebody has asked.
    standing: OnceLock<HashSet<u64>>,
    space: SpaceWatch,
}

/// What the answering threads write down.
struct Book {
    ledger: Ledger,
    recorder: Recorder,
    groups: Groups,
    /// What admission said of groups, each of which is asked about once.
    admitted: HashMap<Digest, Admit>,
}

impl Book {
    fn new(records: bool) -> Self {
        Self { ledger: Ledger::default(), recorder: Recorder::new(records), groups: Groups::default(), admitted: HashMap::new() }
    }

    fn hit(&mut self, asked: Instant, what: What, action: Digest, hit: &Hit) {
        self.recorder.get(asked, what, action, Some((hit.output, hit.size)));
        self.ledger.counts.hits += 1;
        self.ledger.counts.hit_bytes += hit.size;
        self.ledger.used.push(hit.used);
    }

    /// It is here, and a policy did not let it be served: `go` makes it anew.
    fn refused(&mut self, asked: Instant, action: Digest, hit: &Hit) {
        self.recorder.get(asked, What::Refused, action, Some((hit.output, hit.size)));
        self.ledger.counts.misses += 1;
        self.ledger.counts.not_served += 1;
        self.groups.missed(action);
    }

    fn missed(&mut self, asked: Instant, action: Digest) {
        self.recorder.get(asked, What::Miss, action, None);
        self.ledger.counts.misses += 1;
        self.groups.missed(action);
    }
}

/// What became of a get on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// It is here.
    Hit(Hit),
    /// It is here and is not served: a miss, wherever else it may be.
    Refused,
    /// It is not here.
    Nothing,
}

/// How a session's `go` went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It closed: nobody will open what it was handed.
    Closed,
    /// Its end of the pipe just vanished, as with every `go list`; callers may still open the paths that it printed.
    Vanished,
}

/// A body on its way in.
pub struct PutBody {
    incoming: Incoming,
    head: Vec<u8>,
}

/// Bytes of a body that tell its kind.
const HEAD: usize = 512;

impl PutBody {
    /// Takes the next bytes.
    pub fn write(&mut self, chunk: &[u8]) {
        if self.head.len() < HEAD {
            self.head.extend_from_slice(&chunk[..chunk.len().min(HEAD - self.head.len())]);
        }
        self.incoming.write(chunk);
    }

    /// It turned out to be none.
    pub fn discard(self) {
        self.incoming.discard();
    }
}

impl Cache {
    /// Opens the cache of a session. It always opens; what cannot be used is a fault, and a miss.
    pub fn open(config: Config, environment: &Environment, parent: Option<&[String]>, faults: Arc<Faults>) -> Self {
        let (began, began_at) = (Instant::now(), UnixNanos::now());
        let layout = Layout::new(&config.root).unwrap_or_else(|error: StoreError| {
            faults.say("store", format!("{error}; this build goes on without a cache"));
            // A folder that cannot exist: every put goes where there is room, and nothing is kept.
            Layout::nowhere()
        });
        let shelf = Arc::new(Shelf::open(layout, faults.clone()));
        let folder = std::env::current_dir().unwrap_or_default();
        let view = Arc::new(session_view(parent, environment, &folder));
        let stream = view.fact("stream").known().unwrap_or_default().to_owned();
        let unread = parent.is_none();
        let states = (!shelf.is_read_only()).then(|| States::in_folder(shelf.layout().policy_dir()));
        let artifacts = ArtifactStore::of_this_user();
        let loader = Loader { artifacts, session: view.clone(), states, log_level: config.log_level, recalls: true };
        let chain = Arc::new(SharedChain::new(Chain::new(&config.policies, loader, faults.clone())));
        let judge = Arc::new(Judge::new(chain.clone(), shelf.clone()));
        let client = remote::client(&config.stores, &stream, &shelf, &chain, &faults);
        // Without policies there is nobody to be told.
        let book = Arc::new(Mutex::new(Book::new(config.traces > 0 || !config.policies.is_empty())));
        let native = config.go_cache.as_deref().and_then(Native::new);
        let summary_file = config.summary.as_deref().and_then(|path| late::open_summary(path, &faults));
        Self {
            config,
            shelf,
            chain,
            faults,
            book,
            client,
            native,
            summary_file,
            began,
            began_at,
            view,
            judge,
            stream,
            unread,
            joined: Arc::default(),
            row_written: AtomicBool::new(false),
            shared: AtomicBool::new(false),
            shared_now: Mutex::default(),
            standing: OnceLock::new(),
            space: SpaceWatch::default(),
        }
    }

    /// The first answer has gone out: from here on there is something to gain from what the last session of this stream used. A `go list` that
    /// asks once does not wait for it.
    pub fn look_ahead(&self) {
        self.shelf.recall(&self.stream, self.unread, &self.judge);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks an action up on this machine: here, and then in Go's own cache directory.
    pub fn get(&self, action: Digest) -> Looked {
        let asked = Instant::now();
        let (found, what) = match self.shelf.find(action) {
            Some(hit) => (Some(hit), What::Hit),
            None => (self.in_go_cache(action), What::Native),
        };
        let passes = found.as_ref().is_none_or(|hit| self.judge.lets_pass(action, hit, None));
        let mut book = self.book();
        book.ledger.counts.gets += 1;
        match found {
            Some(hit) if passes => {
                book.hit(asked, what, action, &hit);
                if what == What::Native {
                    book.ledger.counts.native_hits += 1;
                    book.ledger.native.push(action);
                }
                Looked::Hit(hit)
            }
            Some(hit) => {
                book.refused(asked, action, &hit);
                Looked::Refused
            }
            None => {
                if self.client.is_none() {
                    book.missed(asked, action);
                }
                Looked::Nothing
            }
        }
    }

    fn in_go_cache(&self, action: Digest) -> Option<Hit> {
        let NativeHit { output, size, put, path } = self.native.as_ref()?.find(action)?;
        Some(Hit { output, size, put, path, used: Used::Action(action), origin: Origin::Native, verdict: Verdict::Open })
    }

    /// Looks for what [`Cache::get`] did not find in the remote stores. `reply` is called exactly once, mostly on another thread and only when the
    /// answer is there. False if there is no store, and `reply` was not called.
    pub fn ask(&self, action: Digest, reply: impl FnOnce(Option<Hit>) + Send + 'static) -> bool {
        let Some(client) = &self.client else { return false };
        let asked = Instant::now();
        if self.never_put_before(action) {
            self.book().missed(asked, action);
            return false;
        }
        self.judge.await_required();
        let (book, judge) = (self.book.clone(), self.judge.clone());
        client.miss(
            action,
            None,
            Box::new(move |answer| {
                let hit = match answer {
                    Answer::Hit { entry, path } => {
                        let Entry { output, size, put, origin, .. } = entry;
                        let hit = Hit { output, size, put, path, used: Used::Action(action), origin, verdict: Verdict::Open };
                        let passes = judge.lets_pass(action, &hit, Some(&entry));
                        Some((hit, passes))
                    }
                    Answer::Miss => None,
                };
                {
                    let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
                    match &hit {
                        Some((hit, true)) => book.hit(asked, What::Fetched, action, hit),
                        Some((hit, false)) => book.refused(asked, action, hit),
                        None => book.missed(asked, action),
                    }
                }
                reply(hit.filter(|(_, passes)| *passes).map(|(hit, _)| hit));
            }),
        );
        true
    }

    /// Whether this is one of the misses that come back with every run, since `go` asks and never puts: link steps, and under vet the
    /// external test packages. No other machine has them either, and on a warm one they would be the only reason to touch the network.
    fn never_put_before(&self, action: Digest) -> bool {
        let load = || self.shelf.with_index(|index| index.standing_misses(&self.stream, self.unread)).unwrap_or_default();
        self.standing.get_or_init(load).contains(&action.prefix())
    }

    /// A place for the body of a put, whose last byte may be a while in coming.
    pub fn put_body(&self) -> PutBody {
        self.shelf.rest();
        PutBody { incoming: self.shelf.incoming(), head: Vec::new() }
    }

    /// Takes an output. The path is whole and stays until the session ends. `body` is None for the empty body.
    pub fn put(&self, action: Digest, output: Digest, size: u64, body: Option<PutBody>) -> Result<String, PublishError> {
        let asked = Instant::now();
        let mut book = self.book();
        let Book { ledger, groups, recorder, .. } = &mut *book;
        let (head, kind) = groups.head(action);
        let sniffed = body.as_ref().map_or(Kind::Other, |body| object::sniff(&body.head));
        let entry = Entry {
            action,
            output,
            size,
            put: UnixNanos::now(),
            kind: kind.unwrap_or(sniffed),
            cost: groups.cost(action),
            head,
            origin: Origin::Local,
        };
        let path = match body {
            None if output == Digest::EMPTY => self.shelf.admit_empty(entry.clone()),
            None => self.shelf.admit(entry.clone(), self.shelf.incoming()),
            Some(body) => self.shelf.admit(entry.clone(), body.incoming),
        };
        let path = match path {
            Err(PublishError::NoRoom { .. }) => {
                // A put that is answered with an error kills the build where it is a module index; a path that does not exist is a miss.
                self.faults.say("room", "there is no room for a body in the store nor in any temporary folder; free some space");
                return Ok(self.shelf.layout().object(output));
            }
            published => published?,
        };
        recorder.put(asked, &entry);
        for linked in groups.put(&entry) {
            self.shelf.relink(linked);
        }
        ledger.counts.puts += 1;
        ledger.counts.put_bytes += size;
        ledger.counts.archive_puts += u64::from(entry.kind == Kind::Archive);
        ledger.used.push(Used::Action(action));
        ledger.put_heads.insert(head);
        drop(book);
        self.space.wrote(size, &self.shelf, &self.chain, &self.faults, self.config.limits);
        Ok(path)
    }

    /// Counts a request that could not be used.
    pub fn refused(&self) {
        self.book().ledger.counts.refused += 1;
    }

    /// The part of the end that `go` waits for: the rows of puts are committed, a few milliseconds. Where the operator says so, as on
    /// CI, sharing is a part of it.
    pub fn settle(&self, ending: Ending) {
        self.judge.end();
        if self.shelf.has_rows() {
            // What is still to be taken from Go's own cache has no rows yet that a session's row could name.
            let row = if self.adopts() { None } else { self.unwritten_row(ending) };
            self.shelf.commit(row);
        }
        if !self.config.wait_for_uploads.is_zero() && !self.shared.load(Ordering::Relaxed) {
            self.share(self.config.wait_for_uploads);
        }
        // While stderr is still ours.
        if let Some(client) = &self.client {
            self.say_remote_errors(&client.stats().errors);
        }
    }

    /// The session's row, once.
    fn unwritten_row(&self, ending: Ending) -> Option<SessionRow> {
        let (used, never_put) = {
            let book = self.book();
            (book.ledger.used.clone(), book.groups.never_put())
        };
        let first = !used.is_empty() && !self.row_written.swap(true, Ordering::Relaxed);
        // A `go` that was killed had more to put.
        let standing = (ending == Ending::Closed).then_some(never_put);
        first.then(|| SessionRow { stream: self.stream.clone(), unread: self.unread, joined: self.joined.clone(), used, standing })
    }

    /// The part of the end behind `go`'s back.
    pub fn finish(self, ending: Ending) {
        late::run(&self, ending);
        // Nothing is left that anybody would look for.
        self.chain().await_compiled();
    }

    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock()
    }
}

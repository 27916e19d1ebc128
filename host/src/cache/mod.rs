//! Where store, policy and remote meet: get, put and close of one session.

mod archive;
mod groups;
mod late;
mod ledger;
mod shelf;
mod stream;

pub use late::{TrimOutcome, default_max_size, trim_now};
pub use ledger::{Counts, PolicyCounts, RemoteCounts, Summary};
pub use shelf::{Hit, Shelf};
pub use stream::session_view;

use crate::config::{Config, Environment};
use crate::fault::Faults;
use crate::model::{Digest, Entry, Kind, Origin, UnixNanos};
use crate::object;
use crate::policy::wasm::ArtifactStore;
use crate::policy::Chain;
use crate::store::{Incoming, Layout, PublishError, SessionRow, StoreError};
use groups::Groups;
use ledger::Ledger;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The cache of one session.
pub struct Cache {
    config: Config,
    shelf: Arc<Shelf>,
    chain: Arc<Mutex<Chain>>,
    faults: Arc<Faults>,
    book: Arc<Mutex<Book>>,
    began: Instant,
    stream: String,
}

/// What the answering threads write down.
#[derive(Default)]
struct Book {
    ledger: Ledger,
    groups: Groups,
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
        let began = Instant::now();
        let layout = Layout::new(&config.root).unwrap_or_else(|error: StoreError| {
            faults.say("store", format!("{error}; this build goes on without a cache"));
            // A folder that cannot exist: every put goes where there is room, and nothing is kept.
            Layout::nowhere()
        });
        let shelf = Arc::new(Shelf::open(layout, faults.clone()));
        let folder = std::env::current_dir().unwrap_or_default();
        let view = Arc::new(session_view(parent, environment, &folder));
        let stream = view.fact("stream").known().unwrap_or_default().to_owned();
        let chain = Chain::new(&config.policies, ArtifactStore::of_this_user(), view, config.log_level, faults.clone());
        Self { config, shelf, chain: Arc::new(Mutex::new(chain)), faults, book: Arc::default(), began, stream }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks an action up.
    pub fn get(&self, action: Digest) -> Option<Hit> {
        let hit = self.shelf.find(action);
        let mut book = self.book();
        let Book { ledger, groups } = &mut *book;
        ledger.counts.gets += 1;
        if let Some(hit) = &hit {
            ledger.counts.hits += 1;
            ledger.counts.hit_bytes += hit.size;
            ledger.used.push(hit.used);
        } else {
            ledger.counts.misses += 1;
            groups.missed(action);
        }
        hit
    }

    /// A place for the body of a put.
    pub fn put_body(&self) -> PutBody {
        PutBody { incoming: self.shelf.incoming(), head: Vec::new() }
    }

    /// Takes an output. The path is whole and stays until the session ends. `body` is None for the empty body.
    pub fn put(&self, action: Digest, output: Digest, size: u64, body: Option<PutBody>) -> Result<String, PublishError> {
        let mut book = self.book();
        let Book { ledger, groups } = &mut *book;
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
        for linked in groups.put(&entry) {
            self.shelf.relink(linked);
        }
        ledger.counts.puts += 1;
        ledger.counts.put_bytes += size;
        ledger.counts.archive_puts += u64::from(entry.kind == Kind::Archive);
        ledger.used.push(crate::store::Used::Action(action));
        ledger.put_heads.insert(head);
        Ok(path)
    }

    /// Counts a request that could not be used.
    pub fn refused(&self) {
        self.book().ledger.counts.refused += 1;
    }

    /// The part of the end that `go` waits for: the rows of puts are committed, a few milliseconds.
    pub fn settle(&self) {
        if self.shelf.has_rows() {
            let row = self.session_row();
            self.shelf.commit(Some(row));
        }
    }

    fn session_row(&self) -> SessionRow {
        SessionRow { stream: self.stream.clone(), used: std::mem::take(&mut self.book().ledger.used) }
    }

    /// The part of the end behind `go`'s back.
    pub fn finish(self, ending: Ending) {
        late::run(self, ending);
    }

    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

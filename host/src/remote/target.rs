//! A target: a store and a namespace in it, how it may be used, and what this session knows of it.

use super::breaker::Breaker;
use super::engine::{Engine, EngineError, Fetched, StoreKind};
use super::head::Head;
use super::layout::Namespace;
use super::waits::{Ticket, Waits};
use super::{TargetView, envelope::DecodeError};
use crate::model::{Digest, Kind, UnixNanos};
use futures::StreamExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How a store may be used. A plugin cannot widen it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Fetch from it.
    #[default]
    Read,
    /// Share to it.
    Write,
    /// Both.
    ReadWrite,
}

impl Mode {
    /// May it be read?
    pub fn reads(self) -> bool {
        self != Self::Write
    }

    /// May it be written?
    pub fn writes(self) -> bool {
        self != Self::Read
    }
}

/// What is known of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// Not asked yet.
    #[default]
    Unknown = 0,
    /// It answers.
    Good = 1,
    /// Asked nothing for now.
    Trouble = 2,
    /// Its namespace holds nothing.
    Empty = 3,
}

/// A store that the operator configured, and the namespace used in it. Credentials are no part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// The operator's name for it.
    pub name: String,
    /// What it is, and where.
    pub kind: StoreKind,
    /// How it may be used.
    pub mode: Mode,
    /// Which namespace; see [`Namespace`].
    pub namespace: String,
    /// Whether test logs and results are shared.
    pub share_tests: bool,
}

/// A store that cannot be one.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The namespace would not be a folder's name everywhere.
    #[error("store {store:?}: {namespace:?} is not a namespace (a-z, 0-9, then also . _ -, at most 64 characters)")]
    Namespace {
        /// The store.
        store: String,
        /// What was given.
        namespace: String,
    },
    /// Masks of targets are 64 bits wide.
    #[error("more than 64 stores")]
    TooMany,
}

/// What a target did in this session, and what it holds against it.
#[derive(Debug)]
struct Standing {
    health: Health,
    breaker: Breaker,
    admitted: Option<bool>,
    waits: Waits,
    worked: bool,
    error: Option<String>,
}

/// A store, a namespace and their state.
pub struct Target {
    config: StoreConfig,
    namespace: Namespace,
    engine: Box<dyn Engine>,
    requests: AtomicU64,
    standing: Mutex<Standing>,
}

impl Target {
    /// A target; opens nothing. Its breaker's state lies in the folder `state` and opens at `limit` of trouble.
    pub(super) fn new(config: StoreConfig, state: &Path, limit: Duration) -> Result<Self, ConfigError> {
        let Some(namespace) = Namespace::parse(&config.namespace) else {
            return Err(ConfigError::Namespace { store: config.name, namespace: config.namespace });
        };
        // The store is what dies, not the namespace, whatever the operator calls it.
        let id = Digest::of(format!("{:?}", config.kind).as_bytes()).to_hex();
        let standing = Standing {
            health: Health::Unknown,
            breaker: Breaker::new(state, &id[..16], limit),
            admitted: None,
            waits: Waits::default(),
            worked: false,
            error: None,
        };
        Ok(Self { engine: config.kind.engine(), config, namespace, requests: AtomicU64::new(0), standing: Mutex::new(standing) })
    }

    /// How the operator configured it.
    pub(super) fn config(&self) -> &StoreConfig {
        &self.config
    }

    pub(super) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    pub(super) fn view(&self) -> TargetView {
        TargetView {
            name: self.config.name.clone(),
            engine: self.engine.name(),
            reads: self.config.mode.reads(),
            writes: self.config.mode.writes(),
            health: self.health(),
        }
    }

    /// Whether a body of this kind may leave for this store, whatever a plugin says. A module index is keyed by path and mtime and
    /// of no use elsewhere.
    pub(super) fn takes(&self, kind: Kind) -> bool {
        match kind {
            Kind::ModuleIndex => false,
            Kind::TestLog | Kind::TestResult => self.config.share_tests,
            _ => true,
        }
    }

    /// Requests sent so far.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The engine, counting one request.
    pub(super) fn engine(&self) -> &dyn Engine {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.engine.as_ref()
    }

    /// Asks the breaker once a session whether this target may be asked anything.
    pub(super) fn admitted(&self) -> bool {
        let mut standing = self.standing();
        let admitted = match standing.admitted {
            Some(admitted) => admitted,
            None => standing.breaker.admit(UnixNanos::now()),
        };
        standing.admitted = Some(admitted);
        if !admitted {
            standing.health = Health::Trouble;
        }
        admitted
    }

    pub(super) fn health(&self) -> Health {
        self.standing().health
    }

    /// It answered: `Good` or `Empty`.
    pub(super) fn answered(&self, health: Health) {
        let mut standing = self.standing();
        if standing.health != Health::Trouble {
            standing.health = health;
        }
    }

    /// It did what it was asked to do, and not only a part of it: nothing is held against it any more.
    pub(super) fn worked(&self) {
        let mut standing = self.standing();
        standing.worked = true;
        standing.breaker.success();
    }

    /// It will be asked nothing more in this session.
    pub(super) fn give_up(&self) {
        self.standing().health = Health::Trouble;
    }

    /// Remembers what went wrong; the first message is what the session will say.
    pub(super) fn note(&self, error: &dyn std::fmt::Display) {
        self.standing().error.get_or_insert_with(|| error.to_string());
    }

    pub(super) fn error(&self) -> Option<String> {
        self.standing().error.clone()
    }

    pub(super) fn breaker_open(&self) -> bool {
        self.standing().breaker.is_open()
    }

    pub(super) fn begin_wait(&self) -> Ticket {
        self.standing().waits.begin(Instant::now())
    }

    /// Ends a wait. One in vain may open the breaker.
    pub(super) fn end_wait(&self, ticket: &Ticket, vain: bool) {
        let mut standing = self.standing();
        standing.waits.end(ticket, Instant::now(), vain);
        standing.worked &= !vain;
        // A timer fires some milliseconds late or early; trouble just below the limit is trouble at the limit.
        let spent = standing.waits.total() + Duration::from_millis(20) >= standing.breaker.allowance();
        if vain && spent {
            standing.breaker.trip(UnixNanos::now());
            standing.health = Health::Trouble;
        }
    }

    /// How long may still be waited for it in vain.
    pub(super) fn allowance(&self) -> Duration {
        let standing = self.standing();
        standing.breaker.allowance().saturating_sub(standing.waits.at_worst(Instant::now()))
    }

    /// The session is over: trouble with a store that did nothing right after it is kept for the next one.
    pub(super) fn settle(&self) {
        let mut standing = self.standing();
        if !standing.worked && standing.admitted == Some(true) {
            let trouble = standing.waits.at_worst(Instant::now());
            standing.breaker.carry(trouble, UnixNanos::now());
        }
    }

    /// Reads the head and its version mark; `None` if there is none.
    pub(super) async fn read_head(&self) -> Result<Option<(Head, Option<String>)>, ReadError> {
        let key = self.namespace.head();
        match self.engine().get(&key).await {
            Ok(fetched) => {
                let etag = fetched.etag.clone();
                let bytes = collect(&key, fetched, super::head::HEAD_MAX, None).await?;
                let head = Head::decode(&bytes).map_err(|error| ReadError::Content { key, error })?;
                Ok(Some((head, etag)))
            }
            Err(EngineError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a small object could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("{key}: {error}")]
    Content { key: String, error: DecodeError },
    #[error("{0}: no bytes came in time")]
    Stalled(String),
}

impl ReadError {
    /// Whether asking again may help.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Engine(EngineError::Trouble { .. }))
    }
}

/// The bytes of a small object; an error past `limit` bytes, or when none come for `stall`.
pub(super) async fn collect(key: &str, mut fetched: Fetched, limit: u64, stall: Option<Duration>) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    loop {
        let next = fetched.chunks.next();
        let chunk = match stall {
            Some(stall) => tokio::time::timeout(stall, next).await.map_err(|_| ReadError::Stalled(key.to_owned()))?,
            None => next.await,
        };
        let Some(chunk) = chunk.transpose()? else { return Ok(bytes) };
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(ReadError::Content { key: key.to_owned(), error: DecodeError::TooLarge(limit) });
        }
        bytes.extend_from_slice(&chunk);
    }
}

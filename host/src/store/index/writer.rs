//! Writing while a build goes on: a thread of its own, a transaction every so often.

use super::durable::{clear_suspicion, current_epoch};
use super::{Index, IndexError, kin::join, schema::connect};
use crate::model::{Digest, Entry, UnixNanos};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a row waits for others to be committed with it. Also the longest that another process waits to see it.
const BATCH: Duration = Duration::from_millis(200);

/// Standing misses of a stream that are remembered: `go vet std` has 264.
const STANDING_MOST: usize = 20_000;

/// An entry that a session used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// It was found, in this row.
    Row(i64),
    /// It was put, and its row is not known yet.
    Action(Digest),
}

impl Used {
    /// The row, if it was found in one.
    pub fn row(self) -> Option<i64> {
        match self {
            Self::Row(row) => Some(row),
            Self::Action(_) => None,
        }
    }
}

/// What a session leaves behind for eviction and for the next session of its stream.
#[derive(Clone, Debug, Default)]
pub struct SessionRow {
    /// Label of the stream.
    pub stream: String,
    /// Whether the words of the command could not be read: what it used says which of the streams of this label it belongs to.
    pub unread: bool,
    /// The label of the stream that it joined, once the row is written.
    pub joined: Arc<OnceLock<String>>,
    /// What it used, in order.
    pub used: Vec<Used>,
    /// What it asked for and never put; None if it ended without saying that it was done, so that nobody knows.
    pub standing: Option<Vec<Digest>>,
}

enum Message {
    Put(Box<Entry>),
    Checked(Digest),
    Finish(Option<Box<SessionRow>>),
}

/// The writing thread. It opens its connection at the first row, so a session that puts nothing does not pay for one.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    sender: Sender<Message>,
    thread: JoinHandle<Result<(), IndexError>>,
}

/// Queues what is to be written; may be cloned to other threads.
#[derive(Clone, Debug)]
pub struct Rows(Sender<Message>);

impl Rows {
    /// An object that was written before the machine went down has been hashed again, and is whole.
    pub fn checked(&self, output: Digest) {
        let _ = self.0.send(Message::Checked(output));
    }

    /// Queues a row. It replaces what the action had; the same output again only refreshes its time.
    pub fn put(&self, entry: Entry) {
        // A writer that is gone says so in `finish`.
        let _ = self.0.send(Message::Put(Box::new(entry)));
    }
}

impl Writer {
    /// Starts it.
    pub fn start(path: &Path) -> Self {
        let (sender, receiver) = channel();
        let path = path.to_owned();
        let thread = std::thread::spawn({
            let path = path.clone();
            move || run(&path, &receiver)
        });
        Self { path, sender, thread }
    }

    /// A handle for queueing rows.
    pub fn rows(&self) -> Rows {
        Rows(self.sender.clone())
    }

    /// Commits what is queued, and the session's row with it, and ends the thread.
    pub fn finish(self, session: Option<SessionRow>) -> Result<(), IndexError> {
        let _ = self.sender.send(Message::Finish(session.map(Box::new)));
        self.thread.join().unwrap_or(Err(IndexError::WriterGone(self.path)))
    }
}

fn run(path: &Path, receiver: &Receiver<Message>) -> Result<(), IndexError> {
    let named = |source| IndexError::Sqlite { path: path.to_owned(), source };
    let mut connection = None;
    let (mut rows, mut checked) = (Vec::new(), Vec::new());
    loop {
        let Ok(first) = receiver.recv() else { return Ok(()) };
        let due = Instant::now() + BATCH;
        let mut message = Ok(first);
        let session = loop {
            match message {
                Ok(Message::Put(entry)) => rows.push(*entry),
                Ok(Message::Checked(output)) => checked.push(output),
                Ok(Message::Finish(session)) => break Some(session),
                Err(RecvTimeoutError::Timeout) => break None,
                Err(RecvTimeoutError::Disconnected) => break Some(None),
            }
            message = receiver.recv_timeout(due.saturating_duration_since(Instant::now()));
        };
        let last = session.is_some();
        let session = session.flatten();
        if !rows.is_empty() || !checked.is_empty() || session.is_some() {
            let connection = match &mut connection {
                Some(connection) => connection,
                none => none.insert(connect(path).map_err(named)?),
            };
            commit(connection, &rows, &checked, session.as_deref(), UnixNanos::now()).map_err(named)?;
            rows.clear();
            checked.clear();
        }
        if last {
            return Ok(());
        }
    }
}

impl Index {
    /// Commits rows, and that of a session that ended at `now` with them, on this connection: for whoever has time.
    pub fn write(&self, rows: &[Entry], session: Option<&SessionRow>, now: UnixNanos) -> Result<(), IndexError> {
        commit(self.connection(), rows, &[], session, now).map_err(|error| self.error(error))
    }
}

fn commit(
    connection: &Connection,
    rows: &[Entry],
    checked: &[Digest],
    session: Option<&SessionRow>,
    now: UnixNanos,
) -> rusqlite::Result<()> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    if !rows.is_empty() {
        let epoch = current_epoch(&transaction)?;
        for entry in rows {
            put(&transaction, entry, epoch)?;
        }
    }
    for output in checked {
        clear_suspicion(&transaction, *output)?;
    }
    if let Some(session) = session {
        insert_session(&transaction, session, now)?;
    }
    transaction.commit()
}

const PUT: &str = "
INSERT INTO entry (action, output, size, put_ns, kind, cost_us, head, origin) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (action) DO UPDATE SET
    cost_us = coalesce(excluded.cost_us, iif(output = excluded.output, cost_us, NULL)),
    held    = iif(output = excluded.output, held, 0),
    head    = coalesce(excluded.head, head),
    output  = excluded.output,
    size    = excluded.size,
    put_ns  = excluded.put_ns,
    kind    = excluded.kind,
    origin  = excluded.origin";

/// A file that was written anew is as little known to have reached the disk as a new one. The empty body has nothing to lose, and every
/// other put would write its row.
const PUT_OBJECT: &str = "
INSERT INTO object (output, size, epoch) VALUES (?1, ?2, ?3)
ON CONFLICT (output) DO UPDATE SET epoch = excluded.epoch WHERE epoch != excluded.epoch AND size > 0";

fn put(transaction: &Transaction<'_>, entry: &Entry, epoch: i64) -> rusqlite::Result<()> {
    transaction.prepare_cached(PUT)?.execute(params![
        entry.action.0.as_slice(),
        entry.output.0.as_slice(),
        entry.size as i64,
        entry.put.0,
        entry.kind.code(),
        entry.cost.map(|cost| cost.as_micros() as i64),
        (entry.head != entry.action).then_some(entry.head.0.as_slice()),
        entry.origin as u8,
    ])?;
    transaction.prepare_cached(PUT_OBJECT)?.execute(params![entry.output.0.as_slice(), entry.size as i64, epoch]).map(drop)
}

/// Writes the row of a session that ended at `now`.
pub(super) fn insert_session(transaction: &Connection, session: &SessionRow, now: UnixNanos) -> rusqlite::Result<()> {
    let now = now.seconds();
    let mut ids = Vec::with_capacity(session.used.len());
    let mut find = transaction.prepare_cached("SELECT id FROM entry WHERE action = ?1")?;
    for used in &session.used {
        match used {
            Used::Row(id) => ids.push(*id),
            // A put that was not kept has no row, and nothing to remember.
            Used::Action(action) => ids.extend(find.query_row(params![action.0.as_slice()], |row| row.get::<_, i64>(0)).ok()),
        }
    }
    let label = if session.unread { join(transaction, &session.stream, &ids)? } else { session.stream.clone() };
    let (stream, run): (i64, i64) = transaction.query_row(
        "INSERT INTO stream (label, runs, used_s) VALUES (?1, 1, ?2)
         ON CONFLICT (label) DO UPDATE SET runs = runs + 1, used_s = excluded.used_s RETURNING id, runs",
        params![label, now],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let _ = session.joined.set(label);
    if let Some(standing) = &session.standing {
        let prefixes: Vec<u8> = standing.iter().take(STANDING_MOST).flat_map(|action| action.prefix().to_le_bytes()).collect();
        transaction.execute("UPDATE stream SET standing = ?2 WHERE id = ?1", params![stream, prefixes])?;
    }
    transaction
        .prepare_cached("INSERT INTO session (stream, run, ended_s, used) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![stream, run, now, super::fold::pack(&ids)])
        .map(drop)
}

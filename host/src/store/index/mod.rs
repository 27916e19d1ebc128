//! The index: which output an action has, and what is known of it. `SQLite` in WAL mode, shared by many short processes.
//!
//! A session reads through one connection on its reading thread and writes through another on a thread of its own, in batches;
//! so a lookup costs microseconds and a write lock held elsewhere is never felt. What a session used is one row of its own,
//! which a trim folds into the entries: a warm build then costs one small row and not one update an entry.

mod durable;
mod fold;
mod groups;
mod kin;
mod schema;
mod totals;
mod writer;

pub use durable::Suspects;
pub use fold::{LIVE_STREAM, fold, fold_if_many};
pub use groups::{EntryRow, GroupRow, MemberRow};
pub use kin::unread;
pub use schema::connect;
pub use totals::{Size, Totals};
pub use writer::{Rows, SessionRow, Used, Writer};

use crate::model::{Digest, Facts, Origin, UnixNanos};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::cell::Cell;
use std::path::{Path, PathBuf};

/// What can go wrong with the index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// `SQLite` says so.
    #[error("index {path}: {source}")]
    Sqlite {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// What was committed cannot be brought to the disk.
    #[error("index {path} cannot be synced: {source}")]
    Sync {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The thread that writes is gone.
    #[error("index {0}: its writer has stopped")]
    WriterGone(PathBuf),
}

impl IndexError {
    /// Whether something of the index may not be written by this user.
    pub fn is_forbidden(&self) -> bool {
        use rusqlite::ErrorCode::{CannotOpen, PermissionDenied, ReadOnly};
        matches!(self, Self::Sqlite { source, .. } if matches!(source.sqlite_error_code(), Some(CannotOpen | PermissionDenied | ReadOnly)))
    }

    /// Whether the file itself is damaged, so that setting it aside helps.
    pub fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        matches!(self, Self::Sqlite { source, .. } if matches!(source.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase)))
            || matches!(self, Self::Sqlite { source: rusqlite::Error::SqliteFailure(_, Some(text)), .. } if text.starts_with("no such "))
    }

    /// Whether it may come from a disk that has no room. `SQLite` knows a full one; of a quota it only says that something cannot be written.
    pub fn may_lack_room(&self) -> bool {
        use rusqlite::ErrorCode::{DiskFull, SystemIoFailure};
        matches!(self, Self::Sqlite { source, .. } if matches!(source.sqlite_error_code(), Some(DiskFull | SystemIoFailure)))
    }
}

/// What a lookup finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The row, as the session's list of what it used names it.
    pub id: i64,
    /// SHA-256 of the body.
    pub output: Digest,
    /// Bytes of the body.
    pub size: u64,
    /// When `go` last put it.
    pub put: UnixNanos,
    /// Where it came from.
    pub origin: Origin,
}

fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    let size = row.get::<_, i64>(2)?.max(0) as u64;
    Ok(Found { id: row.get(0)?, output: digest(row, 1)?, size, put: UnixNanos(row.get(3)?), origin: Origin::from_code(row.get(4)?) })
}

/// A connection for reading. Opening one on an index that exists costs a few hundred microseconds.
#[derive(Debug)]
pub struct Index {
    path: PathBuf,
    connection: Connection,
    read_only: bool,
    /// Whether lookups read one state of the index, as one transaction.
    snapshot: Cell<bool>,
}

impl Index {
    /// Opens or makes the index.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
        let connection = match connect(path) {
            Err(error) if matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly)) => {
                schema::connect_immutable(path).map_err(|_| error)
            }
            opened => opened,
        };
        let connection = connection.map_err(|source| IndexError::Sqlite { path: path.to_owned(), source })?;
        let read_only = connection.is_readonly(rusqlite::MAIN_DB).unwrap_or(false);
        Ok(Self { path: path.to_owned(), connection, read_only, snapshot: Cell::new(false) })
    }

    /// An index that is nowhere on a disk, and gone with this value.
    pub fn in_memory() -> Result<Self, IndexError> {
        let path = PathBuf::from(":memory:");
        let connection = schema::connect(&path).map_err(|source| IndexError::Sqlite { path: path.clone(), source })?;
        Ok(Self { path, connection, read_only: false, snapshot: Cell::new(false) })
    }

    /// Whether nothing can be written: another user's store, or one mounted read-only.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The connection, for everything but lookups: it sees all that is committed.
    pub fn connection(&self) -> &Connection {
        self.end_snapshot();
        &self.connection
    }

    /// Lookups see what is committed now. A snapshot keeps the log from being emptied, and where there is a rollback journal instead it
    /// keeps others from committing, so nobody waits for anything while holding one.
    pub fn end_snapshot(&self) {
        if self.snapshot.take() {
            // Nothing was written, so there is nothing that could fail to be.
            let _ = self.connection.execute_batch("COMMIT");
        }
    }

    /// From now on lookups read one state of the index. Each transaction of its own takes and gives back a lock and looks for newer rows,
    /// a third of what a lookup costs.
    pub fn begin_snapshot(&self) -> Result<(), IndexError> {
        if !self.snapshot.get() {
            self.connection.execute_batch("BEGIN").map_err(|error| self.error(error))?;
            self.snapshot.set(true);
        }
        Ok(())
    }

    /// Names the index in an error of `SQLite`'s.
    pub fn error(&self, source: rusqlite::Error) -> IndexError {
        IndexError::Sqlite { path: self.path.clone(), source }
    }

    /// What is known of an action, or was when the snapshot began.
    pub fn find(&self, action: Digest) -> Result<Option<Found>, IndexError> {
        let mut find = self
            .connection
            .prepare_cached("SELECT id, output, size, put_ns, origin FROM entry WHERE action = ?1")
            .map_err(|error| self.error(error))?;
        find.query_row(params![action.0.as_slice()], found).optional().map_err(|error| self.error(error))
    }

    /// Whether a trim is about to remove this object, or died while it did.
    pub fn is_doomed(&self, output: Digest) -> Result<bool, IndexError> {
        let mut find = self.connection().prepare_cached("SELECT 1 FROM doomed WHERE output = ?1").map_err(|error| self.error(error))?;
        find.exists(params![output.0.as_slice()]).map_err(|error| self.error(error))
    }

    /// Whether the store is said to have this object.
    pub fn knows(&self, output: Digest) -> Result<bool, IndexError> {
        let mut find = self.connection().prepare_cached("SELECT 1 FROM object WHERE output = ?1").map_err(|error| self.error(error))?;
        find.exists(params![output.0.as_slice()]).map_err(|error| self.error(error))
    }

    /// Whether a trim is about to remove anything, or died while it did.
    pub fn is_anything_doomed(&self) -> Result<bool, IndexError> {
        let mut find = self.connection().prepare_cached("SELECT 1 FROM doomed LIMIT 1").map_err(|error| self.error(error))?;
        find.exists([]).map_err(|error| self.error(error))
    }

    /// What an object's archive was found to say of itself; None if nobody has read it yet.
    pub fn facts(&self, output: Digest) -> Result<Option<Facts>, IndexError> {
        let sql = "SELECT import_path, toolchain, goos, goarch, experiments FROM object WHERE output = ?1 AND facts_read";
        let mut find = self.connection().prepare_cached(sql).map_err(|error| self.error(error))?;
        find.query_row(params![output.0.as_slice()], |row| {
            Ok(Facts { import_path: row.get(0)?, toolchain: row.get(1)?, goos: row.get(2)?, goarch: row.get(3)?, experiments: row.get(4)? })
        })
        .optional()
        .map_err(|error| self.error(error))
    }

    /// Keeps what an archive was found to say of itself.
    pub fn keep_facts(&self, output: Digest, facts: &Facts) -> Result<(), IndexError> {
        let sql = "UPDATE object SET import_path = ?2, toolchain = ?3, goos = ?4, goarch = ?5, experiments = ?6, facts_read = 1 WHERE output = ?1";
        let Facts { import_path, toolchain, goos, goarch, experiments } = facts;
        self.connection()
            .prepare_cached(sql)
            .and_then(|mut keep| keep.execute(params![output.0.as_slice(), import_path, toolchain, goos, goarch, experiments]))
            .map(drop)
            .map_err(|error| self.error(error))
    }
}

/// Reads a digest column.
pub(super) fn digest(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    let bytes = row.get_ref(column)?.as_blob()?;
    Digest::from_slice(bytes)
        .ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, "a digest has 32 bytes".into()))
}

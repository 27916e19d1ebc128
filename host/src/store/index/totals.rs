//! Sums over all sessions, for `stats`.

use super::{Index, IndexError, SessionRow, writer::insert_session};
use rusqlite::params;
use std::collections::BTreeMap;

/// Named sums: `gets`, `put-bytes`, `policy/lru/eviction` …
pub type Totals = BTreeMap<String, i64>;

impl Index {
    /// Adds to the sums, and writes the row of a session that has none yet, in one transaction behind `go`'s back.
    pub fn add_totals(&self, totals: &Totals, session: Option<&SessionRow>) -> Result<(), IndexError> {
        let connection = self.connection();
        let work = || -> rusqlite::Result<()> {
            let transaction = connection.unchecked_transaction()?;
            if let Some(session) = session {
                insert_session(&transaction, session)?;
            }
            let sql = "INSERT INTO total (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = value + excluded.value";
            for (name, value) in totals.iter().filter(|(_, value)| **value != 0) {
                transaction.prepare_cached(sql)?.execute(params![name, value])?;
            }
            transaction.commit()
        };
        work().map_err(|error| self.error(error))
    }

    /// The sums.
    pub fn totals(&self) -> Result<Totals, IndexError> {
        let work = || -> rusqlite::Result<Totals> {
            let mut all = self.connection().prepare("SELECT name, value FROM total")?;
            all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        work().map_err(|error| self.error(error))
    }

    /// Moves what was committed from the WAL into the file, as far as no reader is in the way, and lets the WAL begin anew. It syncs, so
    /// it is for the time behind `go`'s back.
    pub fn checkpoint(&self) -> Result<(), IndexError> {
        self.connection()
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .map_err(|error| self.error(error))
    }

    /// Sessions whose list is not folded into the entries yet.
    pub fn unfolded(&self) -> Result<i64, IndexError> {
        self.connection()
            .query_row("SELECT count(*) FROM session WHERE folded = 0", [], |row| row.get(0))
            .map_err(|error| self.error(error))
    }

    /// Entries, objects and their bytes.
    pub fn size(&self) -> Result<Size, IndexError> {
        let work = || -> rusqlite::Result<Size> {
            let count = |sql| self.connection().query_row(sql, [], |row| row.get::<_, i64>(0));
            Ok(Size {
                entries: count("SELECT count(*) FROM entry")?.max(0) as u64,
                objects: count("SELECT count(*) FROM object")?.max(0) as u64,
                bytes: count("SELECT coalesce(sum(size), 0) FROM object")?.max(0) as u64,
            })
        };
        work().map_err(|error| self.error(error))
    }
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Actions.
    pub entries: u64,
    /// Files.
    pub objects: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

//! Sums over all sessions, for `stats`.

use super::schema::BUSY;
use super::{Index, IndexError, SessionRow, kin, writer::insert_session};
use crate::model::UnixNanos;
use rusqlite::{ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// Bytes of WAL that are no burden to the next session: reading them back costs it 50 µs.
const WAL_MOST: u64 = 64 << 10;

/// Named sums: `gets`, `put-bytes`, `policy/lru/eviction` …
pub type Totals = BTreeMap<String, i64>;

/// The counters of a plugin, all sessions together: names come from guests, and could be new ones each time.
const COUNTERS_MOST: i64 = 100;

/// Whether a plugin that has enough counters invents another.
fn is_one_too_many(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<bool> {
    let Some((plugin, _)) = name.strip_prefix("counter/").and_then(|rest| rest.rsplit_once('/')) else { return Ok(false) };
    let is_known = "SELECT EXISTS (SELECT 1 FROM total WHERE name = ?1)";
    if transaction.prepare_cached(is_known)?.query_row(params![name], |row| row.get(0))? {
        return Ok(false);
    }
    // `0` follows `/`.
    let count = "SELECT count(*) FROM total WHERE name > 'counter/' || ?1 || '/' AND name < 'counter/' || ?1 || '0'";
    Ok(transaction.prepare_cached(count)?.query_row(params![plugin], |row| row.get::<_, i64>(0))? >= COUNTERS_MOST)
}

impl Index {
    /// Adds to the sums, and writes the row of a session that has none yet, in one transaction behind `go`'s back.
    pub fn add_totals(&self, totals: &Totals, session: Option<&SessionRow>) -> Result<(), IndexError> {
        let connection = self.connection();
        let work = || -> rusqlite::Result<()> {
            // Immediate: one that reads first and writes then is refused, and not made to wait, if somebody wrote in between.
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            if let Some(session) = session {
                insert_session(&transaction, session, UnixNanos::now())?;
            }
            // What is past 63 bits would become a fraction, which no reader takes.
            let sql = "INSERT INTO total (name, value) VALUES (?1, ?2)
                       ON CONFLICT DO UPDATE SET value = min(value + excluded.value, 9223372036854775807)";
            for (name, value) in totals.iter().filter(|(_, value)| **value != 0) {
                if !is_one_too_many(&transaction, name)? {
                    transaction.prepare_cached(sql)?.execute(params![name, value])?;
                }
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

    /// When the newest entry was put, by the clock of whoever put it. Reads all of them.
    pub fn newest_put(&self) -> Result<Option<UnixNanos>, IndexError> {
        let newest = self.connection().query_row("SELECT max(put_ns) FROM entry", [], |row| row.get::<_, Option<i64>>(0));
        newest.map(|newest| newest.map(UnixNanos)).map_err(|error| self.error(error))
    }

    /// What the last session of this stream asked for and never put, as the first eight bytes of each action.
    /// `unread` = the words of the command could not be read, and any of the streams of the label may be meant.
    pub fn standing_misses(&self, stream: &str, unread: bool) -> Result<HashSet<u64>, IndexError> {
        let sql = "SELECT standing FROM stream WHERE label = ?1 AND standing IS NOT NULL";
        let labels = if unread { kin::labels(stream).collect() } else { vec![stream.to_owned()] };
        let mut standing = HashSet::new();
        for label in labels {
            let found = self.connection().query_row(sql, params![label], |row| Ok(row.get_ref(0)?.as_blob()?.to_vec()));
            let packed = found.optional().map_err(|error| self.error(error))?.unwrap_or_default();
            standing.extend(packed.as_chunks::<8>().0.iter().map(|prefix| u64::from_le_bytes(*prefix)));
        }
        Ok(standing)
    }

    /// Whether something that is done every so often is due, which is noted. What was never done is.
    pub fn is_due(&self, name: &str, every: Duration) -> Result<bool, IndexError> {
        let now = UnixNanos::now().seconds();
        let last: Option<i64> = self.meta(name)?.and_then(|text| text.parse().ok());
        // A clock that was set back must not put it off for ever.
        let due = last.is_none_or(|last| !(0..every.as_secs() as i64).contains(&(now - last)));
        if due {
            self.set_meta(name, &now.to_string())?;
        }
        Ok(due)
    }

    /// A remembered word.
    pub fn meta(&self, name: &str) -> Result<Option<String>, IndexError> {
        let found = self.connection().query_row("SELECT value FROM meta WHERE name = ?1", params![name], |row| row.get(0));
        found.optional().map_err(|error| self.error(error))
    }

    /// Remembers a word.
    pub fn set_meta(&self, name: &str, value: &str) -> Result<(), IndexError> {
        let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
        self.connection().execute(sql, params![name, value]).map(drop).map_err(|error| self.error(error))
    }

    /// Moves what was committed from the WAL into the file and empties the WAL, once it is past 64 KiB and if nobody is in the way. It
    /// syncs, so it is for the time behind `go`'s back.
    ///
    /// Emptied and not only checkpointed: the first process of the next build finds no other, rebuilds what `SQLite` knows of the WAL,
    /// and for that reads all of it (3 ms for that of a cold `go build std`).
    pub fn checkpoint(&self) -> Result<(), IndexError> {
        let mut wal = self.path().to_owned().into_os_string();
        wal.push("-wal");
        if std::fs::metadata(wal).is_ok_and(|data| data.len() <= WAL_MOST) {
            return Ok(());
        }
        let work = || -> rusqlite::Result<()> {
            let connection = self.connection();
            connection.busy_timeout(Duration::ZERO)?;
            let done = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            connection.busy_timeout(BUSY)?;
            match done {
                // Somebody is in the way, and be it only in that of reading the log's header.
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(()),
                done => done,
            }
        };
        work().map_err(|error| self.error(error))
    }

    /// Sessions whose list is not folded into the entries yet.
    pub fn unfolded(&self) -> Result<i64, IndexError> {
        self.connection()
            .query_row("SELECT count(*) FROM session WHERE folded = 0", [], |row| row.get(0))
            .map_err(|error| self.error(error))
    }

    /// Bytes of all objects.
    pub fn bytes(&self) -> Result<u64, IndexError> {
        let found = self.connection().query_row("SELECT bytes FROM stored", [], |row| row.get::<_, i64>(0));
        Ok(found.map_err(|error| self.error(error))?.max(0) as u64)
    }

    /// Entries, objects and their bytes. It counts them all, so it is for commands that show it.
    pub fn size(&self) -> Result<Size, IndexError> {
        let count = |sql| self.connection().query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|error| self.error(error));
        Ok(Size {
            entries: count("SELECT count(*) FROM entry")?.max(0) as u64,
            objects: count("SELECT count(*) FROM object")?.max(0) as u64,
            bytes: self.bytes()?,
        })
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

#[cfg(test)]
mod tests {
    use crate::store::index::{Index, Totals};

    #[test]
    fn a_plugin_has_a_hundred_counters_whatever_it_calls_them_and_no_sum_runs_over() {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::open(&dir.path().join("index.db")).unwrap();
        for session in 0..3 {
            let names = (0..60).map(|number| (format!("counter/a.wasm/{session}-{number}"), i64::MAX));
            let totals: Totals = names.chain([("counter/b.wasm/same".to_owned(), i64::MAX), ("hits".to_owned(), 1)]).collect();
            index.add_totals(&totals, None).unwrap();
        }
        let totals = index.totals().unwrap();
        assert_eq!(totals.keys().filter(|name| name.starts_with("counter/a.wasm/")).count(), 100);
        assert_eq!((totals["counter/b.wasm/same"], totals["hits"]), (i64::MAX, 3));
    }
}

//! What a power cut may have taken.
//!
//! Nothing is synced while a build goes on, and `SQLite`'s log may reach the disk before the objects that its rows name. So each object
//! remembers the *epoch* in which it was written: a time within one run of the machine. Behind `go`'s back the epoch is ended, the file
//! system synced, and the epoch forgotten; an epoch of another run of the machine that still stands is one that a power cut may have cut
//! short, and its objects are hashed before they are answered.
//!
//! That rests on one thing: no file that has not reached the disk has a name that rows of an ended epoch vouch for. So what rows know is
//! replaced by synced files alone, and before an object is unlinked the removal of its rows is synced.

use super::{Index, IndexError, digest};
use crate::model::Digest;
use crate::platform;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::time::Duration;

/// How often the file system is synced at most, where the system tells one run of the machine from another.
const SYNC_EVERY: Duration = Duration::from_secs(300);

/// Epochs of earlier runs of the machine whose files may not have reached the disk. Empty, but for the time after a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspects(HashSet<i64>);

impl Suspects {
    /// Whether no object needs a second look.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The epoch that rows of this run of the machine belong to now. Asked inside each transaction that writes rows: a sync in between has
/// begun another one.
pub(super) fn current_epoch(transaction: &Connection) -> rusqlite::Result<i64> {
    let boot = platform::boot_id();
    let find = "SELECT id FROM epoch WHERE boot = ?1 ORDER BY id DESC LIMIT 1";
    match transaction.prepare_cached(find)?.query_row(params![boot], |row| row.get(0)).optional()? {
        Some(epoch) => Ok(epoch),
        None => transaction.query_row("INSERT INTO epoch (boot) VALUES (?1) RETURNING id", params![boot], |row| row.get(0)),
    }
}

/// An object was hashed again and is whole. One that was written anew since belongs to an epoch of this run, and stays in it.
pub(super) fn clear_suspicion(transaction: &Connection, output: Digest) -> rusqlite::Result<()> {
    let sql = "UPDATE object SET epoch = 0 WHERE output = ?1 AND epoch NOT IN (SELECT id FROM epoch WHERE boot = ?2)";
    transaction.prepare_cached(sql)?.execute(params![output.0.as_slice(), platform::boot_id()]).map(drop)
}

impl Index {
    /// Which epochs a power cut, or a crash of the system, may have cut short.
    pub fn suspects(&self) -> Result<Suspects, IndexError> {
        let work = || -> rusqlite::Result<Suspects> {
            let mut all = self.connection().prepare("SELECT id, boot FROM epoch")?;
            let mut rows = all.query([])?;
            let mut suspects = HashSet::new();
            while let Some(row) = rows.next()? {
                if row.get_ref(1)?.as_str()? != platform::boot_id() {
                    suspects.insert(row.get(0)?);
                }
            }
            Ok(Suspects(suspects))
        };
        work().map_err(|error| self.error(error))
    }

    /// Whether an object was written in one of these epochs.
    pub fn is_suspect(&self, output: Digest, suspects: &Suspects) -> Result<bool, IndexError> {
        let work = || -> rusqlite::Result<bool> {
            let mut find = self.connection().prepare_cached("SELECT epoch FROM object WHERE output = ?1")?;
            let epoch: Option<i64> = find.query_row(params![output.0.as_slice()], |row| row.get(0)).optional()?;
            Ok(epoch.is_some_and(|epoch| suspects.0.contains(&epoch)))
        };
        work().map_err(|error| self.error(error))
    }

    /// Objects written in these epochs, with their sizes.
    pub fn suspect_objects(&self, suspects: &Suspects) -> Result<Vec<(Digest, u64)>, IndexError> {
        let work = || -> rusqlite::Result<Vec<(Digest, u64)>> {
            let mut all = self.connection().prepare("SELECT output, size, epoch FROM object WHERE epoch != 0")?;
            let mut rows = all.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                if suspects.0.contains(&row.get(2)?) {
                    found.push((digest(row, 0)?, row.get::<_, i64>(1)?.max(0) as u64));
                }
            }
            Ok(found)
        };
        work().map_err(|error| self.error(error))
    }

    /// These objects were hashed again and are whole.
    pub fn clear_suspicion(&self, outputs: &[Digest]) -> Result<(), IndexError> {
        let work = || -> rusqlite::Result<()> {
            let transaction = Transaction::new_unchecked(self.connection(), TransactionBehavior::Immediate)?;
            for output in outputs {
                clear_suspicion(&transaction, *output)?;
            }
            transaction.commit()
        };
        work().map_err(|error| self.error(error))
    }

    /// Every object of these epochs has been looked at.
    pub fn forget_epochs(&self, suspects: &Suspects) -> Result<(), IndexError> {
        let work = || -> rusqlite::Result<()> {
            let transaction = Transaction::new_unchecked(self.connection(), TransactionBehavior::Immediate)?;
            for epoch in &suspects.0 {
                transaction.execute("DELETE FROM epoch WHERE id = ?1", params![epoch])?;
            }
            transaction.commit()
        };
        work().map_err(|error| self.error(error))
    }

    /// Ends the epoch, lets `sync` bring everything to the disk, and forgets the epoch. Nothing happens if that was done less than five
    /// minutes ago, or if nothing was written since. False if `sync` could not.
    pub fn make_durable(&self, sync: impl FnOnce() -> bool) -> Result<bool, IndexError> {
        if platform::knows_boots() && !self.is_due("synced", SYNC_EVERY)? {
            return Ok(true);
        }
        let Some(ended) = self.end_epoch()? else { return Ok(true) };
        if !sync() {
            return Ok(false);
        }
        let sql = "DELETE FROM epoch WHERE boot = ?1 AND id <= ?2";
        self.connection().execute(sql, params![platform::boot_id(), ended]).map(|_| true).map_err(|error| self.error(error))
    }

    /// Brings what was committed to the disk, for whoever does next what the rows of before must not outlive.
    pub fn sync(&self) -> Result<(), IndexError> {
        let mut log = self.path().to_owned().into_os_string();
        log.push("-wal");
        match File::options().write(true).open(&log).and_then(|log| log.sync_data()) {
            // With a rollback journal each commit does it.
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(IndexError::Sync { path: log.into(), source: error }),
            _ => Ok(()),
        }
    }

    /// Begins a new epoch and returns the one before: rows that are committed from now on belong to the new one.
    fn end_epoch(&self) -> Result<Option<i64>, IndexError> {
        let work = || -> rusqlite::Result<Option<i64>> {
            let boot = platform::boot_id();
            let transaction = Transaction::new_unchecked(self.connection(), TransactionBehavior::Immediate)?;
            let newest = "SELECT max(id) FROM epoch WHERE boot = ?1";
            let Some(epoch) = transaction.query_row(newest, params![boot], |row| row.get::<_, Option<i64>>(0))? else { return Ok(None) };
            transaction.execute("INSERT INTO epoch (boot) VALUES (?1)", params![boot])?;
            transaction.commit()?;
            Ok(Some(epoch))
        };
        work().map_err(|error| self.error(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Entry, Kind, Origin, UnixNanos};
    use crate::store::{Layout, Writer, open_index};

    struct Store {
        _dir: tempfile::TempDir,
        layout: Layout,
        index: Index,
    }

    fn store() -> Store {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path()).unwrap();
        layout.create().unwrap();
        let (index, _) = open_index(&layout).unwrap();
        Store { _dir: dir, layout, index }
    }

    fn put(store: &Store, body: &[u8]) -> Digest {
        let output = Digest::of(body);
        let entry = Entry {
            action: output.subkey("action"),
            output,
            size: body.len() as u64,
            put: UnixNanos::now(),
            kind: Kind::Other,
            cost: None,
            head: output.subkey("action"),
            origin: Origin::Local,
        };
        let writer = Writer::start(&store.layout.index());
        writer.rows().put(entry);
        writer.finish(None).unwrap();
        output
    }

    /// As after a restart of the machine.
    fn restart(index: &Index) {
        index.connection().execute("UPDATE epoch SET boot = 'an earlier one'", []).unwrap();
        index.connection().execute("DELETE FROM meta WHERE name = 'synced'", []).unwrap();
    }

    #[test]
    fn what_was_not_synced_before_a_restart_is_suspect_and_what_was_is_not() {
        let store = store();
        let synced = put(&store, b"synced");
        assert!(store.index.make_durable(|| true).unwrap());
        let late = put(&store, b"late");
        assert!(store.index.suspects().unwrap().is_empty(), "this run of the machine trusts what it wrote");
        restart(&store.index);
        let suspects = store.index.suspects().unwrap();
        assert!(!store.index.is_suspect(synced, &suspects).unwrap());
        assert!(store.index.is_suspect(late, &suspects).unwrap());
        assert_eq!(store.index.suspect_objects(&suspects).unwrap(), [(late, 4)]);
        // Put again, it belongs to this run.
        put(&store, b"late");
        assert!(!store.index.is_suspect(late, &suspects).unwrap());
    }

    #[test]
    fn a_row_committed_while_the_file_system_is_synced_is_not_taken_for_durable() {
        let store = store();
        put(&store, b"before");
        let mut during = None;
        store
            .index
            .make_durable(|| {
                during = Some(put(&store, b"during"));
                true
            })
            .unwrap();
        restart(&store.index);
        let suspects = store.index.suspects().unwrap();
        assert_eq!(store.index.suspect_objects(&suspects).unwrap(), [(during.unwrap(), 6)]);
    }

    #[test]
    fn a_sync_that_failed_leaves_everything_suspect() {
        let store = store();
        let output = put(&store, b"a body");
        assert!(!store.index.make_durable(|| false).unwrap());
        restart(&store.index);
        let suspects = store.index.suspects().unwrap();
        assert!(store.index.is_suspect(output, &suspects).unwrap());
        store.index.clear_suspicion(&[output]).unwrap();
        assert!(!store.index.is_suspect(output, &suspects).unwrap());
        store.index.forget_epochs(&suspects).unwrap();
        assert!(store.index.suspects().unwrap().is_empty());
    }
}

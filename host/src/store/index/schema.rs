//! The tables, and how a connection is set up.

use crate::platform;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a connection waits for a write lock. Sessions write on a thread of their own, so nobody notices.
pub(super) const BUSY: Duration = Duration::from_secs(10);

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS entry (
    id       INTEGER PRIMARY KEY,
    action   BLOB    NOT NULL UNIQUE,
    output   BLOB    NOT NULL,
    size     INTEGER NOT NULL,
    put_ns   INTEGER NOT NULL,
    kind     INTEGER NOT NULL,
    cost_us  INTEGER,
    -- The action of the group's head; NULL for a head, which saves 32 bytes on most rows.
    head     BLOB,
    origin   INTEGER NOT NULL,
    uses     INTEGER NOT NULL DEFAULT 0,
    -- Order of last use, (session << 24) + place in it; folded in from `session`.
    used_seq INTEGER NOT NULL DEFAULT 0,
    used_s   INTEGER NOT NULL DEFAULT 0,
    stream   INTEGER NOT NULL DEFAULT 0,
    -- On heads: which targets are known to hold the group, and the eviction policy's word.
    held     INTEGER NOT NULL DEFAULT 0,
    tag      INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS object (
    output      BLOB    PRIMARY KEY,
    size        INTEGER NOT NULL,
    -- The epoch in which the file was written; see `epoch`.
    epoch       INTEGER NOT NULL DEFAULT 0,
    facts_read  INTEGER NOT NULL DEFAULT 0,
    import_path TEXT,
    toolchain   TEXT,
    goos        TEXT,
    goarch      TEXT,
    experiments TEXT
) WITHOUT ROWID;
-- Bytes of all objects, kept by the triggers: adding up a million rows takes longer than a build should hear of it.
CREATE TABLE IF NOT EXISTS stored (one INTEGER PRIMARY KEY CHECK (one = 1), bytes INTEGER NOT NULL);
INSERT OR IGNORE INTO stored VALUES (1, 0);
CREATE TRIGGER IF NOT EXISTS object_came AFTER INSERT ON object BEGIN UPDATE stored SET bytes = bytes + new.size; END;
CREATE TRIGGER IF NOT EXISTS object_went AFTER DELETE ON object BEGIN UPDATE stored SET bytes = bytes - old.size; END;
CREATE TABLE IF NOT EXISTS doomed (output BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stream (
    id     INTEGER PRIMARY KEY,
    label  TEXT    NOT NULL UNIQUE,
    -- Sessions of this stream that ended.
    runs   INTEGER NOT NULL,
    used_s INTEGER NOT NULL,
    -- What its last session asked for and never put: the first eight bytes of each action.
    standing BLOB
);
-- Times within one run of the machine whose files are not known to have reached the disk.
CREATE TABLE IF NOT EXISTS epoch (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    boot TEXT    NOT NULL
);
-- The run of the stream that used the entry last.
CREATE TABLE IF NOT EXISTS last_run (
    entry  INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    run    INTEGER NOT NULL,
    PRIMARY KEY (entry, stream)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    stream  INTEGER NOT NULL,
    run     INTEGER NOT NULL,
    ended_s INTEGER NOT NULL,
    -- Entry ids in the order of use, as differences in LEB128.
    used    BLOB    NOT NULL,
    folded  INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS session_unfolded ON session (id) WHERE folded = 0;
-- Which bit of `held` a remote target has.
CREATE TABLE IF NOT EXISTS target (bit INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS total (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
";

/// How soon an opening is tried again that another process was in the way of.
const AGAIN: Duration = Duration::from_millis(2);

/// Opens a connection; makes the tables in a new file.
pub fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let until = Instant::now() + BUSY;
    loop {
        match connect_once(path) {
            // `SQLite` waits for every lock but one: of several that give a new file its journal mode, all but the first fail at once.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < until => std::thread::sleep(AGAIN),
            done => return done,
        }
    }
}

fn connect_once(path: &Path) -> rusqlite::Result<Connection> {
    // One thread uses a connection at a time, so SQLite's own mutex would be paid for nothing.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    // Closing the last connection would checkpoint, with fsyncs, and the next session would pay for a new WAL.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // NORMAL: commits do not sync, checkpoints do, and those happen behind `go`'s back. A power cut costs rows, not the file.
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;")?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 {
        create(&connection, path)?;
    } else if !platform::has_shared_memory(path) && journal(&connection)? == "wal" {
        // Made where WAL is right, and carried or mounted to where it is not.
        connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    }
    Ok(connection)
}

fn journal(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))
}

/// Opens an index that lies where nothing can be written, and where no other process has left what WAL needs: as it is, without its log.
pub(super) fn connect_immutable(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let name: String =
        path.to_string_lossy()
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
            })
            .collect();
    let connection = Connection::open_with_flags(format!("file:{name}?immutable=1"), flags)?;
    connection.query_row("SELECT count(*) FROM epoch", [], |_| Ok(()))?;
    Ok(connection)
}

/// Several processes may come first at once: the tables are made in one transaction, and made only if missing.
///
/// WAL needs memory that all processes share, which a network file system cannot give: there a rollback journal is used, which is slower
/// and right.
fn create(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let mode = if platform::has_shared_memory(path) { "WAL" } else { "DELETE" };
    connection.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(()))?;
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} COMMIT;"))
}

#[cfg(test)]
mod tests {
    use super::connect;
    use std::sync::Barrier;

    #[test]
    fn all_of_many_that_come_first_at_once_get_an_index() {
        let dir = tempfile::tempdir().unwrap();
        for round in 0..20 {
            let (path, begin) = (dir.path().join(format!("{round}.db")), Barrier::new(12));
            std::thread::scope(|scope| {
                for _ in 0..12 {
                    scope.spawn(|| {
                        begin.wait();
                        let connection = connect(&path).unwrap();
                        connection.query_row("SELECT bytes FROM stored", [], |row| row.get::<_, i64>(0)).unwrap();
                    });
                }
            });
        }
    }
}

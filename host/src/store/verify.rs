//! Every object re-hashed.

use super::{Index, Layout, StoreError, object, trim};
use crate::model::Digest;
use rusqlite::params;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Objects that are what they say.
    pub good: u64,
    /// Bytes of these.
    pub good_bytes: u64,
    /// Objects whose bytes are not what their name says.
    pub damaged: Vec<Digest>,
    /// Objects that the index names and that are not there.
    pub missing: Vec<Digest>,
}

/// Re-hashes every object that the index names; `progress` is told objects done, of how many, and their bytes. With `repair` the
/// rows of damaged and missing objects go, and the damaged files with them, so that the next `go` makes them anew.
pub fn verify(layout: &Layout, index: &Index, repair: bool, progress: &mut dyn FnMut(u64, u64, u64)) -> Result<VerifyReport, StoreError> {
    let objects: Vec<(Digest, u64)> = {
        let work = || -> rusqlite::Result<_> {
            let mut all = index.connection().prepare("SELECT output, size FROM object ORDER BY output")?;
            all.query_map([], |row| Ok((super::index::digest(row, 0)?, row.get::<_, i64>(1)?.max(0) as u64)))?.collect()
        };
        work().map_err(|error| index.error(error))?
    };
    let mut report = VerifyReport::default();
    let total = objects.len() as u64;
    for (done, (output, size)) in objects.into_iter().enumerate() {
        let path = layout.object(output);
        match hash(&path) {
            Ok(found) if found == output && object::stands(&path, size) => {
                report.good += 1;
                report.good_bytes += size;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A trim may have taken it since the list was read.
                if index.knows(output)? {
                    report.missing.push(output);
                }
            }
            _ => report.damaged.push(output),
        }
        progress(done as u64 + 1, total, size);
    }
    if repair {
        forget(layout, index, &report)?;
    }
    Ok(report)
}

fn hash(path: &str) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Digest(hasher.finalize().into())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// Rows first: a session that looks the object up in between finds nothing, and makes it anew.
fn forget(layout: &Layout, index: &Index, report: &VerifyReport) -> Result<(), StoreError> {
    let bad: HashSet<Digest> = report.damaged.iter().chain(&report.missing).copied().collect();
    let work = || -> rusqlite::Result<()> {
        let transaction = rusqlite::Transaction::new_unchecked(index.connection(), rusqlite::TransactionBehavior::Immediate)?;
        let mut rows: Vec<i64> = Vec::new();
        {
            let mut all = transaction.prepare("SELECT id, output FROM entry")?;
            let mut found = all.query([])?;
            while let Some(row) = found.next()? {
                if bad.contains(&super::index::digest(row, 1)?) {
                    rows.push(row.get(0)?);
                }
            }
        }
        for id in rows {
            transaction.execute("DELETE FROM entry WHERE id = ?1", params![id])?;
            transaction.execute("DELETE FROM last_run WHERE entry = ?1", params![id])?;
        }
        for output in &report.missing {
            transaction.execute("DELETE FROM object WHERE output = ?1", params![output.0.as_slice()])?;
        }
        for output in &report.damaged {
            transaction.execute("INSERT INTO doomed (output) VALUES (?1) ON CONFLICT DO NOTHING", params![output.0.as_slice()])?;
        }
        transaction.commit()
    };
    work().map_err(|error| index.error(error))?;
    // The damaged files go the way of every victim; where another process trims, it takes these with its own.
    if let Ok(Some(_lock)) = trim::lock(layout) {
        let _ = trim::finish_doomed(layout, index, Duration::ZERO);
    }
    Ok(())
}

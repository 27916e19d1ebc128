//! Every object re-hashed.

use super::{Index, IndexError, Layout, StoreError, Suspects, object, trim};
use crate::model::Digest;
use rusqlite::params;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, Instant};

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
        report.look_at(layout, index, output, size)?;
        progress(done as u64 + 1, total, size);
    }
    if repair {
        forget(index, &report)?;
        // The damaged files go the way of every victim; where another process trims, it takes these with its own.
        if let Ok(Some(_lock)) = trim::lock(layout) {
            let _ = trim::finish_doomed(layout, index, Duration::ZERO);
        }
    }
    Ok(report)
}

/// Re-hashes what an earlier run of the machine wrote and may not have brought to the disk, until `until`, and lets go of what is
/// damaged. What is whole is not looked at again, whether or not this comes to the end.
pub fn recheck(
    _lock: &trim::TrimLock,
    layout: &Layout,
    index: &Index,
    suspects: &Suspects,
    until: Instant,
) -> Result<VerifyReport, trim::TrimError> {
    let (mut report, mut good, mut complete) = (VerifyReport::default(), Vec::new(), true);
    for (output, size) in index.suspect_objects(suspects)? {
        if Instant::now() > until {
            complete = false;
            break;
        }
        let before = report.good;
        report.look_at(layout, index, output, size)?;
        if report.good > before {
            good.push(output);
        }
    }
    index.clear_suspicion(&good)?;
    forget(index, &report)?;
    trim::finish_doomed(layout, index, Duration::ZERO)?;
    if complete {
        index.forget_epochs(suspects)?;
    }
    Ok(report)
}

impl VerifyReport {
    fn look_at(&mut self, layout: &Layout, index: &Index, output: Digest, size: u64) -> Result<(), IndexError> {
        let path = layout.object(output);
        match hash(&path) {
            Ok(found) if found == output && object::stands(&path, size) => {
                self.good += 1;
                self.good_bytes += size;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A trim may have taken it since the list was read.
                if index.knows(output)? {
                    self.missing.push(output);
                }
            }
            _ => self.damaged.push(output),
        }
        Ok(())
    }
}

/// Whether a file hashes to its name.
pub fn is_whole(path: &str, output: Digest) -> bool {
    hash(path).is_ok_and(|found| found == output)
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
fn forget(index: &Index, report: &VerifyReport) -> Result<(), IndexError> {
    if report.damaged.is_empty() && report.missing.is_empty() {
        return Ok(());
    }
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
    // What is missing will be put anew under names that no row knows, and these must not come back.
    index.sync()
}

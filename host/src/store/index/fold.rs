//! What sessions used, folded into the entries.
//!
//! A session writes down what it used as one row. Updating each entry instead would cost a warm build more than a thousand row
//! updates every time, most of them overwritten by the next run; folding later writes each entry once however many sessions used it.

use super::{Index, IndexError, kin};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// A stream that nobody used for this long holds nothing any more.
pub const LIVE_STREAM: Duration = Duration::from_secs(14 * 24 * 3600);

/// From how many rows on a session folds them although nothing has to be trimmed.
const UNFOLDED: i64 = 64;

/// Folds every session's row that is not folded yet. Rows of folded sessions keep their list, the newest of each stream as the
/// working set; older ones go.
pub fn fold(index: &Index) -> Result<(), IndexError> {
    let connection = index.connection();
    let work = || -> rusqlite::Result<()> {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        fold_in(connection).and_then(|()| connection.execute_batch("COMMIT")).inspect_err(|_| {
            let _ = connection.execute_batch("ROLLBACK");
        })
    };
    work().map_err(|source| index.error(source))
}

/// Folds once enough sessions have piled up.
pub fn fold_if_many(index: &Index) -> Result<(), IndexError> {
    if index.unfolded()? >= UNFOLDED { fold(index) } else { Ok(()) }
}

impl Index {
    /// The rows that the last session of a stream used, each once, in order; none if it is a new one. `unread` = the words of the command could
    /// not be read, and any of the streams of the label may be meant.
    pub fn working_set(&self, stream: &str, unread: bool) -> Result<Vec<i64>, IndexError> {
        let sql = "SELECT used FROM session WHERE stream = (SELECT id FROM stream WHERE label = ?1) ORDER BY id DESC LIMIT 1";
        let labels = if unread { kin::labels(stream).collect() } else { vec![stream.to_owned()] };
        let (mut seen, mut ids) = (HashSet::new(), Vec::new());
        for label in labels {
            let found = self.connection().query_row(sql, params![label], |row| Ok(unpack(row.get_ref(0)?.as_blob()?)));
            let used = found.optional().map_err(|error| self.error(error))?.unwrap_or_default();
            ids.extend(used.into_iter().filter(|id| seen.insert(*id)));
        }
        Ok(ids)
    }
}

struct Use {
    count: i64,
    seq: i64,
    seconds: i64,
    stream: i64,
}

fn fold_in(connection: &Connection) -> rusqlite::Result<()> {
    let mut uses: HashMap<i64, Use> = HashMap::new();
    let mut runs: HashMap<(i64, i64), i64> = HashMap::new();
    {
        let mut sessions = connection.prepare("SELECT id, stream, run, ended_s, used FROM session WHERE folded = 0 ORDER BY id")?;
        let mut rows = sessions.query([])?;
        while let Some(row) = rows.next()? {
            let (session, stream, run, seconds): (i64, i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            for (place, id) in unpack(row.get_ref(4)?.as_blob()?).into_iter().enumerate() {
                let seq = (session << 24) | (place as i64).min((1 << 24) - 1);
                let found = uses.entry(id).or_insert(Use { count: 0, seq, seconds, stream });
                // Asked twice in one session is one use; the later place counts.
                found.count += i64::from(found.count == 0 || found.seq >> 24 != session);
                (found.seq, found.seconds, found.stream) = (seq, seconds, stream);
                runs.insert((id, stream), run);
            }
        }
    }
    {
        let sql = "UPDATE entry SET uses = uses + ?2, used_seq = ?3, used_s = ?4, stream = ?5 WHERE id = ?1";
        let mut update = connection.prepare(sql)?;
        for (id, used) in &uses {
            update.execute(params![id, used.count, used.seq, used.seconds, used.stream])?;
        }
        let sql = "INSERT INTO last_run (entry, stream, run) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET run = excluded.run";
        let mut update = connection.prepare(sql)?;
        for ((id, stream), run) in &runs {
            update.execute(params![id, stream, run])?;
        }
    }
    connection.execute_batch(
        "UPDATE session SET folded = 1 WHERE folded = 0;
         DELETE FROM session WHERE folded = 1 AND id NOT IN (SELECT max(id) FROM session GROUP BY stream);",
    )
}

/// Entry ids as differences in zig-zag LEB128: neighbours in a build are neighbours in the table, so most take a byte or two.
pub(super) fn pack(ids: &[i64]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(ids.len() * 2);
    let mut before = 0_i64;
    for id in ids {
        let difference = id.wrapping_sub(before);
        let mut rest = ((difference << 1) ^ (difference >> 63)) as u64;
        before = *id;
        while rest >= 0x80 {
            packed.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        packed.push(rest as u8);
    }
    packed
}

/// The ids of a packed list; what is cut off at its end is left out.
pub(super) fn unpack(packed: &[u8]) -> Vec<i64> {
    let mut ids = Vec::with_capacity(packed.len() / 2);
    let (mut before, mut value, mut shift) = (0_i64, 0_u64, 0_u32);
    for byte in packed {
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift += 7;
        if byte & 0x80 == 0 {
            let difference = (value >> 1) as i64 ^ -((value & 1) as i64);
            before = before.wrapping_add(difference);
            ids.push(before);
            (value, shift) = (0, 0);
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack};

    #[test]
    fn a_packed_list_unpacks_to_itself() {
        for list in [vec![], vec![1, 2, 3], vec![900, 1, i64::MAX, 0, i64::MIN, -5, 300, 300]] {
            assert_eq!(unpack(&pack(&list)), list);
        }
        assert!(pack(&(1..1000).collect::<Vec<_>>()).len() < 1010);
    }

    #[test]
    fn garbage_unpacks_to_something_without_a_panic() {
        assert_eq!(unpack(&[0xff; 100]), Vec::<i64>::new());
        unpack(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 2, 3]);
    }
}

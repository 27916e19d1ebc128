//! Groups, one at a time: what admission is asked about and what is shared.

use super::{Index, IndexError, Used, digest};
use crate::model::{Digest, Kind, Origin, UnixNanos};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// One action of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberRow {
    /// The row.
    pub id: i64,
    /// The key.
    pub action: Digest,
    /// SHA-256 of the body.
    pub output: Digest,
    /// Bytes of the body.
    pub size: u64,
    /// What the body is.
    pub kind: Kind,
    /// What making it took, where that was observed.
    pub cost: Option<Duration>,
    /// When `go` last put it.
    pub put: UnixNanos,
    /// Where it came from.
    pub origin: Origin,
    /// Bits of the targets that are known to hold the group; on heads.
    pub held: u32,
}

/// An entry, and the group that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// The entry.
    pub entry: MemberRow,
    /// The action of its group's head: its own, if it is one.
    pub head: Digest,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// The head first; never empty.
    pub members: Vec<MemberRow>,
}

impl GroupRow {
    /// The head.
    pub fn head(&self) -> &MemberRow {
        &self.members[0]
    }

    /// Bytes of all its objects.
    pub fn size(&self) -> u64 {
        let distinct: HashMap<Digest, u64> = self.members.iter().map(|member| (member.output, member.size)).collect();
        distinct.values().sum()
    }

    /// What making it took.
    pub fn cost(&self) -> Option<Duration> {
        self.members.iter().filter_map(|member| member.cost).reduce(Duration::saturating_add)
    }
}

impl Index {
    /// A group by its head.
    pub fn group(&self, head: Digest) -> Result<Option<GroupRow>, IndexError> {
        self.group_with(head, &companions(head))
    }

    /// A group by its head and the keys of its companions, as far as they are there.
    pub fn group_with(&self, head: Digest, companions: &[Digest]) -> Result<Option<GroupRow>, IndexError> {
        let work = |connection: &Connection| {
            let head = connection.prepare_cached(ENTRY_BY_ACTION)?.query_row(params![head.0.as_slice()], member_of).optional()?;
            head.map(|head| with_companions(connection, head, companions)).transpose()
        };
        self.read(work)
    }

    /// The groups of these heads.
    pub fn groups(&self, heads: &[MemberRow]) -> Result<Vec<GroupRow>, IndexError> {
        self.read(|connection| heads.iter().map(|head| with_companions(connection, *head, &companions(head.action))).collect())
    }

    /// The head of the group that an entry belongs to, or was when the snapshot began.
    pub fn head_of(&self, used: Used) -> Result<Option<MemberRow>, IndexError> {
        head_of(&self.connection, used, |_| true).map_err(|error| self.error(error))
    }

    /// What is known of these rows; one that is gone is left out.
    pub fn find_rows(&self, ids: &[i64]) -> Result<Vec<EntryRow>, IndexError> {
        self.read(|connection| {
            let mut find = connection.prepare_cached(ENTRY_BY_ID)?;
            let rows = ids.iter().map(|id| find.query_row(params![id], entry_of).optional());
            rows.filter_map(Result::transpose).collect()
        })
    }

    /// The heads of the groups that a session used, each once, in the order of first use.
    pub fn heads(&self, used: &[Used]) -> Result<Vec<MemberRow>, IndexError> {
        self.read(|connection| {
            let mut seen = HashSet::new();
            let heads = used.iter().map(|used| head_of(connection, *used, |head| seen.insert(head)));
            heads.filter_map(Result::transpose).collect()
        })
    }

    /// Reads one state of the index, all that is committed.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, IndexError> {
        let transaction = self.connection().unchecked_transaction().map_err(|error| self.error(error))?;
        work(&transaction).map_err(|error| self.error(error))
    }

    /// The bit of `held` that each of these targets has; a new one gets the next. Past 32 targets the bits begin anew, and what they
    /// said of the old ones is forgotten with them.
    pub fn target_bits(&self, identities: &[String]) -> Result<Vec<u32>, IndexError> {
        let known = |connection: &Connection| -> rusqlite::Result<Option<Vec<u32>>> {
            let mut find = connection.prepare_cached("SELECT bit FROM target WHERE identity = ?1")?;
            identities.iter().map(|identity| find.query_row(params![identity], |row| row.get(0)).optional()).collect()
        };
        // Nearly every session's are, and nobody has to wait for another's commit to read them.
        if let Some(bits) = self.read(known)? {
            return Ok(bits);
        }
        let work = || -> rusqlite::Result<Vec<u32>> {
            let transaction = rusqlite::Transaction::new_unchecked(self.connection(), rusqlite::TransactionBehavior::Immediate)?;
            let known: i64 = transaction.query_row("SELECT count(*) FROM target", [], |row| row.get(0))?;
            if known + identities.len() as i64 > 32 {
                transaction.execute_batch("DELETE FROM target; UPDATE entry SET held = 0 WHERE held != 0;")?;
            }
            let mut bits = Vec::new();
            for identity in identities {
                let sql = "INSERT INTO target (bit, identity) VALUES ((SELECT coalesce(max(bit) + 1, 0) FROM target), ?1)
                           ON CONFLICT (identity) DO UPDATE SET identity = identity RETURNING bit";
                bits.push(transaction.query_row(sql, params![identity], |row| row.get(0))?);
            }
            transaction.commit()?;
            Ok(bits)
        };
        work().map_err(|error| self.error(error))
    }

    /// Forgets the words that policies gave groups. Returns how many there were.
    pub fn forget_tags(&self) -> Result<usize, IndexError> {
        let work = || -> rusqlite::Result<usize> {
            let transaction = rusqlite::Transaction::new_unchecked(self.connection(), rusqlite::TransactionBehavior::Immediate)?;
            let tags = transaction.execute("UPDATE entry SET tag = 0 WHERE tag != 0", [])?;
            transaction.execute("DELETE FROM meta WHERE name = 'tag-owner'", [])?;
            transaction.commit()?;
            Ok(tags)
        };
        work().map_err(|error| self.error(error))
    }

    /// Notes which targets hold these heads' groups, as long as the output is still the one that was shared.
    pub fn note_held(&self, held: &[(i64, Digest, u32)]) -> Result<(), IndexError> {
        if held.is_empty() {
            return Ok(());
        }
        let work = || -> rusqlite::Result<()> {
            let transaction = rusqlite::Transaction::new_unchecked(self.connection(), rusqlite::TransactionBehavior::Immediate)?;
            {
                let mut update = transaction.prepare("UPDATE entry SET held = ?3 WHERE id = ?1 AND output = ?2")?;
                for (id, output, bits) in held {
                    update.execute(params![id, output.0.as_slice(), bits])?;
                }
            }
            transaction.commit()
        };
        work().map_err(|error| self.error(error))
    }
}

const ENTRY_BY_ACTION: &str = "SELECT id, action, output, size, kind, cost_us, put_ns, origin, held, head FROM entry WHERE action = ?1";
const ENTRY_BY_ID: &str = "SELECT id, action, output, size, kind, cost_us, put_ns, origin, held, head FROM entry WHERE id = ?1";

/// Companions are found by their keys, which follow from the head's: an index on heads would be paid for by every put.
fn companions(head: Digest) -> [Digest; 2] {
    [head.subkey("stdout"), head.subkey("srcfiles")]
}

fn with_companions(connection: &Connection, head: MemberRow, companions: &[Digest]) -> rusqlite::Result<GroupRow> {
    let mut find = connection.prepare_cached(ENTRY_BY_ACTION)?;
    let mut members = vec![head];
    for companion in companions {
        members.extend(find.query_row(params![companion.0.as_slice()], member_of).optional()?);
    }
    Ok(GroupRow { members })
}

/// The head of an entry's group, if it is wanted.
fn head_of(connection: &Connection, used: Used, wanted: impl FnOnce(Digest) -> bool) -> rusqlite::Result<Option<MemberRow>> {
    let found = match used {
        Used::Row(id) => connection.prepare_cached(ENTRY_BY_ID)?.query_row(params![id], entry_of),
        Used::Action(action) => connection.prepare_cached(ENTRY_BY_ACTION)?.query_row(params![action.0.as_slice()], entry_of),
    };
    match found.optional()?.filter(|found| wanted(found.head)) {
        Some(EntryRow { entry, head }) if head != entry.action => {
            connection.prepare_cached(ENTRY_BY_ACTION)?.query_row(params![head.0.as_slice()], member_of).optional()
        }
        found => Ok(found.map(|found| found.entry)),
    }
}

fn entry_of(row: &Row<'_>) -> rusqlite::Result<EntryRow> {
    let entry = member_of(row)?;
    let head = if row.get_ref(9)?.as_blob_or_null()?.is_some() { digest(row, 9)? } else { entry.action };
    Ok(EntryRow { entry, head })
}

fn member_of(row: &Row<'_>) -> rusqlite::Result<MemberRow> {
    Ok(MemberRow {
        id: row.get(0)?,
        action: digest(row, 1)?,
        output: digest(row, 2)?,
        size: row.get::<_, i64>(3)?.max(0) as u64,
        kind: Kind::from_code(row.get(4)?),
        cost: row.get::<_, Option<i64>>(5)?.map(|cost| Duration::from_micros(cost.max(0) as u64)),
        put: UnixNanos(row.get(6)?),
        origin: Origin::from_code(row.get(7)?),
        held: row.get::<_, i64>(8)? as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_keeps_its_bit_where_there_are_as_many_as_bits() {
        let index = Index::in_memory().unwrap();
        let names: Vec<String> = (0..32).map(|number| format!("target {number}")).collect();
        assert_eq!(index.target_bits(&names).unwrap(), (0..32).collect::<Vec<u32>>());
        assert_eq!(index.target_bits(&names[31..]).unwrap(), [31]);
        assert_eq!(index.target_bits(&["one more".to_owned()]).unwrap(), [0], "and what the others held is forgotten");
    }
}

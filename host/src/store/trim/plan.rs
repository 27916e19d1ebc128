//! What a trim knows before it decides: groups as columns, and the objects that they share.

use super::Goal;
use crate::model::{Digest, Kind, TrimColumns, UNKNOWN_COST, UnixNanos};
use crate::store::index::{LIVE_STREAM, digest};
use crate::store::lease::AllLeases;
use crate::store::{Index, IndexError};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// One row of the index, as far as deleting it needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub id: i64,
    pub action: Digest,
    pub output: Digest,
    pub put_ns: i64,
}

/// Everything read, as groups.
pub(super) struct Plan {
    pub columns: TrimColumns,
    rows: Vec<Row>,
    /// Rows of each group, the head first where it exists.
    groups: Vec<Vec<u32>>,
    tags_before: Vec<u64>,
    objects: HashMap<Digest, Object>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Object {
    size: u64,
    /// Groups that need it.
    groups: u32,
}

/// The groups that go, and the objects that nothing needs then.
#[derive(Debug, Default)]
pub struct Victims {
    /// Group numbers in the order in which they go.
    pub groups: Vec<usize>,
    /// Objects that nothing refers to any more, orphans of earlier days among them.
    pub objects: HashSet<Digest>,
    /// Bytes of these.
    pub freed: u64,
}

struct Read {
    row: Row,
    head: Option<Digest>,
    kind: Kind,
    cost: Option<u64>,
    uses: u32,
    seq: i64,
    used_s: i64,
    stream: i64,
    held: u32,
    tag: u64,
}

impl Plan {
    /// Reads the whole index.
    pub fn read(index: &Index, goal: Goal, used: u64, leases: &AllLeases, tag_owner: &str) -> Result<Self, IndexError> {
        Self::read_in(index.connection(), goal, used, leases, tag_owner).map_err(|error| index.error(error))
    }

    fn read_in(connection: &Connection, goal: Goal, used: u64, leases: &AllLeases, tag_owner: &str) -> rusqlite::Result<Self> {
        let now = goal.now;
        let entries = read_entries(connection)?;
        let idle = read_idle_runs(connection, now)?;
        let mut objects = read_objects(connection)?;
        let tags_are_ours = owner_of_tags(connection)?.as_deref() == Some(tag_owner);

        let by_action: HashMap<Digest, u32> = entries.iter().zip(0..).map(|(entry, number)| (entry.row.action, number)).collect();
        // A companion whose head is gone is a group of one.
        let head_of = |number: u32| entries[number as usize].head.and_then(|head| by_action.get(&head).copied()).unwrap_or(number);
        let mut number_of_head: HashMap<u32, usize> = HashMap::new();
        let mut groups: Vec<Vec<u32>> = Vec::new();
        // Heads first, so that a group's first row is its head.
        let (heads, companions): (Vec<u32>, Vec<u32>) = (0..entries.len() as u32).partition(|number| head_of(*number) == *number);
        for number in heads.into_iter().chain(companions) {
            let group = *number_of_head.entry(head_of(number)).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[group].push(number);
        }
        for group in &groups {
            for output in distinct(group.iter().map(|number| entries[*number as usize].row.output)) {
                objects.entry(output).or_default().groups += 1;
            }
        }

        let mut columns = TrimColumns { used, wanted: used.saturating_sub(goal.down_to), ..TrimColumns::empty(goal.reason) };
        let mut order: Vec<(i64, i64, usize)> = Vec::with_capacity(groups.len());
        for (number, group) in groups.iter().enumerate() {
            let members = || group.iter().map(|row| &entries[*row as usize]);
            let head = &entries[group[0] as usize];
            let outputs = distinct(members().map(|entry| entry.row.output));
            let own = outputs.iter().filter_map(|output| objects.get(output)).filter(|object| object.groups == 1);
            let put = members().map(|entry| entry.row.put_ns).max().unwrap_or(0);
            let used_s = members().map(|entry| entry.used_s).max().unwrap_or(0).max(UnixNanos(put).seconds());
            // Nearly every group has the empty body, which always stays: whoever was handed it is in nobody's way.
            let held = outputs.iter().any(|output| *output != Digest::EMPTY && leases.hold(*output));
            columns.keys.push(head.row.action.prefix());
            columns.sizes.push(own.map(|object| object.size).sum());
            columns.idle_runs.push(members().filter_map(|entry| idle.get(&entry.row.id)).min().copied().unwrap_or(u32::MAX));
            columns.idle_seconds.push(seconds(now.seconds() - used_s));
            columns.ages.push(seconds(now.seconds() - UnixNanos(put).seconds()));
            columns.uses.push(members().map(|entry| entry.uses).max().unwrap_or(0));
            columns.costs.push(members().filter_map(|entry| entry.cost).reduce(u64::saturating_add).unwrap_or(UNKNOWN_COST));
            columns.kinds.push(head.kind);
            columns.streams.push(u32::try_from(head.stream).unwrap_or(0));
            columns.members.push(group.len() as u32);
            columns.held.push(head.held);
            columns.marks.push(u32::from(held));
            columns.tags.push(if tags_are_ours { head.tag } else { 0 });
            order.push((members().map(|entry| entry.seq).max().unwrap_or(0), put, number));
        }
        order.sort_unstable();
        columns.ranks = vec![0; groups.len()];
        for (rank, (_, _, number)) in order.into_iter().enumerate() {
            columns.ranks[number] = rank as u32;
        }
        let tags_before = columns.tags.clone();
        Ok(Self { columns, rows: entries.into_iter().map(|entry| entry.row).collect(), groups, tags_before, objects })
    }

    /// The rows of a group.
    pub fn rows(&self, group: usize) -> impl Iterator<Item = Row> {
        self.groups[group].iter().map(|row| self.rows[*row as usize])
    }

    /// The action of a group's head.
    pub fn head(&self, group: usize) -> Digest {
        self.rows[self.groups[group][0] as usize].action
    }

    /// Whatever is older than `max_age`; then the lowest scores first, the longest unused among equals, until enough bytes are free. What
    /// somebody was handed stays.
    pub fn choose(&self, scores: &[f64], max_age: Option<Duration>) -> Victims {
        let free = (0..self.groups.len()).filter(|group| self.columns.marks[*group] & 1 == 0);
        let is_old = |group: &usize| max_age.is_some_and(|age| u64::from(self.columns.idle_seconds[*group]) > age.as_secs());
        let (old, mut order): (Vec<usize>, Vec<usize>) = free.partition(is_old);
        order.sort_unstable_by(|a, b| scores[*a].total_cmp(&scores[*b]).then_with(|| self.columns.ranks[*a].cmp(&self.columns.ranks[*b])));
        // Down to nothing: groups of empty bodies free nothing, and go as well.
        let enough = if self.columns.wanted >= self.columns.used { u64::MAX } else { self.columns.wanted };
        self.take(&old, &order, enough)
    }

    /// The groups with these heads, as far as nobody was handed them.
    pub fn with_heads(&self, heads: &HashSet<Digest>) -> Victims {
        let wanted = (0..self.groups.len()).filter(|group| self.columns.marks[*group] & 1 == 0 && heads.contains(&self.head(*group)));
        self.take(&wanted.collect::<Vec<_>>(), &[], 0)
    }

    /// All of `first`, and of `then`, in this order, as many as are needed until `wanted` bytes are free.
    fn take(&self, first: &[usize], then: &[usize], wanted: u64) -> Victims {
        let mut victims = Victims::default();
        let mut needed: HashMap<Digest, u32> = HashMap::new();
        for (output, object) in self.objects.iter().filter(|(_, object)| object.groups == 0) {
            victims.objects.insert(*output);
            victims.freed += object.size;
        }
        for (group, must) in first.iter().map(|group| (*group, true)).chain(then.iter().map(|group| (*group, false))) {
            if !must && victims.freed >= wanted {
                break;
            }
            victims.groups.push(group);
            for output in distinct(self.rows(group).map(|row| row.output)) {
                let Some(object) = self.objects.get(&output) else { continue };
                let left = needed.entry(output).or_insert(object.groups);
                *left -= 1;
                if *left == 0 {
                    victims.freed += object.size;
                    victims.objects.insert(output);
                }
            }
        }
        victims
    }

    /// Writes the words that the policy changed.
    pub fn write_tags(&self, connection: &Connection, owner: &str) -> rusqlite::Result<()> {
        let mut update = connection.prepare("UPDATE entry SET tag = ?2 WHERE id = ?1")?;
        for (number, group) in self.groups.iter().enumerate() {
            if self.columns.tags[number] != self.tags_before[number] {
                update.execute(params![self.rows[group[0] as usize].id, self.columns.tags[number].cast_signed()])?;
            }
        }
        if owner_of_tags(connection)?.as_deref() != Some(owner) {
            // Words of another policy mean nothing to this one, and must not come back as its own.
            if owner_of_tags(connection)?.is_some() {
                connection.execute("UPDATE entry SET tag = 0 WHERE tag != 0", [])?;
                for (number, group) in self.groups.iter().enumerate().filter(|(number, _)| self.columns.tags[*number] != 0) {
                    update.execute(params![self.rows[group[0] as usize].id, self.columns.tags[number].cast_signed()])?;
                }
            }
            let sql = "INSERT INTO meta (name, value) VALUES ('tag-owner', ?1) ON CONFLICT DO UPDATE SET value = excluded.value";
            connection.execute(sql, params![owner])?;
        }
        Ok(())
    }
}

/// Each once. Groups have a few members, and there may be a hundred thousand of them: sets would take as long as the rest of the plan.
fn distinct(outputs: impl Iterator<Item = Digest>) -> Vec<Digest> {
    let mut outputs: Vec<Digest> = outputs.collect();
    outputs.sort_unstable();
    outputs.dedup();
    outputs
}

fn owner_of_tags(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT value FROM meta WHERE name = 'tag-owner'", [], |row| row.get(0)).optional()
}

fn seconds(seconds: i64) -> u32 {
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}

fn read_entries(connection: &Connection) -> rusqlite::Result<Vec<Read>> {
    let sql = "SELECT id, action, output, put_ns, head, kind, cost_us, uses, used_seq, used_s, stream, held, tag FROM entry";
    let mut all = connection.prepare(sql)?;
    all.query_map([], |row| {
        Ok(Read {
            row: Row { id: row.get(0)?, action: digest(row, 1)?, output: digest(row, 2)?, put_ns: row.get(3)? },
            head: row.get_ref(4)?.as_blob_or_null()?.and_then(Digest::from_slice),
            kind: Kind::from_code(row.get(5)?),
            cost: row.get::<_, Option<i64>>(6)?.map(|cost| cost.max(0) as u64),
            uses: u32::try_from(row.get::<_, i64>(7)?).unwrap_or(u32::MAX),
            seq: row.get(8)?,
            used_s: row.get(9)?,
            stream: row.get(10)?,
            held: row.get::<_, i64>(11)? as u32,
            tag: row.get::<_, i64>(12)?.cast_unsigned(),
        })
    })?
    .collect()
}

/// Ended sessions of a stream since one used the entry, the least over all live streams.
fn read_idle_runs(connection: &Connection, now: UnixNanos) -> rusqlite::Result<HashMap<i64, u32>> {
    let sql = "SELECT last_run.entry, min(stream.runs - last_run.run) FROM last_run JOIN stream ON stream.id = last_run.stream
               WHERE stream.used_s >= ?1 GROUP BY last_run.entry";
    let mut all = connection.prepare(sql)?;
    let since = now.seconds() - LIVE_STREAM.as_secs() as i64;
    all.query_map(params![since], |row| Ok((row.get(0)?, u32::try_from(row.get::<_, i64>(1)?.max(0)).unwrap_or(u32::MAX))))?.collect()
}

fn read_objects(connection: &Connection) -> rusqlite::Result<HashMap<Digest, Object>> {
    let mut all = connection.prepare("SELECT output, size FROM object")?;
    all.query_map([], |row| Ok((digest(row, 0)?, Object { size: row.get::<_, i64>(1)?.max(0) as u64, groups: 0 })))?.collect()
}

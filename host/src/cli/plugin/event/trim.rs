//! A trim, as `score` asks about it.

use super::KindName;
use crate::model::{TrimColumns, TrimReason, UNKNOWN_COST};
use serde::Deserialize;

/// A trim.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(in super::super) struct TrimEvent {
    reason: ReasonName,
    used: Option<u64>,
    wanted: u64,
    rows: Vec<RowEvent>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ReasonName {
    #[default]
    MaxSize,
    MinFree,
    Asked,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct RowEvent {
    key: Option<u64>,
    size: u64,
    idle_runs: u32,
    rank: Option<u32>,
    idle_seconds: u32,
    age: u32,
    uses: u32,
    cost_us: Option<u64>,
    kind: KindName,
    stream: u32,
    members: u32,
    held: u32,
    in_use: bool,
    tag: u64,
}

impl Default for RowEvent {
    fn default() -> Self {
        Self {
            key: None,
            size: 0,
            idle_runs: 0,
            rank: None,
            idle_seconds: 0,
            age: 0,
            uses: 1,
            cost_us: None,
            kind: KindName::Archive,
            stream: 1,
            members: 1,
            held: 0,
            in_use: false,
            tag: 0,
        }
    }
}

impl TrimEvent {
    /// As a policy is asked about it. Rows without a rank were used in the order in which they stand.
    pub fn columns(&self) -> TrimColumns {
        let reason = match self.reason {
            ReasonName::MaxSize => TrimReason::MaxSize,
            ReasonName::MinFree => TrimReason::MinFree,
            ReasonName::Asked => TrimReason::Asked,
        };
        let used = self.used.unwrap_or_else(|| self.rows.iter().map(|row| row.size).fold(0, u64::saturating_add));
        let mut columns = TrimColumns { used, wanted: self.wanted, ..TrimColumns::empty(reason) };
        for (place, row) in self.rows.iter().enumerate() {
            columns.keys.push(row.key.unwrap_or(place as u64));
            columns.sizes.push(row.size);
            columns.idle_runs.push(row.idle_runs);
            columns.ranks.push(row.rank.unwrap_or(place as u32));
            columns.idle_seconds.push(row.idle_seconds);
            columns.ages.push(row.age);
            columns.uses.push(row.uses);
            columns.costs.push(row.cost_us.unwrap_or(UNKNOWN_COST));
            columns.kinds.push(row.kind.kind());
            columns.streams.push(row.stream);
            columns.members.push(row.members);
            columns.held.push(row.held);
            columns.marks.push(u32::from(row.in_use));
            columns.tags.push(row.tag);
        }
        columns
    }
}

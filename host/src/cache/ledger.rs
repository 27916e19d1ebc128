//! What happened in a session: for the summary, the totals, and the next session of its stream.

use crate::model::Digest;
use crate::policy::LinkReport;
use crate::store::{Totals, Used};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

/// Counts of one session.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// Lookups.
    pub gets: u64,
    /// Lookups that were answered with an object.
    pub hits: u64,
    /// Of the hits, those found in Go's own cache directory.
    pub native_hits: u64,
    /// Lookups that were not.
    pub misses: u64,
    /// Of the misses, those that are here and that a policy did not let be served.
    pub not_served: u64,
    /// Bytes of the objects answered.
    pub hit_bytes: u64,
    /// Outputs taken.
    pub puts: u64,
    /// Bytes of these.
    pub put_bytes: u64,
    /// Outputs that are package archives: what a build compiled.
    pub archive_puts: u64,
    /// Requests that could not be used.
    pub refused: u64,
}

/// What the remote side did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RemoteCounts {
    /// Objects fetched.
    pub fetched: u64,
    /// Bytes of these.
    pub fetched_bytes: u64,
    /// Objects shared.
    pub shared: u64,
    /// Bytes of these, compressed.
    pub shared_bytes: u64,
    /// Group records written.
    pub records: u64,
    /// Requests to stores.
    pub round_trips: u64,
    /// Milliseconds waited in vain.
    pub waited_ms: u64,
}

/// What a plugin did.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyCounts {
    /// Its name.
    pub name: String,
    /// Questions by role.
    pub calls: BTreeMap<&'static str, u64>,
    /// Microseconds that it ran, its start included.
    pub micros: u64,
    /// Whether it was taken at a word about hits that it gave in an earlier session.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub abstains_as_before: bool,
    /// Why it is off.
    pub off: Option<String>,
    /// What it counted.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, u64>,
    /// What it logged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<(u32, String)>,
}

impl From<LinkReport> for PolicyCounts {
    fn from(report: LinkReport) -> Self {
        let micros = u64::try_from(report.spent.as_micros()).unwrap_or(u64::MAX);
        let abstains_as_before = report.abstains_as_before;
        Self {
            name: report.name,
            calls: report.calls,
            micros,
            abstains_as_before,
            off: report.off,
            counters: report.counters,
            log: report.lines,
        }
    }
}

/// What is appended to the file that `CACHEWIT_SUMMARY` names, as one line of JSON, when a session's late work is done.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Always 1: summaries of several sessions add up.
    pub sessions: u64,
    /// Counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// The remote side.
    pub remote: RemoteCounts,
    /// The plugins.
    pub policies: Vec<PolicyCounts>,
    /// Who decided what went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evicted_by: Option<String>,
    /// Groups that went.
    pub evicted_groups: u64,
    /// Bytes that went.
    pub evicted_bytes: u64,
    /// Groups that admission did not want kept.
    pub not_kept: u64,
    /// Milliseconds from the first byte to the end of `go`'s session, and of the work after it.
    pub session_ms: u64,
    /// See `session_ms`.
    pub late_ms: u64,
    /// What went wrong.
    pub faults: Vec<String>,
    /// Those of them that were not printed: `go` had gone, or an earlier session has said the same within the hour.
    pub unsaid: Vec<String>,
}

impl Summary {
    /// As sums for the index.
    pub fn totals(&self) -> Totals {
        let value = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let mut totals = Totals::from([
            ("sessions".to_owned(), 1),
            ("gets".to_owned(), value(self.counts.gets)),
            ("hits".to_owned(), value(self.counts.hits)),
            ("native-hits".to_owned(), value(self.counts.native_hits)),
            ("misses".to_owned(), value(self.counts.misses)),
            ("not-served".to_owned(), value(self.counts.not_served)),
            ("hit-bytes".to_owned(), value(self.counts.hit_bytes)),
            ("puts".to_owned(), value(self.counts.puts)),
            ("put-bytes".to_owned(), value(self.counts.put_bytes)),
            ("fetched".to_owned(), value(self.remote.fetched)),
            ("fetched-bytes".to_owned(), value(self.remote.fetched_bytes)),
            ("shared".to_owned(), value(self.remote.shared)),
            ("shared-bytes".to_owned(), value(self.remote.shared_bytes)),
            ("evicted-groups".to_owned(), value(self.evicted_groups)),
            ("evicted-bytes".to_owned(), value(self.evicted_bytes)),
            ("not-kept".to_owned(), value(self.not_kept)),
        ]);
        for policy in &self.policies {
            for (role, calls) in &policy.calls {
                totals.insert(format!("policy/{}/{role}", policy.name), value(*calls));
            }
            for (counter, count) in &policy.counters {
                totals.insert(format!("counter/{}/{counter}", policy.name), value(*count));
            }
            if policy.off.is_some() {
                totals.insert(format!("policy/{}/off", policy.name), 1);
            }
        }
        if let Some(by) = &self.evicted_by {
            totals.insert(format!("evicted-by/{by}"), value(self.evicted_groups));
        }
        totals
    }
}

/// What a session collects while it runs.
#[derive(Default)]
pub struct Ledger {
    /// Counts.
    pub counts: Counts,
    /// What was used, in order.
    pub used: Vec<Used>,
    /// Actions that were found in Go's own cache directory, which no row knows.
    pub native: Vec<Digest>,
    /// Heads of groups that `go` put in this session.
    pub put_heads: HashSet<Digest>,
}

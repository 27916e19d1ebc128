//! What became of a simulation.

use super::fleet::Wire;
use crate::policy::{Chain, LinkReport};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long something took that happened again and again.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Times {
    /// How often.
    pub count: u64,
    /// All together, in microseconds.
    pub sum_us: u64,
    /// The longest, in microseconds.
    pub most_us: u64,
}

impl Times {
    pub(super) fn add(&mut self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.count += 1;
        self.sum_us = self.sum_us.saturating_add(took);
        self.most_us = self.most_us.max(took);
    }

    pub(super) fn append(&mut self, other: Self) {
        self.count += other.count;
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
        self.most_us = self.most_us.max(other.most_us);
    }

    /// In microseconds; nothing where it never happened.
    pub fn mean_us(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_us as f64 / self.count as f64)
    }
}

/// One policy at one size.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// Lookups.
    pub gets: u64,
    /// Of these, answered.
    pub hits: u64,
    /// Bytes of the answers.
    pub hit_bytes: u64,
    /// Of the hits, what was in the store before the first trace begins: its first use tells.
    pub given: u64,
    /// Lookups that were not answered.
    pub misses: u64,
    /// Outputs that were put, and their bytes.
    pub puts: u64,
    /// See `puts`.
    pub put_bytes: u64,
    /// Of the puts, those of what the store had had before: what the policy let go too soon.
    pub again: u64,
    /// Bytes of these.
    pub again_bytes: u64,
    /// Microseconds that making these took.
    pub lost_us: u64,
    /// Of these, heads of groups for which no cost was ever observed; they add nothing to `lost_us`.
    pub unknown: u64,
    /// Of the misses, what a serving policy refused although the store had it.
    pub refused: u64,
    /// Groups that admission did not want kept.
    pub not_kept: u64,
    /// Groups that trims let go, and the bytes of the objects that went.
    pub evicted_groups: u64,
    /// See `evicted_groups`.
    pub evicted_bytes: u64,
    /// Bytes in the store at its largest, before a trim.
    pub largest: u64,
    /// Decisions of trims: from reading the index to the removal of rows.
    pub decisions: Times,
    /// Of these, the time in the eviction policy.
    pub scoring: Times,
    /// Questions to admission, the chain whole.
    pub admissions: Times,
    /// What went over the wire; None where there is no fleet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wire: Option<Wire>,
    /// What plugins counted, by plugin and name.
    pub counters: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Outcome {
    /// Adds up what the plugins of a session counted.
    pub(super) fn count(&mut self, reports: Vec<LinkReport>) {
        for report in reports.into_iter().filter(|report| !report.counters.is_empty()) {
            let counters = self.counters.entry(report.name).or_default();
            for (name, value) in report.counters {
                let sum = counters.entry(name).or_default();
                *sum = sum.saturating_add(value);
            }
        }
    }

    /// Questions to admission. A chain without the role is asked as well, and has nothing to say.
    pub(super) fn count_admissions(&mut self, chain: &mut Chain, times: Times) {
        if chain.admits() {
            self.admissions.append(times);
        }
    }

    /// Seconds of rebuilding that the policy cost.
    pub fn lost_seconds(&self) -> f64 {
        self.lost_us as f64 / 1e6
    }
}

//! What is told of a plugin when a session is over.

use std::collections::BTreeMap;
use std::time::Duration;

/// What a link did in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkReport {
    /// Its name.
    pub name: String,
    /// Questions asked of each role.
    pub calls: BTreeMap<&'static str, u64>,
    /// Time that it ran, its start included.
    pub spent: Duration,
    /// Whether it was taken at a word about hits that it gave in an earlier session.
    pub abstains_as_before: bool,
    /// Why it is not asked any more.
    pub off: Option<String>,
    /// What it counted.
    pub counters: BTreeMap<String, u64>,
    /// What it logged: (level, text).
    pub lines: Vec<(u32, String)>,
}

//! `cachewit trim`: shrinks the store now.

use super::Settings;
use super::resolve::{Opened, human, open};
use crate::cache::{below_limit, default_max_size, sweep_now, trim_now};
use crate::config::parse_size;
use crate::model::{TrimReason, UnixNanos};
use crate::store::trim::{Goal, TrimReport};
use crate::store::{Totals, remove_unused_formats};
use anyhow::{Result, bail};
use serde_json::json;
use std::process::ExitCode;
use std::time::Duration;

/// Files without a row that are younger may belong to a build that is running.
const SWEEP_AGE: Duration = Duration::from_secs(3600);

/// The arguments of `trim`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Trim to this size, such as 5GiB; by default to 98 % of the limit
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    to: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Trims.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut opened = open(&arguments.settings)?;
    let limit = opened.config.limits.max_size.unwrap_or_else(|| default_max_size(opened.shelf.folder()));
    let down_to = arguments.to.unwrap_or(below_limit(limit));
    let grace = opened.config.limits.grace;
    let done = trim_to(&mut opened, down_to, grace)?;
    let swept = sweep_now(&opened.shelf, &opened.faults, SWEEP_AGE, grace).unwrap_or_default();
    let formats = remove_unused_formats(opened.shelf.layout());
    if arguments.json {
        println!(
            "{}",
            json!({
                "before": done.before, "after": done.after, "groups": done.groups, "bytes": done.bytes, "by": done.by,
                "in_use": done.short, "decided_ms": done.decided_in.as_secs_f64() * 1e3, "scored_ms": done.scored_in.as_secs_f64() * 1e3, "swept_files": swept.0, "swept_bytes": swept.1, "removed_formats": formats,
            })
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} before, {} after: {} groups evicted by {}", human(done.before), human(done.after), done.groups, done.by);
    if swept.0 > 0 {
        println!("{} left-over files with {} removed", swept.0, human(swept.1));
    }
    if formats > 0 {
        println!("{formats} stores of older versions of cachewit removed, which nobody had used for a week");
    }
    if done.short {
        println!(
            "what remains above {} is in use by running builds, or was handed out within the last {}",
            human(down_to),
            humantime::format_duration(grace)
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// What a trim did.
pub(super) struct Done {
    pub before: u64,
    pub after: u64,
    pub groups: u64,
    pub bytes: u64,
    pub by: String,
    pub short: bool,
    pub decided_in: Duration,
    pub scored_in: Duration,
}

/// Trims to a size, and notes in the totals what went and who decided.
pub(super) fn trim_to(opened: &mut Opened, down_to: u64, grace: Duration) -> Result<Done> {
    let goal =
        Goal { reason: TrimReason::Asked, above: down_to, down_to, max_age: opened.config.limits.max_age, grace, now: UnixNanos::now() };
    let Some(outcome) = trim_now(&opened.shelf, &mut opened.chain, &opened.faults, goal) else {
        let said = opened.faults.lines();
        if said.is_empty() {
            bail!("another process is trimming this store, or reads it from where it cannot be written; try again in a moment");
        }
        bail!("{}", said.join("; "));
    };
    let report = outcome.report;
    let value = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut totals = Totals::from([("evicted-groups".to_owned(), value(report.groups)), ("evicted-bytes".to_owned(), value(report.bytes))]);
    if !outcome.by.is_empty() {
        totals.insert(format!("evicted-by/{}", outcome.by), value(report.groups));
    }
    for link in opened.chain.reports() {
        for (role, calls) in link.calls {
            totals.insert(format!("policy/{}/{role}", link.name), value(calls));
        }
    }
    opened.shelf.with_index(|index| index.add_totals(&totals, None));
    opened.shelf.with_index(super::super::store::index::Index::checkpoint);
    let by = if outcome.by.is_empty() { "nobody: there is nothing to do".to_owned() } else { outcome.by };
    let TrimReport { before, after, groups, bytes, short, decided_in, scored_in, .. } = report;
    Ok(Done { before, after, groups, bytes, by, short, decided_in, scored_in })
}

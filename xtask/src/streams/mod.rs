//! `cargo xtask streams`: whether a session's stream says what the session will use.
//!
//! A stream is worth something if its previous session used what the next one finds: then what no recent session of any stream used can go,
//! and what the last one used can be fetched before it is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use self::coverage::{Coverage, Used, jobs_of_streams, judge, streams_of_jobs};
use crate::history::{self, file};
use crate::marks::write_between_marks;
use crate::table::Table;
use crate::workspace::{say, scratch};

mod coverage;

/// What the previous session of a stream has to cover of what the next one finds.
const REQUIRED: f64 = 0.95;

/// The options of `cargo xtask streams`.
#[derive(Args)]
pub struct Options {
    /// A history that `cargo xtask history` recorded; without it one is recorded, of every kind of command
    #[arg(value_name = "FILE")]
    history: Option<PathBuf>,
    #[command(flatten)]
    from: history::From,
    /// Keep the history that is recorded in this file
    #[arg(long, value_name = "FILE", conflicts_with = "history")]
    to: Option<PathBuf>,
    /// Write the tables into this file as well, between the marks of a run
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// Measures and prints; fails if the streams do not hold.
pub fn run(options: &Options) -> Result<()> {
    let dir = scratch("streams")?;
    let recorded = options.history.clone().or_else(|| options.to.clone()).unwrap_or_else(|| dir.path().join("history"));
    if options.history.is_none() {
        history::record_mixed(&options.from, &recorded)?;
    }
    let sessions = file::read(&recorded)?;
    let report = Report::new(&sessions);
    println!("\n{}", report.text(Table::text));
    if let Some(file) = &options.markdown {
        write_between_marks(file, "streams", &report.text(Table::markdown))?;
        say(format!("the tables are in {}", file.display()));
    }
    if report.overall.share() < REQUIRED {
        bail!(
            "the previous session of the stream covers {} of all hits, and {} are required",
            percent(report.overall.share()),
            percent(REQUIRED)
        );
    }
    Ok(())
}

/// What became of the sessions of one kind.
#[derive(Default)]
struct Kind {
    sessions: usize,
    /// Sessions without an earlier one in their stream.
    first: usize,
    coverage: Coverage,
    worst: Option<f64>,
}

impl Kind {
    fn add(&mut self, judged: Option<Coverage>) {
        self.sessions += 1;
        let Some(coverage) = judged else {
            self.first += 1;
            return;
        };
        self.coverage = self.coverage.plus(coverage);
        self.worst = Some(self.worst.map_or(coverage.share(), |worst| worst.min(coverage.share())));
    }

    fn cells(&self) -> Vec<String> {
        let Coverage { hits, put_since, skipped, new, .. } = self.coverage;
        let none = || "-".to_owned();
        vec![
            self.sessions.to_string(),
            self.first.to_string(),
            hits.to_string(),
            self.worst.map_or_else(none, |_| percent(self.coverage.share())),
            self.worst.map_or_else(none, percent),
            put_since.to_string(),
            skipped.to_string(),
            new.to_string(),
        ]
    }
}

/// All that is said about a history.
struct Report {
    head: String,
    kinds: Table,
    wrong: Vec<String>,
    overall: Coverage,
}

impl Report {
    fn new(history: &[file::Session]) -> Self {
        let sessions: Vec<Used> = history.iter().map(Used::of).collect();
        let judged = judge(&sessions);
        let mut kinds: BTreeMap<(&str, &str), Kind> = BTreeMap::new();
        let mut all = Kind::default();
        for (session, coverage) in sessions.iter().zip(&judged) {
            kinds.entry((&session.job, &session.how)).or_default().add(*coverage);
            all.add(*coverage);
        }
        let head = ["job", "started", "sessions", "first", "hits", "covered", "worst", "put since", "skipped", "new"];
        let mut table = Table::new(2, &head);
        for ((job, how), kind) in &kinds {
            table.row([(*job).to_owned(), (*how).to_owned()].into_iter().chain(kind.cells()).collect());
        }
        table.row(["all".to_owned(), String::new()].into_iter().chain(all.cells()).collect());
        let mut revisions: Vec<&str> = history.iter().map(|session| session.origin.revision.as_str()).collect();
        revisions.dedup();
        let streams = jobs_of_streams(&sessions).len();
        let module = history.iter().find_map(|session| session.facts.get("module")).map_or("a program", String::as_str);
        let range = format!("{} to {}", revisions.first().copied().map_or("", short), revisions.last().copied().map_or("", short));
        let head = format!("{} sessions at {} revisions of {module} ({range}), in {streams} streams", sessions.len(), revisions.len());
        Self { head, kinds: table, wrong: wrong(&sessions, &judged), overall: all.coverage }
    }

    fn text(&self, table: impl Fn(&Table) -> String) -> String {
        let mut text =
            format!("{}; the previous session of the stream covers {} of all hits.\n\n", self.head, percent(self.overall.share()));
        text.push_str(&table(&self.kinds));
        text.push('\n');
        for line in &self.wrong {
            let _ = writeln!(text, "- {line}");
        }
        text
    }
}

/// What the labels got wrong, a line each.
fn wrong(sessions: &[Used], judged: &[Option<Coverage>]) -> Vec<String> {
    let named = |counts: &BTreeMap<&str, usize>| {
        let names = counts.iter().map(|(name, count)| format!("{} ({count})", if name.is_empty() { "no label" } else { name }));
        names.collect::<Vec<_>>().join(", ")
    };
    let mut lines = Vec::new();
    for (job, streams) in streams_of_jobs(sessions) {
        if streams.len() > 1 {
            lines.push(format!(
                "one job in {} streams, with their sessions: {job}: `{}`",
                streams.len(),
                named(&streams).replace('`', "'")
            ));
        }
    }
    for (stream, jobs) in jobs_of_streams(sessions) {
        if jobs.len() > 1 {
            lines.push(format!(
                "{} jobs in one stream, with their sessions: {}, in `{}`",
                jobs.len(),
                named(&jobs),
                stream.replace('`', "'")
            ));
        }
    }
    lines.push(first_sessions(sessions, judged));
    lines
}

/// Why sessions have no earlier one in their stream: nobody had done their job before, or their label says otherwise.
fn first_sessions(sessions: &[Used], judged: &[Option<Coverage>]) -> String {
    let mut known = BTreeSet::new();
    let (mut first, mut of_their_job, mut others) = (0, 0, Vec::new());
    for (session, judged) in sessions.iter().zip(judged) {
        let is_new = known.insert(session.job.as_str());
        if judged.is_none() {
            first += 1;
            of_their_job += usize::from(is_new);
            others.extend((!is_new).then(|| format!("{} ({})", session.job, session.how)));
        }
    }
    let others = if others.is_empty() { String::new() } else { format!("; others: {}", others.join(", ")) };
    format!("{first} sessions are the first of their stream, {of_their_job} of them the first that did their job{others}")
}

/// A commit as people write it.
fn short(revision: &str) -> &str {
    revision.get(..8).filter(|_| revision.len() == 40).unwrap_or(revision)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_label_splits_and_what_it_mixes_is_said() {
        let session = |job: &str, stream: &str| Used { job: job.to_owned(), stream: stream.to_owned(), ..Used::default() };
        let sessions = [session("build", "a"), session("build", "b"), session("vet", "b")];
        let lines = wrong(&sessions, &judge(&sessions));
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("one job in 2 streams") && lines[0].contains("build: `a (1), b (1)`"));
        assert!(lines[1].starts_with("2 jobs in one stream") && lines[1].ends_with("`b`"));
        assert_eq!(lines[2], "2 sessions are the first of their stream, 1 of them the first that did their job; others: build ()");
    }
}

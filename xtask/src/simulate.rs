//! `cargo xtask simulate`: the shipped eviction policies over the histories that are kept in the repository, and whether the default is worth
//! being the default.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;

use crate::marks::write_between_marks;
use crate::product;
use crate::table::Table;
use crate::workspace::{root, say, shown};

/// The policy that is to be worth it, and the one that it is compared with.
const DEFAULT: &str = "builtin:rebuild-cost";
const LRU: &str = "builtin:lru";

/// What the default may lose: of what LRU loses, or above that, of what making the working set once costs.
enum Goal {
    PartOfLru(f64),
    PartOfColdMoreThanLru(f64),
}

/// Multiples of the working set, and the goals there.
const GOALS: [(&str, Goal); 4] = [
    ("0.8x", Goal::PartOfLru(0.25)),
    ("1.02x", Goal::PartOfLru(0.125)),
    ("1.25x", Goal::PartOfColdMoreThanLru(0.05)),
    ("2x", Goal::PartOfColdMoreThanLru(0.05)),
];

/// The options of `cargo xtask simulate`.
#[derive(Args)]
pub struct Options {
    /// Histories; without any, those in tests/histories
    #[arg(value_name = "FILE")]
    histories: Vec<PathBuf>,
    /// A policy to show beside the default and LRU, as often as there are some
    #[arg(long = "policy", value_name = "PLUGINS")]
    policies: Vec<String>,
    /// Write the tables into this file as well, between the marks of a run
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// What `cachewit simulate --json` says, as far as it is looked at here.
#[derive(Deserialize)]
struct Simulated {
    sessions: u64,
    revisions: u64,
    working_set: WorkingSet,
    results: Vec<Outcome>,
}

#[derive(Deserialize)]
struct WorkingSet {
    bytes: u64,
    seconds: f64,
}

#[derive(Deserialize)]
struct Outcome {
    policy: String,
    size: String,
    misses: u64,
    again: u64,
    again_bytes: u64,
    lost_seconds: f64,
    evicted_groups: u64,
}

impl Simulated {
    fn lost(&self, policy: &str, size: &str) -> Result<f64> {
        let found = self.results.iter().find(|result| result.policy == policy && result.size == size);
        found.map(|result| result.lost_seconds).with_context(|| format!("the simulation says nothing of {policy} at {size}"))
    }

    /// What the default misses, a line each.
    fn missed_goals(&self) -> Result<Vec<String>> {
        let mut missed = Vec::new();
        for (size, goal) in GOALS {
            let (ours, lru) = (self.lost(DEFAULT, size)?, self.lost(LRU, size)?);
            let most = match goal {
                Goal::PartOfLru(part) => lru * part,
                Goal::PartOfColdMoreThanLru(part) => lru + self.working_set.seconds * part,
            };
            if ours > most {
                missed.push(format!("at {size} the default loses {ours:.1} s, {most:.1} s are allowed"));
            }
        }
        Ok(missed)
    }

    fn table(&self) -> Result<Table> {
        let head = ["policy", "size", "lost", "of LRU's", "of making all once", "misses", "made again", "evicted groups"];
        let mut table = Table::new(2, &head);
        for result in &self.results {
            let lru = self.lost(LRU, &result.size)?;
            let part = |of: f64| if of > 0.0 { format!("{:.3}", result.lost_seconds / of) } else { "-".to_owned() };
            table.row(vec![
                result.policy.clone(),
                result.size.clone(),
                format!("{:.1} s", result.lost_seconds),
                part(lru),
                part(self.working_set.seconds),
                result.misses.to_string(),
                format!("{}, {:.0} MB", result.again, result.again_bytes as f64 / 1e6),
                result.evicted_groups.to_string(),
            ]);
        }
        Ok(table)
    }

    fn sentence(&self, name: &str) -> String {
        format!(
            "{name}: {} sessions at {} revisions; one revision uses at most {:.0} MB, which take {:.0} s to make.",
            self.sessions,
            self.revisions,
            self.working_set.bytes as f64 / 1e6,
            self.working_set.seconds
        )
    }
}

/// Simulates and prints; fails if the default misses a goal.
pub fn run(options: &Options) -> Result<()> {
    let binary = product::build()?;
    let histories = if options.histories.is_empty() { kept()? } else { options.histories.clone() };
    let (mut text, mut markdown, mut missed) = (String::new(), String::new(), Vec::new());
    for history in &histories {
        let name = name(history);
        say(format!("simulating {name}"));
        let simulated = simulate(&binary, history, &options.policies)?;
        let (sentence, table) = (simulated.sentence(&name), simulated.table()?);
        let _ = write!(text, "{sentence}\n\n{}\n", table.text());
        let _ = write!(markdown, "{sentence}\n\n{}\n", table.markdown());
        missed.extend(simulated.missed_goals()?.into_iter().map(|line| format!("{name}: {line}")));
    }
    println!("\n{text}");
    if let Some(file) = &options.markdown {
        write_between_marks(file, "simulate", &markdown)?;
        say(format!("the tables are in {}", file.display()));
    }
    if !missed.is_empty() {
        bail!("the default policy misses its goals:\n{}", missed.join("\n"));
    }
    Ok(())
}

fn simulate(binary: &Path, history: &Path, more: &[String]) -> Result<Simulated> {
    let mut command = Command::new(binary);
    command.args(["simulate", "--json", "--size"]).arg(GOALS.map(|(size, _)| size).join(","));
    for policy in [DEFAULT, LRU].into_iter().chain(more.iter().map(String::as_str)) {
        command.args(["--policy", policy]);
    }
    command.arg(history);
    let output = command.output().with_context(|| format!("cannot start `{}`", shown(&command)))?;
    if !output.status.success() {
        bail!("`{}` failed:\n{}", shown(&command), String::from_utf8_lossy(&output.stderr).trim_end());
    }
    serde_json::from_slice(&output.stdout).context("`cachewit simulate --json` says something else than xtask knows")
}

/// The histories of the repository.
fn kept() -> Result<Vec<PathBuf>> {
    let folder = root().join("tests/histories");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|extension| extension == "zst")).collect();
    files.sort_unstable();
    Ok(files)
}

fn name(history: &Path) -> String {
    let name = history.file_name().unwrap_or_default().to_string_lossy();
    name.trim_end_matches(".history.zst").to_owned()
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT, GOALS, LRU, Outcome};
    use super::{Simulated, WorkingSet};

    fn simulated(ours: [f64; 4], lru: [f64; 4]) -> Simulated {
        let result = |policy: &str, size: &str, lost_seconds: f64| Outcome {
            policy: policy.to_owned(),
            size: size.to_owned(),
            misses: 0,
            again: 0,
            again_bytes: 0,
            lost_seconds,
            evicted_groups: 0,
        };
        let both = GOALS.iter().zip(ours.into_iter().zip(lru));
        let results = both.flat_map(|((size, _), (ours, lru))| [result(DEFAULT, size, ours), result(LRU, size, lru)]).collect();
        Simulated { sessions: 1, revisions: 1, working_set: WorkingSet { bytes: 1, seconds: 100.0 }, results }
    }

    #[test]
    fn each_goal_is_missed_by_itself() {
        let lru = [400.0, 80.0, 10.0, 0.0];
        assert!(simulated([100.0, 10.0, 15.0, 5.0], lru).missed_goals().unwrap().is_empty());
        for (place, size) in ["0.8x", "1.02x", "1.25x", "2x"].into_iter().enumerate() {
            let mut ours = [100.0, 10.0, 15.0, 5.0];
            ours[place] += 0.1;
            let missed = simulated(ours, lru).missed_goals().unwrap();
            assert!(missed.len() == 1 && missed[0].contains(&format!("at {size} ")), "{missed:?}");
        }
        assert!(simulated([0.0; 4], lru).lost("builtin:other", "2x").is_err());
    }
}

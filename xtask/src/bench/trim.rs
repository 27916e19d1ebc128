//! What a trim of a full store costs: scoring by the plugin, and the whole decision.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::large::Store;
use super::stats::median;
use crate::product;
use crate::table::Table;
use crate::workspace::{say, shown};

/// The name that `--only` matches.
pub const NAME: &str = "trim";

/// Entries of the store, each a group of its own.
const ENTRIES: u32 = 100_000;
/// Trims that are measured, each of which lets a two-hundredth of the store go.
const ROUNDS: u32 = 20;

/// What `cachewit trim --json` says, as far as it is looked at here.
#[derive(Deserialize)]
struct Trimmed {
    before: u64,
    after: u64,
    groups: u64,
    by: String,
    decided_ms: f64,
    scored_ms: f64,
}

/// Fills a store and trims it again and again.
pub fn measure(binary: &Path, dir: &Path) -> Result<Table> {
    let mut table = Table::new(1, &["a trim of 100,000 entries", "scoring by the plugin", "the whole decision"]);
    for policy in ["rebuild-cost", "lru"] {
        let folder = dir.join(format!("trim-{policy}"));
        let store = Store::fill(binary, &folder, ENTRIES)?;
        let config = folder.join("trim.toml");
        std::fs::write(&config, format!("[[policy]]\nuse = \"builtin:{policy}\"\n")).context("cannot write a configuration")?;
        say(format!("{NAME}: {ROUNDS} rounds of {policy}"));
        let (mut scored, mut decided) = (Vec::new(), Vec::new());
        // The first one compiles what is not compiled yet.
        for round in 0..=ROUNDS {
            let trimmed = trim(binary, store.gocache(), &config, round)?;
            if trimmed.by != policy || trimmed.groups == 0 || trimmed.after >= trimmed.before {
                bail!("a trim by {} let {} groups go, and {policy} was to let some", trimmed.by, trimmed.groups);
            }
            if round > 0 {
                scored.push(std::time::Duration::from_secs_f64(trimmed.scored_ms / 1e3));
                decided.push(std::time::Duration::from_secs_f64(trimmed.decided_ms / 1e3));
            }
        }
        let shown = |times| format!("{:.1} ms", median(times) * 1e3);
        table.row(vec![policy.to_owned(), shown(&scored), shown(&decided)]);
    }
    Ok(table)
}

fn trim(binary: &Path, gocache: &Path, config: &Path, round: u32) -> Result<Trimmed> {
    // Three in four entries have a body of eight bytes.
    let to = u64::from(ENTRIES) / 4 * 3 * 8 / 200 * u64::from(199 - round);
    let mut command = Command::new(binary);
    command.args(["trim", "--json", "--to", &to.to_string(), "--config"]).arg(config);
    command.env("GOCACHE", gocache).env_remove("CACHEWIT_ROOT").arg("--root").arg(product::store_below(gocache));
    let output = command.output().with_context(|| format!("cannot start `{}`", shown(&command)))?;
    if !output.status.success() {
        bail!("`{}` failed:\n{}", shown(&command), String::from_utf8_lossy(&output.stderr).trim_end());
    }
    serde_json::from_slice(&output.stdout).context("`cachewit trim --json` says something else than xtask knows")
}

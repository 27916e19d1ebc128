//! `cargo xtask try`: a real `go build std` through cachewit, seen beside the same build without it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::golang::{Machine, timed};
use crate::product::{self, CHAIN, Summary};
use crate::table::Table;
use crate::toolchains::{default_go, go_version};
use crate::workspace::{ensure_wasm_targets, say, scratch};

const BUILD: [&str; 2] = ["build", "std"];

/// Large enough that no trim happens: what is evicted is the subject of tests, not of a first look.
const MAX_SIZE: &str = "2GiB";

struct Run {
    name: &'static str,
    wall: Duration,
    native: Duration,
    summary: Option<Summary>,
}

/// Builds cachewit, runs the builds and prints the table.
pub fn run(keep: bool) -> Result<()> {
    ensure_wasm_targets()?;
    let binary = product::build()?;
    let go = default_go()?;
    let scratch = scratch("try")?;
    let runs = builds(&binary, &go, scratch.path())?;
    println!("\n`go build std`, {}, {} cores", go_version(&go)?, std::thread::available_parallelism().map_or(1, usize::from));
    print!("{}", table(&runs).text());
    println!();
    for line in decided(&runs) {
        println!("{line}");
    }
    if keep {
        println!("\nkept: {}", scratch.keep().display());
    }
    Ok(())
}

fn builds(binary: &Path, go: &Path, scratch: &Path) -> Result<Vec<Run>> {
    let native = Machine::new(go, scratch.join("native"))?;
    say("go build std natively, cold (about half a minute)");
    let native_cold = timed(&mut native.go(&BUILD))?;
    say("go build std natively, warm");
    let native_warm = timed(&mut native.go(&BUILD))?;
    let mut runs = vec![
        Run { name: "native, cold", wall: native_cold, native: native_cold, summary: None },
        Run { name: "native, warm", wall: native_warm, native: native_warm, summary: None },
    ];

    let shared = scratch.join("shared");
    std::fs::create_dir(&shared).with_context(|| format!("cannot create {}", shared.display()))?;
    let config = scratch.join("cachewit.toml");
    std::fs::write(&config, product::chain_config(&shared, MAX_SIZE)).with_context(|| format!("cannot write {}", config.display()))?;
    let gocacheprog = product::configured(binary, &config);
    say(format!("GOCACHEPROG={gocacheprog}"));

    let first = Machine::new(go, scratch.join("first"))?;
    let second = Machine::new(go, scratch.join("second"))?;
    let planned: [(&'static str, &Machine, Duration, &str); 3] = [
        ("cachewit, cold", &first, native_cold, "go build std through cachewit, cold: a fresh store, and an empty shared folder"),
        ("cachewit, warm", &first, native_warm, "go build std through cachewit, warm"),
        ("cachewit, second machine", &second, native_cold, "go build std on an empty store, from the folder that the first one shared to"),
    ];
    for (index, (name, machine, native, what)) in planned.into_iter().enumerate() {
        say(what);
        let summaries: PathBuf = scratch.join(format!("summary-{index}"));
        let mut command = machine.go(&BUILD);
        product::cached_by(&mut command, &gocacheprog, &summaries);
        let wall = timed(&mut command)?;
        let summary = Summary::wait_for_one(&summaries)?;
        summary.check_plugins(&CHAIN)?;
        runs.push(Run { name, wall, native, summary: Some(summary) });
    }
    Ok(runs)
}

fn table(runs: &[Run]) -> Table {
    let mut table = Table::new(1, &["run", "gets", "hits", "misses", "puts", "MB put", "MB hit", "wall time", "to native"]);
    for run in runs {
        let count = |of: fn(&Summary) -> u64| run.summary.as_ref().map_or_else(|| "-".to_owned(), |summary| of(summary).to_string());
        let bytes = |of: fn(&Summary) -> u64| run.summary.as_ref().map_or_else(|| "-".to_owned(), |summary| megabytes(of(summary)));
        table.row(vec![
            run.name.to_owned(),
            count(|summary| summary.gets),
            count(|summary| summary.hits),
            count(|summary| summary.misses),
            count(|summary| summary.puts),
            bytes(|summary| summary.put_bytes),
            bytes(|summary| summary.hit_bytes),
            format!("{:.2} s", run.wall.as_secs_f64()),
            format!("{:.2}", run.wall.as_secs_f64() / run.native.as_secs_f64()),
        ]);
    }
    table
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

/// What the plugins were asked and what came of it, a line each.
fn decided(runs: &[Run]) -> Vec<String> {
    let mut lines = Vec::new();
    for run in runs {
        let Some(summary) = &run.summary else { continue };
        lines.push(format!("{}:", run.name));
        for policy in &summary.policies {
            let calls = &policy.calls;
            let asked = [("admission", calls.admission), ("eviction", calls.eviction), ("remote", calls.remote)];
            let asked: Vec<String> = asked.iter().filter(|(_, n)| *n > 0).map(|(role, n)| format!("{role} {n} times")).collect();
            let asked = if asked.is_empty() { "had nothing to decide".to_owned() } else { format!("asked for {}", asked.join(", ")) };
            lines.push(format!("  {:<12} {asked}", policy.name));
        }
        let remote = &summary.remote;
        lines.push(format!(
            "  shared {} objects ({} MB), fetched {} ({} MB), {} round trips, {} ms waited; evicted {} groups ({} MB)",
            remote.shared,
            megabytes(remote.shared_bytes),
            remote.fetched,
            megabytes(remote.fetched_bytes),
            remote.round_trips,
            remote.waited_ms,
            summary.evicted_groups,
            megabytes(summary.evicted_bytes),
        ));
    }
    lines
}

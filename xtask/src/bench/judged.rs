//! What a serving policy costs a hit: the same hits of one store in a session without plugins and in one whose plugin judges each of them, and
//! beside it what the call alone takes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::judge;
use super::large::{Session, Store};
use super::stats::middle;
use crate::product::{self, Summary};
use crate::table::Table;
use crate::workspace::{root, run, say, shown};

/// The name that `--only` matches.
pub const NAME: &str = "a hit, judged";

/// Entries of the store, each a group of its own.
const ENTRIES: u32 = 10_000;
/// Requests that are under way at once: their answers fit into a pipe.
const BATCH: usize = 100;
/// Pairs of sessions. Two processes that do the same differ by more than what is measured here, wherever the system has put them.
const PAIRS: usize = 24;

/// Microseconds of a hit, the medians of a pair of sessions over their batches.
struct Hit {
    alone: f64,
    /// What the judged session took more for the same batch.
    more: f64,
    call: f64,
}

/// What a pair of sessions shows.
struct Pair {
    /// The first time, while both look ahead of the requests, since the last session has made the same.
    ahead: Hit,
    /// The second time, when each hit is looked up and judged as it is asked for.
    asked: Hit,
}

/// A row of the table: its name, and what of a hit it shows.
type Row = (&'static str, fn(&Hit) -> f64);

const ROWS: [Row; 5] = [
    ("without plugins", |hit| hit.alone),
    ("judged by one", |hit| hit.alone + hit.more),
    ("more", |hit| hit.more),
    ("the call alone", |hit| hit.call),
    ("on top of the call", |hit| hit.more - hit.call),
];

/// The columns of the table.
const PASSES: [fn(&Pair) -> &Hit; 2] = [|pair| &pair.asked, |pair| &pair.ahead];

/// Fills a store and measures.
pub fn measure(binary: &Path, dir: &Path, random: &mut fastrand::Rng) -> Result<Table> {
    let store = Store::fill(binary, &dir.join("judged"), ENTRIES)?;
    let judge = dir.join("judge.wasm");
    judge::make(binary, &judge)?;
    let config = dir.join("judged.toml");
    std::fs::write(&config, product::EMPTY_CONFIG).context("cannot write a configuration")?;
    let mut add = Command::new(binary);
    run(add.args(["plugin", "add"]).arg(&judge).arg("--config").arg(&config).stdout(Stdio::null()))?;
    say(format!("{NAME}: {PAIRS} pairs of sessions"));
    // The first one compiles the plugin.
    pair(binary, &store, &judge, &config, random)?;
    let pairs = (0..PAIRS).map(|_| pair(binary, &store, &judge, &config, random)).collect::<Result<Vec<Pair>>>()?;
    let mut table = Table::new(
        1,
        &["a hit, of a hundred under way", "as it is asked for", "half of the pairs", "as in the last session", "half of the pairs"],
    );
    for (name, of) in ROWS {
        let mut cells = vec![name.to_owned()];
        for pass in PASSES {
            let mut micros: Vec<f64> = pairs.iter().map(|pair| of(pass(pair))).collect();
            cells.push(format!("{:.2} µs", middle(&mut micros)));
            cells.push(format!("{:.2} to {:.2}", micros[PAIRS / 4], micros[PAIRS * 3 / 4]));
        }
        table.row(cells);
    }
    Ok(table)
}

/// Two sessions that take turns, a batch at a time, and are asked for every entry twice.
fn pair(binary: &Path, store: &Store, judge: &Path, config: &Path, random: &mut fastrand::Rng) -> Result<Pair> {
    let summaries = store.gocache().join("summary");
    let _ = std::fs::remove_file(&summaries);
    let (mut free, mut judged) = (Session::start(store)?, Session::start_with(store, config, Some(&summaries))?);
    let call = call(binary, judge)?;
    let mut of_every_entry = || hits(&mut free, &mut judged, call, random);
    let pair = Pair { ahead: of_every_entry()?, asked: of_every_entry()? };
    free.end()?;
    judged.end()?;
    let summary = Summary::wait_for_one(&summaries)?;
    let plugin = judge.file_name().and_then(|name| name.to_str()).context("a judge without a name")?;
    summary.check_plugins(&[plugin])?;
    let (judged, hits) = (summary.policies.iter().map(|policy| policy.calls.serving).sum::<u64>(), summary.hits);
    if judged < hits || hits != 2 * u64::from(ENTRIES) {
        bail!("the judge was asked about {judged} of {hits} hits");
    }
    Ok(pair)
}

/// Every entry once, in an order drawn anew, from both sessions.
fn hits(free: &mut Session, judged: &mut Session, call: f64, random: &mut fastrand::Rng) -> Result<Hit> {
    let mut numbers: Vec<u32> = (0..ENTRIES).collect();
    random.shuffle(&mut numbers);
    let (mut alone, mut more) = (Vec::new(), Vec::new());
    for (round, batch) in numbers.chunks(BATCH).enumerate() {
        let (free, judged) = if round % 2 == 0 {
            let free = of_a_batch(free, batch)?;
            (free, of_a_batch(judged, batch)?)
        } else {
            let judged = of_a_batch(judged, batch)?;
            (of_a_batch(free, batch)?, judged)
        };
        alone.push(free);
        more.push(judged - free);
    }
    Ok(Hit { alone: middle(&mut alone), more: middle(&mut more), call })
}

/// Microseconds a hit.
fn of_a_batch(session: &mut Session, numbers: &[u32]) -> Result<f64> {
    let begin = Instant::now();
    session.get_all(numbers)?;
    Ok(begin.elapsed().as_secs_f64() * 1e6 / numbers.len() as f64)
}

/// Microseconds of the call alone, as `plugin bench` measures it.
fn call(binary: &Path, judge: &Path) -> Result<f64> {
    let mut bench = Command::new(binary);
    bench.args(["plugin", "bench", "--json"]).arg(judge).arg(root().join("tests/histories/x-crypto.history.zst"));
    let output = bench.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{}`", shown(&bench)))?;
    let said: Value = serde_json::from_slice(&output.stdout).context("`plugin bench` says something else than xtask knows")?;
    let Some(nanos) = said["serving, a hit"]["median_ns"].as_f64() else { bail!("`plugin bench` has not asked the judge about a hit") };
    Ok(nanos / 1e3)
}

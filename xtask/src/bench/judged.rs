//! What a serving policy costs a hit: the same hits of one store in a session without plugins and in one whose plugin judges each of them, and
//! beside it what the call alone takes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::judge;
use super::large::{Session, Store};
use super::stats::median;
use crate::product;
use crate::table::Table;
use crate::workspace::{root, run, say, shown};

/// The name that `--only` matches.
pub const NAME: &str = "a hit, judged";

/// Entries of the store.
const ENTRIES: u32 = 10_000;
/// Requests that are under way at once: their answers fit into a pipe.
const BATCH: usize = 100;
/// Batches of each session, which take turns.
const ROUNDS: usize = 600;

/// Fills a store and measures.
pub fn measure(binary: &Path, dir: &Path, random: &mut fastrand::Rng) -> Result<Table> {
    let store = Store::fill(binary, &dir.join("judged"), ENTRIES)?;
    let judge = dir.join("judge.wasm");
    judge::make(binary, &judge)?;
    let config = dir.join("judged.toml");
    std::fs::write(&config, product::EMPTY_CONFIG).context("cannot write a configuration")?;
    let mut add = Command::new(binary);
    run(add.args(["plugin", "add"]).arg(&judge).arg("--config").arg(&config).stdout(Stdio::null()))?;
    // The first one compiles it.
    Session::start_with(&store, &config)?.end()?;
    let (mut free, mut judged) = (Session::start(&store)?, Session::start_with(&store, &config)?);
    say(format!("{NAME}: {ROUNDS} rounds"));
    let (mut alone, mut asked) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let numbers: Vec<u32> = (0..BATCH).map(|_| random.u32(..ENTRIES)).collect();
        let of_a_batch = |session: &mut Session| -> Result<Duration> {
            let begin = Instant::now();
            session.get_all(&numbers)?;
            Ok(begin.elapsed() / BATCH as u32)
        };
        let walls = if round % 2 == 0 {
            let alone = of_a_batch(&mut free)?;
            (alone, of_a_batch(&mut judged)?)
        } else {
            let asked = of_a_batch(&mut judged)?;
            (of_a_batch(&mut free)?, asked)
        };
        // The first round is there to start the plugin.
        if round > 0 {
            alone.push(walls.0);
            asked.push(walls.1);
        }
    }
    free.end()?;
    judged.end()?;
    let call = call(binary, &judge)?;
    let (alone, asked) = (median(&alone) * 1e6, median(&asked) * 1e6);
    let mut table = Table::new(1, &["a hit, of a hundred under way", "time"]);
    let more = asked - alone;
    for (name, micros) in [
        ("without plugins", alone),
        ("judged by one", asked),
        ("more", more),
        ("of that, the call alone", call),
        ("on top of the call", more - call),
    ] {
        table.row(vec![name.to_owned(), format!("{micros:.2} µs")]);
    }
    Ok(table)
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

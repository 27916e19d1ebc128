//! `cachewit simulate`: what policies would have cost, over recorded sessions.

use super::Settings;
use super::resolve::{config, human};
use crate::fault::printable;
use crate::policy::SessionView;
use crate::policy::manifest::{CI_EVENTS, GRANTED_FACTS};
use crate::policy::wasm::ArtifactStore;
use crate::simulate::{Bounds, Contender, History, Line, Outcome, StoreSize, Times, run as replay, svg};
use crate::store::Layout;
use crate::trace::{self, Trace};
use anyhow::{Context, Result, anyhow, bail};
use clap::builder::ArgPredicate;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What is compared where nobody says otherwise.
const POLICIES: [&str; 2] = ["builtin:rebuild-cost", "builtin:lru"];

/// The same of a fleet: with a store between its machines, and without.
const FLEET_POLICIES: [&str; 2] = ["builtin:read-through", "builtin:read-through{\"share\":false}"];

/// The arguments of `simulate`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// A chain of plugins, as GOCACHEPROG names them; settings follow a plugin as JSON: 'builtin:rebuild-cost{"idle-runs":1}'
    #[arg(long = "policy", value_name = "PLUGINS", value_parser = Contender::parse)]
    policies: Vec<Contender>,
    /// Sizes of the store, such as 1GiB, or 1.25x for a multiple of what one revision uses
    #[arg(
        long = "size",
        value_name = "SIZES",
        value_delimiter = ',',
        default_value = "0.8x,1.02x,1.25x,2x",
        default_value_if("fleet", ArgPredicate::IsPresent, "2x")
    )]
    sizes: Vec<StoreSize>,
    /// How long what a session without close was handed stays
    #[arg(long, value_name = "DURATION", value_parser = crate::config::parse_duration, default_value = "10m")]
    grace: Duration,
    /// Each revision on a fresh machine of its own, and one remote store that all of them have
    #[arg(long)]
    fleet: bool,
    /// What every session is said to be, such as ci=true or branch=main; policies may ask for it
    #[arg(long = "fact", value_name = "KEY=VALUE", value_parser = fact)]
    facts: Vec<(String, String)>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Draw a chart into this file, as SVG
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    /// Traces, histories, or folders of traces; without any, the sessions that this store has recorded
    #[arg(value_name = "TRACE")]
    traces: Vec<PathBuf>,
}

/// One policy at one size.
struct Cell<'a> {
    contender: &'a Contender,
    size: StoreSize,
    bytes: u64,
    outcome: Outcome,
}

/// Simulates and prints.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut sessions = sessions(&arguments.settings, &arguments.traces)?;
    for session in &mut sessions {
        session.header.facts.extend(arguments.facts.iter().cloned());
    }
    let history = if arguments.fleet { History::of_fleet(sessions)? } else { History::new(sessions)? };
    if history.working_set.bytes == 0 {
        bail!(
            "these sessions made and used nothing in a store of ours, so there is nothing to simulate; where they found everything in Go's own cache, record some with `go build -a`, or with `use-go-cache = false` in an empty store"
        );
    }
    let usual = if arguments.fleet { FLEET_POLICIES } else { POLICIES };
    let usual = || usual.iter().map(|name| Contender::parse(name).map_err(|error| anyhow!(error))).collect::<Result<Vec<_>>>();
    let contenders = if arguments.policies.is_empty() { usual()? } else { arguments.policies.clone() };
    let artifacts =
        ArtifactStore::of_this_user().ok_or_else(|| anyhow!("there is no cache folder for this user to compile into; set HOME"))?;
    for contender in &contenders {
        contender.check(&artifacts).with_context(|| format!("policy {}", contender.name))?;
    }
    let cells = simulate(arguments, &history, &contenders, &artifacts)?;
    if let Some(path) = &arguments.chart {
        std::fs::write(path, chart(&history, &contenders, &cells)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if arguments.json {
        print_json(&history, &cells);
    } else {
        print_table(&history, &cells);
    }
    Ok(ExitCode::SUCCESS)
}

/// A fact of a session. The stream is none: it says which sessions are runs of the same command.
fn fact(text: &str) -> Result<(String, String), String> {
    let keys = || SessionView::KEYS.into_iter().chain(GRANTED_FACTS).filter(|key| *key != "stream");
    match text.split_once('=') {
        Some(("ci", value)) if !["true", "false"].contains(&value) => Err(format!("`ci` is true or false, and not `{value}`")),
        Some(("ci-event", value)) if !CI_EVENTS.contains(&value) => {
            Err(format!("there is no event `{value}`; there are {}", CI_EVENTS.join(", ")))
        }
        Some((key, value)) if keys().any(|known| known == key) => Ok((key.to_owned(), value.to_owned())),
        Some((key, _)) => Err(format!("there is no fact `{key}` to set; there are {}", keys().collect::<Vec<_>>().join(", "))),
        None => Err("write KEY=VALUE, such as branch=main".to_owned()),
    }
}

/// The sessions of these traces, histories and folders; without any, those that this store has recorded.
pub(super) fn sessions(settings: &Settings, named: &[PathBuf]) -> Result<Vec<Trace>> {
    let mut traces = Vec::new();
    if named.is_empty() {
        let folder = Layout::new(&config(settings)?.root)?.traces_dir();
        for file in trace::list(&folder)? {
            // One that a session removed while we read is no loss.
            if let Some(more) = found(trace::read_all(&file.path))? {
                traces.extend(more);
            }
        }
        if traces.is_empty() {
            bail!("there are no traces in {} yet; every build with cachewit leaves one, or name some", folder.display());
        }
    }
    for path in named {
        if path.is_dir() {
            let before = traces.len();
            for file in files(path)? {
                traces.extend(trace::read_all(&file)?);
            }
            if traces.len() == before {
                bail!("there are no traces in {}: no file there ends in .jsonl, .jsonl.zst or .history.zst", path.display());
            }
        } else {
            traces.extend(trace::read_all(path)?);
        }
    }
    Ok(traces)
}

fn found<T>(read: Result<T, trace::TraceError>) -> Result<Option<T>, trace::TraceError> {
    match read {
        Err(trace::TraceError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// The traces in a folder, in the order of their names.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let is_trace = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        [".jsonl", ".jsonl.zst", ".history.zst"].iter().any(|suffix| name.ends_with(suffix))
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_trace).collect();
    files.sort_unstable();
    Ok(files)
}

/// Simulates every policy at every size, on all cores.
fn simulate<'a>(arguments: &Arguments, history: &History, contenders: &'a [Contender], artifacts: &ArtifactStore) -> Result<Vec<Cell<'a>>> {
    let wanted: Vec<(&Contender, StoreSize)> =
        contenders.iter().flat_map(|contender| arguments.sizes.iter().map(move |size| (contender, *size))).collect();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((contender, size)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            let bytes = size.bytes(history.working_set.bytes);
            let bounds = Bounds { max_size: bytes, grace: arguments.grace };
            let outcome = replay(history, contender, bounds, artifacts, |_| ());
            let cell = outcome.map(|outcome| Cell { contender, size: *size, bytes, outcome });
            // Nobody panics while holding it.
            if let Ok(mut done) = done.lock() {
                done.push(cell);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(wanted.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut cells = done.into_inner().unwrap_or_default().into_iter().collect::<Result<Vec<Cell<'_>>, _>>()?;
    let place =
        |cell: &Cell<'_>| wanted.iter().position(|(contender, size)| std::ptr::eq(*contender, cell.contender) && *size == cell.size);
    cells.sort_by_key(place);
    Ok(cells)
}

fn print_json(history: &History, cells: &[Cell<'_>]) {
    let working_set = &history.working_set;
    let results: Vec<_> = cells
        .iter()
        .map(|cell| {
            let mut result = json!({
                "policy": cell.contender.name, "size": cell.size.to_string(), "bytes": cell.bytes,
                "lost_seconds": cell.outcome.lost_seconds(),
            });
            if let (Some(result), Ok(serde_json::Value::Object(outcome))) = (result.as_object_mut(), serde_json::to_value(&cell.outcome)) {
                result.extend(outcome);
            }
            result
        })
        .collect();
    let object = json!({
        "sessions": history.sessions(), "revisions": history.revisions(), "requests": history.requests(),
        "left_out": history.left_out(),
        "working_set": {
            "bytes": working_set.bytes, "seconds": working_set.cost as f64 / 1e6, "revision": working_set.revision,
        },
        "results": results,
    });
    println!("{object}");
}

/// What was replayed, in a sentence.
fn sentence(history: &History) -> String {
    let working_set = &history.working_set;
    let of = match &working_set.revision {
        Some(revision) => format!(" at {} revisions; {} uses the most", history.revisions(), printable(revision, 40)),
        None => "; the largest uses".to_owned(),
    };
    let seconds = working_set.cost as f64 / 1e6;
    format!("{} sessions{of}, {}, which take {seconds:.0} s to make", history.sessions(), human(working_set.bytes))
}

fn print_table(history: &History, cells: &[Cell<'_>]) {
    println!("{}", sentence(history));
    if history.left_out() > 0 {
        println!("{} requests were left out of the traces, and of this", history.left_out());
    }
    let is_fleet = cells.iter().any(|cell| cell.outcome.wire.is_some());
    let mut head = vec!["policy", "size", "bytes", "gets", "hits", "misses", "made again", "bytes", "seconds lost"];
    head.extend(if is_fleet {
        &["fetched", "bytes", "reads", "in vain", "shared", "bytes", "kept back"][..]
    } else {
        &["evicted", "bytes", "a trim", "a scoring", "an admission"]
    });
    let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    let time = |times: Times| times.mean_us().map_or_else(|| "-".to_owned(), |mean| format!("{:.2} ms", mean / 1e3));
    for cell in cells {
        let outcome = &cell.outcome;
        let more = if outcome.unknown > 0 { "+" } else { "" };
        let mut row = vec![
            printable(&cell.contender.name, 60),
            cell.size.to_string(),
            human(cell.bytes),
            outcome.gets.to_string(),
            outcome.hits.to_string(),
            outcome.misses.to_string(),
            outcome.again.to_string(),
            human(outcome.again_bytes),
            format!("{:.1}{more}", outcome.lost_seconds()),
        ];
        row.extend(match &outcome.wire {
            Some(wire) => vec![
                wire.fetched.to_string(),
                human(wire.fetched_bytes),
                wire.reads.to_string(),
                wire.in_vain.to_string(),
                wire.shared.to_string(),
                human(wire.shared_bytes),
                wire.kept_back.to_string(),
            ],
            None => vec![
                outcome.evicted_groups.to_string(),
                human(outcome.evicted_bytes),
                time(outcome.decisions),
                time(outcome.scoring),
                time(outcome.admissions),
            ],
        });
        rows.push(row);
    }
    let widths: Vec<usize> =
        (0..rows[0].len()).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    println!();
    for row in &rows {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") });
        println!("{}", cells.collect::<Vec<_>>().join("  "));
    }
    if cells.iter().any(|cell| cell.outcome.unknown > 0) {
        println!("\n+ and what was made again and never seen being made, at a cost that nobody knows");
    }
}

fn chart(history: &History, contenders: &[Contender], cells: &[Cell<'_>]) -> String {
    let mut sizes: Vec<(u64, String)> = cells.iter().map(|cell| (cell.bytes, cell.size.to_string())).collect();
    sizes.sort();
    sizes.dedup();
    let line = |contender: &Contender| {
        let points = cells.iter().filter(|cell| std::ptr::eq(cell.contender, contender));
        Line { name: contender.name.clone(), points: points.map(|cell| (cell.bytes, cell.outcome.lost_seconds())).collect() }
    };
    svg(&sentence(history), &sizes, &contenders.iter().map(line).collect::<Vec<_>>())
}

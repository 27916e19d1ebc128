//! `cachewit plugin bench`: what a call of a plugin costs, over recorded sessions.

use super::{artifacts, read_settings, source};
use crate::cli::Settings;
use crate::cli::simulate::sessions;
use crate::model::{Digest, EventCode, EventColumns, EventRow, Facts, Kind, Origin, TrimColumns, TrimReason, UNKNOWN_COST, UnixNanos};
use crate::policy::wasm::{ArtifactStore, WasmPolicy};
use crate::policy::{FactSource, Group, GroupView, Later, NetworkView, Policy, PolicyError, RequestView, Sums, TargetView, load_one};
use crate::trace::{Event, Trace, What};
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Starts that are measured.
const STARTS: usize = 20;
/// Calls of a role at most: what they take in all is far below what a session grants.
const CALLS: usize = 20_000;
/// How long one role is measured at most; a plugin is off after ten seconds of a session.
const MOST: Duration = Duration::from_secs(4);

/// The arguments of `plugin bench`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// A file, or builtin:NAME
    plugin: String,
    /// Its settings as JSON, or @FILE
    #[arg(long, default_value = "{}", value_name = "JSON", id = "plugin-settings")]
    settings: String,
    /// Groups in the trim that an eviction plugin scores
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    rows: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: Settings,
    /// Traces, histories, or folders of traces; without any, the sessions that this store has recorded
    #[arg(value_name = "TRACE")]
    traces: Vec<PathBuf>,
}

impl Arguments {
    /// What is measured.
    pub fn plugin(&self) -> &str {
        &self.plugin
    }
}

/// What was measured of one question.
struct Measured {
    what: String,
    times: Vec<Duration>,
}

impl Measured {
    fn at(&self, share: f64) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        let place = (times.len().saturating_sub(1) as f64 * share) as usize;
        times.get(place).copied().unwrap_or_default()
    }
}

/// Measures and prints.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let traces = sessions(&arguments.store, &arguments.traces)?;
    let events: Vec<&Event> = traces.iter().flat_map(|trace: &Trace| &trace.events).filter(|event| event.output.is_some()).collect();
    if events.is_empty() {
        bail!("these traces have no object in them; name others");
    }
    let bench = Bench { arguments, artifacts: artifacts()?, settings: read_settings(&arguments.settings)? };
    let measured = bench.all(&events)?;
    if arguments.json {
        let object = |measured: &Measured| -> (String, Value) {
            let nanos = |share| u64::try_from(measured.at(share).as_nanos()).unwrap_or(u64::MAX);
            (measured.what.clone(), json!({ "calls": measured.times.len(), "median_ns": nanos(0.5), "p99_ns": nanos(0.99) }))
        };
        println!("{}", Value::Object(measured.iter().map(object).collect()));
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:<34} {:>7} {:>12} {:>12}", "", "calls", "median", "99 %");
    for measured in &measured {
        println!("{:<34} {:>7} {:>12} {:>12}", measured.what, measured.times.len(), shown(measured.at(0.5)), shown(measured.at(0.99)));
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(time: Duration) -> String {
    let nanos = time.as_nanos() as f64;
    if nanos < 1e5 { format!("{:.2} µs", nanos / 1e3) } else { format!("{:.2} ms", nanos / 1e6) }
}

struct Bench<'a> {
    arguments: &'a Arguments,
    artifacts: ArtifactStore,
    settings: Value,
}

impl Bench<'_> {
    /// An instance that has been started, as after the first question of a session.
    fn start(&self) -> Result<WasmPolicy, PolicyError> {
        let (mut policy, _) = load_one(&source(&self.arguments.plugin), self.settings.clone(), &self.artifacts, 1)?;
        policy.describe()?;
        Ok(policy)
    }

    fn all(&self, events: &[&Event]) -> Result<Vec<Measured>> {
        let (_, roles) = load_one(&source(&self.arguments.plugin), self.settings.clone(), &self.artifacts, 1)?;
        let mut all = vec![self.starts()?];
        let groups: Vec<GroupView> = events.iter().map(|event| group(event)).collect();
        if roles.admission {
            all.push(self.each("admission, a group", &groups, |policy, group| policy.admit(group).map(drop))?);
        }
        if roles.serving {
            all.push(self.each("serving, a hit", &groups, |policy, group| policy.serve(group).map(drop))?);
        }
        if roles.eviction {
            // One trim after another over the same rows, as in a session: to copy them would cost more than to score them.
            let columns = columns(events, self.arguments.rows);
            let name = format!("eviction, {} rows", columns.len());
            let columns = RefCell::new(columns);
            all.push(self.each(&name, &[&columns; 10], |policy, columns| policy.score(&mut columns.borrow_mut()).map(drop))?);
        }
        if roles.remote {
            let target = TargetView { name: "store".to_owned(), engine: "s3".to_owned(), mode: 3, health: 1 };
            let network = NetworkView { targets: vec![target], sets: Vec::new() };
            let misses: Vec<RequestView> = events.iter().map(|event| request(event)).collect();
            all.push(self.each("remote, a miss", &misses, |policy, miss| policy.route(&network, *miss).map(drop))?);
        }
        if roles.observer {
            let told = Arc::new(told(events));
            let ask = |policy: &mut WasmPolicy, told: &Arc<EventColumns>| policy.observe(told);
            all.push(self.each(&format!("observer, {} events", told.len()), &vec![told; 10], ask)?);
        }
        Ok(all)
    }

    /// From the artefact to the first answer.
    fn starts(&self) -> Result<Measured> {
        let mut times = Vec::with_capacity(STARTS);
        for _ in 0..STARTS {
            let began = Instant::now();
            self.start()?;
            times.push(began.elapsed());
        }
        Ok(Measured { what: "start, from its file".to_owned(), times })
    }

    fn each<T>(
        &self,
        what: &str,
        questions: &[T],
        mut ask: impl FnMut(&mut WasmPolicy, &T) -> Result<(), PolicyError>,
    ) -> Result<Measured> {
        let mut policy = self.start()?;
        let (began, mut times) = (Instant::now(), Vec::new());
        for question in questions.iter().cycle().take(CALLS.min(questions.len() * 100)) {
            let asked = Instant::now();
            ask(&mut policy, question)?;
            times.push(asked.elapsed());
            if began.elapsed() > MOST {
                break;
            }
        }
        Ok(Measured { what: what.to_owned(), times })
    }
}

/// A group of one, as a trace knows it.
fn group(event: &Event) -> GroupView {
    GroupView::of(Group {
        action: event.action,
        output: event.output.unwrap_or(Digest::EMPTY),
        kind: event.kind.map_or(Kind::Archive, |_| event.kind()),
        origin: if event.what == What::Fetched { Origin::Remote } else { Origin::Local },
        put: UnixNanos::now(),
        sums: Later::of(Sums { size: event.size, own_size: event.size, members: 1, cost: event.cost.map(Duration::from_micros) }),
        facts: Arc::new(NoFacts),
    })
}

/// Reading an archive is not the plugin's time.
struct NoFacts;

impl FactSource for NoFacts {
    fn facts(&self, _output: Digest) -> Option<Facts> {
        Some(Facts::default())
    }
}

/// So many groups, those of the trace over and over.
fn columns(events: &[&Event], rows: usize) -> TrimColumns {
    let mut columns = TrimColumns::empty(TrimReason::MaxSize);
    for (row, event) in events.iter().cycle().take(rows).enumerate() {
        columns.keys.push(event.action.prefix() ^ (row as u64));
        columns.sizes.push(event.size);
        columns.idle_runs.push(row as u32 % 4);
        columns.ranks.push(row as u32);
        columns.idle_seconds.push(row as u32);
        columns.ages.push(row as u32);
        columns.uses.push(1 + row as u32 % 7);
        columns.costs.push(event.cost.unwrap_or(UNKNOWN_COST));
        columns.kinds.push(event.kind());
        columns.streams.push(1 + row as u32 % 3);
        columns.members.push(3);
        columns.held.push(0);
        columns.marks.push(0);
        columns.tags.push(0);
        columns.used = columns.used.saturating_add(event.size);
    }
    columns.wanted = columns.used / 10;
    columns
}

fn request(event: &Event) -> RequestView {
    RequestView { action: event.action, named: 1, cost: event.cost.map(Duration::from_micros), waited: 0 }
}

fn told(events: &[&Event]) -> EventColumns {
    let mut columns = EventColumns::default();
    for event in events {
        let code = if event.what == What::Put { EventCode::Put } else { EventCode::Get };
        let kind = event.kind.map(|_| event.kind());
        columns.push(EventRow { code, level: 1, size: event.size, time: event.t, duration: event.d, kind, cost: event.cost });
    }
    columns
}

//! `cachewit trace`: what sessions did.

use super::Settings;
use super::resolve::{config, human};
use crate::store::Layout;
use crate::trace::{self, Detail, Event, Trace, TraceFile, What};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

/// The commands.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the sessions whose traces are kept, the oldest first
    List {
        #[command(flatten)]
        settings: Settings,
        /// Print one JSON object a session
        #[arg(long)]
        json: bool,
    },
    /// Print what one session did, request by request
    Show {
        #[command(flatten)]
        settings: Settings,
        /// A session of `trace list`, the beginning of its name, `last`, or a file
        #[arg(value_name = "SESSION", default_value = "last")]
        session: String,
        /// Print one JSON object a request, after one about the session
        #[arg(long)]
        json: bool,
    },
    /// Copy traces, unpacked, into a folder
    Export {
        #[command(flatten)]
        settings: Settings,
        /// The folder, which is made if need be
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// Sessions as `trace show` takes them; without any, all
        #[arg(value_name = "SESSION")]
        sessions: Vec<String>,
    },
    /// Write traces into one history in which every name is a number: for others to simulate
    Anonymise {
        /// The file to write, packed with zstd
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Keep the times of requests to a tenth of a second, and no durations of answers: a fraction of the size
        #[arg(long)]
        compact: bool,
        /// Traces and histories
        #[arg(value_name = "FILE", required = true)]
        traces: Vec<PathBuf>,
    },
}

/// Runs one.
pub(super) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::List { settings, json } => list(settings, *json)?,
        Command::Show { settings, session, json } => show(&trace::read(&find(settings, session)?.path)?, *json)?,
        Command::Export { settings, to, sessions } => export(settings, to, sessions)?,
        Command::Anonymise { to, compact, traces } => anonymise(traces, to, *compact)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn all(settings: &Settings) -> Result<Vec<TraceFile>> {
    let config = config(settings)?;
    Ok(trace::list(&Layout::new(&config.root)?.traces_dir())?)
}

/// The trace that somebody means.
fn find(settings: &Settings, session: &str) -> Result<TraceFile> {
    if Path::new(session).is_file() {
        return Ok(TraceFile { id: session.to_owned(), path: session.into() });
    }
    let mut all = all(settings)?;
    if session == "last" {
        return all.pop().context(
            "there are no traces yet; every build with cachewit leaves one, a moment after its end, unless `keep` in [trace] is 0",
        );
    }
    let mut found = all.into_iter().filter(|file| file.id.starts_with(session));
    match (found.next(), found.next()) {
        (Some(file), None) => Ok(file),
        (Some(_), Some(_)) => bail!("more than one session begins with `{session}`; give more of its name"),
        _ => bail!("there is no session `{session}`; `cachewit trace list` names those that are kept"),
    }
}

fn count(trace: &Trace, wanted: impl Fn(&Event) -> bool) -> usize {
    trace.events.iter().filter(|event| wanted(event)).count()
}

fn is_hit(event: &Event) -> bool {
    matches!(event.what, What::Hit | What::Native | What::Fetched)
}

fn when(trace: &Trace) -> String {
    let time = UNIX_EPOCH + Duration::from_nanos(u64::try_from(trace.header.began_ns).unwrap_or(0));
    humantime::format_rfc3339_seconds(time).to_string()
}

fn list(settings: &Settings, json: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for file in all(settings)? {
        // One that is damaged, or gone by now, must not hide the others.
        let trace = match trace::read(&file.path) {
            Ok(trace) => trace,
            Err(error) => {
                eprintln!("cachewit: {error}");
                continue;
            }
        };
        let hits = count(&trace, is_hit);
        let misses = count(&trace, |event| event.what == What::Miss);
        let puts = count(&trace, |event| event.what == What::Put);
        let stream = trace.header.facts.get("stream").map_or("", String::as_str);
        if json {
            writeln!(out, "{}", json!({ "id": file.id, "header": trace.header, "hits": hits, "misses": misses, "puts": puts }))?;
        } else {
            let wall = Duration::from_millis(trace.header.wall_us / 1000);
            let wall = humantime::format_duration(wall);
            writeln!(out, "{}  {}  {hits} hits, {misses} misses, {puts} puts in {wall}  {stream}", file.id, when(&trace))?;
        }
    }
    Ok(())
}

fn show(trace: &Trace, json: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        write_plain(&mut out, trace)?;
        return Ok(());
    }
    let header = &trace.header;
    writeln!(out, "session    {}", when(trace))?;
    for (key, value) in &header.facts {
        writeln!(out, "{key:<10} {value}")?;
    }
    writeln!(out, "end        {}", if header.closed { "closed" } else { "went away without closing, as `go list` does" })?;
    if header.left_out > 0 {
        writeln!(out, "left out   {} requests", header.left_out)?;
    }
    writeln!(out, "\n{:>10} {:>8}  {:8} {:12} {:>10} {:>9}  action", "at ms", "took µs", "what", "kind", "size", "cost ms")?;
    for event in &trace.events {
        let what = match event.what {
            What::Hit => "hit",
            What::Native => "native",
            What::Fetched => "fetched",
            What::Refused => "refused",
            What::Miss => "miss",
            What::Put => "put",
        };
        let kind = event.kind.map_or("", |_| event.kind().name());
        let size = event.output.map_or(String::new(), |_| human(event.size));
        let cost = event.cost.map_or(String::new(), |cost| format!("{:.1}", cost as f64 / 1e3));
        writeln!(out, "{:>10.1} {:>8}  {what:8} {kind:12} {size:>10} {cost:>9}  {}", event.t as f64 / 1e3, event.d, event.action)?;
    }
    Ok(())
}

fn write_plain(out: &mut impl Write, trace: &Trace) -> Result<()> {
    writeln!(out, "{}", serde_json::to_string(&trace.header)?)?;
    for event in &trace.events {
        writeln!(out, "{}", serde_json::to_string(event)?)?;
    }
    Ok(())
}

fn anonymise(files: &[PathBuf], to: &Path, compact: bool) -> Result<()> {
    let mut traces = Vec::new();
    for file in files {
        traces.extend(trace::read_all(file)?);
    }
    trace::anonymise(&mut traces, if compact { Detail::Compact } else { Detail::Whole });
    trace::write_all(to, &traces)?;
    println!("{} sessions in {}", traces.len(), to.display());
    Ok(())
}

fn export(settings: &Settings, to: &Path, sessions: &[String]) -> Result<()> {
    let files =
        if sessions.is_empty() { all(settings)? } else { sessions.iter().map(|session| find(settings, session)).collect::<Result<_>>()? };
    std::fs::create_dir_all(to).with_context(|| format!("cannot make the folder {}", to.display()))?;
    for file in &files {
        let name = Path::new(&file.id).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = to.join(format!("{}.jsonl", name.trim_end_matches(".jsonl.zst").trim_end_matches(".jsonl")));
        let mut text = Vec::new();
        write_plain(&mut text, &trace::read(&file.path)?)?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    println!("{} traces in {}", files.len(), to.display());
    Ok(())
}

//! `cachewit run`: one command with cachewit as its cache, and what the cache did.

use super::Settings;
use super::resolve::human;
use crate::platform;
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// How long the work that sessions do behind `go`'s back is waited for.
const LATE_WORK: Duration = Duration::from_secs(360);

/// The arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Plugins behind those of the configuration, in the order in which they are asked: files, or `builtin:NAME`. What `GOCACHEPROG` names is not asked
    #[arg(long = "plugin", value_name = "PLUGIN")]
    plugins: Vec<String>,
    /// Write what the cache did to this file as one JSON object
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// The command
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs it. The exit code is the command's.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let program = std::env::current_exe().context("cannot tell the path of this program")?;
    let mut words = vec![program.to_string_lossy().into_owned(), "serve".to_owned()];
    for (name, path) in [("--config", &arguments.settings.config), ("--root", &arguments.settings.root)] {
        if let Some(path) = path {
            let path = std::path::absolute(path).with_context(|| format!("cannot find {}", path.display()))?;
            words.extend([name.to_owned(), path.to_string_lossy().into_owned()]);
        }
    }
    for plugin in &arguments.plugins {
        // `go` may be started in another folder by the command.
        let source =
            if plugin.starts_with("builtin:") { plugin.clone() } else { std::path::absolute(plugin)?.to_string_lossy().into_owned() };
        words.push(source);
    }
    let gocacheprog = words.iter().map(|word| quote(word)).collect::<Result<Vec<_>>>()?.join(" ");

    let lines = SummaryFile::new()?;
    let [command, rest @ ..] = arguments.command.as_slice() else { bail!("there is no command to run; write one after `--`") };
    let mut child = Command::new(command)
        .args(rest)
        .env("GOCACHEPROG", gocacheprog)
        .env("CACHEWIT_SUMMARY", &lines.path)
        .spawn()
        .with_context(|| format!("cannot run `{}`", command.to_string_lossy()))?;
    // Ctrl-C is for the command; what its sessions did is still to be told. Only now, since a child inherits what is ignored.
    platform::ignore_interrupts();
    let status = child.wait().context("cannot wait for the command")?;
    lines.wait();
    let text = std::fs::read_to_string(&lines.path).unwrap_or_default();
    let sessions: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if let Some(outer) = std::env::var_os("CACHEWIT_SUMMARY") {
        let _ = File::options().append(true).create(true).open(outer).and_then(|mut file| file.write_all(text.as_bytes()));
    }
    let sum = sum(&sessions);
    print(&sum);
    if let Some(path) = &arguments.summary {
        std::fs::write(path, format!("{sum}\n")).with_context(|| format!("cannot write the summary {}", path.display()))?;
    }
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// An element of GOCACHEPROG: `go` splits at blanks, and takes a quote only as an element's first character; it knows no escapes.
fn quote(word: &str) -> Result<String> {
    if !word.is_empty() && !word.contains([' ', '\t', '\r', '\n', '\'', '"']) {
        return Ok(word.to_owned());
    }
    match (word.contains('\''), word.contains('"')) {
        (false, _) => Ok(format!("'{word}'")),
        (true, false) => Ok(format!("\"{word}\"")),
        (true, true) => bail!("`{word}` has both kinds of quotes, which GOCACHEPROG cannot carry; rename it"),
    }
}

/// The file to which sessions append their lines. Each holds a shared lock on it from its beginning until its line is written.
struct SummaryFile {
    path: PathBuf,
}

impl SummaryFile {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("cachewit-run-{}", std::process::id()));
        File::create(&path).with_context(|| format!("cannot make the file {}", path.display()))?;
        Ok(Self { path })
    }

    /// Waits until no session holds the file any more.
    fn wait(&self) {
        let until = Instant::now() + LATE_WORK;
        let Ok(file) = File::options().read(true).write(true).open(&self.path) else { return };
        while file.try_lock().is_err() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for SummaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(Path::new(&self.path));
    }
}

/// The sum of several sessions' summaries: numbers add up, plugins are matched by name, texts are kept once.
fn sum(sessions: &[Value]) -> Value {
    let mut total = json!({ "sessions": 0, "policies": [], "faults": [] });
    for session in sessions {
        add(&mut total, session);
    }
    total
}

fn add(total: &mut Value, more: &Value) {
    match (total, more) {
        (total @ Value::Null, more) => *total = more.clone(),
        (Value::Object(total), Value::Object(more)) => {
            for (key, value) in more {
                add(total.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Number(total), Value::Number(more)) => {
            *total = (total.as_u64().unwrap_or(0) + more.as_u64().unwrap_or(0)).into();
        }
        (Value::Array(total), Value::Array(more)) => {
            for value in more {
                let same = |other: &Value| other == value || value.get("name").is_some() && other.get("name") == value.get("name");
                match total.iter().position(same) {
                    Some(place) => add(&mut total[place], value),
                    None => total.push(value.clone()),
                }
            }
        }
        _ => {}
    }
}

fn print(sum: &Value) {
    let empty = Map::new();
    let number = |key: &str| sum[key].as_u64().unwrap_or(0);
    let remote = sum["remote"].as_object().unwrap_or(&empty);
    let remote_number = |key: &str| remote.get(key).and_then(Value::as_u64).unwrap_or(0);
    let share = (number("hits") * 100).checked_div(number("gets")).map_or(String::new(), |share| format!(" ({share} %)"));
    let mut line = format!(
        "{} gets, {} hits{share} with {}; {} puts with {}",
        number("gets"),
        number("hits"),
        human(number("hit_bytes")),
        number("puts"),
        human(number("put_bytes"))
    );
    if number("native_hits") > 0 {
        line += &format!("; {} of the hits in Go's own cache", number("native_hits"));
    }
    for (key, bytes, word) in [("fetched", "fetched_bytes", "fetched"), ("shared", "shared_bytes", "shared")] {
        if remote_number(key) > 0 {
            line += &format!("; {} {word} with {}", remote_number(key), human(remote_number(bytes)));
        }
    }
    if number("evicted_groups") > 0 {
        let by = sum["evicted_by"].as_str().unwrap_or("the default");
        line += &format!("; {} groups with {} evicted by {by}", number("evicted_groups"), human(number("evicted_bytes")));
    }
    if number("not_kept") > 0 {
        line += &format!("; {} groups not kept", number("not_kept"));
    }
    eprintln!("cachewit: {line}");
    // Here is somebody to read what the sessions could not say any more.
    for fault in sum["unsaid"].as_array().into_iter().flatten() {
        eprintln!("cachewit: {}", fault.as_str().unwrap_or_default());
    }
    for policy in sum["policies"].as_array().into_iter().flatten() {
        let name = policy["name"].as_str().unwrap_or_default();
        for entry in policy["log"].as_array().into_iter().flatten() {
            eprintln!("cachewit: [{name}] {}", entry[1].as_str().unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_quoted_as_go_reads_it() {
        assert_eq!(quote("/usr/bin/cachewit").unwrap(), "/usr/bin/cachewit");
        assert_eq!(quote("/a b/c").unwrap(), "'/a b/c'");
        assert_eq!(quote("/it's").unwrap(), "\"/it's\"");
        assert!(quote("a'b\"c").is_err());
    }

    #[test]
    fn summaries_add_up_and_plugins_are_matched_by_name() {
        let session = json!({ "sessions": 1, "gets": 2, "remote": { "fetched": 3 }, "policies": [{ "name": "lru", "calls": { "eviction": 1 }, "off": null }], "faults": ["x"] });
        let sum = sum(&[session.clone(), session]);
        assert_eq!(sum["gets"], 4);
        assert_eq!(sum["remote"]["fetched"], 6);
        assert_eq!(sum["policies"].as_array().unwrap().len(), 1);
        assert_eq!(sum["policies"][0]["calls"]["eviction"], 2);
        assert_eq!(sum["faults"], json!(["x"]));
    }
}

//! The file that a history is kept in: traces one behind the other, in one zstd frame.
//!
//! Sessions of a history name the same digests again and again. One frame with a window over all of it stores each of them about once.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// Bytes that the compressor looks back, as a power of two: the most that a reader with zstd's defaults takes.
const WINDOW: u32 = 27;
/// Slow enough to be small, and a history is written once.
const LEVEL: i32 = 12;

/// What made a session, as its trace in a history says under `history`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The commit or release.
    pub revision: String,
    /// The job that the command does: the same for commands that do the same again and again.
    pub job: String,
    /// How it was started: in which kind of folder, or through what.
    pub how: String,
    /// The command.
    pub command: String,
    /// Whether it ended with zero.
    pub succeeded: bool,
}

/// A session of a history.
#[derive(Debug)]
pub struct Session {
    /// What made it.
    pub origin: Origin,
    /// What it says of itself, its stream among it.
    pub facts: BTreeMap<String, String>,
    /// Its requests.
    pub events: Vec<Event>,
}

/// A request, as far as a history is looked at here.
#[derive(Debug, Deserialize)]
pub struct Event {
    /// `hit`, `native`, `fetched`, `miss` or `put`.
    pub what: String,
    /// The action, in hexadecimal.
    pub action: String,
}

/// The head of a trace, as far as a history is looked at here.
#[derive(Deserialize)]
struct Head {
    trace: u32,
    facts: BTreeMap<String, String>,
    history: Origin,
}

/// When the session of a trace began, in nanoseconds since 1970.
pub fn beginning(trace: &str) -> Result<i64> {
    let head: serde_json::Value = serde_json::from_str(trace.lines().next().unwrap_or_default()).context("a trace has no head")?;
    head["began_ns"].as_i64().context("a trace does not say when it began")
}

/// Writes a history, a trace at a time.
pub struct Writer {
    encoder: zstd::stream::write::Encoder<'static, File>,
}

impl Writer {
    /// Begins a file.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
        let mut encoder = zstd::stream::write::Encoder::new(file, LEVEL)?;
        encoder.long_distance_matching(true)?;
        encoder.window_log(WINDOW)?;
        Ok(Self { encoder })
    }

    /// Adds a trace, its lines as cachewit wrote them but for what made it.
    pub fn add(&mut self, trace: &str, origin: &Origin) -> Result<()> {
        let (head, events) = trace.split_once('\n').context("a trace has no events")?;
        let mut head: serde_json::Value = serde_json::from_str(head).context("a trace has no head")?;
        head["history"] = serde_json::to_value(origin)?;
        writeln!(self.encoder, "{head}")?;
        self.encoder.write_all(events.as_bytes()).context("cannot write the history")
    }

    /// Ends the file.
    pub fn finish(self) -> Result<()> {
        self.encoder.finish().map(drop).context("cannot write the history")
    }
}

/// Reads a history.
pub fn read(path: &Path) -> Result<Vec<Session>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut decoder = zstd::stream::read::Decoder::new(file)?;
    decoder.window_log_max(WINDOW)?;
    let mut sessions: Vec<Session> = Vec::new();
    for (number, line) in BufReader::new(decoder).lines().enumerate() {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        let wrong = || format!("{}, line {}", path.display(), number + 1);
        if line.starts_with("{\"t\":") {
            let session = sessions.last_mut().context("a request before any session").with_context(wrong)?;
            session.events.push(serde_json::from_str(&line).with_context(wrong)?);
            continue;
        }
        let head: Head = serde_json::from_str(&line).with_context(wrong)?;
        if head.trace > 1 {
            bail!("{}: a trace of the format {}, and this xtask reads 1", wrong(), head.trace);
        }
        sessions.push(Session { origin: head.history, facts: head.facts, events: Vec::new() });
    }
    Ok(sessions)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "{\"trace\":1,\"cachewit\":\"0.1.0\",\"began_ns\":7,\"wall_us\":5,\"closed\":true,\"left_out\":0,\"facts\":{\"stream\":\"build\"}}\n{\"t\":1,\"d\":2,\"what\":\"hit\",\"action\":\"aa\",\"output\":\"bb\",\"size\":3}\n{\"t\":4,\"d\":1,\"what\":\"miss\",\"action\":\"cc\"}\n";

    fn origin(revision: &str) -> Origin {
        let words = |text: &str| text.to_owned();
        Origin { revision: words(revision), job: words("build"), how: words("as it is"), command: words("go build"), succeeded: true }
    }

    #[test]
    fn sessions_come_back_in_their_order_with_what_made_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.history.zst");
        let mut writer = Writer::create(&path).unwrap();
        writer.add(TRACE, &origin("one")).unwrap();
        writer.add(&TRACE.replace("\"cc\"", "\"dd\""), &origin("two")).unwrap();
        writer.finish().unwrap();
        let sessions = read(&path).unwrap();
        assert_eq!(sessions.iter().map(|session| &session.origin).collect::<Vec<_>>(), [&origin("one"), &origin("two")]);
        assert_eq!(sessions[0].facts["stream"], "build");
        let asked: Vec<(&str, &str)> = sessions[1].events.iter().map(|event| (event.what.as_str(), event.action.as_str())).collect();
        assert_eq!(asked, [("hit", "aa"), ("miss", "dd")]);
        assert_eq!(beginning(TRACE).unwrap(), 7);
    }

    #[test]
    fn what_is_no_history_is_refused_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        for (text, expected) in [("{\"t\":1,\"what\":\"hit\",\"action\":\"a\"}\n", "line 1"), ("nonsense\n", "line 1")] {
            std::fs::write(&path, zstd::encode_all(text.as_bytes(), 1).unwrap()).unwrap();
            assert!(format!("{:#}", read(&path).unwrap_err()).contains(expected));
        }
    }
}

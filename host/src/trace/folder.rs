//! The folder of traces: one file a session, the newest kept.

use super::{Trace, VERSION, read_all};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const SUFFIX: &str = ".jsonl.zst";

/// How old a half-written trace must be to be left over; writing one takes milliseconds.
const PARTIAL_KEPT: Duration = Duration::from_secs(3600);

/// What can be wrong with a trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// It cannot be read or written.
    #[error("trace {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no trace.
    #[error("trace {path}, line {line}: {source}")]
    Line {
        /// Which.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// A newer cachewit wrote it.
    #[error("trace {path} has the format {found}, and this cachewit reads {VERSION}; use the cachewit that wrote it, or a newer one")]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// A request comes before any session.
    #[error("trace {path}, line {line}: a request before any session; the line that begins one is missing")]
    Headless {
        /// Which.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// Several where one is wanted.
    #[error("trace {path} is a history of {sessions} sessions, and this command reads one; `cachewit simulate` takes histories")]
    Several {
        /// Which.
        path: PathBuf,
        /// How many.
        sessions: usize,
    },
    /// There is nothing in it.
    #[error("trace {path} is empty")]
    Empty {
        /// Which.
        path: PathBuf,
    },
}

/// A trace in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceFile {
    /// What commands call it; sorts by time.
    pub id: String,
    /// Where it is.
    pub path: PathBuf,
}

/// Writes a trace into the folder, which is made if need be, and removes the oldest until `keep` are left.
pub fn write(folder: &Path, trace: &Trace, keep: usize) -> Result<PathBuf, TraceError> {
    let named = |path: &Path| {
        let path = path.to_owned();
        move |source| TraceError::Io { path, source }
    };
    std::fs::create_dir_all(folder).map_err(named(folder))?;
    let id = format!("{:019}-{}", trace.header.began_ns.max(0), std::process::id());
    let path = folder.join(format!("{id}{SUFFIX}"));
    // Renamed when it is whole: readers may be listing.
    let partial = folder.join(format!("{id}.partial"));
    write_file(&partial, trace).and_then(|()| std::fs::rename(&partial, &path)).map_err(|error| {
        let _ = std::fs::remove_file(&partial);
        named(&path)(error)
    })?;
    sweep(folder);
    let all = list(folder)?;
    for old in &all[..all.len().saturating_sub(keep)] {
        // Another session that ends now may have removed it.
        let _ = std::fs::remove_file(&old.path);
    }
    Ok(path)
}

/// Removes what sessions left that were killed while they wrote.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_old =
            || entry.metadata().and_then(|data| data.modified()).is_ok_and(|time| time.elapsed().is_ok_and(|age| age > PARTIAL_KEPT));
        if entry.path().extension().is_some_and(|extension| extension == "partial") && is_old() {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn write_file(path: &Path, trace: &Trace) -> io::Result<()> {
    let mut encoder = zstd::stream::write::Encoder::new(File::create(path)?, 1)?;
    let mut lines = Vec::with_capacity(trace.events.len() * 200);
    serde_json::to_writer(&mut lines, &trace.header)?;
    lines.push(b'\n');
    for event in &trace.events {
        serde_json::to_writer(&mut lines, event)?;
        lines.push(b'\n');
    }
    encoder.write_all(&lines)?;
    encoder.finish().map(drop)
}

/// The traces in the folder, the oldest first. A folder that does not exist has none.
pub fn list(folder: &Path) -> Result<Vec<TraceFile>, TraceError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(TraceError::Io { path: folder.to_owned(), source }),
    };
    let file = |entry: std::fs::DirEntry| {
        let id = entry.file_name().to_str()?.strip_suffix(SUFFIX)?.to_owned();
        Some(TraceFile { id, path: entry.path() })
    };
    let mut files: Vec<TraceFile> = entries.flatten().filter_map(file).collect();
    files.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    Ok(files)
}

/// Reads a trace, packed or, as `cachewit trace export` writes it, plain.
pub fn read(path: &Path) -> Result<Trace, TraceError> {
    let mut all = read_all(path)?;
    match (all.pop(), all.len()) {
        (Some(trace), 0) => Ok(trace),
        (_, others) => Err(TraceError::Several { path: path.to_owned(), sessions: others + 1 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, Kind};
    use crate::trace::{Event, Header, What};

    fn trace(began_ns: i64) -> Trace {
        let header = Header {
            trace: VERSION,
            cachewit: "0.1.0".to_owned(),
            began_ns,
            wall_us: 1234,
            closed: true,
            left_out: 0,
            facts: [("command".to_owned(), "build".to_owned())].into(),
            history: None,
        };
        let (action, output) = (Digest::of(b"action"), Digest::of(b"output"));
        let miss = Event { t: 1, d: 2, what: What::Miss, action, output: None, size: 0, kind: None, cost: None, head: None };
        let put = Event {
            t: 10,
            d: 20,
            what: What::Put,
            output: Some(output),
            size: 6,
            kind: Some(Kind::Archive.code()),
            cost: Some(9),
            head: Some(output),
            ..miss.clone()
        };
        Trace { header, events: vec![miss, put] }
    }

    #[test]
    fn a_trace_survives_the_folder_packed_and_plain() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), &trace(5), 10).unwrap();
        assert_eq!(read(&path).unwrap(), trace(5));
        let plain = dir.path().join("plain.jsonl");
        std::fs::write(&plain, zstd::decode_all(File::open(&path).unwrap()).unwrap()).unwrap();
        assert_eq!(read(&plain).unwrap(), trace(5));
        assert_eq!(trace(5).events[1].kind(), Kind::Archive);
    }

    #[test]
    fn the_newest_traces_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("traces");
        assert_eq!(list(&folder).unwrap(), []);
        for began in 1..=7 {
            write(&folder, &trace(began * 1_000_000_000), 3).unwrap();
        }
        let kept: Vec<i64> = list(&folder).unwrap().iter().map(|file| read(&file.path).unwrap().header.began_ns).collect();
        assert_eq!(kept, [5_000_000_000, 6_000_000_000, 7_000_000_000]);
    }

    #[test]
    fn what_is_no_trace_is_named_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.jsonl");
        let good = serde_json::to_string(&trace(1).header).unwrap();
        for (text, expected) in [
            (String::new(), "is empty"),
            ("nonsense\n".to_owned(), "line 1"),
            (format!("{good}\n{{\"t\":1}}\n"), "line 2"),
            (good.replacen("\"trace\":1", "\"trace\":99", 1), "format 99"),
            ("{\"trace\":2}".to_owned(), "format 2"),
            ("{\"t\":1,\"d\":1,\"what\":\"hit\",\"action\":\"00\"}\n".to_owned(), "line 1"),
            (format!("{good}\n{good}\n"), "2 sessions"),
        ] {
            std::fs::write(&path, text).unwrap();
            let problem = read(&path).unwrap_err().to_string();
            assert!(problem.contains(expected) && problem.contains("x.jsonl"), "{problem}");
        }
        assert!(read(&dir.path().join("missing")).unwrap_err().to_string().contains("missing"));
    }
}

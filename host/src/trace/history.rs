//! Histories: traces one behind the other in one file.
//!
//! Sessions of a history name the same digests again and again. One frame with a window over all of it stores each of them about once.

use super::{Event, Header, Trace, TraceError, VERSION};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

/// The most that a file may unpack to: ten thousand sessions have about 1 GB. A file that says more is none of ours.
const MOST_BYTES: u64 = 4 << 30;

/// Bytes that the compressor looks back, as a power of two: the most that a reader with zstd's defaults takes.
const WINDOW: u32 = 27;
/// Slow enough to be small, and a history is written once.
const LEVEL: i32 = 19;

/// How a line of a request begins; a session's never does.
const REQUEST: &str = "{\"t\":";

/// Reads every session of a file, packed or plain: a history, or a trace, which is a history of one.
pub fn read_all(path: &Path) -> Result<Vec<Trace>, TraceError> {
    let io_error = |source| TraceError::Io { path: path.to_owned(), source };
    let mut file = BufReader::new(File::open(path).map_err(io_error)?);
    let packed = file.fill_buf().map_err(io_error)?.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    if packed {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(file).map_err(io_error)?;
        decoder.window_log_max(WINDOW).map_err(io_error)?;
        parse(path, BufReader::new(decoder.take(MOST_BYTES)))
    } else {
        parse(path, file.take(MOST_BYTES))
    }
}

fn parse(path: &Path, reader: impl BufRead) -> Result<Vec<Trace>, TraceError> {
    let mut traces: Vec<Trace> = Vec::new();
    for (line, text) in (1..).zip(reader.lines()) {
        let text = text.map_err(|source| TraceError::Io { path: path.to_owned(), source })?;
        let wrong = |source| TraceError::Line { path: path.to_owned(), line, source };
        if !text.starts_with(REQUEST) {
            // The version first: the other fields of a newer header may be anything.
            let begins: Begins = serde_json::from_str(&text).map_err(wrong)?;
            if let Some(version) = begins.trace {
                if version > VERSION {
                    return Err(TraceError::Newer { path: path.to_owned(), found: version });
                }
                let header: Header = serde_json::from_str(&text).map_err(wrong)?;
                traces.push(Trace { header, events: Vec::new() });
                continue;
            }
        }
        let event: Event = serde_json::from_str(&text).map_err(wrong)?;
        traces.last_mut().ok_or_else(|| TraceError::Headless { path: path.to_owned(), line })?.events.push(event);
    }
    if traces.is_empty() {
        return Err(TraceError::Empty { path: path.to_owned() });
    }
    Ok(traces)
}

#[derive(serde::Deserialize)]
struct Begins {
    trace: Option<u32>,
}

/// Writes a history.
pub fn write_all(path: &Path, traces: &[Trace]) -> Result<(), TraceError> {
    let write = || -> std::io::Result<()> {
        let mut encoder = zstd::stream::write::Encoder::new(File::create(path)?, LEVEL)?;
        encoder.long_distance_matching(true)?;
        encoder.window_log(WINDOW)?;
        let mut lines = BufWriter::with_capacity(1 << 20, encoder);
        for trace in traces {
            serde_json::to_writer(&mut lines, &trace.header)?;
            lines.write_all(b"\n")?;
            for event in &trace.events {
                serde_json::to_writer(&mut lines, event)?;
                lines.write_all(b"\n")?;
            }
        }
        lines.into_inner().map_err(std::io::IntoInnerError::into_error)?.finish().map(drop)
    };
    write().map_err(|source| TraceError::Io { path: path.to_owned(), source })
}

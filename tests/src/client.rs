//! A scripted client: speaks `GOCACHEPROG` to a host process byte for byte as a real `go` does, and anything else that a test wants.
//!
//! Every response is checked on its way in: one line of JSON, under the ID of a request that has none yet.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cachewit::model::Digest;
use serde_json::Value;
use tempfile::TempDir;

use crate::{go, patience};

/// What the host inherits of the environment; without the last, no program starts on Windows.
const INHERITED: [&str; 5] = ["PATH", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT"];

/// The folders of a machine that has cached nothing yet, removed at the end.
pub struct Home(TempDir);

impl Home {
    /// New folders.
    ///
    /// # Panics
    /// Where they cannot be created.
    #[expect(clippy::new_without_default, reason = "creates folders")]
    pub fn new() -> Self {
        let home = tempfile::Builder::new().prefix("cachewit-client-").tempdir().expect("a temporary folder");
        std::fs::create_dir(home.path().join("gocache")).expect("a folder for GOCACHE");
        std::fs::write(home.path().join("config.toml"), "").expect("an empty configuration");
        Self(home)
    }

    /// What GOCACHE names.
    pub fn gocache(&self) -> PathBuf {
        self.0.path().join("gocache")
    }

    /// All files below GOCACHE that have `name`, relative to it.
    ///
    /// # Panics
    /// Where a folder cannot be read.
    pub fn files_named(&self, name: &str) -> Vec<PathBuf> {
        self.files().into_iter().filter(|path| path.file_name().is_some_and(|last| last == name)).collect()
    }

    /// All files below GOCACHE, relative to it.
    ///
    /// # Panics
    /// Where a folder cannot be read.
    pub fn files(&self) -> Vec<PathBuf> {
        let gocache = self.gocache();
        let (mut files, mut folders) = (Vec::new(), vec![gocache.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder below GOCACHE") {
                let entry = entry.expect("an entry of a folder below GOCACHE");
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_folder { &mut folders } else { &mut files }.push(entry.path());
            }
        }
        files.iter().map(|file| file.strip_prefix(&gocache).unwrap_or(file).to_owned()).collect()
    }

    /// A host with these folders, an empty configuration and nothing else in its environment; `CI` is not set.
    pub fn host(&self) -> Launch {
        let home = self.0.path();
        let mut command = Command::new(go::binary());
        command.env_clear().envs(INHERITED.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.env("GOCACHE", self.gocache()).env("CACHEWIT_CONFIG", home.join("config.toml"));
        for (name, folder) in
            [("HOME", "home"), ("XDG_CACHE_HOME", "home/cache"), ("XDG_CONFIG_HOME", "home/config"), ("LOCALAPPDATA", "home/cache")]
        {
            command.env(name, home.join(folder));
        }
        command.current_dir(home);
        Launch(command)
    }
}

/// A host that is not started yet.
#[must_use = "nothing runs before `start`"]
pub struct Launch(Command);

impl Launch {
    /// With one more argument.
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.0.arg(argument.into());
        self
    }

    /// With this variable.
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.0.env(name, value.into());
        self
    }

    /// Starts the host and waits for its greeting.
    ///
    /// # Panics
    /// Where it cannot be started, or its first line is another.
    pub fn start(self) -> Host {
        let mut host = self.start_silently();
        let greeting = host.line();
        assert_eq!(greeting, "{\"ID\":0,\"KnownCommands\":[\"get\",\"put\",\"close\"]}", "the first line of the host is its greeting");
        host
    }

    /// Starts the host and reads nothing; then the greeting is the first [`Host::line`].
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn start_silently(mut self) -> Host {
        let mut child = self.0.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the host starts");
        let (lines, received) = mpsc::channel();
        let stdout = child.stdout.take().expect("the host's stdout");
        let stderr = child.stderr.take().expect("the host's stderr");
        Host {
            stdin: child.stdin.take(),
            child,
            lines: received,
            reader: Some(thread::spawn(move || read_lines(stdout, &lines))),
            stderr: Some(thread::spawn(move || read_text(stderr))),
            outstanding: BTreeSet::new(),
            last_id: 0,
        }
    }
}

/// A running host.
pub struct Host {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    reader: Option<JoinHandle<()>>,
    stderr: Option<JoinHandle<String>>,
    outstanding: BTreeSet<i64>,
    last_id: i64,
}

/// What a host left behind.
#[derive(Debug)]
pub struct Finished {
    /// Its exit status.
    pub status: ExitStatus,
    /// All that it said.
    pub stderr: String,
    /// IDs of the requests that got no response, in ascending order.
    pub unanswered: Vec<i64>,
}

impl Host {
    /// Writes bytes as they are. A host that has gone away is no error here: it is found out when it is asked for something.
    ///
    /// # Panics
    /// After [`Host::end_input`].
    pub fn send(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("the input is still open");
        match stdin.write_all(bytes) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => panic!("cannot write to the host: {error}"),
            _ => {}
        }
    }

    /// Writes bytes that hold a request under `id`, for which a response is to be expected.
    ///
    /// # Panics
    /// As [`Host::send`].
    pub fn send_request(&mut self, id: i64, bytes: &[u8]) {
        assert!(self.outstanding.insert(id), "two requests under the ID {id}");
        self.send(bytes);
    }

    /// The next ID as `go` counts.
    pub fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// Asks without waiting for the response. Returns the ID.
    pub fn send_get(&mut self, action: Digest) -> i64 {
        let id = self.next_id();
        self.send_request(id, get_request(id, action).as_bytes());
        id
    }

    /// Puts without waiting for the response. Returns the ID.
    pub fn send_put(&mut self, action: Digest, body: &[u8]) -> i64 {
        let id = self.next_id();
        self.send_request(id, put_request(id, action, body).as_bytes());
        id
    }

    /// Asks, and returns the response.
    pub fn get(&mut self, action: Digest) -> Value {
        let id = self.send_get(action);
        self.response_to(id)
    }

    /// Asks; the hit. A hit is checked for all that `go` relies on: 32 bytes of output, an absolute path to a regular file without an
    /// extension, exactly as large as announced and with the content of the output.
    ///
    /// # Panics
    /// Where the response is no hit or not as `go` needs it.
    pub fn hit(&mut self, action: Digest) -> Hit {
        Hit::checked(&self.get(action))
    }

    /// Whether there is nothing for the action.
    ///
    /// # Panics
    /// Where the response is neither a hit nor a plain miss.
    pub fn misses(&mut self, action: Digest) -> bool {
        let response = self.get(action);
        let Some(miss) = response.get("Miss") else {
            Hit::checked(&response);
            return false;
        };
        assert_eq!(miss, &Value::Bool(true), "{response}");
        assert_eq!(response.as_object().map(serde_json::Map::len), Some(2), "a miss says nothing else: {response}");
        true
    }

    /// Puts, and returns the path of the response, where the whole body must stand already.
    ///
    /// # Panics
    /// Where it does not.
    pub fn put(&mut self, action: Digest, body: &[u8]) -> PathBuf {
        let id = self.send_put(action, body);
        let response = self.response_to(id);
        assert_eq!(response.get("Err"), None, "{response}");
        let path = PathBuf::from(response["DiskPath"].as_str().unwrap_or_else(|| panic!("no path: {response}")));
        let found = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(found == body, "{} has not the {} bytes of the body", path.display(), body.len());
        path
    }

    /// Closes as `go` does: the request, its response, the end of input, the end of output, and then the end of the process, which a
    /// real `go` does not wait for.
    ///
    /// # Panics
    /// Where the response has an error or the host exits with one.
    pub fn close(mut self) -> Finished {
        let id = self.next_id();
        self.send_request(id, close_request(id).as_bytes());
        let response = self.response_to(id);
        assert_eq!(response.as_object().map(serde_json::Map::len), Some(1), "{response}");
        let finished = self.finish();
        assert!(finished.status.success() && finished.unanswered.is_empty(), "{finished:?}");
        finished
    }

    /// Closes the host's input.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    /// The next response, which must be to the request `id`.
    ///
    /// # Panics
    /// Where it is to another, or none comes.
    pub fn response_to(&mut self, id: i64) -> Value {
        let response = self.response();
        assert_eq!(response["ID"].as_i64(), Some(id), "{response}");
        response
    }

    /// What the host says is wrong with the request `id`.
    ///
    /// # Panics
    /// Where it says nothing, or more.
    pub fn error_of(&mut self, id: i64) -> String {
        let response = self.response_to(id);
        assert_eq!(response.as_object().map(serde_json::Map::len), Some(2), "an error has no more than its text: {response}");
        response["Err"].as_str().filter(|text| !text.is_empty()).unwrap_or_else(|| panic!("no error: {response}")).to_owned()
    }

    /// The next response to any of the requests that have none.
    ///
    /// # Panics
    /// Where none comes, or one that no request waits for.
    pub fn response(&mut self) -> Value {
        let line = self.line();
        let response: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let id = response["ID"].as_i64().unwrap_or_else(|| panic!("no ID: {line}"));
        assert!(self.outstanding.remove(&id), "no request waits for this: {line}");
        response
    }

    /// The next line of output.
    ///
    /// # Panics
    /// Where none comes.
    pub fn line(&mut self) -> String {
        match self.lines.recv_timeout(patience()) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => {
                self.stdin = None;
                let stderr = self.stderr.take().and_then(|reader| reader.join().ok());
                panic!("the host ended its output while requests {:?} wait; it said: {stderr:?}", self.outstanding)
            }
            Err(RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                let stderr = self.stderr.take().and_then(|reader| reader.join().ok());
                panic!("the host does not answer requests {:?}; it said: {stderr:?}", self.outstanding)
            }
        }
    }

    /// Whether the host keeps silent for that long.
    pub fn is_silent_for(&self, time: Duration) -> bool {
        self.lines.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
    }

    /// The process ID.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the input and waits for the end of the process. What it still says must be responses that are waited for.
    ///
    /// # Panics
    /// Where it does not end.
    pub fn finish(mut self) -> Finished {
        self.end_input();
        self.wait()
    }

    /// Waits for the end of the process while its input stays open: for a host that gives up by itself.
    ///
    /// # Panics
    /// Where it does not end.
    pub fn wait(mut self) -> Finished {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the host's exit status") {
                break status;
            }
            if started.elapsed() > patience() {
                let _ = self.child.kill();
                let stderr = self.stderr.take().and_then(|reader| reader.join().ok());
                panic!("the host does not end; it said: {stderr:?}");
            }
            thread::sleep(Duration::from_millis(2));
        };
        self.stdin = None;
        let reader = self.reader.take().expect("the reader of stdout");
        reader.join().expect("stdout is lines of text");
        while let Ok(line) = self.lines.try_recv() {
            let response: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let id = response["ID"].as_i64();
            assert!(id.is_some_and(|id| self.outstanding.remove(&id)), "no request waits for this: {line}");
        }
        let stderr = self.stderr.take().expect("the reader of stderr").join().expect("stderr is text");
        Finished { status, stderr, unanswered: self.outstanding.iter().copied().collect() }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // A test that failed in the middle leaves no process behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(stdout: ChildStdout, lines: &Sender<String>) {
    for line in BufReader::new(stdout).lines() {
        let line = line.expect("stdout is text");
        if lines.send(line).is_err() {
            return;
        }
    }
}

fn read_text(mut stderr: ChildStderr) -> String {
    let mut text = String::new();
    stderr.read_to_string(&mut text).expect("stderr is text");
    text
}

/// A hit that has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// SHA-256 of the body.
    pub output: Digest,
    /// Bytes of the body.
    pub size: u64,
    /// When the entry was put, in nanoseconds since 1970.
    pub time: i128,
    /// Where the body lies.
    pub path: PathBuf,
    /// The body.
    pub body: Vec<u8>,
}

impl Hit {
    fn checked(response: &Value) -> Self {
        assert_eq!((response.get("Err"), response.get("Miss")), (None, None), "no hit: {response}");
        let text = |field: &str| response[field].as_str().unwrap_or_else(|| panic!("no {field}: {response}"));
        let output = STANDARD.decode(text("OutputID")).unwrap_or_else(|error| panic!("{error}: {response}"));
        let output = Digest::from_slice(&output).unwrap_or_else(|| panic!("an output of {} bytes: {response}", output.len()));
        let size = response["Size"].as_u64().unwrap_or_else(|| panic!("no Size: {response}"));
        let path = Path::new(text("DiskPath"));
        assert!(path.is_absolute() && path.extension().is_none(), "{response}");
        let found = std::fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{error}: {response}"));
        assert!(found.is_file() && found.len() == size, "{response}");
        let body = std::fs::read(path).unwrap_or_else(|error| panic!("{error}: {response}"));
        assert_eq!(Digest::of(&body), output, "the content of {response}");
        let time = nanos_since_1970(text("Time")).unwrap_or_else(|| panic!("no RFC 3339: {response}"));
        Self { output, size, time, path: path.to_owned(), body }
    }
}

/// Nanoseconds since 1970 of an RFC 3339 time in UTC; `None` for any other text.
pub fn nanos_since_1970(text: &str) -> Option<i128> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let numbers = |text: &str, separator| text.split(separator).map(|part| part.parse().ok()).collect::<Option<Vec<i128>>>();
    let ([year, month, day], [hour, minute, second]) = (numbers(date, '-')?.try_into().ok()?, numbers(clock, ':')?.try_into().ok()?);
    let fraction: i128 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    // Days in whole years before this one, and in whole months of it: counted one by one, so that it is plain to be right.
    let leap = |year: i128| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in = |month: i128| match month {
        2 => 28 + i128::from(leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let days = (1970..year).map(|year| 365 + i128::from(leap(year))).sum::<i128>() + (1..month).map(days_in).sum::<i128>() + day - 1;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000_000 + fraction)
}

/// A digest as requests write it.
pub fn encoded(digest: Digest) -> String {
    STANDARD.encode(digest.0)
}

/// A get as `go` writes it.
pub fn get_request(id: i64, action: Digest) -> String {
    format!("{{\"ID\":{id},\"Command\":\"get\",\"ActionID\":\"{}\"}}\n\n", encoded(action))
}

/// A put as `go` writes it, its body included; an empty one is not written at all.
pub fn put_request(id: i64, action: Digest, body: &[u8]) -> String {
    let object = put_object(id, action, Digest::of(body), body.len() as i64);
    if body.is_empty() { object } else { format!("{object}{}\n", body_text(body)) }
}

/// The object of a put as `go` writes it, which leaves a size of zero out.
pub fn put_object(id: i64, action: Digest, output: Digest, size: i64) -> String {
    let size = if size == 0 { String::new() } else { format!(",\"BodySize\":{size}") };
    format!("{{\"ID\":{id},\"Command\":\"put\",\"ActionID\":\"{}\",\"OutputID\":\"{}\"{size}}}\n\n", encoded(action), encoded(output))
}

/// A body as `go` writes it, without the line break behind it.
pub fn body_text(body: &[u8]) -> String {
    format!("\"{}\"", STANDARD.encode(body))
}

/// A close as `go` writes it.
pub fn close_request(id: i64) -> String {
    format!("{{\"ID\":{id},\"Command\":\"close\"}}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(nanos_since_1970("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(nanos_since_1970("2000-02-29T00:00:00.123456789Z"), Some(951_782_400_123_456_789));
        assert_eq!(nanos_since_1970("2100-03-01T00:00:00.5Z"), Some(4_107_542_400_500_000_000));
        assert_eq!(nanos_since_1970("2000-02-29 00:00:00Z"), None);
        assert_eq!(nanos_since_1970("2000-02-29T00:00:00+01:00"), None);
    }
}

//! What goes wrong, said once.
//!
//! A fault of the cache never fails a build; it is one line on stderr, an hour each. What goes wrong after stderr was given away
//! is written down, and the next session says it.

use std::collections::HashSet;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long the same fault is not repeated.
const QUIET: Duration = Duration::from_secs(3600);

/// The most that is written down.
const MOST_LINES: usize = 50;

/// Says faults. Shared by all threads of a session.
#[derive(Debug)]
pub struct Faults {
    journal: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    said: HashSet<String>,
    silent: bool,
    lines: Vec<String>,
    unsaid: Vec<String>,
}

impl Faults {
    /// Faults of a session whose store keeps the journal at `journal`; without one, nothing outlives the session.
    pub fn new(journal: Option<PathBuf>) -> Self {
        Self { journal, state: Mutex::new(State::default()) }
    }

    /// Says what an earlier session could not.
    pub fn say_what_was_left(&self) {
        let Some(path) = &self.journal else { return };
        let Ok(text) = std::fs::read_to_string(path) else { return };
        let (mut kept, mut messages) = (String::new(), Vec::new());
        for line in text.lines() {
            let Some((stamp, rest)) = line.split_once('\t') else { continue };
            let Some((key, message)) = rest.split_once('\t') else { continue };
            if !message.is_empty() {
                messages.push(message);
            }
            if stamp.parse().is_ok_and(|seconds| age(seconds) < QUIET) {
                kept.push_str(&format!("{stamp}\t{key}\t\n"));
            }
        }
        let crossed_off = if kept.is_empty() { std::fs::remove_file(path) } else { std::fs::write(path, kept) };
        // Where it cannot be crossed off, as in another user's store, every session would say it again; its owner's will.
        if crossed_off.is_err_and(|error| matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)) {
            return;
        }
        for message in messages {
            tell(format_args!("(an earlier run) {message}"));
        }
    }

    /// Says a fault, unless one of the same `key` was said within the hour. The message is one sentence naming the object.
    pub fn say(&self, key: &str, message: impl Display) {
        let message = printable(&message.to_string(), 1000);
        let Ok(mut state) = self.state.lock() else { return };
        if !state.said.insert(key.to_owned()) {
            return;
        }
        state.lines.push(message.clone());
        let again = self.was_said(key);
        if again || state.silent {
            state.unsaid.push(message.clone());
        }
        if again {
            return;
        }
        if state.silent {
            self.write_down(key, &message);
        } else {
            tell(format_args!("{message}"));
            self.write_down(key, "");
        }
    }

    /// Says what ends this session, however often it happened before.
    pub fn say_always(&self, message: impl Display) {
        let message = printable(&message.to_string(), 1000);
        tell(format_args!("{message}"));
        if let Ok(mut state) = self.state.lock() {
            state.lines.push(message);
        }
    }

    /// From now on faults are written down: stderr is somebody else's.
    pub fn be_silent(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.silent = true;
        }
    }

    /// What this session had to say, whether or not it was printed.
    pub fn lines(&self) -> Vec<String> {
        self.state.lock().map(|state| state.lines.clone()).unwrap_or_default()
    }

    /// What of that it did not print: nobody was there any more, or it was said within the hour.
    pub fn unsaid(&self) -> Vec<String> {
        self.state.lock().map(|state| state.unsaid.clone()).unwrap_or_default()
    }

    fn was_said(&self, key: &str) -> bool {
        let Some(text) = self.journal.as_ref().and_then(|path| std::fs::read_to_string(path).ok()) else { return false };
        text.lines().any(|line| {
            let mut fields = line.split('\t');
            let stamp = fields.next().and_then(|stamp| stamp.parse().ok());
            fields.next() == Some(key) && stamp.is_some_and(|seconds| age(seconds) < QUIET)
        })
    }

    /// An empty message only remembers that it was said.
    fn write_down(&self, key: &str, message: &str) {
        let Some(path) = &self.journal else { return };
        let old = std::fs::read_to_string(path).unwrap_or_default();
        if old.lines().count() >= MOST_LINES {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let _ = std::fs::write(path, format!("{old}{now}\t{key}\t{message}\n"));
    }
}

/// Whoever reads stderr may be gone, as with `go build 2>&1 | head`.
fn tell(message: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "cachewit: {message}");
}

fn age(seconds: u64) -> Duration {
    let then = UNIX_EPOCH + Duration::from_secs(seconds);
    SystemTime::now().duration_since(then).unwrap_or_default()
}

/// A stranger's text for a terminal: control characters replaced, and those that turn text around or begin a line; at most `most` bytes.
pub fn printable(text: &str, most: usize) -> String {
    let draws =
        |c: char| c.is_control() || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut line: String = text.chars().map(|c| if draws(c) { ' ' } else { c }).collect();
    if line.len() > most {
        let end = (0..=most).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_said_once_an_hour_however_many_sessions_meet_it() {
        let dir = tempfile::tempdir().unwrap();
        let journal = dir.path().join("journal");
        for session in 0..3 {
            let faults = Faults::new(Some(journal.clone()));
            faults.say("remote:bucket", "the bucket does not answer");
            faults.say("remote:bucket", "the bucket does not answer");
            assert_eq!(faults.lines().len(), 1);
            assert_eq!(faults.unsaid().len(), usize::from(session > 0), "what was said is not said again");
        }
        assert_eq!(std::fs::read_to_string(&journal).unwrap().lines().count(), 1);
    }

    #[test]
    fn what_was_written_down_in_silence_is_said_by_the_next_session_once() {
        let dir = tempfile::tempdir().unwrap();
        let journal = dir.path().join("journal");
        let faults = Faults::new(Some(journal.clone()));
        faults.be_silent();
        faults.say("upload", "an upload failed");
        assert!(std::fs::read_to_string(&journal).unwrap().contains("an upload failed"));
        Faults::new(Some(journal.clone())).say_what_was_left();
        assert!(!std::fs::read_to_string(&journal).unwrap().contains("an upload failed"), "said, and only the key remembered");
    }

    #[test]
    fn a_strangers_text_cannot_draw_on_the_terminal() {
        assert_eq!(printable("a\x1b[31mb\nc", 100), "a [31mb c");
        assert_eq!(printable("ééé", 3), "é…");
        assert_eq!(printable("a\u{202e}b\u{2066}c\u{2028}d", 100), "a b c d");
    }
}

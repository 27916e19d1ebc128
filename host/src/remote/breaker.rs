//! The circuit breaker of a store: after one second of trouble in total nobody asks it for a while.
//!
//! Its state lies in a small file, since a host process lives for one `go` command: two hundred `go list` in a row pay for a
//! dead bucket once. Trouble adds up over sessions in which the store never did its work. Open, it lets nobody through for
//! 60 s, then one session at a time (a file lock, so a dead prober frees it); a probe that fails doubles the time up to 15 min.

use crate::model::UnixNanos;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

const COOLDOWN: Duration = Duration::from_mins(1);
const COOLDOWN_MAX: Duration = Duration::from_mins(15);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// Trouble since the store last did its work, in milliseconds.
    trouble: u64,
    /// How many times in a row it was opened.
    opened: u32,
    /// Nobody is let through before this time (nanoseconds since 1970).
    until: i64,
}

#[derive(Debug)]
pub(super) struct Breaker {
    file: PathBuf,
    limit: Duration,
    state: State,
    /// Held while this session is the one that probes.
    probe: Option<File>,
    open: bool,
}

impl Breaker {
    /// The breaker of the store `id`, with its state in `folder`. Opens at `limit`.
    pub(super) fn new(folder: &Path, id: &str, limit: Duration) -> Self {
        Self { file: folder.join(format!("{id}.breaker")), limit, state: State::default(), probe: None, open: false }
    }

    /// Reads the state; answers whether this session may ask the store. A state that cannot be read is no reason not to.
    pub(super) fn admit(&mut self, now: UnixNanos) -> bool {
        self.state = fs::read(&self.file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        if self.state.opened > 0 {
            // A time far ahead comes from a clock that was set back since.
            let left = Duration::from_nanos(u64::try_from(self.state.until.saturating_sub(now.0)).unwrap_or(0));
            self.open = (left > Duration::ZERO && left <= COOLDOWN_MAX) || !self.lock();
        }
        !self.open
    }

    fn lock(&mut self) -> bool {
        let lock = File::options().create(true).append(true).open(self.file.with_extension("probe"));
        self.probe = lock.ok().filter(|file| file.try_lock().is_ok());
        self.probe.is_some()
    }

    /// How much trouble this session may still have.
    pub(super) fn allowance(&self) -> Duration {
        if self.open {
            return Duration::ZERO;
        }
        // A probe gets the whole limit: what opened the breaker has been paid for.
        let carried = if self.probe.is_some() { 0 } else { self.state.trouble };
        self.limit.saturating_sub(Duration::from_millis(carried))
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Opens it.
    pub(super) fn trip(&mut self, now: UnixNanos) {
        if self.open {
            return;
        }
        self.open = true;
        let doubled = COOLDOWN.saturating_mul(1 << self.state.opened.min(8)).min(COOLDOWN_MAX);
        self.state = State { trouble: 0, opened: self.state.opened.saturating_add(1), until: now.0 + doubled.as_nanos() as i64 };
        self.write();
        self.probe = None;
    }

    /// The store did its work: what was held against it is forgotten.
    pub(super) fn success(&mut self) {
        if !self.open && self.state != State::default() {
            self.state = State::default();
            // Where the file cannot go, another session will probe: harmless.
            let _ = fs::remove_file(&self.file);
            self.probe = None;
        }
    }

    /// The session is over and the store never did its work: its trouble is kept for the next one.
    pub(super) fn carry(&mut self, trouble: Duration, now: UnixNanos) {
        if self.open || trouble.is_zero() {
            return;
        }
        if self.probe.is_some() {
            return self.trip(now);
        }
        self.state.trouble += trouble.as_millis() as u64;
        // Less than this is no trouble worth a round trip of it.
        if Duration::from_millis(self.state.trouble) + Duration::from_millis(20) >= self.limit {
            return self.trip(now);
        }
        self.write();
    }

    /// Where that fails the next session pays again.
    fn write(&self) {
        let Ok(text) = serde_json::to_vec(&self.state) else { return };
        let Some(folder) = self.file.parent() else { return };
        let _ = fs::create_dir_all(folder);
        let _ = crate::platform::replace(&self.file, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    fn after(seconds: i64) -> UnixNanos {
        UnixNanos(1_000_000_000_000 + seconds * 1_000_000_000)
    }

    fn breaker(folder: &Path, seconds: i64) -> (Breaker, bool) {
        let mut breaker = Breaker::new(folder, "a", LIMIT);
        let admitted = breaker.admit(after(seconds));
        (breaker, admitted)
    }

    #[test]
    fn trouble_adds_up_over_sessions_and_then_nobody_asks() {
        let folder = tempfile::tempdir().unwrap();
        for session in 0..2 {
            let (mut breaker, admitted) = breaker(folder.path(), session);
            assert!(admitted, "session {session}");
            assert_eq!(breaker.allowance(), Duration::from_millis(1000 - 500 * session as u64));
            breaker.carry(Duration::from_millis(500), after(session));
        }
        assert!(!breaker(folder.path(), 30).1);
    }

    #[test]
    fn one_session_at_a_time_probes_and_success_closes() {
        let folder = tempfile::tempdir().unwrap();
        breaker(folder.path(), 0).0.trip(after(0));
        let (mut prober, admitted) = breaker(folder.path(), 61);
        assert!(admitted);
        assert!(!breaker(folder.path(), 61).1, "two probe at once");
        prober.success();
        assert!(breaker(folder.path(), 61).1);
    }

    #[test]
    fn a_probe_that_fails_doubles_the_time_up_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        breaker(folder.path(), 0).0.trip(after(0));
        let (mut prober, _) = breaker(folder.path(), 61);
        prober.carry(Duration::from_millis(10), after(61));
        assert!(!breaker(folder.path(), 61 + 119).1);
        assert!(breaker(folder.path(), 61 + 121).1);
        for round in 1..20 {
            let (mut prober, admitted) = breaker(folder.path(), round * 1000);
            assert!(admitted, "round {round}");
            prober.trip(after(round * 1000));
        }
    }

    #[test]
    fn nonsense_in_the_file_is_a_closed_breaker() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.breaker"), b"\xff{").unwrap();
        assert!(breaker(folder.path(), 0).1);
    }
}

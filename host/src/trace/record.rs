//! Writing down while a session runs: on the path of every answer, so one push a request.

use super::{Event, What};
use crate::model::{Digest, Entry};
use std::time::{Duration, Instant};

/// More requests than any `go` command makes; what comes after is counted.
const MOST: usize = 500_000;

/// The events of a session that runs.
#[derive(Debug)]
pub struct Recorder {
    began: Instant,
    events: Vec<Event>,
    left_out: u64,
    on: bool,
}

impl Recorder {
    /// Begins now. `on` = false writes nothing down.
    pub fn new(on: bool) -> Self {
        Self { began: Instant::now(), events: Vec::new(), left_out: 0, on }
    }

    /// A get that came in at `asked` has its answer.
    pub fn get(&mut self, asked: Instant, what: What, action: Digest, found: Option<(Digest, u64)>) {
        self.push(asked, |t, d| Event {
            t,
            d,
            what,
            action,
            output: found.map(|(output, _)| output),
            size: found.map_or(0, |(_, size)| size),
            kind: None,
            cost: None,
            head: None,
        });
    }

    /// A put whose last byte came in at `asked` has its answer.
    pub fn put(&mut self, asked: Instant, entry: &Entry) {
        self.push(asked, |t, d| Event {
            t,
            d,
            what: What::Put,
            action: entry.action,
            output: Some(entry.output),
            size: entry.size,
            kind: Some(entry.kind.code()),
            cost: entry.cost.map(micros),
            head: (entry.head != entry.action).then_some(entry.head),
        });
    }

    fn push(&mut self, asked: Instant, event: impl FnOnce(u64, u64) -> Event) {
        if !self.on {
            return;
        }
        if self.events.len() >= MOST {
            self.left_out += 1;
            return;
        }
        self.events.push(event(micros(asked.saturating_duration_since(self.began)), micros(asked.elapsed())));
    }

    /// What was written down, and how much was left out.
    pub fn take(&mut self) -> (Vec<Event>, u64) {
        (std::mem::take(&mut self.events), self.left_out)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

//! What happened in a session.

use super::{Guest, Question, wit};
use crate::model::EventColumns;
use crate::policy::native::run;

impl Guest {
    fn events<T: Copy>(&self, of: impl Fn(&EventColumns) -> &[T], first: u32, count: u32) -> wasmtime::Result<Vec<T>> {
        let events = self.all_events()?;
        let cells = run(of(events), first, count)
            .ok_or_else(|| wasmtime::format_err!("events {first} to {first}+{count} of {} were asked for", events.len()))?;
        Ok(cells.to_vec())
    }

    fn all_events(&self) -> wasmtime::Result<&EventColumns> {
        match &self.question {
            Question::Events(events) => Ok(events),
            _ => Err(wasmtime::format_err!("`events` has answers only during `observe`")),
        }
    }
}

impl wit::events::Host for Guest {
    fn rows(&mut self) -> wasmtime::Result<u32> {
        Ok(self.all_events()?.len() as u32)
    }
    fn codes(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u32>> {
        self.events(|events| &events.codes, first, count)
    }
    fn levels(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u32>> {
        self.events(|events| &events.levels, first, count)
    }
    fn sizes(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u64>> {
        self.events(|events| &events.sizes, first, count)
    }
    fn times(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u64>> {
        self.events(|events| &events.times, first, count)
    }
    fn durations(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u64>> {
        self.events(|events| &events.durations, first, count)
    }
    fn kinds(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u32>> {
        self.events(|events| &events.kinds, first, count)
    }
    fn costs(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u64>> {
        self.events(|events| &events.costs, first, count)
    }
}

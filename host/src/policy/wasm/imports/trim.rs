//! The rows of a trim.

use super::{Guest, Question, wit};
use crate::model::TrimColumns;
use crate::policy::native::run;

impl Guest {
    fn trim(&self) -> wasmtime::Result<&TrimColumns> {
        match &self.question {
            Question::Trim(columns) => Ok(columns),
            _ => Err(wasmtime::format_err!("`trim` has answers only during a trim")),
        }
    }

    fn column<T: Copy, U>(
        &self,
        first: u32,
        count: u32,
        of: impl Fn(&TrimColumns) -> &[T],
        as_wit: impl Fn(T) -> U,
    ) -> wasmtime::Result<Vec<U>> {
        let columns = self.trim()?;
        let cells = run(of(columns), first, count)
            .ok_or_else(|| wasmtime::format_err!("rows {first} to {first}+{count} of {} were asked for", columns.len()))?;
        Ok(cells.iter().map(|cell| as_wit(*cell)).collect())
    }
}

impl wit::trim::Host for Guest {
    fn reason(&mut self) -> wasmtime::Result<u32> {
        Ok(self.trim()?.reason as u32)
    }
    fn used(&mut self) -> wasmtime::Result<u64> {
        Ok(self.trim()?.used)
    }
    fn wanted(&mut self) -> wasmtime::Result<u64> {
        Ok(self.trim()?.wanted)
    }
    fn rows(&mut self) -> wasmtime::Result<u32> {
        Ok(self.trim()?.len() as u32)
    }
    fn keys(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u64>> {
        self.column(first, count, |columns| &columns.keys, |cell| cell)
    }
    fn sizes(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u64>> {
        self.column(first, count, |columns| &columns.sizes, |cell| cell)
    }
    fn idle_runs(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u32>> {
        self.column(first, count, |columns| &columns.idle_runs, |cell| cell)
    }
    fn ranks(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u32>> {
        self.column(first, count, |columns| &columns.ranks, |cell| cell)
    }
    fn idle_seconds(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u32>> {
        self.column(first, count, |columns| &columns.idle_seconds, |cell| cell)
    }
    fn ages(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u32>> {
        self.column(first, count, |columns| &columns.ages, |cell| cell)
    }
    fn uses(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u32>> {
        self.column(first, count, |columns| &columns.uses, |cell| cell)
    }
    fn costs(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u64>> {
        self.column(first, count, |columns| &columns.costs, |cell| cell)
    }
    fn kinds(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u32>> {
        self.column(first, count, |columns| &columns.kinds, |kind| u32::from(kind.code()))
    }
    fn streams(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u32>> {
        self.column(first, count, |columns| &columns.streams, |cell| cell)
    }
    fn members(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u32>> {
        self.column(first, count, |columns| &columns.members, |cell| cell)
    }
    fn held(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u32>> {
        self.column(first, count, |columns| &columns.held, |cell| cell)
    }
    fn marks(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u32>> {
        self.column(first, count, |columns| &columns.marks, |cell| cell)
    }
    fn tags(&mut self, first: u32, count: u32) -> wasmtime::Result<Vec<u64>> {
        self.column(first, count, |columns| &columns.tags, |cell| cell)
    }
    fn set_tags(&mut self, first: u32, tags: Vec<u64>) -> wasmtime::Result<()> {
        self.column(first, tags.len() as u32, |columns| &columns.tags, |_| ())?;
        if let Question::Trim(columns) = &mut self.question {
            columns.tags[first as usize..first as usize + tags.len()].copy_from_slice(&tags);
        }
        Ok(())
    }
}

//! The fallback: the default policy's own crate, compiled natively. It decides wherever the owner of eviction does not.

use super::{Policy, PolicyError, Roles};
use crate::model::{self, TrimColumns};
use cachewit_guest::{Eviction, Policy as _, Rows, TrimReason};
use rebuild_cost::RebuildCost;
use std::cell::RefCell;

/// See the module.
#[derive(Debug, Default)]
pub struct Fallback(RebuildCost);

impl Policy for Fallback {
    fn name(&self) -> String {
        format!("{} (native)", RebuildCost::NAME)
    }

    fn roles(&self) -> Roles {
        Roles { eviction: true, ..Roles::default() }
    }

    fn tag_owner(&self) -> String {
        format!("{}/{}", RebuildCost::NAME, RebuildCost::STATE_VERSION)
    }

    fn score(&mut self, columns: &mut TrimColumns) -> Result<Vec<f64>, PolicyError> {
        let count = columns.len() as u32;
        let rows = NativeRows(RefCell::new(std::mem::replace(columns, TrimColumns::empty(columns.reason))));
        self.0.begin(&rows);
        let scores = self.0.score(&rows, 0, count);
        self.0.end(&rows);
        *columns = rows.0.into_inner();
        Ok(scores)
    }
}

/// Columns as a policy sees them.
struct NativeRows(RefCell<TrimColumns>);

impl NativeRows {
    fn run<T: Clone>(&self, first: u32, count: u32, column: impl Fn(&TrimColumns) -> &Vec<T>) -> Vec<T> {
        run(column(&self.0.borrow()), first, count).map(<[T]>::to_vec).unwrap_or_default()
    }
}

/// The run of a column, if the rows are there.
pub(super) fn run<T>(column: &[T], first: u32, count: u32) -> Option<&[T]> {
    let first = first as usize;
    column.get(first..first.checked_add(count as usize)?)
}

impl Rows for NativeRows {
    fn reason(&self) -> TrimReason {
        match self.0.borrow().reason {
            model::TrimReason::MaxSize => TrimReason::MaxSize,
            model::TrimReason::MinFree => TrimReason::MinFree,
            model::TrimReason::Asked => TrimReason::Asked,
        }
    }
    fn used(&self) -> u64 {
        self.0.borrow().used
    }
    fn wanted(&self) -> u64 {
        self.0.borrow().wanted
    }
    fn len(&self) -> u32 {
        self.0.borrow().len() as u32
    }
    fn keys(&self, first: u32, count: u32) -> Vec<u64> {
        self.run(first, count, |columns| &columns.keys)
    }
    fn sizes(&self, first: u32, count: u32) -> Vec<u64> {
        self.run(first, count, |columns| &columns.sizes)
    }
    fn idle_runs(&self, first: u32, count: u32) -> Vec<u32> {
        self.run(first, count, |columns| &columns.idle_runs)
    }
    fn ranks(&self, first: u32, count: u32) -> Vec<u32> {
        self.run(first, count, |columns| &columns.ranks)
    }
    fn idle_seconds(&self, first: u32, count: u32) -> Vec<u32> {
        self.run(first, count, |columns| &columns.idle_seconds)
    }
    fn ages(&self, first: u32, count: u32) -> Vec<u32> {
        self.run(first, count, |columns| &columns.ages)
    }
    fn uses(&self, first: u32, count: u32) -> Vec<u32> {
        self.run(first, count, |columns| &columns.uses)
    }
    fn costs(&self, first: u32, count: u32) -> Vec<u64> {
        self.run(first, count, |columns| &columns.costs)
    }
    fn kinds(&self, first: u32, count: u32) -> Vec<u32> {
        let columns = self.0.borrow();
        run(&columns.kinds, first, count).unwrap_or_default().iter().map(|kind| u32::from(kind.code())).collect()
    }
    fn streams(&self, first: u32, count: u32) -> Vec<u32> {
        self.run(first, count, |columns| &columns.streams)
    }
    fn members(&self, first: u32, count: u32) -> Vec<u32> {
        self.run(first, count, |columns| &columns.members)
    }
    fn held(&self, first: u32, count: u32) -> Vec<u32> {
        self.run(first, count, |columns| &columns.held)
    }
    fn marks(&self, first: u32, count: u32) -> Vec<u32> {
        self.run(first, count, |columns| &columns.marks)
    }
    fn tags(&self, first: u32, count: u32) -> Vec<u64> {
        self.run(first, count, |columns| &columns.tags)
    }
    fn set_tags(&self, first: u32, tags: &[u64]) {
        let mut columns = self.0.borrow_mut();
        for (tag, new) in columns.tags.iter_mut().skip(first as usize).zip(tags) {
            *tag = *new;
        }
    }
}

//! Judging what was looked up before `go` asks for it.

use super::Verdict;
use super::group_views::{Alone, stored_group};
use super::judge::Judge;
use crate::model::{Digest, Origin};
use crate::policy::GroupView;
use crate::store::{EntryRow, Index, MemberRow, Used};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Judges entries of the store, whose groups are mostly among them.
pub(super) struct Ahead<'a> {
    judge: &'a Judge,
    index: Arc<Mutex<Index>>,
    heads: HashMap<Digest, MemberRow>,
    /// What was said of a group, and of those of its members that came from elsewhere: its companions are asked for with it.
    said: HashMap<(Digest, bool), Option<Verdict>>,
}

impl<'a> Ahead<'a> {
    pub fn new(judge: &'a Judge, index: Index, rows: &[EntryRow]) -> Self {
        let heads = rows.iter().filter(|row| row.head == row.entry.action).map(|row| (row.head, row.entry)).collect();
        Self { judge, index: Arc::new(Mutex::new(index)), heads, said: HashMap::new() }
    }

    /// Whether it may be served, if that can be told by now.
    pub fn judge(&mut self, row: &EntryRow) -> Option<Verdict> {
        let group = (row.head, row.entry.origin == Origin::Remote);
        if let Some(verdict) = self.said.get(&group) {
            return *verdict;
        }
        let verdict = self.ask(row);
        self.said.insert(group, verdict);
        verdict
    }

    fn ask(&self, row: &EntryRow) -> Option<Verdict> {
        let read = |index: &Mutex<Index>| index.lock().unwrap_or_else(PoisonError::into_inner).head_of(Used::Action(row.head)).ok()?;
        let head = self.heads.get(&row.head).copied().or_else(|| read(&self.index))?;
        let index = self.index.clone();
        let group = move |head| index.lock().unwrap_or_else(PoisonError::into_inner).group(head).ok().flatten();
        let MemberRow { action, output, size, put, origin, .. } = row.entry;
        let group = stored_group(head, &Alone { action, output, size, put, origin }, group, self.judge.facts());
        self.judge.judge(&GroupView::of(group))
    }
}

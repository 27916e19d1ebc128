//! Judging what was looked up before `go` asks for it.

use super::Verdict;
use super::group_views::{origin_of, stored_group};
use super::judge::Judge;
use crate::model::{Digest, Origin};
use crate::policy::GroupView;
use crate::store::{EntryRow, Index, MemberRow, Used};
use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::sync::{Arc, Mutex, PoisonError};

/// What was looked up and waits for its verdict, which a group gets once. A working set has thousands of entries, so of each no more is kept than
/// judging it needs: memory that is touched for the first time was half of what judging costs.
#[derive(Default)]
pub(super) struct Unjudged {
    groups: Vec<Group>,
    /// Where a group is by its head, and where those of its members are that came from elsewhere.
    places: HashMap<(Digest, bool), u32>,
    /// The entries in the order in which they were looked up, and the group of each.
    rows: Vec<(Digest, u32)>,
}

struct Group {
    head: Digest,
    /// The head's row, once it was seen.
    row: Option<MemberRow>,
    origin: Origin,
    /// What was said of it, its companions are asked for with it; open if that cannot be told yet.
    said: Option<Verdict>,
}

impl Unjudged {
    /// Notes what was looked up.
    pub fn add(&mut self, EntryRow { head, entry }: EntryRow) {
        let number = match self.places.entry((head, entry.origin == Origin::Remote)) {
            Place::Occupied(place) => *place.get(),
            Place::Vacant(place) => {
                let number = self.groups.len() as u32;
                self.groups.push(Group { head, row: None, origin: entry.origin, said: None });
                *place.insert(number)
            }
        };
        if head == entry.action
            && let Some(group) = self.groups.get_mut(number as usize)
        {
            group.row = Some(entry);
        }
        self.rows.push((entry.action, number));
    }
}

/// Judges them.
pub(super) struct Ahead<'a> {
    judge: &'a Judge,
    index: Arc<Mutex<Index>>,
    places: HashMap<(Digest, bool), u32>,
    groups: Vec<Group>,
}

impl<'a> Ahead<'a> {
    pub fn new(judge: &'a Judge, index: Index, unjudged: Unjudged) -> (Self, Vec<(Digest, u32)>) {
        let Unjudged { groups, places, rows } = unjudged;
        (Self { judge, index: Arc::new(Mutex::new(index)), places, groups }, rows)
    }

    /// Whether what belongs to this group may be served, if that can be told by now.
    pub fn judge(&mut self, number: u32) -> Option<Verdict> {
        let group = self.groups.get(number as usize)?;
        let said = group.said.unwrap_or_else(|| self.ask(group).unwrap_or(Verdict::Open));
        self.groups.get_mut(number as usize)?.said = Some(said);
        Some(said).filter(|said| *said != Verdict::Open)
    }

    fn ask(&self, group: &Group) -> Option<Verdict> {
        let head = group.row.or_else(|| self.other(group)).or_else(|| self.read(group.head))?;
        if !self.judge.asks_about(origin_of(&head, group.origin)) {
            return Some(Verdict::Passes);
        }
        let index = self.index.clone();
        let members = move |head| index.lock().unwrap_or_else(PoisonError::into_inner).group(head).ok().flatten();
        self.judge.judge(&GroupView::of(stored_group(head, group.origin, members, self.judge.facts())))
    }

    /// The head of a group of which members and head came from different places.
    fn other(&self, group: &Group) -> Option<MemberRow> {
        let number = *self.places.get(&(group.head, group.origin != Origin::Remote))?;
        self.groups.get(number as usize)?.row
    }

    fn read(&self, head: Digest) -> Option<MemberRow> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner).head_of(Used::Action(head)).ok()?
    }
}

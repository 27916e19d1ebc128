//! The one remote store of a fleet: what its machines have shared so far, and the sets that they published. Without a wire.
//!
//! The head, its lines and what is done where nobody decides are the host's own, and so is the order in which a session is asked: which
//! sets to load at its first local miss, whom to ask for each, what to share and to publish at its end.

use crate::cache::member_of_record;
use crate::model::{Digest, Entry, Facts, Kind, UnixNanos};
use crate::policy::Chain;
use crate::remote::head::{Head, SetLine};
use crate::remote::record::{Group, INLINE_MAX, Member};
use crate::remote::target::Health;
use crate::remote::{AskStep, Decide, RequestView, SetView, TargetView, rule};
use crate::store::GroupRow;
use crate::store::index::MemberRow;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

/// What a policy is told that the store is called.
const NAME: &str = "fleet";

/// What went to the store of a fleet and came from it.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Wire {
    /// Outputs that were fetched, and their bytes before compression.
    pub fetched: u64,
    /// See `fetched`.
    pub fetched_bytes: u64,
    /// Requests for what the store did not have.
    pub in_vain: u64,
    /// Requests of reading: heads, sets, records, and bodies that are not inline.
    pub reads: u64,
    /// Sets that were loaded.
    pub sets: u64,
    /// Groups that were sent, and their bytes: those of which a machine did not know that the store has them.
    pub shared: u64,
    /// See `shared`.
    pub shared_bytes: u64,
    /// Groups of which admission did not want that they leave; each counts in every session that used it.
    pub kept_back: u64,
    /// Sets that were published.
    pub published: u64,
}

/// The store.
#[derive(Default)]
pub(super) struct Fleet {
    head: Head,
    sets: HashMap<Digest, Vec<Rc<Group>>>,
    /// Groups by their heads.
    records: HashMap<Digest, Rc<Group>>,
    /// Heads and outputs of groups of which this machine knows that the store has them.
    noted: HashSet<(Digest, Digest)>,
    pub wire: Wire,
}

/// What a session knows of it.
#[derive(Default)]
pub(super) struct Client {
    /// Whether it has read the head.
    began: bool,
    /// Where the actions lie that loaded sets name.
    places: HashMap<Digest, Place>,
    /// Heads and outputs of the groups that these name.
    held: HashSet<(Digest, Digest)>,
}

#[derive(Clone)]
struct Place {
    group: Rc<Group>,
    member: usize,
}

impl Place {
    fn member(&self) -> &Member {
        &self.group.members[self.member]
    }
}

impl Fleet {
    /// What follows happens on another machine.
    pub fn turn_to_another_machine(&mut self) {
        self.noted.clear();
    }

    /// Looks for what a session does not have: the entry, and the companions that come along with it.
    pub fn look(&mut self, client: &mut Client, chain: &mut Chain, stream: &str, action: Digest, now: UnixNanos) -> Option<Vec<Entry>> {
        if !std::mem::replace(&mut client.began, true) {
            self.load(client, chain, stream, now);
        }
        let targets = self.targets(client);
        if !rule::is_anybody_there(&targets) {
            return None;
        }
        let place = client.places.get(&action).cloned();
        let cost = place.as_ref().and_then(|place| place.member().cost);
        let request = RequestView { action, named: u64::from(place.is_some()), cost, waited: Duration::ZERO };
        let named = || place.iter().map(|_| AskStep { target: 0, wait: None }).collect();
        let steps = Decide::route(chain, &request, &targets).unwrap_or_else(named);
        if !steps.iter().any(|step| step.target == 0) {
            return None;
        }
        let place = place.or_else(|| self.ask(action))?;
        let Place { group, .. } = &place;
        let inline = |member: &&Member| member.size <= INLINE_MAX && member.action != action;
        let along = group.members.iter().filter(inline);
        let member = place.member();
        self.wire.reads += u64::from(member.size > INLINE_MAX);
        self.wire.fetched += 1;
        self.wire.fetched_bytes += member.size;
        Some([member].into_iter().chain(along).map(|member| group.entry(member)).collect())
    }

    /// The record of an action that no set names.
    fn ask(&mut self, action: Digest) -> Option<Place> {
        self.wire.reads += 1;
        let found = self.records.get(&action).map(|group| Place { group: group.clone(), member: 0 });
        self.wire.in_vain += u64::from(found.is_none());
        found
    }

    fn load(&mut self, client: &mut Client, chain: &mut Chain, stream: &str, now: UnixNanos) {
        self.wire.reads += 1;
        let views: Vec<SetView> = self.head.sets.iter().map(|line| rule::view(0, line, now)).collect();
        if views.is_empty() {
            return;
        }
        let targets = self.targets(client);
        let chosen = Decide::open(chain, &targets, &views).unwrap_or_else(|| rule::open(stream, &views));
        for line in chosen.into_iter().collect::<BTreeSet<_>>().into_iter().filter_map(|set| self.head.sets.get(set)) {
            self.wire.reads += 1;
            self.wire.sets += 1;
            for group in self.sets.get(&line.set).into_iter().flatten() {
                client.held.insert(name_of(group));
                for (member, named) in group.members.iter().enumerate() {
                    client.places.entry(named.action).or_insert_with(|| Place { group: group.clone(), member });
                }
            }
        }
    }

    fn targets(&self, client: &Client) -> Vec<TargetView> {
        let health = match (client.began, self.head.sets.is_empty()) {
            (false, _) => Health::Unknown,
            (true, true) => Health::Empty,
            (true, false) => Health::Good,
        };
        vec![TargetView { name: NAME.to_owned(), engine: "folder", reads: true, writes: true, health }]
    }

    /// A session is over that used these groups, in this order; `may_leave` is what admission says of one.
    pub fn close(
        &mut self,
        client: &Client,
        chain: &mut Chain,
        stream: &str,
        (used, now): (&[GroupRow], UnixNanos),
        mut may_leave: impl FnMut(&mut Chain, &GroupRow) -> bool,
    ) {
        let targets = self.targets(client);
        let plan = Decide::close(chain, &targets).unwrap_or_else(|| rule::close(stream, &targets));
        // What an emptied store was once known to hold it does not hold any more.
        if targets.iter().any(|target| target.health == Health::Empty) {
            self.noted.clear();
        }
        let mut held = Vec::new();
        for row in used {
            let Some(group) = outgoing(row) else { continue };
            if !may_leave(chain, row) {
                self.wire.kept_back += 1;
                continue;
            }
            let (name, group) = (name_of(&group), Rc::new(group));
            if !self.noted.contains(&name) && !client.held.contains(&name) {
                if !plan.share.contains(&0) {
                    continue;
                }
                self.wire.shared += 1;
                self.wire.shared_bytes += row.size();
                self.records.insert(name.0, group.clone());
            }
            self.noted.insert(name);
            held.push(group);
        }
        if held.is_empty() {
            return;
        }
        for (_, name) in plan.publish.iter().filter(|(target, _)| *target == 0) {
            self.publish(name, stream, &held, now);
        }
    }

    fn publish(&mut self, name: &str, stream: &str, groups: &[Rc<Group>], now: UnixNanos) {
        let heads = groups.iter().map(|group| &group.members[0]);
        let content: Vec<u8> = heads.flat_map(|head| [head.action.0, head.output.0].concat()).collect();
        let members = || groups.iter().flat_map(|group| &group.members);
        let line = SetLine {
            name: name.to_owned(),
            stream: stream.to_owned(),
            set: Digest::of(&content),
            time: now,
            entries: u32::try_from(members().count()).unwrap_or(u32::MAX),
            bytes: members().map(|member| member.size).sum(),
        };
        if self.head.names(&line) {
            return;
        }
        self.wire.published += 1;
        self.sets.insert(line.set, groups.to_vec());
        self.head = std::mem::take(&mut self.head).with(line);
        // What no head names any more nobody finds.
        let Self { head, sets, .. } = self;
        sets.retain(|set, _| head.sets.iter().any(|line| line.set == *set));
    }
}

/// Head and output of a group.
fn name_of(group: &Group) -> (Digest, Digest) {
    (group.members[0].action, group.members[0].output)
}

/// A group as a store gets it that takes what every store takes; None if nothing is left of it.
fn outgoing(row: &GroupRow) -> Option<Group> {
    let leaves = |member: &&MemberRow| !matches!(member.kind, Kind::ModuleIndex | Kind::TestLog | Kind::TestResult);
    if !leaves(&row.head()) {
        return None;
    }
    Some(Group { members: row.members.iter().filter(leaves).map(member_of_record).collect(), facts: Facts::default() })
}

//! One miss: wait for the sets once, ask who should be asked, bring the object, reply, admit its companions.

use super::transfer::{self, TransferError, Worth};
use super::{Answer, Reply, Shared, may_ask};
use crate::model::{Digest, Entry};
use crate::remote::body::{BodyError, admit};
use crate::remote::engine::EngineError;
use crate::remote::record::{Group, Member, RECORD_MAX};
use crate::remote::set::WorkingSet;
use crate::remote::target::{Health, ReadError, Target, collect};
use crate::remote::waits::Waits;
use crate::remote::{AskStep, RequestView, rule};
use futures::FutureExt;
use futures::future::{LocalBoxFuture, Shared as SharedFuture};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// A member of a group that a target holds.
#[derive(Clone)]
struct Place {
    target: usize,
    group: Rc<Group>,
    member: usize,
}

impl Place {
    fn member(&self) -> &Member {
        &self.group.members[self.member]
    }

    fn entry(&self) -> Entry {
        self.group.entry(self.member())
    }
}

/// Whether a transfer under way brought its object.
type Flight = SharedFuture<LocalBoxFuture<'static, bool>>;

/// What the client's thread knows.
pub(super) struct Core {
    shared: Arc<Shared>,
    /// Where each action that a loaded set names lies.
    places: RefCell<HashMap<Digest, Vec<Place>>>,
    loaded: watch::Sender<bool>,
    /// Targets whose sets are not here yet.
    setless: RefCell<HashSet<usize>>,
    /// Gets wait for the sets until then.
    patience: Cell<Option<Instant>>,
    flights: RefCell<HashMap<Digest, Flight>>,
    /// Actions admitted in this session: their companions are not admitted twice.
    admitted: RefCell<HashSet<Digest>>,
    /// Waits for what no set names, misses among them.
    unnamed: RefCell<Waits>,
}

impl Core {
    pub(super) fn new(shared: Arc<Shared>) -> Rc<Self> {
        Rc::new(Self {
            shared,
            places: RefCell::default(),
            loaded: watch::Sender::new(false),
            setless: RefCell::default(),
            patience: Cell::new(None),
            flights: RefCell::default(),
            admitted: RefCell::default(),
            unnamed: RefCell::default(),
        })
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The first miss starts to load; the others do not.
    pub(super) fn start_loading(self: &Rc<Self>, tasks: &mut JoinSet<()>) {
        if self.patience.get().is_none() {
            self.patience.set(Some(Instant::now() + self.shared.settings.load));
            let core = Rc::clone(self);
            tasks.spawn_local(async move {
                core.load().await;
                core.loaded.send_replace(true);
            });
        }
    }

    /// Sets of these targets are on their way.
    pub(super) fn wait_for_sets_of(&self, targets: HashSet<usize>) {
        *self.setless.borrow_mut() = targets;
    }

    /// Takes in a loaded set.
    pub(super) fn learn(&self, target: usize, set: WorkingSet) {
        let mut stats = self.shared.stats();
        stats.sets += 1;
        stats.named += set.entries();
        let mut places = self.places.borrow_mut();
        let mut held = self.shared.held();
        for group in set.groups.into_iter().map(Rc::new) {
            if let Some(head) = group.members.first() {
                *held.entry((head.action, head.output)).or_default() |= 1 << target;
            }
            for (member, named) in group.members.iter().enumerate() {
                places.entry(named.action).or_default().push(Place { target, group: Rc::clone(&group), member });
            }
        }
    }

    /// Answers a miss.
    pub(super) async fn answer(self: Rc<Self>, action: Digest, cost: Option<Duration>, reply: Reply) {
        self.shared.stats().asked += 1;
        let ticket = self.shared.waits().begin(std::time::Instant::now());
        self.wait_until_loaded().await;
        let found = self.find(action, cost).await;
        self.shared.waits().end(&ticket, std::time::Instant::now(), found.is_none());
        if let Some((place, path)) = found {
            self.shared.stats().hits += 1;
            reply.send(Answer::Hit { entry: place.entry(), path });
            self.admit_companions(&place);
        } else {
            self.shared.stats().misses += 1;
            reply.send(Answer::Miss);
        }
    }

    /// Waits for head and sets, once a session and never past its limit. For a target that has not answered by then, or with
    /// trouble, the wait was in vain.
    async fn wait_until_loaded(&self) {
        let mut loaded = self.loaded.subscribe();
        let Some(patience) = self.patience.get().filter(|&patience| Instant::now() < patience) else { return };
        if *loaded.borrow() {
            return;
        }
        let targets = self.shared.targets.iter().enumerate().filter(|(_, target)| may_ask(target));
        let waiting: Vec<_> = targets.map(|(number, target)| (number, target, target.begin_wait())).collect();
        let allowed = waiting.iter().map(|(_, target, _)| target.allowance()).max().unwrap_or_default();
        let done = timeout_at(patience.min(Instant::now() + allowed), loaded.wait_for(|done| *done)).await.is_ok();
        for (number, target, ticket) in waiting {
            let vain = match target.health() {
                Health::Unknown | Health::Trouble => true,
                Health::Good => !done && self.setless.borrow().contains(&number),
                Health::Empty => false,
            };
            target.end_wait(&ticket, vain);
        }
    }

    /// Where it was found, and the path of the object.
    async fn find(self: &Rc<Self>, action: Digest, cost: Option<Duration>) -> Option<(Place, String)> {
        let places = self.places.borrow().get(&action).cloned().unwrap_or_default();
        let named = places.iter().fold(0, |mask, place| mask | 1 << place.target);
        let cost = cost.or_else(|| places.first().and_then(|place| place.member().cost));
        for step in self.route(action, named, cost, &places) {
            let Some(target) = self.shared.targets.get(step.target).filter(|target| may_ask(target)) else { continue };
            let worth = Worth { cost, wait: step.wait };
            let place = match places.iter().find(|place| place.target == step.target) {
                Some(place) => Some(place.clone()),
                None => self.ask(step.target, target, action, worth).await,
            };
            if let Some(place) = place
                && let Some(path) = self.bring(&place, worth).await
            {
                return Some((place, path));
            }
        }
        None
    }

    fn route(&self, action: Digest, named: u64, cost: Option<Duration>, places: &[Place]) -> Vec<AskStep> {
        let views = self.shared.views();
        if !rule::is_anybody_there(&views) {
            return Vec::new();
        }
        let waited = self.shared.waits().total();
        let decided = self.shared.decide().route(&RequestView { action, named, cost, waited }, &views);
        decided.unwrap_or_else(|| places.iter().map(|place| AskStep { target: place.target, wait: None }).collect())
    }

    /// Asks for the record of an action that no loaded set names.
    async fn ask(&self, number: usize, target: &Target, action: Digest, worth: Worth) -> Option<Place> {
        let settings = &self.shared.settings;
        let now = Instant::now();
        let left = settings.unnamed.saturating_sub(self.unnamed.borrow().at_worst(now.into_std()));
        // An empty namespace has been told so by its head.
        if left.is_zero() || !answers(target) {
            return None;
        }
        let until = now + worth.first_byte(settings).min(left).min(target.allowance());
        let key = target.namespace().record(action);
        let waited = self.unnamed.borrow_mut().begin(now.into_std());
        let ticket = target.begin_wait();
        let read = async {
            let fetched = transfer::start(target, &key, until).await?;
            let stalled = |error: ReadError| TransferError::Body { key: key.clone(), error: error.to_string() };
            let bytes = collect(&key, fetched, RECORD_MAX, Some(settings.stall.min(left))).await.map_err(stalled)?;
            Group::decode(action, &bytes).map_err(|error| TransferError::Body { key: key.clone(), error: error.to_string() })
        };
        let read = read.await;
        self.unnamed.borrow_mut().end(&waited, std::time::Instant::now(), read.is_err());
        // A record that is not there is an answer, and no trouble.
        let absent = matches!(read, Err(TransferError::Engine(EngineError::NotFound { .. })));
        target.end_wait(&ticket, read.is_err() && !absent);
        match read {
            Ok(group) => Some(Place { target: number, group: Rc::new(group), member: 0 }),
            Err(error) => {
                if !absent {
                    target.note(&error);
                }
                None
            }
        }
    }

    /// Brings an object here and answers its path.
    async fn bring(self: &Rc<Self>, place: &Place, worth: Worth) -> Option<String> {
        let entry = place.entry();
        if let Some(path) = self.here(place) {
            return Some(path);
        }
        let under_way = self.flights.borrow().get(&entry.output).cloned();
        if let Some(flight) = under_way {
            return if flight.await { self.here(place) } else { None };
        }
        let core = Rc::clone(self);
        let target = place.target;
        let flight = async move { core.fly(target, &entry, worth).await }.boxed_local().shared();
        let output = place.member().output;
        self.flights.borrow_mut().insert(output, flight.clone());
        let brought = flight.await;
        self.flights.borrow_mut().remove(&output);
        if brought { self.here(place) } else { None }
    }

    /// The path of an object that is inline or here already; the action is in the index afterwards.
    fn here(&self, place: &Place) -> Option<String> {
        let (member, entry) = (place.member(), place.entry());
        match self.shared.local.adopt(&entry) {
            Ok(Some(path)) => {
                self.admitted.borrow_mut().insert(entry.action);
                return Some(path);
            }
            Ok(None) => {}
            Err(error) => self.shared.targets[place.target].note(&TransferError::Local(error)),
        }
        let body = member.body.as_ref()?;
        let local = &self.shared.local;
        let written = local.incoming(entry.size).and_then(|mut sink| sink.write_all(body).map(|()| sink));
        match written.map_err(BodyError::Local).and_then(|sink| admit(sink, &entry)) {
            Ok(path) => {
                self.admitted.borrow_mut().insert(entry.action);
                self.count(entry.size, 0);
                Some(path)
            }
            Err(error) => {
                self.shared.targets[place.target].note(&error);
                None
            }
        }
    }

    async fn fly(&self, number: usize, entry: &Entry, worth: Worth) -> bool {
        let target = &self.shared.targets[number];
        match transfer::body(target, self.shared.local.as_ref(), entry, worth, &self.shared.settings).await {
            Ok((_, wire)) => {
                self.count(entry.size, wire);
                true
            }
            Err(_) => false,
        }
    }

    /// `go` asks for the companions next: those that lie inline come along now.
    fn admit_companions(&self, place: &Place) {
        for (member, companion) in place.group.members.iter().enumerate() {
            if companion.body.is_some() && !self.admitted.borrow().contains(&companion.action) {
                self.here(&Place { member, ..place.clone() });
            }
        }
    }

    fn count(&self, bytes: u64, wire: u64) {
        let mut stats = self.shared.stats();
        stats.objects += 1;
        stats.bytes += bytes;
        stats.wire_bytes += wire;
    }
}

/// Whether this target holds something and says so.
fn answers(target: &Target) -> bool {
    target.health() == Health::Good
}

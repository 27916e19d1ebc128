//! One policy at one size: the sessions of a history in the order of time.

use super::fleet::Fleet;
use super::history::{Happens, History, Step};
use super::known::{Known, Put};
use super::session::Session;
use super::store::Store;
use super::told::{NoFiles, ask, request, view};
use super::{Contender, Outcome, SimulationError, Times};
use crate::cache::{ChainScorer, Demands, fetched_view, goal_of, group_view, worth_recalling};
use crate::fault::Faults;
use crate::model::{Digest, Entry, EventCode, EventRow, Origin, UnixNanos};
use crate::policy::wasm::ArtifactStore;
use crate::policy::{Chain, Loader, States};
use crate::store::index::{fold_if_many, unread};
use crate::store::trim::{let_go_with, trim_with};
use crate::store::{GroupRow, Index, IndexError, SessionRow, Used};
use crate::trace::{Event, Trace, What};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What a simulated store may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes from which on it is trimmed.
    pub max_size: u64,
    /// How long what a session without close was handed stays.
    pub grace: Duration,
}

/// A session has ended, and what follows its end is done.
pub struct Ended<'a> {
    /// What was recorded of it.
    pub trace: &'a Trace,
    /// Heads of the groups that its trim let go, in order.
    pub evicted: &'a [Digest],
    /// The index as it stands now.
    pub index: &'a Index,
}

/// Replays a history. `on_end` is called after each session.
pub fn run(
    history: &History,
    contender: &Contender,
    bounds: Bounds,
    artifacts: &ArtifactStore,
    mut on_end: impl FnMut(&Ended<'_>),
) -> Result<Outcome, SimulationError> {
    let fleet = history.is_fleet.then(Fleet::default);
    let mut replay = Replay {
        history,
        contender,
        bounds,
        artifacts,
        states: States::in_memory(),
        store: Store::new()?,
        live: BTreeMap::new(),
        turn: None,
        known: Known::default(),
        fleet,
        outcome: Outcome::default(),
    };
    for (number, steps) in history.machines.iter().enumerate() {
        if number > 0 {
            replay.store = replay.store.of_another()?;
            (replay.states, replay.turn) = (States::in_memory(), None);
            if let Some(fleet) = &mut replay.fleet {
                fleet.turn_to_another_machine();
            }
        }
        replay.machine(steps, &mut on_end)?;
    }
    replay.outcome.wire = replay.fleet.map(|fleet| fleet.wire);
    Ok(replay.outcome)
}

struct Replay<'a> {
    history: &'a History,
    contender: &'a Contender,
    bounds: Bounds,
    artifacts: &'a ArtifactStore,
    states: States,
    store: Store,
    live: BTreeMap<usize, Session>,
    /// The session whose request was the last.
    turn: Option<usize>,
    known: Known,
    /// The remote store, if there is one.
    fleet: Option<Fleet>,
    outcome: Outcome,
}

impl Replay<'_> {
    fn machine(&mut self, steps: &[Step], on_end: &mut impl FnMut(&Ended<'_>)) -> Result<(), SimulationError> {
        for step in steps {
            let trace = &self.history.sessions[step.session];
            match step.what {
                Happens::Begin => self.begin(*step, trace)?,
                Happens::Request(number) => self.request(*step, &trace.events[number])?,
                Happens::End => {
                    let evicted = self.end(*step, trace)?;
                    on_end(&Ended { trace, evicted: &evicted, index: &self.store.index });
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, step: Step, trace: &Trace) -> Result<(), SimulationError> {
        let faults = Arc::new(Faults::new(None));
        faults.be_silent();
        let (artifacts, states) = (Some(self.artifacts.clone()), Some(self.states.clone()));
        let loader = Loader { artifacts, session: Arc::new(view(trace)), states, log_level: 2, recalls: false };
        let chain = Chain::new(&self.contender.chain, loader, faults.clone());
        let (label, is_unread) = stream(trace);
        let mut session = Session::new(chain, faults, label);
        if self.history.holds[step.session] {
            // The host looks up what the last session of the stream used, and notes all of it.
            let rows = self.store.index.find_rows(&worth_recalling(self.store.index.working_set(label, is_unread)?))?;
            session.notes.extend(rows.into_iter().map(|row| row.entry.output.prefix()));
        }
        self.live.insert(step.session, session);
        Ok(())
    }

    fn request(&mut self, step: Step, event: &Event) -> Result<(), SimulationError> {
        // Rows are committed every so often; a session that has the next word sees those of the one that had the last.
        if let Some(before) = self.turn.replace(step.session).filter(|before| *before != step.session)
            && let Some(session) = self.live.get_mut(&before)
        {
            self.store.index.write(&std::mem::take(&mut session.queue), None, UnixNanos(step.at))?;
        }
        let Some(mut session) = self.live.remove(&step.session) else { return Ok(()) };
        session.now = event.t;
        let done = match event.what {
            What::Put => {
                self.put(&mut session, event, UnixNanos(step.at));
                Ok(())
            }
            _ => self.get(&mut session, event, UnixNanos(step.at)),
        };
        self.live.insert(step.session, session);
        Ok(done?)
    }

    fn get(&mut self, session: &mut Session, event: &Event, now: UnixNanos) -> Result<(), IndexError> {
        let action = event.action;
        if event.head.is_some_and(|head| session.remade.contains(&head)) {
            // Whoever makes the head makes its companions, and does not ask for them.
            return Ok(());
        }
        self.outcome.gets += 1;
        if let Some((output, size, used)) = self.store.find(session, action)? {
            if self.may_be_served(session, action, &used)? {
                self.hit(size);
                session.happened(request(event, What::Hit, size));
                session.hit(output, used);
                if matches!(event.what, What::Miss | What::Refused) {
                    session.found.insert(action);
                }
                return Ok(());
            }
            self.outcome.refused += 1;
            session.happened(request(event, What::Refused, size));
        } else if let Some(entry) = self.fetch(session, event, now) {
            if session.chain.serve(&fetched_view(&entry, Arc::new(NoFiles))) {
                self.hit(entry.size);
                session.happened(request(event, What::Fetched, entry.size));
                session.hit(entry.output, Used::Action(action));
                if matches!(event.what, What::Miss | What::Refused) {
                    session.found.insert(action);
                }
                return Ok(());
            }
            self.outcome.refused += 1;
            session.happened(request(event, What::Refused, entry.size));
        } else {
            let what = if event.what == What::Native { What::Native } else { What::Miss };
            session.happened(request(event, what, event.size));
        }
        match (event.what, event.output, self.known.get(action)) {
            // Go's own cache has it, whatever is in this store.
            (What::Native, ..) => {
                self.hit(event.size);
                session.used.push(Used::Action(action));
            }
            (What::Hit | What::Fetched, Some(output), None) => {
                // It was there before the traces begin, or came from elsewhere. What making it takes nobody knows.
                let was_lost = self.store.ever.contains(&action);
                if was_lost {
                    self.outcome.misses += 1;
                } else {
                    self.hit(event.size);
                    self.outcome.given += 1;
                }
                let head = event.head.unwrap_or(action);
                let put = Put { output, size: event.size, kind: event.kind(), cost: None, head };
                self.admit(session, action, put, now, was_lost);
            }
            (What::Hit | What::Fetched, Some(output), Some(put)) => {
                self.outcome.misses += 1;
                session.remade.insert(put.head);
                let members: Vec<Digest> = self.known.members(put.head).to_vec();
                for member in members {
                    let Some(mut known) = self.known.get(member).filter(|known| known.head == put.head) else { continue };
                    if member == action {
                        (known.output, known.size) = (output, event.size);
                    }
                    self.admit(session, member, known, now, true);
                }
            }
            _ => {
                self.outcome.misses += 1;
                if self.store.ever.contains(&action) {
                    session.lost.insert(action);
                }
            }
        }
        Ok(())
    }

    /// Looks for what is not here in the store of the fleet.
    fn fetch(&mut self, session: &mut Session, event: &Event, now: UnixNanos) -> Option<Entry> {
        let fleet = self.fleet.as_mut().filter(|_| event.what != What::Native)?;
        let Session { client, chain, stream, .. } = session;
        let entries = fleet.look(client, chain, stream, event.action, now)?;
        let entry = entries.first().cloned();
        for entry in entries {
            session.fetch(entry);
        }
        entry
    }

    /// Asks those who judge hits. What the session put itself is served.
    fn may_be_served(&self, session: &mut Session, action: Digest, used: &Used) -> Result<bool, IndexError> {
        if !session.serves || session.fresh.contains_key(&action) {
            return Ok(true);
        }
        let Some(head) = self.store.index.head_of(*used)? else { return Ok(true) };
        let Some(row) = self.group(head.action)? else { return Ok(true) };
        Ok(session.chain.serve(&group_view(&row, Arc::new(NoFiles))))
    }

    /// A group as the index has it.
    fn group(&self, head: Digest) -> Result<Option<GroupRow>, IndexError> {
        // The names of the companions follow from the head's where a trace has digests; in a nameless one they do not.
        let companions: Vec<Digest> = self.known.members(head).iter().copied().filter(|member| *member != head).collect();
        self.store.index.group_with(head, &companions)
    }

    fn hit(&mut self, size: u64) {
        self.outcome.hits += 1;
        self.outcome.hit_bytes += size;
    }

    fn put(&mut self, session: &mut Session, event: &Event, now: UnixNanos) {
        self.known.put(event);
        let Some(output) = event.output else { return };
        let head = event.head.unwrap_or(event.action);
        if session.found.contains(&head) || session.found.contains(&event.action) {
            return;
        }
        // With `go build -a` nothing is asked for, and nothing would have helped; what a failing compiler said is put again and again.
        let was_lost = session.lost.contains(&head) || session.lost.contains(&event.action);
        let put = Put { output, size: event.size, kind: event.kind(), cost: event.cost, head };
        self.admit(session, event.action, put, now, was_lost);
    }

    /// Takes an output. `was_lost` = its group would not have been made, had the store kept it.
    fn admit(&mut self, session: &mut Session, action: Digest, put: Put, now: UnixNanos, was_lost: bool) {
        let Put { output, size, kind, cost, head } = put;
        let is_new = self.store.ever.insert(action);
        self.outcome.puts += 1;
        self.outcome.put_bytes += size;
        // What a session puts twice it makes once.
        if was_lost && !is_new && !session.fresh.contains_key(&action) {
            self.outcome.again += 1;
            self.outcome.again_bytes += size;
            self.outcome.lost_us += cost.unwrap_or(0);
            self.outcome.unknown += u64::from(cost.is_none() && head == action);
        }
        session.happened(EventRow { code: EventCode::Put, level: 0, size, time: session.now, duration: 0, kind: Some(kind), cost });
        let cost = cost.map(Duration::from_micros);
        session.put(Entry { action, output, size, put: now, kind, cost, head, origin: Origin::Local });
    }

    /// What a session does after its answer to close, in the same order. Returns the heads of what its trim let go.
    fn end(&mut self, step: Step, trace: &Trace) -> Result<Vec<Digest>, SimulationError> {
        let Some(mut session) = self.live.remove(&step.session) else { return Ok(Vec::new()) };
        let now = UnixNanos(step.at);
        let grown = session.has_grown();
        let (label, is_unread) = stream(trace);
        let used = std::mem::take(&mut session.used);
        let heads = used.clone();
        let mut row = (!used.is_empty()).then(|| SessionRow { stream: label.to_owned(), unread: is_unread, used, ..SessionRow::default() });
        if grown {
            self.store.index.write(&session.queue, row.take().as_ref(), now)?;
        }
        if !trace.header.closed {
            self.store.leave(std::mem::take(&mut session.notes), now, self.bounds.grace);
        }
        self.share(&mut session, &heads, now)?;
        self.let_go(&mut session, now)?;
        let evicted = if grown || !self.store.settled { self.trim(&mut session, now)? } else { Vec::new() };
        session.tell();
        session.chain.remember();
        self.outcome.count(session.chain.reports());
        fold_if_many(&self.store.index)?;
        if let Some(row) = row {
            self.store.index.write(&[], Some(&row), now)?;
        }
        match session.faults.lines().into_iter().next() {
            None => Ok(evicted),
            Some(said) => Err(SimulationError::Policy {
                policy: self.contender.name.clone(),
                session: step.session + 1,
                sessions: self.history.sessions.len(),
                stream: label.to_owned(),
                said,
            }),
        }
    }

    /// Shares what the session used with the fleet, as far as admission lets it.
    fn share(&mut self, session: &mut Session, used: &[Used], now: UnixNanos) -> Result<(), SimulationError> {
        let Some(mut fleet) = self.fleet.take() else { return Ok(()) };
        let heads = self.store.index.heads(used)?;
        let rows: Vec<GroupRow> = heads.into_iter().filter_map(|head| self.group(head.action).transpose()).collect::<Result<_, _>>()?;
        let Session { client, chain, stream, admitted, .. } = session;
        let mut times = Times::default();
        fleet.close(client, chain, stream, (&rows, now), |chain, row| ask(chain, admitted, row, &mut times).share != Some(false));
        self.outcome.count_admissions(chain, times);
        self.fleet = Some(fleet);
        Ok(())
    }

    /// Asks admission about what the session put.
    fn let_go(&mut self, session: &mut Session, now: UnixNanos) -> Result<(), SimulationError> {
        let (mut rejected, mut times) = (Vec::new(), Times::default());
        let Session { put_heads, chain, admitted, .. } = session;
        for head in &*put_heads {
            let Some(row) = self.group(*head)? else { continue };
            if ask(chain, admitted, &row, &mut times).keep == Some(false) {
                rejected.push(*head);
            }
        }
        self.outcome.count_admissions(chain, times);
        if !rejected.is_empty() {
            self.outcome.not_kept += rejected.len() as u64;
            let leases = self.store.leases(&self.live, now);
            let_go_with(&leases, &self.store.index, &rejected, self.bounds.grace)?;
        }
        Ok(())
    }

    fn trim(&mut self, session: &mut Session, now: UnixNanos) -> Result<Vec<Digest>, SimulationError> {
        let Bounds { max_size: max, grace } = self.bounds;
        let used = self.store.index.bytes()?;
        self.outcome.largest = self.outcome.largest.max(used);
        let Some(goal) = goal_of(Demands { used, max, missing: 0, max_age: None, grace, now }) else {
            self.store.settled = true;
            return Ok(Vec::new());
        };
        let leases = self.store.leases(&self.live, now);
        let report = trim_with(&leases, &self.store.index, goal, &mut ChainScorer::new(&mut session.chain))?;
        self.store.settled = !report.short;
        self.outcome.evicted_groups += report.groups;
        self.outcome.evicted_bytes += report.bytes;
        self.outcome.decisions.add(report.decided_in);
        self.outcome.scoring.add(report.scored_in);
        for (size, kind) in report.gone {
            session.happened(EventRow { code: EventCode::Evicted, level: 0, size, time: 0, duration: 0, kind: Some(kind), cost: None });
        }
        Ok(report.heads)
    }
}

/// The label of a session's stream, and whether the words of its command could not be read: then it finds its stream anew.
fn stream(trace: &Trace) -> (&str, bool) {
    let stream = trace.header.facts.get("stream").map_or("", String::as_str);
    unread(stream).map_or((stream, false), |(label, _)| (label, true))
}

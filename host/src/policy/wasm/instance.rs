//! One plugin at work: instantiated at its first question, anew after a trap, off after too many.

use super::engine::{Prepared, one_line};
use super::identity::Identity;
use super::imports::{Guest, Plan, Question};
use super::limits::LIMITS;
use super::ticker::Ticker;
use super::v0_1::Functions;
use crate::model::{EventColumns, TrimColumns};
use crate::policy::context::{Admit, Ask, ClosePlan, GroupView, NetworkView, RequestView, Serve};
use crate::policy::{Policy, PolicyError, Roles, Word};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use wasmtime::Store;

static TICKER: LazyLock<Ticker> = LazyLock::new(Ticker::default);

/// Events that are told in one call.
const EVENT_RUN: u32 = 4096;

/// Rows that are scored in one call: 32 KiB of scores, and the guest's memory stays flat.
const SCORING_RUN: u32 = 4096;

/// A policy that is a component.
pub struct WasmPolicy {
    identity: Identity,
    prepared: Prepared,
    /// In a box, since it is taken out and put back with every question.
    live: Option<Box<Live>>,
    tag_owner: Option<String>,
    starts: u32,
    /// Time that guests ran, of [`LIMITS`]`.session`.
    spent: Duration,
    lines: Vec<(u32, String)>,
    /// Lines that may still come: an instance counts its own, and there are several.
    lines_left: usize,
    counters: BTreeMap<String, u64>,
    /// Whether it was asked anything.
    asked: bool,
    /// Its answer to the first question, if that holds in every session with the same facts.
    word: Option<Word>,
    /// What is to be remembered.
    saved: Option<Vec<u8>>,
    /// Key and message of a setting that it refused: it stays wrong however often it is started.
    refused: Option<(String, String)>,
}

struct Live {
    store: Store<Guest>,
    functions: Functions,
}

impl WasmPolicy {
    /// A policy under the name by which the operator knows it. Nothing is instantiated yet.
    pub fn new(identity: Identity, prepared: Prepared) -> Self {
        Self {
            identity,
            prepared,
            live: None,
            tag_owner: None,
            starts: 0,
            spent: Duration::ZERO,
            lines: Vec::new(),
            lines_left: LIMITS.log_lines as usize,
            counters: BTreeMap::new(),
            asked: false,
            word: None,
            saved: None,
            refused: None,
        }
    }

    /// What the guest says of itself: name, version, state version. Instantiates it, and checks its settings.
    pub fn describe(&mut self) -> Result<(String, String, u32), PolicyError> {
        let mut live = self.take_live()?;
        let info = self.enter(&mut live, "describe", LIMITS.start, |live| live.functions.describe.call(&mut live.store, ()))?.0;
        self.live = Some(live);
        Ok((crate::fault::printable(&info.name, 64), crate::fault::printable(&info.version, 64), info.state_version))
    }

    /// Takes the (level, text) lines that the guest logged.
    pub fn take_lines(&mut self) -> Vec<(u32, String)> {
        self.collect_from_live();
        std::mem::take(&mut self.lines)
    }

    /// Takes what the guest counted.
    pub fn take_counters(&mut self) -> BTreeMap<String, u64> {
        self.collect_from_live();
        std::mem::take(&mut self.counters)
    }

    /// Takes what it said that holds beyond this session.
    pub fn take_word(&mut self) -> Option<Word> {
        self.word.take()
    }

    /// How long it ran, its starts included.
    pub fn spent(&self) -> Duration {
        self.spent
    }

    /// Writes what the guest wants to be remembered, if anything.
    pub fn remember(&mut self) -> io::Result<()> {
        self.collect_from_live();
        let (Some(states), Some(owner)) = (&self.identity.states, &self.tag_owner) else { return Ok(()) };
        match self.saved.take() {
            Some(saved) => states.save(owner, &saved),
            None => Ok(()),
        }
    }

    fn collect_from_live(&mut self) {
        if let Some(mut live) = self.live.take() {
            self.collect(live.store.data_mut());
            self.live = Some(live);
        }
    }

    /// Takes over what an instance leaves, whatever becomes of it.
    fn collect(&mut self, guest: &mut Guest) {
        guest.lines.truncate(self.lines_left);
        self.lines_left -= guest.lines.len();
        self.lines.append(&mut guest.lines);
        for (name, value) in std::mem::take(&mut guest.counters) {
            if self.counters.len() < LIMITS.counters || self.counters.contains_key(&name) {
                let sum = self.counters.entry(name).or_default();
                *sum = sum.saturating_add(value);
            }
        }
        if let Some(saved) = &guest.saved {
            self.saved = Some(saved.clone());
        }
    }

    /// An instance that is ready to be asked.
    fn take_live(&mut self) -> Result<Box<Live>, PolicyError> {
        if let Some(live) = self.live.take() {
            return Ok(live);
        }
        if let Some((key, message)) = self.refused.clone() {
            return Err(PolicyError::Settings { key, message });
        }
        if self.starts >= LIMITS.restarts {
            return Err(PolicyError::Off(format!("it failed {} times", self.starts)));
        }
        self.starts += 1;
        let guest = Guest::new(self.identity.clone(), self.prepared.wants, self.saved.clone());
        let mut store = Store::new(self.prepared.engine, guest);
        store.limiter(|guest| &mut guest.memory);
        store.set_hostcall_fuel(LIMITS.host_copy);
        store.set_max_component_handles(LIMITS.handles);
        let began = self.arm(&mut store, LIMITS.start);
        let started = {
            let _running = TICKER.run(self.prepared.engine);
            self.prepared.pre.instantiate(&mut store).and_then(|instance| {
                let functions = self.prepared.exports.bind(&instance, &mut store)?;
                let info = functions.describe.call(&mut store, ())?.0;
                let owner = self.identity.owner(&info.name, info.state_version);
                store.data_mut().owner.clone_from(&owner);
                let configured = functions.configure.call(&mut store, (self.identity.settings.to_string(),))?.0;
                Ok((functions, owner, configured))
            })
        };
        self.spent += began.elapsed();
        let mut live = match started {
            Ok((functions, owner, configured)) => {
                if let Err(error) = configured {
                    self.collect(store.data_mut());
                    let (key, message) = (crate::fault::printable(&error.key, 100), crate::fault::printable(&error.message, 300));
                    self.refused = Some((key.clone(), message.clone()));
                    return Err(PolicyError::Settings { key, message });
                }
                self.tag_owner = Some(owner);
                Box::new(Live { store, functions })
            }
            Err(error) => {
                self.collect(store.data_mut());
                return Err(PolicyError::Trap { question: "start", cause: self.cause(&error) });
            }
        };
        self.collect(live.store.data_mut());
        Ok(live)
    }

    /// Sets a deadline; every entry into a guest goes through here.
    fn arm(&self, store: &mut Store<Guest>, limit: Duration) -> Instant {
        let limit = limit.min(LIMITS.session.saturating_sub(self.spent));
        store.set_epoch_deadline(Ticker::epochs(limit));
        let began = Instant::now();
        let guest = store.data_mut();
        guest.now_ms = None;
        guest.until = began + limit;
        began
    }

    /// Whether there is time left of what a plugin may take of a session.
    fn check_ledger(&mut self) -> Result<(), PolicyError> {
        if self.spent < LIMITS.session {
            return Ok(());
        }
        self.starts = LIMITS.restarts;
        Err(PolicyError::Off(format!("it used {} s of this session", LIMITS.session.as_secs())))
    }

    /// Runs a guest function. After an error the instance is poisoned, and the caller drops it.
    fn enter<T>(
        &mut self,
        live: &mut Live,
        question: &'static str,
        limit: Duration,
        call: impl FnOnce(&mut Live) -> wasmtime::Result<T>,
    ) -> Result<T, PolicyError> {
        self.check_ledger()?;
        // No later answer becomes a word, and what they rest on need not be noted.
        live.store.data_mut().inputs.more |= self.asked;
        self.asked |= question != "describe";
        let began = self.arm(&mut live.store, limit);
        let answer = {
            let _running = TICKER.run(self.prepared.engine);
            call(live)
        };
        self.spent += began.elapsed();
        answer.map_err(|error| {
            self.collect(live.store.data_mut());
            // The last of many slow answers is cut off by what is left of the session, and that is what is wrong with it.
            if let Err(off) = self.check_ledger() {
                return off;
            }
            PolicyError::Trap { question, cause: self.cause(&error) }
        })
    }

    /// What stopped the guest: its own last words where it had some, since a panic is only "unreachable" to the machine.
    fn cause(&self, error: &wasmtime::Error) -> String {
        use wasmtime::Trap;
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => "it did not come to an end in time".to_owned(),
            Some(Trap::UnreachableCodeReached) => {
                self.lines.iter().rev().find(|(level, _)| *level == 1).map_or_else(|| "it panicked".to_owned(), |(_, line)| line.clone())
            }
            Some(Trap::StackOverflow) => "its stack is full".to_owned(),
            Some(trap) => trap.to_string(),
            None => one_line(error),
        }
    }

    /// Asks one remote question.
    fn ask_remote(
        &mut self,
        question: &'static str,
        network: &NetworkView,
        request: Option<RequestView>,
        call: impl FnOnce(&mut Live) -> wasmtime::Result<u32>,
    ) -> Result<Option<Plan>, PolicyError> {
        let mut live = self.take_live()?;
        live.store.data_mut().question = Question::Network { network: Box::new(network.clone()), request, plan: Plan::default() };
        let code = self.enter(&mut live, question, LIMITS.question, call)?;
        let asked = std::mem::take(&mut live.store.data_mut().question);
        self.live = Some(live);
        let Question::Network { plan, .. } = asked else { return Ok(None) };
        // Codes that this host does not know are "pass".
        Ok((code == 1).then_some(plan))
    }
}

/// A function of a role that the component does not export is not called; that it is missing here would be a mistake of ours.
fn exported<T>(function: Option<&T>) -> wasmtime::Result<&T> {
    function.ok_or_else(|| wasmtime::format_err!("the role is not exported"))
}

impl Policy for WasmPolicy {
    fn name(&self) -> String {
        self.identity.name.clone()
    }

    fn roles(&self) -> Roles {
        self.prepared.roles()
    }

    fn tag_owner(&self) -> String {
        self.tag_owner.clone().unwrap_or_default()
    }

    fn admit(&mut self, group: &GroupView) -> Result<Admit, PolicyError> {
        let mut live = self.take_live()?;
        live.store.data_mut().question = Question::Group(group.clone());
        let call = |live: &mut Live| exported(live.functions.admit.as_ref())?.call(&mut live.store, ());
        let (bits,) = self.enter(&mut live, "admission", LIMITS.question, call)?;
        live.store.data_mut().question = Question::None;
        self.live = Some(live);
        Ok(Admit::from_bits(bits))
    }

    fn serve(&mut self, group: &GroupView) -> Result<Serve, PolicyError> {
        let mut live = self.take_live()?;
        live.store.data_mut().question = Question::Group(group.clone());
        // Of the remote role it is asked in between, and may answer by what it was asked.
        let is_first = !self.asked && self.starts == 1 && !self.roles().remote;
        let call = |live: &mut Live| exported(live.functions.serve.as_ref())?.call(&mut live.store, ());
        let (code,) = self.enter(&mut live, "serving", LIMITS.question, call)?;
        live.store.data_mut().question = Question::None;
        let answer = Serve::from_code(code);
        if is_first {
            self.word = live.store.data().inputs.word(answer, group.origin);
        }
        self.live = Some(live);
        Ok(answer)
    }

    fn observe(&mut self, events: &Arc<EventColumns>) -> Result<(), PolicyError> {
        let mut live = self.take_live()?;
        live.store.data_mut().question = Question::Events(events.clone());
        let rows = events.len() as u32;
        let mut first = 0;
        while first < rows {
            let count = EVENT_RUN.min(rows - first);
            let call = |live: &mut Live| exported(live.functions.observe.as_ref())?.call(&mut live.store, (first, count));
            self.enter(&mut live, "observer", LIMITS.scoring, call)?;
            first += count;
        }
        live.store.data_mut().question = Question::None;
        self.live = Some(live);
        Ok(())
    }

    fn score(&mut self, columns: &mut TrimColumns) -> Result<Vec<f64>, PolicyError> {
        let mut live = self.take_live()?;
        let rows = columns.len() as u32;
        let tags = columns.tags.clone();
        let taken = std::mem::replace(columns, TrimColumns::empty(columns.reason));
        live.store.data_mut().question = Question::Trim(Box::new(taken));
        let scores = self.score_rows(&mut live, rows);
        // The rows come back whatever happened: the fallback needs them, and without the words of a policy that broke.
        if let Question::Trim(back) = std::mem::take(&mut live.store.data_mut().question) {
            *columns = *back;
        }
        if scores.is_err() {
            columns.tags = tags;
        }
        if !matches!(scores, Err(PolicyError::Trap { .. })) {
            self.live = Some(live);
        }
        scores
    }

    fn open(&mut self, network: &NetworkView) -> Result<Option<Vec<u32>>, PolicyError> {
        let call = |live: &mut Live| Ok(exported(live.functions.remote.as_ref())?.open.call(&mut live.store, ())?.0);
        Ok(self.ask_remote("remote open", network, None, call)?.map(|plan| plan.load))
    }

    fn route(&mut self, network: &NetworkView, request: RequestView) -> Result<Option<Vec<Ask>>, PolicyError> {
        let call = |live: &mut Live| Ok(exported(live.functions.remote.as_ref())?.route.call(&mut live.store, ())?.0);
        Ok(self.ask_remote("remote route", network, Some(request), call)?.map(|plan| plan.ask))
    }

    fn close(&mut self, network: &NetworkView) -> Result<Option<ClosePlan>, PolicyError> {
        let call = |live: &mut Live| Ok(exported(live.functions.remote.as_ref())?.close.call(&mut live.store, ())?.0);
        Ok(self.ask_remote("remote close", network, None, call)?.map(|plan| plan.close))
    }
}

impl WasmPolicy {
    fn score_rows(&mut self, live: &mut Live, rows: u32) -> Result<Vec<f64>, PolicyError> {
        let question = "eviction";
        self.enter(live, question, LIMITS.scoring, |live| exported(live.functions.eviction.as_ref())?.begin.call(&mut live.store, ()))?;
        let mut scores = Vec::with_capacity(rows as usize);
        while (scores.len() as u32) < rows {
            let first = scores.len() as u32;
            let count = SCORING_RUN.min(rows - first);
            let call = |live: &mut Live| exported(live.functions.eviction.as_ref())?.score.call(&mut live.store, (first, count));
            let (run,) = self.enter(live, question, LIMITS.scoring, call)?;
            if run.len() != count as usize {
                return Err(PolicyError::Nonsense { question, problem: format!("{} scores for {count} rows", run.len()) });
            }
            if let Some(row) = run.iter().position(|score| score.is_nan()) {
                return Err(PolicyError::Nonsense { question, problem: format!("the score of row {} is NaN", first as usize + row) });
            }
            scores.extend(run);
        }
        self.enter(live, question, LIMITS.scoring, |live| exported(live.functions.eviction.as_ref())?.end.call(&mut live.store, ()))?;
        Ok(scores)
    }
}

//! One plugin at work: instantiated at its first question, anew after a trap, off after too many.

use super::engine::{Prepared, one_line};
use super::imports::{Guest, Plan, Question};
use super::limits::LIMITS;
use super::ticker::Ticker;
use super::v0_1::Functions;
use crate::model::{TrimColumns, UnixNanos};
use crate::policy::context::{Admit, Ask, ClosePlan, GroupView, NetworkView, RequestView, SessionView};
use crate::policy::{Policy, PolicyError, Roles};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use wasmtime::Store;

static TICKER: LazyLock<Ticker> = LazyLock::new(Ticker::default);

/// Rows that are scored in one call: 32 KiB of scores, and the guest's memory stays flat.
const SCORING_RUN: u32 = 4096;

/// A policy that is a component.
pub struct WasmPolicy {
    name: String,
    prepared: Prepared,
    session: Arc<SessionView>,
    settings: Arc<serde_json::Value>,
    max_level: u32,
    live: Option<Live>,
    tag_owner: Option<String>,
    starts: u32,
    /// Time that guests ran, of [`LIMITS`]`.session`.
    spent: Duration,
    lines: Vec<(u32, String)>,
    /// Key and message of a setting that it refused: it stays wrong however often it is started.
    refused: Option<(String, String)>,
}

struct Live {
    store: Store<Guest>,
    functions: Functions,
}

impl WasmPolicy {
    /// A policy under the name by which the operator knows it. Nothing is instantiated yet.
    pub fn new(name: String, prepared: Prepared, session: Arc<SessionView>, settings: serde_json::Value, max_level: u32) -> Self {
        Self {
            name,
            prepared,
            session,
            settings: Arc::new(settings),
            max_level,
            live: None,
            tag_owner: None,
            starts: 0,
            spent: Duration::ZERO,
            lines: Vec::new(),
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
        if let Some(live) = &mut self.live {
            self.lines.append(&mut live.store.data_mut().lines);
        }
        std::mem::take(&mut self.lines)
    }

    /// An instance that is ready to be asked.
    fn take_live(&mut self) -> Result<Live, PolicyError> {
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
        let guest = Guest::new(self.session.clone(), self.settings.clone(), self.max_level, self.prepared.wants_wasi);
        let mut store = Store::new(self.prepared.engine, guest);
        store.limiter(|guest| &mut guest.memory);
        store.set_hostcall_fuel(LIMITS.host_copy);
        store.set_max_component_handles(1000);
        let began = self.arm(&mut store, LIMITS.start);
        let started = {
            let _running = TICKER.run(self.prepared.engine);
            self.prepared.pre.instantiate(&mut store).and_then(|instance| {
                let functions = self.prepared.exports.bind(&instance, &mut store)?;
                let info = functions.describe.call(&mut store, ())?.0;
                let configured = functions.configure.call(&mut store, (self.settings.to_string(),))?.0;
                Ok((functions, info, configured))
            })
        };
        self.spent += began.elapsed();
        let mut live = match started {
            Ok((functions, info, configured)) => {
                if let Err(error) = configured {
                    self.lines.append(&mut store.data_mut().lines);
                    let (key, message) = (crate::fault::printable(&error.key, 100), crate::fault::printable(&error.message, 300));
                    self.refused = Some((key.clone(), message.clone()));
                    return Err(PolicyError::Settings { key, message });
                }
                self.tag_owner = Some(format!("{}/{}", crate::fault::printable(&info.name, 64), info.state_version));
                Live { store, functions }
            }
            Err(error) => {
                self.lines.append(&mut store.data_mut().lines);
                return Err(PolicyError::Trap { question: "start", cause: self.cause(&error) });
            }
        };
        self.lines.append(&mut live.store.data_mut().lines);
        Ok(live)
    }

    /// Sets a deadline; every entry into a guest goes through here.
    fn arm(&self, store: &mut Store<Guest>, limit: Duration) -> Instant {
        let left = LIMITS.session.saturating_sub(self.spent);
        store.set_epoch_deadline(Ticker::epochs(limit.min(left)));
        store.data_mut().now_ms = u64::try_from(UnixNanos::now().0 / 1_000_000).unwrap_or(0);
        Instant::now()
    }

    /// Runs a guest function. After an error the instance is poisoned, and the caller drops it.
    fn enter<T>(
        &mut self,
        live: &mut Live,
        question: &'static str,
        limit: Duration,
        call: impl FnOnce(&mut Live) -> wasmtime::Result<T>,
    ) -> Result<T, PolicyError> {
        if self.spent >= LIMITS.session {
            self.starts = LIMITS.restarts;
            return Err(PolicyError::Off(format!("it used {} s of this session", LIMITS.session.as_secs())));
        }
        let began = self.arm(&mut live.store, limit);
        let answer = {
            let _running = TICKER.run(self.prepared.engine);
            call(live)
        };
        self.spent += began.elapsed();
        answer.map_err(|error| {
            self.lines.append(&mut live.store.data_mut().lines);
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
        self.name.clone()
    }

    fn roles(&self) -> Roles {
        self.prepared.roles()
    }

    fn tag_owner(&self) -> String {
        self.tag_owner.clone().unwrap_or_default()
    }

    fn admit(&mut self, group: &GroupView) -> Result<Admit, PolicyError> {
        let mut live = self.take_live()?;
        live.store.data_mut().question = Question::Group(Box::new(group.clone()));
        let call = |live: &mut Live| exported(live.functions.admit.as_ref())?.call(&mut live.store, ());
        let (bits,) = self.enter(&mut live, "admission", LIMITS.question, call)?;
        live.store.data_mut().question = Question::None;
        self.live = Some(live);
        Ok(Admit::from_bits(bits))
    }

    fn score(&mut self, columns: &mut TrimColumns) -> Result<Vec<f64>, PolicyError> {
        let mut live = self.take_live()?;
        let rows = columns.len() as u32;
        let taken = std::mem::replace(columns, TrimColumns::empty(columns.reason));
        live.store.data_mut().question = Question::Trim(Box::new(taken));
        let scores = self.score_rows(&mut live, rows);
        // The rows come back whatever happened: the fallback needs them.
        if let Question::Trim(back) = std::mem::take(&mut live.store.data_mut().question) {
            *columns = *back;
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

//! What a guest can ask of the host, and the state that answers it.
//!
//! All of it answers at once: an epoch deadline does not interrupt the host, so nothing here may block for long.

use super::instance::Identity;
use super::limits::{LIMITS, Memory};
use crate::model::{EventColumns, TrimColumns};
use crate::policy::context::{Ask, ClosePlan, Group, GroupView, NetworkView, RequestView};
use crate::policy::native::run;
use crate::policy::state;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_config::{WasiConfig, WasiConfigVariables};

#[allow(missing_docs, clippy::pedantic, reason = "generated")]
mod bindings {
    wasmtime::component::bindgen!({ path: "../wit", world: "context", imports: { default: trappable } });
}

use bindings::cachewit::policy as wit;

/// Lines that a guest logged: (level, text).
pub(super) type Lines = Vec<(u32, String)>;

/// What a guest is being asked; an interface that belongs to another question traps.
#[derive(Debug, Default)]
pub(super) enum Question {
    /// Nothing: `describe` and `configure`.
    #[default]
    None,
    /// Admission and serving.
    Group(GroupView),
    /// Eviction.
    Trim(Box<TrimColumns>),
    /// Remote.
    Network { network: Box<NetworkView>, request: Option<RequestView>, plan: Plan },
    /// Observer.
    Events(Arc<EventColumns>),
}

/// What a remote policy has told `plan` so far.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub load: Vec<u32>,
    pub ask: Vec<Ask>,
    pub close: ClosePlan,
    steps: usize,
}

/// What a component imports beyond the contract.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wants {
    /// WASI, which it gets empty.
    pub wasi: bool,
    /// Its settings by name.
    pub config: bool,
}

impl Wants {
    /// By the names of its imports.
    pub fn of<'a>(imports: impl Iterator<Item = &'a str>) -> Self {
        imports.fold(Self::default(), |wants, name| {
            let config = name.starts_with("wasi:config/");
            Self { config: wants.config || config, wasi: wants.wasi || !config && name.starts_with("wasi:") }
        })
    }
}

/// The state of one instance.
pub(super) struct Guest {
    pub memory: Memory,
    pub question: Question,
    pub now_ms: u64,
    pub lines: Lines,
    pub counters: BTreeMap<String, u64>,
    /// What it wants to be remembered, by it or by an instance before it.
    pub saved: Option<Vec<u8>>,
    /// Name and state version, once it has said them.
    pub owner: String,
    identity: Identity,
    wasi: Option<Wasi>,
    config: Option<WasiConfigVariables>,
}

struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
}

impl Guest {
    /// State for a new instance.
    pub fn new(identity: Identity, wants: Wants, saved: Option<Vec<u8>>) -> Self {
        Self {
            memory: Memory::default(),
            question: Question::None,
            now_ms: 0,
            lines: Vec::new(),
            counters: BTreeMap::new(),
            saved,
            owner: String::new(),
            wasi: wants.wasi.then(Wasi::empty),
            config: wants.config.then(|| variables(&identity.settings)),
            identity,
        }
    }

    fn group(&self) -> wasmtime::Result<&Group> {
        match &self.question {
            Question::Group(group) => Ok(group),
            _ => Err(wasmtime::format_err!("`group` has answers only while a group is asked about")),
        }
    }

    fn trim(&self) -> wasmtime::Result<&TrimColumns> {
        match &self.question {
            Question::Trim(columns) => Ok(columns),
            _ => Err(wasmtime::format_err!("`trim` has answers only during a trim")),
        }
    }

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

    fn network(&self) -> wasmtime::Result<&NetworkView> {
        match &self.question {
            Question::Network { network, .. } => Ok(network),
            _ => Err(wasmtime::format_err!("`targets` and `sets` have answers only while a remote question is asked")),
        }
    }

    fn request(&self) -> wasmtime::Result<&RequestView> {
        match &self.question {
            Question::Network { request: Some(request), .. } => Ok(request),
            _ => Err(wasmtime::format_err!("`request` has answers only during `route`")),
        }
    }

    /// The plan, for one more step.
    fn plan(&mut self) -> wasmtime::Result<&mut Plan> {
        let Question::Network { plan, .. } = &mut self.question else {
            wasmtime::bail!("`plan` takes steps only while a remote question is asked");
        };
        plan.steps += 1;
        wasmtime::ensure!(plan.steps <= LIMITS.plan_steps, "a plan has at most {} steps", LIMITS.plan_steps);
        Ok(plan)
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

impl Wasi {
    /// No files, no environment, no arguments, no sockets; what is written goes nowhere.
    fn empty() -> Self {
        Self { ctx: WasiCtx::builder().build(), table: ResourceTable::new() }
    }
}

/// Scalars of the settings by name, as text; dots lead into tables.
fn variables(settings: &serde_json::Value) -> WasiConfigVariables {
    fn add(name: &str, value: &serde_json::Value, variables: &mut WasiConfigVariables) {
        match value {
            serde_json::Value::String(text) => {
                variables.insert(name, text.clone());
            }
            serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
                variables.insert(name, value.to_string());
            }
            serde_json::Value::Object(table) => {
                for (key, value) in table {
                    let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                    add(&name, value, variables);
                }
            }
            serde_json::Value::Null | serde_json::Value::Array(_) => {}
        }
    }
    let mut variables = WasiConfigVariables::new();
    add("", settings, &mut variables);
    variables
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // Linked only for components that import WASI, and those are given one in `new`.
        let Wasi { ctx, table } = self.wasi.get_or_insert_with(Wasi::empty);
        WasiCtxView { ctx, table }
    }
}

/// Links everything of the contract; WASI only where it is wanted, since linking it costs a quarter of a millisecond.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>, wants: Wants) -> wasmtime::Result<()> {
    bindings::Context::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)?;
    if wants.config {
        wasmtime_wasi_config::add_to_linker(linker, |guest: &mut Guest| {
            WasiConfig::new(guest.config.get_or_insert_with(WasiConfigVariables::new))
        })?;
    }
    if wants.wasi {
        wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    }
    Ok(())
}

fn words(digest: crate::model::Digest) -> (u64, u64, u64, u64) {
    let [a, b, c, d] = digest.words();
    (a, b, c, d)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl wit::log::Host for Guest {
    fn max_level(&mut self) -> wasmtime::Result<u32> {
        Ok(self.identity.max_level)
    }

    fn log(&mut self, level: u32, message: String) -> wasmtime::Result<()> {
        if level <= self.identity.max_level && self.lines.len() < LIMITS.log_lines as usize {
            self.lines.push((level, crate::fault::printable(&message, LIMITS.log_line)));
        }
        Ok(())
    }
}

impl wit::clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.now_ms)
    }
}

impl wit::session::Host for Guest {
    fn fact(&mut self, key: String) -> wasmtime::Result<Result<String, u32>> {
        Ok(self.identity.session.fact_for(&self.identity.grants, &key).map_or(Err(3), cachewit_guest::Fact::into_answer))
    }
}

impl wit::state::Host for Guest {
    fn load(&mut self) -> wasmtime::Result<Vec<u8>> {
        if self.saved.is_none() {
            let states = self.identity.states.as_ref();
            return Ok(states.map(|states| states.load(&self.owner)).unwrap_or_default());
        }
        Ok(self.saved.clone().unwrap_or_default())
    }

    fn save(&mut self, bytes: Vec<u8>) -> wasmtime::Result<u32> {
        let taken = bytes.len() <= state::MOST_BYTES;
        if taken {
            self.saved = Some(bytes);
        }
        Ok(u32::from(taken))
    }
}

impl wit::counters::Host for Guest {
    fn add(&mut self, name: String, value: u64) -> wasmtime::Result<()> {
        let is_name = (1..=LIMITS.counter_name).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte));
        if is_name && (self.counters.len() < LIMITS.counters || self.counters.contains_key(&name)) {
            let counter = self.counters.entry(name).or_default();
            *counter = counter.saturating_add(value);
        }
        Ok(())
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

impl wit::group::Host for Guest {
    fn kind(&mut self) -> wasmtime::Result<u32> {
        Ok(u32::from(self.group()?.kind.code()))
    }
    fn size(&mut self) -> wasmtime::Result<u64> {
        Ok(self.group()?.size)
    }
    fn own_size(&mut self) -> wasmtime::Result<u64> {
        Ok(self.group()?.own_size)
    }
    fn members(&mut self) -> wasmtime::Result<u32> {
        Ok(self.group()?.members)
    }
    fn cost(&mut self) -> wasmtime::Result<Option<u64>> {
        Ok(self.group()?.cost.map(micros))
    }
    fn origin(&mut self) -> wasmtime::Result<u32> {
        Ok(self.group()?.origin as u32)
    }
    fn age(&mut self) -> wasmtime::Result<u64> {
        let now = crate::model::UnixNanos((self.now_ms as i64).saturating_mul(1_000_000));
        Ok(self.group()?.put.age_at(now).as_secs())
    }
    fn trust(&mut self) -> wasmtime::Result<u32> {
        Ok(self.group()?.trust() as u32)
    }
    fn fact(&mut self, key: String) -> wasmtime::Result<Result<String, u32>> {
        let group = self.group()?;
        let known = ["import-path", "toolchain", "goos", "goarch", "experiments"].contains(&key.as_str());
        Ok(if known { group.fact(&key).into_answer() } else { Err(3) })
    }
    fn action(&mut self) -> wasmtime::Result<(u64, u64, u64, u64)> {
        Ok(words(self.group()?.action))
    }
    fn output(&mut self) -> wasmtime::Result<(u64, u64, u64, u64)> {
        Ok(words(self.group()?.output))
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

impl wit::targets::Host for Guest {
    fn count(&mut self) -> wasmtime::Result<u32> {
        Ok(self.network()?.targets.len() as u32)
    }
    fn name(&mut self, target: u32) -> wasmtime::Result<String> {
        Ok(self.network()?.targets.get(target as usize).map(|target| target.name.clone()).unwrap_or_default())
    }
    fn engine(&mut self, target: u32) -> wasmtime::Result<String> {
        Ok(self.network()?.targets.get(target as usize).map(|target| target.engine.clone()).unwrap_or_default())
    }
    fn mode(&mut self, target: u32) -> wasmtime::Result<u32> {
        Ok(self.network()?.targets.get(target as usize).map_or(0, |target| target.mode))
    }
    fn health(&mut self, target: u32) -> wasmtime::Result<u32> {
        Ok(self.network()?.targets.get(target as usize).map_or(0, |target| target.health))
    }
}

impl wit::sets::Host for Guest {
    fn count(&mut self) -> wasmtime::Result<u32> {
        Ok(self.network()?.sets.len() as u32)
    }
    fn name(&mut self, set: u32) -> wasmtime::Result<String> {
        Ok(self.network()?.sets.get(set as usize).map(|set| set.name.clone()).unwrap_or_default())
    }
    fn stream(&mut self, set: u32) -> wasmtime::Result<String> {
        Ok(self.network()?.sets.get(set as usize).map(|set| set.stream.clone()).unwrap_or_default())
    }
    fn target(&mut self, set: u32) -> wasmtime::Result<u32> {
        Ok(self.network()?.sets.get(set as usize).map_or(u32::MAX, |set| set.target))
    }
    fn age(&mut self, set: u32) -> wasmtime::Result<u64> {
        Ok(self.network()?.sets.get(set as usize).map_or(u64::MAX, |set| set.age))
    }
    fn entries(&mut self, set: u32) -> wasmtime::Result<u32> {
        Ok(self.network()?.sets.get(set as usize).map_or(0, |set| set.entries))
    }
}

impl wit::request::Host for Guest {
    fn named(&mut self) -> wasmtime::Result<u32> {
        Ok(self.request()?.named)
    }
    fn cost(&mut self) -> wasmtime::Result<Option<u64>> {
        Ok(self.request()?.cost.map(micros))
    }
    fn waited(&mut self) -> wasmtime::Result<u64> {
        Ok(self.request()?.waited)
    }
    fn action(&mut self) -> wasmtime::Result<(u64, u64, u64, u64)> {
        Ok(words(self.request()?.action))
    }
}

impl wit::plan::Host for Guest {
    fn load(&mut self, set: u32) -> wasmtime::Result<()> {
        self.plan()?.load.push(set);
        Ok(())
    }
    fn ask(&mut self, target: u32, wait: u32, _options: u32) -> wasmtime::Result<()> {
        let wait = (wait > 0).then(|| Duration::from_millis(u64::from(wait)));
        self.plan()?.ask.push(Ask { target, wait });
        Ok(())
    }
    fn publish(&mut self, target: u32, name: String) -> wasmtime::Result<()> {
        self.plan()?.close.publish.push((target, name));
        Ok(())
    }
    fn share(&mut self, target: u32) -> wasmtime::Result<()> {
        self.plan()?.close.share.push(target);
        Ok(())
    }
}

// Roles that are drafted and not asked yet: their contexts are linked so that a component that has such a role beside others loads.
impl wit::http_request::Host for Guest {
    fn set_method(&mut self, _method: String) -> wasmtime::Result<()> {
        Err(not_asked())
    }
    fn set_url(&mut self, _url: String) -> wasmtime::Result<()> {
        Err(not_asked())
    }
    fn add_header(&mut self, _name: String, _value: String) -> wasmtime::Result<()> {
        Err(not_asked())
    }
    fn use_credential(&mut self, _name: String) -> wasmtime::Result<()> {
        Err(not_asked())
    }
}

impl wit::http_response::Host for Guest {
    fn status(&mut self) -> wasmtime::Result<u32> {
        Err(not_asked())
    }
    fn header(&mut self, _name: String) -> wasmtime::Result<Option<String>> {
        Err(not_asked())
    }
}

fn not_asked() -> wasmtime::Error {
    wasmtime::format_err!("this interface belongs to a role that this cachewit does not ask")
}

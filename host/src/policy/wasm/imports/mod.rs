//! What a guest can ask of the host, and the state that answers it.
//!
//! All of it answers at once: an epoch deadline does not interrupt the host, so nothing here may block for long.

mod always;
mod drafted;
mod events;
mod group;
mod network;
mod trim;
mod wasi;

use super::instance::Identity;
use super::limits::Memory;
use crate::model::{EventColumns, TrimColumns, UnixNanos};
use crate::policy::context::{Ask, ClosePlan, GroupView, NetworkView, RequestView};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasi::Wasi;
use wasmtime::component::{HasSelf, Linker};
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
    /// The time of this question, in milliseconds since 1970, once it was asked for.
    pub now_ms: Option<u64>,
    /// When the answer must be there: what waits in the host is given up then, since no epoch is looked at there.
    pub until: Instant,
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

impl Guest {
    /// State for a new instance.
    pub fn new(identity: Identity, wants: Wants, saved: Option<Vec<u8>>) -> Self {
        Self {
            memory: Memory::default(),
            question: Question::None,
            now_ms: None,
            until: Instant::now(),
            lines: Vec::new(),
            counters: BTreeMap::new(),
            saved,
            owner: String::new(),
            wasi: wants.wasi.then(Wasi::empty),
            config: wants.config.then(|| variables(&identity.settings)),
            identity,
        }
    }

    /// The time, the same for as long as a question lasts: a guest that could tell time passing could tell more from it.
    fn now_ms(&mut self) -> u64 {
        *self.now_ms.get_or_insert_with(|| u64::try_from(UnixNanos::now().0 / 1_000_000).unwrap_or(0))
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

/// Links everything of the contract; WASI only where it is wanted, since linking it costs a quarter of a millisecond.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>, wants: Wants) -> wasmtime::Result<()> {
    bindings::Context::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)?;
    if wants.config {
        wasmtime_wasi_config::add_to_linker(linker, |guest: &mut Guest| {
            WasiConfig::new(guest.config.get_or_insert_with(WasiConfigVariables::new))
        })?;
    }
    if wants.wasi {
        wasi::add_to_linker(linker)?;
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

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

use super::identity::Identity;
use super::limits::Memory;
use crate::model::{EventColumns, TrimColumns, UnixNanos};
use crate::policy::Inputs;
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

/// What a component imports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wants {
    /// A bit for each interface of [`CONTEXT`].
    context: u16,
    /// WASI, which it gets empty.
    pub wasi: bool,
    /// Its settings by name.
    pub config: bool,
}

impl Wants {
    /// By the names of its imports.
    pub fn of<'a>(imports: impl Iterator<Item = &'a str>) -> Self {
        let mut wants = Self::default();
        for name in imports {
            if let Some(interface) = name.strip_prefix("cachewit:policy/").and_then(|rest| rest.split('@').next()) {
                let place = CONTEXT.iter().position(|(known, _)| *known == interface);
                wants.context |= place.map_or(0, |place| 1 << place);
            } else if name.starts_with("wasi:config/") {
                wants.config = true;
            } else if name.starts_with("wasi:") {
                wants.wasi = true;
            }
        }
        wants
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
    /// What its answers rest on.
    pub inputs: Inputs,
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
            inputs: Inputs::default(),
            saved,
            owner: String::new(),
            wasi: wants.wasi.then(Wasi::empty),
            config: wants.config.then(|| variables(&identity.settings)),
            identity,
        }
    }

    /// The time, the same for as long as a question lasts: a guest that could tell time passing could tell more from it.
    fn now_ms(&mut self) -> u64 {
        self.inputs.more = true;
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

/// Defines an interface.
type Add = fn(&mut Linker<Guest>) -> wasmtime::Result<()>;

/// What the contract offers: the interfaces of its world `context`.
const CONTEXT: [(&str, Add); 14] = [
    ("log", |linker| wit::log::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)),
    ("clock", |linker| wit::clock::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)),
    ("state", |linker| wit::state::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)),
    ("counters", |linker| wit::counters::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)),
    ("session", |linker| wit::session::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)),
    ("group", |linker| wit::group::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)),
    ("trim", |linker| wit::trim::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)),
    ("targets", |linker| wit::targets::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)),
    ("sets", |linker| wit::sets::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)),
    ("request", |linker| wit::request::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)),
    ("plan", |linker| wit::plan::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)),
    ("http-request", |linker| wit::http_request::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)),
    ("http-response", |linker| wit::http_response::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)),
    ("events", |linker| wit::events::add_to_linker::<_, HasSelf<_>>(linker, |guest| guest)),
];

/// Links what is wanted and nothing else: all of the contract costs a tenth of a millisecond, and WASI a quarter.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>, wants: Wants) -> wasmtime::Result<()> {
    for (place, (_, add)) in CONTEXT.iter().enumerate() {
        if wants.context & (1 << place) != 0 {
            add(linker)?;
        }
    }
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

#[cfg(test)]
mod tests {
    use super::CONTEXT;
    use std::collections::BTreeSet;
    use wit_parser::{Resolve, WorldItem};

    #[test]
    fn every_interface_of_the_contract_that_a_component_may_import_is_offered() {
        let mut contract = Resolve::default();
        let (package, _) = contract.push_dir("../wit").unwrap();
        let world = contract.select_world(&[package], Some("context")).unwrap();
        let imports = contract.worlds[world].imports.values().filter_map(|item| match item {
            WorldItem::Interface { id, .. } => contract.interfaces[*id].name.clone(),
            _ => None,
        });
        let offered = CONTEXT.iter().map(|(name, _)| (*name).to_owned());
        assert_eq!(imports.collect::<BTreeSet<_>>(), offered.collect::<BTreeSet<_>>());
    }
}

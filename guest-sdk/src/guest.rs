//! The guest side of a component: the one instance, and contexts that ask the host.

use crate::bindings::context::cachewit::policy as host;
use crate::bindings::plugin::exports::cachewit::policy::plugin;
use crate::{
    Ask, ConfigError, Digest, Event, Events, Fact, Group, Kind, Level, Origin, Plan, Policy, Request, Rows, Session, Set, Sets, Target,
    TargetHealth, Targets, TrimReason, Trust, UNKNOWN_COST, What, parse_settings,
};
use std::sync::Mutex;
use std::time::Duration;

/// Where the configured policy stands.
pub struct Slot<P>(Mutex<Option<P>>);

impl<P> Slot<P> {
    /// An empty one.
    #[allow(clippy::new_without_default, reason = "a static needs a const fn")]
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Asks the policy. Not configured is a trap: the host never does that.
    pub fn with<T>(&self, ask: impl FnOnce(&mut P) -> T) -> T {
        match self.0.lock().as_deref_mut() {
            Ok(Some(policy)) => ask(policy),
            _ => panic!("not configured before it is asked"),
        }
    }
}

impl<P: Policy> Slot<P> {
    /// The export of that name.
    pub fn configure(&self, settings: &str) -> Result<(), plugin::ConfigError> {
        // Without this an author would only see "unreachable".
        std::panic::set_hook(Box::new(|info| host::log::log(1, &info.to_string())));
        let to_wit = |ConfigError { key, message }| plugin::ConfigError { key, message };
        let policy = parse_settings(settings).and_then(P::configure).map_err(to_wit)?;
        // No panic is survived, so no lock is poisoned; `expect` would bring words for it.
        if let Ok(mut slot) = self.0.lock() {
            *slot = Some(policy);
        }
        Ok(())
    }
}

/// The export of that name.
pub fn describe<P: Policy>() -> plugin::Info {
    plugin::Info { name: P::NAME.to_owned(), version: P::VERSION.to_owned(), state_version: P::STATE_VERSION }
}

/// The host, as every context there is.
pub struct Context;

fn digest((a, b, c, d): (u64, u64, u64, u64)) -> Digest {
    Digest([a, b, c, d])
}

impl Session for Context {
    fn fact(&self, key: &str) -> Fact {
        Fact::from_answer(host::session::fact(key))
    }
}

impl Group for Context {
    fn kind(&self) -> Kind {
        Kind::from_code(host::group::kind())
    }
    fn size(&self) -> u64 {
        host::group::size()
    }
    fn own_size(&self) -> u64 {
        host::group::own_size()
    }
    fn members(&self) -> u32 {
        host::group::members()
    }
    fn cost(&self) -> Option<Duration> {
        host::group::cost().map(Duration::from_micros)
    }
    fn origin(&self) -> Origin {
        Origin::from_code(host::group::origin())
    }
    fn age(&self) -> Duration {
        Duration::from_secs(host::group::age())
    }
    fn trust(&self) -> Trust {
        Trust::from_code(host::group::trust())
    }
    fn fact(&self, key: &str) -> Fact {
        Fact::from_answer(host::group::fact(key))
    }
    fn action(&self) -> Digest {
        digest(host::group::action())
    }
    fn output(&self) -> Digest {
        digest(host::group::output())
    }
}

impl Rows for Context {
    fn reason(&self) -> TrimReason {
        TrimReason::from_code(host::trim::reason())
    }
    fn used(&self) -> u64 {
        host::trim::used()
    }
    fn wanted(&self) -> u64 {
        host::trim::wanted()
    }
    fn len(&self) -> u32 {
        host::trim::rows()
    }
    fn keys(&self, first: u32, count: u32) -> Vec<u64> {
        host::trim::keys(first, count)
    }
    fn sizes(&self, first: u32, count: u32) -> Vec<u64> {
        host::trim::sizes(first, count)
    }
    fn idle_runs(&self, first: u32, count: u32) -> Vec<u32> {
        host::trim::idle_runs(first, count)
    }
    fn ranks(&self, first: u32, count: u32) -> Vec<u32> {
        host::trim::ranks(first, count)
    }
    fn idle_seconds(&self, first: u32, count: u32) -> Vec<u32> {
        host::trim::idle_seconds(first, count)
    }
    fn ages(&self, first: u32, count: u32) -> Vec<u32> {
        host::trim::ages(first, count)
    }
    fn uses(&self, first: u32, count: u32) -> Vec<u32> {
        host::trim::uses(first, count)
    }
    fn costs(&self, first: u32, count: u32) -> Vec<u64> {
        host::trim::costs(first, count)
    }
    fn kinds(&self, first: u32, count: u32) -> Vec<u32> {
        host::trim::kinds(first, count)
    }
    fn streams(&self, first: u32, count: u32) -> Vec<u32> {
        host::trim::streams(first, count)
    }
    fn members(&self, first: u32, count: u32) -> Vec<u32> {
        host::trim::members(first, count)
    }
    fn held(&self, first: u32, count: u32) -> Vec<u32> {
        host::trim::held(first, count)
    }
    fn marks(&self, first: u32, count: u32) -> Vec<u32> {
        host::trim::marks(first, count)
    }
    fn tags(&self, first: u32, count: u32) -> Vec<u64> {
        host::trim::tags(first, count)
    }
    fn set_tags(&self, first: u32, tags: &[u64]) {
        host::trim::set_tags(first, tags);
    }
}

impl Events for Context {
    fn len(&self) -> u32 {
        host::events::rows()
    }
    fn run(&self, first: u32, count: u32) -> Vec<Event> {
        let (codes, levels) = (host::events::codes(first, count), host::events::levels(first, count));
        let (sizes, kinds) = (host::events::sizes(first, count), host::events::kinds(first, count));
        let (times, durations) = (host::events::times(first, count), host::events::durations(first, count));
        let costs = host::events::costs(first, count);
        let row = |row: usize| Event {
            what: What::from_code(codes[row]),
            level: Level::from_code(levels[row]),
            size: sizes[row],
            time: Duration::from_micros(times[row]),
            duration: Duration::from_micros(durations[row]),
            kind: Kind::from_code(kinds[row]),
            cost: (costs[row] != UNKNOWN_COST).then(|| Duration::from_micros(costs[row])),
        };
        (0..count as usize).map(row).collect()
    }
}

impl Targets for Context {
    fn all(&self) -> Vec<Target> {
        let target = |index| {
            let mode = host::targets::mode(index);
            Target {
                index,
                name: host::targets::name(index),
                engine: host::targets::engine(index),
                readable: mode & 1 != 0,
                writable: mode & 2 != 0,
                health: TargetHealth::from_code(host::targets::health(index)),
            }
        };
        (0..host::targets::count()).map(target).collect()
    }
}

impl Sets for Context {
    fn all(&self) -> Vec<Set> {
        let set = |index| Set {
            index,
            name: host::sets::name(index),
            stream: host::sets::stream(index),
            target: host::sets::target(index),
            age: Duration::from_secs(host::sets::age(index)),
            entries: host::sets::entries(index),
        };
        (0..host::sets::count()).map(set).collect()
    }
}

impl Request for Context {
    fn named(&self) -> u32 {
        host::request::named()
    }
    fn cost(&self) -> Option<Duration> {
        host::request::cost().map(Duration::from_micros)
    }
    fn waited(&self) -> Duration {
        Duration::from_millis(host::request::waited())
    }
    fn action(&self) -> Digest {
        digest(host::request::action())
    }
}

impl Plan for Context {
    fn load(&self, set: u32) {
        host::plan::load(set);
    }
    fn ask(&self, ask: Ask) {
        let wait = ask.wait.map_or(0, |wait| u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1));
        host::plan::ask(ask.target, wait, 0);
    }
    fn publish(&self, target: u32, name: &str) {
        host::plan::publish(target, name);
    }
    fn share(&self, target: u32) {
        host::plan::share(target);
    }
}

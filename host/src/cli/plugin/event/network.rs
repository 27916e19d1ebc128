//! The remote side, as `open`, `route` and `close` ask about it.

use super::DigestText;
use crate::model::Digest;
use crate::policy::{NetworkView, RequestView, SetView, TargetView};
use serde::Deserialize;
use std::time::Duration;

/// The remote side.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(in super::super) struct NetworkEvent {
    targets: Vec<TargetEvent>,
    sets: Vec<SetEvent>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct TargetEvent {
    name: String,
    engine: String,
    readable: bool,
    writable: bool,
    health: HealthName,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HealthName {
    #[default]
    Unknown,
    Good,
    Trouble,
    Empty,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct SetEvent {
    name: String,
    stream: String,
    target: u32,
    age_seconds: u64,
    entries: u32,
}

impl NetworkEvent {
    /// As a policy is asked about it.
    pub fn view(&self) -> NetworkView {
        let target = |target: &TargetEvent| TargetView {
            name: target.name.clone(),
            engine: target.engine.clone(),
            mode: u32::from(target.readable) | u32::from(target.writable) << 1,
            health: target.health as u32,
        };
        let set = |set: &SetEvent| SetView {
            name: set.name.clone(),
            stream: set.stream.clone(),
            target: set.target,
            age: set.age_seconds,
            entries: set.entries,
        };
        NetworkView { targets: self.targets.iter().map(target).collect(), sets: self.sets.iter().map(set).collect() }
    }
}

/// A miss.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(in super::super) struct RouteEvent {
    action: Option<DigestText>,
    named: Vec<u32>,
    cost_us: Option<u64>,
    waited_ms: u64,
    #[serde(flatten)]
    pub network: NetworkEvent,
}

impl RouteEvent {
    /// As a policy is asked about it.
    pub fn view(&self) -> RequestView {
        RequestView {
            action: self.action.map_or_else(|| Digest::of(b"action"), |action| action.0),
            named: self.named.iter().filter(|target| **target < 32).fold(0, |named, target| named | 1 << target),
            cost: self.cost_us.map(Duration::from_micros),
            waited: self.waited_ms,
        }
    }
}

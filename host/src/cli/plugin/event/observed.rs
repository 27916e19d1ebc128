//! What happened, as `observe` is told it.

use super::KindName;
use crate::model::{EventCode, EventColumns, EventRow};
use crate::trace::What;
use serde::Deserialize;
use std::sync::Arc;

/// What happened.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(in super::super) struct ObserveEvent {
    events: Vec<HappenedEvent>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct HappenedEvent {
    what: WhatName,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    time_us: u64,
    #[serde(default)]
    duration_us: u64,
    #[serde(default)]
    kind: KindName,
    cost_us: Option<u64>,
}

/// What became of a request, by the names that traces use, or what happened to a group.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
enum WhatName {
    Request(What),
    Group(GroupWhat),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum GroupWhat {
    Evicted,
    Shared,
}

impl ObserveEvent {
    /// As a policy is told it.
    pub fn columns(&self) -> Arc<EventColumns> {
        let mut columns = EventColumns::default();
        for event in &self.events {
            let (code, level) = match event.what {
                WhatName::Request(what) => what.codes(),
                WhatName::Group(GroupWhat::Evicted) => (EventCode::Evicted, 0),
                WhatName::Group(GroupWhat::Shared) => (EventCode::Shared, 0),
            };
            let HappenedEvent { size, time_us: time, duration_us: duration, cost_us: cost, .. } = *event;
            columns.push(EventRow { code, level, size, time, duration, kind: Some(event.kind.kind()), cost });
        }
        Arc::new(columns)
    }
}

//! What a session did, as observers are told it.

use super::Cache;
use crate::model::{EventCode, EventColumns, EventRow, Kind};
use crate::trace::Event;
use std::sync::{Arc, PoisonError};

/// Tells those who want to know: the requests, then the groups that were evicted, then those that were shared.
pub(super) fn tell(cache: &Cache, events: &[Event], evicted: &[(u64, Kind)]) {
    let shared = cache.shared_now.lock().unwrap_or_else(PoisonError::into_inner);
    // A `go env` is too short a session for finding out whether anybody would want to know of nothing.
    if events.is_empty() && evicted.is_empty() && shared.groups.is_empty() {
        return;
    }
    let mut chain = cache.chain();
    if !chain.observes() {
        return;
    }
    let mut columns = EventColumns::default();
    for event in events {
        columns.push(request(event));
    }
    for (code, groups) in [(EventCode::Evicted, evicted), (EventCode::Shared, &shared.groups)] {
        for (size, kind) in groups {
            columns.push(EventRow { code, level: 0, size: *size, time: 0, duration: 0, kind: Some(*kind), cost: None });
        }
    }
    chain.observe(&Arc::new(columns));
}

fn request(event: &Event) -> EventRow {
    let (code, level) = event.what.codes();
    let kind = event.kind.map(|_| event.kind());
    EventRow { code, level, size: event.size, time: event.t, duration: event.d, kind, cost: event.cost }
}

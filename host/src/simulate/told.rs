//! What the policies of a simulated session are told and asked.

use super::Times;
use crate::cache::group_view;
use crate::model::{Digest, EventRow, Facts};
use crate::policy::manifest::GRANTED_FACTS;
use crate::policy::{Admit, Chain, FactSource, SessionView};
use crate::store::GroupRow;
use crate::trace::{Event, Trace, What};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Asks admission about a group, once.
pub(super) fn ask(chain: &mut Chain, admitted: &mut HashMap<Digest, Admit>, row: &GroupRow, times: &mut Times) -> Admit {
    *admitted.entry(row.head().action).or_insert_with(|| {
        let asked = Instant::now();
        let answer = chain.admit(&group_view(row, Arc::new(NoFiles)));
        times.add(asked.elapsed());
        answer
    })
}

/// A get, as observers are told it.
pub(super) fn request(event: &Event, what: What, size: u64) -> EventRow {
    let (code, level) = what.codes();
    let size = if what == What::Miss { 0 } else { size };
    EventRow { code, level, size, time: event.t, duration: event.d, kind: None, cost: None }
}

/// What policies may ask of the session.
pub(super) fn view(trace: &Trace) -> SessionView {
    let keys = SessionView::KEYS.into_iter().chain(GRANTED_FACTS);
    let known = keys.filter_map(|key| Some((key, trace.header.facts.get(key)?.clone())));
    SessionView(known.collect())
}

/// No object can be read here.
pub(super) struct NoFiles;

impl FactSource for NoFiles {
    fn facts(&self, _: Digest) -> Option<Facts> {
        None
    }
}

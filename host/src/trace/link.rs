//! Which requests belong together, where the trace itself does not say.

use super::Trace;
use crate::model::Digest;
use std::collections::{HashMap, HashSet};

/// Writes the head into every request for a companion whose head some session asked for or put. A put says it itself, unless the
/// companion came first and nothing had been missed, as with `go build -a`; a hit never does.
pub fn link(traces: &mut [Trace]) {
    let seen: HashSet<Digest> = traces.iter().flat_map(|trace| &trace.events).map(|event| event.action).collect();
    let mut heads: HashMap<Digest, Digest> = HashMap::new();
    for head in &seen {
        let companions = [head.subkey("stdout"), head.subkey("srcfiles")];
        heads.extend(companions.into_iter().filter(|companion| seen.contains(companion)).map(|companion| (companion, *head)));
    }
    for event in traces.iter_mut().flat_map(|trace| &mut trace.events) {
        event.head = event.head.or_else(|| heads.get(&event.action).copied());
    }
}

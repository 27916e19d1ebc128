//! How lookups read: one state of the index for many of them, and not for long.

use super::shelf::Inner;
use crate::store::Index;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Lookups after which they read snapshots.
const SNAPSHOT_FROM: u32 = 32;

/// How long a snapshot is read at most: what other sessions commit is found this much later, beside the 200 ms of their batches. And a
/// session that waits for hours, as under `go run`, holds none.
const SNAPSHOT: Duration = Duration::from_millis(25);

/// Whether lookups read snapshots yet.
#[derive(Default)]
pub(super) struct Snapshots {
    /// Lookups so far.
    lookups: u32,
    /// Whether a thread ends snapshots that are old.
    end_by_themselves: bool,
}

impl Snapshots {
    /// Sees to it that lookups read one state of the index, and that it is not an old one. A `go list` makes a handful of them, which are
    /// not worth a thread.
    pub fn keep(&mut self, index: Option<&Index>, shared: &Arc<Mutex<Inner>>) {
        self.lookups = self.lookups.saturating_add(1);
        if self.lookups < SNAPSHOT_FROM {
            return;
        }
        if !self.end_by_themselves {
            let shared = Arc::downgrade(shared);
            self.end_by_themselves = std::thread::Builder::new().name("snapshots".to_owned()).spawn(move || end_snapshots(&shared)).is_ok();
        }
        if let Some(index) = index.filter(|_| self.end_by_themselves) {
            // Without one, each lookup looks for itself.
            let _ = index.begin_snapshot();
        }
    }
}

/// Ends snapshots until nobody has looked anything up for a while.
fn end_snapshots(shared: &Weak<Mutex<Inner>>) {
    const PATIENCE: u32 = 40;
    let (mut seen, mut idle) = (0, 0);
    loop {
        std::thread::sleep(SNAPSHOT);
        let Some(inner) = shared.upgrade() else { return };
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = &inner.index {
            index.end_snapshot();
        }
        idle = if inner.snapshots.lookups == seen { idle + 1 } else { 0 };
        seen = inner.snapshots.lookups;
        if idle > PATIENCE {
            inner.snapshots.end_by_themselves = false;
            return;
        }
    }
}

//! What a session shares in the end, and what its stores have done.

use super::ledger::{RemoteCounts, Summary};
use super::remote::{Shared, Sharing};
use super::{Cache, late, native};
use crate::store::GroupRow;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl Cache {
    /// Whether anything may leave this machine.
    fn shares(&self) -> bool {
        // Where nothing can be written, nobody could note what a store holds by now.
        self.client.is_some() && !self.shelf.is_read_only() && self.config.stores.iter().any(|store| store.mode.writes())
    }

    /// Whether something that was found in Go's own cache is to be taken into the store, so that it can be shared.
    pub(super) fn adopts(&self) -> bool {
        self.shares() && !self.book().ledger.native.is_empty()
    }

    /// Shares what the session used and admission lets out.
    pub(super) fn share(&self, deadline: Duration) {
        self.shared.store(true, Ordering::Relaxed);
        let Some(client) = &self.client else { return };
        if !self.shares() {
            return;
        }
        if let Some(native) = self.native.as_ref().filter(|_| self.adopts()) {
            let actions = std::mem::take(&mut self.book().ledger.native);
            native::adopt(native, &self.shelf, &actions, deadline);
            self.shelf.commit(None);
        }
        let used = self.book().ledger.used.clone();
        let mut admissions = late::Admissions::new(self);
        let admits = !used.is_empty() && self.chain().admits();
        let may_leave = admits.then_some(|row: &GroupRow| admissions.ask(row).share != Some(false));
        let sharing = Sharing { client, shelf: &self.shelf, stores: &self.config.stores, stream: &self.stream, deadline };
        if let Some(shared) = sharing.run(&used, may_leave) {
            *self.shared_now.lock().unwrap_or_else(PoisonError::into_inner) = shared;
        }
    }

    /// Ends the remote side: what it did goes into the summary, and what went wrong is said.
    pub(super) fn remote_counts(&self, summary: &mut Summary) {
        let Some(client) = &self.client else { return };
        client.stop();
        let stats = client.stats();
        let Shared { report, .. } = &*self.shared_now.lock().unwrap_or_else(PoisonError::into_inner);
        summary.remote = RemoteCounts {
            fetched: stats.objects,
            fetched_bytes: stats.bytes,
            shared: report.objects,
            shared_bytes: report.wire_bytes,
            records: report.records,
            round_trips: stats.requests,
            waited_ms: u64::try_from(stats.waited_in_vain.as_millis()).unwrap_or(u64::MAX),
        };
        self.say_remote_errors(&stats.errors);
        self.say_remote_errors(&report.errors);
    }

    pub(super) fn say_remote_errors(&self, errors: &[(String, String)]) {
        for (store, error) in errors {
            self.faults.say(&format!("remote:{store}"), format!("store {store}: {error}; the build goes on without it"));
        }
    }
}

//! The chain of a session, which several threads ask: one question at a time.

use super::Chain;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long who can wait does wait before he looks again.
const MOMENT: Duration = Duration::from_micros(50);

/// A chain and who wants it. Whoever is awake when a mutex is given back gets it, so one who asks question after question would keep it from
/// those that are being woken: hits that `go` waits for would come after all that it has not asked for yet.
pub struct SharedChain {
    chain: Mutex<Chain>,
    wanted: AtomicU32,
}

impl SharedChain {
    /// A chain that nobody asks yet.
    pub fn new(chain: Chain) -> Self {
        Self { chain: Mutex::new(chain), wanted: AtomicU32::new(0) }
    }

    /// The chain, for who is waited for.
    pub fn lock(&self) -> MutexGuard<'_, Chain> {
        self.wanted.fetch_add(1, Ordering::SeqCst);
        // Another thread's panic leaves a plugin behind that is off, or one that is started anew.
        let chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        self.wanted.fetch_sub(1, Ordering::SeqCst);
        chain
    }

    /// The chain, once nobody else wants it.
    pub fn lock_last(&self) -> MutexGuard<'_, Chain> {
        while self.wanted.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(MOMENT);
        }
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

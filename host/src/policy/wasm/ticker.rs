//! Time for guests: a thread that advances the engine's epoch while a guest runs.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;
use wasmtime::Engine;

/// How long an epoch is. A deadline is met at most this much late.
const TICK: Duration = Duration::from_millis(5);

/// One thread, started at the first question and parked while no guest runs.
#[derive(Debug, Default)]
pub(super) struct Ticker {
    running: Arc<AtomicU32>,
    thread: OnceLock<Thread>,
}

impl Ticker {
    /// Counts a guest as running until the guard is dropped.
    pub fn run(&self, engine: &Engine) -> Running<'_> {
        let thread = self.thread.get_or_init(|| {
            let (running, engine) = (self.running.clone(), engine.weak());
            std::thread::spawn(move || tick(&running, &engine)).thread().clone()
        });
        if self.running.fetch_add(1, Ordering::Release) == 0 {
            thread.unpark();
        }
        Running(&self.running)
    }

    /// A duration in epochs, rounded up, and one more for the epoch that is under way.
    pub fn epochs(duration: Duration) -> u64 {
        duration.as_millis().div_ceil(TICK.as_millis()) as u64 + 1
    }
}

/// See [`Ticker::run`].
pub(super) struct Running<'a>(&'a AtomicU32);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// One epoch a wake-up, never several to catch up: a machine that was asleep must not kill a guest that just began.
fn tick(running: &AtomicU32, engine: &wasmtime::EngineWeak) {
    loop {
        while running.load(Ordering::Acquire) == 0 {
            std::thread::park();
        }
        std::thread::sleep(TICK);
        match engine.upgrade() {
            Some(engine) => engine.increment_epoch(),
            None => return,
        }
    }
}

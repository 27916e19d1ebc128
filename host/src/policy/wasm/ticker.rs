//! Time for guests: a thread that advances the engine's epoch while a guest runs.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;
use wasmtime::{Engine, EngineWeak};

/// How long an epoch is. A deadline is met at most this much late.
const TICK: Duration = Duration::from_millis(20);

/// How long the thread goes on after the last question. To wake it costs more than a question does, so it is not woken for each of a
/// build's thousands: that was 2 ms of the 8 that three policies cost a warm `go build std`. Nor does it tick through a build in which
/// nobody is asked any more: a second of that was 0.4 ms.
const IDLE_TICKS: u32 = 5;

/// One thread, started at the first question and parked where nobody has asked for a while.
#[derive(Debug, Default)]
pub(super) struct Ticker {
    state: Arc<State>,
    thread: OnceLock<Thread>,
}

#[derive(Debug, Default)]
struct State {
    /// Guests that run.
    running: AtomicU32,
    /// Whether one has run since the last tick.
    ran: AtomicBool,
    /// Whether the thread waits to be woken.
    parked: AtomicBool,
}

impl Ticker {
    /// Counts a guest as running until the guard is dropped.
    pub fn run(&self, engine: &Engine) -> Running<'_> {
        let thread = self.thread.get_or_init(|| {
            let (state, engine) = (self.state.clone(), engine.weak());
            std::thread::spawn(move || tick(&state, &engine)).thread().clone()
        });
        // Sequentially consistent, as is the other side: either this thread sees that the ticker parks, or the ticker sees the guest.
        self.state.running.fetch_add(1, Ordering::SeqCst);
        self.state.ran.store(true, Ordering::Relaxed);
        if self.state.parked.load(Ordering::SeqCst) {
            thread.unpark();
        }
        Running(&self.state.running)
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
fn tick(state: &State, engine: &EngineWeak) {
    let mut idle = 0;
    loop {
        std::thread::sleep(TICK);
        match engine.upgrade() {
            Some(engine) => engine.increment_epoch(),
            None => return,
        }
        let ran = state.ran.swap(false, Ordering::Relaxed);
        idle = if ran || state.running.load(Ordering::SeqCst) > 0 { 0 } else { idle + 1 };
        if idle == IDLE_TICKS {
            state.parked.store(true, Ordering::SeqCst);
            while state.running.load(Ordering::SeqCst) == 0 {
                std::thread::park();
            }
            state.parked.store(false, Ordering::SeqCst);
            idle = 0;
        }
    }
}

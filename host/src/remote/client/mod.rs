//! The session's side of the remote: answers local misses from what other machines made.
//!
//! Nothing happens before the first local miss: no network, no TLS, no credential. It starts a thread with a runtime of its own,
//! on which everything then runs. One second of trouble in total is the most that a target can cost (the breaker).

mod answer;
mod load;
mod serve;
mod transfer;

use super::engine::StoreKind;
use super::rule;
use super::share::{ShareJob, ShareReport};
use super::target::{ConfigError, Health, StoreConfig, Target};
use super::waits::Waits;
use super::{ClosePlan, Decide, Local, TargetView};
use crate::model::{Digest, Entry};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// How long may be waited for what, and where state lies.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The stream of this session, by which the host's own rule chooses sets.
    pub stream: String,
    /// The folder of the breakers' state; made when it is needed.
    pub state: PathBuf,
    /// The longest that gets wait for head and sets, once a session.
    pub load: Duration,
    /// The longest wait for the first byte of a demanded object.
    pub first_byte: Duration,
    /// A wait for the first byte is never cut below this by a small cost: costs that small are noise of the machine that measured
    /// them, and a round trip may take as long.
    pub least: Duration,
    /// A transfer that brings no bytes for this long is given up.
    pub stall: Duration,
    /// Trouble in total at which a target's breaker opens.
    pub trouble: Duration,
    /// The longest wait in all for objects that no loaded set names.
    pub unnamed: Duration,
}

impl Settings {
    /// The usual times for a session of this stream, with breakers' state in `state`.
    pub fn new(stream: impl Into<String>, state: impl Into<PathBuf>) -> Self {
        Self {
            stream: stream.into(),
            state: state.into(),
            load: Duration::from_millis(500),
            first_byte: Duration::from_millis(500),
            least: Duration::from_millis(100),
            stall: Duration::from_millis(500),
            trouble: Duration::from_secs(1),
            unnamed: Duration::from_secs(1),
        }
    }
}

/// What became of a miss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The object is in the local store now.
    Hit {
        /// As the index holds it.
        entry: Entry,
        /// Where it lies.
        path: String,
    },
    /// Nobody has it, or nobody answered in time.
    Miss,
}

/// What was done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Local misses handed over.
    pub asked: u64,
    /// Those that became hits.
    pub hits: u64,
    /// Those that stayed misses.
    pub misses: u64,
    /// Objects admitted, companions included.
    pub objects: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Bytes of bodies as they came over the wire; those inside records and sets are not counted.
    pub wire_bytes: u64,
    /// Requests sent to all targets, sharing included.
    pub requests: u64,
    /// Working sets loaded.
    pub sets: u64,
    /// Actions that they name.
    pub named: u64,
    /// Wall time in which some miss waited and nothing came of it; stretches that overlap count once.
    pub waited_in_vain: Duration,
    /// Targets that nobody asks for now.
    pub breakers_open: u64,
    /// Store's name and what went wrong first, for those in which something did.
    pub errors: Vec<(String, String)>,
}

/// What the thread and the handle share.
struct Shared {
    targets: Vec<Target>,
    local: Arc<dyn Local>,
    decide: Mutex<Box<dyn Decide>>,
    settings: Settings,
    stats: Mutex<Stats>,
    waits: Mutex<Waits>,
    /// Heads, with their outputs, that loaded sets name; bit n: a set of target n.
    held: Mutex<HashMap<(Digest, Digest), u64>>,
}

impl Shared {
    fn stats(&self) -> MutexGuard<'_, Stats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<(Digest, Digest), u64>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self) -> MutexGuard<'_, Box<dyn Decide>> {
        self.decide.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn views(&self) -> Vec<TargetView> {
        self.targets.iter().map(Target::view).collect()
    }
}

/// Answers a miss exactly once: one that is dropped unanswered, whatever the reason, is a miss.
struct Reply(Option<Box<dyn FnOnce(Answer) + Send>>);

impl Reply {
    fn send(mut self, answer: Answer) {
        if let Some(reply) = self.0.take() {
            reply(answer);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(reply) = self.0.take() {
            reply(Answer::Miss);
        }
    }
}

enum Command {
    Miss { action: Digest, cost: Option<Duration>, reply: Reply },
    Share { job: Box<ShareJob>, done: mpsc::Sender<ShareReport> },
    Stop,
}

struct Thread {
    commands: UnboundedSender<Command>,
    handle: JoinHandle<()>,
}

/// The remote side of one session.
pub struct Client {
    shared: Arc<Shared>,
    thread: Mutex<Option<Thread>>,
}

impl Client {
    /// The client of these stores, which become targets 0, 1, …; opens nothing.
    pub fn new(stores: Vec<StoreConfig>, local: Arc<dyn Local>, decide: Box<dyn Decide>, settings: Settings) -> Result<Self, ConfigError> {
        if stores.len() > 64 {
            return Err(ConfigError::TooMany);
        }
        let target = |config| Target::new(config, &settings.state, settings.trouble);
        let targets = stores.into_iter().map(target).collect::<Result<_, _>>()?;
        let (stats, waits) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { targets, local, decide: Mutex::new(decide), settings, stats, waits, held: Mutex::default() });
        Ok(Self { shared, thread: Mutex::new(None) })
    }

    /// Looks for what was missed here. `cost` is what making it is known to cost. `reply` is called exactly once, mostly on the
    /// client's thread, at once if no store may be read.
    pub fn miss(&self, action: Digest, cost: Option<Duration>, reply: Box<dyn FnOnce(Answer) + Send>) {
        let reply = Reply(Some(reply));
        if self.shared.targets.iter().any(|target| target.config().mode.reads()) {
            self.command(Command::Miss { action, cost, reply });
        }
    }

    /// The targets as they stand.
    pub fn targets(&self) -> Vec<TargetView> {
        self.shared.views()
    }

    /// Which targets hold a group as it is, as far as loaded sets say: bit n = target n. So what was fetched is not sent back.
    pub fn held(&self, head: Digest, output: Digest) -> u64 {
        self.shared.held().get(&(head, output)).copied().unwrap_or(0)
    }

    /// What was done so far.
    pub fn stats(&self) -> Stats {
        let mut stats = self.shared.stats().clone();
        let targets = &self.shared.targets;
        stats.requests = targets.iter().map(Target::requests).sum();
        stats.waited_in_vain = self.shared.waits().total();
        stats.breakers_open = targets.iter().filter(|target| target.breaker_open()).count() as u64;
        let errors = targets.iter().filter_map(|target| Some((target.config().name.clone(), target.error()?)));
        stats.errors = errors.collect();
        stats
    }

    /// The session is over: asks the policy what to publish and where to share. Steps that a store's mode forbids are left out.
    pub fn close_plan(&self) -> ClosePlan {
        let views = self.shared.views();
        let writes = |target: usize| views.get(target).is_some_and(|view| view.writes);
        let decided = self.shared.decide().close(&views);
        let mut plan = decided.unwrap_or_else(|| rule::close(&self.shared.settings.stream, &views));
        plan.publish.retain(|(target, _)| writes(*target));
        plan.share.retain(|&target| writes(target));
        plan
    }

    /// Shares and publishes; returns when all is done or `job.deadline` is over.
    pub fn share(&self, job: ShareJob) -> ShareReport {
        let (done, report) = mpsc::channel();
        self.command(Command::Share { job: Box::new(job), done });
        report.recv().unwrap_or_default()
    }

    /// Ends everything: what still waits is a miss, and the breakers' state is kept for the next session.
    pub fn stop(&self) {
        if let Some(thread) = self.lock().take() {
            // A thread that has ended already takes no command, and is joined all the same.
            let _ = thread.commands.send(Command::Stop);
            let _ = thread.handle.join();
            self.shared.targets.iter().for_each(Target::settle);
        }
    }

    /// Sends a command to the thread, which is started if there is none. Where it cannot be, the command is dropped and thereby
    /// answered.
    fn command(&self, command: Command) {
        let mut thread = self.lock();
        if thread.is_none() {
            let shared = Arc::clone(&self.shared);
            let (commands, receiver) = unbounded_channel();
            let spawned = std::thread::Builder::new().name("remote".to_owned()).spawn(move || serve::run(shared, receiver));
            *thread = spawned.ok().map(|handle| Thread { commands, handle });
        }
        if let Some(thread) = &*thread {
            let _ = thread.commands.send(command);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Thread>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kinds: Vec<&StoreKind> = self.shared.targets.iter().map(|target| &target.config().kind).collect();
        f.debug_struct("Client").field("stores", &kinds).finish_non_exhaustive()
    }
}

/// Whether this target may be asked for objects.
fn may_ask(target: &Target) -> bool {
    target.config().mode.reads() && matches!(target.health(), Health::Good | Health::Unknown)
}

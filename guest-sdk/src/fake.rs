//! Contexts for native tests: `cargo test` of a policy needs no WebAssembly.

use crate::{Ask, Digest, Fact, Kind, Origin, Plan, Rows, Set, Sets, Target, Targets, TrimReason, Trust, UNKNOWN_COST};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

thread_local! {
    static NOW_MS: Cell<u64> = const { Cell::new(1_700_000_000_000) };
    static LINES: RefCell<Vec<(u32, String)>> = const { RefCell::new(Vec::new()) };
    static COUNTERS: RefCell<BTreeMap<String, u64>> = const { RefCell::new(BTreeMap::new()) };
    static MEMORY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Sets what [`crate::now_ms`] answers on this thread.
pub fn set_now_ms(now: u64) {
    NOW_MS.set(now);
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn now_ms() -> u64 {
    NOW_MS.get()
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn keep_line(level: u32, message: String) {
    LINES.with_borrow_mut(|lines| lines.push((level, message)));
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn count(name: &str, value: u64) {
    COUNTERS.with_borrow_mut(|counters| *counters.entry(name.to_owned()).or_default() += value);
}

/// Takes what this thread counted.
pub fn take_counters() -> BTreeMap<String, u64> {
    COUNTERS.take()
}

/// What this thread remembers, as [`crate::memory::load`] answers it.
pub fn memory() -> Vec<u8> {
    MEMORY.with_borrow(Clone::clone)
}

/// Makes this thread remember something, as an earlier session would have; false if it is too long.
pub fn remember(bytes: &[u8]) -> bool {
    let taken = bytes.len() <= crate::memory::MOST_BYTES;
    if taken {
        MEMORY.set(bytes.to_vec());
    }
    taken
}

/// Takes the (level, message) lines that this thread logged.
pub fn take_log() -> Vec<(u32, String)> {
    LINES.take()
}

/// Facts by key; what is not there is absent.
#[derive(Clone, Debug, Default)]
pub struct Session(pub BTreeMap<String, String>);

impl crate::Session for Session {
    fn fact(&self, key: &str) -> Fact {
        self.0.get(key).map_or(Fact::Absent, |text| Fact::Known(text.clone()))
    }
}

/// A group made of plain values.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each field is the answer of the method of that name")]
pub struct Group {
    pub kind: Kind,
    pub size: u64,
    pub own_size: u64,
    pub members: u32,
    pub cost: Option<Duration>,
    pub origin: Origin,
    pub age: Duration,
    pub trust: Trust,
    pub facts: BTreeMap<String, Fact>,
    pub action: Digest,
    pub output: Digest,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            kind: Kind::Archive,
            size: 0,
            own_size: 0,
            members: 1,
            cost: None,
            origin: Origin::Local,
            age: Duration::ZERO,
            trust: Trust::Local,
            facts: BTreeMap::new(),
            action: Digest::default(),
            output: Digest::default(),
        }
    }
}

impl Group {
    /// An archive of the package with this import path.
    pub fn archive(import_path: &str) -> Self {
        Self { facts: BTreeMap::from([("import-path".to_owned(), Fact::Known(import_path.to_owned()))]), ..Self::default() }
    }
}

impl crate::Group for Group {
    fn kind(&self) -> Kind {
        self.kind
    }
    fn size(&self) -> u64 {
        self.size
    }
    fn own_size(&self) -> u64 {
        self.own_size
    }
    fn members(&self) -> u32 {
        self.members
    }
    fn cost(&self) -> Option<Duration> {
        self.cost
    }
    fn origin(&self) -> Origin {
        self.origin
    }
    fn age(&self) -> Duration {
        self.age
    }
    fn trust(&self) -> Trust {
        self.trust
    }
    fn fact(&self, key: &str) -> Fact {
        self.facts.get(key).cloned().unwrap_or(Fact::Absent)
    }
    fn action(&self) -> Digest {
        self.action
    }
    fn output(&self) -> Digest {
        self.output
    }
}

/// One row of a trim.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each field is a column of `Rows`")]
pub struct Row {
    pub key: u64,
    pub size: u64,
    pub idle_runs: u32,
    pub rank: u32,
    pub idle_seconds: u32,
    pub age: u32,
    pub uses: u32,
    pub cost: u64,
    pub kind: Kind,
    pub stream: u32,
    pub members: u32,
    pub held: u32,
    pub marks: u32,
    pub tag: u64,
}

impl Default for Row {
    fn default() -> Self {
        Self {
            key: 0,
            size: 0,
            idle_runs: 0,
            rank: 0,
            idle_seconds: 0,
            age: 0,
            uses: 1,
            cost: UNKNOWN_COST,
            kind: Kind::Archive,
            stream: 1,
            members: 1,
            held: 0,
            marks: 0,
            tag: 0,
        }
    }
}

/// A trim over rows that a test wrote down.
#[derive(Clone, Debug, Default)]
pub struct Trim {
    /// The rows.
    pub rows: RefCell<Vec<Row>>,
    /// Bytes that must go.
    pub wanted: u64,
}

impl Trim {
    /// A trim over these rows.
    pub fn new(rows: Vec<Row>, wanted: u64) -> Self {
        Self { rows: RefCell::new(rows), wanted }
    }

    /// The row numbers in the order in which they would go.
    ///
    /// # Panics
    /// If the policy answers what the host would not take: another number of scores than rows, or a NaN.
    pub fn order(&self, policy: &mut impl crate::Eviction) -> Vec<usize> {
        policy.begin(self);
        let scores = policy.score(self, 0, self.len());
        policy.end(self);
        assert_eq!(scores.len(), self.rows.borrow().len(), "a score for each row");
        assert!(!scores.iter().any(|score| score.is_nan()), "no score is NaN");
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        order
    }

    fn column<T>(&self, first: u32, count: u32, cell: impl Fn(&Row) -> T) -> Vec<T> {
        self.rows.borrow()[first as usize..(first + count) as usize].iter().map(cell).collect()
    }
}

impl Rows for Trim {
    fn reason(&self) -> TrimReason {
        TrimReason::MaxSize
    }
    fn used(&self) -> u64 {
        self.rows.borrow().iter().map(|row| row.size).sum()
    }
    fn wanted(&self) -> u64 {
        self.wanted
    }
    fn len(&self) -> u32 {
        u32::try_from(self.rows.borrow().len()).unwrap_or(u32::MAX)
    }
    fn keys(&self, first: u32, count: u32) -> Vec<u64> {
        self.column(first, count, |row| row.key)
    }
    fn sizes(&self, first: u32, count: u32) -> Vec<u64> {
        self.column(first, count, |row| row.size)
    }
    fn idle_runs(&self, first: u32, count: u32) -> Vec<u32> {
        self.column(first, count, |row| row.idle_runs)
    }
    fn ranks(&self, first: u32, count: u32) -> Vec<u32> {
        self.column(first, count, |row| row.rank)
    }
    fn idle_seconds(&self, first: u32, count: u32) -> Vec<u32> {
        self.column(first, count, |row| row.idle_seconds)
    }
    fn ages(&self, first: u32, count: u32) -> Vec<u32> {
        self.column(first, count, |row| row.age)
    }
    fn uses(&self, first: u32, count: u32) -> Vec<u32> {
        self.column(first, count, |row| row.uses)
    }
    fn costs(&self, first: u32, count: u32) -> Vec<u64> {
        self.column(first, count, |row| row.cost)
    }
    fn kinds(&self, first: u32, count: u32) -> Vec<u32> {
        self.column(first, count, |row| row.kind.code())
    }
    fn streams(&self, first: u32, count: u32) -> Vec<u32> {
        self.column(first, count, |row| row.stream)
    }
    fn members(&self, first: u32, count: u32) -> Vec<u32> {
        self.column(first, count, |row| row.members)
    }
    fn held(&self, first: u32, count: u32) -> Vec<u32> {
        self.column(first, count, |row| row.held)
    }
    fn marks(&self, first: u32, count: u32) -> Vec<u32> {
        self.column(first, count, |row| row.marks)
    }
    fn tags(&self, first: u32, count: u32) -> Vec<u64> {
        self.column(first, count, |row| row.tag)
    }
    fn set_tags(&self, first: u32, tags: &[u64]) {
        let mut rows = self.rows.borrow_mut();
        for (row, tag) in rows[first as usize..].iter_mut().zip(tags) {
            row.tag = *tag;
        }
    }
}

/// Events that a test wrote down.
#[derive(Clone, Debug, Default)]
pub struct Events(pub Vec<crate::Event>);

impl Events {
    /// Tells a policy all of them, in batches of this many.
    pub fn tell(&self, policy: &mut impl crate::Observer, session: &dyn crate::Session, batch: u32) {
        let mut first = 0;
        while first < crate::Events::len(self) {
            let count = batch.max(1).min(crate::Events::len(self) - first);
            policy.observe(self, session, first, count);
            first += count;
        }
    }
}

impl crate::Events for Events {
    fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
    fn run(&self, first: u32, count: u32) -> Vec<crate::Event> {
        self.0[first as usize..(first + count) as usize].to_vec()
    }
}

/// Remote targets, sets and a miss that a test wrote down; it records the plan.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// The targets.
    pub targets: Vec<Target>,
    /// The sets.
    pub sets: Vec<Set>,
    /// What the miss is: bit n = a loaded set of target n names it.
    pub named: u32,
    /// Its cost.
    pub cost: Option<Duration>,
    /// What was waited in vain.
    pub waited: Duration,
    /// The plan, one line a step: `load 0`, `ask 1 250ms`, `ask 1`, `publish 0 main`, `share 0`.
    pub plan: RefCell<Vec<String>>,
}

impl Targets for Network {
    fn all(&self) -> Vec<Target> {
        self.targets.clone()
    }
}

impl Sets for Network {
    fn all(&self) -> Vec<Set> {
        self.sets.clone()
    }
}

impl crate::Request for Network {
    fn named(&self) -> u32 {
        self.named
    }
    fn cost(&self) -> Option<Duration> {
        self.cost
    }
    fn waited(&self) -> Duration {
        self.waited
    }
    fn action(&self) -> Digest {
        Digest::default()
    }
}

impl Plan for Network {
    fn load(&self, set: u32) {
        self.plan.borrow_mut().push(format!("load {set}"));
    }
    fn ask(&self, ask: Ask) {
        let wait = ask.wait.map_or(String::new(), |wait| format!(" {}ms", wait.as_millis()));
        self.plan.borrow_mut().push(format!("ask {}{wait}", ask.target));
    }
    fn publish(&self, target: u32, name: &str) {
        self.plan.borrow_mut().push(format!("publish {target} {name}"));
    }
    fn share(&self, target: u32) {
        self.plan.borrow_mut().push(format!("share {target}"));
    }
}

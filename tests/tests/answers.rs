//! Whatever a guest answers, and whatever it tells the host before it does: either the answer counts, or one line names the plugin and
//! the host decides as if it were not there. The guest is a real component, so wasmtime's own reading of answers is a part of this.

use cachewit::config::{PluginSource, PolicyConfig};
use cachewit::fault::Faults;
use cachewit::model::{Digest, EventCode, EventColumns, EventRow, Facts, Kind, Origin, TrimColumns, TrimReason, UnixNanos};
use cachewit::policy::wasm::{ArtifactStore, LIMITS};
use cachewit::policy::{
    Admit, Chain, FactSource, Fallback, Group, GroupView, Later, Loader, NetworkView, Policy, RequestView, SetView, States, Sums,
    TargetView,
};
use cachewit_tests::go::binary;
use cachewit_tests::guest;
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

const NAME: &str = "answers_what_it_remembers";

/// Where the guest's bytes lie in its memory, and how many pages that has.
const BYTES: u32 = 131_072;
const END: u32 = 16 << 16;

/// The folder of the component and its artefact: compiled once.
static FOLDER: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(format!("{NAME}.wasm"));
    let component = guest::named(NAME);
    std::fs::write(&file, &component).expect("the component");
    artifacts(&folder).compile(&component.into()).expect("it is compiled").1.expect("it is kept");
    (folder, file)
});

fn artifacts(folder: &TempDir) -> ArtifactStore {
    ArtifactStore::new(folder.path().join("native"), binary())
}

/// What can be asked, in the order in which it is, from any of them on: after three failures nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Eviction,
    Admission,
    Serving,
    Remote,
    Observer,
}

const QUESTIONS: [Question; 5] = [Question::Eviction, Question::Admission, Question::Serving, Question::Remote, Question::Observer];

/// What the guest is made to remember.
#[derive(Clone, Debug)]
struct Remembered {
    describe: [u32; 5],
    /// A result: 0 is good, and everything else has a key and a message.
    configure: [u32; 5],
    codes: [u32; 5],
    scores: (u32, u32, bool),
    steps: Vec<[u32; 4]>,
    rest: Vec<u8>,
}

impl Remembered {
    fn honest() -> Self {
        Self {
            describe: [BYTES, 0, BYTES, 0, 1],
            configure: [0; 5],
            codes: [0; 5],
            scores: (BYTES + 1024, 0, true),
            steps: Vec::new(),
            rest: Vec::new(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let words = |bytes: &mut Vec<u8>, words: &[u32]| bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        let mut bytes = Vec::new();
        words(&mut bytes, &self.describe);
        bytes.resize(32, 0);
        words(&mut bytes, &self.configure);
        bytes.resize(64, 0);
        words(&mut bytes, &self.codes);
        words(&mut bytes, &[self.scores.0, self.scores.1, u32::from(self.scores.2), self.steps.len() as u32, 0]);
        for step in &self.steps {
            words(&mut bytes, step);
        }
        bytes.extend(&self.rest);
        bytes
    }
}

/// Into the guest's bytes mostly, else anywhere.
fn pointer() -> impl Strategy<Value = u32> {
    prop_oneof![6 => (0..300_u32).prop_map(|word| BYTES + 8 * word), 1 => BYTES..END, 1 => END - 16..END + 16, 1 => any::<u32>()]
}

fn length() -> impl Strategy<Value = u32> {
    prop_oneof![6 => 0..80_u32, 2 => 0..70_000_u32, 1 => any::<u32>()]
}

fn text() -> impl Strategy<Value = (u32, u32)> {
    (pointer(), length())
}

/// What a guest may tell the host whatever it is asked, and what it may when it is asked this; anything else is a trap.
fn step(asked: Question) -> impl Strategy<Value = [u32; 4]> {
    let its_own: &[u32] = match asked {
        Question::Eviction => &[7, 10],
        Question::Admission | Question::Serving => &[9],
        Question::Remote => &[2, 3, 4, 5, 12, 13],
        Question::Observer => &[11],
    };
    let steps = [&[0, 1, 6, 8, 14], its_own].concat();
    let number = || prop_oneof![4 => 0..16_u32, 1 => any::<u32>()];
    prop_oneof![
        20 => (proptest::sample::select(steps), number(), text()),
        1 => (0..16_u32, number(), text()),
    ]
    .prop_map(|(step, number, (at, length))| [step, number, at, length])
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let signs = proptest::sample::select(vec![0_u8, 7, 10, 27, b'a', b'/', b'.', 0x80, 0xc3, 0xff]);
    let floats = proptest::collection::vec(any::<f64>().prop_map(f64::to_le_bytes), 0..100).prop_map(|floats| floats.concat());
    prop_oneof![proptest::collection::vec(any::<u8>(), 0..2000), proptest::collection::vec(signs, 0..2000), floats]
}

fn remembered(asked: Question) -> impl Strategy<Value = Remembered> {
    let describe = prop_oneof![4 => Just([BYTES + 200, 5, BYTES + 200, 5, 1]), 1 => (text(), text(), any::<u32>()).prop_map(|(a, b, state)| [a.0, a.1, b.0, b.1, state])];
    let configure =
        prop_oneof![9 => Just([0; 5]), 1 => (any::<u32>(), text(), text()).prop_map(|(result, a, b)| [result, a.0, a.1, b.0, b.1])];
    let code = prop_oneof![3 => 0..4_u32, 1 => any::<u32>()];
    let codes = [code.clone(), code.clone(), code.clone(), code.clone(), code];
    let scores = (pointer(), length(), proptest::bool::weighted(0.7));
    (describe, configure, codes, scores, proptest::collection::vec(step(asked), 0..12), bytes())
        .prop_map(|(describe, configure, codes, scores, steps, rest)| Remembered { describe, configure, codes, scores, steps, rest })
}

struct NoFacts;

impl FactSource for NoFacts {
    fn facts(&self, _output: Digest) -> Option<Facts> {
        Some(Facts { import_path: Some("a/b".to_owned()), ..Facts::default() })
    }
}

fn group() -> GroupView {
    GroupView::of(Group {
        action: Digest::EMPTY,
        output: Digest::EMPTY,
        kind: Kind::Archive,
        origin: Origin::Local,
        put: UnixNanos(0),
        sums: Later::of(Sums { size: 7, own_size: 7, members: 1, cost: None }),
        facts: Arc::new(NoFacts),
    })
}

fn columns(rows: u32) -> TrimColumns {
    let (some, more) = ((0..rows).collect::<Vec<u32>>(), (0..u64::from(rows)).collect::<Vec<u64>>());
    TrimColumns {
        used: 1000,
        wanted: 500,
        keys: more.clone(),
        sizes: more.clone(),
        idle_runs: some.clone(),
        ranks: some.clone(),
        idle_seconds: some.clone(),
        ages: some.clone(),
        uses: some.clone(),
        costs: more.clone(),
        kinds: vec![Kind::Archive; rows as usize],
        streams: some.clone(),
        members: some.clone(),
        held: some.clone(),
        marks: vec![0; rows as usize],
        tags: more,
        ..TrimColumns::empty(TrimReason::MaxSize)
    }
}

fn events() -> Arc<EventColumns> {
    let mut events = EventColumns::default();
    for number in 0..5 {
        events.push(EventRow { code: EventCode::Get, level: 1, size: number, time: number, duration: number, kind: None, cost: None });
    }
    Arc::new(events)
}

fn network() -> NetworkView {
    let target = TargetView { name: "bucket".to_owned(), engine: "s3".to_owned(), mode: 3, health: 1 };
    let set = SetView { name: "main".to_owned(), stream: "go build".to_owned(), target: 0, age: 1, entries: 1 };
    NetworkView { targets: vec![target], sets: vec![set] }
}

/// What came of asking everything once.
#[derive(Debug)]
struct Asked {
    faults: Vec<String>,
    admit: Admit,
    scores: Vec<f64>,
    by: String,
}

fn ask(remembered: &Remembered, first: Question, rows: u32) -> Asked {
    let (folder, file) = &*FOLDER;
    let states = States::in_memory();
    // Under this name a guest loads that has not said yet who it is.
    states.save("", &remembered.bytes()).expect("memory");
    let faults = Arc::new(Faults::new(None));
    // Thousands of lines are nobody's to read.
    faults.be_silent();
    let policy = PolicyConfig::plain(PluginSource::File(file.clone()));
    let mut chain = Chain::new(
        &[policy],
        Loader { artifacts: Some(artifacts(folder)), session: Arc::default(), states: Some(states.clone()), log_level: 4, recalls: false },
        faults.clone(),
    );
    let (mut admit, mut scores, mut by) = (Admit::default(), Vec::new(), String::new());
    let begin = QUESTIONS.iter().position(|question| *question == first).unwrap_or(0);
    for question in QUESTIONS.iter().cycle().skip(begin).take(QUESTIONS.len()) {
        match question {
            Question::Eviction => (scores, by) = score(&mut chain, rows),
            Question::Admission => admit = chain.admit(&group()),
            Question::Serving => _ = chain.serve(&group()),
            Question::Remote => ask_remote(&mut chain),
            Question::Observer => chain.observe(&events()),
        }
    }
    chain.remember();

    let reports = chain.reports();
    let lines = &reports[0].lines;
    assert!(lines.len() <= LIMITS.log_lines as usize, "{}", lines.len());
    for (_, line) in lines {
        assert!(line.len() <= LIMITS.log_line + '…'.len_utf8() && !line.contains(char::is_control), "{line:?}");
    }
    assert!(reports[0].counters.len() <= LIMITS.counters);
    for name in reports[0].counters.keys() {
        assert!(
            (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()),
            "{name:?}"
        );
    }
    let faults = faults.lines();
    assert!(faults.len() <= 1, "{faults:?}");
    for line in &faults {
        assert!(
            line.starts_with(&format!("plugin {}", file.display())) && line.len() < 1100 && !line.contains(char::is_control),
            "{line:?}"
        );
    }
    Asked { faults, admit, scores, by }
}

/// Every row has a score, and is as it was, but for the words of a policy that answered.
fn score(chain: &mut Chain, rows: u32) -> (Vec<f64>, String) {
    let before = columns(rows);
    let mut after = before.clone();
    // One that did not come so far as to say who it is has no words, and these are the fallback's.
    let has_words = chain.tag_owner() != Fallback::default().tag_owner();
    let (scores, decision) = chain.score(&mut after);
    assert_eq!(scores.len(), rows as usize);
    assert!(!scores.iter().any(|score| score.is_nan()), "{scores:?}");
    assert!(after.keys == before.keys && after.sizes == before.sizes && after.tags.len() == before.tags.len());
    let own = decision.by == format!("{NAME}.wasm");
    assert!(own || decision.by == "rebuild-cost (native)" && (after.tags == before.tags || !has_words), "{decision:?} {:?}", after.tags);
    (scores, decision.by)
}

/// Plans are short, and so is everything in them.
fn ask_remote(chain: &mut Chain) {
    let request = RequestView { action: Digest::EMPTY, named: 1, cost: None, waited: 0 };
    let most = LIMITS.plan_steps;
    assert!(chain.open(&network()).is_none_or(|sets| sets.len() <= most));
    assert!(chain.route(&network(), request).is_none_or(|steps| steps.len() <= most));
    if let Some(plan) = chain.close(&network()) {
        assert!(plan.publish.len() + plan.share.len() <= most);
        assert!(plan.publish.iter().all(|(_, name)| name.len() <= 256), "a thousand of these names are kept at a time");
    }
}

#[test]
fn what_is_an_answer_is_taken() {
    let asked = ask(&Remembered { codes: [2 | 4, 0, 0, 0, 0], rest: vec![0; 2000], ..Remembered::honest() }, Question::Eviction, 9);
    assert_eq!(asked.faults, [""; 0]);
    assert_eq!((asked.by.as_str(), asked.admit), ("answers_what_it_remembers.wasm", Admit { keep: Some(false), share: Some(true) }));
    assert_eq!(asked.scores, [0.0; 9]);
}

#[test]
fn rows_that_a_policy_marked_before_it_broke_are_as_they_were() {
    let steps = vec![[7, 0, BYTES, 4], [15, 0, 0, 0]];
    let asked = ask(&Remembered { steps, ..Remembered::honest() }, Question::Eviction, 9);
    assert_eq!(asked.by, "rebuild-cost (native)");
    assert!(asked.faults[0].contains("eviction: it panicked"), "{:?}", asked.faults);
}

#[test]
fn a_name_of_a_set_is_kept_as_far_as_it_can_be_one() {
    let steps = vec![[4, 0, BYTES + 120, 50_000]];
    let asked = ask(&Remembered { steps, codes: [0, 0, 0, 0, 1], rest: vec![b'a'; 60_000], ..Remembered::honest() }, Question::Remote, 9);
    assert!(asked.faults[0].contains("`plan` takes steps only"), "the other questions do: {:?}", asked.faults);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_guest_answers_is_taken_or_named(
        (first, remembered) in proptest::sample::select(&QUESTIONS[..]).prop_flat_map(|first| (Just(first), remembered(first))),
        rows in 0..40_u32,
    ) {
        ask(&remembered, first, rows);
    }

    #[test]
    fn whatever_bytes_a_guest_answers_with_are_taken_or_named(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        first in proptest::sample::select(&QUESTIONS[..]),
    ) {
        let word = |bytes: &[u8], at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let steps = bytes.chunks_exact(16).map(|step| [word(step, 0) % 16, word(step, 4), word(step, 8), word(step, 12)]).collect();
        let words = |at: usize| [at, at + 4, at + 8, at + 12, at + 16].map(|at| bytes.get(at..at + 4).map_or(0, |four| word(four, 0)));
        let remembered = Remembered { describe: words(0), configure: words(20), codes: words(40), scores: (words(60)[0], words(60)[1], false), steps, rest: bytes.clone() };
        ask(&remembered, first, 5);
    }
}

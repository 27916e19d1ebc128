//! The shipped policies as Rust and as components in the engine that builds use: asked the same, they answer the same and remember the
//! same. What lies between is the whole of the contract, in both directions.

use cachewit_guest::fake::{self, Group, Network, Row, Session, Trim};
use cachewit_guest::{
    Admission, Digest, Eviction, Fact, Kind, Origin, Policy, Remote, Serving, Set, Target, TargetHealth, Trust, UNKNOWN_COST,
    parse_settings,
};
use cachewit_guest_test::Component;
use cachewit_tests::go::binary;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use std::time::Duration;

/// Sequences of questions that each pair is asked.
const CASES: u32 = 40;

/// A shipped policy twice, with the same settings.
fn both<P: Policy>(settings: &str) -> (P, Component) {
    // The testing crate looks where an author has it: `cargo xtask test` says it to all tests, this says it to one run by hand.
    assert_eq!(std::env::var_os("CACHEWIT_BIN").map(Into::into), Some(binary()), "CACHEWIT_BIN names the binary that is tested");
    let native = P::configure(parse_settings(settings).expect("settings")).expect("a policy");
    (native, Component::of(format!("builtin:{}", P::NAME)).settings(settings).start().expect("a component"))
}

/// Asks with everything that the strategy makes. The failing case is made small before it is shown.
fn for_all<S: Strategy>(strategy: &S, mut test: impl FnMut(S::Value) -> Result<(), TestCaseError>) {
    let runner = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let test = std::cell::RefCell::new(&mut test);
    TestRunner::new(runner).run(strategy, |value| (*test.borrow_mut())(value)).unwrap_or_else(|error| panic!("{error}"));
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["main", "release/1.2", "push", "tag", "pull-request", "corp.example/secret/key", "std", "fmt", ""])
            .prop_map(str::to_owned),
        ".{0,12}",
    ]
}

fn session() -> impl Strategy<Value = Session> {
    let keys = prop::sample::select(vec!["branch", "ci-event", "stream", "command", "goos", "commit"]);
    let ci = prop::sample::select(vec!["true", "false"]);
    // Often enough of a kind that is let through: a test in which all are refused would prove little.
    let event = option::weighted(0.9, prop::sample::select(vec!["push", "tag", "pull-request"]));
    let branch = option::weighted(0.9, prop::sample::select(vec!["main", "release/1.2", "topic"]));
    let others = prop::collection::btree_map(keys.prop_map(str::to_owned), text(), 0..5);
    (others, ci, event, branch).prop_map(|(mut facts, ci, event, branch)| {
        facts.insert("ci".to_owned(), ci.to_owned());
        facts.extend(event.map(|event| ("ci-event".to_owned(), event.to_owned())));
        facts.extend(branch.map(|branch| ("branch".to_owned(), branch.to_owned())));
        Session(facts)
    })
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![0..3_000_u64, any::<u64>()].prop_map(Duration::from_micros)
}

fn kind() -> impl Strategy<Value = Kind> {
    (0..9_u32).prop_map(Kind::from_code)
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u64; 4]>().prop_map(Digest)
}

fn group() -> impl Strategy<Value = Group> {
    let sizes = (prop_oneof![0..1_000_000_u64, any::<u64>()], any::<u64>(), any::<u32>());
    let facts = option::of((text(), text()));
    let origins =
        prop::sample::select(vec![(Origin::Local, Trust::Local), (Origin::Remote, Trust::Hashed), (Origin::Native, Trust::Local)]);
    (kind(), sizes, option::of(duration()), origins, any::<u32>(), facts, digest(), digest()).prop_map(
        |(kind, (size, own_size, members), cost, (origin, trust), age, facts, action, output)| {
            // Only archives have facts: what else there is has none, and of an archive that cannot be read nothing is known.
            let fact = |text: &String| if kind == Kind::Archive { Fact::Known(text.clone()) } else { Fact::Absent };
            let keys = ["import-path", "toolchain", "goos", "goarch", "experiments"].map(str::to_owned);
            let unknown = if kind == Kind::Archive { Fact::Unknown } else { Fact::Absent };
            let mut all: BTreeMap<String, Fact> = keys.into_iter().map(|key| (key, unknown.clone())).collect();
            if let Some((path, os)) = &facts {
                all.extend([("import-path".to_owned(), fact(path)), ("goos".to_owned(), fact(os))]);
            }
            let age = Duration::from_secs(age.into());
            Group { kind, size, own_size, members, cost, origin, age, trust, facts: all, action, output }
        },
    )
}

fn row() -> impl Strategy<Value = Row> {
    let numbers = (any::<u64>(), prop_oneof![0..100_000_u64, any::<u64>()], 0..5_u32, any::<u32>(), any::<u32>(), any::<u32>(), 0..9_u32);
    let more = (
        prop_oneof![0..100_000_u64, Just(UNKNOWN_COST), any::<u64>()],
        kind(),
        0..4_u32,
        any::<u32>(),
        any::<u32>(),
        0..2_u32,
        any::<u64>(),
    );
    (numbers, more).prop_map(|((key, size, idle_runs, rank, idle_seconds, age, uses), (cost, kind, stream, members, held, marks, tag))| {
        Row { key, size, idle_runs, rank, idle_seconds, age, uses, cost, kind, stream, members, held, marks, tag }
    })
}

fn network() -> impl Strategy<Value = Network> {
    let health = prop::sample::select(vec![TargetHealth::Unknown, TargetHealth::Good, TargetHealth::Trouble, TargetHealth::Empty]);
    let target = (prop::sample::select(vec!["near", "far", "x"]), any::<bool>(), any::<bool>(), health);
    let set = (text(), text(), 0..3_u32, any::<u32>(), any::<u32>());
    (vec(target, 0..4), vec(set, 0..6), 0..16_u32, option::of(duration()), 0..5_000_u64).prop_map(|(targets, sets, named, cost, waited)| {
        let targets = targets.into_iter().enumerate().map(|(index, (name, readable, writable, health))| Target {
            index: index as u32,
            name: name.to_owned(),
            engine: "s3".to_owned(),
            readable,
            writable,
            health,
        });
        let sets = sets.into_iter().enumerate().map(|(index, (name, stream, target, age, entries))| Set {
            index: index as u32,
            name,
            stream,
            target,
            age: Duration::from_secs(age.into()),
            entries,
        });
        let waited = Duration::from_millis(waited);
        Network { targets: targets.collect(), sets: sets.collect(), named, cost, waited, ..Network::default() }
    })
}

/// Admission, and serving where it has that. A session has an instance of its own, here as there.
fn admits_alike<P: Policy + Admission>(
    settings: &str,
    mut serves: impl FnMut(&mut P, &mut Component, &Group, &Session) -> Result<(), TestCaseError>,
) {
    let (_, mut component) = both::<P>(settings);
    let mut shared = 0;
    for_all(&(session(), vec(group(), 1..8)), |(session, groups)| {
        let mut native = P::configure(parse_settings(settings).expect("settings")).expect("a policy");
        for group in &groups {
            let answer = native.admit(group, &session);
            shared += u32::from(answer.share != Some(false));
            prop_assert_eq!(answer, component.admit(group, &session));
            serves(&mut native, &mut component, group, &session)?;
        }
        Ok(())
    });
    assert!(shared > 0, "all questions had the same answer");
}

#[test]
fn share_filter_answers_alike() {
    admits_alike::<share_filter::ShareFilter>(
        r#"{"share": {"deny-packages": ["corp.example/..."], "max-size": "300 kB"}}"#,
        |_, _, _, _| Ok(()),
    );
}

#[test]
fn ci_guard_answers_alike() {
    admits_alike::<ci_guard::CiGuard>(
        r#"{"branches": ["main", "release/**"], "on-ci-only": false}"#,
        |native, component, group, session| {
            prop_assert_eq!(native.serve(group, session), component.serve(group, session));
            Ok(())
        },
    );
}

/// Trims one after another: scores, tags, and with them what is remembered from trim to trim.
fn trims_alike<P: Policy + Eviction>() {
    let (mut native, mut component) = both::<P>("{}");
    fake::remember(&[]);
    for_all(&(vec(row(), 1..60), any::<u32>()), |(rows, wanted)| {
        let (here, there) = (Trim::new(rows.clone(), wanted.into()), Trim::new(rows, wanted.into()));
        prop_assert_eq!(here.order(&mut native), there.order(&mut component));
        let tags = |trim: &Trim| trim.rows.borrow().iter().map(|row| row.tag).collect::<Vec<_>>();
        prop_assert_eq!(tags(&here), tags(&there));
        Ok(())
    });
}

#[test]
fn lru_answers_alike() {
    trims_alike::<lru::Lru>();
}

#[test]
fn rebuild_cost_answers_alike() {
    trims_alike::<rebuild_cost::RebuildCost>();
}

#[test]
fn s3_fifo_answers_alike() {
    trims_alike::<s3_fifo::S3Fifo>();
}

#[test]
fn read_through_answers_alike() {
    let (mut native, mut component) =
        both::<read_through::ReadThrough>(r#"{"stores": ["near", "far"], "ask-outside": true, "wait": "250ms"}"#);
    for_all(&(network(), session()), |(network, session)| {
        let (here, there) = (network.clone(), network);
        prop_assert_eq!(native.open(&here, &here, &session, &here), component.open(&there, &there, &session, &there));
        prop_assert_eq!(native.route(&here, &here, &session, &here), component.route(&there, &there, &session, &there));
        prop_assert_eq!(native.close(&here, &session, &here), component.close(&there, &session, &there));
        // A plan is a list a verb; which verb comes first says nothing.
        let plan = |network: &Network| {
            let mut steps = network.plan.borrow().clone();
            steps.sort_by_key(|step| step.split(' ').next().map(str::to_owned));
            steps
        };
        prop_assert_eq!(plan(&here), plan(&there));
        Ok(())
    });
}

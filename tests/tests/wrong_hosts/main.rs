//! Each wrong host fails the tests of its point, and those only: a test that nothing can fail proves nothing.
//!
//! The tests run in their own executables, which `cargo test --workspace` or `cargo xtask test` has built beside this one, with a wrong
//! host in `CACHEWIT_BIN`. `CACHEWIT_WRONG=NAME` runs one wrong host, or those whose name contains it.
#![cfg(unix)]

mod cases;
mod run;

use cachewit_tests::conformance;
use cachewit_tests::wrong;
use cases::{CASES, Case};
use run::{Runner, Runs};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// Points with which no host can be wrong on purpose, if the table gives a reason instead. More would prove too little.
const WITHOUT: usize = 10;

/// The cases by name of their wrong host.
fn cases() -> BTreeMap<&'static str, &'static Case> {
    let cases: BTreeMap<_, _> = CASES.iter().map(|case| (case.host, case)).collect();
    assert_eq!(cases.len(), CASES.len(), "a wrong host stands twice");
    cases
}

#[test]
fn every_point_has_a_wrong_host_that_its_tests_are_expected_to_fail_with() {
    let (cases, mut without, mut used) = (cases(), 0, BTreeSet::new());
    for (number, point) in conformance::points() {
        if point.wrong_hosts.is_empty() {
            assert!(point.wrong_hosts_text.len() > 20, "point {number} has neither a wrong host nor a reason");
            without += 1;
        }
        for host in &point.wrong_hosts {
            let case = cases.get(host.as_str()).unwrap_or_else(|| panic!("point {number}: there is no case of {host}"));
            assert!(
                case.fails.iter().any(|test| point.tests.iter().any(|named| named == test)),
                "point {number}: {host} fails none of its tests"
            );
            used.insert(host.clone());
        }
    }
    assert!(without <= WITHOUT, "{without} points have no wrong host");
    let hosts: BTreeSet<&str> = wrong::all().map(|(name, _)| name).collect();
    for case in CASES {
        assert!(hosts.contains(case.host), "there is no wrong host {}", case.host);
        assert!(case.is_harmless() || used.contains(case.host), "{} belongs to no point", case.host);
    }
    assert!(hosts.iter().all(|host| cases.contains_key(host)), "a wrong host without a case");
}

#[test]
fn each_wrong_host_fails_just_the_tests_of_its_point() {
    let wanted = std::env::var("CACHEWIT_WRONG").unwrap_or_default();
    let runner = Runner::new();
    let mut jobs: Vec<&Case> = CASES.iter().filter(|case| case.host.contains(&wanted)).collect();
    // Taken from the end: what needs the warm store comes last, since that is made meanwhile.
    jobs.sort_by_key(|case| !case.needs_go());
    let done: Mutex<Vec<(&Case, Runs)>> = Mutex::default();
    let jobs = Mutex::new(jobs);
    std::thread::scope(|scope| {
        if jobs.lock().expect("jobs").iter().any(|case| case.needs_go()) {
            scope.spawn(|| runner.warm_store());
        }
        for _ in 0..std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4)) {
            scope.spawn(|| {
                loop {
                    let Some(case) = jobs.lock().expect("jobs").pop() else { return };
                    let runs = runner.run(case);
                    println!("{}", case.verdict(&runs).0);
                    done.lock().expect("results").push((case, runs));
                }
            });
        }
    });
    let done = done.into_inner().expect("results");
    print_table(&done);
    let wrong: Vec<String> = done.iter().filter(|(case, runs)| !case.verdict(runs).1).map(|(case, runs)| case.explain(runs)).collect();
    assert!(wrong.is_empty(), "{} of {} wrong hosts fail other tests than they should:\n{}", wrong.len(), done.len(), wrong.join("\n"));
}

fn print_table(done: &[(&Case, Runs)]) {
    println!("\n| point | wrong host | tests that failed |\n|---|---|---|");
    let (mut failing, mut points) = (0, 0);
    for (number, point) in conformance::points() {
        for host in &point.wrong_hosts {
            let Some((_, runs)) = done.iter().find(|(case, _)| case.host == host) else { continue };
            println!("| {number} | {host} | {} |", runs.failed.iter().cloned().collect::<Vec<_>>().join(", "));
            failing += usize::from(point.tests.iter().any(|test| runs.failed.contains(test)));
            points += 1;
        }
    }
    let tests: usize = done.iter().map(|(_, runs)| runs.passed.len() + runs.failed.len()).sum();
    println!("{failing} of {points} points have a test that a wrong host fails; {} wrong hosts, {tests} runs of tests", done.len());
}

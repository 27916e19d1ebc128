//! What the last session of a stream used is looked up before it is asked for: it is held like everything that was handed out, and what is
//! put meanwhile is not hidden by it.

use cachewit::model::Digest;
use cachewit_tests::script::{Home, Script};
use cachewit_tests::warmed::{self, ACTIONS, action, body, store};
use std::time::{Duration, Instant};

fn warmed(home: &Home) -> Script {
    warmed::warmed(home, home.session(&[]))
}

/// A session that makes room for what it puts.
fn trim(home: &Home, number: u64) -> u64 {
    let config = home.write("grace.toml", "[limits]\ngrace = \"1ms\"\n");
    let mut go = home.session(&["builtin:lru"]).max_size(1_000).env("CACHEWIT_CONFIG", config).start();
    go.put(action(number), &body(number, 0));
    let ended = go.close();
    assert!(ended.success && ended.faults().is_empty(), "{ended:?}");
    ended.count("/evicted_groups")
}

#[test]
fn a_trim_leaves_what_a_session_has_looked_up_and_not_asked_for_yet() {
    let home = store();
    let mut go = warmed(&home);
    trim(&home, ACTIONS);
    for number in 0..ACTIONS {
        let hit = go.get(action(number)).expect("a hit");
        assert!(hit.is_whole() && hit.output == Digest::of(&body(number, 0)), "{hit:?}");
    }
    go.close();
    assert!(trim(&home, ACTIONS + 1) >= ACTIONS, "what nobody holds any more goes");
}

#[test]
fn a_put_is_found_instead_of_what_was_looked_up_before_it() {
    let home = store();
    let mut go = warmed(&home);
    go.put(action(0), &body(0, 1));
    assert_eq!(go.get(action(0)).expect("a hit").output, Digest::of(&body(0, 1)), "this session's own at once");
    let mut other = home.session(&[]).start();
    other.put(action(1), &body(1, 1));
    other.close();
    let until = Instant::now() + Duration::from_secs(60);
    std::thread::sleep(Duration::from_secs(2));
    while go.get(action(1)).expect("a hit").output != Digest::of(&body(1, 1)) {
        assert!(Instant::now() < until, "what another session put is never found");
    }
    go.close();
}

#[test]
fn an_object_that_was_removed_by_hand_is_a_miss_and_the_others_are_hits() {
    let home = store();
    let gone = Digest::of(&body(7, 0));
    std::fs::remove_file(home.layout().object(gone)).expect("the object");
    let mut go = warmed(&home);
    assert_eq!(go.get(action(7)), None);
    assert!(go.get(action(8)).is_some_and(|hit| hit.is_whole()));
    go.put(action(7), &body(7, 0));
    assert!(go.get(action(7)).is_some_and(|hit| hit.is_whole()));
    go.close();
}

#[test]
fn a_session_that_ends_while_its_working_set_is_looked_up_is_not_in_its_own_way() {
    for round in 0..20 {
        let home = store();
        assert!(trim(&home, ACTIONS) >= ACTIONS, "round {round}");
    }
}

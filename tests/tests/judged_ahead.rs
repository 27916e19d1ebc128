//! What is looked up before `go` asks for it is judged then as well, once, and the word holds when it is asked for.

use cachewit::model::Digest;
use cachewit_tests::guest;
use cachewit_tests::script::{Ended, Home, Script};
use cachewit_tests::warmed::{ACTIONS, action, body, store, warmed};
use std::path::PathBuf;
use std::time::{Duration, Instant};

fn plugin(home: &Home, name: &str) -> PathBuf {
    home.write(&format!("{name}.wasm"), guest::named(name))
}

/// A store and a session under the plugin, which has looked up everything and asked for nothing of it.
fn judged(name: &str) -> (Home, Script) {
    let home = store();
    let plugin = plugin(&home, name);
    home.compile(&plugin);
    let go = warmed(&home, home.session(&[plugin.to_str().expect("UTF-8")]));
    (home, go)
}

fn ask_for_everything(go: &mut Script) -> u64 {
    (0..ACTIONS).filter(|number| go.get(action(*number)).is_some()).count() as u64
}

fn asked(ended: &Ended, name: &str) -> Option<u64> {
    ended.policy(&format!("{name}.wasm"))["calls"]["serving"].as_u64()
}

#[test]
fn each_hit_is_judged_once_and_before_go_asks_for_it() {
    let name = "refuses_what_came_from_elsewhere";
    let (_home, go) = judged(name);
    let ended = go.close();
    assert_eq!((asked(&ended, name), ended.count("/hits")), (Some(ACTIONS), 0), "go has asked for nothing: {}", ended.summary);

    let (_home, mut go) = judged(name);
    assert_eq!(ask_for_everything(&mut go), ACTIONS);
    let ended = go.close();
    assert_eq!(asked(&ended, name), Some(ACTIONS), "{}", ended.summary);
    assert_eq!(ended.policy(&format!("{name}.wasm"))["counters"]["origin-1"], ACTIONS, "all were made here: {}", ended.summary);
}

#[test]
fn what_was_refused_before_go_asked_is_a_miss_that_go_makes_anew() {
    let (_home, mut go) = judged("refuses_everything");
    assert_eq!(ask_for_everything(&mut go), 0);
    go.put(action(7), b"made anew");
    assert_eq!(go.get(action(7)).expect("its own").output, Digest::of(b"made anew"));
    let ended = go.close();
    assert_eq!((asked(&ended, "refuses_everything"), ended.count("/not_served")), (Some(ACTIONS), ACTIONS), "{}", ended.summary);
}

#[test]
fn a_group_is_judged_once_for_all_of_its_members() {
    let home = Home::new();
    let plugin = plugin(&home, "refuses_everything");
    home.compile(&plugin);
    let mut go = home.session(&[]).start();
    for number in 0..ACTIONS / 2 {
        go.put_group(action(number), &body(number, 0), format!("./file_{number}.go\n").as_bytes());
    }
    assert!(go.close().faults().is_empty());
    let mut go = warmed(&home, home.session(&[plugin.to_str().expect("UTF-8")]));
    let hits = (0..ACTIONS / 2).flat_map(|number| [action(number), action(number).subkey("srcfiles")]).filter_map(|key| go.get(key));
    assert_eq!(hits.count(), 0);
    let ended = go.close();
    assert_eq!((asked(&ended, "refuses_everything"), ended.count("/not_served")), (Some(ACTIONS / 2), ACTIONS), "{}", ended.summary);
}

#[test]
fn who_is_still_being_compiled_is_asked_when_go_asks() {
    let home = store();
    let plugin = plugin(&home, "refuses_everything");
    let mut go = warmed(&home, home.session(&[plugin.to_str().expect("UTF-8")]));
    // Only the first answer of each action was looked up before; this one is looked up again and again until there is somebody who judges it.
    let until = Instant::now() + Duration::from_secs(60);
    while go.get(action(0)).is_some() {
        assert!(Instant::now() < until, "the plugin is not compiled");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!((1..ACTIONS).filter(|number| go.get(action(*number)).is_some()).count(), 0);
    go.close();
}

#[test]
fn one_that_breaks_before_go_asks_is_named_and_passed_over_unless_it_is_required() {
    let (_home, mut go) = judged("traps_when_it_serves");
    assert_eq!(ask_for_everything(&mut go), ACTIONS);
    let faults = go.close().faults();
    assert!(faults.len() == 1 && faults[0].contains("traps_when_it_serves.wasm failed in serving"), "{faults:?}");

    let home = store();
    let plugin = plugin(&home, "traps_when_it_serves");
    home.compile(&plugin);
    guest::vouch_for(home.path(), "traps_when_it_serves.wasm");
    let config = home.write("config.toml", "[[policy]]\nuse = \"traps_when_it_serves.wasm\"\nrequired = true\n");
    let mut go = warmed(&home, home.session(&[]).env("CACHEWIT_CONFIG", config));
    assert_eq!(ask_for_everything(&mut go), 0);
    let ended = go.close();
    assert_eq!(ended.count("/not_served"), ACTIONS, "{}", ended.summary);
    assert!(ended.faults()[0].contains("what it was to judge is not served"), "{:?}", ended.faults());
}

/// What `go` asks for does not come after all that it has not asked for yet, however long each question takes.
#[test]
fn a_hit_that_go_waits_for_is_judged_before_all_that_wait_for_their_questions() {
    let home = store();
    let plugin = plugin(&home, "takes_its_time");
    home.compile(&plugin);
    let elsewhere: Vec<Digest> = (0..8_u64).map(|number| Digest::of(format!("not in the working set {number}").as_bytes())).collect();
    let mut go = home.session(&[]).start();
    for key in &elsewhere {
        go.put(*key, key.to_hex().as_bytes());
    }
    go.close();
    let mut go = home.session(&[]).start();
    assert_eq!(ask_for_everything(&mut go), ACTIONS);
    go.close();
    let mut go = warmed(&home, home.session(&[plugin.to_str().expect("UTF-8")]));
    assert!(elsewhere.iter().all(|key| go.get(*key).is_some()));
    let ended = go.close();
    let asked = asked(&ended, "takes_its_time").expect("questions");
    assert!((8..ACTIONS).contains(&asked), "they were answered after {asked} questions: {}", ended.summary);
}

#[test]
fn who_abstains_is_asked_no_further() {
    for (name, questions) in [("abstains_at_the_third_hit", 3), ("abstains_from_what_was_made_here", 1)] {
        let (_home, mut go) = judged(name);
        assert_eq!(ask_for_everything(&mut go), ACTIONS);
        let ended = go.close();
        assert_eq!(asked(&ended, name), Some(questions), "{}", ended.summary);
    }
}

use super::{ReadThrough, Settings};
use cachewit_guest::fake::{Network, Session, take_log};
use cachewit_guest::{Decision, Policy, Remote, Set, Target, TargetHealth, parse_settings};
use std::collections::BTreeMap;

fn policy(json: &str) -> ReadThrough {
    ReadThrough::configure(parse_settings(json).unwrap()).unwrap()
}

fn session(facts: &[(&str, &str)]) -> Session {
    Session(facts.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect::<BTreeMap<_, _>>())
}

fn target(index: u32, name: &str, mode: &str) -> Target {
    let (readable, writable) = (mode.contains('r'), mode.contains('w'));
    Target { index, name: name.to_owned(), engine: "s3".to_owned(), readable, writable, health: TargetHealth::Good }
}

/// Sets as (target, name, stream), the newest first.
fn sets(sets: &[(u32, &str, &str)]) -> Vec<Set> {
    let set = |(index, (target, name, stream)): (usize, &(u32, &str, &str))| Set {
        index: index as u32,
        name: (*name).to_owned(),
        stream: (*stream).to_owned(),
        target: *target,
        ..Set::default()
    };
    sets.iter().enumerate().map(set).collect()
}

fn opened(settings: &str, network: Network, facts: &[(&str, &str)]) -> Vec<String> {
    assert_eq!(policy(settings).open(&network, &network, &session(facts), &network), Decision::Decided);
    network.plan.into_inner()
}

fn routed(settings: &str, network: Network) -> Vec<String> {
    assert_eq!(policy(settings).route(&network, &network, &session(&[]), &network), Decision::Decided);
    network.plan.into_inner()
}

fn closed(settings: &str, network: Network, facts: &[(&str, &str)]) -> Vec<String> {
    assert_eq!(policy(settings).close(&network, &session(facts), &network), Decision::Decided);
    network.plan.into_inner()
}

fn three_targets() -> Vec<Target> {
    vec![target(0, "near", "rw"), target(1, "far", "r"), target(2, "drop", "w")]
}

#[test]
fn each_target_gives_the_set_that_is_nearest_to_the_session() {
    let facts = [("stream", "build"), ("branch", "topic")];
    let all = [(0, "main", "test"), (0, "main", "build"), (0, "topic", "test"), (0, "topic", "build"), (0, "topic", "build")];
    for (sets_there, expected) in [
        (&all[..], &["load 3"][..]),
        (&all[..3], &["load 1"]),
        (&all[..1], &["load 0"]),
        (&[(0, "other", "test")], &[]),
        (&[(0, "other", "test"), (0, "master", "vet")], &["load 1"]),
        (&[(2, "topic", "build")], &[]),
    ] {
        let network = Network { targets: three_targets(), sets: sets(sets_there), ..Network::default() };
        assert_eq!(opened("{}", network, &facts), expected, "{sets_there:?}");
    }
}

#[test]
fn targets_are_gone_through_in_order_up_to_max_sets() {
    let network = || Network {
        targets: (0..5).map(|index| target(index, &format!("t{index}"), "r")).collect(),
        sets: sets(&[(4, "main", "s"), (3, "main", "s"), (2, "main", "s"), (1, "main", "s"), (0, "main", "s")]),
        ..Network::default()
    };
    assert_eq!(opened("{}", network(), &[]), ["load 4", "load 3", "load 2"]);
    assert_eq!(opened(r#"{"max-sets": 1}"#, network(), &[]), ["load 4"]);
    assert_eq!(opened(r#"{"stores": ["t3", "t1"]}"#, network(), &[]), ["load 3", "load 1"]);
    assert_eq!(opened(r#"{"default-branches": ["trunk"]}"#, network(), &[]), [""; 0]);
}

#[test]
fn an_unknown_stream_is_no_stream_at_all() {
    let network = Network { targets: three_targets(), sets: sets(&[(0, "x", ""), (0, "main", "")]), ..Network::default() };
    assert_eq!(opened("{}", network, &[]), ["load 1"]);
}

#[test]
fn only_targets_whose_set_names_it_are_asked() {
    let network = |named| Network { targets: three_targets(), named, ..Network::default() };
    assert_eq!(routed("{}", network(0b000)), [""; 0]);
    assert_eq!(routed("{}", network(0b011)), ["ask 0", "ask 1"]);
    assert_eq!(routed("{}", network(0b110)), ["ask 1"], "what cannot be read is not asked");
    assert_eq!(routed(r#"{"wait": "1.5s"}"#, network(0b001)), ["ask 0 1500ms"]);
    assert_eq!(routed(r#"{"stores": ["far"]}"#, network(0b011)), ["ask 1"]);
}

#[test]
fn what_no_set_names_is_asked_for_only_if_the_operator_says_so() {
    let network = |named| Network { targets: three_targets(), named, ..Network::default() };
    assert_eq!(routed(r#"{"ask-outside": true}"#, network(0)), ["ask 0 200ms", "ask 1 200ms"]);
    assert_eq!(routed(r#"{"ask-outside": true, "outside-wait": 50}"#, network(0b010)), ["ask 1", "ask 0 50ms"]);
}

#[test]
fn a_target_in_trouble_is_not_asked_but_still_shared_to_and_an_empty_one_is_not_asked_outside_its_set() {
    let network = |health| {
        let mut targets = three_targets();
        targets[0].health = health;
        Network { targets, named: 0b001, sets: sets(&[(0, "main", "s")]), ..Network::default() }
    };
    assert_eq!(routed("{}", network(TargetHealth::Trouble)), [""; 0]);
    assert_eq!(opened("{}", network(TargetHealth::Trouble), &[]), [""; 0]);
    assert_eq!(closed("{}", network(TargetHealth::Trouble), &[]).len(), 4);
    let empty = Network { named: 0, ..network(TargetHealth::Empty) };
    assert_eq!(routed(r#"{"ask-outside": true}"#, empty), ["ask 1 200ms"]);
}

#[test]
fn every_writable_target_gets_the_set_under_the_branch_name() {
    let network = || Network { targets: three_targets(), ..Network::default() };
    let facts = [("branch", "topic")];
    assert_eq!(closed("{}", network(), &facts), ["share 0", "publish 0 topic", "share 2", "publish 2 topic"]);
    assert_eq!(closed(r#"{"publish": false}"#, network(), &facts), ["share 0", "share 2"]);
    assert_eq!(closed(r#"{"share": false, "stores": ["drop"]}"#, network(), &[]), ["publish 2 detached"]);
}

#[test]
fn a_branch_name_becomes_a_set_name_that_the_host_accepts_and_finds_again() {
    let branch = format!("topic/größe #{}", "x".repeat(300));
    let facts = [("branch", branch.as_str()), ("stream", "s")];
    let plan = closed("{}", Network { targets: three_targets(), ..Network::default() }, &facts);
    let name = plan[1].strip_prefix("publish 0 ").unwrap();
    assert!(name.starts_with("topic/gr--e--xxx") && name.len() == 200, "{name}");
    let there = sets(&[(0, "main", "s"), (0, name, "s")]);
    assert_eq!(opened("{}", Network { targets: three_targets(), sets: there, ..Network::default() }, &facts), ["load 1"]);
}

#[test]
fn a_store_that_does_not_exist_is_named() {
    take_log();
    let network = Network { targets: three_targets(), ..Network::default() };
    assert_eq!(opened(r#"{"stores": ["nera"]}"#, network, &[]), [""; 0]);
    assert_eq!(take_log(), [(2, "`stores` has `nera`, but the stores are called near, far, drop".to_owned())]);
}

#[test]
fn an_error_names_the_key() {
    for (json, key) in [(r#"{"wait": "long"}"#, "wait"), (r#"{"stores": [3]}"#, "stores[0]"), (r#"{"store": []}"#, "store")] {
        assert_eq!(parse_settings::<Settings>(json).unwrap_err().key, key);
    }
}

use super::{CiGuard, Settings};
use cachewit_guest::fake::{Group, Session, take_log};
use cachewit_guest::{Admission, Admit, Fact, Kind, Origin, Policy, Serve, Serving, parse_settings};

fn guard(json: &str) -> CiGuard {
    CiGuard::configure(parse_settings(json).unwrap()).unwrap()
}

fn session(facts: &[(&str, &str)]) -> Session {
    Session(facts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
}

fn job(event: &str, branch: &str) -> Session {
    session(&[("ci", "true"), ("ci-event", event), ("branch", branch)])
}

fn shared(json: &str, session: &Session) -> bool {
    guard(json).admit(&Group::archive("a"), session).share.unwrap()
}

/// A session that was granted nothing.
struct Ungranted;

impl cachewit_guest::Session for Ungranted {
    fn fact(&self, key: &str) -> Fact {
        if key == "ci" { Fact::Known("true".to_owned()) } else { Fact::Unknown }
    }
}

#[test]
fn unless_told_otherwise_pushes_to_main_and_its_nightly_builds_share() {
    for (event, branch) in [("push", "main"), ("push", "master"), ("schedule", "main")] {
        assert_eq!(guard("{}").admit(&Group::archive("a"), &job(event, branch)), Admit::NO_OPINION.share(true), "{event} {branch}");
    }
    for (event, branch) in [("pull-request", "main"), ("tag", "main"), ("manual", "main"), ("other", "main"), ("push", "topic")] {
        assert!(!shared("{}", &job(event, branch)), "{event} {branch}");
    }
}

#[test]
fn what_is_not_known_shares_nothing() {
    for facts in [
        &[][..],
        &[("ci", "true"), ("branch", "main")],
        &[("ci", "true"), ("ci-event", "push")],
        &[("ci-event", "push"), ("branch", "main")],
        &[("ci", "maybe"), ("ci-event", "push"), ("branch", "main")],
    ] {
        assert!(!shared("{}", &session(facts)), "{facts:?}");
        assert!(!shared(r#"{"on-ci-only": false, "branches": ["**"]}"#, &session(facts)), "{facts:?}");
    }
    assert_eq!(guard("{}").admit(&Group::archive("a"), &Ungranted).share, Some(false));
}

#[test]
fn a_laptop_shares_only_where_the_operator_says_so_and_then_by_its_branch() {
    let laptop = |branch| session(&[("ci", "false"), ("branch", branch)]);
    assert!(!shared("{}", &laptop("main")));
    assert!(shared(r#"{"on-ci-only": false}"#, &laptop("main")));
    assert!(!shared(r#"{"on-ci-only": false}"#, &laptop("topic")));
    assert!(!shared(r#"{"on-ci-only": false}"#, &session(&[("ci", "false")])));
    // Who has an event in the environment is no CI for that.
    assert!(!shared("{}", &session(&[("ci", "false"), ("ci-event", "push"), ("branch", "main")])));
}

#[test]
fn the_operator_names_branches_and_events() {
    let settings = r#"{"branches": ["release/*"], "events": ["manual"]}"#;
    assert!(shared(settings, &job("manual", "release/1.2")));
    assert!(!shared(settings, &job("push", "release/1.2")));
    assert!(!shared(settings, &job("manual", "main")));
    assert!(!shared(r#"{"branches": []}"#, &job("push", "main")));
    assert!(!shared(r#"{"events": []}"#, &job("push", "main")));
}

#[test]
fn kinds_and_sizes_have_their_limits() {
    let admit = |json: &str, group: &Group| guard(json).admit(group, &job("push", "main")).share.unwrap();
    let of = |kind, size| Group { kind, size, ..Group::default() };
    assert!(admit(r#"{"kinds": ["archive", "source-list"]}"#, &of(Kind::Archive, 0)));
    assert!(!admit(r#"{"kinds": ["archive", "source-list"]}"#, &of(Kind::TestResult, 0)));
    assert!(!admit(r#"{"kinds": []}"#, &of(Kind::Archive, 0)));
    assert!(admit(r#"{"max-size": "1MiB"}"#, &of(Kind::Archive, 1 << 20)));
    assert!(!admit(r#"{"max-size": "1MiB"}"#, &of(Kind::Archive, (1 << 20) + 1)));
}

#[test]
fn a_build_of_a_tag_takes_nothing_that_came_from_elsewhere() {
    let serve = |json: &str, event: &str, origin| guard(json).serve(&Group { origin, ..Group::default() }, &job(event, "main"));
    assert_eq!(serve("{}", "tag", Origin::Remote), Serve::Refuse);
    assert_eq!(serve("{}", "tag", Origin::Unknown), Serve::Refuse);
    assert_eq!(serve("{}", "tag", Origin::Local), Serve::AbstainFromOrigin);
    assert_eq!(serve("{}", "tag", Origin::Native), Serve::AbstainFromOrigin);
    assert_eq!(serve("{}", "push", Origin::Remote), Serve::Abstain);
    assert_eq!(serve(r#"{"distrust-remote-on": []}"#, "tag", Origin::Remote), Serve::Abstain);
    assert_eq!(serve(r#"{"distrust-remote-on": ["push"]}"#, "push", Origin::Remote), Serve::Refuse);
}

#[test]
fn an_event_that_was_not_granted_may_be_a_distrusted_one_and_outside_of_ci_there_is_none() {
    let remote = Group { origin: Origin::Remote, ..Group::default() };
    assert_eq!(guard("{}").serve(&remote, &Ungranted), Serve::Refuse);
    assert_eq!(guard(r#"{"distrust-remote-on": []}"#).serve(&remote, &Ungranted), Serve::Abstain);
    assert_eq!(guard("{}").serve(&remote, &session(&[("ci", "false")])), Serve::Abstain);
}

#[test]
fn an_error_names_the_key() {
    for (json, key) in [
        (r#"{"branches": ["main", "refs/heads/x"]}"#, "branches[1]"),
        (r#"{"events": ["pushes"]}"#, "events[0]"),
        (r#"{"distrust-remote-on": ["release"]}"#, "distrust-remote-on[0]"),
        (r#"{"kinds": ["archives"]}"#, "kinds[0]"),
        (r#"{"max-size": "much"}"#, "max-size"),
        (r#"{"branch": ["main"]}"#, "branch"),
    ] {
        let error = parse_settings::<Settings>(json).unwrap_err();
        assert_eq!(error.key, key, "{error}");
    }
    let error = parse_settings::<Settings>(r#"{"events": ["pushes"]}"#).unwrap_err();
    assert!(error.message.contains("`pull-request`"), "{error}");
}

#[test]
fn why_a_session_shares_nothing_is_said_once() {
    take_log();
    let mut guard = guard("{}");
    for _ in 0..3 {
        guard.admit(&Group::archive("a"), &job("pull-request", "main"));
    }
    assert_eq!(take_log(), [(3, "this session shares nothing: events does not have pull-request".to_owned())]);
}

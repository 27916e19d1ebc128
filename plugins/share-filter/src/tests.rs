use super::{Settings, ShareFilter};
use cachewit_guest::fake::{Group, Session, take_log};
use cachewit_guest::{Admission, Admit, Fact, Kind, Policy, parse_settings};
use std::collections::BTreeMap;
use std::time::Duration;

fn filter(json: &str) -> ShareFilter {
    ShareFilter::configure(parse_settings(json).unwrap()).unwrap()
}

/// Whether it is shared under these `[share]` rules.
fn shared(share: &str, group: &Group) -> bool {
    let session = Session(BTreeMap::from([("go-version".to_owned(), "go1.27.3".to_owned())]));
    filter(&format!(r#"{{"share": {share}}}"#)).admit(group, &session).share.unwrap()
}

fn archive_with(key: &str, fact: Fact) -> Group {
    let mut group = Group::archive("corp.example/open");
    group.facts.insert(key.to_owned(), fact);
    group
}

fn of_kind(kind: Kind) -> Group {
    Group { kind, ..Group::default() }
}

#[test]
fn without_rules_there_is_no_opinion() {
    for json in ["{}", r#"{"share": {}}"#, r#"{"share": {"deny-kinds": []}}"#] {
        assert_eq!(filter(json).admit(&Group::archive("a"), &Session::default()), Admit::NO_OPINION, "{json}");
    }
}

#[test]
fn the_two_questions_have_rules_of_their_own() {
    let mut filter = filter(r#"{"keep": {"deny-packages": ["a/..."]}, "share": {"deny-packages": ["b"]}}"#);
    let mut admit = |path| filter.admit(&Group::archive(path), &Session::default());
    assert_eq!(admit("a/x"), Admit::NO_OPINION.keep(false).share(true));
    assert_eq!(admit("b"), Admit::NO_OPINION.keep(true).share(false));
}

#[test]
fn a_denied_package_and_its_tests_are_not_shared() {
    let rules = r#"{"deny-packages": ["corp.example/secret/...", "crypto/..."]}"#;
    for path in ["corp.example/secret", "corp.example/secret/a", "corp.example/secret_test", "crypto", "crypto/aes_test"] {
        assert!(!shared(rules, &Group::archive(path)), "{path}");
    }
    for path in ["corp.example/secrets", "corp.example/open", "x/crypto", "cryptography"] {
        assert!(shared(rules, &Group::archive(path)), "{path}");
    }
}

#[test]
fn a_package_that_cannot_be_told_counts_as_denied_and_what_is_no_package_does_not() {
    let rules = r#"{"deny-packages": ["corp.example/secret"]}"#;
    assert!(!shared(rules, &Group::archive("main")));
    assert!(!shared(rules, &archive_with("import-path", Fact::Unknown)));
    assert!(!shared(rules, &archive_with("import-path", Fact::Absent)));
    assert!(shared(rules, &of_kind(Kind::VetFacts)));
    let unreadable = Group { facts: archive_with("import-path", Fact::Unknown).facts, ..of_kind(Kind::Unknown) };
    assert!(!shared(rules, &unreadable));
    assert!(shared(r#"{"max-size": 9}"#, &Group::archive("main")), "only where patterns are denied");
}

#[test]
fn an_allow_list_lets_out_nothing_else() {
    let rules = r#"{"allow-packages": ["corp.example/open/..."], "deny-packages": ["corp.example/open/not"]}"#;
    assert!(shared(rules, &Group::archive("corp.example/open/yes")));
    assert!(!shared(rules, &Group::archive("corp.example/open/not")));
    assert!(!shared(rules, &Group::archive("corp.example/open_test")));
    assert!(!shared(rules, &Group::archive("fmt")));
    assert!(!shared(rules, &archive_with("import-path", Fact::Unknown)));
    assert!(!shared(r#"{"allow-packages": ["fmt"]}"#, &of_kind(Kind::TestResult)));
}

#[test]
fn kinds_sizes_and_costs_have_their_limits() {
    assert!(!shared(r#"{"deny-kinds": ["module-index", "executable"]}"#, &of_kind(Kind::Executable)));
    assert!(shared(r#"{"deny-kinds": ["module-index", "executable"]}"#, &of_kind(Kind::Archive)));
    let sized = |size| Group { size, ..Group::archive("a") };
    assert!(shared(r#"{"max-size": "1MiB"}"#, &sized(1 << 20)));
    assert!(!shared(r#"{"max-size": "1MiB"}"#, &sized((1 << 20) + 1)));
    let priced = |cost| Group { cost, ..Group::archive("a") };
    assert!(!shared(r#"{"min-cost": "10ms"}"#, &priced(Some(Duration::from_millis(9)))));
    assert!(shared(r#"{"min-cost": "10ms"}"#, &priced(Some(Duration::from_millis(10)))));
    assert!(shared(r#"{"min-cost": "10ms"}"#, &priced(None)), "an unknown cost is not a low one");
}

#[test]
fn only_the_toolchains_named_are_shared() {
    let rules = r#"{"toolchains": ["go1.27..."]}"#;
    let by = |toolchain: &str| archive_with("toolchain", Fact::Known(toolchain.to_owned()));
    assert!(shared(rules, &by("go1.27.3")) && shared(rules, &by("go1.27")));
    assert!(!shared(rules, &by("go1.26.4")) && !shared(rules, &by("devel")));
    assert!(!shared(rules, &archive_with("toolchain", Fact::Unknown)));
    assert!(shared(rules, &of_kind(Kind::VetFacts)), "what does not say is of the session's toolchain");
    assert!(!shared(r#"{"toolchains": ["go1.26.4"]}"#, &of_kind(Kind::VetFacts)));
}

#[test]
fn an_error_names_the_key() {
    for (json, key) in [
        (r#"{"share": {"deny-kinds": ["archives"]}}"#, "share.deny-kinds[0]"),
        (r#"{"share": {"deny-packages": ["a", "./..."]}}"#, "share.deny-packages[1]"),
        (r#"{"keep": {"max-size": "1 MB!"}}"#, "keep.max-size"),
        (r#"{"keep": {"min-cost": "soon"}}"#, "keep.min-cost"),
        (r#"{"share": {"deny-package": []}}"#, "share.deny-package"),
        (r#"{"shares": {}}"#, "shares"),
    ] {
        let error = parse_settings::<Settings>(json).unwrap_err();
        assert_eq!(error.key, key, "{error}");
    }
}

#[test]
fn a_refusal_says_why() {
    take_log();
    assert!(!shared(r#"{"deny-packages": ["crypto/..."]}"#, &Group::archive("crypto/aes")));
    assert_eq!(take_log(), [(4, "crypto/aes not shared: deny-packages has crypto/...".to_owned())]);
}

//! Files that are no plugins of this host's.

use super::checks::{assert_one_line, build};
use super::rows::{Row, record};
use cachewit_tests::guest;
use cachewit_tests::script::Home;

/// A well-behaved policy, to be spoilt.
pub fn honest() -> Vec<u8> {
    cachewit::policy::shipped::component("lru").expect("a shipped component").to_vec()
}

/// A component of nothing, in the binary format.
pub fn no_policy() -> Vec<u8> {
    wat::parse_str("(component)").expect("a component")
}

pub fn of_another_version() -> Vec<u8> {
    wat::parse_str(r#"(component (instance $none) (export "cachewit:policy/plugin@0.9.0" (instance $none)))"#).expect("a component")
}

/// A policy that also wants something of the host that no cachewit has.
pub fn with_an_unknown_import() -> Vec<u8> {
    let text = r#"(import "stranger:telepathy/mind" "guess" (func $guess (result i32)))
        (func (export "cachewit:policy/admission@0.1.0#admit") (result i32) (call $guess))"#;
    let wit = "package stranger:telepathy;\ninterface mind { guess: func() -> u32; }\nworld stranger { import mind; }";
    guest::component_with(text, Some(wit))
}

pub fn core_module() -> Vec<u8> {
    wat::parse_str("(module)").expect("a module")
}

/// A file that is no plugin of this host's: one line names it and says what is wrong and what to do, the session ends well, and the
/// default policy decides.
fn is_told_from_a_plugin(name: &str, bytes: Option<&[u8]>, words: &[&str]) {
    let home = Home::new();
    let path = home.path().join("work/wrong.wasm");
    if let Some(bytes) = bytes {
        std::fs::write(&path, bytes).expect("a file");
    }
    let ended = build(&home, &path);
    assert_one_line(&ended, path.to_str().expect("UTF-8"), words[0]);
    for word in words {
        assert!(ended.faults()[0].contains(word), "no `{word}` in {:?}", ended.faults());
    }
    assert_eq!(ended.summary["evicted_by"], "rebuild-cost", "{}", ended.summary);
    assert!(ended.policy("wrong.wasm")["off"].is_string(), "{}", ended.summary);
    let row = Row {
        tries: format!("To be taken for a plugin: {}", name.split("_is_named").next().unwrap_or(name).replace('_', " ")),
        stopped: "a look at the file".to_owned(),
        measured: "not run".to_owned(),
        then: "rebuild-cost".to_owned(),
    };
    record(name, row);
}

/// The files that have a test here.
pub const TESTED: &[&str] = &[
    "a_missing_file_is_named",
    "an_empty_file_is_named",
    "a_file_that_is_no_webassembly_is_named",
    "a_core_module_is_named_and_how_to_wrap_it",
    "a_component_that_is_no_policy_is_named",
    "a_policy_of_another_version_is_named_with_both_versions",
    "an_unknown_import_is_named",
    "a_truncated_component_is_named",
];

#[test]
fn a_missing_file_is_named() {
    is_told_from_a_plugin("a_missing_file_is_named", None, &["does not exist", "builtin:"]);
}

#[test]
fn an_empty_file_is_named() {
    is_told_from_a_plugin("an_empty_file_is_named", Some(b""), &["is empty", "copy it again"]);
}

#[test]
fn a_file_that_is_no_webassembly_is_named() {
    is_told_from_a_plugin(
        "a_file_that_is_no_webassembly_is_named",
        Some(b"#!/bin/sh\nexit 1\n"),
        &["is not WebAssembly", "name a component"],
    );
}

#[test]
fn a_core_module_is_named_and_how_to_wrap_it() {
    is_told_from_a_plugin(
        "a_core_module_is_named_and_how_to_wrap_it",
        Some(&core_module()),
        &["is a core WebAssembly module", "cachewit plugin wrap"],
    );
}

#[test]
fn a_component_that_is_no_policy_is_named() {
    is_told_from_a_plugin(
        "a_component_that_is_no_policy_is_named",
        Some(&no_policy()),
        &["is a component but no policy", "cachewit:policy/plugin@0.1.0"],
    );
}

#[test]
fn a_policy_of_another_version_is_named_with_both_versions() {
    is_told_from_a_plugin(
        "a_policy_of_another_version_is_named_with_both_versions",
        Some(&of_another_version()),
        &["version 0.9.0", "0.1.0", "rebuild it"],
    );
}

#[test]
fn an_unknown_import_is_named() {
    is_told_from_a_plugin("an_unknown_import_is_named", Some(&with_an_unknown_import()), &["telepathy", "does not offer"]);
}

#[test]
fn a_truncated_component_is_named() {
    let whole = honest();
    is_told_from_a_plugin("a_truncated_component_is_named", Some(&whole[..whole.len() / 2]), &["is damaged", "copy it again"]);
}

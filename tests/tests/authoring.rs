//! What an author does: `plugin new`, `cargo test`, `cargo build`, `plugin check`, `plugin eval`. Every generated crate builds without a
//! network, is formatted, has no warning, and passes its own tests.

use cachewit_tests::go::binary;
use cachewit_tests::guest;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const ROLES: [&str; 5] = ["admission", "serving", "eviction", "remote", "observer"];

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn cachewit(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(folder).args(arguments).env("HOME", folder).env("XDG_CACHE_HOME", folder.join("cache"));
    command
}

fn cargo(folder: &Path, arguments: &[&str]) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(folder).args(arguments);
    // One folder for all of them, so that the SDK is compiled once.
    cargo.env("CARGO_TARGET_DIR", target_dir()).env("CARGO_NET_OFFLINE", "true");
    for inherited in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_BUILD_BUILD_DIR", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(inherited);
    }
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "cargo {arguments:?} in {}: {}", folder.display(), said(&output));
    if arguments[0] == "test" {
        assert!(said(&output).contains("test result: ok. "), "{}", said(&output));
        assert!(!said(&output).contains("warning:"), "{}", said(&output));
    }
}

fn target_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("authoring")
}

/// Makes a policy with these roles, as an author would; answers its component.
fn policy(folder: &Path, name: &str, roles: &[&str]) -> PathBuf {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk");
    let mut arguments = vec!["plugin", "new", name, "--sdk", sdk.to_str().expect("UTF-8")];
    arguments.extend(roles.iter().flat_map(|role| ["--role", role]));
    let made = cachewit(folder, &arguments).output().expect("cachewit runs");
    assert!(made.status.success(), "{}", said(&made));
    let own = folder.join(name);
    cargo(&own, &["fmt", "--check"]);
    cargo(&own, &["test"]);
    cargo(&own, &["build", "--release", "--target", "wasm32-wasip2"]);
    let component = target_dir().join("wasm32-wasip2/release").join(name.replace('-', "_")).with_extension("wasm");
    let size = std::fs::metadata(&component).expect("a component").len();
    println!("{name} ({}): {size} bytes", roles.join(", "));
    assert!(roles.len() > 1 || size <= 80 << 10, "a policy of one role with settings has {size} bytes");
    let checked = cachewit(folder, &["plugin", "check", component.to_str().expect("UTF-8")]).output().expect("cachewit runs");
    assert!(checked.status.success() && roles.iter().all(|role| said(&checked).contains(role)), "{}", said(&checked));
    component
}

/// Asks one question; the answer, and whether it was one.
fn eval(folder: &Path, plugin: &Path, settings: &Value, event: &Value) -> (Value, bool) {
    let mut command = cachewit(folder, &["plugin", "eval", plugin.to_str().expect("UTF-8"), "--settings", &settings.to_string()]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("cachewit runs");
    child.stdin.take().expect("a pipe").write_all(event.to_string().as_bytes()).expect("it is read");
    let output = child.wait_with_output().expect("it ends");
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| Value::String(said(&output)));
    (answer, output.status.success())
}

#[test]
fn a_policy_of_every_role_builds_tests_and_decides_as_its_readme_says() {
    let dir = tempfile::tempdir().expect("a folder");
    for role in ROLES {
        policy(dir.path(), &format!("only-{role}"), &[role]);
    }
    let every = policy(dir.path(), "every-role", &ROLES);
    let ask = |settings: Value, event: Value| {
        let (answer, good) = eval(dir.path(), &every, &settings, &event);
        assert!(good, "{answer}");
        answer
    };
    let private = json!({ "private": ["corp.example/secret/..."] });
    let package = |path: &str| json!({ "admit": { "facts": { "import-path": path } } });
    assert_eq!(ask(private.clone(), package("corp.example/secret/key")), json!({ "keep": null, "share": false }));
    assert_eq!(ask(private.clone(), package("corp.example/shop")), json!({ "keep": null, "share": null }));
    // A program is called `main` wherever it lies, and what was linked of packages has them in it.
    for has_it in [package("main"), json!({ "admit": { "kind": "executable" } })] {
        assert_eq!(ask(private.clone(), has_it.clone()), json!({ "keep": null, "share": false }), "{has_it}");
        assert_eq!(ask(json!({}), has_it), json!({ "keep": null, "share": null }), "where nothing is private");
    }
    let hit = |hours: u64| json!({ "serve": { "origin": "remote", "age-seconds": hours * 3600 } });
    assert_eq!(ask(json!({ "oldest-remote": "2h" }), hit(3)), json!({ "serve": false }));
    assert_eq!(ask(json!({ "oldest-remote": "2h" }), hit(1)), json!({ "serve": null }));
    let trim = json!({ "score": { "wanted": 1, "rows": [{ "cost-us": 5_000_000 }, { "cost-us": 10 }, { "cost-us": 20 }] } });
    assert_eq!(ask(json!({}), trim)["order"], json!([1, 2, 0]));
    let route = json!({ "route": { "named": [0], "cost-us": 900_000, "targets": [{ "name": "a", "readable": true }, { "name": "b", "readable": true }] } });
    assert_eq!(ask(json!({}), route), json!({ "ask": [{ "target": 0, "wait-ms": null }] }));
    let happened =
        json!({ "observe": { "events": [{ "what": "put", "cost-us": 2_000_000 }, { "what": "put", "cost-us": 5 }, { "what": "miss" }] } });
    assert_eq!(ask(json!({ "slow": "1s" }), happened), json!({ "counters": { "slow": 1 } }));
}

#[test]
fn the_question_in_the_documentation_has_the_answer_that_stands_there() {
    let text = include_str!("../../docs/plugins.md");
    let (before, after) = text.split_once("' | cachewit plugin eval builtin:rebuild-cost\n").expect("an example");
    let event = before.rsplit_once("$ echo '").expect("its question").1;
    let dir = tempfile::tempdir().expect("a folder");
    let (answer, good) =
        eval(dir.path(), Path::new("builtin:rebuild-cost"), &json!({}), &serde_json::from_str(event).expect("an event in JSON"));
    assert!(good);
    assert_eq!(Some(answer.to_string().as_str()), after.lines().next());
}

#[test]
fn the_policy_of_the_sdk_s_readme_builds_and_is_small_without_settings() {
    let dir = tempfile::tempdir().expect("a folder");
    let readme = include_str!("../../guest-sdk/README.md");
    let source = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a policy in the README");
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk");
    let made = cachewit(dir.path(), &["plugin", "new", "readme", "--role", "eviction", "--sdk", sdk.to_str().expect("UTF-8")]).output();
    assert!(made.expect("cachewit runs").status.success());
    let own = dir.path().join("readme");
    std::fs::write(own.join("src/lib.rs"), source).expect("a source");
    cargo(&own, &["build", "--release", "--target", "wasm32-wasip2"]);
    let component = target_dir().join("wasm32-wasip2/release/readme.wasm");
    let size = std::fs::metadata(&component).expect("a component").len();
    println!("without settings: {size} bytes");
    assert!(size <= 60 << 10, "{size} bytes");
    let (answer, good) = eval(dir.path(), &component, &json!({}), &json!({ "score": { "rows": [{ "rank": 1 }, { "rank": 0 }] } }));
    assert!(good && answer["order"] == json!([1, 0]), "{answer}");
}

#[test]
fn one_test_asks_the_rust_code_and_the_component_as_the_documentation_says() {
    let dir = tempfile::tempdir().expect("a folder");
    policy(dir.path(), "mine", &["admission"]);
    let own = dir.path().join("mine");
    let documentation = include_str!("../../docs/plugins.md");
    let block = |language: &str, with: &str| {
        let fence = format!("```{language}\n");
        let mut blocks = documentation.split(&fence).skip(1).filter_map(|rest| rest.split("```").next());
        blocks.find(|block| block.contains(with)).expect("a block of the documentation").to_owned()
    };
    let manifest = own.join("Cargo.toml");
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk");
    let dependency = block("toml", "cachewit-guest-test").replace("…/guest-sdk", sdk.to_str().expect("UTF-8"));
    let manifest_text = std::fs::read_to_string(&manifest).expect("a manifest") + "\n" + &dependency;
    std::fs::write(&manifest, manifest_text).expect("a manifest");
    std::fs::create_dir(own.join("tests")).expect("a folder");
    std::fs::write(own.join("tests/component.rs"), block("rust", "Component::built()")).expect("a test");
    let test = |bin: &Path| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .current_dir(&own)
            .args(["test", "--test", "component"])
            .env("CARGO_TARGET_DIR", target_dir())
            .env("CARGO_NET_OFFLINE", "true");
        cargo.env("CACHEWIT_BIN", bin).env("XDG_CACHE_HOME", dir.path().join("cache")).env_remove("RUSTC_WORKSPACE_WRAPPER");
        let output = cargo.output().expect("cargo runs");
        (output.status.success(), said(&output))
    };
    let (good, text) = test(&binary());
    assert!(good && text.contains("test secrets_stay_here_when_builds_ask ... ok"), "{text}");

    // Whether the component is asked at all: broken between the two, the one test fails and the other does not.
    let source = own.join("src/lib.rs");
    let text = std::fs::read_to_string(&source).expect("a source");
    let broken = text
        .replace("Fact::Known(path) =>", "Fact::Known(_) if cfg!(target_arch = \"wasm32\") => false,\n            Fact::Known(path) =>");
    assert_ne!(broken, text);
    std::fs::write(&source, broken).expect("a source");
    let (good, text) = test(&binary());
    assert!(!good && text.contains("test secrets_stay_here_when_builds_ask ... FAILED"), "{text}");
    assert!(text.contains("test secrets_stay_here_in_rust ... ok"), "{text}");
    let (good, text) = test(Path::new("/nonexistent/cachewit"));
    assert!(!good && text.contains("install cachewit, or name it in CACHEWIT_BIN"), "{text}");
}

/// Asks several questions of one plugin; the answers.
fn eval_all(folder: &Path, plugin: &str, events: &[Value]) -> (Vec<Value>, Output) {
    let file = folder.join("events.json");
    std::fs::write(&file, events.iter().map(|event| format!("{event:#}\n")).collect::<String>()).expect("events");
    let output = cachewit(folder, &["plugin", "eval", plugin, file.to_str().expect("UTF-8")]).output().expect("cachewit runs");
    let answers =
        String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("an answer a line")).collect();
    (answers, output)
}

#[test]
fn another_session_is_another_instance_that_remembers() {
    let dir = tempfile::tempdir().expect("a folder");
    let plugin = dir.path().join("remembers.wasm");
    std::fs::write(&plugin, guest::named("remembers_and_counts")).expect("a component");
    let observe = |session: Option<&str>| {
        let mut event = json!({ "observe": { "events": [{ "what": "put", "size": 7 }] } });
        if let Some(stream) = session {
            event["session"] = json!({ "stream": stream });
        }
        event
    };
    let events = [observe(Some("a")), observe(None), observe(Some("a")), observe(Some("b")), observe(Some("a"))];
    let (answers, output) = eval_all(dir.path(), plugin.to_str().expect("UTF-8"), &events);
    assert!(output.status.success(), "{}", said(&output));
    // What it loads is what an earlier session saved; in one session it is what it saved itself.
    let sessions: Vec<&Value> = answers.iter().map(|answer| &answer["counters"]["sessions"]).collect();
    assert_eq!(sessions, [1, 2, 3, 4, 5], "{answers:?}");
    let (answers, output) = eval_all(dir.path(), "builtin:lru", &[json!({ "score": { "rows": [{}] } }), json!({ "score": 1 })]);
    assert!(answers.len() == 1 && !output.status.success() && said(&output).contains("event 2"), "{}", said(&output));
    let (answers, output) = eval_all(dir.path(), "builtin:lru", &[]);
    assert!(answers.is_empty() && !output.status.success() && said(&output).contains("there is no event"), "{}", said(&output));
}

#[test]
fn a_plugin_knows_of_the_session_what_it_wishes_for_and_what_is_not_denied() {
    let dir = tempfile::tempdir().expect("a folder");
    let event = |session: Value| json!({ "admit": { "facts": { "import-path": "a" } }, "session": session });
    let share = |session: Value| {
        let (answers, output) = eval_all(dir.path(), "builtin:ci-guard", &[event(session)]);
        assert!(output.status.success(), "{}", said(&output));
        answers[0]["share"].clone()
    };
    let main = |branch: Value| share(json!({ "ci": "true", "ci-event": "push", "branch": branch }));
    assert_eq!((main(json!("main")), main(json!("topic"))), (json!(true), json!(false)));
    assert_eq!(main(Value::Null), json!(false), "whoever does not know the branch shares nothing");
    // It does not wish for this one.
    assert_eq!(share(json!({ "ci": "true", "ci-event": "push", "branch": "main", "env:TEAM": "blue" })), true);
}

#[test]
fn what_a_call_costs_is_measured_over_recorded_sessions() {
    let dir = tempfile::tempdir().expect("a folder");
    let history = Path::new(env!("CARGO_MANIFEST_DIR")).join("histories/x-crypto.history.zst");
    let history = history.to_str().expect("UTF-8");
    for (plugin, question) in [
        ("builtin:rebuild-cost", "eviction, 1000 rows"),
        ("builtin:share-filter", "admission, a group"),
        ("builtin:read-through", "remote, a miss"),
    ] {
        let output =
            cachewit(dir.path(), &["plugin", "bench", plugin, "--rows", "1000", "--json", history]).output().expect("cachewit runs");
        let measured: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        for what in ["start, from its file", question] {
            assert!(measured[what]["calls"].as_u64() >= Some(20) && measured[what]["median_ns"].as_u64() > Some(0), "{measured}");
        }
    }
    let none = cachewit(dir.path(), &["plugin", "bench", "builtin:lru", "nowhere.jsonl"]).output().expect("cachewit runs");
    assert!(!none.status.success() && said(&none).contains("nowhere.jsonl"), "{}", said(&none));
}

#[test]
fn what_cannot_be_asked_is_an_error_that_says_what_can() {
    let dir = tempfile::tempdir().expect("a folder");
    let lru = Path::new("builtin:lru");
    for (event, settings, problem) in [
        (json!({ "admit": {} }), json!({}), "it has no role `admission`"),
        (json!({ "score": { "rows": [{ "sise": 1 }] } }), json!({}), "`sise`"),
        (json!({ "sing": {} }), json!({}), "the event: it cannot be used: there is no `sing`; there are session, admit, serve"),
        (json!({ "score": {}, "sesion": {} }), json!({}), "there is no `sesion`"),
        (json!({ "admit": {}, "score": {} }), json!({}), "an event asks one thing, and this one has `admit` and `score`"),
        (json!({ "session": {} }), json!({}), "it asks nothing; name one of admit"),
        (json!({ "score": {}, "session": { "moon": "full" } }), json!({}), "`session` has no `moon`"),
        (json!({ "score": {} }), json!({ "a": 1 }), "there is no such setting"),
    ] {
        let (answer, good) = eval(dir.path(), lru, &settings, &event);
        assert!(!good && answer.to_string().contains(problem), "{event}: {answer}");
    }
    let (answer, good) = eval(dir.path(), lru, &json!({}), &json!({ "score": { "rows": [{ "rank": 1 }, { "rank": 0 }] } }));
    assert!(good && answer["order"] == json!([1, 0]), "{answer}");
}

#[test]
fn a_policy_is_not_begun_where_something_is_or_under_a_name_that_is_none() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(dir.path().join("taken")).expect("a folder");
    for (arguments, problem) in [
        (&["taken"][..], "is there already"),
        (&["Taken"], "is no name for a policy"),
        (&["a--b"], "is no name for a policy"),
        (&["mine", "--role", "admision"], "there is no role `admision`; there are admission, serving, eviction, remote, observer"),
        (&["mine", "--sdk", "taken"], "is not the guest SDK"),
    ] {
        let output = cachewit(dir.path(), &[&["plugin", "new"], arguments].concat()).output().expect("cachewit runs");
        assert!(!output.status.success() && said(&output).contains(problem), "{arguments:?}: {}", said(&output));
    }
    assert!(!dir.path().join("mine").exists(), "nothing is left of it");
}

//! Policies that are written in Go: what `go build` makes becomes a component without WASI, every question arrives, every answer comes back, and
//! one that breaks is told by its own words.

use cachewit::model::Digest;
use cachewit::policy::Manifest;
use cachewit_tests::go::{Toolchain, binary};
use cachewit_tests::go_policy::{self, wrap};
use cachewit_tests::script::{Home, archive};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn newest() -> Toolchain {
    Toolchain::minor("1.27")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Asks a plugin one question. All tests have one folder for what was compiled.
fn ask(plugin: &str, settings: &Value, event: &Value) -> Value {
    let mut eval = Command::new(binary());
    eval.args(["plugin", "eval", plugin, "--settings", &settings.to_string()]).env("XDG_CACHE_HOME", folder().join("go-policies/xdg"));
    let mut child = eval.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("cachewit runs");
    child.stdin.take().expect("a pipe").write_all(event.to_string().as_bytes()).expect("it is read");
    let output = child.wait_with_output().expect("it ends");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| Value::String(said(&output)))
}

/// What it said, of level 3.
fn lines(answer: &Value) -> Vec<&str> {
    let log = answer["log"].as_array().unwrap_or_else(|| panic!("no log in {answer}"));
    log.iter().filter(|line| line["level"] == 3).filter_map(|line| line["text"].as_str()).collect()
}

fn manifest(component: &Path) -> Manifest {
    Manifest::read(&std::fs::read(component).expect("a component")).expect("a policy")
}

#[test]
fn a_component_has_the_roles_whose_packages_it_imports_and_imports_no_wasi_on_the_oldest_go_and_the_newest() {
    for go in [Toolchain::minor("1.24"), newest()] {
        let guard = manifest(&go_policy::example(&go, "ci-guard", folder()));
        assert_eq!(guard.roles().names(), ["admission", "serving"]);
        assert_eq!(guard.wishes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["fact:branch", "fact:ci-event"]);
        let imports: BTreeSet<&str> = guard.imports.iter().map(String::as_str).collect();
        let ours = ["clock", "group", "log", "session"].map(|name| format!("cachewit:policy/{name}@0.1.0"));
        assert_eq!(imports, ours.iter().map(String::as_str).collect());
        let lru = manifest(&go_policy::example(&go, "lru", folder()));
        assert_eq!((lru.roles().names(), lru.wishes.len()), (vec!["eviction"], 0));
        let rows = json!({ "score": { "rows": [{ "rank": 2 }, { "rank": 0 }, { "rank": 1 }] } });
        assert_eq!(ask(go_policy::example(&go, "lru", folder()).to_str().expect("UTF-8"), &json!({}), &rows)["order"], json!([1, 2, 0]));
    }
    let everything = manifest(&go_policy::guest(&newest(), "everything", folder()));
    assert_eq!(everything.roles().names(), ["admission", "serving", "eviction", "remote", "observer"]);
    let wasi: Vec<&String> = everything.imports.iter().filter(|import| import.starts_with("wasi:")).collect();
    assert_eq!(wasi, ["wasi:config/store@0.2.0-rc.1"], "settings by their names are the one thing that it asks of WASI");
}

#[test]
fn every_question_about_a_group_arrives_and_its_answer_comes_back() {
    let everything = go_policy::guest(&newest(), "everything", folder());
    let everything = everything.to_str().expect("UTF-8");
    let group = json!({ "kind": "archive", "size": 5, "own-size": 4, "members": 3, "cost-us": 1500, "origin": "remote", "age-seconds": 61,
        "facts": { "import-path": "a/é" } });
    let admit = ask(everything, &json!({}), &json!({ "admit": group, "session": { "branch": "main", "env:TEAM": "blue" } }));
    assert_eq!((&admit["keep"], &admit["share"]), (&json!(true), &json!(false)), "{admit}");
    let told = lines(&admit);
    assert_eq!(told[..3], ["archive 5 4 3 1.5ms true 2 1m1s", "{a/é 1} { 0}", "{main 1} {blue 1} { 0}"]);
    // Two digests, and not the same.
    let (action, output) = told[3].split_once(' ').expect("two");
    assert!(action.len() == 64 && output.len() == 64 && action != output, "{told:?}");
    let unknown = ask(everything, &json!({}), &json!({ "admit": { "kind": "test-log", "cost-us": null } }));
    assert!(lines(&unknown)[0].contains(" 0s false "), "{unknown}");
    assert_eq!(lines(&unknown)[1], "{ 2} { 2}", "what is absent differs from what is not known");
}

#[test]
fn settings_memory_counters_and_what_stands_for_an_operating_system_are_there() {
    let everything = go_policy::guest(&newest(), "everything", folder());
    let settings = json!({ "text": "é", "deep": { "number": 1.5 }, "on": true, "list": [1] });
    let ask = || ask(everything.to_str().expect("UTF-8"), &settings, &json!({ "serve": {} }));
    let serve = ask();
    assert_eq!((&serve["serve"], &serve["counters"]), (&json!(false), &json!({ "asked": 5 })), "{serve}");
    let told = lines(&serve);
    assert_eq!(told[..5], [r#"text "é" true"#, r#"deep.number "1.5" true"#, r#"on "true" true"#, r#"list "" false"#, r#"moon "" false"#]);
    assert_eq!(serde_json::from_str::<Value>(told[5]).expect("JSON"), settings);
    assert_eq!(told[6], r#""" false true "remembered""#);
    assert_eq!(told[7], r#"0 arguments, HOME is "", a file is there: false"#);
    assert_eq!(told[8], "this century: true, slept: 1h0m0s");
    let printed: Vec<&Value> = serve["log"].as_array().expect("lines").iter().filter(|line| line["level"] == 4).collect();
    assert_eq!(printed, [&json!({ "level": 4, "text": "printed" }), &json!({ "level": 4, "text": "complained" })]);
    assert_eq!(ask(), serve, "and random numbers are the same each time");
}

#[test]
fn columns_of_every_type_cross_in_both_directions() {
    let everything = go_policy::guest(&newest(), "everything", folder());
    let row = json!({ "key": u64::MAX, "size": 2, "idle-runs": 3, "rank": 4, "idle-seconds": 5, "age": 6, "uses": 7, "cost-us": 8, "kind": "archive",
        "stream": 9, "members": 10, "held": 3, "in-use": true, "tag": 11 });
    let other = json!({ "key": 20, "size": 21, "kind": "other", "tag": 12 });
    let event = json!({ "score": { "reason": "min-free", "used": 99, "wanted": 3, "rows": [row, other] } });
    let score = ask(everything.to_str().expect("UTF-8"), &json!({}), &event);
    assert_eq!((&score["scores"], &score["order"]), (&json!([-0.0, -0.5]), &json!([1, 0])), "{score}");
    assert_eq!(score["tags"], json!([(1_u64 << 63) + 11, (1_u64 << 63) + 12]));
    let told = lines(&score);
    assert_eq!(told[0], "2 99 3 2");
    assert!(told[1].starts_with("[18446744073709551615 20] [2 21] [3 0] [4 "), "{told:?}");
    assert!(told[2].starts_with("[5 0] [6 0] [7 ") && told[2].contains("] [8 "), "{told:?}");
    assert!(told[3].starts_with("[1 8] [9 ") && told[3].contains("] [10 "), "{told:?}");
    assert_eq!(told[4], "[3 0] [1 0] [11 12] []");
}

#[test]
fn a_remote_policy_and_an_observer_are_told_all_there_is() {
    let everything = go_policy::guest(&newest(), "everything", folder());
    let ask = |event: Value| ask(everything.to_str().expect("UTF-8"), &json!({}), &event);
    let open = ask(json!({ "open": {
        "targets": [{ "name": "a", "engine": "s3", "readable": true, "health": "good" }, { "name": "b", "writable": true }],
        "sets": [{ "name": "main", "stream": "x", "target": 1, "age-seconds": 3, "entries": 4 }],
    } }));
    assert_eq!(open["load"], json!([1, 0]), "{open}");
    assert_eq!(lines(&open)[0], "{Index:0 Name:a Engine:s3 Readable:true Writable:false Health:1}");
    assert!(lines(&open)[1].starts_with("{Index:1 Name:b ") && lines(&open)[1].contains("Readable:false Writable:true"), "{open}");
    assert_eq!(lines(&open)[2], "{Index:0 Name:main Stream:x Target:1 Age:3s Entries:4}");
    let route = ask(json!({ "route": { "named": [1], "cost-us": 5, "waited-ms": 6, "targets": [{}, {}] } }));
    assert!(lines(&route)[0].starts_with("10 5µs true 6ms "), "{route}");
    let asks = json!([{ "target": 1, "wait-ms": 20 }, { "target": 0, "wait-ms": null }, { "target": 0, "wait-ms": 1 }]);
    assert_eq!(route["ask"], asks, "less than a millisecond is one, since none would be no limit");
    let close = ask(json!({ "close": {} }));
    assert_eq!((&close["publish"], &close["share"]), (&json!([{ "target": 0, "name": "main" }]), &json!([1])));
    let put = json!({ "what": "put", "size": 3, "time-us": 1, "duration-us": 2, "kind": "archive", "cost-us": 4 });
    let observe = ask(json!({ "observe": { "events": [put, { "what": "miss" }] } }));
    assert_eq!(lines(&observe)[0], "{What:2 Level:0 Size:3 Time:1µs Duration:2µs Kind:archive Cost:4µs CostKnown:true}");
    assert_eq!(lines(&observe)[1], "{What:1 Level:0 Size:0 Time:0s Duration:0s Kind:unknown Cost:0s CostKnown:false}");
    assert_eq!(lines(&observe)[2], "2");
}

#[test]
fn columns_outlive_the_collector_and_goroutines_that_ask_beside_each_other() {
    let churns = go_policy::guest(&newest(), "churns", folder());
    // Three runs of rows and a bit, of which each column is pulled four times; a score is its row's key and size.
    let keys: Vec<u64> = (0..13_000_u64).map(|row| row * 7 + 1).collect();
    let rows: Vec<Value> = keys.iter().map(|key| json!({ "key": key, "size": key * 1000 })).collect();
    let answer = ask(churns.to_str().expect("UTF-8"), &json!({}), &json!({ "score": { "rows": rows } }));
    let scores: Vec<f64> = answer["scores"].as_array().unwrap_or_else(|| panic!("{answer}")).iter().filter_map(Value::as_f64).collect();
    assert!(scores.iter().copied().eq(keys.iter().map(|key| (key * 1001) as f64)), "{:?}", &scores[..10]);
}

#[test]
fn the_twins_answer_alike() {
    let guard = go_policy::example(&newest(), "ci-guard", folder());
    let ask_both = |settings: &Value, event: &Value| {
        let [shipped, twin] = ["builtin:ci-guard", guard.to_str().expect("UTF-8")].map(|plugin| ask(plugin, settings, event));
        (shipped, twin)
    };
    let all = [
        json!({}),
        json!({ "branches": ["release/*", "**/stable"], "events": ["push", "manual", "pull-request"] }),
        json!({ "on-ci-only": false, "kinds": ["archive"], "max-size": "1.5kB", "distrust-remote-on": ["push", "other"] }),
        json!({ "kinds": [], "max-size": 10, "distrust-remote-on": [] }),
    ];
    let session = |ci: &str, event: &str, branch: &str| json!({ "ci": ci, "ci-event": event, "branch": branch });
    let sessions = [
        session("true", "push", "main"),
        session("true", "pull-request", "a/b/stable"),
        session("true", "manual", "release/1"),
        session("true", "tag", "release/1/2"),
        json!({ "ci": "false", "branch": "main" }),
        json!({ "ci": "true" }),
        json!({}),
    ];
    let groups = [
        json!({ "kind": "archive", "size": 1500, "origin": "remote" }),
        json!({ "kind": "test-result", "size": 1501, "origin": "local" }),
        json!({ "kind": "executable", "size": 5, "origin": "native" }),
    ];
    let mut different = BTreeSet::new();
    for (settings, session) in all.iter().flat_map(|settings| sessions.iter().map(move |session| (settings, session))) {
        for question in ["admit", "serve"] {
            for group in &groups {
                let event = json!({ question: group, "session": session });
                let (shipped, twin) = ask_both(settings, &event);
                assert!(shipped.is_object(), "{shipped}");
                assert_eq!(shipped, twin, "{settings} {event}");
                different.insert(shipped.to_string());
            }
        }
    }
    assert!(different.len() >= 10, "answers that are all alike prove little: {different:?}");
    // Settings that neither takes: the key is the same, and so is where it says what there is.
    for (settings, key) in [
        (json!({ "branches": ["main", "refs/heads/x"] }), "branches[1]"),
        (json!({ "events": ["pushes"] }), "events[0]"),
        (json!({ "kinds": ["archives"] }), "kinds[0]"),
        (json!({ "on-ci-only": 1 }), "on-ci-only"),
        (json!({ "branch": [] }), "branch"),
    ] {
        let (shipped, twin) = ask_both(&settings, &json!({ "serve": {} }));
        for answer in [shipped, twin] {
            assert!(answer["error"].as_str().is_some_and(|error| error.starts_with(&format!("setting `{key}`: "))), "{answer}");
        }
    }
}

#[test]
fn one_that_breaks_is_told_by_its_own_words_and_the_fallback_decides() {
    const MAX_SIZE: u64 = 200_000;
    let breaks = go_policy::guest(&newest(), "breaks", folder());
    for (how, cause) in [
        ("panic", "panic: no idea what to do"),
        ("error", "panic: open /rules: "),
        ("index", "panic: runtime error: index out of range"),
        ("nil", "nil pointer dereference"),
        ("goroutine", "panic: elsewhere"),
        ("deadlock", "all goroutines are asleep"),
        ("exit", "os.Exit was called"),
        ("memory", "out of memory"),
        ("stack", "its stack is full"),
        ("loop", "did not come to an end in time"),
        ("few", "scores for"),
    ] {
        let home = Home::new();
        std::fs::copy(&breaks, home.path().join("breaks.wasm")).expect("a copy");
        cachewit_tests::guest::vouch_for(home.path(), "breaks.wasm");
        let config = home.write("breaks.toml", format!("[[policy]]\nuse = \"breaks.wasm\"\nsettings.how = \"{how}\"\n"));
        let mut go = home.session(&[]).max_size(MAX_SIZE).env("CACHEWIT_CONFIG", &config);
        // One folder for compiled plugins: it is one and the same.
        go = go.env("XDG_CACHE_HOME", folder().join("go-policies/xdg"));
        let mut go = go.start();
        for number in 0..12_u64 {
            go.put_group(Digest::of(&number.to_le_bytes()), &archive(number, 40_000), b"./a.go\n");
        }
        let ended = go.close();
        let faults = ended.faults();
        assert!(ended.success && faults.len() == 1, "{how}: {faults:?}");
        assert!(faults[0].contains("breaks.wasm failed in eviction: ") && faults[0].contains(cause), "{how}: {faults:?}");
        assert_eq!(ended.summary["evicted_by"], "rebuild-cost (native)", "{how}: {}", ended.summary);
        assert!(home.index().size().expect("a size").bytes <= MAX_SIZE / 10 * 9, "{how}");
    }
}

#[test]
fn the_sdk_passes_its_own_tests_and_has_nothing_that_vet_or_gofmt_would_say() {
    for go in [Toolchain::minor("1.24"), newest()] {
        for (target, arguments) in [(None, &["test", "./..."][..]), (None, &["vet", "./..."]), (Some("wasip1"), &["vet", "./..."])] {
            let mut command = go_policy::command(&go, folder());
            command.current_dir(go_policy::sdk()).args(arguments);
            if let Some(system) = target {
                command.env("GOOS", system).env("GOARCH", "wasm");
            }
            let output = command.output().expect("go runs");
            assert!(output.status.success(), "go {arguments:?} {target:?}: {}", said(&output));
            assert!(arguments[0] != "test" || said(&output).matches("ok  \t").count() >= 4, "{}", said(&output));
        }
    }
    let go = newest();
    let gofmt = go.path().parent().expect("a folder").join("gofmt");
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/go");
    let output = Command::new(gofmt).arg("-l").args([go_policy::sdk(), guests]).output().expect("gofmt runs");
    assert!(output.status.success() && output.stdout.is_empty(), "not formatted: {}", said(&output));
}

#[test]
fn what_is_no_policy_is_refused_in_words_that_say_what_to_do() {
    let dir = tempfile::tempdir().expect("a folder");
    let module = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    };
    let text = |text: &str| wat::parse_str(text).expect("a module");
    let describe = r#"(func (export "cachewit:policy/plugin@0.1.0#describe") (result i32) (i32.const 0))"#;
    let component = std::fs::read(go_policy::example(&newest(), "lru", folder())).expect("a component");
    let cases = [
        ("component", component, "is a component already; take it in with `cachewit plugin add`"),
        ("text", b"package main".to_vec(), "is no WebAssembly module"),
        ("nothing", Vec::new(), "is no WebAssembly module"),
        ("damaged", text(&format!("(module {describe})"))[..60].to_vec(), "is damaged"),
        ("other", text("(module (func (export \"run\")))"), "exports no policy; register one with the guest SDK"),
        ("program", text(&format!("(module {describe} (func (export \"_start\")))")), "build it with `-buildmode=c-shared`"),
        (
            "old",
            text(&describe.replace("0.1.0", "0.0.9").replacen("(func", "(module (func", 1).replacen("0))", "0)))", 1)),
            "version 0.0.9",
        ),
        (
            "role",
            text(&format!("(module {describe} (func (export \"cachewit:policy/dancing@0.1.0#dance\")))")),
            "`dancing`, which is no role",
        ),
        ("wish", text(&format!("(module {describe} (func (export \"cachewit:wish/fact:moon\")))")), "there is no fact `moon`"),
        ("half", text(&format!("(module (memory (export \"memory\") 1) {describe})")), "does not fit the contract"),
        ("stray", text(&format!("(module (import \"env\" \"getpid\" (func)) {describe})")), "does not fit the contract"),
    ];
    for (name, bytes, problem) in cases {
        let path = module(name, &bytes);
        let output = wrap(&path, None, &[]);
        assert!(!output.status.success() && said(&output).contains(problem), "{name}: {}", said(&output));
        assert!(std::fs::read(&path).expect("the file") == bytes, "{name} was not left as it was");
    }
    let lru = dir.path().join("gone.wasm");
    assert!(said(&wrap(&lru, None, &[])).contains("does not exist"));
    let output = wrap(&module("twice", &text("(module)")), None, &["--wish", "fact:moon"]);
    assert!(!output.status.success() && said(&output).contains("there is no fact `moon`"), "{}", said(&output));
}

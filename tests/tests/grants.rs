//! What a plugin may know: nothing beyond what every policy may, unless it asks in its manifest and the operator grants it.

use cachewit::model::Digest;
use cachewit_tests::guest;
use cachewit_tests::script::{Ended, Home, archive};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const NAME: &str = "says_what_it_knows";

fn plugin(home: &Home) -> PathBuf {
    home.write(&format!("{NAME}.wasm"), guest::named(NAME))
}

/// A session in which the plugin says what it knows: 0, or the error's code.
fn session(home: &Home, arguments: &[&str], config: Option<&Path>) -> Ended {
    let mut session = home.session(arguments).env("TEAM", "blue").env("GITHUB_EVENT_NAME", "push").env("GITHUB_REF_TYPE", "branch");
    session = session.env("GITHUB_REF_NAME", "main");
    if let Some(config) = config {
        session = session.env("CACHEWIT_CONFIG", config);
    }
    let mut go = session.start();
    go.put_group(Digest::of(b"a"), &archive(1, 1000), b"./a.go\n");
    go.close()
}

fn knows(ended: &Ended, name: &str) -> Value {
    let counters = &ended.policy(name)["counters"];
    ["branch", "team", "home", "ci-event", "stream"].map(|key| counters[key].clone()).into()
}

fn cachewit(home: &Home, arguments: &[&str]) -> Output {
    let mut command = Command::new(cachewit_tests::go::binary());
    command.args(arguments).env("HOME", home.path()).env("XDG_CACHE_HOME", home.path().join("xdg"));
    command.env("XDG_CONFIG_HOME", home.path().join("config")).env_remove("CACHEWIT_CONFIG");
    command.output().expect("cachewit runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_plugin_of_the_command_line_is_granted_nothing_and_one_line_says_so() {
    let home = Home::new();
    let plugin = plugin(&home);
    let ended = session(&home, &[plugin.to_str().expect("UTF-8")], None);
    assert_eq!(knows(&ended, &format!("{NAME}.wasm")), serde_json::json!([3, 3, 3, 3, 0]), "{}", ended.summary);
    let faults = ended.faults();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains("env:TEAM") && faults[0].contains("fact:branch") && faults[0].contains("plugin add"), "{faults:?}");
}

#[test]
fn what_is_added_knows_what_it_asked_for_and_was_granted_and_no_more() {
    let home = Home::new();
    let plugin = plugin(&home);
    let add =
        |arguments: &[&str]| cachewit(&home, &[&["plugin", "add", plugin.to_str().expect("UTF-8"), "--name", NAME], arguments].concat());
    let undecided = add(&[]);
    assert!(!undecided.status.success() && said(&undecided).contains("--grant fact:branch"), "{}", said(&undecided));
    let unasked = add(&["--grant", "fact:branch", "--grant", "env:TEAM", "--grant", "fact:commit"]);
    assert!(!unasked.status.success() && said(&unasked).contains("does not wish to know fact:commit"), "{}", said(&unasked));
    let unknown = add(&["--grant", "fact:moon"]);
    assert!(!unknown.status.success() && said(&unknown).contains("there is no fact `moon`"), "{}", said(&unknown));
    let added = add(&["--grant", "fact:branch", "--deny", "env:TEAM"]);
    assert!(added.status.success(), "{}", said(&added));

    let config = home.path().join("config/cachewit/config.toml");
    let ended = session(&home, &[], Some(&config));
    assert_eq!(knows(&ended, &format!("{NAME}.wasm")), serde_json::json!([0, 3, 3, 3, 0]), "{}", ended.summary);
    assert_eq!(ended.faults(), [""; 0], "what was denied is not complained about");

    let again = add(&["--grant", "env:TEAM"]);
    assert!(again.status.success(), "{}", said(&again));
    let ended = session(&home, &[], Some(&config));
    assert_eq!(knows(&ended, &format!("{NAME}.wasm")), serde_json::json!([0, 0, 3, 3, 0]), "what it had it keeps: {}", ended.summary);

    let listed = cachewit(&home, &["plugin", "list"]);
    let text = said(&listed);
    let line = text.lines().find(|line| line.contains(NAME)).expect("the plugin's line");
    assert!(line.contains("observer") && line.contains("may know fact:branch, env:TEAM"), "{text}");
}

#[test]
fn a_plugin_that_the_lock_does_not_name_or_whose_file_is_another_is_not_run() {
    let home = Home::new();
    let plugin = plugin(&home);
    let config = home.write("config.toml", format!("[[policy]]\nuse = \"{NAME}.wasm\"\n"));
    let ended = session(&home, &[], Some(&config));
    assert!(ended.faults()[0].contains("is in no cachewit.lock"), "{:?}", ended.faults());
    assert_eq!(ended.policy(&format!("{NAME}.wasm"))["calls"], serde_json::json!({}));

    let config = config.to_str().expect("UTF-8");
    let arguments = [
        "plugin",
        "add",
        plugin.to_str().expect("UTF-8"),
        "--name",
        "known",
        "--config",
        config,
        "--grant",
        "fact:branch",
        "--deny",
        "env:TEAM",
    ];
    let added = cachewit(&home, &arguments);
    assert!(added.status.success(), "{}", said(&added));
    // The one that nobody vouched for stays off, the one that was added runs.
    let ended = session(&home, &[], Some(Path::new(config)));
    assert_eq!(ended.policy("known.wasm")["calls"]["observer"], 1, "{}", ended.summary);

    let copy = home.path().join("plugins/known.wasm");
    let (pinned, other) = (Digest::of(&std::fs::read(&copy).expect("the copy")), guest::named("remembers_and_counts"));
    std::fs::write(&copy, &other).expect("somebody changes the file");
    let ended = session(&home, &[], Some(Path::new(config)));
    let faults = ended.faults().join("\n");
    assert!(faults.contains(&pinned.to_hex()) && faults.contains(&Digest::of(&other).to_hex()), "{faults}");
    let doctor = cachewit(&home, &["doctor", "--config", config]);
    assert!(said(&doctor).contains(&pinned.to_hex()), "{}", said(&doctor));

    let removed = cachewit(&home, &["plugin", "remove", "known", "--config", config]);
    assert!(removed.status.success() && !copy.exists(), "{}", said(&removed));
    let unknown = cachewit(&home, &["plugin", "remove", "known", "--config", config]);
    assert!(!unknown.status.success() && said(&unknown).contains(NAME), "{}", said(&unknown));
}

#[test]
fn a_second_plugin_that_decides_eviction_is_refused_by_name_and_a_wrong_setting_by_its_key() {
    let home = Home::new();
    let add = |arguments: &[&str]| cachewit(&home, &[&["plugin", "add"], arguments].concat());
    let wrong = add(&["builtin:rebuild-cost", "--settings", "{\"idle-run\": 3}"]);
    assert!(!wrong.status.success() && said(&wrong).contains("`idle-run`"), "{}", said(&wrong));
    let first = add(&["builtin:rebuild-cost", "--settings", "{\"idle-runs\": 3}"]);
    assert!(first.status.success(), "{}", said(&first));
    let second = add(&["builtin:lru"]);
    assert!(!second.status.success() && said(&second).contains("builtin:rebuild-cost, decides eviction already"), "{}", said(&second));
    let again = add(&["builtin:rebuild-cost", "--settings", "{\"idle-runs\": 4}"]);
    assert!(again.status.success(), "the same one may be added again: {}", said(&again));
    let text = std::fs::read_to_string(home.path().join("config/cachewit/config.toml")).expect("the configuration");
    assert!(text.contains("idle-runs = 4") && text.matches("[[policy]]").count() == 1, "{text}");
}

/// What is compiled of plugins, and what was noted of their files.
fn native(home: &Home) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let files = std::fs::read_dir(home.path().join("xdg/cachewit/native")).expect("the folder of artefacts");
    files.map(|file| file.expect("a file").path()).partition(|path| path.extension().is_none())
}

#[cfg(unix)]
#[test]
fn a_file_that_was_read_is_not_read_again_until_something_about_it_has_changed() {
    let home = Home::new();
    let plugin = plugin(&home);
    let add = ["plugin", "add", plugin.to_str().expect("UTF-8"), "--name", "known", "--grant", "fact:branch", "--grant", "env:TEAM"];
    let added = cachewit(&home, &add);
    assert!(added.status.success(), "{}", said(&added));
    let config = home.path().join("config/cachewit/config.toml");
    let copy = home.path().join("config/cachewit/plugins/known.wasm");
    let asked = |ended: &Ended| ended.policy("known.wasm")["calls"].clone();
    let is_asked = serde_json::json!({"observer": 1});

    // Of a file that has just been written another change might not show.
    assert_eq!(asked(&session(&home, &[], Some(&config))), is_asked);
    assert_eq!(native(&home).1, [""; 0].map(PathBuf::from));
    std::thread::sleep(std::time::Duration::from_millis(3100));
    assert_eq!(asked(&session(&home, &[], Some(&config))), is_asked);
    let (artefacts, noted) = native(&home);
    assert_eq!((artefacts.len(), noted.len()), (1, 1), "{noted:?}");

    // What was noted is what counts: a note without the role, and the plugin is not asked.
    let note = std::fs::read(&noted[0]).expect("a note");
    let at = note.windows(8).position(|bytes| bytes == b"observer").expect("its role");
    let other = [&note[..at], b"observed", &note[at + 8..]].concat();
    let put = |bytes: &[u8]| {
        std::fs::remove_file(&noted[0]).expect("a note");
        std::fs::write(&noted[0], bytes).expect("a note");
    };
    put(&other);
    assert_eq!(asked(&session(&home, &[], Some(&config))), serde_json::json!({}));
    put(&note);
    assert_eq!(asked(&session(&home, &[], Some(&config))), is_asked);

    // Nothing is compiled of it any more: it is read for that.
    std::fs::remove_file(&artefacts[0]).expect("an artefact");
    assert_eq!(asked(&session(&home, &[], Some(&config))), is_asked);
    assert_eq!(native(&home).0, artefacts);

    // Another content of the same length, and the time of the last writing put back.
    let (whole, written) = (std::fs::read(&copy).expect("the copy"), std::fs::metadata(&copy).and_then(|data| data.modified()));
    let mut changed = whole.clone();
    *changed.last_mut().expect("bytes") ^= 1;
    let write = |bytes: &[u8]| {
        std::fs::write(&copy, bytes).expect("somebody changes the file");
        let file = std::fs::File::options().write(true).open(&copy).expect("the copy");
        file.set_modified(*written.as_ref().expect("its time")).expect("ours");
    };
    write(&changed);
    let ended = session(&home, &[], Some(&config));
    let faults = ended.faults().join("\n");
    assert!(faults.contains(&Digest::of(&whole).to_hex()) && faults.contains(&Digest::of(&changed).to_hex()), "{faults}");
    assert_eq!(asked(&ended), serde_json::json!({}));
    write(&whole);
    let ended = session(&home, &[], Some(&config));
    assert_eq!((asked(&ended), ended.faults().len()), (is_asked, 0), "{:?}", ended.faults());
}

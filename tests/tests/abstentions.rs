//! Who abstains from judging, having asked nothing but facts of the session, is not started to say so again where these are the same.

use cachewit::model::Digest;
use cachewit_tests::guest;
use cachewit_tests::script::{Ended, Home, archive};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const GROUPS: u64 = 6;

fn head(number: u64) -> Digest {
    Digest::of(format!("package {number}").as_bytes())
}

fn store() -> Home {
    let home = Home::new();
    let mut go = home.session(&[]).start();
    for number in 0..GROUPS {
        go.put_group(head(number), &archive(number, 5_000), b"./a.go\n");
    }
    assert_eq!(go.close().faults(), [""; 0]);
    home
}

/// A job of CI's that asks for everything: how many were hits.
fn job(home: &Home, event: &str, arguments: &[&str], config: Option<&Path>) -> (u64, Ended) {
    let mut session = home.session(arguments).env("CI", "true").env("GITHUB_EVENT_NAME", event).env("GITHUB_REF_NAME", "main");
    session = session.env("GITHUB_REF_TYPE", if event == "tag" { "tag" } else { "branch" });
    if let Some(config) = config {
        session = session.env("CACHEWIT_CONFIG", config);
    }
    let mut go = session.start();
    let hits = (0..GROUPS).filter(|number| go.get(head(*number)).is_some_and(|hit| hit.is_whole())).count() as u64;
    (hits, go.close())
}

/// Questions about hits, and whether it was taken at an earlier word.
fn asked(ended: &Ended, name: &str) -> (u64, bool) {
    let policy = ended.policy(name);
    (policy["calls"]["serving"].as_u64().unwrap_or(0), policy["abstains_as_before"] == Value::Bool(true))
}

/// A guard that takes nothing from elsewhere on these events, and a folder that machines share.
fn guarded(home: &Home, shared: &Path, events: &[&str]) -> PathBuf {
    let path = shared.to_str().expect("UTF-8").replace('\\', "/");
    home.write(
        "guarded.toml",
        format!(
            "[[policy]]\nuse = \"builtin:ci-guard\"\nrequired = true\n[policy.settings]\ndistrust-remote-on = {}\n\
             [[store]]\nname = \"s\"\nkind = \"folder\"\npath = \"{path}\"\nmode = \"read-write\"\n",
            json!(events)
        ),
    )
}

#[test]
fn a_word_holds_for_its_facts_and_settings_and_for_no_others() {
    let (home, shared) = (store(), tempfile::tempdir().expect("a folder"));
    let config = guarded(&home, shared.path(), &["tag"]);
    let run = |event: &str, config: &Path| {
        let (hits, ended) = job(&home, event, &[], Some(config));
        assert_eq!((hits, ended.faults().len()), (GROUPS, 0), "{}", ended.summary);
        asked(&ended, "ci-guard")
    };
    let (anew, as_before) = ((1, false), (0, true));
    assert_eq!(run("push", &config), anew);
    assert_eq!(run("push", &config), as_before);
    // Another event: it distrusts what others made, and was never asked about that.
    assert_eq!(run("tag", &config), anew);
    assert_eq!(run("tag", &config), as_before);
    assert_eq!(run("push", &config), as_before, "several words are kept");
    let config = guarded(&home, shared.path(), &["tag", "push"]);
    assert_eq!(run("push", &config), anew, "other settings");
    assert_eq!(run("push", &config), as_before);
}

#[test]
fn a_word_about_what_was_made_here_lets_nothing_pass_that_was_not() {
    let shared = tempfile::tempdir().expect("a folder");
    let maker = store();
    let config = guarded(&maker, shared.path(), &["tag"]);
    let (hits, ended) = job(&maker, "push", &[], Some(&config));
    assert_eq!(hits, GROUPS, "what a job of main uses it shares: {}", ended.summary);

    let home = Home::new();
    let config = guarded(&home, shared.path(), &["tag"]);
    let own = Digest::of(b"made here");
    let mut go = home.session(&[]).start();
    go.put_group(own, &archive(99, 5_000), b"./b.go\n");
    go.close();
    let release = || {
        let session = home.session(&[]).env("CI", "true").env("GITHUB_EVENT_NAME", "push").env("GITHUB_REF_NAME", "v1");
        session.env("GITHUB_REF_TYPE", "tag").env("CACHEWIT_CONFIG", &config)
    };
    for as_before in [false, true, true] {
        let mut go = release().start();
        assert!(go.get(own).is_some_and(|hit| hit.is_whole()));
        let served = (0..GROUPS).filter(|number| go.get(head(*number)).is_some()).count();
        let ended = go.close();
        let asked = asked(&ended, "ci-guard");
        assert_eq!((served, asked.1), (0, as_before), "{}", ended.summary);
        assert_eq!(asked.0, GROUPS + u64::from(!as_before), "about each that came from elsewhere: {}", ended.summary);
    }
}

#[test]
fn who_asked_for_more_than_facts_or_has_something_to_show_is_asked_in_every_session() {
    for (name, recalled) in [
        ("abstains_at_once", true),
        ("abstains_at_an_hour", false),
        ("abstains_after_a_look", false),
        ("abstains_and_says_so", false),
        ("abstains_and_whispers", true),
        ("abstains_with_a_memory", false),
        ("abstains_from_what_was_made_here", false),
        ("abstains_and_goes_out", false),
    ] {
        let home = store();
        let plugin = home.write(&format!("{name}.wasm"), guest::named(name));
        home.compile(&plugin);
        let plugin = plugin.to_str().expect("UTF-8");
        for session in 0..2 {
            let (hits, ended) = job(&home, "push", &[plugin], None);
            let before = recalled && session > 0;
            assert_eq!(hits, GROUPS, "{name}: {}", ended.summary);
            assert_eq!(asked(&ended, &format!("{name}.wasm")), (u64::from(!before), before), "{name}: {}", ended.summary);
        }
    }
}

#[test]
fn an_abstention_that_was_not_the_first_answer_is_none_of_a_later_session() {
    let home = store();
    let name = "abstains_at_the_third_hit";
    let plugin = home.write(&format!("{name}.wasm"), guest::named(name));
    home.compile(&plugin);
    for _ in 0..2 {
        let (_, ended) = job(&home, "push", &[plugin.to_str().expect("UTF-8")], None);
        assert_eq!(asked(&ended, &format!("{name}.wasm")), (3, false), "{}", ended.summary);
    }
}

#[test]
fn a_word_that_cannot_be_read_is_none() {
    let (home, shared) = (store(), tempfile::tempdir().expect("a folder"));
    let config = guarded(&home, shared.path(), &["tag"]);
    job(&home, "push", &[], Some(&config));
    let native = home.path().join("xdg/cachewit/native");
    let files = std::fs::read_dir(&native).expect("the folder of artefacts").map(|file| file.expect("a file").path());
    let words: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "words")).collect();
    let [word] = &words[..] else { panic!("{words:?}") };
    let whole = std::fs::read(word).expect("a word");
    for broken in [&[][..], &whole[..whole.len() / 2], &vec![0; whole.len()], &[whole.clone(), vec![1]].concat(), b"abstain"] {
        std::fs::remove_file(word).expect("ours");
        std::fs::write(word, broken).expect("ours");
        let (hits, ended) = job(&home, "push", &[], Some(&config));
        assert_eq!((hits, asked(&ended, "ci-guard")), (GROUPS, (1, false)), "{broken:?}: {}", ended.summary);
        let (_, ended) = job(&home, "push", &[], Some(&config));
        assert_eq!(asked(&ended, "ci-guard"), (0, true), "it is written anew");
    }
}

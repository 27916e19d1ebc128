//! Observers: they are told everything that happened, they count, and they remember.

use cachewit::model::Digest;
use cachewit_tests::guest;
use cachewit_tests::script::{Ended, Home, archive};
use serde_json::Value;

fn head(number: u64) -> Digest {
    Digest::of(format!("package {number}").as_bytes())
}

fn counters(ended: &Ended) -> Value {
    counters_of(ended, "remembers_and_counts.wasm")
}

fn counters_of(ended: &Ended, file: &str) -> Value {
    ended.policy(file)["counters"].clone()
}

#[test]
fn one_is_told_every_request_and_every_group_that_went_and_remembers_from_session_to_session() {
    let home = Home::new();
    let plugin = home.write("remembers_and_counts.wasm", guest::named("remembers_and_counts"));
    let session = |first: u64, last: u64, max_size: u64| {
        let mut go = home.session(&[plugin.to_str().expect("UTF-8")]).max_size(max_size).start();
        for number in first..last {
            if go.get(head(number)).is_none() {
                go.put_group(head(number), &archive(number, 20_000), b"./a.go\n");
            }
        }
        go.close()
    };
    let one = session(0, 10, 1 << 30);
    let counted = counters(&one);
    assert_eq!((&counted["code-1"], &counted["code-2"]), (&10.into(), &one.summary["puts"]), "{counted}");
    assert_eq!((&counted["put-bytes"], &counted["sessions"]), (&one.summary["put_bytes"], &1.into()), "{counted}");
    assert_eq!(counted["too-long"], 1, "what is longer than may be remembered is not taken");
    let two = session(0, 15, 100_000);
    let counted = counters(&two);
    assert_eq!(counted["sessions"], 2, "{counted}");
    assert_eq!((&counted["code-3"], &counted["code-1"]), (&two.summary["evicted_groups"], &15.into()), "{counted}");
    assert!(two.count("/evicted_groups") > 5);
    assert_eq!(one.faults().len() + two.faults().len(), 0, "{:?} {:?}", one.faults(), two.faults());
    let reset = std::process::Command::new(cachewit_tests::go::binary())
        .args(["plugin", "reset", "--root"])
        .arg(home.path().join("gocache/cachewit"))
        .env("HOME", home.path())
        .output()
        .expect("cachewit runs");
    assert!(reset.status.success(), "{reset:?}");
    assert_eq!(counters(&session(0, 1, 1 << 30))["sessions"], 1, "it was made to forget");
    // In the sums, under the plugin's name.
    let totals = home.index().totals().expect("totals");
    assert_eq!(totals["counter/remembers_and_counts.wasm/code-1"], 26, "{totals:?}");
}

/// None gets at what another remembers by calling itself like that one, and a policy that is there twice has two memories.
#[test]
fn two_that_call_themselves_alike_remember_each_their_own() {
    let home = Home::new();
    let [one, another] = ["one.wasm", "another.wasm"].map(|file| {
        let path = home.write(file, guest::named("remembers_and_counts"));
        path.to_str().expect("UTF-8").to_owned()
    });
    let sessions = |chain: &[&str], file: &str| {
        let mut go = home.session(chain).start();
        assert_eq!(go.get(head(1)), None);
        let ended = go.close();
        assert!(ended.faults().is_empty(), "{ended:?}");
        counters_of(&ended, file)["sessions"].clone()
    };
    assert_eq!(sessions(&[&one], "one.wasm"), 1);
    assert_eq!(sessions(&[&one], "one.wasm"), 2);
    assert_eq!(sessions(&[&another, &one], "another.wasm"), 1);
    assert_eq!(sessions(&[&one, &another], "one.wasm"), 4);
    assert_eq!(sessions(&[&one, &another], "another.wasm"), 3);

    // Nor by the name of its file, in another folder or without anybody's having vouched for it.
    std::fs::create_dir_all(home.path().join("theirs")).expect("a folder");
    let theirs = home.write("theirs/one.wasm", guest::named("remembers_and_counts"));
    assert_eq!(sessions(&[theirs.to_str().expect("UTF-8")], "one.wasm"), 1);
    let config = home.write("config.toml", "[[policy]]\nuse = \"one.wasm\"\n");
    guest::vouch_for(home.path(), "one.wasm");
    let mut go = home.session(&[]).env("CACHEWIT_CONFIG", &config).start();
    assert_eq!(go.get(head(1)), None);
    assert_eq!(counters_of(&go.close(), "one.wasm")["sessions"], 1);
    assert_eq!(sessions(&[&one], "one.wasm"), 6);
}

#[test]
fn batches_cover_more_events_than_one_can_hold() {
    let home = Home::new();
    let plugin = home.write("remembers_and_counts.wasm", guest::named("remembers_and_counts"));
    let mut go = home.session(&[plugin.to_str().expect("UTF-8")]).start();
    for number in 0..9_000 {
        assert_eq!(go.get(head(number)), None);
    }
    let ended = go.close();
    assert_eq!(counters(&ended)["code-1"], 9_000, "{}", ended.summary);
    assert_eq!(ended.policy("remembers_and_counts.wasm")["calls"]["observer"], 1);
}

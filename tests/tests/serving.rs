//! Serving: who may refuse a hit, what is asked of them, and what becomes of a refused one. What a session itself put is always served.

use cachewit::model::Digest;
use cachewit::trace::{self, What};
use cachewit_tests::go::{Machine, Toolchain};
use cachewit_tests::guest;
use cachewit_tests::script::{Ended, Home, archive};
use std::path::{Path, PathBuf};

const GROUPS: u64 = 12;

fn head(number: u64) -> Digest {
    Digest::of(format!("package {number}").as_bytes())
}

fn plugin(home: &Home, name: &str) -> PathBuf {
    home.write(&format!("{name}.wasm"), guest::named(name))
}

/// A configuration that names this plugin, which the lock beside it vouches for.
fn configuration(home: &Home, plugin: &Path, more: &str) -> PathBuf {
    let file = plugin.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
    guest::vouch_for(home.path(), &file);
    home.write("config.toml", format!("[[policy]]\nuse = \"{file}\"\n{more}"))
}

fn fill(home: &Home) {
    let mut go = home.session(&[]).start();
    for number in 0..GROUPS {
        go.put_group(head(number), &archive(number, 5_000), b"./a.go\n");
    }
    assert_eq!(go.close().faults(), [""; 0]);
}

/// Asks for everything, and makes what it does not get. Returns how many were hits.
fn build(home: &Home, arguments: &[&str], config: Option<&Path>) -> (u64, Ended) {
    let mut session = home.session(arguments);
    if let Some(config) = config {
        session = session.env("CACHEWIT_CONFIG", config);
    }
    let (mut go, mut hits) = (session.start(), 0);
    for number in 0..GROUPS {
        match go.get(head(number)) {
            Some(hit) => {
                assert!(hit.is_whole(), "{hit:?}");
                hits += 1;
            }
            None => go.put_group(head(number), &archive(number, 5_000), b"./a.go\n"),
        }
    }
    // What this session put is its own.
    for number in hits..GROUPS {
        assert!(go.get(head(number)).is_some_and(|hit| hit.is_whole()), "group {number}");
    }
    (hits, go.close())
}

#[test]
fn a_refused_hit_is_a_miss_that_go_makes_anew_and_finds_again_in_the_same_session() {
    let home = Home::new();
    let plugin = plugin(&home, "refuses_everything");
    home.compile(&plugin);
    fill(&home);
    let (hits, ended) = build(&home, &[plugin.to_str().expect("UTF-8")], None);
    assert_eq!(hits, 0);
    assert_eq!((ended.count("/not_served"), ended.count("/misses"), ended.count("/hits")), (GROUPS, GROUPS, GROUPS), "{}", ended.summary);
    assert_eq!(ended.policy("refuses_everything.wasm")["calls"]["serving"], GROUPS);
    let traces = trace::list(&home.layout().traces_dir()).expect("traces");
    let last = trace::read(&traces.last().expect("a trace").path).expect("a trace");
    assert_eq!(last.events.iter().filter(|event| event.what == What::Refused).count() as u64, GROUPS);
    // Nobody was asked about the second half, and without the plugin everything is served.
    assert_eq!(build(&home, &[], None).0, GROUPS);
}

#[test]
fn a_policy_is_asked_about_the_group_wherever_the_hit_was_found() {
    let bucket = tempfile::tempdir().expect("a folder");
    let store = |home: &Home, plugin: &Path| sharing(bucket.path(), home, plugin);
    let first = Home::new();
    let judge = plugin(&first, "refuses_what_came_from_elsewhere");
    let config = store(&first, &judge);
    first.compile(&judge);
    fill(&first);
    let (hits, ended) = {
        let mut go = first.session(&[]).env("CACHEWIT_CONFIG", &config).env("CI", "true").start();
        let hits = (0..GROUPS).filter(|number| go.get(head(*number)).is_some()).count() as u64;
        (hits, go.close())
    };
    // Made here by an earlier session: origin 1, and served.
    assert_eq!((hits, &ended.policy("refuses_what_came_from_elsewhere.wasm")["counters"]["origin-1"]), (GROUPS, &GROUPS.into()));

    let second = Home::new();
    let judge = plugin(&second, "refuses_what_came_from_elsewhere");
    let config = store(&second, &judge);
    second.compile(&judge);
    let (hits, ended) = build(&second, &[], Some(&config));
    let counters = &ended.policy("refuses_what_came_from_elsewhere.wasm")["counters"];
    assert_eq!((hits, &counters["origin-2"]), (0, &GROUPS.into()), "{}", ended.summary);
    assert_eq!(ended.count("/not_served"), GROUPS);
    // Made here now.
    assert_eq!(build(&second, &[], Some(&config)).0, GROUPS);
}

/// A folder that several machines share, and their configuration with this plugin.
fn sharing(bucket: &Path, home: &Home, plugin: &Path) -> PathBuf {
    let path = bucket.to_str().expect("UTF-8").replace('\\', "/");
    configuration(home, plugin, &format!("[[store]]\nname = \"s\"\nkind = \"folder\"\npath = \"{path}\"\nmode = \"read-write\"\n"))
}

#[test]
fn what_was_lost_here_and_fetched_again_came_from_elsewhere_whatever_the_index_knows_of_it() {
    let bucket = tempfile::tempdir().expect("a folder");
    let home = Home::new();
    let judge = plugin(&home, "refuses_what_came_from_elsewhere");
    home.compile(&judge);
    let judged = sharing(bucket.path(), &home, &judge);
    let configuration = std::fs::read_to_string(&judged).expect("a configuration");
    let unjudged = home.write("unjudged.toml", &configuration[configuration.find("[[store]]").expect("a store")..]);
    let sources = head(0).subkey("srcfiles");
    let mut go = home.session(&[]).env("CACHEWIT_CONFIG", &unjudged).env("CI", "true").start();
    go.put_group(head(0), &archive(0, 5_000), b"./its_own.go\n");
    go.close();

    // Its head's object: the row still says that it was made here, and it was fetched a moment ago.
    std::fs::remove_file(home.layout().object(Digest::of(&archive(0, 5_000)))).expect("the object");
    let mut go = home.session(&[]).env("CACHEWIT_CONFIG", &judged).start();
    assert_eq!(go.get(head(0)), None);
    go.put_group(head(0), &archive(0, 5_000), b"./its_own.go\n");
    assert_eq!(go.close().count("/remote/fetched"), 1);

    // Its companion's, fetched by a session that asks nobody: the head was made here.
    std::fs::remove_file(home.layout().object(Digest::of(b"./its_own.go\n"))).expect("the object");
    let mut go = home.session(&[]).env("CACHEWIT_CONFIG", &unjudged).start();
    assert!(go.get(sources).is_some_and(|hit| hit.is_whole()));
    assert_eq!(go.close().count("/remote/fetched"), 1);
    let mut go = home.session(&[]).env("CACHEWIT_CONFIG", &judged).start();
    assert!(go.get(head(0)).is_some_and(|hit| hit.is_whole()));
    assert_eq!(go.get(sources), None);
    go.close();
}

#[test]
fn one_that_abstains_is_not_asked_again_in_this_session_and_the_others_of_its_chain_are() {
    let home = Home::new();
    let [indifferent, strict] = ["abstains_at_the_third_hit", "refuses_everything"].map(|name| plugin(&home, name));
    home.compile(&indifferent);
    home.compile(&strict);
    fill(&home);
    let [indifferent, strict] = [&indifferent, &strict].map(|path| path.to_str().expect("UTF-8"));
    let asked = |ended: &Ended, name: &str| ended.policy(&format!("{name}.wasm"))["calls"]["serving"].as_u64();
    for _ in 0..2 {
        let (hits, ended) = build(&home, &[indifferent], None);
        assert_eq!((hits, asked(&ended, "abstains_at_the_third_hit")), (GROUPS, Some(3)), "{}", ended.summary);
    }
    let (hits, ended) = build(&home, &[indifferent, strict], None);
    assert_eq!((hits, asked(&ended, "abstains_at_the_third_hit")), (0, Some(3)), "{}", ended.summary);
    assert_eq!(asked(&ended, "refuses_everything"), Some(GROUPS), "{}", ended.summary);
}

#[test]
fn one_that_abstains_from_an_origin_is_asked_about_what_came_from_another() {
    let name = "abstains_from_what_was_made_here";
    let bucket = tempfile::tempdir().expect("a folder");
    let first = Home::new();
    let config = sharing(bucket.path(), &first, &plugin(&first, name));
    let mut go = first.session(&[]).env("CACHEWIT_CONFIG", &config).env("CI", "true").start();
    for number in 0..GROUPS {
        go.put_group(head(number), &archive(number, 5_000), b"./a.go\n");
    }
    assert_eq!(go.close().faults(), [""; 0]);

    let second = Home::new();
    let judge = plugin(&second, name);
    second.compile(&judge);
    let config = sharing(bucket.path(), &second, &judge);
    let own = |number: u64| Digest::of(format!("made here {number}").as_bytes());
    let mut go = second.session(&[]).start();
    for number in 0..GROUPS {
        go.put_group(own(number), &archive(100 + number, 5_000), b"./b.go\n");
    }
    go.close();
    // Companions have one body in common. The second time what was fetched is here, and still came from elsewhere.
    for fetched in [GROUPS + 1, 0] {
        let mut go = second.session(&[]).env("CACHEWIT_CONFIG", &config).start();
        for number in 0..GROUPS {
            for key in [own(number), head(number)] {
                assert!(go.get(key).is_some_and(|hit| hit.is_whole()), "{key}");
            }
        }
        let ended = go.close();
        assert_eq!(ended.count("/remote/fetched"), fetched, "{}", ended.summary);
        let counters = &ended.policy(&format!("{name}.wasm"))["counters"];
        assert_eq!(counters, &serde_json::json!({"origin-1": 1, "origin-2": GROUPS}), "{}", ended.summary);
    }
}

#[test]
fn a_session_that_is_over_before_its_plugin_is_compiled_compiles_it_for_the_next() {
    let home = Home::new();
    let plugin = plugin(&home, "refuses_everything");
    fill(&home);
    let short = |wants_hit: bool| {
        let mut go = home.session(&[plugin.to_str().expect("UTF-8")]).start();
        assert_eq!(go.get(head(0)).is_some(), wants_hit);
        go.close()
    };
    short(true);
    let second = short(false);
    assert_eq!(second.policy("refuses_everything.wasm")["calls"]["serving"], 1, "{}", second.summary);
}

#[test]
fn one_that_breaks_is_named_and_passed_over_unless_it_is_required() {
    let home = Home::new();
    let plugin = plugin(&home, "traps_when_it_serves");
    home.compile(&plugin);
    fill(&home);
    let (hits, ended) = build(&home, &[plugin.to_str().expect("UTF-8")], None);
    let faults = ended.faults();
    assert_eq!((hits, faults.len()), (GROUPS, 1), "{faults:?}");
    assert!(faults[0].contains("traps_when_it_serves.wasm failed in serving"), "{faults:?}");

    let required = configuration(&home, &plugin, "required = true\n");
    let (hits, ended) = build(&home, &[], Some(&required));
    assert_eq!((hits, ended.count("/not_served")), (0, GROUPS), "{}", ended.summary);
    assert!(ended.faults()[0].contains("what it was to judge is not served"), "{:?}", ended.faults());
}

#[test]
fn a_required_plugin_that_is_not_there_or_was_changed_lets_nothing_be_served() {
    let home = Home::new();
    fill(&home);
    let plugin = plugin(&home, "refuses_what_came_from_elsewhere");
    let required = configuration(&home, &plugin, "required = true\n");
    let pinned = Digest::of(&std::fs::read(&plugin).expect("the plugin"));
    assert_eq!(build(&home, &[], Some(&required)).0, GROUPS, "it is waited for while it is compiled");

    std::fs::write(&plugin, guest::named("says_what_it_knows")).expect("another plugin");
    let found = Digest::of(&std::fs::read(&plugin).expect("the plugin"));
    let (hits, ended) = build(&home, &[], Some(&required));
    assert_eq!(hits, 0);
    let fault = &ended.faults()[0];
    assert!(fault.contains(&pinned.to_hex()) && fault.contains(&found.to_hex()) && fault.contains("plugin add"), "{fault}");

    std::fs::remove_file(&plugin).expect("it is gone");
    let (hits, ended) = build(&home, &[], Some(&required));
    assert_eq!(hits, 0);
    assert!(ended.faults()[0].contains("does not exist"), "{:?}", ended.faults());

    let optional = configuration_without_lock(&home);
    let (hits, ended) = build(&home, &[], Some(&optional));
    assert_eq!(hits, GROUPS, "one that is not required is gone without");
    assert!(ended.faults()[0].contains("does not exist"), "{:?}", ended.faults());
}

fn configuration_without_lock(home: &Home) -> PathBuf {
    home.write("elsewhere/config.toml", "[[policy]]\nuse = \"gone.wasm\"\n")
}

#[test]
fn a_real_go_builds_the_same_while_every_hit_is_refused_and_makes_all_of_it() {
    let machine = Machine::new(&Toolchain::machine());
    machine.write("m/go.mod", "module example.test/m\n\ngo 1.24\n");
    machine.write("m/m.go", "package main\n\nfunc main() { println(\"hello\") }\n");
    let dir = machine.work().join("m");
    let plugin = machine.work().join("refuses.wasm");
    std::fs::write(&plugin, guest::named("refuses_everything")).expect("a plugin");
    let plugin = plugin.to_str().expect("UTF-8");
    let first = machine.go(["build", "-o", "first", "."]).dir(&dir).succeed();
    assert!(first.count("puts") > 0);
    // While the plugin is compiled for the first time, what comes early is served; from the next command on nothing is.
    machine.go(["build", "-o", "second", "."]).dir(&dir).cachewit(&[plugin]).succeed();
    let again = machine.go(["build", "-o", "third", "."]).dir(&dir).cachewit(&[plugin]).succeed();
    assert!(again.count("not_served") > 10, "{:?}", again.sessions);
    assert_eq!(again.count("archive_puts"), first.count("archive_puts"), "{:?}", again.sessions);
    let programs = ["first", "second", "third"].map(|name| std::fs::read(dir.join(name)).expect("a program"));
    assert!(programs[0] == programs[1] && programs[0] == programs[2]);
}

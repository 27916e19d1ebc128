//! The simulator decides as the host does: the same sessions through the real binary, process by process, and through the simulation leave the
//! same actions behind after every session. And its command says what is wrong with what it is given.

use cachewit::model::Digest;
use cachewit::policy::wasm::ArtifactStore;
use cachewit::simulate::{Bounds, Contender, History, Outcome, run};
use cachewit::trace::{self, Trace};
use cachewit_tests::go::binary;
use cachewit_tests::guest;
use cachewit_tests::script::{Ended, Home, Script, archive, noise};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// What `go` would put for a package at a revision.
#[derive(Clone, Debug)]
struct Package {
    head: Digest,
    archive: Vec<u8>,
    /// The list of source files; a third of the packages have the same.
    sources: Vec<u8>,
    cost: Duration,
}

/// Packages of all sizes and costs, every fifth of which is another at every revision.
fn packages(count: u64, revision: u64) -> Vec<Package> {
    let package = |number: u64| {
        let revision = if number.is_multiple_of(5) { revision } else { 0 };
        let seed = number * 1000 + revision;
        let dice = noise(seed, 8);
        let size = 4_000 + usize::from(dice[0]) * 200;
        let sources = if number.is_multiple_of(3) { b"./doc.go\n".to_vec() } else { format!("./p{seed}.go\n").into_bytes() };
        let cost = if number.is_multiple_of(4) { Duration::from_millis(u64::from(dice[1] % 8)) } else { Duration::ZERO };
        Package { head: Digest::of(format!("package {seed}").as_bytes()), archive: archive(seed, size), sources, cost }
    };
    (0..count).map(package).collect()
}

/// Asks for a package as `go` does, and makes what is not there.
fn need(go: &mut Script, package: &Package) {
    if go.get(package.head).is_some() {
        go.get(package.head.subkey("stdout")).expect("a companion is where its head is");
    } else {
        std::thread::sleep(package.cost);
        go.put_group(package.head, &package.archive, &package.sources);
    }
}

/// Every action that the real store knows.
fn actions(index: &cachewit::store::Index) -> BTreeSet<Digest> {
    let mut all = index.connection().prepare("SELECT action FROM entry").expect("SQL");
    let rows = all.query_map([], |row| row.get::<_, Vec<u8>>(0)).expect("rows");
    rows.map(|action| Digest::from_slice(&action.expect("a row")).expect("32 bytes")).collect()
}

/// What a real store held after each session, in the order in which they ended, and what these said.
#[derive(Default)]
struct Real {
    after: Vec<BTreeSet<Digest>>,
    evicted: Vec<u64>,
    by: BTreeSet<String>,
    refused: u64,
    /// What plugins counted, all sessions together.
    counters: BTreeMap<String, u64>,
}

impl Real {
    fn ended(&mut self, home: &Home, ended: &Ended) {
        assert_eq!(ended.faults(), [""; 0]);
        self.after.push(actions(&home.index()));
        self.evicted.push(ended.count("/evicted_groups"));
        self.by.extend(ended.summary["evicted_by"].as_str().map(str::to_owned));
        self.refused += ended.count("/not_served");
        for policy in ended.summary["policies"].as_array().into_iter().flatten() {
            for (name, value) in policy["counters"].as_object().into_iter().flatten() {
                *self.counters.entry(name.clone()).or_default() += value.as_u64().expect("a number");
            }
        }
    }
}

fn traces(home: &Home) -> Vec<Trace> {
    let files = trace::list(&home.layout().traces_dir()).expect("the folder of traces");
    files.iter().map(|file| trace::read(&file.path).expect("a trace")).collect()
}

fn artifacts(home: &Home) -> ArtifactStore {
    ArtifactStore::new(home.path().join("native"), binary())
}

/// Simulates, and compares what is left after each session with what the real store held.
fn assert_same(home: &Home, traces: Vec<Trace>, policy: &str, max: u64, real: &Real) -> Outcome {
    let contender = Contender::parse(policy).expect("a policy");
    let artifacts = artifacts(home);
    contender.check(&artifacts).expect("the policy loads");
    let history = History::new(traces).expect("a history");
    let bounds = Bounds { max_size: max, grace: Duration::from_secs(600) };
    let mut number = 0;
    let outcome = run(&history, &contender, bounds, &artifacts, |ended| {
        let ours = actions(ended.index);
        let missing: Vec<_> = real.after[number].difference(&ours).collect();
        let more: Vec<_> = ours.difference(&real.after[number]).collect();
        assert!(
            missing.is_empty() && more.is_empty(),
            "{policy}, session {number}: kept by the host alone {missing:?}, by us alone {more:?}"
        );
        assert_eq!(ended.evicted.len() as u64, real.evicted[number], "{policy}, session {number}");
        number += 1;
    });
    assert_eq!(number, real.after.len());
    outcome.expect("a simulation")
}

/// Four kinds of sessions over ten revisions: two streams take turns, a query vanishes without close, and one session lives while another
/// one ends and trims.
fn live(home: &Home, plugin: &str, max: u64) -> Real {
    let mut real = Real::default();
    for revision in 0..10_u64 {
        let packages = packages(40, revision);
        let session = |stream: &str| home.session(&[plugin]).max_size(max).env("GOFLAGS", format!("-tags={stream}")).start();
        let mut build = session("build");
        packages.iter().filter(|package| package.head.prefix() % 8 != revision % 8).for_each(|package| need(&mut build, package));
        // The later place is the last use.
        packages[..4].iter().for_each(|package| need(&mut build, package));
        real.ended(home, &build.close());
        // What it was handed is held: nobody knows its stream, so nothing is looked up for it beforehand.
        let mut first = session(&format!("first{revision}"));
        for package in packages.iter().filter(|package| package.head.prefix() % 3 == 0) {
            first.get(package.head);
        }
        let mut vet = session("vet");
        for package in packages.iter().rev().step_by(2) {
            need(&mut vet, package);
        }
        real.ended(home, &vet.close());
        need(&mut first, &packages[usize::try_from(revision).expect("few")]);
        real.ended(home, &first.close());
        if revision == 4 {
            let mut list = session("list");
            packages[30..].iter().for_each(|package| need(&mut list, package));
            real.ended(home, &list.vanish());
        }
    }
    real
}

fn all_bytes(packages: &[Package]) -> u64 {
    let bodies = packages.iter().flat_map(|package| [&package.archive, &package.sources]);
    let distinct: BTreeMap<Digest, u64> = bodies.map(|body| (Digest::of(body), body.len() as u64)).collect();
    distinct.values().sum()
}

#[test]
fn observers_are_told_what_the_host_tells_them() {
    let home = Home::new();
    let plugin = home.write("remembers_and_counts.wasm", guest::named("remembers_and_counts"));
    home.compile(&plugin);
    let max = all_bytes(&packages(40, 0)) / 10 * 8;
    let real = live(&home, plugin.to_str().expect("UTF-8"), max);
    let outcome = assert_same(&home, traces(&home), plugin.to_str().expect("UTF-8"), max, &real);
    let counted = &outcome.counters["remembers_and_counts.wasm"];
    assert!(["code-1", "code-2", "code-3", "put-bytes"].iter().all(|name| counted[*name] > 0), "{counted:?}");
    // How many sessions there were before is remembered, and each adds its number.
    assert_eq!(counted, &real.counters);
}

#[test]
fn what_a_serving_policy_refuses_is_made_again() {
    let home = Home::new();
    let plugin = home.write("refuses.wasm", guest::named("refuses_everything"));
    home.compile(&plugin);
    let name = plugin.to_str().expect("UTF-8");
    let max = all_bytes(&packages(40, 0)) * 4;
    // Recorded under the policy, and recorded without any: the same is made again.
    let judged = live(&home, name, max);
    let outcome = assert_same(&home, traces(&home), name, max, &judged);
    assert!(outcome.refused > 100 && outcome.again > 100 && outcome.lost_us > 0, "{outcome:?}");
    assert_eq!(outcome.refused, judged.refused);
    let served = run_alone(&home, "builtin:lru", max);
    assert_eq!((served.refused, served.again), (0, 0), "{served:?}");

    let other = Home::new();
    let free = live(&other, "builtin:lru", max);
    assert_eq!(free.refused, 0);
    let refusing = run_alone(&other, name, max);
    // More than under the policy: whoever found something then and does not now is taken to make it, be it a query.
    assert!(refusing.refused > 100 && refusing.again > outcome.again, "{refusing:?}");
}

/// What the sessions of a home would have been with another policy.
fn run_alone(home: &Home, policy: &str, max: u64) -> Outcome {
    let contender = Contender::parse(policy).expect("a policy");
    let artifacts = artifacts(home);
    contender.check(&artifacts).expect("the policy loads");
    let history = History::new(traces(home)).expect("a history");
    run(&history, &contender, Bounds { max_size: max, grace: Duration::from_secs(600) }, &artifacts, |_| ()).expect("a simulation")
}

#[test]
fn the_simulator_and_the_host_let_the_same_groups_go_for_the_same_trace() {
    let max = all_bytes(&packages(40, 0)) / 10 * 8;
    for policy in ["builtin:rebuild-cost", "builtin:lru"] {
        let home = Home::new();
        let real = live(&home, policy, max);
        let trims = real.evicted.iter().filter(|groups| **groups > 0).count();
        assert!(trims >= 10 && real.evicted.iter().sum::<u64>() >= 60, "{:?} proves little", real.evicted);
        assert_eq!(real.by, BTreeSet::from([policy.trim_start_matches("builtin:").to_owned()]));
        let outcome = assert_same(&home, traces(&home), policy, max, &real);
        assert_eq!(outcome.evicted_groups, real.evicted.iter().sum::<u64>());
        let totals = home.index().totals().expect("the totals");
        let of = |name: &str| u64::try_from(totals[name]).expect("a sum");
        assert_eq!((outcome.gets, outcome.hits, outcome.misses, outcome.puts), (of("gets"), of("hits"), of("misses"), of("puts")));
        assert_eq!((outcome.hit_bytes, outcome.put_bytes, outcome.evicted_bytes), (of("hit-bytes"), of("put-bytes"), of("evicted-bytes")));
        assert!(outcome.again > 0 && outcome.lost_us > 0 && outcome.given == 0, "{outcome:?}");
        // With another policy it is another story.
        let other = if policy.ends_with("lru") { "builtin:rebuild-cost" } else { "builtin:lru" };
        let history = History::new(traces(&home)).expect("a history");
        let bounds = Bounds { max_size: max, grace: Duration::from_secs(600) };
        let mut differs = false;
        let mut number = 0;
        let done = run(&history, &Contender::parse(other).expect("a policy"), bounds, &artifacts(&home), |ended| {
            differs |= actions(ended.index) != real.after[number];
            number += 1;
        });
        assert!(done.is_ok() && differs, "{other} is no other than {policy}");
    }
}

/// Sessions one after the other, as a developer gives commands.
fn in_turn(home: &Home, plugin: &str, max: u64) -> Real {
    let mut real = Real::default();
    for revision in 0..8 {
        for stream in ["build", "vet"] {
            let mut go = home.session(&[plugin]).max_size(max).env("GOFLAGS", format!("-tags={stream}")).start();
            for package in &packages(30, revision) {
                need(&mut go, package);
            }
            real.ended(home, &go.close());
        }
    }
    real
}

#[test]
fn what_was_recorded_in_a_large_store_says_what_a_small_one_lets_go() {
    let max = all_bytes(&packages(30, 0)) / 10 * 8;
    let (large, small) = (Home::new(), Home::new());
    in_turn(&large, "builtin:lru", 1 << 30);
    let real = in_turn(&small, "builtin:lru", max);
    assert!(real.evicted.iter().sum::<u64>() >= 100, "{:?} proves little", real.evicted);
    let outcome = assert_same(&large, traces(&large), "builtin:lru", max, &real);
    let totals = small.index().totals().expect("the totals");
    let of = |name: &str| u64::try_from(totals[name]).expect("a sum");
    assert_eq!((outcome.gets, outcome.hits, outcome.misses, outcome.puts), (of("gets"), of("hits"), of("misses"), of("puts")));
    // What a small store loses is what it makes again.
    let once = History::new(traces(&large)).expect("a history").requests();
    assert!(outcome.again > 0 && outcome.put_bytes > outcome.again_bytes && once > 0);
}

#[test]
fn what_admission_does_not_want_kept_is_not_there_in_the_simulation_either() {
    let home = Home::new();
    // Nothing with more than two members may stay: every group that has a list of sources.
    let text = r#"(import "cachewit:policy/group@0.1.0" "members" (func $members (result i32)))
        (func (export "cachewit:policy/admission@0.1.0#admit") (result i32)
            (i32.mul (i32.const 2) (i32.gt_u (call $members) (i32.const 2))))"#;
    let plugin = home.write("small.wasm", guest::component(text));
    let plugin = plugin.to_str().expect("UTF-8");
    let mut real = Real::default();
    for round in 0..3 {
        let mut go = home.session(&[plugin]).start();
        for package in &packages(12, round) {
            need(&mut go, package);
        }
        for number in 0..6_u64 {
            let alone = Digest::of(&number.to_le_bytes());
            if go.get(alone).is_none() {
                go.put(alone, &noise(number, 300));
            }
        }
        real.ended(&home, &go.close());
    }
    assert_eq!(real.after.last().map(BTreeSet::len), Some(6), "what is alone stays");
    let outcome = assert_same(&home, traces(&home), plugin, 1 << 30, &real);
    let totals = home.index().totals().expect("the totals");
    assert_eq!(outcome.not_kept, u64::try_from(totals["not-kept"]).expect("a sum"));
    assert!(outcome.admissions.count >= outcome.not_kept && outcome.not_kept == 36, "{outcome:?}");
}

/// Runs cachewit on a machine.
fn cachewit(home: &Home, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).env("HOME", home.path()).env("XDG_CACHE_HOME", home.path().join("xdg"));
    command.env("CACHEWIT_CONFIG", home.path().join("default.toml")).env("GOCACHE", home.path().join("gocache"));
    command.current_dir(home.path()).output().expect("cachewit starts")
}

/// What `simulate --json` says, but for how long things took.
fn simulated(home: &Home, arguments: &[&str]) -> Value {
    let output = cachewit(home, &[&["simulate", "--json"], arguments].concat());
    assert!(output.status.success(), "{output:?}");
    let mut value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for result in value["results"].as_array_mut().expect("results") {
        for name in ["decisions", "scoring", "admissions"] {
            let count = result[name]["count"].clone();
            result[name] = count;
        }
    }
    value
}

fn store(home: &Home) -> PathBuf {
    home.path().join("gocache/cachewit")
}

#[test]
fn an_anonymised_history_gives_the_same_figures_and_no_names() {
    let home = Home::new();
    home.write("work/go.mod", "module example.com/secret\n\ngo 1.24\n");
    let max = all_bytes(&packages(40, 0)) / 10 * 8;
    live(&home, "builtin:rebuild-cost", max);
    let folder = home.layout().traces_dir();
    let plain = simulated(&home, &["--size", "0.8x,1.02x,300KB", folder.to_str().expect("UTF-8")]);
    assert!(
        plain["results"].as_array().is_some_and(|results| results.len() == 6 && results.iter().all(|one| one["again"] != 0)),
        "{plain}"
    );
    assert_eq!(simulated(&home, &["--size", "0.8x,1.02x,300KB", "--root", store(&home).to_str().expect("UTF-8")]), plain);
    let files: Vec<PathBuf> = trace::list(&folder).expect("traces").into_iter().map(|file| file.path).collect();
    let names: Vec<&str> = files.iter().filter_map(|path| path.to_str()).collect();
    let to = home.path().join("public.history.zst");
    let to = to.to_str().expect("UTF-8");
    let done = cachewit(&home, &[&["trace", "anonymise", "--to", to], names.as_slice()].concat());
    assert!(done.status.success(), "{done:?}");
    assert_eq!(simulated(&home, &["--size", "0.8x,1.02x,300KB", to]), plain);
    let text = String::from_utf8(zstd::decode_all(std::fs::File::open(to).expect("the history")).expect("one frame")).expect("text");
    let secrets = ["secret".to_owned(), packages(40, 3)[5].head.to_hex(), Digest::of(&packages(40, 3)[5].archive).to_hex()];
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret}");
    }
    // Anonymised once more it stays as it is.
    let again = home.path().join("again.history.zst");
    let done = cachewit(&home, &["trace", "anonymise", "--to", again.to_str().expect("UTF-8"), to]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(trace::read_all(&again).expect("a history"), trace::read_all(Path::new(to)).expect("a history"));
}

#[test]
fn a_compact_history_gives_the_same_figures_where_sessions_follow_each_other() {
    let home = Home::new();
    in_turn(&home, "builtin:lru", 1 << 30);
    let root = store(&home);
    let plain = simulated(&home, &["--root", root.to_str().expect("UTF-8")]);
    let files: Vec<PathBuf> = trace::list(&home.layout().traces_dir()).expect("traces").into_iter().map(|file| file.path).collect();
    let names: Vec<&str> = files.iter().filter_map(|path| path.to_str()).collect();
    let done = cachewit(&home, &[&["trace", "anonymise", "--compact", "--to", "compact.history.zst"], names.as_slice()].concat());
    assert!(done.status.success(), "{done:?}");
    assert_eq!(simulated(&home, &["compact.history.zst"]), plain);
    let sizes: u64 = files.iter().filter_map(|path| std::fs::metadata(path).ok()).map(|data| data.len()).sum();
    let compact = std::fs::metadata(home.path().join("compact.history.zst")).expect("a history").len();
    assert!(compact * 4 < sizes, "{compact} of {sizes} bytes");
}

#[test]
fn the_table_and_the_chart_have_every_policy_at_every_size() {
    let home = Home::new();
    in_turn(&home, "builtin:lru", 1 << 30);
    let root = store(&home);
    let arguments = ["simulate", "--root", root.to_str().expect("UTF-8"), "--chart", "chart.svg"];
    let policies = ["--policy", "builtin:lru", "--policy", r#"builtin:rebuild-cost{"idle-runs":0}"#, "--size", "0.8x,2x"];
    let output = cachewit(&home, &[&arguments[..], &policies].concat());
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success() && text.lines().filter(|line| line.starts_with("builtin:")).count() == 4, "{text}");
    let chart = std::fs::read_to_string(home.path().join("chart.svg")).expect("a chart");
    assert_eq!(chart.matches("<polyline").count(), 2);
    // Without idle runs the default is least recently used.
    let value = simulated(&home, &[&["--root", root.to_str().expect("UTF-8")], &policies[..]].concat());
    let lost = |number: usize| (value["results"][number]["again"].clone(), value["results"][number]["evicted_groups"].clone());
    assert!(lost(0) == lost(2) && lost(1) == lost(3) && lost(0).0 != 0, "{value}");
}

#[test]
fn what_cannot_be_simulated_is_said_with_the_thing_and_the_remedy() {
    let home = Home::new();
    let mut go = home.session(&[]).start();
    for package in &packages(6, 0) {
        need(&mut go, package);
    }
    go.close();
    let good = traces(&home);
    let trace = home.layout().traces_dir().join("../good.jsonl");
    let lines = good[0].events.iter().map(|event| serde_json::to_string(event).expect("JSON") + "\n").collect::<String>();
    let text = format!("{}\n{lines}", serde_json::to_string(&good[0].header).expect("JSON"));
    std::fs::write(&trace, &text).expect("a trace");
    home.write("cut.jsonl", &text.as_bytes()[..text.len() - 20]);
    home.write("headless.jsonl", &lines);
    home.write("noise.history.zst", noise(7, 4000));
    home.write("newer.jsonl", text.replacen("\"trace\":1", "\"trace\":7", 1));
    home.write("empty/notes.txt", "nothing");
    let traps = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/hostile/traps_in_score.wat")).expect("a guest");
    home.write("traps.wasm", guest::component(&traps));
    let trace = trace.to_str().expect("UTF-8");
    let nowhere = home.path().join("nowhere");
    let cases: [(&[&str], &[&str]); 13] = [
        (&["--root", nowhere.to_str().expect("UTF-8")], &["there are no traces", "nowhere"]),
        (&["missing.jsonl"], &["missing.jsonl", "No such file"]),
        (&["empty"], &["there are no traces in empty", ".jsonl"]),
        (&["cut.jsonl"], &["cut.jsonl, line 25"]),
        (&["headless.jsonl"], &["headless.jsonl, line 1", "before any session"]),
        (&["noise.history.zst"], &["noise.history.zst"]),
        (&["newer.jsonl"], &["newer.jsonl", "format 7"]),
        (&["--size", "large", trace], &["`large`", "2GiB", "1.25x"]),
        (&["--size", "0x", trace], &["`0x`", "hold nothing"]),
        (&["--policy", "builtin:lur", trace], &["builtin:lur", "builtin:lru"]),
        (&["--policy", "builtin:rebuild-cost{\"idle-run\":1}", trace], &["rebuild-cost", "`idle-run`"]),
        (&["--policy", "builtin:lru{", trace], &["settings of `builtin:lru`", "JSON"]),
        (&["--policy", "traps.wasm", trace], &["policy traps.wasm", "session 1 of 1", "failed in eviction"]),
    ];
    for (arguments, expected) in cases {
        let output = cachewit(&home, &[&["simulate"], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}: {output:?}");
        for word in expected {
            assert!(said.contains(word), "{arguments:?}: no `{word}` in {said}");
        }
    }
    let several = home.path().join("several.jsonl");
    std::fs::write(&several, format!("{text}{text}")).expect("a history");
    let shown = cachewit(&home, &["trace", "show", "several.jsonl"]);
    assert!(!shown.status.success() && String::from_utf8_lossy(&shown.stderr).contains("history of 2 sessions"), "{shown:?}");
}

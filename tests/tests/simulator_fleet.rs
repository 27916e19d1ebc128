//! The simulated fleet does what real machines do that have a store between them: the same sessions, each on a machine of its own with the
//! real binary and a shared folder, and through the simulation.

use cachewit::model::Digest;
use cachewit::policy::wasm::ArtifactStore;
use cachewit::simulate::{Bounds, Contender, History, Outcome, run};
use cachewit::trace::{self, Trace, What};
use cachewit_tests::script::{Home, archive};
use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const MACHINES: u64 = 4;
const PACKAGES: u64 = 20;

/// A job of a push to main.
const JOB: [(&str, &str); 4] = [("CI", "true"), ("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF_TYPE", "branch"), ("GITHUB_REF_NAME", "main")];

/// What the real machines did, in all.
#[derive(Debug, Default, PartialEq, Eq)]
struct Done {
    hits: u64,
    misses: u64,
    refused: u64,
    /// Packages.
    fetched: u64,
    shared: u64,
    published: bool,
}

impl Done {
    fn of(outcome: &Outcome) -> Self {
        let wire = outcome.wire.as_ref().expect("a fleet");
        Self {
            hits: outcome.hits,
            misses: outcome.misses,
            refused: outcome.refused,
            fetched: wire.fetched,
            shared: wire.shared,
            published: wire.published > 0,
        }
    }
}

/// A session on a machine that has nothing but the store. Every fourth package is another on every machine; some have a body that does not
/// fit into a record.
fn build(home: &Home, config: &Path, machine: u64) -> (Done, Trace) {
    let mut session = home.session(&[]).env("CACHEWIT_CONFIG", config);
    for (name, value) in JOB {
        session = session.env(name, value);
    }
    let (mut go, mut heads) = (session.start(), HashSet::new());
    for number in 0..PACKAGES {
        let seed = number * 100 + if number.is_multiple_of(4) { machine } else { 0 };
        let head = Digest::of(format!("package {seed}").as_bytes());
        heads.insert(head);
        if go.get(head).is_some() {
            go.get(head.subkey("stdout")).expect("a companion is where its head is");
        } else {
            go.put_group(
                head,
                &archive(seed, 2_000 + 1_500 * usize::try_from(number).expect("a number")),
                format!("./p{seed}.go\n").as_bytes(),
            );
        }
    }
    let ended = go.close();
    assert_eq!(ended.faults(), [""; 0]);
    let traces = trace::list(&home.layout().traces_dir()).expect("traces");
    let trace = trace::read(&traces.last().expect("a trace").path).expect("a trace");
    // A companion comes along, and `go` may ask for it a moment before it is here: then it is fetched as well. What is refused was fetched before.
    let came = |what| matches!(what, What::Fetched | What::Refused);
    let fetched = trace.events.iter().filter(|event| came(event.what) && heads.contains(&event.action)).count() as u64;
    let done = Done {
        hits: ended.count("/hits"),
        misses: ended.count("/misses"),
        refused: ended.count("/not_served"),
        fetched,
        shared: ended.count("/remote/records"),
        published: false,
    };
    (done, trace)
}

/// What machines did one after the other under a policy, and their traces.
fn live(name: &str, settings: &str) -> (Done, Vec<Trace>) {
    let bucket = tempfile::tempdir().expect("a folder");
    let path = bucket.path().to_str().expect("UTF-8").replace('\\', "/");
    let store = format!("[[store]]\nname = \"fleet\"\nkind = \"folder\"\npath = \"{path}\"\nmode = \"read-write\"\n");
    let policy = format!("[[policy]]\nuse = \"builtin:{name}\"\nrequired = true\n[policy.settings]\n{settings}\n");
    let (mut all, mut traces) = (Done::default(), Vec::new());
    for machine in 0..MACHINES {
        let home = Home::new();
        let config = home.write("config.toml", format!("{policy}{store}"));
        let mut check = Command::new(cachewit_tests::go::binary());
        check.args(["plugin", "check", &format!("builtin:{name}")]).env("HOME", home.path()).env("XDG_CACHE_HOME", home.path().join("xdg"));
        assert!(check.output().expect("cachewit runs").status.success());
        let (done, trace) = build(&home, &config, machine);
        all.hits += done.hits;
        all.misses += done.misses;
        all.refused += done.refused;
        all.fetched += done.fetched;
        all.shared += done.shared;
        traces.push(trace);
    }
    all.published = has_head(bucket.path());
    (all, traces)
}

/// Whether any set was published.
fn has_head(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.into_iter().any(|path| if path.is_dir() { has_head(&path) } else { path.file_name().is_some_and(|name| name == "head") })
}

fn simulated(traces: Vec<Trace>, policy: &str) -> Done {
    let folder = tempfile::tempdir().expect("a folder");
    let artifacts = ArtifactStore::new(folder.path().join("native"), cachewit_tests::go::binary());
    let contender = Contender::parse(policy).expect("a policy");
    contender.check(&artifacts).expect("the policy loads");
    let history = History::of_fleet(traces).expect("a history");
    let bounds = Bounds { max_size: 1 << 30, grace: Duration::from_secs(600) };
    Done::of(&run(&history, &contender, bounds, &artifacts, |_| ()).expect("a simulation"))
}

#[test]
fn what_a_guard_costs_a_fleet_is_answered_from_a_recorded_history() {
    let history = Path::new(env!("CARGO_MANIFEST_DIR")).join("histories/x-crypto.history.zst");
    let home = Home::new();
    let simulate = |more: &[&str]| {
        let arguments = [&["simulate", "--fleet", "--json", history.to_str().expect("UTF-8")], more].concat();
        let output = home.cachewit(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default()["results"].clone(), said)
    };
    let chain = "builtin:ci-guard builtin:read-through";
    let job = ["--fact", "ci=true", "--fact", "ci-event=push", "--fact", "branch=main"];
    let (main, said) = simulate(&[&["--policy", chain][..], &job].concat());
    assert!(said.is_empty() && main[0]["size"] == "2x" && main[0]["wire"]["kept_back"] == 0, "{said}{main}");
    let (feature, _) = simulate(&[&["--policy", chain][..], &job[..4], &["--fact", "branch=feature"]].concat());
    assert_eq!((&feature[0]["wire"]["shared"], &feature[0]["wire"]["fetched"]), (&0.into(), &0.into()), "{feature}");
    let lost = |results: &Value| results[0]["lost_seconds"].as_f64().expect("seconds");
    assert!(lost(&main) * 100.0 < lost(&feature), "{main} {feature}");
    // Without any policy named: with a store and without.
    let (usual, _) = simulate(&[]);
    for figure in ["fetched", "shared_bytes"] {
        assert_eq!(usual[0]["wire"][figure], main[0]["wire"][figure], "{figure}");
    }
    assert_eq!(usual[1]["lost_seconds"], feature[0]["lost_seconds"]);
    let (_, said) = simulate(&["--fact", "moon=full"]);
    assert!(said.contains("there is no fact `moon` to set; there are command"), "{said}");
    let (_, said) = simulate(&["--fact", "ci"]);
    assert!(said.contains("write KEY=VALUE"), "{said}");
}

#[test]
fn a_simulated_fleet_fetches_and_shares_what_real_machines_do() {
    let own = PACKAGES / 4;
    for (name, settings, json, expected) in [
        ("read-through", "", "{}", (own * (MACHINES - 1), PACKAGES + own * (MACHINES - 1))),
        ("read-through", "publish = false", r#"{"publish":false}"#, (PACKAGES * (MACHINES - 1), PACKAGES * MACHINES)),
        ("read-through", "ask-outside = true", r#"{"ask-outside":true}"#, (own * (MACHINES - 1), PACKAGES + own * (MACHINES - 1))),
        ("ci-guard", "kinds = [\"archive\"]\nmax-size = 20000", r#"{"kinds":["archive"],"max-size":20000}"#, (0, 0)),
        ("ci-guard", "distrust-remote-on = [\"push\"]", r#"{"distrust-remote-on":["push"]}"#, (0, 0)),
        ("ci-guard", "branches = [\"release/*\"]", r#"{"branches":["release/*"]}"#, (PACKAGES * (MACHINES - 1), 0)),
        ("share-filter", "share = { max-size = 15000 }", r#"{"share":{"max-size":15000}}"#, (0, 0)),
    ] {
        let (real, traces) = live(name, settings);
        let policy = format!("builtin:{name}{json}");
        assert_eq!(simulated(traces.clone(), &policy), real, "{policy}");
        let (misses, shared) = expected;
        if misses > 0 {
            assert_eq!((real.misses - PACKAGES, real.shared), (misses, shared), "{policy}: {real:?}");
        } else {
            assert!(real.refused > 0 || real.fetched > 10 && real.shared < PACKAGES + own * (MACHINES - 1), "{policy}: {real:?}");
        }
        // Recorded under one policy, and simulated under another.
        let free = simulated(traces, "builtin:read-through");
        assert!(free.fetched >= real.fetched && free.refused == 0, "{policy}: {free:?}");
    }
}

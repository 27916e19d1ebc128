//! What leaves a machine and what another one makes of it, read off the bucket itself: a real `go`, a real S3 server.

use cachewit::model::{Digest, Facts, Kind};
use cachewit::object::read_facts;
use cachewit::store::Layout;
use cachewit_tests::bucket::Bucket;
use cachewit_tests::go::{Finished, GoRun, Machine, Toolchain};
use cachewit_tests::guest;
use cachewit_tests::s3::{BUCKET, S3Server};
use cachewit_tests::script::{Home, archive};
use cachewit_tests::stored::{configured, rows, store, write_module};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::Path;
use std::sync::OnceLock;

const MIB: u64 = 1 << 20;

/// What is kept from the bucket in these tests.
const FILTER: &str = r#"
[[policy]]
use = "builtin:share-filter"
[policy.settings.share]
deny-packages = ["crypto/..."]
deny-kinds = ["module-index"]
max-size = "1MiB"
"#;

fn import_path(body: &[u8]) -> Option<String> {
    body.starts_with(b"!<arch>").then(|| read_facts(&mut Cursor::new(body)).import_path).flatten()
}

/// The machine that has made things, cold, under [`FILTER`]; and its bucket.
struct First {
    machine: Machine,
    server: S3Server,
    cold: Finished,
}

const PACKAGES: [&str; 3] = ["build", "crypto/sha256", "errors"];

fn first() -> &'static First {
    static FIRST: OnceLock<First> = OnceLock::new();
    FIRST.get_or_init(|| {
        let machine = Machine::shared(&Toolchain::machine(), &Path::new(env!("CARGO_TARGET_TMPDIR")).join("sharing"));
        let server = S3Server::start().expect("a server");
        let config = store(&server, "read-write") + FILTER;
        let cold = configured(&machine, "filter", &config, machine.go(PACKAGES)).succeed();
        First { machine, server, cold }
    })
}

#[test]
fn nothing_that_the_filter_keeps_is_in_the_bucket_and_all_else_is() {
    let First { machine, server, cold } = first();
    assert!(cold.count("archive_puts") > 20, "{:?}", cold.sessions);
    assert_eq!(cold.sessions[0]["faults"], serde_json::json!([]));
    let bucket = Bucket::of(server);
    bucket.assert_complete();
    for group in bucket.groups() {
        assert_ne!(group.members[0].kind, Kind::ModuleIndex);
        let distinct: BTreeMap<Digest, u64> = group.members.iter().map(|member| (member.output, member.size)).collect();
        assert!(distinct.values().sum::<u64>() <= MIB, "{:?}", group.facts);
        let path = group.facts.import_path.as_deref().unwrap_or_default();
        assert!(path != "crypto" && !path.starts_with("crypto/"), "{path}");
    }
    // What the bodies say of themselves, whatever the records say.
    let mut shared = BTreeSet::new();
    for body in bucket.all_bodies() {
        assert!(!body.starts_with(b"go index v") && body.len() as u64 <= MIB);
        if let Some(path) = import_path(body) {
            assert!(path != "crypto" && !path.starts_with("crypto/"), "{path}");
            shared.insert(path);
        }
    }
    assert!(shared.contains("errors") && shared.contains("hash"), "{shared:?}");

    // All else: the rule once more, applied to what the machine has.
    let rows = rows(machine);
    let layout = Layout::new(&machine.gocache().join("cachewit")).expect("a store folder");
    let (mut expected, mut kept) = (BTreeSet::new(), [0; 3]);
    for (action, row) in rows.iter().filter(|(action, row)| **action == row.head) {
        let members = rows.values().filter(|member| member.head == *action);
        let distinct: BTreeMap<Digest, u64> = members.map(|member| (member.output, member.size)).collect();
        let path = import_path(&std::fs::read(layout.object(row.output)).expect("an object"));
        if row.kind == Kind::ModuleIndex {
            kept[0] += 1;
        } else if distinct.values().sum::<u64>() > MIB {
            kept[1] += 1;
        } else if path.is_some_and(|path| path == "crypto" || path.starts_with("crypto/")) {
            kept[2] += 1;
        } else {
            expected.insert(*action);
        }
    }
    assert!(kept.iter().all(|kept| *kept > 0), "each rule keeps something: {kept:?}");
    assert_eq!(bucket.records.keys().copied().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn the_same_build_with_a_filter_that_traps_leaves_the_bucket_empty() {
    let First { machine, .. } = first();
    let server = S3Server::start().expect("a server");
    let trap = guest::component("(func (export \"cachewit:policy/admission@0.1.0#admit\") (result i32) unreachable)");
    let plugin = machine.work().join("traps.wasm");
    std::fs::write(&plugin, trap).expect("a plugin");
    guest::vouch_for(&machine.work(), "traps.wasm");
    let config = store(&server, "read-write") + FILTER + "[[policy]]\nuse = \"traps.wasm\"\n";
    let run = configured(machine, "trap", &config, machine.go(PACKAGES)).succeed();
    let policies = run.sessions[0]["policies"].as_array().expect("policies");
    let asked = |name: &str| policies.iter().find(|policy| policy["name"] == name).and_then(|policy| policy["calls"]["admission"].as_u64());
    assert!(asked("traps.wasm") > Some(0) && asked("share-filter") > Some(0), "{policies:?}");
    assert!(run.sessions[0]["faults"].to_string().contains("traps.wasm failed in admission"), "{:?}", run.sessions);
    assert_eq!(server.objects().expect("the bucket").keys().collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_plugin_that_is_not_there_may_have_been_meant_to_keep_things_here_so_nothing_leaves() {
    let home = Home::new();
    let bucket = home.path().join("bucket");
    std::fs::create_dir(&bucket).expect("a folder");
    let path = bucket.to_str().expect("UTF-8").replace('\\', "/");
    let store = format!("[[store]]\nname = \"s\"\nkind = \"folder\"\npath = \"{path}\"\nmode = \"read-write\"\n");
    let shared = |config: String| {
        let config = home.write("config.toml", config);
        let mut go = home.session(&[]).env("CACHEWIT_CONFIG", config).env("CI", "true").start();
        go.put_group(Digest::of(b"package"), &archive(1, 5_000), b"./a.go\n");
        go.close()
    };
    let ended = shared(format!("[[policy]]\nuse = \"gone.wasm\"\n{store}"));
    assert_eq!((ended.count("/remote/shared"), std::fs::read_dir(&bucket).expect("it").count()), (0, 0), "{}", ended.summary);
    assert!(ended.faults()[0].contains("does not exist"), "{:?}", ended.faults());
    assert_eq!(shared(store.clone()).count("/remote/records"), 1);
}

#[test]
fn a_second_machine_builds_without_compiling_and_keeps_the_times() {
    let First { machine, .. } = first();
    let server = S3Server::start().expect("a server");
    let config = store(&server, "read-write") + "[[policy]]\nuse = \"builtin:read-through\"\n";
    let warm = configured(machine, "share", &config, machine.go(PACKAGES)).succeed();
    assert_eq!((warm.count("puts"), warm.count("misses")), (0, 0), "{:?}", warm.sessions);
    let bucket = Bucket::of(&server);
    bucket.assert_complete();
    assert!(bucket.all_bodies().all(|body| !body.starts_with(b"go index v")), "a module index is of no use elsewhere");

    let second = Machine::new(&Toolchain::machine());
    let run = configured(&second, "share", &config, second.go(PACKAGES)).succeed();
    assert_eq!(run.count("archive_puts"), 0, "{:?}", run.sessions);
    assert_eq!(run.count("gets"), warm.count("gets"), "{:?}", run.sessions);
    let (here, there) = (rows(machine), rows(&second));
    let indexes = there.values().filter(|row| row.kind == Kind::ModuleIndex).count() as u64;
    assert_eq!((run.count("puts"), run.count("misses")), (indexes, indexes), "{:?}", run.sessions);
    assert_eq!(run.count("hits"), warm.count("hits") - indexes);
    let mut compared = 0;
    for (action, row) in there.iter().filter(|(_, row)| !row.local) {
        let origin = &here[action];
        assert_eq!((row.output, row.size, row.time, row.head), (origin.output, origin.size, origin.time, origin.head));
        compared += 1;
    }
    assert!(compared > 60, "{compared}");
    // And it knows that the bucket has all of it: nothing is sent back.
    assert_eq!(run.sessions[0]["remote"]["shared"], 0, "{:?}", run.sessions);
}

/// The largest build that every Go installation can do, through a bucket; several minutes, since the first machine compiles all of it.
#[test]
fn std_and_cmd_come_out_of_the_bucket_of_another_machine() {
    let server = S3Server::start().expect("a server");
    let config = store(&server, "read-write") + "[[policy]]\nuse = \"builtin:read-through\"\n";
    let everything = ["build", "std", "cmd"];
    let first = Machine::new(&Toolchain::machine());
    let cold = configured(&first, "share", &config, first.go(everything)).succeed();
    assert!(cold.count("archive_puts") > 500, "{:?}", cold.sessions);
    assert_eq!(cold.sessions[0]["faults"], serde_json::json!([]));

    // Where this machine is so busy that a body takes half a second to come, a build goes on without; not every time.
    let mut said = Vec::new();
    for _ in 0..3 {
        let second = Machine::new(&Toolchain::machine());
        assert_ne!(first.gocache(), second.gocache());
        let run = configured(&second, "share", &config, second.go(everything)).succeed();
        let faults = run.sessions[0]["faults"].clone();
        if faults.to_string().contains("in time") {
            said.push(faults);
            continue;
        }
        assert_eq!(faults, serde_json::json!([]));
        assert_eq!(run.count("archive_puts"), 0, "{:?}", run.sessions);
        let fetched = run.sessions[0]["remote"]["fetched"].as_u64();
        assert!(fetched > Some(cold.count("archive_puts")), "{:?}", run.sessions);
        return;
    }
    panic!("no machine got everything: {said:?}");
}

fn build<'a>(machine: &'a Machine, dir: &Path) -> GoRun<'a> {
    machine.go(["build", "-trimpath", "./..."]).dir(dir)
}

#[test]
fn an_empty_bucket_costs_one_request_for_the_whole_build() {
    let machine = Machine::new(&Toolchain::machine());
    let server = S3Server::start().expect("a server");
    let dir = write_module(&machine, 12);
    let run = configured(&machine, "read", &store(&server, "read"), build(&machine, &dir)).succeed();
    assert!(run.count("archive_puts") >= 12 && run.count("misses") >= 12, "{:?}", run.sessions);
    assert_eq!(server.requests(), [format!("GET /{BUCKET}/v1/main/head")]);
    assert_eq!(run.sessions[0]["remote"]["round_trips"], 1);
}

#[test]
fn a_read_only_store_gets_nothing_written() {
    let machine = Machine::new(&Toolchain::machine());
    let server = S3Server::start().expect("a server");
    let dir = write_module(&machine, 3);
    let config = store(&server, "read") + "[[policy]]\nuse = \"builtin:read-through\"\n";
    let run = configured(&machine, "read", &config, build(&machine, &dir)).succeed();
    assert!(run.count("archive_puts") >= 3, "the machine itself keeps what it built: {:?}", run.sessions);
    assert!(server.requests().iter().all(|request| request.starts_with("GET ") || request.starts_with("HEAD ")), "{:?}", server.requests());
    assert_eq!(server.objects().expect("the bucket").len(), 0);
    // It is the mode that keeps everything back: the same machine fills it once it may.
    machine.write("m/p0/b.go", "package p0\n\nfunc New() int { return 1 }\n");
    let config = store(&server, "read-write") + "[[policy]]\nuse = \"builtin:read-through\"\n";
    configured(&machine, "write", &config, build(&machine, &dir)).succeed();
    assert!(Bucket::of(&server).records.len() >= 3);
}

#[test]
fn an_emptied_bucket_is_filled_again_by_a_machine_that_is_warm_from_its_own_disk() {
    let machine = Machine::new(&Toolchain::machine());
    let server = S3Server::start().expect("a server");
    let dir = write_module(&machine, 8);
    let config = store(&server, "read-write");
    configured(&machine, "share", &config, build(&machine, &dir)).succeed();
    let before = Bucket::of(&server);
    before.assert_complete();
    assert!(before.records.len() >= 8);
    // A warm build that makes nothing knows that all is there, and asks nobody.
    server.forget();
    let warm = configured(&machine, "share", &config, build(&machine, &dir)).succeed();
    assert_eq!((warm.count("misses"), server.requests().len()), (0, 0), "{:?}", server.requests());

    std::fs::remove_dir_all(server.bucket().join("v1")).expect("the bucket can be emptied");
    machine.write("m/p0/b.go", "package p0\n\nfunc New() int { return 1 }\n");
    let run = configured(&machine, "share", &config, build(&machine, &dir)).succeed();
    assert_eq!(run.count("archive_puts"), 1, "{:?}", run.sessions);
    let after = Bucket::of(&server);
    after.assert_complete();
    let archives = |bucket: &Bucket| {
        let facts = bucket.records.values().map(|group| &group.facts);
        facts.filter_map(|Facts { import_path, .. }| import_path.clone()).collect::<BTreeSet<_>>()
    };
    assert_eq!(archives(&after), archives(&before));
    // Seven packages as they were, and one that is new.
    assert_eq!(after.records.keys().filter(|action| before.records.contains_key(action)).count(), 7);
}

//! A bucket that breaks under a real `go`: the build is green and its outputs are right, one line says so, what is waited is bounded
//! over all sessions, and no secret is told.

use cachewit::model::{Digest, Kind};
use cachewit::store::Layout;
use cachewit_tests::bucket::Bucket;
use cachewit_tests::go::{Finished, Machine, Toolchain};
use cachewit_tests::s3::{Fault, Kind as Fails, S3Server, SECRET_KEY};
use cachewit_tests::stored::{configured, rows, store, write_module};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Packages of the module; their archives are too large to lie inside records.
const PACKAGES: u32 = 40;

const BUILD: [&str; 3] = ["build", "-trimpath", "./..."];

/// The longest wait in vain, all sessions of a machine together, in milliseconds. The host allows one second; timers are late on a busy
/// machine. Without the limit it would be half a second for each of [`PACKAGES`].
const LONGEST_WAIT: u64 = 1_500;

/// A bound against hanging, not a measure: `go` and everything that it waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// One test at a time: what they wait for is wall time.
static TURN: Mutex<()> = Mutex::new(());

/// A bucket that a first machine has filled.
struct Filled {
    server: S3Server,
    first: Machine,
    _turn: MutexGuard<'static, ()>,
}

fn filled() -> Filled {
    // A test that failed leaves nothing that the next one could stumble over.
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (server, first) = (S3Server::start().expect("a server"), Machine::new(&Toolchain::machine()));
    let dir = write_module(&first, PACKAGES);
    let run = configured(&first, "store", &store(&server, "read-write"), first.go(BUILD).dir(dir)).succeed();
    assert_eq!(run.sessions[0]["faults"], serde_json::json!([]));
    let bucket = Bucket::of(&server);
    assert!(bucket.bodies.len() >= PACKAGES as usize && bucket.head.is_some(), "{bucket:?}");
    Filled { server, first, _turn: turn }
}

/// A second machine builds the same while the bucket breaks.
fn second(filled: &Filled, fault: Fault) -> (Machine, Finished) {
    filled.server.fail(Some(fault));
    let second = Machine::new(&Toolchain::machine());
    let dir = write_module(&second, PACKAGES);
    let began = Instant::now();
    let run = configured(&second, "store", &store(&filled.server, "read-write"), second.go(BUILD).dir(dir)).succeed();
    assert!(began.elapsed() < PATIENCE, "{:?}", run.sessions);
    assert_same_outputs(&filled.first, &second);
    assert_no_secret(&second, &run, &[SECRET_KEY]);
    (second, run)
}

/// Whatever became of the fetches, what the second machine has is what the first one has, and each file is what its name says.
fn assert_same_outputs(first: &Machine, second: &Machine) {
    let layout = Layout::new(&second.gocache().join("cachewit")).expect("a store folder");
    let (here, mut archives) = (rows(first), 0);
    for (action, row) in rows(second) {
        let body = std::fs::read(layout.object(row.output)).expect("an object");
        assert_eq!(Digest::of(&body), row.output);
        if row.kind == Kind::Archive {
            assert_eq!(here[&action].output, row.output);
            archives += 1;
        }
    }
    assert_eq!(archives, PACKAGES);
}

/// Neither stderr nor the summary nor any file of the machine beside objects has a secret in it.
fn assert_no_secret(machine: &Machine, run: &Finished, secrets: &[&str]) {
    let mut texts = vec![run.stderr.clone(), format!("{:?}", run.sessions)];
    let mut folders = vec![machine.gocache(), machine.work().join("home")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                texts.push(String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned());
            }
        }
    }
    for secret in secrets {
        assert!(texts.iter().all(|text| !text.contains(secret)), "{secret} was told");
    }
}

/// What cachewit said on stderr.
fn said(run: &Finished) -> Vec<&str> {
    run.stderr.lines().filter(|line| line.starts_with("cachewit: ")).collect()
}

fn assert_one_line(run: &Finished) {
    let said = said(run);
    assert!(said.len() == 1 && said[0].contains("store bucket: ") && said[0].ends_with("the build goes on without it"), "{said:?}");
}

fn waited(run: &Finished) -> u64 {
    run.sessions.iter().map(|session| session["remote"]["waited_ms"].as_u64().expect("a number")).sum()
}

fn round_trips(run: &Finished) -> u64 {
    run.sessions.iter().map(|session| session["remote"]["round_trips"].as_u64().expect("a number")).sum()
}

/// Everything that is cached goes, and what is known of stores stays.
fn empty_store(machine: &Machine) {
    let layout = Layout::new(&machine.gocache().join("cachewit")).expect("a store folder");
    for suffix in ["", "-wal", "-shm"] {
        let mut path = layout.index().into_os_string();
        path.push(suffix);
        // The last two are not always there.
        let _ = std::fs::remove_file(path);
    }
    std::fs::remove_dir_all(layout.objects_dir()).expect("objects can be removed");
}

/// Twenty commands on emptied stores wait no more, ask nothing and say nothing.
fn assert_nobody_waits_any_more(server: &S3Server, machine: &Machine) {
    server.forget();
    for list in 0..20 {
        empty_store(machine);
        let run = configured(machine, "store", &store(server, "read-write"), machine.go(["list", "fmt"])).succeed();
        assert!(run.count("misses") > 0, "an empty store misses: {:?}", run.sessions);
        assert_eq!(round_trips(&run), 0, "list {list}: {:?}", run.sessions);
        // The breaker's file is read, and nothing is waited for: no wait of the host's is shorter than this.
        assert!(waited(&run) < 100, "list {list}: {:?}", run.sessions);
        assert_eq!(said(&run), [""; 0], "list {list}");
    }
    assert_eq!(server.requests(), [""; 0]);
}

#[test]
fn a_bucket_that_stops_answering_half_way_costs_a_second_once() {
    let filled = filled();
    let (machine, run) = second(&filled, Fault { after: 10, ..Fault::on("/cas/", Fails::Stall) });
    assert_one_line(&run);
    assert!(run.count("hits") > 0 && run.count("archive_puts") > 0, "half-way: {:?}", run.sessions);
    assert!(waited(&run) > 0 && waited(&run) <= LONGEST_WAIT, "{:?}", run.sessions);
    assert_nobody_waits_any_more(&filled.server, &machine);
}

#[test]
fn a_bucket_that_never_answers_costs_a_second_once_however_many_commands_meet_it() {
    let filled = filled();
    let (machine, run) = second(&filled, Fault::always(Fails::Stall));
    assert_one_line(&run);
    assert_eq!(run.count("hits"), 0);
    let mut total = waited(&run);
    assert!(total > 0, "{:?}", run.sessions);
    // The first session waits for half a second; the next may wait for the other half.
    empty_store(&machine);
    let next = configured(&machine, "store", &store(&filled.server, "read-write"), machine.go(["list", "fmt"])).succeed();
    total += waited(&next);
    assert!(total <= LONGEST_WAIT, "{total} ms: {:?} {:?}", run.sessions, next.sessions);
    assert_nobody_waits_any_more(&filled.server, &machine);
}

#[test]
fn bodies_that_stop_half_way_cost_a_second_at_most() {
    let filled = filled();
    let (_, run) = second(&filled, Fault { after: 10, ..Fault::on("/cas/", Fails::StopAfter(100)) });
    assert_one_line(&run);
    assert!(waited(&run) <= LONGEST_WAIT, "{:?}", run.sessions);
}

#[test]
fn bodies_that_are_cut_off_are_made_anew() {
    let filled = filled();
    let (_, run) = second(&filled, Fault::on("/cas/", Fails::CutAfter(100)));
    assert_one_line(&run);
    assert_eq!(run.count("archive_puts"), u64::from(PACKAGES));
    assert!(waited(&run) <= LONGEST_WAIT, "{:?}", run.sessions);
}

#[test]
fn wrong_bytes_never_reach_go() {
    let filled = filled();
    let (_, run) = second(&filled, Fault::on("/cas/", Fails::WrongBytes));
    assert_one_line(&run);
    assert_eq!(run.count("archive_puts"), u64::from(PACKAGES), "each of them is made anew: {:?}", run.sessions);
}

#[test]
fn a_refused_connection_costs_nothing_that_is_felt() {
    let filled = filled();
    let (_, run) = second(&filled, Fault::always(Fails::Refuse));
    assert_one_line(&run);
    assert_eq!(run.count("hits"), 0);
    assert!(waited(&run) <= LONGEST_WAIT, "{:?}", run.sessions);
}

#[test]
fn a_bucket_that_is_overloaded_is_left_alone() {
    let filled = filled();
    let (_, run) = second(&filled, Fault::always(Fails::Unavailable));
    assert_one_line(&run);
    assert!(waited(&run) <= LONGEST_WAIT, "{:?}", run.sessions);
}

#[test]
fn an_upload_that_is_cut_off_names_nothing_that_is_not_there() {
    let (server, machine) = (S3Server::start().expect("a server"), Machine::new(&Toolchain::machine()));
    let dir = write_module(&machine, PACKAGES);
    server.fail(Some(Fault { after: 15, ..Fault::on("/cas/", Fails::Unavailable) }));
    let run = configured(&machine, "store", &store(&server, "read-write"), machine.go(BUILD).dir(&dir)).succeed();
    assert_one_line(&run);
    assert_no_secret(&machine, &run, &[SECRET_KEY]);
    let bucket = Bucket::of(&server);
    assert!(!bucket.bodies.is_empty() && bucket.bodies.len() < PACKAGES as usize, "half of them: {}", bucket.bodies.len());
    for group in bucket.groups() {
        for member in &group.members {
            assert!(member.body.is_some() || bucket.bodies.contains_key(&member.output), "{member:?}");
        }
    }
}

#[test]
fn a_denied_credential_is_not_told() {
    let filled = filled();
    let machine = Machine::new(&Toolchain::machine());
    let dir = write_module(&machine, PACKAGES);
    let (key, secret) = ("AKIAEXAMPLEOFNOBODY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLE");
    let run = configured(&machine, "store", &store(&filled.server, "read-write"), machine.go(BUILD).dir(dir));
    let run = run.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", secret).succeed();
    assert_one_line(&run);
    assert!(said(&run)[0].contains("denied"), "{:?}", said(&run));
    assert_no_secret(&machine, &run, &[key, secret]);
    assert!(Path::new(&machine.gocache()).is_dir());
}

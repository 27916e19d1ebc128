//! The life of a host: signals, deaths, descriptors, idling, and what goes on after `go` has gone.

use cachewit::trace::What;
use cachewit_tests::client::Home;
use cachewit_tests::go::{Machine, Toolchain, binary};
use cachewit_tests::s3::{Fault, Kind, S3Server};
use cachewit_tests::stored::{configured, rows, store};
use cachewit_tests::{patience, script};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `go` may have to compile half of the standard library first, on a machine that does other things as well.
fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + 6 * patience();
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a signal to a process, or to the group of one.
fn signal(name: &str, target: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), "--", target]).status().expect("kill runs");
    assert!(status.success());
}

/// Starts a command as the leader of a process group of its own, as a shell does.
fn start_group(mut command: Command) -> Child {
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("go starts")
}

fn text(mut from: impl Read) -> String {
    let mut text = String::new();
    // What was read before an error counts.
    let _ = from.read_to_string(&mut text);
    text
}

#[test]
fn control_c_during_go_test_lets_it_close() {
    let machine = Machine::new(&Toolchain::machine());
    machine.write("m/go.mod", "module example.test/m\n\ngo 1.24\n");
    let started = machine.work().join("started");
    let test = format!(
        "package m\n\nimport (\n\t\"os\"\n\t\"testing\"\n\t\"time\"\n)\n\nfunc TestLong(t *testing.T) {{\n\tos.WriteFile({:?}, nil, 0o644)\n\ttime.Sleep(time.Minute)\n}}\n",
        started.display().to_string()
    );
    machine.write("m/m_test.go", &test);
    let mut go = start_group(machine.go(["test", "."]).dir(machine.work().join("m")).into_command());
    wait_for("the test runs", || started.exists());
    signal("INT", &format!("-{}", go.id()));
    let said = text(go.stderr.take().expect("stderr"));
    assert!(!go.wait().expect("go ends").success());
    assert!(!said.contains("GOCACHEPROG"), "{said}");
    machine.wait_for_silence();
    let last = machine.last_trace();
    assert!(last.header.closed, "the host lived until go had closed");
}

#[test]
fn control_c_and_kill_during_go_build_end_the_host_and_lose_nothing_that_was_put() {
    for (name, target) in [("INT", "-"), ("KILL", "")] {
        let machine = Machine::new(&Toolchain::machine());
        let mut go = start_group(machine.go(["build", "std"]).into_command());
        let objects = machine.layout().objects_dir();
        wait_for("something is put", || std::fs::read_dir(&objects).is_ok_and(|folders| folders.count() > 30));
        signal(name, &format!("{target}{}", go.id()));
        // What `go` makes of an interrupt depends on how far it is: it may die, or finish what is under way.
        let success = go.wait().expect("go ends").success();
        assert!(name == "INT" || !success);
        machine.wait_for_silence();
        assert_eq!(std::fs::read_dir(machine.layout().tmp_dir()).expect("a folder").count(), 0, "{name}");
        let last = machine.last_trace();
        assert!(name == "INT" || !last.header.closed);
        // What it had put by then is found.
        let rows = rows(&machine);
        let put: Vec<_> = last.events.iter().filter(|event| event.what == What::Put).collect();
        assert!(put.len() > 30 && put.iter().all(|event| rows.contains_key(&event.action)), "{name}: {} of {}", rows.len(), put.len());
        assert!(machine.go(["list", "std"]).succeed().count("hits") > 30);
    }
}

/// Descriptors as `ls -l /proc/PID/fd` shows them.
fn descriptor(pid: u32, number: u32) -> Option<String> {
    Some(std::fs::read_link(format!("/proc/{pid}/fd/{number}")).ok()?.display().to_string())
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let list = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
    tasks.flat_map(|task| list(task).split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<u32>>()).collect()
}

/// A plugin is compiled in a child of the host. Were it to hold `go`'s pipes, `go` would wait for it.
#[test]
fn no_child_of_the_host_has_a_pipe_of_go() {
    let home = Home::new();
    let mut host = home.host().arg("builtin:share-filter").arg("builtin:lru").start();
    let pid = host.pid();
    let pipes: Vec<String> = (0..3).filter_map(|number| descriptor(pid, number)).collect();
    assert_eq!(pipes.len(), 3);
    host.put(cachewit::model::Digest::of(b"an action"), b"a body");
    let watch = std::thread::spawn(move || {
        let mut seen = Vec::new();
        let deadline = Instant::now() + patience();
        while Path::new(&format!("/proc/{pid}")).exists() && Instant::now() < deadline {
            for child in children(pid) {
                // Not before the child has become the program: until then its descriptors are copies that close by themselves.
                let is_program =
                    std::fs::read(format!("/proc/{child}/cmdline")).is_ok_and(|words| words.split(|byte| *byte == 0).count() > 2);
                let held: Vec<String> = (0..3).filter_map(|number| descriptor(child, number)).collect();
                if is_program && held.len() == 3 {
                    seen.push(held);
                }
            }
        }
        seen
    });
    host.close();
    let seen = watch.join().expect("the watch ends");
    assert!(!seen.is_empty(), "a child was seen");
    for held in seen {
        assert!(pipes.iter().all(|pipe| !held.contains(pipe)), "{held:?} has one of {pipes:?}");
    }
}

/// `go build 2>&1 | cat` ends with `go`, and not with what the host does after it.
#[test]
fn work_after_close_holds_nothing_that_a_pipeline_waits_for() {
    let machine = Machine::new(&Toolchain::machine());
    machine.write("m/go.mod", "module example.test/m\n\ngo 1.24\n");
    machine.write("m/a.go", "package m\n\nfunc Two() int { return 2 }\n");
    let server = S3Server::start().expect("a server");
    let config = store(&server, "write");
    // Not on CI: there sharing is a part of the build.
    let run = configured(&machine, "share", &config, machine.go(["build", "."]).dir(machine.work().join("m"))).ci(false);
    let summary = machine.work().join("summary");
    let mut command = run.env("CACHEWIT_SUMMARY", &summary).into_command();
    server.fail(Some(Fault::always(Kind::Stall)));
    let output = command.output().expect("go starts");
    // stdout and stderr have ended, and the host is still trying to reach the bucket.
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read_to_string(&summary).unwrap_or_default(), "", "the host had finished already, which proves nothing");
    // `go` may have left a process of its own behind, which sends its telemetry.
    let is_host = |pid: &u32| std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|program| program.ends_with("cachewit"));
    assert_eq!(machine.processes().iter().filter(|pid| is_host(pid)).count(), 1);
    machine.wait_for_silence();
    assert!(std::fs::read_to_string(&summary).expect("a summary").contains("\"puts\":"));
}

#[test]
fn a_host_that_idles_answers_again_and_keeps_nobody_from_anything() {
    let home = script::Home::new();
    let action = |number: u64| cachewit::model::Digest::of(&number.to_le_bytes());
    let mut go = home.session(&[]).start();
    // Enough lookups for them to read snapshots.
    for number in 0..50 {
        go.put(action(number), b"a body of some length");
    }
    for number in 0..50 {
        assert!(go.get(action(number)).is_some());
    }
    go.close();
    let mut idle = home.session(&[]).start();
    assert!((0..50).all(|number| idle.get(action(number)).is_some()));
    std::thread::sleep(Duration::from_secs(2));
    // Another session's log can be emptied meanwhile: the idle one reads no old state of it.
    let mut other = home.session(&[]).start();
    for number in 100..1_000 {
        other.put(action(number), &number.to_le_bytes());
    }
    other.close();
    let log = std::fs::metadata(format!("{}-wal", home.layout().index().display())).expect("the log").len();
    assert!(log < 64 << 10, "{log} bytes of log stay");
    std::thread::sleep(Duration::from_secs(1));
    assert!((0..50).chain(100..1_000).all(|number| idle.get(action(number)).is_some()));
    idle.close();
}

/// A session never runs `go`; a command does, and never so that a host would start.
#[test]
fn no_go_that_cachewit_runs_starts_a_host() {
    let machine = Machine::new(&Toolchain::machine());
    let called = machine.work().join("called");
    let go = machine.write("bin/go", &format!("#!/bin/sh\necho \"$@ prog=$GOCACHEPROG\" >> {}\n", called.display()));
    std::fs::set_permissions(&go, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a script");
    let command = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.args(arguments).env("PATH", format!("{}:/usr/bin:/bin", machine.work().join("bin").display()));
        command
            .env("GOCACHE", machine.gocache())
            .env("GOCACHEPROG", "cachewit")
            .env("HOME", machine.work())
            .env("CACHEWIT_CONFIG", machine.write("empty.toml", ""));
        command
    };
    let mut host = command(&[]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("cachewit starts");
    let request = script::put_and_close(cachewit::model::Digest::of(b"an action"), b"a body");
    host.stdin.take().expect("a pipe").write_all(request.as_bytes()).expect("the host reads");
    assert!(host.wait_with_output().expect("the host ends").status.success());
    assert!(!called.exists(), "a session ran go");
    for arguments in [&["stats"][..], &["doctor"], &["trim"], &["config", "show"]] {
        let _ = command(arguments).output().expect("cachewit starts");
    }
    let lines = std::fs::read_to_string(&called).expect("commands ask go");
    assert!(lines.lines().count() >= 4 && lines.lines().all(|line| line.starts_with("env ") && line.ends_with(" prog=")), "{lines}");
}

#[test]
fn a_reader_that_has_gone_loses_no_put() {
    let home = script::Home::new();
    let mut command = Command::new(binary());
    command.env("GOCACHE", home.path().join("gocache")).env("HOME", home.path()).env("CACHEWIT_CONFIG", home.path().join("default.toml"));
    let mut host = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("cachewit starts");
    let mut greeting = [0; 47];
    let mut stdout = host.stdout.take().expect("a pipe");
    stdout.read_exact(&mut greeting).expect("a greeting");
    // From now on every answer is EPIPE.
    drop(stdout);
    let action = cachewit::model::Digest::of(b"an action");
    host.stdin.take().expect("a pipe").write_all(script::put_and_close(action, b"a body").as_bytes()).expect("the host reads");
    assert!(host.wait().expect("the host ends").success());
    let mut go = home.session(&[]).start();
    assert!(go.get(action).expect("a hit").is_whole());
    go.close();
}

#[test]
fn a_store_folder_that_json_cannot_carry_is_refused_with_a_word_and_puts_still_get_files() {
    use std::os::unix::ffi::OsStrExt as _;
    let home = script::Home::new();
    let root = home.path().join(std::ffi::OsStr::from_bytes(b"not \xff utf-8"));
    let mut go = home.session(&[]).env("GOCACHE", &root).start();
    let path = go.put(cachewit::model::Digest::of(b"an action"), b"a body");
    assert_eq!(std::fs::read(path).expect("a file"), b"a body");
    let ended = go.close();
    assert!(ended.success && ended.stderr.contains("UTF-8"), "{ended:?}");
    assert!(!root.exists());
}

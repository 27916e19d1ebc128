//! Where versions of Go differ towards a host: each difference is stated with the version that it begins with, and cachewit is right on
//! either side of it.

use cachewit_tests::go::{Machine, Toolchain, binary};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

cachewit_tests::on_every_go!([
    an_output_is_named_object_id_before_1_24_and_output_id_since,
    a_host_that_ends_instead_of_answering_close_breaks_only_a_go_before_1_24,
    go_env_lists_the_host_since_1_24_and_tells_it_when_asked,
    commands_start_a_host_or_none_as_their_version_does,
    doctor_says_that_this_go_asks_a_host,
]);

/// A module with a program that imports nothing. Returns its folder.
/// It imports something, or no `go mod tidy` has anything to look up: a folder that was written in the last two seconds has no index yet.
fn write_program(machine: &Machine, name: &str) -> PathBuf {
    machine.write(&format!("{name}/go.mod"), "module example.test/program\n\ngo 1.21\n");
    let text = "package main\n\nimport _ \"unsafe\"\n\nfunc main() { println(\"program\") }\n";
    machine.write(&format!("{name}/main.go"), text);
    machine.work().join(name)
}

/// A host that is this line of shell, in which `$CACHEWIT` is the real one.
fn shell_host(machine: &Machine, name: &str, line: &str) -> String {
    let script = machine.write(name, &format!("CACHEWIT='{}'\n{line}\n", binary().display()));
    format!("sh '{}'", script.display())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn an_output_is_named_object_id_before_1_24_and_output_id_since(machine: &Machine) {
    let machine = Machine::new(machine.toolchain());
    let packages = ["build", "unicode", "unicode/utf8", "unicode/utf16", "container/list", "container/ring"];
    let requests = machine.work().join("requests");
    let host = shell_host(&machine, "host.sh", &format!("tee '{}' | \"$CACHEWIT\"", requests.display()));
    let output = machine.go(packages).into_command().env("GOCACHEPROG", host).output().expect("go starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    machine.wait_for_silence();
    let requests = std::fs::read(requests).expect("what go wrote");
    let puts: Vec<Value> = requests
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .filter(|value: &Value| value["Command"] == "put")
        .collect();
    assert!(puts.len() > 10, "{} puts", puts.len());
    let (new, old) = if machine.toolchain().number() < 24 { ("ObjectID", "OutputID") } else { ("OutputID", "ObjectID") };
    for put in &puts {
        assert!(put[new].is_string() && put.get(old).is_none(), "{put}");
    }
    // What was put under either name is found again.
    let warm = machine.go(packages).succeed();
    assert_eq!(warm.count("archive_puts"), 0, "{:?}", warm.sessions);
    assert!(warm.count("hits") > 10, "{:?}", warm.sessions);
}

/// So cachewit has to answer close in every case, and only then close its stdout.
fn a_host_that_ends_instead_of_answering_close_breaks_only_a_go_before_1_24(machine: &Machine) {
    let dir = write_program(machine, "closed");
    machine.go(["build", "."]).dir(&dir).succeed();
    let ended = machine.work().join("ended");
    // `Q` ends sed without passing the line on: cachewit sees the end of its input in place of the close. The shell lets go of stdout
    // before it says that the host has ended.
    let line = format!("sed -u '/\"Command\":\"close\"/Q' | \"$CACHEWIT\"\nexec >'{}'", ended.display());
    let mut command = machine.go(["build", "."]).dir(&dir).into_command();
    command.env("GOCACHEPROG", shell_host(machine, "closed.sh", &line));
    if machine.toolchain().number() < 24 {
        let said = never_succeeds(&mut command, &ended);
        // Whether it notices that nobody will ever wake it depends on how it was built.
        assert!(said.is_none_or(|said| said.contains("all goroutines are asleep")));
    } else {
        let output = command.output().expect("go starts");
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let whole = machine.go(["build", "."]).dir(&dir).succeed();
    assert_eq!((whole.count("archive_puts"), whole.stderr.as_str()), (0, ""), "{:?}", whole.sessions);
}

/// What a `go` says that fails once its host has ended, or nothing if it hangs, in which case it is killed.
fn never_succeeds(go: &mut Command, host_ended: &Path) -> Option<String> {
    let mut child = go.stderr(Stdio::piped()).spawn().expect("go starts");
    let mut wait = |enough: &dyn Fn() -> bool, bound: Duration| {
        let begin = Instant::now();
        loop {
            match child.try_wait().expect("go can be waited for") {
                Some(status) => {
                    assert!(!status.success(), "a go that got no answer to its close succeeded");
                    return Some(());
                }
                None if enough() || begin.elapsed() > bound => return None,
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    };
    let exited = wait(&|| host_ended.exists(), Duration::from_mins(2)).or_else(|| wait(&|| false, Duration::from_secs(10)));
    if exited.is_none() {
        assert!(host_ended.exists(), "the host did not end");
        child.kill().expect("go can be killed");
    }
    let output = child.wait_with_output().expect("go can be waited for");
    exited.map(|()| text(&output.stderr))
}

fn go_env_lists_the_host_since_1_24_and_tells_it_when_asked(machine: &Machine) {
    let machine = Machine::new(machine.toolchain());
    let host = format!("'{}'", binary().display());
    let env = |args: &[&str]| {
        let output = machine.go(args.iter().copied()).into_command().env("GOCACHEPROG", &host).output().expect("go starts");
        text(&output.stdout)
    };
    assert_eq!(env(&["env", "GOCACHEPROG"]).trim(), host);
    assert!(!machine.layout().index().exists(), "asking for a variable starts no host");
    let listed = env(&["env"]).lines().any(|line| line.starts_with("GOCACHEPROG="));
    assert_eq!(listed, machine.toolchain().number() >= 24);
    machine.wait_for_silence();
}

fn commands_start_a_host_or_none_as_their_version_does(machine: &Machine) {
    // Its traces are counted, so nobody else may use it.
    let machine = Machine::new(machine.toolchain());
    let dir = write_program(&machine, "program");
    let number = machine.toolchain().number();
    // How many sessions a command leaves a trace of.
    let sessions = |args: &[&str]| {
        let count = || std::fs::read_dir(machine.layout().traces_dir()).map_or(0, Iterator::count);
        let before = count();
        let output = machine.go(args.iter().copied()).dir(&dir).into_command().output().expect("go starts");
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        machine.wait_for_silence();
        count() - before
    };
    for (args, since) in [
        (&["build", "-o", "program", "."][..], 0),
        (&["build", "-o", "program", "."], 0),
        (&["list", "./..."], 0),
        (&["vet", "."], 0),
        (&["fmt", "./..."], 0),
        (&["mod", "tidy"], 0),
        (&["env"], 0),
        // No longer shipped, so `go` builds it.
        (&["tool", "nm", "program"], 25),
        (&["doc", "errors"], 27),
        (&["version"], u32::MAX),
        (&["env", "GOROOT"], u32::MAX),
        (&["list", "-m"], u32::MAX),
        (&["clean", "-testcache"], u32::MAX),
        (&["mod", "graph"], u32::MAX),
    ] {
        assert_eq!(sessions(args), usize::from(number >= since), "{args:?} on Go 1.{number}");
    }
}

/// Runs `cachewit doctor` where this toolchain is the one in PATH.
fn doctor(machine: &Machine) -> (Output, Value) {
    let bin = machine.toolchain().path().parent().expect("the folder of go");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let go = machine.go([]).into_command();
    let mut command = Command::new(binary());
    for (name, value) in go.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.args(["doctor", "--json"]).env("PATH", path).current_dir(machine.work()).output().expect("cachewit starts");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let finding = report["findings"].as_array().and_then(|all| all.iter().find(|finding| finding["code"] == "CW001")).cloned();
    (output, finding.expect("a finding about the version of Go"))
}

fn doctor_says_that_this_go_asks_a_host(machine: &Machine) {
    let (output, finding) = doctor(machine);
    assert_eq!(finding["level"], "good", "{finding}");
    let version = format!("go1.{}", machine.toolchain().number());
    assert!(finding["text"].as_str().is_some_and(|text| text.starts_with(&version)), "{finding}");
    assert!(output.status.success(), "{}", text(&output.stdout));
}

#[test]
#[ignore = "`cargo xtask test --toolchains` asks for this Go"]
fn doctor_says_that_a_released_go_1_23_ignores_a_host() {
    let machine = Machine::new(&Toolchain::stock_1_23());
    let dir = write_program(&machine, "program");
    let output = machine.go(["build", "."]).dir(&dir).env("GOEXPERIMENT", "cacheprog").into_command().output().expect("go starts");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    assert!(!machine.layout().index().exists(), "a released Go 1.23 started a host");
    let (output, finding) = doctor(&machine);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(finding["level"], "error", "{finding}");
    assert!(finding["text"].as_str().is_some_and(|text| text.contains("go1.23.9 ignores GOCACHEPROG")), "{finding}");
    assert!(finding["remedy"].as_str().is_some_and(|text| text.contains("1.24")), "{finding}");
}

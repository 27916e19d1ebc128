//! The `go` commands and flags that people use, each with what the cache may get wrong about it, on every version.

use cachewit::model::{Digest, Entry, Kind, Origin, UnixNanos};
use cachewit::store::{Incoming, Layout, Standing, Writer};
use cachewit::trace::{self, What};
use cachewit_tests::go::{Machine, Toolchain, binary};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

cachewit_tests::on_every_go!([
    coverage_races_and_profiles_are_compiled_once,
    what_list_compiled_prints_can_be_read_and_has_no_extension,
    run_tool_install_and_the_flags_of_build_work,
    commands_that_only_look_leave_no_process_behind,
    a_host_that_dies_ends_the_build_with_the_message_that_is_documented,
    go_env_w_takes_a_path_with_blanks,
    a_store_that_was_removed_is_made_again,
    a_program_under_the_action_of_its_link_step_is_executed_since_1_24,
]);

/// A module with a package, its test, and a program. Returns its folder.
fn write_program(machine: &Machine, name: &str) -> PathBuf {
    machine.write(&format!("{name}/go.mod"), &format!("module example.test/{name}\n\ngo 1.21\n"));
    machine.write(&format!("{name}/lib/lib.go"), "package lib\n\nfunc Two() int { return 2 }\n");
    let test = "package lib\n\nimport \"testing\"\n\nfunc TestTwo(t *testing.T) {\n\tif Two() != 2 {\n\t\tt.Fatal()\n\t}\n}\n\nfunc BenchmarkTwo(b *testing.B) {\n\ts := 0\n\tfor i := 0; i < b.N; i++ {\n\t\ts += Two() * i\n\t}\n\tif s == 7 {\n\t\tb.Log(s)\n\t}\n}\n";
    machine.write(&format!("{name}/lib/lib_test.go"), test);
    let program = format!("package main\n\nimport \"example.test/{name}/lib\"\n\nfunc main() {{ println(\"{name}\", lib.Two()) }}\n");
    machine.write(&format!("{name}/main.go"), &program);
    let dir = machine.work().join(name);
    // What was written in the last two seconds has no index, and a `go generate` then asks nothing at all.
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    for path in ["go.mod", "main.go", "lib/lib.go", "lib/lib_test.go", "lib", "."].map(|path| dir.join(path)) {
        std::fs::File::open(path).and_then(|file| file.set_modified(hour_ago)).expect("a time");
    }
    dir
}

fn coverage_races_and_profiles_are_compiled_once(machine: &Machine) {
    let dir = write_program(machine, "flags");
    let go = |args: &[&str]| machine.go(args.iter().copied()).dir(&dir).env("CGO_ENABLED", "1").succeed();
    // A profile for the compiler, and the archives that the tests share.
    go(&["test", "-run", "none", "-bench", ".", "-benchtime", "200ms", "-cpuprofile", "cpu.pprof", "-o", "lib.test", "./lib"]);
    for args in [
        &["test", "-cover", "./lib"][..],
        &["test", "-trimpath", "./lib"],
        &["build", "-pgo", "cpu.pprof", "-o", "program", "."],
        &["build", "-race", "./lib"],
    ] {
        let first = go(args);
        assert!(first.count("archive_puts") > 0, "{args:?}: {:?}", first.sessions);
        let second = go(args);
        assert_eq!(second.count("archive_puts"), 0, "{args:?}: {:?}", second.sessions);
        assert!(args[0] != "test" || second.stdout.contains("(cached)"), "{args:?}: {}", second.stdout);
    }
}

fn what_list_compiled_prints_can_be_read_and_has_no_extension(machine: &Machine) {
    let format = "{{range .CompiledGoFiles}}{{$.Dir}} {{.}}\n{{end}}";
    let listed =
        machine.go(["list", "-export", "-deps", "-compiled", "-f", format, "os/user", "runtime/cgo"]).env("CGO_ENABLED", "1").succeed();
    let mut generated = 0;
    for line in listed.stdout.lines().filter(|line| !line.is_empty()) {
        let (dir, file) = line.split_once(' ').expect("a folder and a file");
        let path = Path::new(dir).join(file);
        assert!(path.is_file(), "{}", path.display());
        if path.starts_with(machine.gocache()) {
            // Linters throw away what has an extension other than .go.
            assert!(path.extension().is_none_or(|extension| extension == "go"), "{}", path.display());
            let text = std::fs::read_to_string(&path).expect("source code");
            assert!(text.contains("package "), "{}", path.display());
            generated += 1;
        }
    }
    assert!(generated > 3, "{}", listed.stdout);
}

fn run_tool_install_and_the_flags_of_build_work(machine: &Machine) {
    let dir = write_program(machine, "flavours");
    let bin = machine.work().join("flavours-bin");
    let go = |args: &[&str]| machine.go(args.iter().copied()).dir(&dir).env("GOBIN", &bin).succeed();
    assert!(go(&["run", "."]).stderr.contains("flavours 2"));
    go(&["build", "-o", "out/", "."]);
    assert!(dir.join("out/flavours").is_file());
    go(&["install", "."]);
    assert!(bin.join("flavours").is_file());
    // Up to Go 1.24 the tool is there and no host is started; later `go` builds it through one.
    let symbols = machine.go(["tool", "nm", "out/flavours"]).dir(&dir).into_command().output().expect("go starts");
    assert!(symbols.status.success() && String::from_utf8_lossy(&symbols.stdout).contains("main.main"), "{symbols:?}");
    machine.wait_for_silence();
    let planned = go(&["build", "-n", "-o", "never", "."]);
    assert!(planned.count("archive_puts") == 0 && !dir.join("never").exists(), "{:?}", planned.sessions);
    let all = go(&["build", "-a", "-o", "out/all", "."]);
    assert!(all.count("archive_puts") > 10, "{:?}", all.sessions);
    let shown = go(&["build", "-x", "-o", "out/shown", "."]);
    assert!(!shown.stderr.contains("/compile "), "all of it was put a moment ago: {}", shown.stderr);
    for program in ["out/flavours", "out/all", "out/shown"] {
        let output = std::process::Command::new(dir.join(program)).output().expect("the program runs");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "flavours 2\n");
    }
}

fn commands_that_only_look_leave_no_process_behind(machine: &Machine) {
    let machine = Machine::new(machine.toolchain());
    let dir = write_program(&machine, "looked");
    for args in [&["env"][..], &["fmt", "./..."], &["mod", "tidy"], &["list", "./..."], &["vet", "./..."], &["generate", "./..."]] {
        let run = machine.go(args.iter().copied()).dir(&dir).succeed();
        assert_eq!(run.stderr, "", "{args:?}");
        machine.wait_for_silence();
    }
    for folder in [machine.layout().tmp_dir(), machine.layout().remote_dir()] {
        assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 0, "{}", folder.display());
    }
}

/// What a host that ends too early costs: this one command, with a message that names it.
fn a_host_that_dies_ends_the_build_with_the_message_that_is_documented(machine: &Machine) {
    let machine = Machine::new(machine.toolchain());
    let dir = write_program(&machine, "dies");
    // It dies of the first request, which is a get. Were it the put of a module index, `go` could be quicker to say that there is no package.
    let dying = machine.write("dying", &format!("#!/bin/sh\ndd bs=1 count=50 2>/dev/null | {}\n", binary().display()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&dying, std::fs::Permissions::from_mode(0o755)).expect("a script");
    }
    let mut command = machine.go(["build", "."]).dir(&dir).into_command();
    let output = command.env("GOCACHEPROG", &dying).output().expect("go starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("exited pre-Close"), "{said}");
    machine.wait_for_silence();
    machine.go(["build", "."]).dir(&dir).succeed();
}

fn go_env_w_takes_a_path_with_blanks(machine: &Machine) {
    let machine = Machine::new(machine.toolchain());
    let dir = write_program(&machine, "quoted");
    let program = machine.work().join("a folder/cachewit");
    std::fs::create_dir_all(program.parent().expect("a folder")).expect("a folder");
    std::fs::copy(binary(), &program).expect("a copy of the binary");
    let env = machine.work().join("go.env");
    // Under GOCACHE, and not where a host would store that has no configuration.
    let store = machine.gocache().join("of my config");
    let config = machine.write("my config.toml", &format!("root = {:?}\n", store.display().to_string()));
    let value = format!("GOCACHEPROG='{}' serve --config '{}'", program.display(), config.display());
    let plain = |args: &[&str]| {
        let mut command = machine.go(args.iter().copied()).native().dir(&dir).into_command();
        let output = command.env("GOENV", &env).output().expect("go starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    plain(&["env", "-w", &value]);
    plain(&["build", "."]);
    machine.wait_for_silence();
    let index = Layout::new(&store).expect("a store folder").index();
    assert!(index.exists(), "the host of the go/env file was started, with its arguments");
}

fn a_store_that_was_removed_is_made_again(machine: &Machine) {
    let machine = Machine::new(machine.toolchain());
    let dir = write_program(&machine, "removed");
    machine.go(["build", "."]).dir(&dir).succeed();
    std::fs::remove_dir_all(machine.gocache().join("cachewit")).expect("the store can be removed");
    let again = machine.go(["build", "."]).dir(&dir).succeed();
    assert!(again.count("hits") == 0 && again.count("archive_puts") > 5, "{:?}", again.sessions);
    let warm = machine.go(["build", "."]).dir(&dir).succeed();
    assert_eq!(warm.count("archive_puts"), 0, "{:?}", warm.sessions);
}

/// The action that the last session asked for and never put: that of the link step.
fn link_action(machine: &Machine) -> Digest {
    let events = machine.last_trace().events;
    let put: HashSet<Digest> = events.iter().filter(|event| event.what == What::Put).map(|event| event.action).collect();
    let missed: Vec<Digest> =
        events.iter().filter(|event| event.what == What::Miss && !put.contains(&event.action)).map(|event| event.action).collect();
    let [action] = missed.as_slice() else { panic!("{missed:?}") };
    *action
}

fn a_program_under_the_action_of_its_link_step_is_executed_since_1_24(machine: &Machine) {
    // A machine of its own within the store's, so that the last trace is that of this test.
    let machine = Machine::new(machine.toolchain());
    let dir = write_program(&machine, "linked");
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    machine.go(["build", "-o", "program", "."]).dir(&dir).succeed();
    // Its link step is another one, since what it links has no symbols for a debugger.
    machine.go(["run", "."]).dir(&dir).succeed();
    machine.go(["run", "."]).dir(&dir).succeed();
    let action = link_action(&machine);
    let body = std::fs::read(dir.join("program")).expect("a program");

    let layout = machine.layout();
    let mut incoming = Incoming::new(&layout);
    incoming.write(&body);
    let (output, size) = (Digest::of(&body), body.len() as u64);
    incoming.publish(&layout, output, Standing::Unknown).expect("the object");
    let writer = Writer::start(&layout.index());
    let (kind, origin) = (Kind::Executable, Origin::Local);
    writer.rows().put(Entry { action, output, size, put: UnixNanos::now(), kind, cost: None, head: action, origin });
    writer.finish(None).expect("the row");

    let run = machine.go(["run", "-x", "."]).dir(&dir).run();
    if machine.toolchain().number() < 24 {
        // It takes the hit and then looks for the program where it would have linked it. No `go` puts programs, so none of ours is answered.
        assert!(!run.success && run.stderr.contains("DO NOT USE - using cache"), "{}", run.stderr);
        return;
    }
    assert!(run.success, "{}", run.stderr);
    assert!(run.stderr.contains("linked 2"), "{}", run.stderr);
    assert!(!run.stderr.contains("/link "), "it was linked again: {}", run.stderr);
}

#[test]
fn two_versions_and_two_platforms_of_go_share_one_store_at_once() {
    let machine = Machine::new(&Toolchain::machine());
    let other = machine.with(&Toolchain::minor("1.24"));
    let build =
        |machine: &Machine, goos: &str| machine.go(["build", "errors", "unicode/utf8"]).env("GOOS", goos).env("CGO_ENABLED", "0").succeed();
    std::thread::scope(|scope| {
        for machine in [&machine, &other] {
            for goos in ["linux", "windows"] {
                scope.spawn(move || build(machine, goos));
            }
        }
    });
    for machine in [&machine, &other] {
        for goos in ["linux", "windows"] {
            let warm = build(machine, goos);
            assert_eq!(warm.count("archive_puts"), 0, "{goos}: {:?}", warm.sessions);
        }
    }
}

#[test]
fn go_commands_within_a_test_share_the_store() {
    let machine = Machine::new(&Toolchain::machine());
    let dir = write_program(&machine, "nested");
    let go = Toolchain::machine();
    let test = format!(
        "package nested\n\nimport (\n\t\"os/exec\"\n\t\"testing\"\n)\n\nfunc TestGo(t *testing.T) {{\n\tout, err := exec.Command({:?}, \"build\", \"./lib\").CombinedOutput()\n\tif err != nil {{\n\t\tt.Fatal(string(out))\n\t}}\n}}\n",
        go.path().display().to_string()
    );
    machine.write("nested/inner/inner.go", "package nested\n");
    machine.write("nested/inner/inner_test.go", &test.replace("\"build\", \"./lib\"", "\"build\", \"../lib\""));
    machine.go(["build", "./lib"]).dir(&dir).succeed();
    let run = machine.go(["test", "./inner"]).dir(&dir).succeed();
    machine.wait_for_silence();
    let traces = trace::list(&machine.layout().traces_dir()).expect("traces");
    let commands: Vec<String> =
        traces.iter().map(|file| trace::read(&file.path).expect("a trace").header.facts["command"].clone()).collect();
    assert_eq!(commands.iter().filter(|command| *command == "build").count(), 2, "{commands:?}");
    assert!(commands.contains(&"test".to_owned()), "{commands:?} {}", run.stdout);
}

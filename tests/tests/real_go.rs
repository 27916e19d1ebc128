//! A real `go` builds, tests, vets and lists through cachewit as it does through its own cache, whatever its version.

use std::path::Path;

use cachewit_tests::go::{Finished, Machine};

// They share a store that `go build std` has warmed, so `std` is compiled once a toolchain, and several `go` commands use the store at
// the same time.
cachewit_tests::on_every_go!(first build_std, [
    a_second_build_of_std_puts_and_misses_nothing,
    a_passed_test_is_cached_until_clean_testcache,
    a_second_vet_puts_no_bytes_and_finds_the_same,
    paths_of_list_export_can_be_read_after_go_has_exited,
    an_archive_built_to_a_file_stays_in_the_store,
    a_cgo_package_is_compiled_once,
    trimmed_paths_make_two_folders_share_a_package,
]);

fn build_std(machine: &Machine) {
    // The run of wrong hosts begins with std.
    if Machine::is_warm() {
        return;
    }
    let cold = machine.go(["build", "std"]).succeed();
    assert_eq!(cold.count("hits"), 0, "the store was empty");
    assert!(cold.count("puts") > 1_000 && cold.count("misses") == cold.count("gets"), "{:?}", cold.sessions);
}

fn a_second_build_of_std_puts_and_misses_nothing(machine: &Machine) {
    let warm = machine.go(["build", "std"]).succeed();
    assert!(warm.count("gets") > 500, "{:?}", warm.sessions);
    assert_eq!((warm.count("puts"), warm.count("misses")), (0, 0), "{:?}", warm.sessions);
}

fn a_passed_test_is_cached_until_clean_testcache(machine: &Machine) {
    machine.write("tested/go.mod", "module example.test/tested\n\ngo 1.21\n");
    machine.write("tested/a.go", "package tested\n\nfunc Two() int { return 2 }\n");
    let test = "package tested\n\nimport \"testing\"\n\nfunc TestTwo(t *testing.T) {\n\tif Two() != 2 {\n\t\tt.Fatal()\n\t}\n}\n";
    machine.write("tested/a_test.go", test);
    let test = || machine.go(["test", "./..."]).dir(machine.work().join("tested")).succeed();
    let cached = |finished: &Finished| finished.stdout.contains("(cached)");
    assert!(!cached(&test()), "the first run cannot be cached");
    let second = test();
    assert!(cached(&second), "{}", second.stdout);
    // Starts no session, so there is no summary to wait for; the time of expiry lies in GOCACHE itself.
    machine.go(["clean", "-testcache"]).native().succeed();
    let third = test();
    assert!(!cached(&third), "stale after `go clean -testcache`: {}", third.stdout);
    let fourth = test();
    assert!(cached(&fourth), "a run after `go clean -testcache` is cached again: {}", fourth.stdout);
}

fn a_second_vet_puts_no_bytes_and_finds_the_same(machine: &Machine) {
    machine.write("vetted/go.mod", "module example.test/vetted\n\ngo 1.21\n");
    machine.write("vetted/a.go", "package vetted\n\nimport \"errors\"\n\nfunc Fail() error { return errors.New(\"x\") }\n");
    let wrong = "package wrong\n\nimport \"fmt\"\n\nfunc Print() { fmt.Printf(\"%d\\n\", \"text\") }\n";
    machine.write("vetted/wrong/a.go", wrong);
    // The index of a package whose files are younger than two seconds is not put, which the second run would make up for.
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let vet = |packages| machine.go(["vet", packages]).dir(machine.work().join("vetted")).run();
    let first = vet(".");
    assert!(first.success, "{}", first.stderr);
    let second = vet(".");
    assert!(second.success, "{}", second.stderr);
    // Not zero puts: Go 1.24 puts one empty output again at every vet of a package, whatever the host.
    assert_eq!(second.count("put_bytes"), 0, "{:?}", second.sessions);
    for run in ["first", "second"] {
        let found = vet("./wrong");
        assert!(!found.success && found.stderr.contains("%d"), "the {run} run does not see the wrong format: {}", found.stderr);
    }
}

fn paths_of_list_export_can_be_read_after_go_has_exited(machine: &Machine) {
    let listed = machine.go(["list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "fmt", "os/user"]).succeed();
    let mut archives = 0;
    for line in listed.stdout.lines() {
        let Some((package, path)) = line.split_once(' ').filter(|(_, path)| !path.is_empty()) else { continue };
        let path = Path::new(path);
        assert!(path.starts_with(machine.gocache()) && path.extension().is_none(), "{package}: {}", path.display());
        let archive = std::fs::read(path).unwrap_or_else(|error| panic!("{package}: {}: {error}", path.display()));
        assert!(archive.starts_with(b"!<arch>\n"), "{package} is no archive");
        archives += 1;
    }
    assert!(archives > 20, "{}", listed.stdout);
}

fn an_archive_built_to_a_file_stays_in_the_store(machine: &Machine) {
    machine.write("archived/go.mod", "module example.test/archived\n\ngo 1.21\n");
    machine.write("archived/lib/a.go", "package lib\n\nfunc Word() string { return \"seven\" }\n");
    let program = "package main\n\nimport \"example.test/archived/lib\"\n\nfunc main() { println(lib.Word()) }\n";
    machine.write("archived/main.go", program);
    let dir = machine.work().join("archived");
    let archive = dir.join("x.a");
    let build = || machine.go(["build", "-o", "x.a", "./lib"]).dir(&dir).succeed();
    build();
    let first = std::fs::read(&archive).expect("the archive");
    // Removed, so that the second time go has to take it from the store.
    std::fs::remove_file(&archive).expect("the archive can be removed");
    build();
    assert_eq!(std::fs::read(&archive).expect("the archive"), first);
    // In place, as an editor or `strip` would: what shares an inode with the store changes with it.
    std::fs::write(&archive, vec![b'x'; first.len()]).expect("the archive belongs to the user");
    std::fs::remove_file(&archive).expect("the archive can be removed");
    let third = machine.go(["build", "-v", "-o", "x.a", "./lib"]).dir(&dir).succeed();
    assert_eq!(std::fs::read(&archive).expect("the archive"), first, "the store gave the modified file");
    assert!(!third.stderr.contains("example.test/archived/lib"), "the archive had left the store: {}", third.stderr);
    let run = machine.go(["run", "."]).dir(&dir).succeed();
    assert!(run.stderr.contains("seven"), "{}", run.stderr);
}

fn a_cgo_package_is_compiled_once(machine: &Machine) {
    machine.write("cgo/go.mod", "module example.test/cgo\n\ngo 1.21\n");
    let source = "package main\n\n// static int seven(void) { return 7; }\nimport \"C\"\n\nfunc main() { println(C.seven()) }\n";
    machine.write("cgo/main.go", source);
    let dir = machine.work().join("cgo");
    let build = || machine.go(["build", "-v", "-o", "seven", "."]).dir(&dir).env("CGO_ENABLED", "1").succeed();
    assert!(build().stderr.contains("example.test/cgo"), "the first build compiles it");
    std::fs::remove_file(dir.join("seven")).expect("the program can be removed");
    let second = build();
    assert_eq!(second.stderr, "", "the second build only links");
    let output = std::process::Command::new(dir.join("seven")).output().expect("the program runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "7\n");
}

fn trimmed_paths_make_two_folders_share_a_package(machine: &Machine) {
    for folder in ["here", "there/deeper"] {
        machine.write(&format!("{folder}/go.mod"), "module example.test/trimmed\n\ngo 1.21\n");
        machine.write(&format!("{folder}/a.go"), "package trimmed\n\nfunc Two() int { return 2 }\n");
    }
    let build = |folder: &str| machine.go(["build", "-v", "-trimpath", "."]).dir(machine.work().join(folder)).succeed();
    assert!(build("here").stderr.contains("example.test/trimmed"), "the first build compiles it");
    assert_eq!(build("there/deeper").stderr, "", "the second folder finds the package of the first");
}

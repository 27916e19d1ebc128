//! Beside Go's own cache: what it holds is found, shared, and left as it was; and the misses that come back with every run stay here.

use cachewit_tests::bucket::Bucket;
use cachewit_tests::go::{Machine, Toolchain};
use cachewit_tests::s3::S3Server;
use cachewit_tests::stored::{configured, rows, store, write_module};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const PACKAGES: [&str; 2] = ["build", "errors"];

/// Names and contents below Go's own cache directory, without the store.
fn contents(gocache: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let folders = std::fs::read_dir(gocache).expect("a folder").flatten().filter(|entry| entry.file_name().len() == 2);
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).expect("a folder").flatten());
    files.map(|file| (file.path(), std::fs::read(file.path()).expect("a file"))).collect()
}

#[test]
fn the_first_build_after_the_switch_compiles_nothing() {
    let machine = Machine::new(&Toolchain::machine());
    machine.go(PACKAGES).native().succeed();
    let before = contents(&machine.gocache());
    let run = machine.go(PACKAGES).succeed();
    assert_eq!((run.count("puts"), run.count("misses")), (0, 0), "{:?}", run.sessions);
    assert!(run.count("gets") > 10);
    assert_eq!(run.count("native_hits"), run.count("gets"));
    assert!(rows(&machine).is_empty(), "nothing is stored twice");
    // And back again: Go's own cache is as it was.
    assert_eq!(contents(&machine.gocache()), before);

    let config = machine.write("alone.toml", "use-go-cache = false\n");
    let run = machine.go(PACKAGES).config(config).succeed();
    assert!(run.count("archive_puts") > 5 && run.count("native_hits") == 0, "{:?}", run.sessions);
    assert_eq!(contents(&machine.gocache()), before);
}

#[test]
fn what_go_made_before_the_switch_is_shared_as_well() {
    let machine = Machine::new(&Toolchain::machine());
    machine.go(PACKAGES).native().succeed();
    let server = S3Server::start().expect("a server");
    let config = store(&server, "read-write");
    let run = configured(&machine, "share", &config, machine.go(PACKAGES)).succeed();
    assert_eq!((run.count("puts"), run.count("misses")), (0, 0), "{:?}", run.sessions);
    Bucket::of(&server).assert_complete();

    let second = Machine::new(&Toolchain::machine());
    let run = configured(&second, "share", &config, second.go(PACKAGES)).succeed();
    assert_eq!(run.count("archive_puts"), 0, "{:?}", run.sessions);
    assert!(run.sessions[0]["remote"]["fetched"].as_u64() > Some(5), "{:?}", run.sessions);
    // The times are those of the first machine's puts, and its costs are not known.
    let here = rows(&machine);
    let fetched = rows(&second).into_iter().filter(|(_, row)| !row.local);
    assert!(fetched.into_iter().all(|(action, row)| here[&action].time == row.time));
    // The first machine knows by now that the bucket has all of it.
    server.forget();
    let again = configured(&machine, "share", &config, machine.go(PACKAGES)).succeed();
    assert_eq!((again.count("misses"), server.requests().len()), (0, 0), "{:?}", server.requests());
}

/// Every link step is asked for and never put. A warm build must not go to the network for it.
#[test]
fn a_miss_that_comes_back_with_every_run_touches_no_network() {
    let machine = Machine::new(&Toolchain::machine());
    let server = S3Server::start().expect("a server");
    let dir = write_module(&machine, 2);
    machine.write("m/main.go", "package main\n\nimport \"example.test/m/p0\"\n\nfunc main() { println(p0.F1(1, 2)) }\n");
    let build = || machine.go(["build", "-o", "program", "."]).dir(&dir);
    // `go` does not index folders with files younger than two seconds, and would do so in the second run.
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    let config = store(&server, "read-write");
    configured(&machine, "share", &config, build()).succeed();
    for _ in 0..2 {
        server.forget();
        // Without the program `go` links again, and asks for the link step.
        std::fs::remove_file(dir.join("program")).expect("a program");
        let warm = configured(&machine, "share", &config, build()).succeed();
        assert_eq!((warm.count("misses"), warm.count("archive_puts")), (1, 0), "{:?}", warm.sessions);
        assert_eq!(server.requests(), [""; 0], "{:?}", warm.sessions);
    }
    // A change is another matter.
    machine.write("m/p0/b.go", "package p0\n\nfunc New() int { return 1 }\n");
    configured(&machine, "share", &config, build()).succeed();
    assert!(!server.requests().is_empty());
}

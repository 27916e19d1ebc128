//! The commands that people run on a store, in turns and without a pause, beside builds that use it.

use cachewit_tests::go::{Machine, Toolchain, binary};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread::ScopedJoinHandle;

const ROUNDS: u32 = 20;
const MODULES: usize = 2;
const PACKAGES: u32 = 8;

/// A command of packages that each need the one before, so that what was put is read by what comes after; its output tells the round.
fn write_module(machine: &Machine, module: usize, round: u32) -> PathBuf {
    let write = |path: String, text: String| machine.write(&format!("m{module}/{path}"), &text);
    write("go.mod".to_owned(), format!("module example.test/m{module}\n\ngo 1.24\n"));
    write("p0/p.go".to_owned(), format!("package p0\n\nfunc Sum() int {{ return {round} }}\n"));
    for number in 1..PACKAGES {
        let before = number - 1;
        let text = format!(
            "package p{number}\n\nimport \"example.test/m{module}/p{before}\"\n\nfunc Sum() int {{ return p{before}.Sum() + 1 }}\n"
        );
        write(format!("p{number}/p.go"), text);
    }
    let last = PACKAGES - 1;
    let main = format!("package main\n\nimport \"example.test/m{module}/p{last}\"\n\nfunc main() {{ println(p{last}.Sum()) }}\n");
    write("main.go".to_owned(), main);
    machine.work().join(format!("m{module}"))
}

/// Builds each round with other sources, runs what was built, and builds it again.
fn build(machine: &Machine, module: usize) {
    for round in 1..=ROUNDS {
        let dir = write_module(machine, module, round);
        for again in [false, true] {
            let built = machine.go(["build", "-o", "program", "."]).dir(&dir).succeed();
            assert!(built.stderr.is_empty(), "{}", built.stderr);
            let output = Command::new(dir.join("program")).output().expect("the program starts");
            // `println` writes to stderr.
            let sum = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            assert_eq!(sum, (round + PACKAGES - 1).to_string(), "module {module}, round {round}, again: {again}");
        }
    }
}

fn cachewit(machine: &Machine, arguments: &[&str], config: &Path) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).env("GOCACHE", machine.gocache()).env("GOENV", "off").env("CACHEWIT_CONFIG", config);
    command.env("HOME", machine.work()).env("XDG_CACHE_HOME", machine.work().join("xdg")).output().expect("cachewit starts")
}

#[test]
fn clear_trim_and_verify_in_turns_fail_no_build_and_change_no_output() {
    let machine = Machine::new(&Toolchain::machine());
    // What they need of the standard library lies in Go's own cache; the modules' packages are put, looked up and taken away.
    let dir = write_module(&machine, 0, 0);
    machine.go(["build", "-o", "program", "."]).dir(&dir).native().succeed();
    machine.go(["build", "-o", "program", "."]).dir(&dir).succeed();
    let config = machine.write("config.toml", "");
    let commands: [&[&str]; 3] = [&["clear", "--yes"], &["trim", "--to", "20kB"], &["verify", "--repair"]];
    let (building, turns, refused, held) = (AtomicBool::new(true), AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        let operator = scope.spawn(|| {
            while building.load(Relaxed) {
                for command in commands {
                    let output = cachewit(&machine, command, &config);
                    let said = String::from_utf8_lossy(&output.stderr).into_owned();
                    // A session that ends may hold the lock of trims at that moment.
                    let busy = command[0] != "verify" && said.contains("another process is trimming");
                    assert!(output.status.success() || busy, "{command:?}: {output:?}");
                    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
                    assert!(command[0] != "verify" || shown.contains(" 0 damaged, 0 missing"), "{shown}");
                    refused.fetch_add(u32::from(busy), Relaxed);
                    held.fetch_add(u32::from(shown.contains("running builds hold it")), Relaxed);
                }
                turns.fetch_add(1, Relaxed);
            }
        });
        let machine = &machine;
        let builders: Vec<_> = (0..MODULES).map(|module| scope.spawn(move || build(machine, module))).collect();
        let built: Vec<_> = builders.into_iter().map(ScopedJoinHandle::join).collect();
        building.store(false, Relaxed);
        assert!(built.iter().all(Result::is_ok), "a build failed");
        operator.join().expect("the commands went well");
    });
    let (turns, refused, held) = (turns.into_inner(), refused.into_inner(), held.into_inner());
    let stats = cachewit(&machine, &["stats", "--json"], &config);
    let stats: Value = serde_json::from_slice(&stats.stdout).expect("JSON");
    let evicted = stats["totals"]["evicted-groups"].as_u64().unwrap_or(0);
    let builds = MODULES as u32 * ROUNDS * 2;
    println!("{builds} builds, 0 failed, beside {turns} turns of clear, trim and verify: {evicted} groups evicted,");
    println!("{held} times a running build held what clear would have taken, {refused} commands found the store busy");
    assert!(turns >= 10 && refused < turns && held > 0 && evicted > u64::from(ROUNDS), "{stats}");
    // And the store is as good as before.
    let verified = cachewit(&machine, &["verify"], &config);
    assert!(verified.status.success(), "{verified:?}");
    machine.go(["build", "-o", "program", "."]).dir(&dir).succeed();
    let again = machine.go(["build", "-o", "program", "."]).dir(&dir).succeed();
    assert_eq!(again.count("puts"), 0);
}

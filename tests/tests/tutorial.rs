//! docs/first-policy.md, literally: every command in it, in its order, in one shell, on a machine with a few real builds behind it.

use cachewit_tests::docs::commands;
use cachewit_tests::go::{Machine, Toolchain, binary};
use std::process::Command;

/// A package in several versions, so that there are sessions to replay and something to let go.
fn build(machine: &Machine, version: u32) {
    machine.write("m/go.mod", "module example.test/m\n\ngo 1.24\n");
    machine.write("m/a/a.go", &format!("package a\n\nfunc Answer() int {{ return {version} }}\n"));
    machine
        .write("m/m.go", "package main\n\nimport (\n\t\"fmt\"\n\n\t\"example.test/m/a\"\n)\n\nfunc main() { fmt.Println(a.Answer()) }\n");
    machine.go(["build", "-o", "m", "."]).dir(machine.work().join("m")).succeed();
}

#[test]
fn every_command_of_the_tutorial_works_as_it_stands_there() {
    let machine = Machine::new(&Toolchain::machine());
    for version in 0..4 {
        build(&machine, version);
    }
    let text = include_str!("../../docs/first-policy.md");
    let commands = commands(text);
    assert_eq!(commands.len(), 5, "five commands are promised: {commands:?}");

    let home = tempfile::tempdir().expect("a home");
    // A reader has the binary of a checkout on the path; the scaffold finds the SDK above it.
    let binary = binary();
    let bin = binary.parent().expect("the folder of cachewit");
    let go = machine.toolchain().path().parent().expect("the folder of go").to_owned();
    let path = format!("{}:{}:{}", bin.display(), go.display(), std::env::var("PATH").unwrap_or_default());
    let shell = |script: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-euc", script]).current_dir(home.path()).env("PATH", &path).env("CARGO_NET_OFFLINE", "true");
        shell.env("XDG_CONFIG_HOME", home.path().join("config")).env("XDG_CACHE_HOME", home.path().join("cache"));
        shell.env("GOCACHE", machine.gocache()).env_remove("CACHEWIT_CONFIG").env_remove("CARGO_TARGET_DIR");
        for inherited in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_BUILD_BUILD_DIR", "RUSTC_WORKSPACE_WRAPPER"]
        {
            shell.env_remove(inherited);
        }
        let output = shell.output().expect("a shell");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}:\n{said}");
        said
    };
    let said = shell(&commands.join("\n"));
    assert!(said.contains("test result: ok. 1 passed"), "{said}");
    assert!(said.contains("dear_last.wasm") && said.contains("builtin:rebuild-cost"), "both were compared: {said}");
    assert!(said.contains("added      plugins/dear-last.wasm"), "{said}");

    // Active in a real build that has to make room.
    let config = home.path().join("config/cachewit/config.toml");
    machine.write("m/a/a.go", "package a\n\nfunc Answer() int { return 99 }\n");
    let run = machine.go(["build", "-o", "m", "."]).dir(machine.work().join("m")).config(&config).env("CACHEWIT_MAX_SIZE", "1000");
    let run = run.env("HOME", home.path()).env("XDG_CACHE_HOME", home.path().join("cache")).succeed();
    assert_eq!(run.sessions[0]["evicted_by"], "dear-last.wasm", "{:?}", run.sessions);
    assert!(shell("cachewit stats").contains("by dear-last.wasm"));
    assert!(shell("cachewit plugin list").contains("plugins/dear-last.wasm"));
    shell("cachewit plugin remove dear-last");
    assert!(!home.path().join("config/cachewit/plugins/dear-last.wasm").exists());
}

//! Sessions that do the same job are in one stream, wherever and however `go` was started. `docs/streams.md` says the rest.

use cachewit_tests::go::{GoRun, Machine, Toolchain, binary};
use std::path::Path;

/// A module that compiles in no time: nothing of it imports anything.
fn check_out(machine: &Machine, folder: &str) -> std::path::PathBuf {
    let mod_file = machine.write(&format!("{folder}/go.mod"), "module example.com/shop\n\ngo 1.24\n");
    machine.write(&format!("{folder}/shop.go"), "package shop\n\nfunc Price() int { return 3 }\n");
    machine.write(&format!("{folder}/till/till.go"), "package till\n\nfunc Open() bool { return true }\n");
    mod_file.parent().expect("the checkout").to_path_buf()
}

/// The stream of the session that a run leaves.
fn stream(machine: &Machine, run: GoRun<'_>) -> String {
    run.succeed();
    machine.last_trace().header.facts["stream"].clone()
}

#[test]
fn a_checkout_anywhere_and_a_stamped_release_are_in_the_stream_of_the_build() {
    let machine = Machine::new(&Toolchain::machine());
    let (checkout, random) = (check_out(&machine, "checkout"), check_out(&machine, "ci/8c1f0e/shop"));
    let expected = stream(&machine, machine.go(["build", "./..."]).dir(&checkout));
    assert!(expected.starts_with("build ./... · example.com/shop · "), "{expected}");
    let from_afar = checkout.display().to_string();
    for (how, run) in [
        ("a random folder", machine.go(["build", "./..."]).dir(&random)),
        ("-C from elsewhere", machine.go(["build", "-C", &from_afar, "./..."])),
        ("-C before the command", machine.go(["-C", &from_afar, "build", "./..."])),
        ("a package's folder", machine.go(["build", "../..."]).dir(checkout.join("till"))),
        ("absolute patterns", machine.go(["build", &format!("{from_afar}/...")]).dir(&checkout)),
        ("a release", machine.go(["build", "-v", "-ldflags=-X=main.commit=8c1f0e", "-o", "/dev/null", "./..."]).dir(&random)),
        ("GOFLAGS that print", machine.go(["build", "./..."]).dir(&random).env("GOFLAGS", "-v")),
    ] {
        assert_eq!(stream(&machine, run), expected, "{how}");
    }
    for (how, run) in [
        ("another command", machine.go(["vet", "./..."]).dir(&checkout)),
        ("other packages", machine.go(["build", "./till"]).dir(&checkout)),
        ("other flags", machine.go(["build", "-gcflags=-N", "./..."]).dir(&checkout)),
        ("other GOFLAGS", machine.go(["build", "./..."]).dir(&checkout).env("GOFLAGS", "-tags=gift")),
        ("another platform", machine.go(["build", "./..."]).dir(&checkout).env("GOOS", "windows")),
    ] {
        assert_ne!(stream(&machine, run), expected, "{how}");
    }
}

#[test]
fn a_workspace_has_a_stream_of_its_own() {
    let machine = Machine::new(&Toolchain::machine());
    check_out(&machine, "space/shop");
    machine.write("space/bank/go.mod", "module example.com/bank\n\ngo 1.24\n");
    machine.write("space/bank/bank.go", "package bank\n\nfunc Rate() int { return 2 }\n");
    machine.write("space/go.work", "go 1.24\n\nuse (\n\t./shop\n\t./bank\n)\n");
    let space = machine.work().join("space");
    let stream = stream(&machine, machine.go(["build", "./shop/...", "./bank"]).dir(&space));
    assert!(stream.starts_with("build ./shop/... ./bank · example.com/bank example.com/shop · "), "{stream}");
}

#[cfg(unix)]
#[test]
fn a_script_between_go_and_the_host_hides_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new(&Toolchain::machine());
    let checkout = check_out(&machine, "checkout");
    let expected = stream(&machine, machine.go(["build", "./..."]).dir(&checkout));
    // With a line behind it, no shell replaces itself by its last command.
    let script = machine.write("host.sh", &format!("#!/bin/sh\n'{}' \"$@\"\nexit $?\n", binary().display()));
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("a script that may run");
    let behind = machine.go(["build", "./..."]).dir(&checkout).env("GOCACHEPROG", &script);
    assert_eq!(stream(&machine, behind), expected);
}

#[cfg(target_os = "linux")]
#[test]
fn where_go_s_words_cannot_be_read_what_it_used_tells_its_stream() {
    if !cachewit_tests::namespaces() {
        return;
    }
    let toolchain = Toolchain::machine();
    let machine = Machine::new(&toolchain);
    let checkout = check_out(&machine, "checkout");
    let root = toolchain.path().canonicalize().expect("a go").parent().and_then(Path::parent).expect("its root").to_path_buf();
    // `go` finds its root through /proc, too.
    let hidden = |words: &[&'static str]| {
        let run = machine.go(words.iter().copied()).dir(&checkout).env("GOROOT", &root);
        stream(&machine, run.mounted("mount -t tmpfs none /proc"))
    };
    let (build, vet) = (["build", "./..."], ["vet", "./..."]);
    // The first ones put, and others than those that are found later.
    hidden(&build);
    hidden(&vet);
    let (built, vetted) = (hidden(&build), hidden(&vet));
    assert!(built.starts_with("example.com/shop · ") && built.contains(" · unread "), "{built}");
    assert_ne!(built, vetted);
    assert_eq!((hidden(&build), hidden(&vet)), (built.clone(), vetted.clone()));
    assert_eq!((hidden(&vet), hidden(&build)), (vetted, built));
}

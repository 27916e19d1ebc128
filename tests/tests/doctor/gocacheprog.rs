//! Of the value of GOCACHEPROG.

use crate::patient::Patient;
use cachewit_tests::go::{Toolchain, binary};
use std::os::unix::fs::symlink;

#[test]
fn a_gocacheprog_that_is_not_set() {
    let mut patient = Patient::new();
    patient.unset("GOCACHEPROG");
    let report = patient.doctor();
    report.warns("CW020", "not set");
    assert_eq!(report.code, Some(0), "builds go on");
}

/// What `go` makes of the same value is asked of a real one each time.
#[test]
fn a_gocacheprog_that_go_splits_elsewhere() {
    let mut patient = Patient::new();
    let works = |patient: &Patient| patient.go(&["list", "unsafe"]).status.success();
    let folder = patient.home.path().join("a b");
    std::fs::create_dir(&folder).expect("a folder");
    let program = folder.join("cachewit");
    symlink(binary(), &program).expect("a link");
    patient.set("GOCACHEPROG", &program);
    patient.doctor().fails("CW021", "splits at its blanks");
    assert!(!works(&patient));
    patient.set("GOCACHEPROG", format!("'{}' builtin:lru", program.display()));
    patient.doctor().is_well("CW021");
    assert!(works(&patient));
    patient.set("GOCACHEPROG", format!("'{}", program.display()));
    patient.doctor().fails("CW021", "not closed");
    assert!(!works(&patient));
    patient.set("GOCACHEPROG", "  ");
    patient.doctor().fails("CW021", "only blanks");
    assert!(!works(&patient));
    let config = patient.home.write("a b/config.toml", "");
    patient.set("GOCACHEPROG", format!("{} --config='{}'", binary().display(), config.display()));
    patient.doctor().wrong("CW021");
}

#[test]
fn a_gocacheprog_that_does_not_start_cachewit() {
    let mut patient = Patient::new();
    patient.set("GOCACHEPROG", "/nowhere/cachewit");
    patient.doctor().fails("CW022", "no program");
    patient.set("GOCACHEPROG", "off");
    patient.doctor().fails("CW022", "a program of the name `off`");
    let file = patient.home.write("bin/cachewit", "#!/bin/sh\n");
    patient.set("GOCACHEPROG", &file);
    patient.doctor().fails("CW022", "no program");
    assert!(!patient.go(&["list", "unsafe"]).status.success(), "it may not be executed");
    patient.set("GOCACHEPROG", "/bin/cat");
    patient.doctor().warns("CW022", "not cachewit");
    symlink(binary(), patient.home.path().join("work/cachewit")).expect("a link");
    patient.set("GOCACHEPROG", "./cachewit");
    patient.doctor().warns("CW022", "relative");
    assert!(patient.go(&["list", "unsafe"]).status.success());
    assert!(!patient.go(&["-C", "/", "list", "unsafe"]).status.success(), "from another folder");
}

#[test]
fn plugins_and_configurations_that_are_found_from_one_folder_only() {
    let mut patient = Patient::new();
    patient.set("GOCACHEPROG", format!("{} policy.wasm", binary().display()));
    patient.doctor().warns("CW023", "`policy.wasm` relative");
    patient.set("GOCACHEPROG", format!("{} /nowhere/policy.wasm", binary().display()));
    let report = patient.doctor();
    report.fails("CW023", "not there");
    report.fails("CW051", "/nowhere/policy.wasm");
    patient.home.write("work/config.toml", "");
    patient.set("GOCACHEPROG", format!("{} --config config.toml", binary().display()));
    patient.doctor().warns("CW023", "`config.toml` relative");
}

#[test]
fn two_values_of_gocacheprog_and_one_that_switches_nothing_off() {
    let mut patient = Patient::new();
    let written = format!("{} builtin:lru", binary().display());
    assert!(patient.go(&["env", "-w", &format!("GOCACHEPROG={written}")]).status.success());
    patient.doctor().warns("CW024", "where the variable is not set");
    patient.set("GOCACHEPROG", "");
    let report = patient.doctor();
    report.warns("CW024", "switches nothing off");
    report.says("CW022", "goenv");
    report.says("CW051", "builtin:lru");
    patient.unset("GOCACHEPROG");
    let report = patient.doctor();
    report.is_well("CW024");
    report.says("CW022", "goenv");
}

#[test]
fn a_gocacheprog_that_starts_go_again() {
    let mut patient = Patient::new();
    patient.set("GOCACHEPROG", format!("{} tool cachewit", Toolchain::machine().path().display()));
    patient.doctor().fails("CW025", "without end");
}

#[test]
fn arguments_in_gocacheprog_that_cachewit_does_not_serve_with() {
    let mut patient = Patient::new();
    patient.set("GOCACHEPROG", format!("{} stats", binary().display()));
    patient.doctor().fails("CW026", "greets nobody");
    assert!(!patient.go(&["list", "unsafe"]).status.success());
    patient.set("GOCACHEPROG", format!("{} serve --rooot /x", binary().display()));
    patient.doctor().fails("CW026", "--rooot");
    assert!(patient.go(&["list", "unsafe"]).status.success(), "it goes on with defaults");
}

//! Of the `go` command, its cache folder and the clock.

use crate::patient::{Patient, chmod};
use cachewit_tests::go::Toolchain;
use cachewit_tests::{fake_system, other_user};

/// A `go` in PATH that answers one question as another one would, and the rest as the real one does.
fn another_go(patient: &mut Patient, version: &str) {
    let real = Toolchain::machine().path().display().to_string();
    let script = format!("#!/bin/sh\nif [ \"$*\" = 'env GOVERSION' ]; then echo '{version}'; else exec {real} \"$@\"; fi\n");
    let path = patient.home.write("bin/go", script);
    chmod(&path, 0o755);
    patient.set("PATH", format!("{}:/usr/bin:/bin", path.parent().expect("a folder").display()));
}

#[test]
fn a_go_that_asks_nobody_and_one_that_is_not_there() {
    let mut patient = Patient::new();
    another_go(&mut patient, "go1.23.9");
    patient.doctor().fails("CW001", "go1.23.9 ignores GOCACHEPROG");
    another_go(&mut patient, "go1.23.9 X:cacheprog");
    patient.doctor().is_well("CW001");
    another_go(&mut patient, "devel go1.28-abcdef");
    patient.doctor().warns("CW001", "devel");
    let empty = patient.home.path().join("work");
    patient.set("PATH", empty);
    let report = patient.doctor();
    report.fails("CW001", "no `go` in PATH");
    report.is_well("CW010");
    for name in ["GOCACHE", "HOME", "XDG_CACHE_HOME"] {
        patient.unset(name);
    }
    patient.doctor().fails("CW010", "cannot tell where");
}

#[test]
fn flags_that_keep_the_cache_from_being_asked() {
    let mut patient = Patient::new();
    patient.set("GOFLAGS", "-trimpath -a");
    patient.doctor().warns("CW002", "`-a`");
    patient.set("GOFLAGS", "-count=1");
    patient.doctor().warns("CW002", "`-count=1`");
    patient.set("GOFLAGS", "-asmflags=-a");
    patient.doctor().is_well("CW002");
    patient.set("GODEBUG", "gocacheverify=1");
    patient.doctor().warns("CW003", "does nothing");
    patient.unset("GODEBUG");
    // In the file as well.
    patient.unset("GOFLAGS");
    assert!(patient.go(&["env", "-w", "GOFLAGS=-a"]).status.success());
    patient.doctor().warns("CW002", "`-a`");
}

#[test]
fn machines_that_share_and_build_in_their_own_folders() {
    let mut patient = Patient::new();
    let shared = patient.home.path().join("shared");
    let config =
        patient.home.write("shared.toml", format!("[[store]]\nname = \"team\"\nkind = \"folder\"\npath = \"{}\"\n", shared.display()));
    patient.set("CACHEWIT_CONFIG", config);
    patient.doctor().warns("CW004", "no `-trimpath`");
    patient.set("GOFLAGS", "-trimpath");
    patient.doctor().is_well("CW004");
}

#[test]
fn a_gocache_that_go_cannot_use() {
    let mut patient = Patient::new();
    for (value, text) in [("off", "GOCACHE=off"), ("relative", "no absolute path")] {
        patient.set("GOCACHE", value);
        patient.doctor().fails("CW011", text);
        assert!(!patient.go(&["build", "errors"]).status.success(), "and go says so");
    }
    patient.unset("GOCACHE");
    assert!(patient.go(&["env", "-w", "GOCACHE=off"]).status.success());
    patient.doctor().fails("CW011", "go/env file");
}

#[test]
fn a_gocache_that_this_user_cannot_write() {
    let Some(user) = other_user() else { return };
    let mut patient = Patient::new();
    let own = patient.home.let_in(user);
    patient.user = Some(user);
    patient.set("HOME", &own);
    patient.set("TMPDIR", own.join("tmp"));
    patient.set("XDG_CACHE_HOME", own.join("xdg"));
    let report = patient.doctor();
    report.fails("CW011", "cannot be written");
    // Nor the store in it, which is another user's.
    report.warns("CW041", "belongs to the user 0");
    report.is_well("CW042");
    report.is_well("CW043");
}

#[test]
fn clocks_that_are_apart() {
    let mut patient = Patient::new();
    let shim = fake_system::library(patient.home.path());
    assert!(patient.go(&["clean", "-testcache"]).status.success());
    patient.set("LD_PRELOAD", shim);
    patient.doctor().is_well("CW012");
    patient.set("CLOCK_SHIFT", "-86400");
    let report = patient.doctor();
    report.warns("CW012", "differ");
    report.warns("CW013", "ahead");
    report.warns("CW014", "ahead");
    patient.set("CLOCK_SHIFT", "86400");
    let report = patient.doctor();
    report.warns("CW012", "differ");
    report.is_well("CW013");
    report.is_well("CW014");
}

//! Of what lies there and need not.

use crate::patient::{DAY, Patient, action, age, entries};
use cachewit_tests::go::binary;
use cachewit_tests::other_user;
use cachewit_tests::script::noise;
use std::os::unix::fs::chown;
use std::time::Duration;

#[test]
fn what_killed_sessions_left() {
    let patient = Patient::new();
    let mut go = patient.session();
    go.get(action(0)).expect("a hit");
    go.begin_put(action(1), &noise(2, 200_000), 100_000);
    // The file is there as soon as the host has read the head.
    let tmp = patient.home.layout().tmp_dir();
    let began = std::time::Instant::now();
    while entries(&tmp).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "no file comes");
        std::thread::sleep(Duration::from_millis(5));
    }
    go.kill();
    let report = patient.doctor();
    report.is_well("CW045");
    report.is_well("CW062");
    for file in entries(&tmp).into_iter().chain(entries(patient.home.layout().lease_dir())) {
        age(file, 2 * DAY);
    }
    let report = patient.doctor();
    report.warns("CW045", "1 half-written");
    report.warns("CW062", "1 leases");
    assert!(patient.command(binary(), &["trim"]).status().expect("cachewit starts").success());
    let report = patient.doctor();
    report.is_well("CW045");
    report.is_well("CW062");
}

#[test]
fn what_a_session_could_not_say_any_more() {
    let patient = Patient::new();
    // Traces are written behind the back of `go`, when there is no stderr left.
    let traces = patient.home.layout().traces_dir();
    std::fs::remove_dir_all(&traces).expect("the folder of traces");
    std::fs::write(&traces, "in the way").expect("a file");
    let mut go = patient.session();
    go.get(action(0)).expect("a hit");
    go.close();
    patient.doctor().warns("CW046", "traces");
}

#[test]
fn stores_of_other_versions() {
    let patient = Patient::new();
    let store = patient.home.layout().dir().to_owned();
    for version in ["v0", "v2"] {
        std::fs::rename(&store, store.with_file_name(version)).expect("the store is renamed");
        let mut go = patient.session();
        go.put(action(0), &noise(1, 5_000));
        go.close();
        if version == "v0" {
            patient.doctor().warns("CW049", "used within the last week");
            for path in [store.with_file_name("v0"), store.with_file_name("v0/leases")].iter().flat_map(entries) {
                age(path, 8 * DAY);
            }
            let report = patient.doctor();
            report.is_well("CW049");
            report.says("CW049", "unused for a week");
        } else {
            patient.doctor().warns("CW049", "newer");
        }
    }
}

#[test]
fn bodies_outside_the_store() {
    let Some(user) = other_user() else { return };
    let mut patient = Patient::new();
    let mut go = patient.home.session(&[]).user(user).start();
    let private = go.put(action(5), &noise(9, 3_000));
    go.close();
    patient.user = Some(user);
    let own = patient.home.path().join("other");
    patient.set("HOME", &own);
    patient.set("XDG_CACHE_HOME", own.join("xdg"));
    patient.set("TMPDIR", own.join("tmp"));
    patient.doctor().is_well("CW061");
    age(&private, 2 * DAY);
    patient.doctor().warns("CW061", "1 bodies");
    // A store of its own, since trims need one.
    std::fs::create_dir(own.join("gocache")).expect("a folder");
    chown(own.join("gocache"), Some(user), Some(user)).expect("it can be given away");
    patient.set("GOCACHE", own.join("gocache"));
    patient.doctor();
    let program = patient.home.path().join("cachewit");
    assert!(patient.command(program, &["trim"]).status().expect("cachewit starts").success());
    assert!(!private.exists());
    patient.doctor().is_well("CW061");
}

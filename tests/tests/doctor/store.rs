//! Of the store that builds use.

use crate::patient::{DAY, Patient, Report, action, age, chmod, entries};
use cachewit_tests::go::binary;
use cachewit_tests::script::noise;
use cachewit_tests::{fake_system, namespaces, other_user};
use std::os::unix::fs::chown;

#[test]
fn a_store_elsewhere_and_one_that_was_left_behind() {
    let mut patient = Patient::new();
    let root = patient.home.path().join("elsewhere");
    patient.set("GOCACHEPROG", format!("{} --root {}", binary().display(), root.display()));
    let report = patient.doctor();
    report.warns("CW040", "elsewhere");
    report.warns("CW060", "gocache/cachewit");
    report.says("CW041", "elsewhere");
    std::fs::remove_dir_all(patient.home.path().join("gocache/cachewit")).expect("the store of before");
    patient.doctor().is_well("CW060");
}

#[test]
fn a_store_folder_that_cannot_be_used() {
    let patient = Patient::new();
    let file = patient.home.write("file", "in the way");
    patient.doctor_with(&["--root", file.to_str().expect("a path")]).fails("CW041", "cannot use the store folder");
}

#[test]
fn a_store_of_another_user() {
    let Some(user) = other_user() else { return };
    let mut patient = Patient::new();
    let own = patient.home.let_in(user);
    let root = patient.home.path().join("gocache/cachewit");
    std::fs::create_dir(own.join("gocache")).expect("a folder");
    chown(own.join("gocache"), Some(user), Some(user)).expect("it can be given away");
    patient.user = Some(user);
    patient.set("HOME", &own);
    patient.set("TMPDIR", own.join("tmp"));
    patient.set("XDG_CACHE_HOME", own.join("xdg"));
    patient.set("GOCACHE", own.join("gocache"));
    patient.set("CACHEWIT_ROOT", &root);
    let report = patient.doctor();
    report.is_well("CW011");
    report.warns("CW041", "what it holds is answered");
    assert_eq!(report.code, Some(0));
    chmod(patient.home.layout().readers_lock(), 0o600);
    patient.doctor().fails("CW042", "readers.lock");
    chmod(patient.home.layout().index(), 0o600);
    patient.doctor().fails("CW043", "belongs to the user 0");
    chmod(patient.home.layout().dir(), 0o700);
    patient.doctor().fails("CW041", "belongs to the user 0");
}

/// As after one `sudo go build`: the next commit makes the log anew, and it is root's.
#[test]
fn a_store_in_which_root_left_files() {
    let Some(user) = other_user() else { return };
    let mut patient = Patient::new();
    let own = patient.home.let_in(user);
    let layout = patient.home.layout();
    let mut folders = vec![patient.home.path().join("gocache")];
    while let Some(path) = folders.pop() {
        if path.is_dir() {
            folders.extend(entries(&path));
        }
        chown(path, Some(user), Some(user)).expect("it can be given away");
    }
    patient.user = Some(user);
    patient.set("HOME", &own);
    patient.set("TMPDIR", own.join("tmp"));
    patient.set("XDG_CACHE_HOME", own.join("xdg"));
    patient.doctor().is_well("CW041");
    let object = layout.object(cachewit::model::Digest::of(&noise(1, 5_000)));
    let folder = std::path::Path::new(&object).parent().expect("a folder of objects");
    for path in [layout.dir().join("index.db-wal"), layout.index(), folder.to_owned()] {
        chown(&path, Some(0), Some(0)).expect("it can be taken");
        patient.doctor().warns("CW041", &format!("{} belongs to the user 0", path.display()));
        chown(&path, Some(user), Some(user)).expect("it can be given away");
    }
}

#[test]
fn files_that_cannot_be_locked_and_locks_that_hold_nothing() {
    let mut patient = Patient::new();
    let shim = fake_system::library(patient.home.path());
    patient.set("LD_PRELOAD", shim);
    patient.set("LOCKS", "refused");
    patient.doctor().fails("CW042", "cannot be locked");
    patient.set("LOCKS", "ignored");
    patient.doctor().fails("CW042", "locks do nothing");
    assert!(entries(patient.home.layout().lease_dir()).len() <= 1);
}

#[test]
fn a_store_on_a_network_file_system() {
    let mut patient = Patient::new();
    let shim = fake_system::library(patient.home.path());
    patient.set("LD_PRELOAD", shim);
    patient.set("FILE_SYSTEM", "0x6969");
    patient.doctor().warns("CW047", "of the kind nfs");
    patient.set("FILE_SYSTEM", "0xef53");
    patient.doctor().is_well("CW047");
}

#[test]
fn an_index_that_is_damaged_and_the_one_that_was_set_aside() {
    let patient = Patient::new();
    for file in ["index.db", "index.db-wal", "index.db-shm"] {
        std::fs::write(patient.home.layout().dir().join(file), vec![b'x'; 8_192]).expect("a file of the index");
    }
    patient.doctor().warns("CW043", "set aside");
    let report = patient.doctor();
    report.is_well("CW043");
    let aside = |report: &Report| report.findings.iter().filter(|finding| finding["code"] == "CW063").count();
    assert!(aside(&report) >= 1);
    for path in entries(patient.home.layout().dir()) {
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("index.damaged")) {
            age(path, 8 * DAY);
        }
    }
    assert!(patient.command(binary(), &["trim"]).status().expect("cachewit starts").success());
    patient.doctor().is_well("CW063");
}

#[test]
fn a_disk_that_is_full_of_bytes_or_of_files() {
    if !namespaces() {
        return;
    }
    let mut patient = Patient::new();
    let gocache = patient.home.path().join("gocache").display().to_string();
    patient.mounts = Some(format!("mount -t tmpfs -o size=100m tmpfs {gocache}\nhead -c 99m /dev/zero > {gocache}/full"));
    patient.doctor().warns("CW044", "free of");
    patient.mounts = Some(format!("mount -t tmpfs -o size=100m,nr_inodes=500 tmpfs {gocache}"));
    patient.doctor().warns("CW044", "more files");
    patient.mounts = Some(format!("mount -t tmpfs -o size=100m tmpfs {gocache}"));
    patient.doctor().is_well("CW044");
}

#[test]
fn a_reader_that_keeps_trims_out() {
    let Some(user) = other_user() else { return };
    let patient = Patient::new();
    let mut reader = patient.home.session(&[]).user(user).start();
    reader.get(action(0)).expect("a hit");
    patient.doctor().warns("CW048", "nothing is evicted");
    reader.close();
    patient.doctor().is_well("CW048");
}

//! What was compiled of a plugin, and how the next session takes it.
#![cfg(target_os = "linux")]

use cachewit::model::Digest;
use cachewit_tests::script::{Home, Script, archive};
use cachewit_tests::{fake_system, guest};
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

fn action() -> Digest {
    Digest::of(b"package")
}

/// A machine whose store has an entry, and a plugin that was compiled there and refuses it.
fn machine() -> (Home, String) {
    let home = Home::new();
    let mut go = home.session(&[]).start();
    go.put(action(), &archive(1, 5_000));
    assert!(go.close().faults().is_empty());
    let plugin = home.write("refuses_everything.wasm", guest::named("refuses_everything"));
    home.compile(&plugin);
    (home, plugin.to_str().expect("UTF-8").to_owned())
}

/// The artefacts of the machine.
fn artefacts(home: &Home) -> Vec<PathBuf> {
    let files = std::fs::read_dir(home.path().join("xdg/cachewit/native")).expect("the folder of artefacts");
    files.map(|file| file.expect("a file").path()).collect()
}

/// Whether a session has an artefact mapped.
fn maps(go: &Script, artefact: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{}/maps", go.process())).expect("its mappings").contains(artefact)
}

/// Another machine can take a file on a network away under the mapping, and that ends whoever looks at it.
#[test]
fn an_artefact_is_mapped_on_a_local_disk_and_read_on_a_network() {
    let (home, plugin) = machine();
    let artefact = artefacts(&home).pop().expect("an artefact").to_str().expect("UTF-8").to_owned();
    let shim = fake_system::library(home.path());
    for (kind, mapped) in [(None, true), (Some("0x6969"), false)] {
        let mut session = home.session(&[&plugin]).env("LD_PRELOAD", &shim);
        if let Some(kind) = kind {
            session = session.env("FILE_SYSTEM", kind);
        }
        let mut go = session.start();
        assert_eq!(go.get(action()), None, "it is asked, and refuses");
        assert_eq!(maps(&go, &artefact), mapped, "{kind:?}");
        let ended = go.close();
        assert!(ended.faults().is_empty(), "{ended:?}");
    }
}

#[test]
fn one_that_was_cut_short_or_garbled_is_made_anew() {
    let (home, plugin) = machine();
    let artefact = artefacts(&home).pop().expect("an artefact");
    let whole = std::fs::read(&artefact).expect("an artefact");
    for broken in [&[][..], &whole[..whole.len() / 3], &vec![0; whole.len()], b"#!/bin/sh\n"] {
        std::fs::remove_file(&artefact).expect("ours");
        std::fs::write(&artefact, broken).expect("ours");
        // The first session finds out, goes without it, and leaves it compiled.
        let mut go = home.session(&[&plugin]).start();
        assert!(go.get(action()).is_some_and(|hit| hit.is_whole()));
        let ended = go.close();
        assert!(ended.success && ended.faults().is_empty(), "{ended:?}");
        let mut go = home.session(&[&plugin]).start();
        assert_eq!(go.get(action()), None, "{} bytes", broken.len());
        assert!(go.close().faults().is_empty());
    }
}

/// Every roll-out of a policy leaves one behind.
#[test]
fn one_that_no_session_has_used_for_a_month_goes_when_another_is_made() {
    let (home, used) = machine();
    let compiled = |home: &Home, name: &str| {
        let before = artefacts(home);
        let plugin = home.write(&format!("{name}.wasm"), guest::named(name));
        home.compile(&plugin);
        artefacts(home).into_iter().find(|path| !before.contains(path)).expect("an artefact")
    };
    let of_the_used = artefacts(&home).pop().expect("an artefact");
    let of_another = compiled(&home, "traps_when_it_serves");
    let long_ago = SystemTime::now() - Duration::from_secs(31 * 24 * 60 * 60);
    for artefact in [&of_the_used, &of_another] {
        File::open(artefact).and_then(|file| file.set_modified(long_ago)).expect("ours");
    }
    let mut go = home.session(&[&used]).start();
    assert_eq!(go.get(action()), None, "it is asked, and refuses");
    assert!(go.close().faults().is_empty());
    let of_a_third = compiled(&home, "abstains_at_once");
    assert_eq!((of_the_used.exists(), of_another.exists(), of_a_third.exists()), (true, false, true));

    // Taken at its word a plugin is not even started, and as much in use.
    let abstains = home.write("abstains_at_once.wasm", guest::named("abstains_at_once"));
    let session = || {
        let mut go = home.session(&[abstains.to_str().expect("UTF-8")]).start();
        assert!(go.get(action()).is_some());
        go.close().policy("abstains_at_once.wasm")["abstains_as_before"] == true
    };
    assert!(!session());
    for file in artefacts(&home) {
        File::open(file).and_then(|file| file.set_modified(long_ago)).expect("ours");
    }
    assert!(session());
    compiled(&home, "abstains_after_a_look");
    assert_eq!((of_the_used.exists(), of_a_third.exists()), (false, true));
    assert!(session(), "its word is still there");
}

/// Each session compiles it anew then, and a short one is over before it is there.
#[test]
fn a_folder_in_which_nothing_can_be_kept_is_named_by_sessions_and_by_the_doctor() {
    let (home, plugin) = machine();
    let native = home.path().join("xdg/cachewit/native");
    let doctor = || String::from_utf8_lossy(&home.cachewit(&["doctor"]).stdout).into_owned();
    assert!(!doctor().contains("CW053"));
    std::fs::set_permissions(&native, std::fs::Permissions::from_mode(0o777)).expect("ours");
    let mut go = home.session(&[&plugin]).start();
    assert!(go.get(action()).is_some_and(|hit| hit.is_whole()), "what lies there is not run");
    let ended = go.close();
    let faults = ended.faults();
    assert!(ended.success && faults.len() == 1 && faults[0].contains("cannot be kept in") && faults[0].contains("native"), "{faults:?}");
    let text = doctor();
    assert!(text.contains("CW053") && text.contains("chmod 700"), "{text}");
}

/// Whoever reads from a pipe waits for whoever writes into it.
#[test]
fn a_pipe_in_the_place_of_a_plugin_or_a_lock_is_named_and_not_waited_for() {
    let (home, _) = machine();
    let pipe = |name: &str| {
        let path = home.path().join(name);
        assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
        path.to_str().expect("UTF-8").to_owned()
    };
    let session = |arguments: &[&str], config: Option<&Path>| {
        let mut session = home.session(arguments);
        if let Some(config) = config {
            session = session.env("CACHEWIT_CONFIG", config);
        }
        let mut go = session.start();
        assert!(go.get(action()).is_some_and(|hit| hit.is_whole()));
        go.close().faults().join("\n")
    };
    let faults = session(&[&pipe("pipe.wasm")], None);
    assert!(faults.contains("pipe.wasm") && faults.contains("it is no file"), "{faults}");
    let config = home.write("config.toml", "[[policy]]\nuse = \"refuses_everything.wasm\"\n");
    pipe("cachewit.lock");
    let faults = session(&[], Some(&config));
    assert!(faults.contains("cachewit.lock") && faults.contains("it is no file"), "{faults}");
}

//! Stores of other format versions, beside which a real host works.

use cachewit::model::Digest;
use cachewit_tests::go::binary;
use cachewit_tests::other_user;
use cachewit_tests::script::{Home, noise};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn one_session(home: &Home, seed: u64) {
    let mut go = home.session(&[]).start();
    go.put(Digest::of(&seed.to_le_bytes()), &noise(seed, 5_000));
    let ended = go.close();
    assert!(ended.success && ended.faults().is_empty(), "{ended:?}");
}

/// A session that finds that it is time to look after leases, as one an hour does.
fn hourly_session(home: &Home) {
    home.index().set_meta("leases-swept", "1").expect("the index can be written");
    one_session(home, 7);
}

/// The store that a session has made, under the name of another version and as nobody has touched it for so many days.
fn store_of(home: &Home, version: &str, days: u32) -> PathBuf {
    one_session(home, 1);
    let path = home.path().join("gocache/cachewit").join(version);
    std::fs::rename(home.layout().dir(), &path).expect("the store is renamed");
    grow_old(&path, days);
    path
}

fn grow_old(path: &Path, days: u32) {
    for (path, _) in files(path) {
        File::open(path).and_then(|file| file.set_modified(SystemTime::now() - days * DAY)).expect("a file of ours");
    }
}

/// All below a folder and itself, with what the files hold.
fn files(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::from([(path.to_owned(), std::fs::read(path).unwrap_or_default())]);
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a folder").flatten() {
            all.extend(files(&entry.path()));
        }
    }
    all
}

fn cachewit(home: &Home, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).env("GOCACHE", home.path().join("gocache")).env("GOENV", "off").env("HOME", home.path());
    command.env("XDG_CACHE_HOME", home.path().join("xdg")).env("CACHEWIT_CONFIG", home.path().join("default.toml"));
    command.output().expect("cachewit starts")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn an_older_store_goes_a_week_after_its_last_use_and_a_newer_one_never() {
    let home = Home::new();
    let newer = store_of(&home, "v2", 400);
    let older = store_of(&home, "v0", 8);
    let (before, others) = (files(&newer), ["v00", "v0x", "v-1", "V0", "0"].map(|name| newer.with_file_name(name)));
    for other in &others {
        std::fs::create_dir(other).expect("a folder of a name that looks like it");
        grow_old(other, 400);
    }
    one_session(&home, 2);
    assert!(!older.exists(), "nobody used it for eight days");
    assert!(!older.with_file_name("v0.going").exists());
    assert_eq!(files(&newer), before, "not a byte of a newer one");
    assert!(others.iter().all(|other| other.exists()));
}

#[test]
fn an_older_store_that_was_used_yesterday_stays() {
    let home = Home::new();
    let older = store_of(&home, "v0", 8);
    // What any session does that is handed something.
    let lease = older.join("leases/of-yesterday");
    std::fs::write(&lease, b"12345678").expect("a lease");
    std::fs::remove_file(lease).expect("a lease");
    File::open(older.join("leases")).and_then(|file| file.set_modified(SystemTime::now() - DAY)).expect("a folder of ours");
    let before = files(&older);
    one_session(&home, 2);
    hourly_session(&home);
    assert_eq!(files(&older), before);
    let stats = json(&cachewit(&home, &["stats", "--json"]));
    let bytes: usize = before.values().map(Vec::len).sum();
    let format = &stats["other_formats"][0];
    assert_eq!(
        (format["version"].as_u64(), format["older"].as_bool(), format["bytes"].as_u64()),
        (Some(0), Some(true), Some(bytes as u64))
    );
    let text = String::from_utf8(cachewit(&home, &["stats"]).stdout).expect("text");
    assert!(text.contains("an older cachewit"), "{text}");
    grow_old(&older, 8);
    assert_eq!(json(&cachewit(&home, &["trim", "--json"]))["removed_formats"], 1);
    assert!(!older.exists());
}

/// A `go run` may last for weeks, and a reader leaves no mark at all.
#[test]
fn an_older_store_stays_as_long_as_a_session_holds_a_lock_in_it() {
    for name in ["leases/of-a-session", "readers.lock", "trim.lock"] {
        let home = Home::new();
        let older = store_of(&home, "v0", 30);
        let lock = File::options().read(true).write(true).create(true).truncate(false).open(older.join(name)).expect("a file");
        if name == "readers.lock" { lock.lock_shared() } else { lock.lock() }.expect("a lock");
        grow_old(&older, 30);
        let before = files(&older);
        one_session(&home, 2);
        hourly_session(&home);
        let after = files(&older);
        assert!(before.iter().all(|(path, content)| after.get(path) == Some(content)), "{name}");
        // Not by closing it: a process that another test is starting may have it for a moment.
        lock.unlock().expect("the lock is ours");
        grow_old(&older, 30);
        hourly_session(&home);
        assert!(!older.exists(), "{name}");
    }
}

#[test]
fn a_link_of_the_name_of_an_older_store_is_not_followed() {
    let home = Home::new();
    let elsewhere = store_of(&home, "elsewhere", 30);
    let link = elsewhere.with_file_name("v0");
    std::os::unix::fs::symlink(&elsewhere, &link).expect("a link");
    let before = files(&elsewhere);
    one_session(&home, 2);
    assert_eq!(files(&elsewhere), before);
    assert!(link.exists());
}

#[test]
fn an_older_store_of_another_user_is_left_to_that_user() {
    let Some(user) = other_user() else { return };
    let home = Home::new();
    let older = store_of(&home, "v0", 30);
    for (path, _) in files(&older) {
        std::os::unix::fs::chown(path, Some(user), Some(user)).expect("it can be given away");
    }
    let before = files(&older);
    one_session(&home, 2);
    assert_eq!(files(&older), before);
}

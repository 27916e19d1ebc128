//! A store that belongs to another user: what it holds is answered, what cannot be kept gets a file, and at most one line says so.

use cachewit::model::Digest;
use cachewit_tests::go::{Machine, Toolchain};
use cachewit_tests::other_user;
use cachewit_tests::script::{Ended, Home, noise};
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn action(number: u64) -> Digest {
    Digest::of(format!("action {number}").as_bytes())
}

fn fill(home: &Home, bodies: impl IntoIterator<Item = (u64, Vec<u8>)>) {
    let mut go = home.session(&[]).start();
    for (number, body) in bodies {
        go.put(action(number), &body);
    }
    let ended = go.close();
    assert!(ended.success && ended.faults().is_empty(), "{ended:?}");
}

fn chmod(path: impl AsRef<Path>, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a file of ours");
}

/// What lies below a folder, with times and sizes.
fn listing(folder: &Path) -> BTreeMap<PathBuf, (u64, i64, u32)> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let data = entry.metadata().expect("a file");
        all.insert(entry.path(), (data.len(), data.mtime_nsec(), data.uid()));
        if data.is_dir() {
            all.extend(listing(&entry.path()));
        }
    }
    all
}

/// Green, with this in its only line.
fn said(ended: &Ended, text: &str) {
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(ended.success && ended.faults().len() == 1 && lines.len() == 1 && lines[0].contains(text), "{ended:?}");
}

#[test]
fn another_users_store_answers_and_a_put_still_gets_a_file() {
    let Some(user) = other_user() else { return };
    let home = Home::new();
    fill(&home, [(0, noise(1, 5_000))]);
    let before = listing(home.layout().dir());
    let mut go = home.session(&[]).user(user).start();
    let hit = go.get(action(0)).expect("a hit");
    assert!(hit.is_whole() && hit.path.starts_with(home.layout().dir()), "{hit:?}");
    let other = noise(2, 5_000);
    let path = go.put(action(1), &other);
    assert_eq!(std::fs::read(&path).expect("a file"), other);
    assert!(path.starts_with(home.path().join("other")), "{}", path.display());
    assert_eq!(go.get(action(1)).expect("what it put itself").path, path);
    said(&go.close(), "cannot be written");
    assert_eq!(listing(home.layout().dir()), before, "the store is as it was");
}

/// As in a container whose user is not the one that filled the volume.
#[test]
fn another_user_that_only_looks_up_hears_nothing() {
    let Some(user) = other_user() else { return };
    let home = Home::new();
    fill(&home, [(0, noise(1, 5_000))]);
    // Its owner has something to hear, which is not for this one.
    std::fs::write(home.layout().journal(), "1\tbucket\tthe bucket does not answer\n").expect("the journal");
    for _ in 0..2 {
        let mut go = home.session(&[]).user(user).start();
        assert!(go.get(action(0)).expect("a hit").is_whole());
        assert!(go.get(action(1)).is_none());
        let ended = go.vanish();
        assert!(ended.success && ended.stderr.is_empty() && ended.faults().is_empty(), "{ended:?}");
    }
    let ended = home.session(&[]).start().close();
    assert!(ended.stderr.contains("the bucket does not answer"), "{ended:?}");
}

#[test]
fn while_another_user_reads_the_owner_evicts_nothing() {
    let Some(user) = other_user() else { return };
    let home = Home::new();
    fill(&home, [(0, noise(1, 50_000))]);
    let mut reader = home.session(&[]).user(user).start();
    let hit = reader.get(action(0)).expect("a hit");
    let owner = |number| {
        let mut go = home.session(&[]).max_size(60_000).start();
        go.put(action(number), &noise(number + 1, 50_000));
        go.close().count("/evicted_groups")
    };
    assert_eq!(owner(1), 0);
    assert!(hit.is_whole());
    reader.close();
    assert!(owner(2) > 0, "and evicts once that has gone");
    assert!(!hit.is_whole());
}

#[test]
fn a_store_that_another_user_may_not_look_into_is_one_line_and_misses() {
    let Some(user) = other_user() else { return };
    let home = Home::new();
    fill(&home, [(0, noise(1, 5_000))]);
    let layout = home.layout();
    for (path, mode) in [
        (layout.versions_dir().to_owned(), 0o700),
        (layout.dir().to_owned(), 0o700),
        (layout.index(), 0o600),
        (layout.readers_lock(), 0o600),
    ] {
        let usual = path.metadata().expect("a file").mode();
        chmod(&path, mode);
        let mut go = home.session(&[]).user(user).start();
        assert_eq!(go.get(action(0)), None, "{}", path.display());
        for number in 0..2 {
            let body = noise(number + 10, 5_000);
            let path = go.put(action(number), &body);
            assert_eq!(std::fs::read(&path).expect("a file"), body);
            assert_eq!(go.get(action(number)).expect("what it put itself").path, path);
        }
        said(&go.close(), "goes on without a cache");
        chmod(&path, usual);
    }
}

/// The umask of whoever put it may have been another one that day. `go` looks at sizes and opens later, and then fails.
#[test]
fn an_object_that_this_user_may_not_read_is_a_miss() {
    let Some(user) = other_user() else { return };
    let home = Home::new();
    fill(&home, [(0, noise(1, 5_000)), (1, noise(2, 5_000))]);
    chmod(home.layout().object(Digest::of(&noise(1, 5_000))), 0o500);
    let mut go = home.session(&[]).user(user).start();
    assert_eq!(go.get(action(0)), None);
    assert!(go.get(action(1)).is_some());
    // What is put under that name is found all the same.
    let path = go.put(action(0), &noise(1, 5_000));
    assert_eq!(go.get(action(0)).expect("a hit").path, path);
    go.close();
    let mut go = home.session(&[]).start();
    assert!(go.get(action(0)).is_some(), "its owner may");
    go.close();
}

#[test]
fn what_go_keeps_from_this_user_in_its_own_cache_is_a_miss() {
    let Some(user) = other_user() else { return };
    let home = Home::new();
    let body = noise(1, 5_000);
    let place = |digest: Digest, end: char| home.path().join(format!("gocache/{}/{digest}-{end}", &digest.to_hex()[..2]));
    let write = |path: &Path, bytes: &[u8]| {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder of Go's cache");
        std::fs::write(path, bytes).expect("a file of Go's cache");
    };
    let kept = place(Digest::of(&body), 'd');
    write(&kept, &body);
    let line = format!("v1 {} {} {:20} {:20}\n", action(0), Digest::of(&body), body.len(), 1_700_000_000_000_000_000_u64);
    write(&place(action(0), 'a'), line.as_bytes());
    for (mode, found) in [(0o644, true), (0o600, false)] {
        chmod(&kept, mode);
        let mut go = home.session(&[]).user(user).start();
        assert_eq!(go.get(action(0)).is_some(), found, "{mode:o}");
        go.close();
    }
}

/// As after one `sudo go build` with the user's HOME.
#[test]
fn what_root_left_in_a_users_store_costs_a_line_and_no_build() {
    let Some(user) = other_user() else { return };
    let home = Home::new();
    home.let_in(user);
    let give = |path: &Path| std::os::unix::fs::chown(path, Some(user), Some(user)).expect("it can be given away");
    give(&home.path().join("gocache"));
    let mut go = home.session(&[]).user(user).start();
    go.put(action(0), &noise(1, 5_000));
    assert!(go.close().faults().is_empty());
    for name in ["index.db-wal", "index.db-shm", "index.db"] {
        let path = home.layout().dir().join(name);
        std::os::unix::fs::chown(&path, Some(0), Some(0)).expect("it can be taken");
        let mut go = home.session(&[]).user(user).start();
        let hit = go.get(action(0)).expect("a hit");
        assert!(hit.is_whole());
        let body = noise(2, 5_000);
        assert_eq!(std::fs::read(go.put(action(1), &body)).expect("a file"), body);
        let ended = go.close();
        assert!(ended.success && ended.stderr.lines().count() <= 1, "{name}: {ended:?}");
        println!("{name}: {}", ended.stderr.trim());
        std::os::unix::fs::chown(&path, Some(user), Some(user)).expect("it can be given away");
    }
    // One of the folders of objects: what has another name is kept.
    let (theirs, other) = (noise(3, 5_000), noise(4, 5_000));
    let folder = |body: &[u8]| home.layout().objects_dir().join(&Digest::of(body).to_hex()[..2]);
    assert_ne!(folder(&theirs), folder(&other));
    std::fs::create_dir(folder(&theirs)).expect("a folder of objects");
    std::fs::remove_file(home.layout().journal()).expect("what was said is forgotten");
    let mut go = home.session(&[]).user(user).start();
    assert_eq!(std::fs::read(go.put(action(3), &theirs)).expect("a file"), theirs);
    go.put(action(4), &other);
    said(&go.close(), "is not kept");
    let mut go = home.session(&[]).user(user).start();
    assert!(go.get(action(3)).is_none() && go.get(action(4)).is_some());
    go.close();
}

/// A machine with a module that was built by root, and a `go` that the other user can start.
fn built(user: u32) -> Option<(Machine, PathBuf)> {
    let machine = Machine::new(&Toolchain::machine());
    let home = machine.work().parent().expect("the machine's folder").to_owned();
    chmod(&home, 0o755);
    let may = Command::new(machine.toolchain().path()).arg("version").uid(user).gid(user).env_clear().output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!("THE OTHER USER MAY NOT START {}: this test proves nothing here", machine.toolchain().path().display());
        return None;
    }
    machine.write("m/go.mod", "module example.test/m\n\ngo 1.24\n");
    machine.write("m/m.go", "package m\n\nimport \"errors\"\n\nvar Err = errors.New(\"m\")\n");
    machine.go(["build", "./..."]).dir(machine.work().join("m")).succeed();
    std::fs::copy(cachewit_tests::go::binary(), home.join("cachewit")).expect("a copy of cachewit");
    for folder in ["other", "other/tmp", "other/gocache", "other/work"] {
        std::fs::create_dir(home.join(folder)).expect("a folder for the other user");
        std::os::unix::fs::chown(home.join(folder), Some(user), Some(user)).expect("it can be given away");
    }
    Some((machine, home))
}

fn build_as(user: u32, machine: &Machine, home: &Path, variables: &[(&str, &Path)]) -> Output {
    let mut command = machine.go(["build", "./..."]).dir(machine.work().join("m")).into_command();
    command.uid(user).gid(user).env("HOME", home.join("other")).env("TMPDIR", home.join("other/tmp"));
    command.env("XDG_CACHE_HOME", home.join("other/xdg")).env("GOPATH", home.join("other/gopath"));
    command.env("GOCACHEPROG", home.join("cachewit")).envs(variables.iter().copied());
    command.output().expect("go starts")
}

#[test]
fn a_real_go_of_another_user_builds_from_the_store_and_from_a_gocache_that_it_cannot_write() {
    let Some(user) = other_user() else { return };
    let Some((machine, home)) = built(user) else { return };
    let lines = |output: &Output| String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect::<Vec<_>>();
    // GOCACHE and all of it is root's.
    let summary = home.join("other/summary");
    let output = build_as(user, &machine, &home, &[("CACHEWIT_SUMMARY", &summary)]);
    assert!(output.status.success() && lines(&output).len() <= 1, "{output:?}");
    // Its line is written behind the back of `go`.
    machine.wait_for_silence();
    let summary: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(summary).expect("a summary")).expect("JSON");
    // Nothing but the index of a module that was written just now.
    assert!(summary["hits"].as_u64() > Some(20) && summary["puts"].as_u64() <= Some(1), "{summary}");
    machine.write("m/m.go", "package m\n\nimport \"errors\"\n\nvar Err = errors.New(\"another\")\n");
    let output = build_as(user, &machine, &home, &[]);
    assert!(output.status.success(), "{output:?}");
    assert!(matches!(&lines(&output)[..], [line] if line.contains("cannot be written")), "{output:?}");
    // A GOCACHE of its own, and the store where all users look.
    let (own, root) = (home.join("other/gocache"), machine.gocache().join("cachewit"));
    let output = build_as(user, &machine, &home, &[("GOCACHE", &own), ("CACHEWIT_ROOT", &root)]);
    assert!(output.status.success(), "{output:?}");
    assert!(matches!(&lines(&output)[..], [line] if line.contains("cannot be written")), "{output:?}");
    // Nothing can be read.
    chmod(machine.layout().dir(), 0o700);
    for variables in [&[][..], &[("GOCACHE", own.as_path()), ("CACHEWIT_ROOT", root.as_path())]] {
        let output = build_as(user, &machine, &home, variables);
        assert!(output.status.success(), "{output:?}");
        assert!(matches!(&lines(&output)[..], [line] if line.contains("goes on without a cache")), "{output:?}");
    }
}

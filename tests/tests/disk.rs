//! What disks do: they fill up, cannot be written, lose what was not synced, and are looked after by limits.

use cachewit::model::Digest;
use cachewit_tests::script::{Home, archive, noise};
use cachewit_tests::{fake_system, namespaces};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

fn action(number: u64) -> Digest {
    Digest::of(format!("action {number}").as_bytes())
}

/// A session that puts these bodies, one an action, and closes.
fn fill(home: &Home, bodies: impl IntoIterator<Item = (u64, Vec<u8>)>) {
    let mut go = home.session(&[]).start();
    for (number, body) in bodies {
        go.put(action(number), &body);
    }
    let ended = go.close();
    assert!(ended.success && ended.faults().is_empty(), "{ended:?}");
}

/// The index as it is after the machine went down before anything was synced, and came up again.
fn go_down(home: &Home) {
    let index = home.index();
    let epochs = index.connection().execute("UPDATE epoch SET boot = 'before it went down'", []).expect("the index can be written");
    assert!(epochs > 0, "what was put last is not known to have reached the disk");
    index.connection().execute("UPDATE object SET epoch = (SELECT max(id) FROM epoch)", []).expect("the index can be written");
}

/// Other bytes of the same length, as a file system may leave them.
fn garble(path: &str) {
    let length = std::fs::metadata(path).expect("an object").len() as usize;
    let other = format!("{path}.garbled");
    std::fs::write(&other, vec![0; length]).expect("a file");
    std::fs::rename(other, path).expect("the object is replaced");
}

#[test]
fn what_a_power_cut_garbled_is_a_miss_and_what_it_spared_a_hit() {
    let home = Home::new();
    let bodies: Vec<Vec<u8>> = (0..3).map(|seed| noise(seed + 1, 5_000)).collect();
    fill(&home, (0..).zip(bodies.clone()));
    go_down(&home);
    garble(&home.layout().object(Digest::of(&bodies[0])));
    garble(&home.layout().object(Digest::of(&bodies[2])));

    let mut go = home.session(&[]).start();
    assert_eq!(go.get(action(0)), None);
    assert!(go.get(action(1)).expect("a hit").is_whole());
    // The put heals it, under the same name.
    go.put(action(0), &bodies[0]);
    assert!(go.get(action(0)).expect("a hit").is_whole());
    let ended = go.close();
    // Behind the session's back the one that nobody asked for was found.
    assert!(ended.faults().iter().any(|line| line.contains("1 objects")), "{ended:?}");

    let mut go = home.session(&[]).start();
    assert!(go.get(action(0)).expect("a hit").is_whole());
    assert!(go.get(action(1)).expect("a hit").is_whole());
    assert_eq!(go.get(action(2)), None);
    assert!(go.close().faults().is_empty());
    assert!(home.index().suspects().expect("the index can be read").is_empty(), "nothing is hashed a third time");
}

/// A power cut took the rows and the bytes, and left a name.
#[test]
fn an_object_without_a_row_is_hashed_before_a_record_of_another_machine_vouches_for_it() {
    let shared = tempfile::tempdir().expect("a folder");
    let config = format!(
        "[[store]]\nname = \"shared\"\nkind = \"folder\"\npath = {:?}\nmode = \"read-write\"\n",
        shared.path().display().to_string()
    );
    let bodies = [archive(1, 5_000), archive(2, 5_000)];
    let machine = || {
        let home = Home::new();
        home.write("default.toml", &config);
        home
    };
    fill(&machine(), (0..).zip(bodies.clone()));
    let home = machine();
    // The store is made, and has no rows.
    fill(&home, []);
    let object = |body: &[u8]| home.layout().object(Digest::of(body));
    for body in &bodies {
        home.write(object(body).strip_prefix(&format!("{}/", home.path().display())).expect("below"), body);
    }
    garble(&object(&bodies[0]));
    let untouched = std::fs::metadata(object(&bodies[1])).expect("an object").modified().expect("a time");
    let mut go = home.session(&[]).start();
    for (number, body) in (0..).zip(&bodies) {
        let hit = go.get(action(number)).expect("the record leads to it");
        assert!(hit.is_whole() && hit.output == Digest::of(body), "{number}");
    }
    assert_eq!(go.close().count("/remote/fetched"), 1, "what is whole is not fetched again");
    assert_eq!(std::fs::metadata(object(&bodies[1])).expect("an object").modified().expect("a time"), untouched);
}

#[test]
fn what_was_synced_before_a_power_cut_is_trusted() {
    let home = Home::new();
    fill(&home, [(0, noise(1, 5_000))]);
    let index = home.index();
    let left: i64 = index
        .connection()
        .query_row("SELECT count(*) FROM object WHERE epoch IN (SELECT id FROM epoch)", [], |row| row.get(0))
        .expect("the index can be read");
    assert_eq!(left, 0, "the first session that puts something syncs it");
}

fn read_only(home: &Home) -> String {
    let store = home.layout().dir().display().to_string();
    format!("mount --bind {store} {store}\nmount -o remount,bind,ro {store}")
}

#[test]
fn a_store_that_is_mounted_read_only_answers_and_a_put_still_gets_a_file() {
    if !namespaces() {
        return;
    }
    let home = Home::new();
    fill(&home, [(0, noise(1, 5_000))]);
    // What it may share it cannot note, and so it shares nothing.
    let shared = home.path().join("shared");
    let text =
        format!("[[store]]\nname = \"shared\"\nkind = \"folder\"\npath = {:?}\nmode = \"read-write\"\n", shared.display().to_string());
    let config = home.write("shared.toml", text);
    let config = config.to_str().expect("a path");
    for without_log in [false, true] {
        if without_log {
            // As a store is that was copied or packed: nothing but the file itself.
            for suffix in ["-wal", "-shm"] {
                home.index().checkpoint().expect("a checkpoint");
                home.index().connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a checkpoint");
                std::fs::remove_file(format!("{}{suffix}", home.layout().index().display())).expect("a file beside the index");
            }
        }
        let mut go = home.session(&["--config", config]).mounted(read_only(&home)).start();
        let hit = go.get(action(0)).expect("a hit");
        assert!(hit.is_whole() && hit.path.starts_with(home.layout().dir()), "{hit:?}");
        let other = noise(2, 5_000);
        let path = go.put(action(1), &other);
        assert_eq!(std::fs::read(&path).expect("a file"), other);
        assert!(!path.starts_with(home.layout().dir()));
        assert_eq!(go.get(action(1)).expect("what it put itself").path, path);
        let ended = go.close();
        assert!(ended.success, "{ended:?}");
        let faults = ended.faults();
        assert!(faults.len() == 1 && faults[0].contains("cannot be written"), "{faults:?}");
    }
}

#[test]
fn what_a_session_without_a_lease_was_handed_is_not_trimmed_under_it() {
    if !namespaces() {
        return;
    }
    let home = Home::new();
    fill(&home, [(0, noise(1, 50_000))]);
    let mut reader = home.session(&[]).mounted(read_only(&home)).start();
    let hit = reader.get(action(0)).expect("a hit");
    // A session that can write would have to trim now.
    let mut writer = home.session(&[]).max_size(60_000).start();
    writer.put(action(1), &noise(2, 50_000));
    let ended = writer.close();
    assert_eq!(ended.count("/evicted_groups"), 0, "{ended:?}");
    assert!(hit.is_whole());
    reader.close();
    let mut writer = home.session(&[]).max_size(60_000).start();
    writer.put(action(2), &noise(3, 1_000));
    assert!(writer.close().count("/evicted_groups") > 0, "and is trimmed once that has gone");
    assert!(!hit.is_whole());
}

fn small_disk(home: &Home, bytes: u64) -> String {
    let disk = home.path().join("gocache");
    format!("mount -t tmpfs -o size={bytes} tmpfs {}", disk.display())
}

#[test]
fn a_full_disk_costs_what_does_not_fit_and_nothing_else() {
    if !namespaces() {
        return;
    }
    let home = Home::new();
    let mut go = home.session(&[]).mounted(small_disk(&home, 3 << 20)).start();
    let (small, large) = (noise(1, 100_000), noise(2, 5 << 20));
    go.put(action(0), &small);
    let path = go.put(action(1), &large);
    assert_eq!(std::fs::read(&path).expect("it went where there is room"), large);
    assert!(!path.starts_with(home.path().join("gocache")));
    assert!(go.get(action(0)).is_some() && go.get(action(1)).is_some());
    // What fits still goes into the store.
    let path = go.put(action(2), &noise(3, 100_000));
    assert!(path.starts_with(home.layout().dir()), "{}", path.display());
    let ended = go.close();
    assert!(ended.success && ended.summary["refused"] == 0, "{ended:?}");
    let faults = ended.faults();
    assert!(faults.len() == 1 && faults[0].contains("its disk is full"), "{faults:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_quota_that_is_used_up_costs_what_does_not_fit_and_is_named_once() {
    use cachewit_tests::shim;
    if !cachewit_shim::SUPPORTED {
        return;
    }
    // From nothing at all, over a lease and no rows, to some rows and no bodies.
    for left in [0, 100, 20_000, 150_000, 400_000] {
        let home = Home::new();
        fill(&home, [(0, noise(1, 5_000))]);
        let variables = shim::variables(&home.path().join("gocache"), [(cachewit_shim::QUOTA, left.to_string().into())]);
        let session = variables.iter().fold(home.session(&[]), |session, (name, value)| session.env(name, value));
        let mut go = session.start();
        for number in 1..30 {
            let body = noise(number + 1, 20_000);
            let path = go.put(action(number), &body);
            assert_eq!(std::fs::read(path).expect("it went where there is room"), body);
            assert!(go.get(action(number)).expect("a hit").is_whole());
        }
        assert!(go.get(action(0)).expect("what was there before").is_whole(), "{left} bytes");
        let ended = go.close();
        assert!(ended.success && ended.summary["refused"] == 0, "{ended:?}");
        let lines: Vec<&str> = ended.stderr.lines().collect();
        assert!(lines.len() == 1 && lines[0].contains("quota"), "{left} bytes: {ended:?}");
        assert_eq!(ended.faults().len(), 1, "{left} bytes: {ended:?}");
        // What did not fit is made anew, and fits once there is room.
        let mut go = home.session(&[]).start();
        for number in 0..30 {
            let body = noise(number + 1, if number == 0 { 5_000 } else { 20_000 });
            if go.get(action(number)).is_none() {
                go.put(action(number), &body);
            }
            assert!(go.get(action(number)).is_some_and(|hit| hit.is_whole() && hit.output == Digest::of(&body)));
        }
        assert!(go.close().faults().is_empty());
    }
}

#[test]
fn space_on_the_disk_is_made_before_it_runs_out() {
    if !namespaces() {
        return;
    }
    let home = Home::new();
    let config = home.write("space.toml", "[limits]\nmin-free = \"8MiB\"\n");
    let config = config.to_str().expect("a path");
    // A session that lives on holds what it put: the one that comes after it is short of space.
    let mounts = small_disk(&home, 20 << 20);
    let body = noise(1, 6 << 20);
    let first = format!(
        "{mounts}\nCACHEWIT_SUMMARY= GOCACHE={} \"$0\" --config {config} <{} >/dev/null 2>&1",
        home.path().join("gocache").display(),
        home.write("first", cachewit_tests::script::put_and_close(action(0), &body)).display()
    );
    let mut go = home.session(&["--config", config]).mounted(first).start();
    go.put(action(1), &noise(2, 6 << 20));
    let ended = go.close();
    assert_eq!(ended.count("/evicted_groups"), 1, "{ended:?}");
    assert_eq!(ended.count("/evicted_bytes"), 6 << 20);
}

/// A build that puts more than there is room for must not have to end first.
#[test]
fn space_on_the_disk_is_made_while_a_session_puts() {
    if !namespaces() {
        return;
    }
    let home = Home::new();
    let config = home.write("space.toml", "[limits]\nmin-free = \"90MiB\"\nmax-size = \"1GiB\"\n");
    let config = config.to_str().expect("a path");
    let first = format!(
        "{}\nCACHEWIT_SUMMARY= GOCACHE={} \"$0\" --config {config} <{} >/dev/null 2>&1",
        small_disk(&home, 200 << 20),
        home.path().join("gocache").display(),
        home.write("first", cachewit_tests::script::put_and_close(action(0), &noise(1, 60 << 20))).display()
    );
    let mut go = home.session(&["--config", config]).mounted(first).start();
    for number in 1..4 {
        go.put(action(number), &noise(number + 1, 25 << 20));
    }
    // Asked once only, since what is asked for is held.
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(go.get(action(0)), None);
    assert!(go.get(action(3)).is_some());
    let ended = go.close();
    // Exactly the first one: had it not gone while the session lived, the three would have been short of room at its end, too.
    assert_eq!((ended.count("/evicted_groups"), ended.count("/evicted_bytes")), (1, 60 << 20), "{ended:?}");
}

#[test]
fn groups_that_nobody_used_for_too_long_go_whether_or_not_there_is_room() {
    let home = Home::new();
    let config = home.write("age.toml", "[limits]\nmax-age = \"30d\"\n");
    let session = || home.session(&["--config", config.to_str().expect("a path")]).start();
    fill(&home, [(0, archive(1, 5_000)), (1, archive(2, 5_000))]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_nanos() as i64;
    let long_ago = now - 40 * 24 * 3600 * 1_000_000_000;
    let index = home.index();
    let sql = "UPDATE entry SET put_ns = ?1, used_s = 0";
    assert_eq!(index.connection().execute(sql, [long_ago]).expect("the index can be written"), 2);
    index.connection().execute("DELETE FROM session", []).expect("the index can be written");
    // One of them is used again, which makes it young.
    let mut go = session();
    assert!(go.get(action(1)).is_some());
    go.put(action(2), b"something new");
    let ended = go.close();
    assert_eq!(ended.count("/evicted_groups"), 1, "{ended:?}");
    let mut go = session();
    assert_eq!(go.get(action(0)), None);
    assert!(go.get(action(1)).is_some() && go.get(action(2)).is_some());
    go.close();
}

#[test]
fn folders_that_somebody_removed_by_hand_are_made_again() {
    let home = Home::new();
    fill(&home, [(0, noise(1, 5_000))]);
    for folder in [home.layout().tmp_dir(), home.layout().lease_dir(), home.layout().objects_dir()] {
        std::fs::remove_dir_all(folder).expect("a folder of the store");
    }
    let mut go = home.session(&[]).start();
    assert_eq!(go.get(action(0)), None);
    let path = go.put(action(0), &noise(1, 5_000));
    assert!(path.starts_with(home.layout().dir()));
    assert!(go.get(action(0)).expect("a hit").is_whole());
    assert!(go.close().faults().is_empty());
    assert!(Path::new(&path).exists());
}

/// What statfs(2) says decides; a store that was made on a local disk and carried there changes over as well.
#[test]
fn a_network_file_system_gets_a_rollback_journal_and_answers_as_any_other() {
    for carried in [false, true] {
        let home = Home::new();
        if carried {
            fill(&home, [(0, noise(1, 5_000))]);
        }
        let shim = fake_system::library(home.path());
        let session = || home.session(&[]).env("LD_PRELOAD", &shim).env("FILE_SYSTEM", "0x6969").start();
        let mut go = session();
        go.put(action(1), &noise(2, 5_000));
        let ended = go.close();
        assert!(ended.success && ended.faults().is_empty(), "{ended:?}");
        // Byte 18 of the file is 2 where there is a write-ahead log, and 1 where there is none.
        let mode = || std::fs::read(home.layout().index()).expect("the index")[18];
        assert_eq!(mode(), 1, "carried: {carried}");
        let mut go = session();
        assert_eq!(go.get(action(0)).is_some(), carried);
        assert!(go.get(action(1)).expect("a hit").is_whole());
        assert!(go.close().faults().is_empty());
        assert_eq!(mode(), 1);
    }
}

/// Network file systems get a rollback journal instead of a write-ahead log. Their sessions wait for each other's commits.
#[test]
fn many_sessions_share_an_index_with_a_rollback_journal() {
    let home = Home::new();
    fill(&home, [(0, noise(1, 500))]);
    let mode: String =
        home.index().connection().query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).expect("the mode can be changed");
    assert_eq!(mode, "delete");
    std::thread::scope(|scope| {
        for process in 1..=8_u64 {
            let home = &home;
            scope.spawn(move || {
                let mut go = home.session(&[]).start();
                for number in 0..50 {
                    let number = process * 100 + number;
                    go.put(action(number), &noise(number, 300));
                    assert!(go.get(action(number)).expect("a hit").is_whole());
                    assert!(go.get(action(0)).expect("a hit").is_whole());
                }
                let ended = go.close();
                assert!(ended.faults().is_empty(), "{ended:?}");
            });
        }
    });
    let mut go = home.session(&[]).start();
    assert!((1..=8).all(|process| (0..50).all(|number| go.get(action(process * 100 + number)).is_some())));
    go.close();
}

#[test]
fn leases_of_sessions_that_went_without_a_close_are_as_short_as_their_notes_and_removed_in_the_end() {
    let home = Home::new();
    let leases = || std::fs::read_dir(home.layout().lease_dir()).expect("the folder").flatten().collect::<Vec<_>>();
    let mut go = home.session(&[]).start();
    for number in 0..50 {
        go.put(action(number), &noise(number + 1, 100));
    }
    go.vanish();
    let [lease] = &leases()[..] else { panic!("one lease") };
    assert_eq!(lease.metadata().expect("a file").len(), 50 * 8);
    // An hour later, and past the grace.
    home.write("default.toml", "[limits]\ngrace = \"0s\"\n");
    home.index().set_meta("leases-swept", "1").expect("the index can be written");
    let mut go = home.session(&[]).start();
    assert!(go.get(action(1)).is_some());
    go.close();
    assert!(leases().is_empty());
}

#[test]
fn a_limit_that_was_lowered_acts_although_nothing_is_put() {
    let home = Home::new();
    fill(&home, [(0, noise(1, 50_000)), (1, noise(2, 50_000))]);
    let mut go = home.session(&[]).max_size(60_000).start();
    assert!(go.get(action(1)).is_some());
    let ended = go.close();
    assert_eq!(ended.count("/evicted_groups"), 1, "{ended:?}");
    let mut go = home.session(&[]).max_size(60_000).start();
    assert!(go.get(action(0)).is_none() && go.get(action(1)).is_some());
    assert_eq!(go.close().count("/evicted_groups"), 0);
}

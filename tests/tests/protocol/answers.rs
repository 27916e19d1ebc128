//! What responses say, and what stands on disk when they do.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use cachewit::model::Digest;
use cachewit_tests::client::{Home, body_text, put_object};
use cachewit_tests::patience;

use crate::{action, noise};

fn now() -> i128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i128
}

#[test]
fn a_hit_has_the_output_the_size_the_path_and_the_time_of_the_put() {
    let home = Home::new();
    let mut host = home.host().start();
    let body = noise(1, 5000);
    let before = now();
    let path = host.put(action(1), &body);
    let after = now();
    let hit = host.hit(action(1));
    assert_eq!((hit.output, hit.size, &hit.path, &hit.body), (Digest::of(&body), 5000, &path, &body));
    assert!((before..=after).contains(&hit.time), "{before} <= {} <= {after}", hit.time);
    host.close();
    let mut other = home.host().start();
    assert_eq!(other.hit(action(1)), hit, "another process says the same to the nanosecond");
    other.close();
}

#[test]
fn a_miss_says_nothing_else() {
    let home = Home::new();
    let mut host = home.host().start();
    assert!(host.misses(action(1)));
    host.put(action(2), b"body");
    assert!(host.misses(action(1)));
    assert!(!host.misses(action(2)));
    host.close();
}

#[test]
fn a_put_stands_whole_below_gocache_when_it_is_answered() {
    let home = Home::new();
    let mut host = home.host().start();
    for size in [1, 2, 3, 4095, 4096, 4097, 1_000_000, 5_000_000] {
        let body = noise(size as u64, size);
        let path = host.put(action(size as u64), &body);
        assert!(path.starts_with(home.gocache()), "`go build -o` would move {} away", path.display());
        assert_eq!(path.extension(), None);
        let data = std::fs::symlink_metadata(&path).unwrap();
        assert!(data.is_file(), "{data:?}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            assert_eq!(data.mode() & 0o777, 0o555, "`go` executes what it builds, and nobody writes it");
            assert_eq!(data.nlink(), 1);
        }
    }
    host.close();
}

#[test]
fn an_empty_body_is_a_file_of_no_length() {
    let home = Home::new();
    let mut host = home.host().start();
    let path = host.put(action(1), b"");
    assert_eq!(host.put(action(2), b""), path, "all share one file");
    for number in [1, 2] {
        let hit = host.hit(action(number));
        assert_eq!((hit.output, hit.size, hit.body.len()), (Digest::EMPTY, 0, 0));
    }
    host.close();
    let mut other = home.host().start();
    assert_eq!(other.hit(action(2)).size, 0);
    other.close();
}

#[test]
fn putting_another_output_replaces_output_and_time() {
    let home = Home::new();
    let mut host = home.host().start();
    host.put(action(1), b"first");
    let first = host.hit(action(1));
    host.put(action(1), b"second body");
    let second = host.hit(action(1));
    assert_eq!(second.body, b"second body");
    assert!(second.time > first.time);
    host.close();
    let mut host = home.host().start();
    assert_eq!(host.hit(action(1)), second);
    host.put(action(1), b"first");
    let third = host.hit(action(1));
    assert_eq!((&third.body, &third.path), (&first.body, &first.path));
    assert!(third.time > second.time, "the time is that of the latest put");
    host.close();
    let mut host = home.host().start();
    assert_eq!(host.hit(action(1)), third);
    host.close();
}

#[test]
fn putting_the_same_output_refreshes_only_the_time() {
    let home = Home::new();
    let mut last = None;
    for _ in 0..3 {
        let mut host = home.host().start();
        for _ in 0..2 {
            let before = now();
            host.put(action(1), b"the same");
            let hit = host.hit(action(1));
            assert!(hit.time >= before, "frozen at an older time, tests would run again for ever");
            if let Some(cachewit_tests::client::Hit { output, size, path, body, .. }) = last.replace(hit.clone()) {
                assert_eq!((hit.output, hit.size, hit.path, hit.body), (output, size, path, body));
            }
        }
        host.close();
    }
}

#[test]
fn another_process_finds_a_put_while_the_first_still_runs() {
    let home = Home::new();
    let mut host = home.host().start();
    host.put(action(1), b"body");
    // Rows are committed in batches, so "at once" is a fraction of a second.
    let started = Instant::now();
    loop {
        let mut other = home.host().start();
        let missed = other.misses(action(1));
        other.close();
        if !missed {
            break;
        }
        assert!(started.elapsed() < patience(), "another process does not find the put");
    }
    host.close();
}

#[test]
fn two_actions_share_the_file_of_one_output() {
    let home = Home::new();
    let mut host = home.host().start();
    assert_eq!(host.put(action(1), b"shared"), host.put(action(2), b"shared"));
    host.put(action(1), b"other");
    assert_eq!(host.hit(action(2)).body, b"shared");
    host.close();
}

#[test]
fn a_file_that_vanished_or_shrank_is_a_miss_until_it_is_put_again() {
    let home = Home::new();
    let mut host = home.host().start();
    let path = host.put(action(1), b"body");
    host.close();
    for damage in [
        |path: &std::path::Path| std::fs::remove_file(path).unwrap(),
        |path: &std::path::Path| {
            std::fs::remove_file(path).unwrap();
            std::fs::write(path, b"bod").unwrap();
        },
    ] {
        damage(&path);
        let mut host = home.host().start();
        assert!(host.misses(action(1)));
        host.put(action(1), b"body");
        assert_eq!(host.hit(action(1)).body, b"body");
        host.close();
    }
}

#[test]
fn a_body_larger_than_the_memory_budget_passes_through() {
    const SIZE: usize = 160 << 20;
    let home = Home::new();
    let mut host = home.host().start();
    let body = vec![0_u8; SIZE];
    let id = host.next_id();
    host.send_request(id, put_object(id, action(1), Digest::of(&body), SIZE as i64).as_bytes());
    host.send(body_text(&body).as_bytes());
    host.send(b"\n");
    let response = host.response_to(id);
    let path = response["DiskPath"].as_str().unwrap();
    assert_eq!(std::fs::metadata(path).unwrap().len(), SIZE as u64);
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string(format!("/proc/{}/status", host.pid())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kib <= 64 << 10, "{kib} KiB resident for a body of {SIZE} bytes");
    }
    host.close();
}

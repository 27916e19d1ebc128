//! Many processes on one store, killed at any point or trimming against each other: what is answered is whole, and stays.

use cachewit::model::Digest;
use cachewit_tests::script::{Hit, Home, Script, archive, noise};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Actions that all processes use, and outputs that each may have: actions are mutable.
const ACTIONS: u64 = 40;
const OUTPUTS: u64 = 3;

fn action(number: u64) -> Digest {
    Digest::of(format!("action {number}").as_bytes())
}

/// One of the bodies of an action. Every tenth is empty, as many of `go` are.
fn body(number: u64, version: u64) -> Vec<u8> {
    let seed = number * OUTPUTS + version;
    if number.is_multiple_of(10) { Vec::new() } else { archive(seed + 1, 500 + (seed * 7_919 % 60_000) as usize) }
}

/// Dice that fall the same way in every run of the test; processes and the kernel bring the chance.
struct Dice(Vec<u8>, usize);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(noise(seed + 1, 4_096), 0)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.1 = (self.1 + 2) % self.0.len();
        u64::from(u16::from_le_bytes([self.0[self.1], self.0[self.1 + 1]])) % limit
    }
}

/// Whether a hit is one of the action's outputs, whole.
fn is_right(number: u64, hit: &Hit) -> bool {
    hit.is_whole() && (0..OUTPUTS).any(|version| Digest::of(&body(number, version)) == hit.output)
}

/// One session that gets and puts, and dies somewhere.
fn work_and_die(home: &Home, seed: u64) {
    let mut dice = Dice::new(seed);
    let mut go = home.session(&[]).start();
    for _ in 0..dice.below(25) {
        let number = dice.below(ACTIONS);
        match go.get(action(number)) {
            Some(hit) => assert!(is_right(number, &hit), "{hit:?}"),
            None => drop(go.put(action(number), &body(number, dice.below(OUTPUTS)))),
        }
    }
    let number = 1 + dice.below(9);
    let last = body(number, dice.below(OUTPUTS));
    match dice.below(4) {
        // In the middle of a body.
        0 | 1 => {
            let sent = dice.below(last.len() as u64) as usize;
            go.begin_put(action(number), &last, sent);
        }
        // Somewhere between its last byte, the rename and the answer.
        2 => go.begin_put(action(number), &last, usize::MAX),
        // Somewhere around the commit of its rows, which comes every 200 ms.
        _ => std::thread::sleep(Duration::from_millis(150 + dice.below(100))),
    }
    std::thread::sleep(Duration::from_micros(dice.below(3_000)));
    go.kill();
}

#[test]
fn whatever_a_killed_process_left_a_hit_is_whole_and_the_store_goes_on() {
    const ROUNDS: u64 = 24;
    const AT_ONCE: u64 = 4;
    let home = Home::new();
    let (mut hits, mut half_written) = (0, 0);
    for round in 0..ROUNDS {
        std::thread::scope(|scope| {
            for process in 0..AT_ONCE {
                let home = &home;
                scope.spawn(move || work_and_die(home, round * AT_ONCE + process));
            }
        });
        half_written = files_in(&home.layout().tmp_dir());
        // A new session knows only what is whole.
        let mut go = home.session(&[]).start();
        for number in 0..ACTIONS {
            if let Some(hit) = go.get(action(number)) {
                assert!(is_right(number, &hit), "round {round}: {hit:?}");
                hits += 1;
            }
        }
        let ended = go.close();
        assert!(ended.success && ended.faults().is_empty(), "round {round}: {ended:?}");
    }
    assert!(hits > 200 && half_written > 5, "{hits} hits, {half_written} half-written bodies prove little");

    // None of the leftovers is in the way of a build, nor of a trim.
    let config = home.write("grace.toml", "[limits]\ngrace = \"1ms\"\n");
    let mut go = home.session(&["builtin:lru"]).max_size(300_000).env("CACHEWIT_CONFIG", config).start();
    for number in 0..ACTIONS {
        go.put(action(number), &body(number, 0));
        assert!(go.get(action(number)).is_some_and(|hit| hit.is_whole()));
    }
    let ended = go.close();
    assert_eq!((ended.faults(), ended.summary["evicted_by"].as_str()), (Vec::new(), Some("lru")));
    assert!(home.index().size().expect("a size").bytes <= 270_000);
    assert_eq!(files_in(&home.layout().lease_dir()), 0, "leases of the dead are swept");
}

fn files_in(folder: &Path) -> usize {
    std::fs::read_dir(folder).expect("a folder of the store").count()
}

#[test]
fn what_was_put_before_an_answered_close_outlives_a_kill() {
    let home = Home::new();
    for round in 0..10 {
        let mut go = home.session(&[]).start();
        for number in 0..ACTIONS {
            let version = (round + number) % OUTPUTS;
            go.put(action(number), &body(number, version));
        }
        go.close_and_kill();
        let mut next = home.session(&[]).start();
        for number in 0..ACTIONS {
            let hit = next.get(action(number)).unwrap_or_else(|| panic!("round {round}: action {number} is gone"));
            assert!(hit.is_whole() && hit.output == Digest::of(&body(number, (round + number) % OUTPUTS)), "round {round}: {hit:?}");
        }
        next.close();
    }
}

/// What was reached, so that the test can fail for want of it.
#[derive(Default)]
struct Reached {
    hits: AtomicU64,
    evicted: AtomicU64,
    kills: AtomicU64,
    checked: AtomicU64,
}

/// A path that was announced, and what must be in it.
struct Announced {
    path: PathBuf,
    output: Digest,
}

impl Announced {
    fn check(&self, when: &str) {
        let bytes = std::fs::read(&self.path).unwrap_or_else(|error| panic!("{when}: {}: {error}", self.path.display()));
        assert_eq!(Digest::of(&bytes), self.output, "{when}: {}", self.path.display());
    }
}

/// Actions of the store that is trimmed: so many that live sessions do not hold most of them.
const MANY: u64 = 200;

/// One session of many in a store that each of them trims. Every path that it is told must be whole until it ends.
fn use_a_store_that_is_trimmed(home: &Home, config: &Path, seed: u64, reached: &Reached) {
    let mut dice = Dice::new(seed);
    let mut go: Script = home.session(&["builtin:lru"]).max_size(1_500_000).env("CACHEWIT_CONFIG", config).start();
    let mut announced = Vec::new();
    for _ in 0..8 + dice.below(16) {
        let number = dice.below(MANY);
        let told = if let Some(hit) = go.get(action(number)) {
            reached.hits.fetch_add(1, Ordering::Relaxed);
            assert!(hit.output == Digest::of(b"") || hit.size > 0);
            Announced { path: hit.path, output: hit.output }
        } else {
            let body = body(number, dice.below(OUTPUTS));
            Announced { path: go.put(action(number), &body), output: Digest::of(&body) }
        };
        told.check("at once");
        announced.push(told);
        // One of the earlier ones, while others trim.
        let earlier = dice.below(announced.len() as u64) as usize;
        announced[earlier].check("later");
    }
    for told in &announced {
        told.check("before the end");
    }
    reached.checked.fetch_add(announced.len() as u64, Ordering::Relaxed);
    if dice.below(5) == 0 {
        reached.kills.fetch_add(1, Ordering::Relaxed);
        return go.kill();
    }
    let ended = go.close();
    assert!(ended.success && ended.faults().is_empty(), "{ended:?}");
    reached.evicted.fetch_add(ended.count("/evicted_groups"), Ordering::Relaxed);
}

#[test]
fn no_trim_takes_away_a_path_that_a_live_session_was_told() {
    const AT_ONCE: u64 = 16;
    const SESSIONS: u64 = 8;
    let home = Home::new();
    let config = home.write("grace.toml", "[limits]\ngrace = \"1ms\"\n");
    let reached = Reached::default();
    // Compiles the plugin, which all of them use.
    use_a_store_that_is_trimmed(&home, &config, 0, &reached);
    std::thread::scope(|scope| {
        for process in 0..AT_ONCE {
            let (home, config, reached) = (&home, &config, &reached);
            scope.spawn(move || {
                for session in 0..SESSIONS {
                    use_a_store_that_is_trimmed(home, config, 1 + process * SESSIONS + session, reached);
                }
            });
        }
    });
    let [hits, evicted, kills, checked] =
        [&reached.hits, &reached.evicted, &reached.kills, &reached.checked].map(|count| count.load(Ordering::Relaxed));
    let told = format!("{hits} hits, {evicted} evicted, {kills} kills, {checked} paths checked");
    assert!(hits > 200 && evicted > 100 && kills >= 8 && checked > 1_200, "{told} prove little");
    println!("{told}");
}

#[test]
fn what_a_session_without_close_was_told_outlives_it_and_the_trims_after_it() {
    let home = Home::new();
    let mut go = home.session(&[]).start();
    for number in 0..ACTIONS {
        go.put(action(number), &body(number, 0));
    }
    go.close();
    let mut list = home.session(&[]).start();
    let told: Vec<Announced> = (0..ACTIONS / 2)
        .map(|number| {
            let hit = list.get(action(number)).expect("a hit");
            Announced { path: hit.path, output: hit.output }
        })
        .collect();
    list.vanish();
    // Everything else must go to make room for this.
    let mut build = home.session(&["builtin:lru"]).max_size(1_000).start();
    build.put(Digest::of(b"more"), &archive(99_999, 2_000));
    let ended = build.close();
    assert!(ended.count("/evicted_groups") >= ACTIONS / 2 - 5, "{}", ended.summary);
    for one in &told {
        one.check("after the trim");
    }
}

/// Containers that share a volume: each host is process 1 of its own namespace, so a PID says nothing.
#[test]
fn two_hosts_with_the_same_pid_hold_what_each_was_told() {
    if !cachewit_tests::namespaces() {
        return;
    }
    let home = Home::new();
    let body = |number: u64| noise(number + 1, 60_000);
    let mut go = home.session(&[]).start();
    for number in 0..2 {
        go.put(action(number), &body(number));
    }
    go.close();
    let mut hosts: Vec<Script> = (0..2).map(|_| home.session(&[]).with_pids_of_its_own().start()).collect();
    let hits: Vec<Hit> = (0..).zip(&mut hosts).map(|(number, host)| host.get(action(number)).expect("a hit")).collect();
    let leases: Vec<_> = std::fs::read_dir(home.layout().lease_dir()).expect("leases").flatten().map(|file| file.file_name()).collect();
    let pids: Vec<_> = leases.iter().filter_map(|name| name.to_str()?.split('-').nth(1)).collect();
    assert_eq!(pids, ["1", "1"], "{leases:?}");
    let press = |number: u64| {
        let mut go = home.session(&[]).max_size(10_000).start();
        go.put(action(number), &body(number));
        go.close().count("/evicted_groups")
    };
    press(100);
    assert!(hits.iter().all(Hit::is_whole));
    hosts.remove(0).close();
    assert!(press(101) > 0);
    assert!(!hits[0].is_whole() && hits[1].is_whole(), "only what nobody holds any more has gone");
    hosts.remove(0).kill();
    // Killed without a close: its grace has begun, and it is no live lease.
    press(102);
    assert!(hits[1].is_whole());
}

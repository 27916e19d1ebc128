//! A storm: sixteen processes at once on one store that is too small for what they use, most of them killed. Whatever happens, a hit is
//! whole and stays whole while its session lives.

use cachewit::model::Digest;
use cachewit_tests::script::{Hit, Home, archive, noise};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const PROCESSES: u64 = 16;
const ROUNDS: u64 = 12;
const REQUESTS: u64 = 200;
const ACTIONS: u64 = 1_200;
/// A third of what the actions make together.
const MAX_SIZE: u64 = ACTIONS * 20_000 / 3;

/// What happened, for the line that the test prints.
#[derive(Debug, Default)]
struct Figures {
    processes: AtomicU64,
    gets: AtomicU64,
    hits: AtomicU64,
    puts: AtomicU64,
    killed_in_put: AtomicU64,
    killed_between: AtomicU64,
    killed_after_close: AtomicU64,
    closed: AtomicU64,
    vanished: AtomicU64,
    evicted_groups: AtomicU64,
    wrong: AtomicU64,
    failed: AtomicU64,
}

fn action(number: u64) -> Digest {
    Digest::of(format!("action {number}").as_bytes())
}

fn body(number: u64) -> Vec<u8> {
    archive(number + 1, 1_000 + (number * 7_919 % 38_000) as usize)
}

/// Dice that fall the same way in every run; processes and the kernel bring the chance.
struct Dice(Vec<u8>, usize);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.1 = (self.1 + 2) % (self.0.len() - 1);
        u64::from(u16::from_le_bytes([self.0[self.1], self.0[self.1 + 1]])) % limit
    }
}

fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Relaxed);
}

fn one_process(home: &Home, seed: u64, figures: &Figures) {
    let mut dice = Dice(noise(seed + 1, 8_192), 0);
    let mut go = home.session(&[]).max_size(MAX_SIZE).start();
    add(&figures.processes, 1);
    let mut handed: Vec<Hit> = Vec::new();
    // Each job has a working set of its own: what all of them hold at once is less than the store may have.
    // One in four is so large that its lease is memory.
    let (first, window) = (dice.below(ACTIONS), if seed.is_multiple_of(4) { 60 } else { 10 });
    for _ in 0..=dice.below(REQUESTS) {
        let number = (first + dice.below(window)) % ACTIONS;
        add(&figures.gets, 1);
        if let Some(hit) = go.get(action(number)) {
            add(&figures.hits, 1);
            if !hit.is_whole() || hit.output != Digest::of(&body(number)) {
                add(&figures.wrong, 1);
            }
            handed.push(hit);
        } else {
            go.put_group(action(number), &body(number), b"a.go\n");
            add(&figures.puts, 3);
        }
    }
    // Others have trimmed by now, and what this session was handed is still there.
    add(&figures.wrong, handed.iter().filter(|hit| !hit.is_whole()).count() as u64);
    let ended = match dice.below(8) {
        0 | 1 => {
            let number = dice.below(ACTIONS);
            go.begin_put(action(number), &body(number), dice.below(40_000) as usize);
            std::thread::sleep(Duration::from_micros(dice.below(3_000)));
            add(&figures.killed_in_put, 1);
            return go.kill();
        }
        2 => {
            std::thread::sleep(Duration::from_millis(dice.below(250)));
            add(&figures.killed_between, 1);
            return go.kill();
        }
        // In the middle of its commit, of a trim, or of emptying the log.
        3 | 4 => {
            add(&figures.killed_after_close, 1);
            return go.close_and_kill();
        }
        5 => {
            add(&figures.vanished, 1);
            go.vanish()
        }
        _ => {
            add(&figures.closed, 1);
            go.close()
        }
    };
    add(&figures.failed, u64::from(!ended.success));
    add(&figures.evicted_groups, ended.count("/evicted_groups"));
}

#[test]
fn sixteen_processes_at_once_most_of_them_killed_never_get_a_wrong_byte() {
    let home = Home::new();
    // What a killed session was handed would stay for ten minutes, and nothing could be evicted.
    home.write("default.toml", "[limits]\ngrace = \"0s\"\n");
    let figures = Figures::default();
    for round in 0..ROUNDS {
        std::thread::scope(|scope| {
            for process in 0..PROCESSES {
                let (home, figures) = (&home, &figures);
                scope.spawn(move || {
                    // Two after each other, so that one begins while others are in the middle of things.
                    one_process(home, (round * PROCESSES + process) * 2, figures);
                    one_process(home, (round * PROCESSES + process) * 2 + 1, figures);
                });
            }
        });
    }
    println!("{figures:?}");
    let of = |counter: &AtomicU64| counter.load(Relaxed);
    assert_eq!((of(&figures.wrong), of(&figures.failed)), (0, 0), "{figures:?}");
    assert!(of(&figures.hits) > 2_000 && of(&figures.evicted_groups) > 100, "{figures:?}");
    assert!(of(&figures.killed_in_put) > 20 && of(&figures.killed_after_close) > 20 && of(&figures.killed_between) > 5, "{figures:?}");

    // And the store is as good as before: nothing damaged, within its limit once nobody holds anything, and it serves.
    let mut go = home.session(&[]).start();
    for number in 0..ACTIONS {
        if go.get(action(number)).is_none() {
            go.put_group(action(number), &body(number), b"a.go\n");
        }
    }
    assert!((0..ACTIONS).all(|number| go.get(action(number)).is_some_and(|hit| hit.is_whole())));
    assert!(go.close().faults().is_empty());
    let report = cachewit::store::verify(&home.layout(), &home.index(), false, &mut |_, _, _| {}).expect("every object is hashed");
    assert!(report.good > 100 && report.damaged.is_empty() && report.missing.is_empty(), "{report:?}");
}

//! Every point at which processes can die or the power can fail, between any two calls that change the store: what is left is rebuilt, and
//! a real process over it answers nothing wrong and goes on.
//!
//! The calls are recorded by the shim, from sessions of the real binary. A power cut is also a new run of the machine: these sessions are
//! told another name of it than the processes that look at what they left.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod check;
mod disk;
mod loss;
mod recording;

use cachewit::model::Digest;
use cachewit_shim::log::Call;
use cachewit_tests::script::{Home, archive, noise};
use check::{Checker, Figures, State};
use disk::Disk;
use recording::{Mark, Recording};
use std::collections::HashSet;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

fn action(number: u64) -> Digest {
    Digest::of(format!("action {number}").as_bytes())
}

/// What an action is put with; a version is another output.
fn body(number: u64, version: u64) -> Vec<u8> {
    match number {
        0 => noise(1, 3_000),
        1 => Vec::new(),
        3 => noise(3, 150_000),
        _ => archive(number * 10 + version, 1_000 + (number * 7_919 % 9_000) as usize),
    }
}

fn object(home: &Home, number: u64) -> String {
    home.layout().object(Digest::of(&body(number, 0)))
}

/// Half of it, as somebody may leave it who copies caches around.
fn cut(path: &str) {
    let body = std::fs::read(path).expect("an object");
    std::fs::remove_file(path).expect("an object");
    std::fs::write(path, &body[..body.len() / 2]).expect("a file in its place");
}

/// Makes the next session that puts something sync the file system.
fn let_sync_be_due(home: &Home) {
    home.index().set_meta("synced", "1").expect("the index can be written");
}

/// All that happens to a store, on a machine whose run has this name.
fn record(boot: Option<&str>) -> Recording {
    let mut all = Recording::new(boot);
    all.home.write("default.toml", "[limits]\ngrace = \"0s\"\n");
    // A first build, at the end of which everything is synced.
    let mut go = all.session().start();
    for number in 0..7 {
        all.put(&mut go, action(number), &body(number, 0));
    }
    all.close(go);
    // Hits, the same output again, another output, new ones; rows are committed in between.
    let mut go = all.session().start();
    for number in [0, 2, 3] {
        assert!(go.get(action(number)).is_some());
    }
    for (number, version) in [(2, 0), (4, 1), (7, 0), (8, 0)] {
        all.put(&mut go, action(number), &body(number, version));
    }
    std::thread::sleep(Duration::from_millis(300));
    all.put(&mut go, action(9), &body(9, 0));
    all.close(go);
    // A `go list`, and beside it a session that began before and ends after it.
    let mut long = all.session().start();
    let mut list = all.session().start();
    assert!(long.get(action(0)).is_some() && list.get(action(4)).is_some());
    all.put(&mut list, action(10), &body(10, 0));
    list.vanish();
    all.put(&mut long, action(11), &body(11, 0));
    all.close(long);
    // The second sync.
    all.by_hand(let_sync_be_due);
    let mut go = all.session().start();
    all.put(&mut go, action(12), &body(12, 0));
    all.close(go);
    // A trim, and what it took is made anew.
    all.may_forget();
    let mut go = all.session().max_size(30_000).start();
    all.put(&mut go, action(13), &body(13, 0));
    assert!(go.close().count("/evicted_groups") > 5);
    all.ended();
    all.rebuild(&[0, 2, 3, 4, 5, 6]);
    // Objects that vanished or were damaged are made anew.
    all.may_forget();
    all.by_hand(|home| {
        std::fs::remove_file(object(home, 2)).expect("an object");
        cut(&object(home, 5));
    });
    all.rebuild(&[2, 4, 5]);
    all.may_forget();
    all.by_hand(let_sync_be_due);
    all.rebuild(&[12]);
    all.may_forget();
    all.by_hand(|home| cut(&object(home, 6)));
    all.command(&["verify", "--repair"]);
    all.rebuild(&[0, 6]);
    all.may_forget();
    all.command(&["clear", "--yes"]);
    all.rebuild(&[0, 1, 2]);
    all
}

impl Recording {
    /// A session that puts these, whether or not they are there.
    fn rebuild(&mut self, numbers: &[u64]) {
        let mut go = self.session().start();
        for number in numbers {
            go.get(action(*number));
            self.put(&mut go, action(*number), &body(*number, 0));
        }
        self.close(go);
    }
}

/// What stands in the marks after so many calls.
fn mark(marks: &[Mark], calls: usize) -> Mark {
    marks.iter().rfind(|mark| mark.calls <= calls).cloned().unwrap_or_default()
}

/// Checks states as they come, those that are alike once. Returns how many came.
fn check(recording: &Recording, states: impl FnOnce(&mut dyn FnMut(State))) -> (u64, Figures) {
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get) * 2;
    let (sender, receiver) = mpsc::sync_channel::<State>(threads * 2);
    let receiver = Mutex::new(receiver);
    let (mut seen, mut came) = (HashSet::new(), 0);
    let mut all = Figures::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut checker = Checker::new(&recording.puts);
                    loop {
                        let state = receiver.lock().expect("no worker panics").recv();
                        let Ok(state) = state else { return checker.figures() };
                        checker.check(&state);
                    }
                })
            })
            .collect();
        states(&mut |state| {
            came += 1;
            if seen.insert((disk::number(&state.image), state.found.clone())) {
                sender.send(state).expect("somebody checks");
            }
        });
        drop(sender);
        for worker in workers {
            all.add(worker.join().expect("no worker panics"));
        }
    });
    (came, all)
}

fn tell(what: &str, recording: &Recording, came: u64, figures: &Figures) {
    let Figures { states, gets, hits, misses, lines, wrong } = figures;
    let (calls, wrong) = (recording.calls.len(), wrong.len());
    println!(
        "{what}: {calls} calls, {came} crashes, {states} distinct states, {gets} gets, {hits} hits, {misses} misses, {lines} with a line, {wrong} wrong"
    );
}

fn assert_nothing_wrong(figures: &Figures) {
    let shown: Vec<&String> = figures.wrong.iter().take(20).collect();
    assert!(figures.wrong.is_empty(), "{} wrong, such as {shown:#?}", figures.wrong.len());
}

#[test]
fn wherever_processes_die_what_was_closed_is_found_and_nothing_is_wrong() {
    let recording = record(None);
    let (came, figures) = check(&recording, |give| {
        let mut disk = Disk::default();
        for (number, call) in (1..).zip(&recording.calls) {
            disk.call(call);
            give(State { name: after(number, call), image: disk.now(), found: mark(&recording.answered, number).found, silent: true });
        }
    });
    tell("death", &recording, came, &figures);
    assert_nothing_wrong(&figures);
    assert!(figures.states > 300 && figures.hits > 1_000, "{figures:?} prove little");
}

/// Which call was the last.
fn after(number: usize, call: &Call) -> String {
    match call {
        Call::Write(_, at, data) => format!("after call {number}, {} bytes at {at}", data.len()),
        call => format!("after call {number}, {call:?}"),
    }
}

fn power_cuts(recording: &Recording, every: usize, give: &mut dyn FnMut(State)) {
    let mut disk = Disk::default();
    for (number, call) in (1..).zip(&recording.calls) {
        disk.call(call);
        if number % every == 0 {
            for (what, image) in loss::power_cut(&disk, number) {
                let name = format!("{}, {what}", after(number, call));
                give(State { name, image, found: mark(&recording.synced, number).found, silent: false });
            }
        }
    }
}

#[test]
fn wherever_the_power_fails_what_was_synced_is_found_and_nothing_is_wrong() {
    let recording = record(Some("00000000-0000-4000-8000-000000000000"));
    let (came, figures) = check(&recording, |give| power_cuts(&recording, 1, give));
    tell("power cut", &recording, came, &figures);
    assert_nothing_wrong(&figures);
    assert!(figures.states > 2_000 && figures.hits > 5_000, "{figures:?} prove little");
}

/// The same without another run of the machine: then nothing is hashed again, and the checker must see it.
#[test]
fn without_the_second_look_at_what_was_not_synced_the_checker_finds_damaged_bytes() {
    let recording = record(None);
    let (came, figures) = check(&recording, |give| power_cuts(&recording, 7, give));
    tell("power cut, not looked at", &recording, came, &figures);
    assert!(figures.wrong.iter().any(|wrong| wrong.contains("damaged bytes")), "{figures:?}");
}

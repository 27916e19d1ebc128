//! Sessions whose host has looked up what the one before them used, and that have asked for nothing of it yet.

use crate::script::{Home, Script, Session, archive};
use cachewit::model::Digest;
use std::time::{Duration, Instant};

/// More than a session needs before the host looks anything up by itself.
pub const ACTIONS: u64 = 100;

/// The key of an entry.
pub fn action(number: u64) -> Digest {
    Digest::of(format!("action {number}").as_bytes())
}

/// The body of an entry in one of ten versions.
pub fn body(number: u64, version: u64) -> Vec<u8> {
    archive(1 + number * 10 + version, 1_000)
}

/// A store with a session behind it that used everything.
///
/// # Panics
/// Where that session fails.
pub fn store() -> Home {
    let home = Home::new();
    let mut go = home.session(&[]).start();
    for number in 0..ACTIONS {
        go.put(action(number), &body(number, 0));
    }
    let ended = go.close();
    assert!(ended.success && ended.faults().is_empty(), "{ended:?}");
    home
}

/// Starts a session of that store and waits until its host has looked up everything. The host begins after its first answer.
///
/// # Panics
/// Where it does not.
pub fn warmed(home: &Home, session: Session<'_>) -> Script {
    let mut go = session.start();
    assert_eq!(go.get(Digest::of(b"what nobody ever put")), None);
    let until = Instant::now() + Duration::from_secs(60);
    while notes(home) < ACTIONS as usize {
        assert!(Instant::now() < until, "the working set is not looked up");
        std::thread::sleep(Duration::from_millis(5));
    }
    // The notes are there before the answers.
    std::thread::sleep(Duration::from_millis(100));
    go
}

/// Objects that are noted in leases.
fn notes(home: &Home) -> usize {
    let leases = std::fs::read_dir(home.layout().lease_dir()).expect("the folder of leases");
    let words = |path| std::fs::read(path).unwrap_or_default().chunks_exact(8).filter(|word| **word != [0; 8]).count();
    leases.map(|lease| words(lease.expect("a lease").path())).sum()
}

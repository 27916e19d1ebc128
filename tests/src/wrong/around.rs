//! Hosts that do something wrong before they become the real one.

use super::between::Session;
use super::{OUTLIVE, Wrong, myself};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::process::{Command, Stdio};

/// How long a child of ours outlives us, in seconds.
const CHILD: &str = "1";

pub(super) fn all() -> [(&'static str, Wrong); 11] {
    [
        ("becomes-the-real-one", Wrong::Around(|_| {})),
        ("opens-its-store-before-it-greets", Wrong::Around(opens_first)),
        ("stores-outside-of-gocache", Wrong::Around(outside)),
        ("writes-its-folder-as-it-can", Wrong::Around(lossy)),
        ("gives-its-stderr-to-a-child", Wrong::Around(keeps_stderr)),
        ("gives-all-its-pipes-to-a-child", Wrong::Around(keeps_all)),
        ("runs-go-as-it-is", Wrong::Around(runs_go)),
        ("has-a-store-of-its-own-beside-another", Wrong::Around(own_store)),
        ("asks-a-dead-bucket-again", Wrong::Around(asks_again)),
        ("splits-its-arguments-at-blanks", Wrong::Around(splits)),
        ("does-without-a-store-that-has-gone", Wrong::Around(does_without)),
    ]
}

fn gives_up(word: &str) -> ! {
    eprintln!("wrong host: {word}");
    std::process::exit(1)
}

fn opens_first(_: &mut Command) {
    if !Session::gocache().is_dir() {
        gives_up("there can be no store here");
    }
}

fn outside(real: &mut Command) {
    real.env("CACHEWIT_ROOT", Session::note("outside"));
}

/// What is no UTF-8 in it becomes something else.
fn lossy(real: &mut Command) {
    real.env("GOCACHE", Session::gocache().to_string_lossy().into_owned());
}

fn keeps_stderr(_: &mut Command) {
    // A child that cannot be started makes the test pass, and the run of wrong hosts fail.
    let _ = myself().arg(OUTLIVE).arg(CHILD).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
}

fn keeps_all(_: &mut Command) {
    // As above.
    let _ = myself().arg(OUTLIVE).arg(CHILD).spawn();
}

fn runs_go(_: &mut Command) {
    // What it prints is nobody's business.
    let _ = Command::new("go").args(["env", "GOCACHE"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// Holds a lock for as long as the real host lives, and where somebody else has it, stores elsewhere.
fn own_store(real: &mut Command) {
    let Ok(file) = File::options().write(true).create(true).truncate(false).open(Session::note("only")) else { return };
    if file.try_lock().is_ok() {
        // It is to stay open in what we become.
        let _ = rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty());
        std::mem::forget(file);
    } else {
        real.env("CACHEWIT_ROOT", Session::note("elsewhere"));
    }
}

/// Forgets what it knows of buckets.
fn asks_again(_: &mut Command) {
    let _ = std::fs::remove_dir_all(Session::layout().remote_dir());
    let _ = std::fs::create_dir_all(Session::layout().remote_dir());
}

fn splits(real: &mut Command) {
    let words: Vec<OsString> = real.get_args().map(OsStr::to_owned).collect();
    let mut split = Command::new(real.get_program());
    split.args(words.iter().flat_map(|word| word.to_string_lossy().split(' ').map(str::to_owned).collect::<Vec<_>>()));
    *real = split;
}

fn does_without(real: &mut Command) {
    let had = Session::note("had-a-store");
    if had.exists() && !Session::gocache().join("cachewit").exists() {
        real.env("CACHEWIT_ROOT", "/dev/null/cachewit");
    }
    // Where it cannot be written, the wrong host is right, and its run fails.
    let _ = std::fs::write(had, "");
}

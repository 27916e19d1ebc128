//! Files of strangers: true ones, spoilt in every way. Each target runs for two seconds, and for `CACHEWIT_FUZZ_SECONDS` where somebody
//! has more time; what fails is made as small as it can be, and printed.

use cachewit_tests::fuzz::{TARGETS, Target};
use cachewit_tests::guest::leb128;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestError, TestRunner};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A bound against hanging, for one input.
const LONGEST: Duration = Duration::from_secs(120);

/// Bytes of memory that all of them together may take, the largest components there are among them.
#[cfg(target_os = "linux")]
const MOST_MEMORY: u64 = 1 << 30;

/// What is done to a file.
#[derive(Clone, Debug)]
enum Spoil {
    Flip(Index, u8),
    Set(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    /// A part of itself, or of another file, somewhere else.
    Copy(Index, Index, usize, Index),
    Word(Index, Index),
    /// A length or number as WebAssembly writes it.
    Number(Index, u32),
    Repeat(Index, usize, usize),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let at = any::<Index>;
    let numbers = prop_oneof![Just(0), Just(1), Just(127), Just(128), Just(u32::MAX), Just(u32::MAX >> 4), Just(1_000_000), any::<u32>()];
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, bit)| Spoil::Flip(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Spoil::Set(at, byte)),
        at().prop_map(Spoil::Cut),
        (at(), 1..200_usize).prop_map(|(at, length)| Spoil::Remove(at, length)),
        (at(), proptest::collection::vec(any::<u8>(), 1..20)).prop_map(|(at, bytes)| Spoil::Insert(at, bytes)),
        (at(), at(), 1..500_usize, at()).prop_map(|(from, file, length, to)| Spoil::Copy(from, file, length, to)),
        (at(), at()).prop_map(|(at, word)| Spoil::Word(at, word)),
        (at(), numbers).prop_map(|(at, number)| Spoil::Number(at, number)),
        (at(), 1..100_usize, 1..300_usize).prop_map(|(at, length, times)| Spoil::Repeat(at, length, times)),
    ]
}

fn spoilt(file: Index, spoils: &[Spoil], corpus: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut bytes = corpus[file.index(corpus.len())].clone();
    for spoil in spoils {
        let place = |at: &Index| at.index(bytes.len() + 1);
        let part = |bytes: &[u8], at: usize, length: usize| bytes[at..(at + length).min(bytes.len())].to_vec();
        let (at, removed, new) = match spoil {
            Spoil::Flip(at, bit) => (place(at), 1, bytes.get(place(at)).map(|byte| byte ^ 1 << (bit % 8)).into_iter().collect()),
            Spoil::Set(at, byte) => (place(at), 1, vec![*byte]),
            Spoil::Cut(at) => (place(at), usize::MAX, Vec::new()),
            Spoil::Remove(at, length) => (place(at), *length, Vec::new()),
            Spoil::Insert(at, new) => (place(at), 0, new.clone()),
            Spoil::Copy(from, file, length, to) => {
                let other = &corpus[file.index(corpus.len())];
                (place(to), 0, part(other, from.index(other.len() + 1), *length))
            }
            Spoil::Word(at, word) => (place(at), 0, words[word.index(words.len())].as_bytes().to_vec()),
            Spoil::Number(at, number) => (place(at), 1, leb128(*number)),
            Spoil::Repeat(at, length, times) => (place(at), 0, part(&bytes, place(at), *length).repeat(*times)),
        };
        let end = at.saturating_add(removed).min(bytes.len());
        bytes.splice(at..end, new);
    }
    bytes
}

/// What is run at the moment, and since when: an input that hangs would never be printed.
type Running = Arc<Mutex<Option<(Instant, Vec<u8>)>>>;

fn watch(name: &'static str, running: &Running) {
    let running = Arc::downgrade(running);
    std::thread::spawn(move || {
        while let Some(running) = running.upgrade() {
            if let Some((since, bytes)) = &*running.lock().unwrap_or_else(PoisonError::into_inner)
                && since.elapsed() > LONGEST
            {
                let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hangs-{name}"));
                let _ = std::fs::write(&file, bytes);
                eprintln!("{name} does not come to an end; the input is in {}", file.display());
                std::process::abort();
            }
            drop(running);
            std::thread::sleep(Duration::from_millis(200));
        }
    });
}

/// The most memory that this process ever had, in bytes.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

fn fuzz(name: &'static str) {
    let Target { run, corpus, words, .. } = TARGETS.into_iter().find(|target| target.name == name).expect("a target");
    let corpus = corpus();
    for file in &corpus {
        run(file);
    }
    let seconds = std::env::var("CACHEWIT_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(2);
    let end = Instant::now() + Duration::from_secs(seconds);
    let running = Running::default();
    watch(name, &running);
    let inputs = (any::<Index>(), proptest::collection::vec(spoil(), 1..6));
    let cases = AtomicU64::new(0);
    while Instant::now() < end {
        let mut runner = TestRunner::new(Config { cases: 16, failure_persistence: None, max_shrink_iters: 5000, ..Config::default() });
        let result = runner.run(&inputs, |(file, spoils)| {
            let bytes = spoilt(file, &spoils, &corpus, words);
            *running.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), bytes.clone()));
            run(&bytes);
            *running.lock().unwrap_or_else(PoisonError::into_inner) = None;
            cases.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        if let Err(TestError::Fail(why, (file, spoils))) = result {
            let bytes = spoilt(file, &spoils, &corpus, words);
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("breaks-{name}"));
            std::fs::write(&path, &bytes).expect("the input");
            panic!("{name} breaks on the input in {}: {why}\n{}", path.display(), String::from_utf8_lossy(&bytes));
        }
    }
    println!("{name}: {} files in {seconds} s", cases.load(Ordering::Relaxed));
    assert!(cases.load(Ordering::Relaxed) >= 16);
    #[cfg(target_os = "linux")]
    assert!(peak() < MOST_MEMORY, "{} bytes of memory", peak());
}

#[test]
fn any_component_has_a_manifest_or_an_error_in_one_line() {
    fuzz("manifest");
}

#[test]
fn any_component_is_asked_or_an_error_in_one_line() {
    fuzz("component");
}

#[test]
fn any_lock_is_read_and_written_alike_or_an_error_in_one_line() {
    fuzz("lock");
}

#[test]
fn any_configuration_is_resolved_or_an_error_in_one_line() {
    fuzz("configuration");
}

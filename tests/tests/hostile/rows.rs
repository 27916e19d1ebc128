//! The table of `docs/sandbox.md`: each test leaves its row where `cargo xtask sandbox` finds it.

use super::folder;
use cachewit::policy::wasm::{Allowance, LIMITS};
use cachewit_tests::script::Ended;
use std::collections::BTreeMap;
use std::path::Path;

/// What came of one guest or file.
pub struct Row {
    /// What it tries; empty = its own text says so.
    pub tries: String,
    /// The limit, or who said no.
    pub stopped: String,
    /// What it got until then.
    pub measured: String,
    /// Who decided in its place.
    pub then: String,
}

/// Leaves the row of a test.
pub fn record(name: &str, row: Row) {
    let tries = if row.tries.is_empty() { tries(name) } else { row.tries };
    let cells = [tries, row.stopped, row.measured, row.then];
    assert!(cells.iter().all(|cell| !cell.is_empty() && !cell.contains(['\n', '|'])), "{cells:?}");
    let rows = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile");
    std::fs::create_dir_all(&rows).and_then(|()| std::fs::write(rows.join(name), cells.join("\n"))).expect("the row can be written");
}

/// What a guest says of itself: the comment that it begins with.
pub fn tries(name: &str) -> String {
    let text = std::fs::read_to_string(folder().join(name).with_extension("wat")).expect("the guest's text");
    let lines = text.lines().map_while(|line| line.strip_prefix(";; ")).collect::<Vec<_>>();
    lines.join(" ").trim_end_matches('.').to_owned()
}

/// The limit that a fault speaks of.
pub fn limit(fault: &str) -> String {
    let mib = |bytes: usize| format!("{} MiB of memory", bytes >> 20);
    let in_time = |limit: std::time::Duration, what: &str| format!("{} ms for {what}", limit.as_millis());
    let small = Allowance::of(0);
    let limits = [
        ("start: it did not come to an end in time", in_time(LIMITS.start, "a start")),
        ("eviction: it did not come to an end in time", in_time(LIMITS.scoring, "a batch of rows")),
        ("observer: it did not come to an end in time", in_time(LIMITS.scoring, "a batch of events")),
        ("it did not come to an end in time", in_time(LIMITS.question, "a question")),
        ("of this session", in_time(LIMITS.session, "a session")),
        ("more memory", mib(LIMITS.memory)),
        ("memory minimum size", mib(LIMITS.memory)),
        ("table minimum size", format!("{} elements of a table", LIMITS.table_elements)),
        ("its stack is full", format!("{} KiB of stack", LIMITS.stack >> 10)),
        ("a plan has at most", format!("{} steps of a plan", LIMITS.plan_steps)),
        ("instance count too high", format!("{} core instances", LIMITS.instances)),
        ("memory count too high", format!("{} memories", LIMITS.instances)),
        ("table count too high", format!("{} tables", LIMITS.instances)),
        ("handle limit exceeded", format!("{} handles", LIMITS.handles)),
        ("resource table has no free keys", format!("{} resources of the host", LIMITS.handles)),
        ("exceeds limit", format!("{} MiB of random bytes at a time", LIMITS.host_copy >> 20)),
        ("processor to compile", format!("{} s of the processor, and 30 s for each MiB of the component", small.seconds)),
        ("memory to compile", format!("{} MiB, and 256 for each of the component", small.memory >> 20)),
        ("it panicked", "itself".to_owned()),
        ("were asked for", "the rows that there are".to_owned()),
        ("scores for", "the check of its answer".to_owned()),
        ("is NaN", "the check of its answer".to_owned()),
        ("out of bounds of memory", "the check of its answer".to_owned()),
        ("too much data is being copied", format!("{} MiB that a call makes the host copy", LIMITS.host_copy >> 20)),
        ("setting `", "its own answer".to_owned()),
        ("while a group is asked about", "the question, which was another".to_owned()),
        ("cannot be the name of a set", "the check of its answer".to_owned()),
        ("manifest that cannot be used", "the reader of manifests".to_owned()),
        ("is damaged", "the reader of components".to_owned()),
    ];
    let found = limits.into_iter().find(|(sign, _)| fault.contains(sign));
    found.unwrap_or_else(|| panic!("no limit is known that says {fault:?}")).1
}

/// What a plugin got, as the summary has it.
pub fn measured(ended: &Ended, plugin: &str) -> String {
    let policy = ended.policy(plugin);
    let mut parts = vec![format!("ran {}", millis(policy["micros"].as_u64().unwrap_or(0)))];
    let counters: BTreeMap<String, u64> = serde_json::from_value(policy["counters"].clone()).unwrap_or_default();
    match counters.len() {
        0..=3 => parts.extend(counters.iter().map(|(name, number)| format!("{number} {name}"))),
        many => parts.push(format!("{many} counters")),
    }
    parts.extend(policy["log"].as_array().map(|lines| format!("logged {}", lines.len())));
    parts.join(", ")
}

/// Microseconds for people.
pub fn millis(micros: u64) -> String {
    match micros {
        0 => "not at all".to_owned(),
        1..=9_999 => format!("{:.1} ms", micros as f64 / 1e3),
        _ => format!("{} ms", micros / 1000),
    }
}

//! Plugins that break, in the very call that decides: the session ends well, one line says which plugin and why, the fallback
//! decides, and nothing leaves the machine that such a plugin should have judged.

mod checks;
mod files;
mod real_go;
mod rows;

use cachewit_tests::script::Home;
use checks::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The guests.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/hostile")
}

/// One test a guest, of the guest's name.
macro_rules! hostile {
    ($($name:ident: $check:ident($($cause:literal)?)),+ $(,)?) => {
        $(#[test] fn $name() { $check(stringify!($name) $(, $cause)?); })+

        const TESTED: &[&str] = &[$(stringify!($name)),+];
    };
}

hostile! {
    traps_in_score: breaks_in_a_trim("eviction: it panicked"),
    traps_in_begin: breaks_in_a_trim("eviction: it panicked"),
    traps_in_end: breaks_in_a_trim("eviction: it panicked"),
    loops_in_score: breaks_in_a_trim("eviction: it did not come to an end in time"),
    loops_in_describe: breaks_in_a_trim("start: it did not come to an end in time"),
    loops_in_configure: breaks_in_a_trim("start: it did not come to an end in time"),
    loops_at_start: breaks_in_a_trim("start: it did not come to an end in time"),
    eats_memory_in_score: breaks_in_a_trim("eviction: there is no more memory"),
    wants_too_much_memory_at_start: breaks_in_a_trim("start: memory minimum size"),
    recurses_without_end: breaks_in_a_trim("eviction: its stack is full"),
    answers_nan: breaks_in_a_trim("eviction: the score of row 0 is NaN"),
    answers_too_few: breaks_in_a_trim("eviction: 23 scores for 24 rows"),
    answers_too_many: breaks_in_a_trim("eviction: 25 scores for 24 rows"),
    answers_a_huge_list: breaks_in_a_trim("eviction: too much data is being copied"),
    answers_a_list_outside_its_memory: breaks_in_a_trim("eviction: list pointer/length out of bounds of memory"),
    asks_past_the_last_row: breaks_in_a_trim("rows 0 to 0+25 of 24 were asked for"),
    asks_for_rows_that_wrap_around: breaks_in_a_trim("of 24 were asked for"),
    sets_tags_past_the_last_row: breaks_in_a_trim("rows 24 to 24+1 of 24 were asked for"),
    asks_of_a_group_during_a_trim: breaks_in_a_trim("`group` has answers only while a group is asked about"),
    refuses_its_settings: breaks_in_a_trim("setting `share.deny`: use a list of patterns"),
    floods_the_log: is_cut_short(),
    traps_in_admit: breaks_in_an_admission("admission: it panicked"),
    loops_in_admit: breaks_in_an_admission("admission: it did not come to an end in time"),
    loops_in_open: breaks_in_a_question_for_others("remote open: it did not come to an end in time"),
    loops_in_route: breaks_in_a_question_for_others("remote route: it did not come to an end in time"),
    floods_the_plan: breaks_in_a_question_for_others("remote open: a plan has at most 1000 steps"),
    loops_in_close: breaks_at_the_end("remote close: it did not come to an end in time"),
    publishes_nonsense: writes_nowhere(),
    copies_without_end: breaks_in_a_trim("eviction: it did not come to an end in time"),
    wants_a_huge_table: breaks_in_a_trim("start: table minimum size of 10000000 elements exceeds table limits"),
    traps_in_serve: breaks_in_a_serving("serving: it panicked"),
    loops_in_serve: breaks_in_a_serving("serving: it did not come to an end in time"),
    burns_time_in_serve: uses_up_its_session(),
    traps_in_observe: breaks_when_it_is_told("observer: it panicked"),
    loops_in_observe: breaks_when_it_is_told("observer: it did not come to an end in time"),
    asks_past_the_last_event: breaks_when_it_is_told("were asked for"),
    asks_for_what_it_was_not_granted: gets_nothing(),
    remembers_too_much: gets_nothing(),
    floods_the_counters: counts_a_hundred(),
    floods_the_log_in_serve: breaks_in_a_serving("serving: it panicked"),
    hoards_handles: breaks_in_a_trim("eviction: cannot allocate another handle: store handle limit exceeded"),
    hoards_pollables: breaks_in_a_trim("eviction: resource table has no free keys"),
    wants_ten_thousand_instances: breaks_in_a_trim("start: resource limit exceeded: instance count too high at 129"),
    wants_two_hundred_memories: breaks_in_a_trim("start: resource limit exceeded: memory count too high"),
    wants_three_hundred_tables: breaks_in_a_trim("start: resource limit exceeded: table count too high"),
    waits_in_score: breaks_in_a_trim("eviction: it did not come to an end in time"),
    waits_in_route: breaks_in_a_question_for_others("remote route: it did not come to an end in time"),
    prints_in_route: is_none_the_worse(),
    looks_for_secrets_in_wasi: gets_nothing(),
    asks_wasi_for_too_much: breaks_in_a_trim("eviction: requested len 16777216 exceeds limit"),
    publishes_long_names: writes_nowhere(),
    poisons_its_state: is_cured_by_a_reset(),
    takes_for_ever_to_compile: is_not_compiled("s of the processor to compile"),
    takes_all_memory_to_compile: is_not_compiled("MiB of memory to compile"),
    is_garbage_behind_its_magic: is_no_component("is damaged: malformed section id"),
    is_cut_off_in_a_custom_section: is_no_component("is damaged: unexpected end-of-file"),
    has_a_manifest_of_garbage: is_no_component("has a manifest that cannot be used"),
}

#[test]
fn every_hostile_guest_has_a_test_of_its_name() {
    let files = std::fs::read_dir(folder()).expect("the guests").map(|file| file.expect("a guest").path());
    let guests: BTreeSet<String> = files.map(|file| file.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    assert_eq!(guests, TESTED.iter().map(ToString::to_string).collect());
}

#[test]
fn what_broke_behind_the_back_of_go_is_said_once_by_the_next_session() {
    let home = Home::new();
    let plugin = component(&home, "traps_in_score");
    assert_eq!(build(&home, &plugin).stderr, "", "go had closed already");
    let read = || home.session(&[]).start().vanish().stderr;
    let said = read();
    assert!(said.lines().count() == 1 && said.contains("traps_in_score") && said.contains("it panicked"), "{said}");
    assert_eq!(read(), "");
}

/// Rows of `docs/sandbox.md`: name, and what it tries.
fn documented() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sandbox.md")).expect("the table");
    let row = |line: &str| {
        let (name, rest) = line.strip_prefix("| `")?.split_once('`')?;
        Some((name.to_owned(), rest.split('|').nth(1)?.trim().to_owned()))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn every_row_of_the_documentation_is_a_guest_or_a_file_and_every_one_of_them_has_a_row() {
    let mut rows = documented();
    for file in files::TESTED {
        assert!(rows.remove(*file).is_some(), "{file} has no row in docs/sandbox.md; `cargo xtask sandbox` writes it");
    }
    for guest in TESTED {
        let row = rows.remove(*guest).unwrap_or_else(|| panic!("{guest} has no row in docs/sandbox.md; `cargo xtask sandbox` writes it"));
        assert_eq!(row, rows::tries(guest), "{guest} does something else by now; `cargo xtask sandbox` writes its row anew");
    }
    assert!(rows.is_empty(), "docs/sandbox.md has rows that nobody tests: {rows:?}");
}

#[test]
fn check_and_add_say_what_a_component_does_to_the_compiler_and_take_nothing_in() {
    let home = Home::new();
    let plugin = component(&home, "takes_all_memory_to_compile");
    for command in ["check", "add"] {
        let run = home.cachewit(&["plugin", command, plugin.to_str().expect("UTF-8")]);
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(!run.status.success() && said.lines().count() == 1, "{command}: {said}");
        assert!(said.contains("takes_all_memory_to_compile.wasm") && said.contains("MiB of memory to compile"), "{command}: {said}");
    }
    assert_eq!(std::fs::read_dir(home.path().join("config")).expect("the configuration's folder").count(), 0);
}

//! Plugins that break, in the very call that decides: the session ends well, one line says which plugin and why, the fallback
//! decides, and nothing leaves the machine that such a plugin should have judged.

use cachewit::cache::below_limit;
use cachewit::model::Digest;
use cachewit_tests::go::{Machine, Toolchain};
use cachewit_tests::guest;
use cachewit_tests::s3::objects;
use cachewit_tests::script::{Ended, Home, archive};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Groups of a session, and bytes of each. Together they are twice as much as [`MAX_SIZE`].
const GROUPS: u64 = 24;
const GROUP: usize = 40_000;
const MAX_SIZE: u64 = 480_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/hostile")
}

/// Makes the component of a hostile guest, in a file of its name.
fn component(home: &Home, name: &str) -> PathBuf {
    let text = std::fs::read_to_string(folder().join(name).with_extension("wat")).expect("the guest's text");
    home.write(&format!("{name}.wasm"), guest::component(&text))
}

fn head(number: u64) -> Digest {
    Digest::of(format!("package {number}").as_bytes())
}

/// A build that makes more than the store may hold.
fn build(home: &Home, plugin: &Path) -> Ended {
    let mut go = home.session(&[plugin.to_str().expect("UTF-8")]).max_size(MAX_SIZE).start();
    for number in 0..GROUPS {
        assert_eq!(go.get(head(number)), None);
        go.put_group(head(number), &archive(number, GROUP), format!("./{number}.go\n").as_bytes());
    }
    go.close()
}

/// One line in the summary is about the plugin, and it says why; there is no other.
fn assert_one_line(ended: &Ended, plugin: &str, cause: &str) {
    let faults = ended.faults();
    assert!(ended.success, "{ended:?}");
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains(plugin) && faults[0].contains(cause), "no `{plugin}` or no `{cause}` in {faults:?}");
    assert!(!faults[0].contains(char::is_control), "{faults:?}");
}

fn calls(ended: &Ended, name: &str, role: &str) -> u64 {
    ended.policy(&format!("{name}.wasm"))["calls"][role].as_u64().unwrap_or(0)
}

/// Asked to score a trim, the plugin breaks for this cause, and the native fallback decides.
fn breaks_in_a_trim(name: &str, cause: &str) {
    let home = Home::new();
    let ended = build(&home, &component(&home, name));
    assert_one_line(&ended, name, cause);
    assert!(calls(&ended, name, "eviction") > 0, "{}", ended.summary);
    assert_eq!(ended.summary["evicted_by"], "rebuild-cost (native)", "{}", ended.summary);
    assert!(ended.count("/evicted_groups") > 0);
    assert!(home.index().size().expect("a size").bytes <= below_limit(MAX_SIZE));
}

/// A store in a folder, as the configuration of a machine names it.
fn with_store(home: &Home, bucket: &Path) -> PathBuf {
    let bucket = bucket.to_str().expect("UTF-8").replace('\\', "/");
    let text = format!("[[store]]\nname = \"shared\"\nkind = \"folder\"\npath = \"{bucket}\"\nmode = \"read-write\"\n");
    home.write("store.toml", text)
}

/// Asked what may leave, the plugin breaks for this cause: nothing leaves, and everything stays.
fn breaks_in_an_admission(name: &str, cause: &str) {
    let (home, bucket) = (Home::new(), tempfile::tempdir().expect("a folder"));
    let plugin = component(&home, name);
    let config = with_store(&home, bucket.path());
    let share = |plugins: &[&str]| {
        let mut go = home.session(plugins).env("CACHEWIT_CONFIG", &config).env("CI", "true").start();
        for number in 0..GROUPS {
            if go.get(head(number)).is_none() {
                go.put_group(head(number), &archive(number, GROUP), b"./a.go\n");
            }
        }
        go.close()
    };
    let ended = share(&[plugin.to_str().expect("UTF-8")]);
    assert_one_line(&ended, name, cause);
    assert!(calls(&ended, name, "admission") > 0, "{}", ended.summary);
    assert_eq!(objects(bucket.path()).expect("the bucket").len(), 0);
    assert_eq!(ended.count("/not_kept"), 0);
    for number in 0..GROUPS {
        assert!(home.index().find(head(number)).expect("the index").is_some(), "group {number} is gone");
    }
    // Without the plugin the very same session does share, so it was the plugin that held everything back.
    share(&[]);
    assert!(objects(bucket.path()).expect("the bucket").len() as u64 > GROUPS);
}

/// What became of a second machine whose remote plugin breaks, after a first one has shared [`GROUPS`] groups.
struct Second {
    ended: Ended,
    hits: u64,
    /// Keys that the bucket has got from it.
    added: Vec<String>,
}

fn second_machine(name: &str) -> Second {
    let bucket = tempfile::tempdir().expect("a folder");
    let first = Home::new();
    let mut go = first.session(&[]).env("CACHEWIT_CONFIG", with_store(&first, bucket.path())).env("CI", "true").start();
    for number in 0..GROUPS {
        go.put_group(head(number), &archive(number, GROUP), b"./a.go\n");
    }
    assert_eq!(go.close().faults(), [""; 0]);
    let before = objects(bucket.path()).expect("the bucket");
    assert!(before.len() as u64 > GROUPS);

    let second = Home::new();
    let plugin = component(&second, name);
    // Compiled before, so that the plugin is ready at the first miss.
    second.compile(&plugin);
    let config = with_store(&second, bucket.path());
    let mut go = second.session(&[plugin.to_str().expect("UTF-8")]).env("CACHEWIT_CONFIG", config).env("CI", "true").start();
    let mut hits = 0;
    for number in 0..GROUPS + 4 {
        match go.get(head(number)) {
            Some(hit) => {
                assert!(hit.is_whole(), "{hit:?}");
                hits += 1;
            }
            None => go.put_group(head(number), &archive(number, GROUP), b"./a.go\n"),
        }
    }
    let ended = go.close();
    let after = objects(bucket.path()).expect("the bucket");
    let added = after.iter().filter(|(key, bytes)| before.get(*key) != Some(bytes)).map(|(key, _)| key.clone()).collect();
    Second { ended, hits, added }
}

/// Asked at the first miss or at each, the plugin breaks for this cause: nobody is asked, and `go` makes everything itself.
fn breaks_in_a_question_for_others(name: &str, cause: &str) {
    let second = second_machine(name);
    assert_one_line(&second.ended, name, cause);
    assert!(calls(&second.ended, name, "remote") > 0, "{}", second.ended.summary);
    assert_eq!((second.hits, second.ended.count("/remote/fetched")), (0, 0), "{}", second.ended.summary);
}

/// Asked at the end, the plugin breaks for this cause: what others made was used, and nothing is shared.
fn breaks_at_the_end(name: &str, cause: &str) {
    let second = second_machine(name);
    assert_one_line(&second.ended, name, cause);
    assert!(calls(&second.ended, name, "remote") > 0, "{}", second.ended.summary);
    assert_eq!(second.hits, GROUPS, "{}", second.ended.summary);
    assert_eq!(second.added, [""; 0]);
}

/// Logs ten thousand lines and answers well: the answer counts, and a hundred clean lines are kept.
fn is_cut_short(name: &str) {
    let home = Home::new();
    let ended = build(&home, &component(&home, name));
    assert_eq!(ended.faults(), [""; 0]);
    assert_eq!(ended.summary["evicted_by"], format!("{name}.wasm").as_str());
    let log = ended.policy(&format!("{name}.wasm"))["log"].as_array().expect("what it logged").clone();
    assert_eq!(log.len(), 100);
    for line in log {
        let text = line[1].as_str().expect("text");
        assert!(text.len() <= 1100 && !text.contains(char::is_control), "{text:?}");
    }
    assert!(!ended.stderr.contains('\u{1b}'), "{:?}", ended.stderr);
}

/// Names sets that cannot be, in targets that there are not: nothing is written, and no fault draws on the terminal.
fn writes_nowhere(name: &str) {
    let second = second_machine(name);
    assert!(second.ended.success && calls(&second.ended, name, "remote") > 0, "{}", second.ended.summary);
    assert_eq!(second.added, [""; 0]);
    let faults = second.ended.faults();
    assert!(faults.len() == 1 && faults[0].contains("cannot be the name of a set"), "{faults:?}");
    assert!(!faults[0].contains(char::is_control), "{faults:?}");
}

/// Asked about a hit, the plugin breaks for this cause: the hits are served without it.
fn breaks_in_a_serving(name: &str, cause: &str) {
    let home = Home::new();
    let plugin = component(&home, name);
    home.compile(&plugin);
    let mut go = home.session(&[]).start();
    for number in 0..GROUPS {
        go.put_group(head(number), &archive(number, 2_000), b"./a.go\n");
    }
    assert_eq!(go.close().faults(), [""; 0]);
    let mut go = home.session(&[plugin.to_str().expect("UTF-8")]).start();
    // As many as a plugin needs that is slow each time and never late.
    for number in (0..GROUPS).cycle().take(6_000) {
        assert!(go.get(head(number)).is_some_and(|hit| hit.is_whole()), "group {number}");
    }
    let ended = go.close();
    assert_one_line(&ended, name, cause);
    assert!(calls(&ended, name, "serving") > 0, "{}", ended.summary);
    assert!(ended.policy(&format!("{name}.wasm"))["off"].is_string(), "{}", ended.summary);
    assert_eq!(ended.count("/not_served"), 0);
}

/// Told what happened, the plugin breaks for this cause, after everything that matters.
fn breaks_when_it_is_told(name: &str, cause: &str) {
    let home = Home::new();
    let ended = build(&home, &component(&home, name));
    assert_one_line(&ended, name, cause);
    assert_eq!((calls(&ended, name, "observer"), &ended.summary["evicted_by"]), (1, &"rebuild-cost".into()), "{}", ended.summary);
}

/// Tries to get, or to keep, what it may not, and would panic if it could.
fn gets_nothing(name: &str) {
    let home = Home::new();
    let ended = build(&home, &component(&home, name));
    let faults = ended.faults();
    assert!(faults.iter().all(|fault| fault.contains("which nobody granted")), "{faults:?}");
    let asked: u64 = ["admission", "observer"].iter().map(|role| calls(&ended, name, role)).sum();
    assert!(asked > 0 && ended.policy(&format!("{name}.wasm"))["off"].is_null(), "{}", ended.summary);
}

/// Counts under ten thousand names: a hundred are kept, none of which draws on the terminal.
fn counts_a_hundred(name: &str) {
    let home = Home::new();
    let ended = build(&home, &component(&home, name));
    assert_eq!(ended.faults(), [""; 0]);
    let counters = ended.policy(&format!("{name}.wasm"))["counters"].as_object().expect("counters").clone();
    assert_eq!(counters.len(), 100);
    assert!(counters.iter().all(|(name, value)| name.starts_with("counter-0") && *value == u64::MAX), "{counters:?}");
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
    answers_a_huge_list: breaks_in_a_trim("eviction: "),
    answers_a_list_outside_its_memory: breaks_in_a_trim("eviction: "),
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
    wants_a_huge_table: breaks_in_a_trim("start: "),
    traps_in_serve: breaks_in_a_serving("serving: it panicked"),
    loops_in_serve: breaks_in_a_serving("serving: it did not come to an end in time"),
    burns_time_in_serve: breaks_in_a_serving("it used 10 s of this session"),
    traps_in_observe: breaks_when_it_is_told("observer: it panicked"),
    loops_in_observe: breaks_when_it_is_told("observer: it did not come to an end in time"),
    asks_past_the_last_event: breaks_when_it_is_told("were asked for"),
    asks_for_what_it_was_not_granted: gets_nothing(),
    remembers_too_much: gets_nothing(),
    floods_the_counters: counts_a_hundred(),
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

/// A package and one that imports it; neither needs anything of the standard library.
fn write_module(machine: &Machine) {
    machine.write("m/go.mod", "module example.test/m\n\ngo 1.24\n");
    machine.write("m/a/a.go", "package a\n\nfunc Two() int { return 2 }\n");
    machine.write("m/b/b.go", "package b\n\nimport \"example.test/m/a\"\n\nfunc Four() int { return a.Two() * a.Two() }\n");
}

/// What `go` makes of the module, natively and with the plugin in a store that has to be trimmed.
fn a_real_build_is_the_same_with(name: &str, cause: &str) {
    let machine = Machine::new(&Toolchain::machine());
    let home = Home::new();
    write_module(&machine);
    let dir = machine.work().join("m");
    let build = ["build", "-trimpath", "-o", "x.a", "./b"];
    machine.go(build).dir(&dir).native().succeed();
    let native = std::fs::read(dir.join("x.a")).expect("the archive");
    std::fs::remove_file(dir.join("x.a")).expect("the archive can be removed");
    let plugin = component(&home, name);
    let run = machine.go(build).dir(&dir).cachewit(&[plugin.to_str().expect("UTF-8")]).env("CACHEWIT_MAX_SIZE", "1000");
    // Go's own cache would answer.
    let run = run.config(machine.write("alone.toml", "use-go-cache = false\n"));
    let run = run.env("HOME", home.path()).env("XDG_CACHE_HOME", home.path().join("xdg")).succeed();
    assert_eq!(std::fs::read(dir.join("x.a")).expect("the archive"), native);
    let session = &run.sessions[0];
    assert!(session["policies"][0]["calls"]["eviction"].as_u64() > Some(0), "{session}");
    assert_eq!(session["evicted_by"], "rebuild-cost (native)", "{session}");
    let faults = session["faults"].as_array().expect("faults");
    assert!(faults.len() == 1 && faults[0].as_str().is_some_and(|fault| fault.contains(name) && fault.contains(cause)), "{session}");
}

#[test]
fn a_real_build_is_the_same_with_a_plugin_that_traps() {
    a_real_build_is_the_same_with("traps_in_score", "it panicked");
}

#[test]
fn a_real_build_is_the_same_with_a_plugin_that_never_answers() {
    a_real_build_is_the_same_with("loops_in_score", "it did not come to an end in time");
}

/// What `go` printed, with every time that it took replaced.
fn without_times(text: &str) -> String {
    let is_time = |word: &str| word.trim_matches(['(', ')']).strip_suffix('s').is_some_and(|number| number.parse::<f64>().is_ok());
    let line = |line: &str| line.split_whitespace().map(|word| if is_time(word) { "TIME" } else { word }).collect::<Vec<_>>().join(" ");
    text.lines().filter(|line| !line.starts_with("cachewit: ")).map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn build_test_and_vet_print_and_make_the_same_with_a_plugin_that_traps_on_every_call() {
    let machine = Machine::new(&Toolchain::machine());
    write_module(&machine);
    machine.write(
        "m/a/a_test.go",
        "package a\n\nimport \"testing\"\n\nfunc TestTwo(t *testing.T) {\n\tif Two() != 2 {\n\t\tt.Fatal()\n\t}\n}\n",
    );
    // Something for vet to find, so that it fails in both.
    machine.write("m/b/c.go", "package b\n\nimport \"fmt\"\n\nfunc Say() { fmt.Printf(\"%d\", \"x\") }\n");
    let dir = machine.work().join("m");
    let plugin = dir.join("traps.wasm");
    std::fs::write(&plugin, guest::named("traps_in_everything")).expect("a plugin");
    let plugin = plugin.to_str().expect("UTF-8");
    let (home, bucket) = (Home::new(), tempfile::tempdir().expect("a folder"));
    let config = std::fs::read_to_string(with_store(&home, bucket.path())).expect("a configuration");
    let config = machine.write("store.toml", &format!("use-go-cache = false\n{config}"));
    let commands = [
        &["build", "-trimpath", "-o", "x.a", "./b"][..],
        &["test", "-v", "-count=1", "./..."],
        &["vet", "./..."],
        &["list", "-export", "-f", "{{.ImportPath}}", "./..."],
    ];
    let expected: Vec<_> = commands.iter().map(|command| machine.go(command.iter().copied()).dir(&dir).native().run()).collect();
    let native = std::fs::read(dir.join("x.a")).expect("the archive");
    let mut asked = BTreeSet::new();
    // Cold, and then with everything to be judged.
    for _ in 0..2 {
        for (command, expected) in commands.iter().zip(&expected) {
            std::fs::remove_file(dir.join("x.a")).ok();
            let run = machine.go(command.iter().copied()).dir(&dir).cachewit(&[plugin]).config(&config);
            let run = run.env("HOME", home.path()).env("XDG_CACHE_HOME", home.path().join("xdg")).run();
            assert_eq!(run.success, expected.success, "{command:?}: {}", run.stderr);
            assert_eq!(without_times(&run.stdout), without_times(&expected.stdout), "{command:?}");
            assert_eq!(without_times(&run.stderr), without_times(&expected.stderr), "{command:?}");
            if command[0] == "build" {
                assert!(std::fs::read(dir.join("x.a")).expect("the archive") == native);
            }
            for session in &run.sessions {
                let calls = session["policies"][0]["calls"].as_object().expect("calls");
                asked.extend(calls.keys().cloned());
                let named = session["faults"]
                    .as_array()
                    .expect("faults")
                    .iter()
                    .any(|fault| fault.as_str().is_some_and(|fault| fault.contains("traps.wasm")));
                assert!(calls.is_empty() || named, "{session}");
            }
        }
    }
    // After the third failure it is asked nothing more, so no session comes to the roles of its end; each alone has a test above.
    assert!(["admission", "remote", "serving"].iter().all(|role| asked.contains(*role)), "{asked:?}");
    assert_eq!(objects(bucket.path()).expect("the bucket").len(), 0, "who was to say what may leave said nothing");
}

/// A well-behaved policy, to be spoilt.
fn honest() -> Vec<u8> {
    cachewit::policy::shipped::component("lru").expect("a shipped component").to_vec()
}

/// A component of nothing, in the binary format.
fn no_policy() -> Vec<u8> {
    wat::parse_str("(component)").expect("a component")
}

fn of_another_version() -> Vec<u8> {
    wat::parse_str(r#"(component (instance $none) (export "cachewit:policy/plugin@0.9.0" (instance $none)))"#).expect("a component")
}

/// A policy that also wants something of the host that no cachewit has.
fn with_an_unknown_import() -> Vec<u8> {
    let text = r#"(import "stranger:telepathy/mind" "guess" (func $guess (result i32)))
        (func (export "cachewit:policy/admission@0.1.0#admit") (result i32) (call $guess))"#;
    guest::component_with(text, Some(("package stranger:telepathy;\ninterface mind { guess: func() -> u32; }", "stranger:telepathy/mind")))
}

fn core_module() -> Vec<u8> {
    wat::parse_str("(module)").expect("a module")
}

/// A file that is no plugin of this host's: one line names it and says what is wrong and what to do, the session ends well, and the
/// default policy decides.
fn is_told_from_a_plugin(bytes: Option<&[u8]>, words: &[&str]) {
    let home = Home::new();
    let path = home.path().join("work/wrong.wasm");
    if let Some(bytes) = bytes {
        std::fs::write(&path, bytes).expect("a file");
    }
    let ended = build(&home, &path);
    assert_one_line(&ended, path.to_str().expect("UTF-8"), words[0]);
    for word in words {
        assert!(ended.faults()[0].contains(word), "no `{word}` in {:?}", ended.faults());
    }
    assert_eq!(ended.summary["evicted_by"], "rebuild-cost", "{}", ended.summary);
    assert!(ended.policy("wrong.wasm")["off"].is_string(), "{}", ended.summary);
}

#[test]
fn a_missing_file_is_named() {
    is_told_from_a_plugin(None, &["does not exist", "builtin:"]);
}

#[test]
fn an_empty_file_is_named() {
    is_told_from_a_plugin(Some(b""), &["is empty", "copy it again"]);
}

#[test]
fn a_file_that_is_no_webassembly_is_named() {
    is_told_from_a_plugin(Some(b"#!/bin/sh\nexit 1\n"), &["is not WebAssembly", "name a component"]);
}

#[test]
fn a_core_module_is_named_and_how_to_wrap_it() {
    is_told_from_a_plugin(Some(&core_module()), &["is a core WebAssembly module", "cachewit plugin wrap"]);
}

#[test]
fn a_component_that_is_no_policy_is_named() {
    is_told_from_a_plugin(Some(&no_policy()), &["is a component but no policy", "cachewit:policy/plugin@0.1.0"]);
}

#[test]
fn a_policy_of_another_version_is_named_with_both_versions() {
    is_told_from_a_plugin(Some(&of_another_version()), &["version 0.9.0", "0.1.0", "rebuild it"]);
}

#[test]
fn an_unknown_import_is_named() {
    is_told_from_a_plugin(Some(&with_an_unknown_import()), &["telepathy", "does not offer"]);
}

#[test]
fn a_truncated_component_is_named() {
    let whole = honest();
    is_told_from_a_plugin(Some(&whole[..whole.len() / 2]), &["is damaged", "copy it again"]);
}

#[test]
fn a_real_build_is_green_with_a_chain_of_files_that_are_no_plugins() {
    let machine = Machine::new(&Toolchain::machine());
    let home = Home::new();
    write_module(&machine);
    let whole = honest();
    let files = [
        home.path().join("missing.wasm"),
        home.write("empty.wasm", ""),
        home.write("text.wasm", "text"),
        home.write("module.wasm", core_module()),
        home.write("nothing.wasm", no_policy()),
        home.write("version.wasm", of_another_version()),
        home.write("import.wasm", with_an_unknown_import()),
        home.write("half.wasm", &whole[..whole.len() / 2]),
    ];
    let arguments: Vec<&str> = files.iter().map(|file| file.to_str().expect("UTF-8")).collect();
    let run = machine.go(["build", "./..."]).dir(machine.work().join("m")).cachewit(&arguments);
    let run = run.env("CACHEWIT_MAX_SIZE", "1000").env("HOME", home.path()).env("XDG_CACHE_HOME", home.path().join("xdg")).succeed();
    let faults = run.sessions[0]["faults"].to_string();
    for file in &arguments {
        assert_eq!(faults.matches(file).count(), 1, "{faults}");
    }
}

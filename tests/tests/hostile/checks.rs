//! What a hostile guest is put through: a session in which it is asked what it breaks in.

use super::folder;
use super::rows::{Row, limit, measured, record};
use cachewit::cache::below_limit;
use cachewit::model::Digest;
use cachewit::policy::wasm::LIMITS;
use cachewit_tests::guest;
use cachewit_tests::s3::objects;
use cachewit_tests::script::{Ended, Home, archive};
use std::path::{Path, PathBuf};

/// Groups of a session, and bytes of each. Together they are twice as much as [`MAX_SIZE`].
const GROUPS: u64 = 24;
const GROUP: usize = 40_000;
const MAX_SIZE: u64 = 480_000;

/// Makes the component of a hostile guest, in a file of its name.
pub fn component(home: &Home, name: &str) -> PathBuf {
    home.write(&format!("{name}.wasm"), guest::from_file(&folder().join(name).with_extension("wat")))
}

fn head(number: u64) -> Digest {
    Digest::of(format!("package {number}").as_bytes())
}

/// A build that makes more than the store may hold, on a machine that has a credential in its environment.
pub fn build(home: &Home, plugin: &Path) -> Ended {
    build_from(home, plugin, 0)
}

/// The same of packages that nobody has built before, from this number on.
fn build_from(home: &Home, plugin: &Path, first: u64) -> Ended {
    let session = home.session(&[plugin.to_str().expect("UTF-8")]).max_size(MAX_SIZE);
    let mut go = session.env("AWS_SECRET_ACCESS_KEY", "a secret").start();
    for number in first..first + GROUPS {
        assert_eq!(go.get(head(number)), None);
        go.put_group(head(number), &archive(number, GROUP), format!("./{number}.go\n").as_bytes());
    }
    go.close()
}

/// One line in the summary is about the plugin, and it says why; there is no other.
pub fn assert_one_line(ended: &Ended, plugin: &str, cause: &str) {
    let faults = ended.faults();
    assert!(ended.success, "{ended:?}");
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains(plugin) && faults[0].contains(cause), "no `{plugin}` or no `{cause}` in {faults:?}");
    assert!(!faults[0].contains(char::is_control), "{faults:?}");
}

/// Leaves the row of a guest that this fault stopped. Whatever else it tried, what it said and counted is bounded.
fn record_stopped(name: &str, ended: &Ended, fault: &str, then: &str) {
    let policy = ended.policy(&format!("{name}.wasm"));
    assert!(policy["log"].as_array().is_none_or(|lines| lines.len() <= LIMITS.log_lines as usize), "{}", ended.summary);
    assert!(policy["counters"].as_object().is_none_or(|counters| counters.len() <= LIMITS.counters), "{}", ended.summary);
    for (counter, most) in [("handles", LIMITS.handles), ("mebibytes", LIMITS.memory >> 20), ("steps", LIMITS.plan_steps)] {
        assert!(policy["counters"][counter].as_u64().is_none_or(|number| number <= most as u64), "{}", ended.summary);
    }
    let measured = measured(ended, &format!("{name}.wasm"));
    record(name, Row { tries: String::new(), stopped: limit(fault), measured, then: then.to_owned() });
}

fn calls(ended: &Ended, name: &str, role: &str) -> u64 {
    ended.policy(&format!("{name}.wasm"))["calls"][role].as_u64().unwrap_or(0)
}

/// Asked to score a trim, the plugin breaks for this cause, and the native fallback decides.
pub fn breaks_in_a_trim(name: &str, cause: &str) {
    let home = Home::new();
    let ended = build(&home, &component(&home, name));
    assert_one_line(&ended, name, cause);
    assert!(calls(&ended, name, "eviction") > 0, "{}", ended.summary);
    assert_eq!(ended.summary["evicted_by"], "rebuild-cost (native)", "{}", ended.summary);
    assert!(ended.count("/evicted_groups") > 0);
    assert!(home.index().size().expect("a size").bytes <= below_limit(MAX_SIZE));
    record_stopped(name, &ended, &ended.faults()[0], "rebuild-cost (native)");
}

/// A store in a folder, as the configuration of a machine names it.
pub fn with_store(home: &Home, bucket: &Path) -> PathBuf {
    let bucket = bucket.to_str().expect("UTF-8").replace('\\', "/");
    let text = format!("[[store]]\nname = \"shared\"\nkind = \"folder\"\npath = \"{bucket}\"\nmode = \"read-write\"\n");
    home.write("store.toml", text)
}

/// Asked what may leave, the plugin breaks for this cause: nothing leaves, and everything stays.
pub fn breaks_in_an_admission(name: &str, cause: &str) {
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
    record_stopped(name, &ended, &ended.faults()[0], "nobody: nothing leaves");
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
pub fn breaks_in_a_question_for_others(name: &str, cause: &str) {
    let second = second_machine(name);
    assert_one_line(&second.ended, name, cause);
    assert!(calls(&second.ended, name, "remote") > 0, "{}", second.ended.summary);
    assert_eq!((second.hits, second.ended.count("/remote/fetched")), (0, 0), "{}", second.ended.summary);
    record_stopped(name, &second.ended, &second.ended.faults()[0], "nobody: no store is asked");
}

/// Asked at the end, the plugin breaks for this cause: what others made was used, and nothing is shared.
pub fn breaks_at_the_end(name: &str, cause: &str) {
    let second = second_machine(name);
    assert_one_line(&second.ended, name, cause);
    assert!(calls(&second.ended, name, "remote") > 0, "{}", second.ended.summary);
    assert_eq!(second.hits, GROUPS, "{}", second.ended.summary);
    assert_eq!(second.added, [""; 0]);
    record_stopped(name, &second.ended, &second.ended.faults()[0], "nobody: nothing is shared");
}

/// Does at every miss what is no business of a policy's, and passes: the host's own rule decides, and everything is found.
pub fn is_none_the_worse(name: &str) {
    let second = second_machine(name);
    assert_eq!(second.ended.faults(), [""; 0]);
    assert!(calls(&second.ended, name, "remote") >= GROUPS, "{}", second.ended.summary);
    assert_eq!(second.hits, GROUPS, "{}", second.ended.summary);
    assert!(!second.ended.stderr.contains("all is well"), "{}", second.ended.stderr);
    let measured = measured(&second.ended, &format!("{name}.wasm"));
    let row =
        Row { tries: String::new(), stopped: "nothing: what it writes goes nowhere".to_owned(), measured, then: "the plugin".to_owned() };
    record(name, row);
}

/// Logs ten thousand lines and answers well: the answer counts, and a hundred clean lines are kept.
pub fn is_cut_short(name: &str) {
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
    let stopped = format!("{} lines of {} bytes", LIMITS.log_lines, LIMITS.log_line);
    let measured = measured(&ended, &format!("{name}.wasm"));
    record(name, Row { tries: String::new(), stopped, measured, then: "the plugin".to_owned() });
}

/// Names sets that cannot be, in targets that there are not: nothing is written, and no fault draws on the terminal.
pub fn writes_nowhere(name: &str) {
    let second = second_machine(name);
    assert!(second.ended.success && calls(&second.ended, name, "remote") > 0, "{}", second.ended.summary);
    assert_eq!(second.added, [""; 0]);
    let faults = second.ended.faults();
    assert!(faults.len() == 1 && faults[0].contains("cannot be the name of a set"), "{faults:?}");
    assert!(!faults[0].contains(char::is_control), "{faults:?}");
    record_stopped(name, &second.ended, &faults[0], "nobody: nothing is published");
}

/// Asked about a hit, the plugin breaks for this cause: the hits are served without it.
pub fn breaks_in_a_serving(name: &str, cause: &str) {
    let ended = serves_without(name);
    assert_one_line(&ended, name, cause);
    record_stopped(name, &ended, &ended.faults()[0], "nobody: hits are served");
}

/// Asked about each hit, the plugin answers in time, or nearly always: on a busy machine a thread may be made to wait for longer than a
/// question may take, and then that is what the line says. Off it is in the end for the sum of it.
pub fn uses_up_its_session(name: &str) {
    let ended = serves_without(name);
    assert_one_line(&ended, name, "");
    let off = ended.policy(&format!("{name}.wasm"))["off"].as_str().expect("it is off").to_owned();
    assert!(off.contains("it used 10 s of this session"), "{off}");
    record_stopped(name, &ended, &off, "nobody: hits are served");
}

/// A session that serves hits, at the end of which the plugin is off.
fn serves_without(name: &str) -> Ended {
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
    assert!(calls(&ended, name, "serving") > 0, "{}", ended.summary);
    assert!(ended.policy(&format!("{name}.wasm"))["off"].is_string(), "{}", ended.summary);
    assert_eq!(ended.count("/not_served"), 0);
    ended
}

/// Told what happened, the plugin breaks for this cause, after everything that matters.
pub fn breaks_when_it_is_told(name: &str, cause: &str) {
    let home = Home::new();
    let ended = build(&home, &component(&home, name));
    assert_one_line(&ended, name, cause);
    assert_eq!((calls(&ended, name, "observer"), &ended.summary["evicted_by"]), (1, &"rebuild-cost".into()), "{}", ended.summary);
    record_stopped(name, &ended, &ended.faults()[0], "nobody needs to");
}

/// Tries to get, or to keep, what it may not, and would panic if it could.
pub fn gets_nothing(name: &str) {
    let home = Home::new();
    let ended = build(&home, &component(&home, name));
    let faults = ended.faults();
    assert!(faults.iter().all(|fault| fault.contains("which nobody granted")), "{faults:?}");
    let asked: u64 = ["admission", "observer"].iter().map(|role| calls(&ended, name, role)).sum();
    assert!(asked > 0 && ended.policy(&format!("{name}.wasm"))["off"].is_null(), "{}", ended.summary);
    let stopped = "there is nothing of it: it would have panicked".to_owned();
    let measured = measured(&ended, &format!("{name}.wasm"));
    record(name, Row { tries: String::new(), stopped, measured, then: "the plugin".to_owned() });
}

/// Counts under ten thousand names: a hundred are kept, none of which draws on the terminal.
pub fn counts_a_hundred(name: &str) {
    let home = Home::new();
    let ended = build(&home, &component(&home, name));
    assert_eq!(ended.faults(), [""; 0]);
    let counters = ended.policy(&format!("{name}.wasm"))["counters"].as_object().expect("counters").clone();
    assert_eq!(counters.len(), 100);
    assert!(counters.iter().all(|(name, value)| name.starts_with("counter-0") && *value == u64::MAX), "{counters:?}");
    let stopped = format!("{} counters of {} characters", LIMITS.counters, LIMITS.counter_name);
    let measured = measured(&ended, &format!("{name}.wasm"));
    record(name, Row { tries: String::new(), stopped, measured, then: "the plugin".to_owned() });
}

/// Breaks the compiler's limits: the child is stopped, the native fallback decides, and no other session of the hour pays for it again.
pub fn is_not_compiled(name: &str, cause: &str) {
    let home = Home::new();
    let plugin = component(&home, name);
    let ended = build(&home, &plugin);
    assert_one_line(&ended, name, cause);
    assert_eq!((calls(&ended, name, "eviction"), &ended.summary["evicted_by"]), (0, &"rebuild-cost (native)".into()), "{}", ended.summary);
    assert!(ended.policy(&format!("{name}.wasm"))["off"].is_string(), "{}", ended.summary);
    let kept =
        std::fs::read_dir(home.path().join("xdg/cachewit/native")).expect("the folder of artefacts").map(|file| file.expect("a file"));
    let refusals: Vec<PathBuf> = kept.map(|file| file.path()).filter(|path| path.extension().is_some_and(|end| end == "refused")).collect();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    // Compiled once more, it would be refused for its own reason and not for this one.
    std::fs::write(&refusals[0], "is known already").expect("the refusal");
    let again = build_from(&home, &plugin, GROUPS);
    assert_one_line(&again, name, "is known already; it is tried again in an hour, and now with `cachewit plugin check`");
    assert_eq!(again.summary["evicted_by"], "rebuild-cost (native)", "{}", again.summary);
    let measured = format!("the session ended {} ms after its close", ended.took.as_millis());
    record(name, Row { tries: String::new(), stopped: limit(&ended.faults()[0]), measured, then: "rebuild-cost (native)".to_owned() });
}

/// Is no component, whatever it begins with: one line says so, and the default decides.
pub fn is_no_component(name: &str, cause: &str) {
    let home = Home::new();
    let ended = build(&home, &component(&home, name));
    assert_one_line(&ended, name, cause);
    assert_eq!(ended.summary["evicted_by"], "rebuild-cost", "{}", ended.summary);
    record_stopped(name, &ended, &ended.faults()[0], "rebuild-cost");
}

/// Breaks at every start once it has remembered something: the fallback decides, until an operator makes it forget.
pub fn is_cured_by_a_reset(name: &str) {
    let home = Home::new();
    let plugin = component(&home, name);
    let first = build(&home, &plugin);
    assert_eq!((first.faults().len(), &first.summary["evicted_by"]), (0, &format!("{name}.wasm").into()), "{}", first.summary);
    let poisoned = build_from(&home, &plugin, GROUPS);
    assert_one_line(&poisoned, name, "start: it did not come to an end in time");
    assert_eq!(poisoned.summary["evicted_by"], "rebuild-cost (native)", "{}", poisoned.summary);
    let root = home.path().join("gocache/cachewit");
    let reset = home.cachewit(&["plugin", "reset", "--root", root.to_str().expect("UTF-8")]);
    assert!(reset.status.success(), "{reset:?}");
    let cured = build_from(&home, &plugin, 2 * GROUPS);
    assert_eq!((cured.faults().len(), &cured.summary["evicted_by"]), (0, &format!("{name}.wasm").into()), "{}", cured.summary);
    record_stopped(name, &poisoned, &poisoned.faults()[0], "rebuild-cost (native), until `cachewit plugin reset`");
}

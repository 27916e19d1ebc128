//! `ci-guard` beside a real `go` and a folder where machines meet: who fills it, and who takes nothing out of it. The shipped one and its twin
//! in Go go through the same tests.

use cachewit::model::Kind;
use cachewit_tests::go::{Finished, Machine, Toolchain};
use cachewit_tests::stored::{configured, rows, write_module};
use cachewit_tests::{go_policy, guest};
use std::path::{Path, PathBuf};

const PACKAGES: u64 = 5;

const PUSH: &[(&str, &str)] = &[("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF_TYPE", "branch"), ("GITHUB_REF_NAME", "main")];
const PULL_REQUEST: &[(&str, &str)] =
    &[("GITHUB_EVENT_NAME", "pull_request"), ("GITHUB_REF_TYPE", "branch"), ("GITHUB_REF_NAME", "7/merge"), ("GITHUB_HEAD_REF", "main")];
const TAG: &[(&str, &str)] = &[("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF_TYPE", "tag"), ("GITHUB_REF_NAME", "v1.0.0")];

/// Which of the two it is.
#[derive(Clone, Copy)]
enum Guard {
    Shipped,
    InGo,
}

impl Guard {
    /// As a configuration that lies in this folder names it. What is no part of cachewit has to be vouched for.
    fn install(self, folder: &Path) -> &'static str {
        let Self::InGo = self else { return "builtin:ci-guard" };
        let component = go_policy::example(&Toolchain::minor("1.27"), "ci-guard", Path::new(env!("CARGO_TARGET_TMPDIR")));
        std::fs::copy(component, folder.join("ci-guard.wasm")).expect("a copy");
        guest::vouch_and_grant(folder, "ci-guard.wasm", &["fact:branch", "fact:ci-event"]);
        "ci-guard.wasm"
    }
}

/// Declares each test twice: for the shipped guard, and for the one in Go.
macro_rules! of_both {
    ($($test:ident),+ $(,)?) => {
        mod shipped {
            $(#[test]
            fn $test() {
                super::$test(super::Guard::Shipped);
            })+
        }
        mod in_go {
            $(#[test]
            fn $test() {
                super::$test(super::Guard::InGo);
            })+
        }
    };
}

of_both!(
    a_push_to_main_shares_and_a_pull_request_of_that_name_and_a_laptop_do_not,
    what_the_operator_names_is_shared_and_nothing_else,
    a_build_of_a_tag_takes_nothing_out_of_the_store_and_is_green,
);

/// A machine with a module, whose builds share a folder.
struct Site {
    machine: Machine,
    module: PathBuf,
    guard: Guard,
}

impl Site {
    fn new(guard: Guard) -> Self {
        let machine = Machine::new(&Toolchain::machine());
        let module = write_module(&machine, PACKAGES as u32);
        Self { machine, module, guard }
    }

    /// Builds the module, under a guard that is required, as a job with these variables; where there are none, as somebody at a laptop. All
    /// machines have one folder for compiled plugins, so that the first alone waits for that.
    fn build(&self, shared: &Path, settings: &str, job: &[(&str, &str)]) -> Finished {
        let store = format!("[[store]]\nname = \"team\"\nkind = \"folder\"\npath = '{}'\nmode = \"read-write\"\n", shared.display());
        let guard = self.guard.install(&self.machine.work());
        let policies = format!("[[policy]]\nuse = \"{guard}\"\nrequired = true\n{settings}\n[[policy]]\nuse = \"builtin:read-through\"\n");
        let go = self.machine.go(["build", "-trimpath", "./..."]).dir(&self.module);
        let run = configured(&self.machine, "guarded", &(store + &policies), go).ci(!job.is_empty());
        let run = run.env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("ci-guard"));
        let run = job.iter().fold(run, |run, (name, value)| run.env(name, value));
        let finished = run.succeed();
        assert_eq!(finished.sessions[0]["faults"], serde_json::json!([]));
        finished
    }
}

fn shared(run: &Finished) -> u64 {
    run.sessions[0]["remote"]["shared"].as_u64().expect("a count")
}

fn fetched(run: &Finished) -> u64 {
    run.sessions[0]["remote"]["fetched"].as_u64().expect("a count")
}

/// Whether there is any file below the folder.
fn is_empty(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).expect("the shared folder");
    entries.map(|entry| entry.expect("an entry").path()).all(|path| path.is_dir() && is_empty(&path))
}

/// Whether the summary says that the guard was asked for admission, or for serving.
fn asked(run: &Finished, role: &str) -> bool {
    let policies = run.sessions[0]["policies"].as_array().expect("policies");
    let is_guard = |name: &serde_json::Value| name == "ci-guard" || name == "ci-guard.wasm";
    policies.iter().any(|policy| is_guard(&policy["name"]) && policy["calls"][role].as_u64() > Some(0))
}

fn a_push_to_main_shares_and_a_pull_request_of_that_name_and_a_laptop_do_not(guard: Guard) {
    let folder = tempfile::tempdir().expect("a folder");
    // Each makes everything anew, on a machine of its own.
    for job in [PULL_REQUEST, TAG, &[]] {
        let run = Site::new(guard).build(folder.path(), "", job);
        assert!(run.count("archive_puts") >= PACKAGES && asked(&run, "admission"), "{job:?} {:?}", run.sessions);
        assert_eq!(shared(&run), 0, "{job:?} {:?}", run.sessions);
        assert!(is_empty(folder.path()), "{job:?}");
    }
    let run = Site::new(guard).build(folder.path(), "", PUSH);
    assert!(shared(&run) >= PACKAGES && !is_empty(folder.path()), "{:?}", run.sessions);
    // And the pull request takes it.
    let run = Site::new(guard).build(folder.path(), "", PULL_REQUEST);
    assert_eq!(run.count("archive_puts"), 0, "{:?}", run.sessions);
    assert!(fetched(&run) >= PACKAGES, "{:?}", run.sessions);
}

fn what_the_operator_names_is_shared_and_nothing_else(guard: Guard) {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = "settings.branches = [\"release/*\"]\nsettings.max-size = 1\n";
    let release = &[("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF_TYPE", "branch"), ("GITHUB_REF_NAME", "release/1")];
    assert_eq!(shared(&Site::new(guard).build(folder.path(), settings, release)), 0, "every group is larger than a byte");
    let settings = "settings.branches = [\"release/*\"]\nsettings.kinds = [\"archive\"]\n";
    assert_eq!(shared(&Site::new(guard).build(folder.path(), settings, PUSH)), 0, "main is no release branch here");
    assert!(shared(&Site::new(guard).build(folder.path(), settings, release)) >= PACKAGES);
}

fn a_build_of_a_tag_takes_nothing_out_of_the_store_and_is_green(guard: Guard) {
    let folder = tempfile::tempdir().expect("a folder");
    let pushed = Site::new(guard).build(folder.path(), "", PUSH);
    assert!(shared(&pushed) >= PACKAGES, "{:?}", pushed.sessions);

    let release = Site::new(guard);
    let run = release.build(folder.path(), "", TAG);
    assert!(asked(&run, "serving") && run.count("not_served") >= PACKAGES, "{:?}", run.sessions);
    assert_eq!(run.count("archive_puts"), pushed.count("archive_puts"), "all of it is made here: {:?}", run.sessions);
    let archives: Vec<_> = rows(&release.machine).into_values().filter(|row| row.kind == Kind::Archive).collect();
    assert!(archives.len() as u64 >= PACKAGES && archives.iter().all(|row| row.local), "no package of others is left: {archives:?}");
    // What it has made itself is served to the next build of a tag.
    let again = release.build(folder.path(), "", TAG);
    assert_eq!((again.count("archive_puts"), again.count("not_served")), (0, 0), "{:?}", again.sessions);

    // The same machine, warmed by a push, holds what others made: a build of a tag there takes none of it either.
    let used = Site::new(guard);
    assert_eq!(used.build(folder.path(), "", PUSH).count("archive_puts"), 0);
    let run = used.build(folder.path(), "", TAG);
    assert_eq!(run.count("archive_puts"), pushed.count("archive_puts"), "{:?}", run.sessions);
    // Unless the operator trusts the store.
    let trusting = Site::new(guard);
    let run = trusting.build(folder.path(), "settings.distrust-remote-on = []\n", TAG);
    assert_eq!((run.count("archive_puts"), run.count("not_served")), (0, 0), "{:?}", run.sessions);
}

//! Runs tests against a wrong host, each executable in a process of its own.

use crate::cases::{self, Case};
use cachewit_tests::go::{Machine, Toolchain, binary};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;

/// How long the tests of one executable may take before those that still run count as failed.
const LIMIT: Duration = Duration::from_secs(240);

/// How long a test waits for a wrong host that hangs, in seconds; see [`cachewit_tests::patience`].
const PATIENCE: &str = "15";

/// What became of the tests that ran against a host.
#[derive(Debug, Default)]
pub struct Runs {
    /// As `docs/conformance.md` names them.
    pub passed: BTreeSet<String>,
    /// The same; those that did not end count.
    pub failed: BTreeSet<String>,
    /// What the executables printed.
    pub output: String,
    /// How long all took.
    pub took: Duration,
}

/// What the runs share.
pub struct Runner {
    /// Wrong hosts and a warm store; removed at the end.
    folder: TempDir,
    executables: BTreeMap<String, Executable>,
    warm: OnceLock<PathBuf>,
}

struct Executable {
    path: PathBuf,
    tests: Vec<String>,
}

impl Runner {
    /// Finds the executables of all tests that the cases name.
    pub fn new() -> Self {
        cachewit_tests::wrong::die_of_interrupts();
        let names: BTreeSet<String> = cases::CASES.iter().flat_map(Case::files).collect();
        let executables = names.into_iter().map(|name| (name.clone(), Executable::find(&name))).collect();
        let folder = tempfile::Builder::new().prefix("cachewit-wrong-").tempdir().expect("a temporary folder");
        Self { folder, executables, warm: OnceLock::new() }
    }

    /// A store with all of std, made by the right host once: what tests of a real `go` start from. See [`Machine::is_warm`].
    pub fn warm_store(&self) -> &Path {
        self.warm.get_or_init(|| {
            let machine = Machine::shared(&Toolchain::machine(), &self.folder.path().join("warm"));
            machine.go(["build", "std"]).succeed();
            // The traces of other builds are none of a test's.
            std::fs::remove_dir_all(machine.layout().traces_dir()).expect("traces");
            machine.gocache().join("cachewit")
        })
    }

    /// A program that is the wrong host. It is a script, since a host gets nothing else of the environment than `go` gives it.
    fn host(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', "'\\''"));
        let (wrong, right) = (quoted(Path::new(env!("CARGO_BIN_EXE_wrong_host"))), quoted(&binary()));
        std::fs::write(&path, format!("#!/bin/sh\nexec {wrong} {name} {right} \"$@\"\n")).expect("a script");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a script");
        path
    }

    /// Runs what a case runs.
    pub fn run(&self, case: &Case) -> Runs {
        let (began, host) = (Instant::now(), self.host(case.host));
        let mut runs = Runs::default();
        for file in case.files() {
            let executable = &self.executables[&file];
            let only: Vec<String> =
                if case.runs_all_of(&file) { Vec::new() } else { case.tests_of(&file).map(|test| executable.full_name(test)).collect() };
            // Everything that tests leave lies here, also where they are killed.
            let temporary = tempfile::Builder::new().prefix("cachewit-wrong-run-").tempdir().expect("a temporary folder");
            let mut command = Command::new(&executable.path);
            command.args(["--test-threads", "2", "--exact"]).args(&only);
            command.env("CACHEWIT_BIN", &host).env("CACHEWIT_PATIENCE", PATIENCE).env("TMPDIR", temporary.path());
            if cases::starts_warm(&file) {
                command.env("CACHEWIT_WARM_STORE", self.warm_store());
            }
            let output = output_of(command, temporary.path());
            let results = results(&output);
            let expected = if only.is_empty() { &executable.tests } else { &only };
            for test in expected {
                let passed = results.get(test.as_str()).is_some_and(|result| *result == "ok");
                let name = Case::name_of(&file, test);
                if passed { &mut runs.passed } else { &mut runs.failed }.insert(name);
            }
            runs.output.push_str(&output);
        }
        runs.took = began.elapsed();
        runs
    }
}

/// Runs to the end, or to the limit. Returns what was printed.
fn output_of(mut command: Command, folder: &Path) -> String {
    let path = folder.join("output");
    let output = File::create(&path).and_then(|output| Ok((output.try_clone()?, output))).expect("a file for the output");
    let mut child = command.stdin(Stdio::null()).stdout(output.0).stderr(output.1).process_group(0).spawn().expect("the tests start");
    let deadline = Instant::now() + LIMIT;
    while child.try_wait().expect("the tests' exit").is_none() {
        if Instant::now() > deadline {
            // The group holds the hosts, too, other than those that a test gave a group of their own.
            let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status();
            child.wait().expect("the tests' exit");
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned()
}

/// `test NAME ... ok`.
fn results(output: &str) -> BTreeMap<&str, &str> {
    output.lines().filter_map(|line| line.strip_prefix("test ")?.split_once(" ... ")).collect()
}

impl Executable {
    /// The newest one of this name beside ours.
    ///
    /// # Panics
    /// Where it is older than its sources or the library that it is linked to.
    fn find(name: &str) -> Self {
        let mine = std::env::current_exe().expect("the path of this program");
        let folder = mine.parent().expect("a folder");
        let newest = |prefix: &str, suffix: &str| {
            let named = |path: &PathBuf| {
                let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let hash = file.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix)).and_then(|rest| rest.strip_prefix('-'));
                hash.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
            };
            let files = std::fs::read_dir(folder).expect("the folder of this program").flatten().map(|entry| entry.path());
            files.filter(named).max_by_key(|path| modified(path))
        };
        let advice = "build all tests first, as `cargo xtask test` does";
        let path = newest(name, "").unwrap_or_else(|| panic!("there is no executable of the tests {name}; {advice}"));
        // Cargo lists the sources beside the executable, and links again whatever is younger than this library.
        let listed = std::fs::read_to_string(path.with_extension("d")).unwrap_or_default();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let sources = listed.lines().filter_map(|line| line.strip_suffix(':')).map(|path| root.join(path)).filter(|path| path.is_file());
        for source in sources.chain(newest("libcachewit_tests", ".rlib")) {
            assert!(modified(&source) <= modified(&path), "the executable of {name} is older than {}; {advice}", source.display());
        }
        let listed = Command::new(&path).args(["--list", "--format", "terse"]).output().expect("the tests can be listed");
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        Self { path, tests: listed.lines().filter_map(|line| Some(line.strip_suffix(": test")?.to_owned())).collect() }
    }

    /// A test may be there once for each Go: then that of the machine's.
    fn full_name(&self, test: &str) -> String {
        let inside = format!("go_of_the_machine::{test}");
        let found = self.tests.iter().find(|name| **name == inside || *name == test);
        found.unwrap_or_else(|| panic!("{} has no test {test}", self.path.display())).clone()
    }
}

fn modified(path: &Path) -> SystemTime {
    path.metadata().and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
}

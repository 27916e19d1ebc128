//! Runs of a real `go` against the built cachewit, each in caches of its own.
//!
//! `cargo xtask test` names the binary in `CACHEWIT_BIN` and the toolchains in `CACHEWIT_GO` (the machine's), `CACHEWIT_GO_1_24`
//! and so on.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cachewit::store::Layout;
use cachewit::trace::{self, Trace};

use crate::patience;
use serde_json::Value;
use tempfile::TempDir;

pub use crate::toolchain::Toolchain;

/// The cachewit binary under test.
///
/// # Panics
/// Where it was not built.
pub fn binary() -> PathBuf {
    let built = || {
        let test = std::env::current_exe().ok()?;
        Some(test.parent()?.parent()?.join(format!("cachewit{}", std::env::consts::EXE_SUFFIX)))
    };
    let binary = std::env::var_os("CACHEWIT_BIN").map(PathBuf::from).or_else(built).unwrap_or_default();
    assert!(binary.is_file(), "there is no cachewit at {}; run the tests with `cargo xtask test`", binary.display());
    binary
}

/// The caches of one machine, as far as `go` can tell.
pub struct Machine {
    toolchain: Toolchain,
    home: PathBuf,
    /// Removes the folder in the end, where it is a temporary one.
    _temporary: Option<TempDir>,
}

impl Machine {
    /// A machine that has built nothing yet. Its folders are removed at the end.
    ///
    /// # Panics
    /// Where its folders cannot be created.
    pub fn new(toolchain: &Toolchain) -> Self {
        let home = tempfile::Builder::new().prefix("cachewit-go-").tempdir().expect("a temporary folder");
        let path = home.path().to_path_buf();
        Self::lay_out(toolchain, path, Some(home))
    }

    /// A machine that has built nothing yet, for the tests of a whole process: what a static holds is never dropped, so its
    /// folders stay in `home` until the next process empties them.
    ///
    /// # Panics
    /// Where its folders cannot be created, or those of an earlier process not removed.
    pub fn shared(toolchain: &Toolchain, home: &Path) -> Self {
        let home = if Self::is_warm() { std::env::temp_dir().join(home.file_name().expect("a name")) } else { home.to_path_buf() };
        if home.exists() {
            std::fs::remove_dir_all(&home).expect("the folders of an earlier process can be removed");
        }
        Self::lay_out(toolchain, home, None)
    }

    /// Whether machines begin with a copy of the store that `CACHEWIT_WARM_STORE` names: the run of wrong hosts has made it, so that it need
    /// not compile std for each of them. Then those that a process shares lie among the temporary files.
    pub fn is_warm() -> bool {
        std::env::var_os("CACHEWIT_WARM_STORE").is_some()
    }

    fn lay_out(toolchain: &Toolchain, home: PathBuf, temporary: Option<TempDir>) -> Self {
        for dir in ["gocache", "gopath", "work", "summaries"] {
            std::fs::create_dir_all(home.join(dir)).expect("a folder of the machine");
        }
        std::fs::write(home.join("default.toml"), "").expect("an empty configuration");
        if let Some(store) = std::env::var_os("CACHEWIT_WARM_STORE") {
            copy_folder(Path::new(&store), &home.join("gocache/cachewit"));
        }
        Self { toolchain: toolchain.clone(), home, _temporary: temporary }
    }

    /// Its Go.
    pub fn toolchain(&self) -> &Toolchain {
        &self.toolchain
    }

    /// The same machine with another Go.
    #[must_use]
    pub fn with(&self, toolchain: &Toolchain) -> Self {
        Self { toolchain: toolchain.clone(), home: self.home.clone(), _temporary: None }
    }

    /// The store on it.
    ///
    /// # Panics
    /// Never: its folders are UTF-8.
    pub fn layout(&self) -> Layout {
        Layout::new(&self.gocache().join("cachewit")).expect("a store folder")
    }

    /// What the session that ended last did.
    ///
    /// # Panics
    /// Where it left no trace.
    pub fn last_trace(&self) -> Trace {
        let last = trace::list(&self.layout().traces_dir()).expect("traces").pop().expect("a trace");
        trace::read(&last.path).expect("a trace")
    }

    /// Processes of this machine that live: those whose environment names its GOCACHE. Linux alone can tell.
    ///
    /// # Panics
    /// Where there is no /proc.
    pub fn processes(&self) -> Vec<u32> {
        let gocache = format!("GOCACHE={}", self.gocache().display());
        let pid = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse().ok();
        let lives = |pid: &u32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == gocache.as_bytes())
        };
        std::fs::read_dir("/proc").expect("/proc").flatten().filter_map(pid).filter(lives).collect()
    }

    /// Waits until none of them is left.
    ///
    /// # Panics
    /// Where one stays.
    pub fn wait_for_silence(&self) {
        let deadline = Instant::now() + 2 * patience();
        while !self.processes().is_empty() {
            assert!(Instant::now() < deadline, "these live on: {:?}", self.processes());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The machine's GOCACHE.
    pub fn gocache(&self) -> PathBuf {
        self.home.join("gocache")
    }

    /// A folder for sources and outputs.
    pub fn work(&self) -> PathBuf {
        self.home.join("work")
    }

    /// Writes a file below [`Machine::work`], with the folders that it needs. Returns its path.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder of the file")).expect("a folder for the file");
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// A `go` command through cachewit with its default policy, in [`Machine::work`].
    pub fn go<'a>(&'a self, args: impl IntoIterator<Item = &'a str>) -> GoRun<'a> {
        GoRun {
            machine: self,
            args: args.into_iter().map(OsString::from).collect(),
            dir: self.work(),
            cache: Cache::Cachewit(Vec::new()),
            config: None,
            ci: false,
            environment: Vec::new(),
            own: Vec::new(),
            mounts: None,
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder of the store");
    for entry in std::fs::read_dir(from).expect("a folder of the store").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_folder(&from, &to);
        } else {
            std::fs::copy(&from, &to).expect("a file of the store can be copied");
        }
    }
}

enum Cache {
    Native,
    /// With these arguments, words that hold no blanks and quotes.
    Cachewit(Vec<String>),
}

/// A run of `go`, described step by step.
#[must_use = "nothing runs before `run` or `succeed`"]
pub struct GoRun<'a> {
    machine: &'a Machine,
    args: Vec<OsString>,
    dir: PathBuf,
    cache: Cache,
    config: Option<PathBuf>,
    ci: bool,
    environment: Vec<(OsString, OsString)>,
    /// Of cachewit alone.
    own: Vec<(OsString, OsString)>,
    mounts: Option<String>,
}

impl GoRun<'_> {
    /// Runs in this folder.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = dir.into();
        self
    }

    /// Runs with Go's own cache instead of cachewit.
    pub fn native(mut self) -> Self {
        self.cache = Cache::Native;
        self
    }

    /// Gives cachewit these arguments, such as the plugins of a chain.
    pub fn cachewit(mut self, args: &[&str]) -> Self {
        self.cache = Cache::Cachewit(args.iter().map(ToString::to_string).collect());
        self
    }

    /// Gives cachewit a configuration file; without one it has an empty one, never the user's.
    pub fn config(mut self, file: impl Into<PathBuf>) -> Self {
        self.config = Some(file.into());
        self
    }

    /// Whether the run is on CI; by default it is not, whatever the tests run on.
    pub fn ci(mut self, ci: bool) -> Self {
        self.ci = ci;
        self
    }

    /// Runs where these lines of shell have mounted something that nobody else sees, in namespaces of its own.
    pub fn mounted(mut self, lines: impl Into<String>) -> Self {
        self.mounts = Some(lines.into());
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets variables for cachewit alone, which `go` and its tools do not have.
    pub fn for_cachewit(mut self, variables: Vec<(OsString, OsString)>) -> Self {
        self.own.extend(variables);
        self
    }

    /// Runs to the end of `go` and of what its sessions do behind its back.
    ///
    /// # Panics
    /// Where `go` cannot be started, and where a session leaves no summary.
    pub fn run(self) -> Finished {
        let summaries = tempfile::Builder::new().tempfile_in(self.machine.home.join("summaries")).expect("a file for summaries");
        let shown = self.args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let mut command = self.command();
        command.env("CACHEWIT_SUMMARY", summaries.path());
        let output = command.output().unwrap_or_else(|error| panic!("cannot start {}: {error}", self.machine.toolchain.path().display()));
        let sessions = match self.cache {
            Cache::Native => Vec::new(),
            Cache::Cachewit(_) => wait_for_sessions(summaries.path()),
        };
        Finished {
            command: format!("go {shown}"),
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            sessions,
        }
    }

    /// The command, for a test that starts and ends it by itself.
    pub fn into_command(self) -> Command {
        self.command()
    }

    /// Runs, and shows what `go` said if it failed.
    ///
    /// # Panics
    /// Where `go` fails.
    pub fn succeed(self) -> Finished {
        let finished = self.run();
        assert!(finished.success, "`{}` failed:\n{}{}", finished.command, finished.stdout, finished.stderr);
        finished
    }

    fn command(&self) -> Command {
        let home = &self.machine.home;
        let mut command = match &self.mounts {
            None => Command::new(self.machine.toolchain.path()),
            Some(lines) => {
                let mut command = Command::new("unshare");
                command.args(["--map-root-user", "--mount", "sh", "-ec", &format!("{lines}\nexec \"$0\" \"$@\"")]);
                command.arg(self.machine.toolchain.path());
                command
            }
        };
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("GO") || text.starts_with("CGO_") || text.starts_with("CACHEWIT_") {
                command.env_remove(&name);
            }
        }
        command.args(&self.args).current_dir(&self.dir).stdin(Stdio::null());
        command.env("GOCACHE", self.machine.gocache()).env("GOPATH", home.join("gopath")).env("GOMODCACHE", home.join("gopath/pkg/mod"));
        command.env("GOTOOLCHAIN", "local").env("GOENV", "off").env("GOFLAGS", "").env("GOPROXY", "off");
        command.env("CI", if self.ci { "true" } else { "" });
        if let Cache::Cachewit(args) = &self.cache {
            command.env("GOCACHEPROG", gocacheprog(&self.own, &binary(), args));
            command.env("CACHEWIT_CONFIG", self.config.clone().unwrap_or_else(|| home.join("default.toml")));
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// `go` splits the value at blanks; an element may be wrapped in quotes if the quote is its first character.
fn gocacheprog(own: &[(OsString, OsString)], binary: &Path, args: &[String]) -> String {
    let env = (!own.is_empty()).then(|| "env".to_owned());
    env.into_iter()
        .chain(own.iter().map(|(name, value)| format!("{}={}", name.display(), value.display())))
        .chain([binary.display().to_string()])
        .chain(args.iter().cloned())
        .map(|word| if word.contains(char::is_whitespace) { format!("'{word}'") } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

/// A `go` command starts at least one session if it touches its cache at all, and each writes a line when it is done.
fn wait_for_sessions(file: &Path) -> Vec<Value> {
    let deadline = Instant::now() + 2 * patience();
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if text.ends_with('\n') {
            return text.lines().map(|line| serde_json::from_str(line).expect("a summary in JSON")).collect();
        }
        assert!(Instant::now() < deadline, "no session wrote a summary within {} s of its end", 2 * patience().as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What a run left.
#[derive(Debug)]
pub struct Finished {
    command: String,
    /// Whether `go` exited with zero.
    pub success: bool,
    /// What `go` wrote to stdout.
    pub stdout: String,
    /// What `go`, its children and cachewit wrote to stderr.
    pub stderr: String,
    /// The summaries of the sessions that ended so far, in the order of their ends.
    pub sessions: Vec<Value>,
}

impl Finished {
    /// A count of the summaries, summed over the sessions: `gets`, `hits`, `misses`, `puts` and so on.
    ///
    /// # Panics
    /// Where a summary has no such number.
    pub fn count(&self, name: &str) -> u64 {
        let number = |session: &Value| session[name].as_u64().unwrap_or_else(|| panic!("the summary {session} has no number `{name}`"));
        self.sessions.iter().map(number).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::gocacheprog;
    use std::path::Path;

    #[test]
    fn words_with_blanks_are_quoted_the_way_go_reads_them() {
        assert_eq!(gocacheprog(&[], Path::new("/a b/cachewit"), &["builtin:lru".to_owned()]), "'/a b/cachewit' builtin:lru");
    }
}

//! What xtask knows of the cachewit binary: how it is built and named in `GOCACHEPROG`, what its configuration files say, and
//! the summary that its sessions leave. Everything else in xtask goes through here.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace::{cargo, root, run, scratch, target_dir};

/// The environment variable that makes every session append its summary, one line of JSON, to a file.
const SUMMARY_VARIABLE: &str = "CACHEWIT_SUMMARY";

/// How long the work that a session does behind `go`'s back may take before a run counts as failed.
pub const LATE_WORK: Duration = Duration::from_secs(90);

/// The chain that a try runs: eviction, admission and remote each decided by a plugin.
pub const CHAIN: [&str; 3] = ["rebuild-cost", "share-filter", "read-through"];

/// The chain of guards that the bench runs, by the names of the plugins' files.
pub const GUARDS: [&str; 3] = ["guard-1.wasm", "guard-2.wasm", "guard-3.wasm"];

/// The shipped plugin that [`GUARDS`] are copies of.
const GUARD: &str = "ci-guard";

/// Settings and environment with which they let everything out, and serve what was made here and nothing else.
const GUARD_SETTINGS: &str = r#"{"on-ci-only": false, "branches": ["**"], "distrust-remote-on": ["push"]}"#;
/// See [`GUARD_SETTINGS`]: the event, and the branch where the checkout is on none.
pub const GUARD_ENVIRONMENT: [(&str, &str); 3] =
    [("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF_TYPE", "branch"), ("GITHUB_REF_NAME", "main")];

/// Builds the binary and returns its path.
pub fn build() -> Result<PathBuf> {
    run(cargo().args(["build", "--release", "-p", "cachewit"]))?;
    let binary = binary();
    if !binary.is_file() {
        bail!("the build left no {}", binary.display());
    }
    Ok(binary)
}

/// What is of interest in a message of cargo's.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    out_dir: PathBuf,
}

/// The component of a shipped plugin, as the build has embedded it.
pub fn shipped(name: &str) -> Result<PathBuf> {
    let mut build = cargo();
    build.args(["build", "--release", "-p", "cachewit", "--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let output = build.output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("the build of cachewit failed ({})", output.status);
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let folders = messages.filter(|message| message.reason == "build-script-executed").map(|message| message.out_dir);
    let found = folders.map(|folder| folder.join(name).with_extension("wasm")).find(|file| file.is_file());
    found.with_context(|| format!("cargo names no folder with the component of {name}"))
}

/// Makes the component of a policy as an author does: `plugin new` with these roles, and a plain build of the generated crate. `code` takes the
/// place of the generated one.
pub fn scaffolded(binary: &Path, name: &str, roles: &[&str], code: Option<&str>, component: &Path) -> Result<()> {
    let folder = tempfile::tempdir().context("cannot create a folder")?;
    let mut new = Command::new(binary);
    new.current_dir(&folder).args(["plugin", "new", name, "--sdk"]).arg(root().join("guest-sdk"));
    for role in roles {
        new.args(["--role", role]);
    }
    run(new.stdout(Stdio::null()))?;
    let made = folder.path().join(name);
    if let Some(code) = code {
        std::fs::write(made.join("src/lib.rs"), code).with_context(|| format!("cannot write {}", made.display()))?;
    }
    let target = folder.path().join("target");
    let mut build = cargo();
    build.current_dir(&made).env("CARGO_TARGET_DIR", &target);
    // Where it was made is of no interest to whoever has it.
    build.env("RUSTFLAGS", format!("--remap-path-prefix={}=cachewit", root().display()));
    run(build.args(["build", "--release", "--target", "wasm32-wasip2"]))?;
    let built = target.join("wasm32-wasip2/release").join(name.replace('-', "_")).with_extension("wasm");
    std::fs::copy(built, component).with_context(|| format!("cannot write {}", component.display()))?;
    Ok(())
}

/// Has each of [`GUARDS`] taken into a configuration, compiled, and granted what it wishes to know.
pub fn take_guards_in(binary: &Path, config: &Path) -> Result<()> {
    let component = shipped(GUARD)?;
    for guard in GUARDS {
        let mut add = Command::new(binary);
        add.args(["plugin", "add"]).arg(&component).args(["--name", guard.trim_end_matches(".wasm"), "--settings", GUARD_SETTINGS]);
        add.args(["--grant", "fact:branch", "--grant", "fact:ci-event", "--config"]).arg(config).stdout(Stdio::null());
        run(&mut add)?;
    }
    Ok(())
}

/// One shared folder, and how large the store may get.
pub fn stores_and_limits(shared: &Path, max_size: &str) -> String {
    let shared = shared.display().to_string();
    format!(
        "[[store]]\nname = \"shared\"\nkind = \"folder\"\npath = {shared:?}\nmode = \"read-write\"\n\n[limits]\nmax-size = \"{max_size}\"\n"
    )
}

/// Where the build leaves the binary.
pub fn binary() -> PathBuf {
    target_dir().join("release").join(format!("cachewit{}", std::env::consts::EXE_SUFFIX))
}

/// A value of `GOCACHEPROG`: the binary with a configuration file.
pub fn configured(binary: &Path, config: &Path) -> String {
    format!("{} serve --config {}", quoted(binary), quoted(config))
}

/// A configuration that says nothing: the default policy, and none of the settings that this machine's user may have.
pub const EMPTY_CONFIG: &str = "";

/// A configuration with the chain of [`CHAIN`] and one shared folder; `max_size` is a size such as `2GiB`.
pub fn chain_config(shared: &Path, max_size: &str) -> String {
    let policies = CHAIN.map(|name| format!("[[policy]]\nuse = \"builtin:{name}\"\n\n")).concat();
    policies + &stores_and_limits(shared, max_size)
}

/// Where the store lies below a GOCACHE.
pub fn store_below(gocache: &Path) -> PathBuf {
    gocache.join("cachewit")
}

/// A configuration under which no trace is lost and nothing is evicted while a history is recorded.
pub const RECORDING_CONFIG: &str = "[limits]\nmax-size = \"100GiB\"\n\n[trace]\nkeep = 1000000\n";

/// The traces that sessions left in the store below a GOCACHE, as text, the oldest first.
pub fn traces(binary: &Path, gocache: &Path) -> Result<Vec<String>> {
    let exported = scratch("traces")?;
    let mut export = Command::new(binary);
    export.args(["trace", "export", "--root"]).arg(store_below(gocache)).arg("--to").arg(exported.path()).stdout(Stdio::null());
    run(&mut export)?;
    let files =
        std::fs::read_dir(exported.path()).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>());
    let mut files = files.context("cannot list what was exported")?;
    // Their names begin with the time.
    files.sort_unstable();
    files.iter().map(|file| std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))).collect()
}

/// Waits until a session has appended its summary to `file`, which it does when its late work has ended. Whether one did in time.
pub fn wait_for_sessions(file: &Path, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if std::fs::read(file).is_ok_and(|text| text.ends_with(b"\n")) {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `go` splits `GOCACHEPROG` at blanks; an element may be wrapped in quotes if the quote is its first character.
pub fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    if path.contains(char::is_whitespace) { format!("'{path}'") } else { path }
}

/// Makes a `go` command use cachewit, whose sessions append their summaries to `summaries`.
pub fn cached_by(command: &mut Command, gocacheprog: &str, summaries: &Path) {
    summarised_in(command, summaries);
    command.env("GOCACHEPROG", gocacheprog);
}

/// Makes the sessions of a `go` command append their summaries to `summaries`.
pub fn summarised_in(command: &mut Command, summaries: &Path) {
    command.env(SUMMARY_VARIABLE, summaries);
}

/// What one session did, as the binary writes it.
#[derive(Debug, Clone, Deserialize)]
pub struct Summary {
    /// Requests of the kind `get`.
    pub gets: u64,
    /// Of these, answered with a path.
    pub hits: u64,
    /// Of these, answered with a miss.
    pub misses: u64,
    /// Requests of the kind `put`.
    pub puts: u64,
    /// Bytes of their bodies.
    pub put_bytes: u64,
    /// Bytes of the objects that hits named.
    pub hit_bytes: u64,
    /// What went to and came from remote stores.
    pub remote: RemoteSummary,
    /// One entry a configured plugin, in the order of the chain.
    pub policies: Vec<PolicySummary>,
    /// Groups that a trim removed.
    pub evicted_groups: u64,
    /// Bytes of the objects that it removed.
    pub evicted_bytes: u64,
}

/// The remote part of a [`Summary`].
#[derive(Debug, Clone, Deserialize)]
pub struct RemoteSummary {
    /// Objects fetched.
    pub fetched: u64,
    /// Bytes of these objects, unpacked.
    pub fetched_bytes: u64,
    /// Objects shared.
    pub shared: u64,
    /// Bytes of these objects, unpacked.
    pub shared_bytes: u64,
    /// Requests to stores.
    pub round_trips: u64,
    /// Milliseconds that `go` was kept waiting for stores.
    pub waited_ms: u64,
}

/// What one plugin was asked in a session.
#[derive(Debug, Clone, Deserialize)]
pub struct PolicySummary {
    /// The plugin's name.
    pub name: String,
    /// Calls by role.
    pub calls: Calls,
    /// Whether it was taken at a word about hits that it gave in an earlier session.
    #[serde(default)]
    pub abstains_as_before: bool,
    /// Why it was switched off, if it was.
    pub off: Option<String>,
}

/// Calls of one plugin in a session, by role; the summary leaves out a role that was never asked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Calls {
    /// Groups whose admission it was asked.
    pub admission: u64,
    /// Hits that it was asked about.
    pub serving: u64,
    /// Calls at trims.
    pub eviction: u64,
    /// Questions about sets, misses and sharing.
    pub remote: u64,
}

/// A role in which a plugin must have been asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// What may stay and what may leave.
    Admission,
    /// Whether a hit may be served.
    Serving,
}

impl Calls {
    fn of(&self, role: Role) -> u64 {
        match role {
            Role::Admission => self.admission,
            Role::Serving => self.serving,
        }
    }
}

impl Summary {
    /// Waits for the summaries in `file`, which a session writes when its late work has ended, and takes the only one.
    pub fn wait_for_one(file: &Path) -> Result<Self> {
        let deadline = Instant::now() + LATE_WORK;
        loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            if text.ends_with('\n') {
                let mut lines = text.lines();
                let (Some(line), None) = (lines.next(), lines.next()) else {
                    bail!("{} sessions of one go command left summaries in {}", text.lines().count(), file.display());
                };
                return serde_json::from_str(line).with_context(|| format!("the summary {line} is not what xtask knows"));
            }
            if Instant::now() > deadline {
                bail!("the session wrote no summary to {} within {} s of its end", file.display(), LATE_WORK.as_secs());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Fails if a plugin of the chain was switched off, or is missing.
    pub fn check_plugins(&self, expected: &[&str]) -> Result<()> {
        for name in expected {
            match self.policies.iter().find(|policy| policy.name == *name) {
                None => bail!("the session knew no plugin {name}"),
                Some(PolicySummary { off: Some(reason), .. }) => bail!("the plugin {name} was off: {reason}"),
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Fails unless each of these plugins was asked in each of these roles, or has said before that it has no opinion on hits.
    pub fn check_asked(&self, expected: &[&str], roles: &[Role]) -> Result<()> {
        for name in expected {
            for role in roles {
                let has_a_word = |policy: &&PolicySummary| *role == Role::Serving && policy.abstains_as_before;
                let mut policies = self.policies.iter().filter(|policy| policy.name == *name);
                if policies.all(|policy| policy.calls.of(*role) == 0 && !has_a_word(&policy)) {
                    bail!("the plugin {name} was never asked in its role {role:?}");
                }
            }
        }
        Ok(())
    }

    /// Fails where nothing was put and one of these plugins has not judged every hit: a word about a group holds for its members, of which
    /// there are three at most.
    pub fn check_judged(&self, expected: &[&str]) -> Result<()> {
        for name in expected {
            let judged = self.policies.iter().filter(|policy| policy.name == *name).map(|policy| policy.calls.serving).sum::<u64>();
            if self.puts == 0 && judged * 3 < self.hits {
                bail!("the plugin {name} has judged {judged} groups of {} hits", self.hits);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Role, Summary, chain_config, quoted};
    use std::path::Path;

    const LINE: &str = r#"{"sessions":1,"gets":3,"hits":2,"misses":1,"puts":1,"put_bytes":10,"hit_bytes":20,"remote":{"fetched":0,"fetched_bytes":0,"shared":1,"shared_bytes":10,"round_trips":2,"waited_ms":0},"policies":[{"name":"a","calls":{"admission":1,"eviction":0,"remote":0},"off":null},{"name":"b","calls":{},"off":"trapped"}],"evicted_groups":0,"evicted_bytes":0}"#;

    #[test]
    fn a_plugin_that_was_off_missing_or_never_asked_fails_the_run() {
        let summary: Summary = serde_json::from_str(LINE).unwrap();
        assert!(summary.check_plugins(&["a"]).is_ok() && summary.check_asked(&["a"], &[Role::Admission]).is_ok());
        assert!(summary.check_plugins(&["b"]).unwrap_err().to_string().contains("trapped"));
        assert!(summary.check_plugins(&["c"]).is_err());
        assert!(summary.check_asked(&["b"], &[Role::Admission]).is_err());
        assert!(summary.check_asked(&["a"], &[Role::Admission, Role::Serving]).unwrap_err().to_string().contains("Serving"));
    }

    #[test]
    fn blanks_are_quoted_the_way_go_reads_them() {
        assert_eq!(quoted(Path::new("/a b/cachewit")), "'/a b/cachewit'");
        assert_eq!(quoted(Path::new("/a/cachewit")), "/a/cachewit");
    }

    #[test]
    fn the_configuration_names_every_plugin_of_the_chain() {
        let config = chain_config(Path::new("/shared"), "2GiB");
        assert!(super::CHAIN.iter().all(|name| config.contains(&format!("builtin:{name}"))));
    }
}

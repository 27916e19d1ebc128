//! Runs the jobs of a history and collects the traces that their sessions leave.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::file::{Origin, Writer, beginning};
use super::job::{Between, Job, Pick, Place, Program};
use super::revision::{Modules, Source};
use crate::golang::Machine;
use crate::product;
use crate::toolchains::{TESTED, go_version, toolchain};
use crate::workspace::say;

/// The release of staticcheck that lints.
const STATICCHECK: &str = "honnef.co/go/tools/cmd/staticcheck@v0.7.0";

/// How long a command that failed may take to leave a session; it may have touched no cache at all.
const FAILED: Duration = Duration::from_secs(3);

/// Orders of jobs are drawn, and every recording draws the same.
const SEED: u64 = 4;

/// A history that is being recorded: a machine, a checkout and a store of its own.
pub struct Recording<'a> {
    source: &'a Source,
    modules: &'a Modules,
    machine: Machine,
    jobs: Vec<Job>,
    binary: PathBuf,
    gocacheprog: String,
    script: PathBuf,
    other_go: Option<PathBuf>,
    staticcheck: Option<PathBuf>,
    random: fastrand::Rng,
    /// When each command began, and what it was.
    commands: Vec<(i64, Origin)>,
}

/// The folders of a revision.
struct Folders {
    fresh: PathBuf,
    first_package: Option<PathBuf>,
    last_package: Option<PathBuf>,
}

impl<'a> Recording<'a> {
    /// Begins with empty caches in `home`.
    pub fn new(home: &Path, source: &'a Source, modules: &'a Modules, binary: &Path, jobs: &[Job]) -> Result<Self> {
        let machine = Machine::new(modules.go(), home.join("machine"))?;
        let config = home.join("cachewit.toml");
        write(&config, product::RECORDING_CONFIG)?;
        let gocacheprog = product::configured(binary, &config);
        let script = home.join("host.sh");
        // With a line behind it, no shell replaces itself by its last command.
        write(&script, &format!("#!/bin/sh\n{} serve --config {}\nexit $?\n", product::quoted(binary), product::quoted(&config)))?;
        make_executable(&script)?;
        let mut jobs = jobs.to_vec();
        let mut only = |wanted: bool, what: &str, is_such: fn(&Job) -> bool| {
            if !wanted && jobs.iter().any(is_such) {
                say(format!("left out, since {what}: {}", names(jobs.iter().filter(|job| is_such(job)))));
                jobs.retain(|job| !is_such(job));
            }
        };
        only(can_hide_proc(), "this machine allows no namespaces in which /proc is hidden", |job| job.between == Between::NoProc);
        only(cfg!(unix), "there are no shell scripts here", |job| job.between == Between::Script);
        let other_go = if jobs.iter().any(|job| job.program == Program::OtherGo) { Some(other_go(modules.go())?) } else { None };
        let staticcheck = if jobs.iter().any(|job| job.program == Program::Staticcheck) {
            say(format!("{STATICCHECK} lints; the first time it is compiled"));
            Some(modules.program(STATICCHECK)?)
        } else {
            None
        };
        let random = fastrand::Rng::with_seed(SEED);
        let binary = binary.to_path_buf();
        Ok(Self { source, modules, machine, jobs, binary, gocacheprog, script, other_go, staticcheck, random, commands: Vec::new() })
    }

    /// Runs every job at a revision, in an order of its own.
    pub fn revision(&mut self, revision: &str) -> Result<()> {
        let folders = self.check_out(revision)?;
        let mut jobs = self.jobs.clone();
        if jobs.len() > 2 {
            self.random.shuffle(&mut jobs);
        }
        for job in &jobs {
            self.run(job, revision, &folders)?;
        }
        std::fs::remove_dir_all(&folders.fresh).with_context(|| format!("cannot remove {}", folders.fresh.display()))
    }

    /// Writes the sessions of all commands to a file, and returns how many they are.
    pub fn write(self, to: &Path) -> Result<usize> {
        let mut writer = Writer::create(to)?;
        let traces = product::traces(&self.binary, &self.machine.gocache())?;
        for trace in &traces {
            let began = beginning(trace)?;
            // One command at a time ran, and a session begins while its command runs.
            let last = self.commands.partition_point(|(start, _)| *start <= began).checked_sub(1);
            let (_, origin) = last.and_then(|last| self.commands.get(last)).context("a session is older than every command")?;
            writer.add(trace, origin)?;
        }
        writer.finish()?;
        Ok(traces.len())
    }

    fn checkout(&self) -> PathBuf {
        self.machine.work().join("checkout")
    }

    fn workspace(&self) -> PathBuf {
        self.machine.work().join("workspace")
    }

    fn check_out(&mut self, revision: &str) -> Result<Folders> {
        let (work, checkout) = (self.machine.work(), self.checkout());
        let fresh = work.join(format!("ci-{:016x}", self.random.u64(..))).join("module");
        std::fs::create_dir_all(&fresh).with_context(|| format!("cannot create {}", fresh.display()))?;
        self.source.check_out(revision, &fresh, self.modules)?;
        self.modules.fetch_needs(&fresh)?;
        self.source.check_out(revision, &checkout, self.modules)?;
        let mut tested = self.modules.list(&checkout, "{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}")?;
        tested.retain(|dir| Path::new(dir) != checkout);
        let package = "{{if and (ne .Name \"main\") .GoFiles}}{{.ImportPath}}{{end}}";
        let imported = self.modules.list(&checkout, package)?.into_iter().find(|path| !path.contains("internal"));
        self.lay_out_workspace(imported.as_deref())?;
        Ok(Folders { fresh, first_package: tested.first().map(PathBuf::from), last_package: tested.last().map(PathBuf::from) })
    }

    /// A workspace with the checkout and a program that imports a package of it.
    fn lay_out_workspace(&self, imported: Option<&str>) -> Result<()> {
        let version = go_version(self.modules.go())?;
        let release: Vec<&str> = version.trim_start_matches("go").split('.').take(2).collect();
        let release = release.join(".");
        let app = self.workspace().join("app");
        std::fs::create_dir_all(&app).with_context(|| format!("cannot create {}", app.display()))?;
        let import = imported.map(|path| format!("import _ {path:?}\n\n")).unwrap_or_default();
        for (file, text) in [
            (self.workspace().join("go.work"), format!("go {release}\n\nuse (\n\t../checkout\n\t./app\n)\n")),
            (app.join("go.mod"), format!("module example.com/app\n\ngo {release}\n")),
            (app.join("main.go"), format!("package main\n\n{import}func main() {{}}\n")),
        ] {
            // Left alone where it is the same, so that its time stays.
            if std::fs::read_to_string(&file).ok().as_ref() != Some(&text) {
                write(&file, &text)?;
            }
        }
        Ok(())
    }

    fn run(&mut self, job: &Job, revision: &str, folders: &Folders) -> Result<()> {
        let place = match job.place {
            Place::Standing => Some(self.checkout()),
            Place::Fresh => Some(folders.fresh.clone()),
            Place::Elsewhere => Some(self.machine.work()),
            Place::Package(Pick::First) => folders.first_package.clone(),
            Place::Package(Pick::Last) => folders.last_package.clone(),
            Place::Workspace => Some(self.workspace()),
        };
        let Some(place) = place else {
            say(format!("{}: the revision has no such package", job.name));
            return Ok(());
        };
        let outputs = self.machine.work().join("outputs");
        std::fs::create_dir_all(&outputs).with_context(|| format!("cannot create {}", outputs.display()))?;
        let random = outputs.join(format!("{:016x}", self.random.u64(..)));
        write(&random.with_extension("json"), "{\"Replace\":{}}")?;
        let words: Vec<String> = job
            .words
            .iter()
            .map(|word| {
                let word = word.replace("{checkout}", &self.checkout().display().to_string());
                let word = word.replace("{place}", &place.display().to_string());
                word.replace("{random}", &random.display().to_string()).replace("{revision}", revision)
            })
            .collect();
        let mut command = self.command(job);
        command.args(&words).current_dir(&place).stdin(Stdio::null());
        command.env("PWD", &place).envs(job.environment.iter().copied());
        let summaries = random.with_extension("summaries");
        let gocacheprog = if job.between == Between::Script { product::quoted(&self.script) } else { self.gocacheprog.clone() };
        product::cached_by(&mut command, &gocacheprog, &summaries);
        let start = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as i64);
        let output = command.output().with_context(|| format!("cannot start {}", job.name))?;
        let succeeded = output.status.success();
        let has_session = product::wait_for_sessions(&summaries, if succeeded { product::LATE_WORK } else { FAILED });
        if !succeeded {
            // Code that does not pass its own tests or linters is no fault of ours, and the cache is used all the same.
            let said = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
            let said = String::from_utf8_lossy(said);
            say(format!("{} ({}) at {revision}: {} {}", job.name, job.how, output.status, said.lines().last().unwrap_or_default()));
        }
        if !has_session {
            say(format!("{} ({}) at {revision}: no session left a summary", job.name, job.how));
        }
        // What a release build left is as large as the program, every time.
        let _ = std::fs::remove_dir_all(&random);
        let program = if job.program == Program::Staticcheck { "staticcheck" } else { "go" };
        let command = format!("{program} {}", words.join(" "));
        let origin = Origin { revision: revision.to_owned(), job: job.name.to_owned(), how: job.how.to_owned(), command, succeeded };
        self.commands.push((start, origin));
        Ok(())
    }

    /// The program of a job with the machine's environment, behind whatever hides it.
    fn command(&self, job: &Job) -> Command {
        let go = self.modules.go();
        let program = match job.program {
            Program::Go => go,
            Program::OtherGo => self.other_go.as_deref().unwrap_or(go),
            Program::Staticcheck => self.staticcheck.as_deref().unwrap_or(go),
        };
        let mut command = if job.between == Between::NoProc {
            let mut command = self.machine.program(Path::new("unshare"));
            command.args(HIDE_PROC).arg(program);
            // `go` finds its root through /proc.
            if let Some(root) = program.canonicalize().ok().as_deref().and_then(Path::parent).and_then(Path::parent) {
                command.env("GOROOT", root);
            }
            command
        } else {
            self.machine.program(program)
        };
        command.env("GOMODCACHE", self.modules.cache()).env("STATICCHECK_CACHE", self.machine.work().join("staticcheck"));
        // Whatever runs `go` by name gets the same one.
        let go_first = go.parent().into_iter().map(Path::to_path_buf);
        let path = std::env::var_os("PATH").unwrap_or_default();
        if let Ok(path) = std::env::join_paths(go_first.chain(std::env::split_paths(&path))) {
            command.env("PATH", path);
        }
        command
    }
}

/// Runs what follows where /proc is an empty folder.
const HIDE_PROC: [&str; 5] = ["--map-root-user", "--mount", "sh", "-ec", "mount -t tmpfs none /proc\nexec \"$0\" \"$@\""];

fn can_hide_proc() -> bool {
    let mut command = Command::new("unshare");
    command.args(HIDE_PROC).args(["test", "!", "-e", "/proc/self"]).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A tested release of Go of another minor version than `go`, the newest.
fn other_go(go: &Path) -> Result<PathBuf> {
    let minor = |version: &str| version.trim_start_matches("go").split('.').nth(1).map(str::to_owned);
    let own = minor(&go_version(go)?);
    let other = TESTED.iter().rev().find(|version| minor(version) != own).context("every tested Go is the machine's")?;
    toolchain(other)
}

fn names<'a>(jobs: impl Iterator<Item = &'a Job>) -> String {
    jobs.map(|job| format!("{} ({})", job.name, job.how)).collect::<Vec<_>>().join(", ")
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn make_executable(file: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755))?;
    }
    let _ = file;
    Ok(())
}

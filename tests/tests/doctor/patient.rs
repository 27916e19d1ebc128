//! A machine on which one thing is wrong, and what the doctor finds on it.

use cachewit::model::Digest;
use cachewit_tests::go::{Toolchain, binary};
use cachewit_tests::script::{Home, Script, noise};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// A machine on which one thing is wrong.
pub struct Patient {
    pub home: Home,
    variables: BTreeMap<OsString, OsString>,
    /// Whom processes are started as, if not as who runs the tests; see [`Home::let_in`].
    pub user: Option<u32>,
    /// Lines of shell that mount something for the doctor alone.
    pub mounts: Option<String>,
}

/// What the doctor found.
pub struct Report {
    pub findings: Vec<Value>,
    /// The exit code.
    pub code: Option<i32>,
}

impl Patient {
    /// One with which nothing is wrong: `go` starts cachewit, and a session has put something.
    pub fn new() -> Self {
        let home = Home::new();
        let go = Toolchain::machine();
        let bin = go.path().parent().expect("the folder of go").display().to_string();
        let mut patient = Self { home, variables: BTreeMap::new(), user: None, mounts: None };
        patient.set("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap_or_default()));
        patient.set("GOCACHEPROG", binary());
        for (name, folder) in [
            ("GOCACHE", "gocache"),
            ("HOME", ""),
            ("XDG_CACHE_HOME", "xdg"),
            ("XDG_CONFIG_HOME", "config"),
            ("GOENV", "goenv"),
            ("CACHEWIT_CONFIG", "default.toml"),
            ("TMPDIR", "tmp"),
        ] {
            let path = patient.home.path().join(folder);
            patient.set(name, path);
        }
        std::fs::create_dir(patient.home.path().join("tmp")).expect("a folder");
        patient.set("GOTOOLCHAIN", "local");
        patient.set("GOFLAGS", "");
        let mut go = patient.session();
        go.put(action(0), &noise(1, 5_000));
        assert!(go.close().success);
        patient
    }

    pub fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.variables.insert(name.into(), value.as_ref().to_owned());
    }

    pub fn unset(&mut self, name: &str) {
        self.variables.remove(OsStr::new(name));
    }

    pub fn session(&self) -> Script {
        self.home.session(&[]).env("TMPDIR", self.home.path().join("tmp")).start()
    }

    pub fn command(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
        let mut command = match &self.mounts {
            None => Command::new(program),
            Some(lines) => {
                let mut command = Command::new("unshare");
                command.args(["--map-root-user", "--mount", "sh", "-ec", &format!("{lines}\nexec \"$0\" \"$@\"")]).arg(program);
                command
            }
        };
        command.args(arguments).current_dir(self.home.path().join("work")).env_clear().envs(&self.variables);
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    /// A real `go` under the same conditions.
    pub fn go(&self, arguments: &[&str]) -> Output {
        self.command(Toolchain::machine().path(), arguments).output().expect("go starts")
    }

    pub fn doctor(&self) -> Report {
        self.doctor_with(&[])
    }

    pub fn doctor_with(&self, arguments: &[&str]) -> Report {
        let program = if self.user.is_some() { self.home.path().join("cachewit") } else { binary() };
        let output = self.command(program, &[&["doctor", "--json"], arguments].concat()).output().expect("cachewit starts");
        let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        Report { findings: json["findings"].as_array().expect("findings").clone(), code: output.status.code() }
    }
}

impl Report {
    /// The one finding of that code that is not good: its level, text and remedy.
    pub fn wrong(&self, code: &str) -> (&str, &str) {
        let found: Vec<&Value> = self.findings.iter().filter(|finding| finding["code"] == code && finding["level"] != "good").collect();
        let [finding] = found[..] else { panic!("{} findings {code}: {:#?}", found.len(), self.findings) };
        assert!(finding["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{finding}");
        (finding["level"].as_str().expect("a level"), finding["text"].as_str().expect("a text"))
    }

    /// A warning that speaks of this.
    pub fn warns(&self, code: &str, text: &str) {
        let (level, found) = self.wrong(code);
        assert!(level == "warning" && found.contains(text), "{level}: {found}");
    }

    /// An error that speaks of this; a script sees it by the exit code.
    pub fn fails(&self, code: &str, text: &str) {
        let (level, found) = self.wrong(code);
        assert!(level == "error" && found.contains(text), "{level}: {found}");
        assert_eq!(self.code, Some(1));
    }

    /// Nothing of that code is wrong.
    pub fn is_well(&self, code: &str) {
        let wrong = self.findings.iter().find(|finding| finding["code"] == code && finding["level"] != "good");
        assert!(wrong.is_none(), "{wrong:?}");
    }

    /// A good finding that speaks of this.
    pub fn says(&self, code: &str, text: &str) {
        let says = |finding: &&Value| finding["code"] == code && finding["text"].as_str().is_some_and(|found| found.contains(text));
        assert!(self.findings.iter().any(|finding| says(&finding)), "no {code} with {text}: {:#?}", self.findings);
    }
}

pub fn action(number: u64) -> Digest {
    Digest::of(format!("action {number}").as_bytes())
}

pub fn chmod(path: impl AsRef<Path>, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a file of ours");
}

pub fn age(path: impl AsRef<Path>, age: Duration) {
    File::open(path).and_then(|file| file.set_modified(SystemTime::now() - age)).expect("a file of ours");
}

pub fn entries(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect()
}

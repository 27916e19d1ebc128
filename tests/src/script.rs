//! A scripted `go`: speaks GOCACHEPROG to the real binary, one request at a time, in the shapes that `go` writes.

use crate::go::binary;
use crate::patience;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cachewit::model::Digest;
use cachewit::store::{Index, Layout};
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A machine of its own: HOME, caches and a store that nothing else touches.
pub struct Home {
    dir: TempDir,
}

impl Home {
    /// An empty one.
    ///
    /// # Panics
    /// Where no temporary folder can be made.
    #[expect(clippy::new_without_default, reason = "it makes folders")]
    pub fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// An empty one below a folder, as on a file system that the test has chosen.
    ///
    /// # Panics
    /// Where no folder can be made there.
    pub fn below(folder: &Path) -> Self {
        let dir = tempfile::Builder::new().prefix("cachewit-home-").tempdir_in(folder).expect("a temporary folder");
        for folder in ["gocache", "xdg", "config", "work"] {
            std::fs::create_dir(dir.path().join(folder)).expect("a folder of the machine");
        }
        std::fs::write(dir.path().join("default.toml"), "").expect("an empty configuration");
        Self { dir }
    }

    /// Its root.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file below the root and returns its path.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder of the file")).expect("a folder for the file");
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    /// Where the store lies.
    ///
    /// # Panics
    /// Never: temporary folders are UTF-8.
    pub fn layout(&self) -> Layout {
        Layout::new(&self.path().join("gocache/cachewit")).expect("a store folder")
    }

    /// The index of the store, as sessions left it.
    ///
    /// # Panics
    /// Where it cannot be opened.
    pub fn index(&self) -> Index {
        Index::open(&self.layout().index()).expect("the index opens")
    }

    /// Compiles a plugin, so that it is ready at the first question. What is wrong with it is for sessions to find out.
    ///
    /// # Panics
    /// Where cachewit cannot be started.
    pub fn compile(&self, plugin: &Path) {
        let mut check = Command::new(binary());
        check.args(["plugin", "check"]).arg(plugin).env("HOME", self.path()).env("XDG_CACHE_HOME", self.path().join("xdg"));
        check.output().expect("cachewit runs");
    }

    /// A command of cachewit for this machine's user.
    ///
    /// # Panics
    /// Where cachewit cannot be started.
    pub fn cachewit(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(binary());
        command.args(arguments).env("HOME", self.path()).env("XDG_CACHE_HOME", self.path().join("xdg"));
        command.env("XDG_CONFIG_HOME", self.path().join("config")).env_remove("CACHEWIT_CONFIG");
        command.output().expect("cachewit runs")
    }

    /// A session with these arguments of cachewit, not on CI.
    pub fn session(&self, arguments: &[&str]) -> Session<'_> {
        Session {
            home: self,
            arguments: arguments.iter().map(OsString::from).collect(),
            variables: Vec::new(),
            mounts: None,
            own_pids: false,
            user: None,
        }
    }

    /// Lets another user in: gives it a folder of its own, which is returned, and cachewit beside it, since the one under test may lie where
    /// nobody else may look.
    ///
    /// # Panics
    /// Where this user may not give files away.
    #[cfg(unix)]
    pub fn let_in(&self, user: u32) -> PathBuf {
        use std::os::unix::fs::{PermissionsExt as _, chown};
        std::fs::set_permissions(self.path(), std::fs::Permissions::from_mode(0o755)).expect("the folder is ours");
        let own = self.path().join("other");
        if !own.exists() {
            std::fs::create_dir_all(own.join("tmp")).expect("a folder for the other user");
            std::fs::copy(binary(), self.path().join("cachewit")).expect("a copy of cachewit");
        }
        for folder in [own.clone(), own.join("tmp")] {
            chown(folder, Some(user), Some(user)).expect("the folder can be given away");
        }
        own
    }
}

/// A session that has not begun.
#[must_use = "nothing runs before `start`"]
pub struct Session<'a> {
    home: &'a Home,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    mounts: Option<String>,
    own_pids: bool,
    user: Option<u32>,
}

impl Session<'_> {
    /// Sets a variable of the environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Limits the store, in bytes.
    pub fn max_size(self, bytes: u64) -> Self {
        self.env("CACHEWIT_MAX_SIZE", bytes.to_string())
    }

    /// Runs the host where these lines of shell have mounted something that nobody else sees, in namespaces of its own.
    pub fn mounted(mut self, lines: impl Into<String>) -> Self {
        self.mounts = Some(lines.into());
        self
    }

    /// Runs the host where it counts processes from 1, as the only one in a container does.
    pub fn with_pids_of_its_own(mut self) -> Self {
        self.own_pids = true;
        self
    }

    /// Runs the host as another user, whose HOME and temporary folder are its own; see [`Home::let_in`].
    #[cfg(unix)]
    pub fn user(mut self, user: u32) -> Self {
        let own = self.home.let_in(user);
        self.user = Some(user);
        self.env("HOME", &own).env("XDG_CACHE_HOME", own.join("xdg")).env("TMPDIR", own.join("tmp"))
    }

    /// Starts the host and reads its greeting.
    ///
    /// # Panics
    /// Where there is no greeting.
    pub fn start(self) -> Script {
        let home = self.home.path();
        let summary = tempfile::Builder::new().prefix("summary-").tempfile_in(home).expect("a file for the summary").into_temp_path();
        let mut command = match &self.mounts {
            None if self.own_pids => {
                let mut command = Command::new("unshare");
                command.args(["--map-root-user", "--pid", "--fork", "--kill-child"]).arg(binary());
                command
            }
            #[cfg(unix)]
            None if self.user.is_some() => {
                use std::os::unix::process::CommandExt as _;
                let user = self.user.unwrap_or_default();
                std::os::unix::fs::chown(&summary, Some(user), Some(user)).expect("the summary can be given away");
                let mut command = Command::new(home.join("cachewit"));
                command.uid(user).gid(user);
                command
            }
            None => Command::new(binary()),
            Some(lines) => {
                let mut command = Command::new("unshare");
                command.args(["--map-root-user", "--mount", "sh", "-ec", &format!("{lines}\nexec \"$0\" \"$@\"")]).arg(binary());
                command
            }
        };
        command.args(&self.arguments).env_clear().current_dir(home.join("work"));
        // Windows programs do not start without it.
        command.envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)));
        // For the programs that mount.
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("HOME", home).env("XDG_CACHE_HOME", home.join("xdg")).env("XDG_CONFIG_HOME", home.join("config"));
        command.env("GOCACHE", home.join("gocache")).env("CACHEWIT_CONFIG", home.join("default.toml")).env("CI", "");
        command.env("CACHEWIT_SUMMARY", &*summary).envs(self.variables);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("cachewit starts");
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut pipe = child.stderr.take().expect("a pipe");
        let stderr = std::thread::spawn(move || {
            let mut text = Vec::new();
            // What was read before an error counts.
            let _ = pipe.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut script = Script { child, stdin, stdout, stderr, summary, id: 0 };
        let greeting = script.answer(0).expect("a greeting");
        assert_eq!(greeting["KnownCommands"].as_array().map(Vec::len), Some(3), "{greeting}");
        script
    }
}

/// What a get found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The output that the host announced.
    pub output: Digest,
    /// Its size.
    pub size: u64,
    /// When it was put, as the host wrote it.
    pub time: String,
    /// Where it lies.
    pub path: PathBuf,
}

impl Hit {
    /// Whether the file is what was announced.
    pub fn is_whole(&self) -> bool {
        std::fs::read(&self.path).is_ok_and(|body| body.len() as u64 == self.size && Digest::of(&body) == self.output)
    }
}

/// A session that runs.
pub struct Script {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    stderr: JoinHandle<String>,
    summary: tempfile::TempPath,
    id: i64,
}

impl Script {
    /// The number of the host's process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    fn send(&mut self, request: &str) -> std::io::Result<()> {
        self.stdin.write_all(request.as_bytes())?;
        self.stdin.flush()
    }

    /// The next answer, which must be the one to `id`. None where the host is gone.
    fn answer(&mut self, id: i64) -> Option<Value> {
        self.wait_for_answer();
        let mut line = String::new();
        // A host that was killed may leave half a line.
        if self.stdout.read_line(&mut line).ok()? == 0 || !line.ends_with('\n') {
            return None;
        }
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(answer["ID"].as_i64(), Some(id), "{line}");
        Some(answer)
    }

    /// Gives a host up that hangs.
    ///
    /// # Panics
    /// Where it does.
    fn wait_for_answer(&mut self) {
        #[cfg(unix)]
        if self.stdout.buffer().is_empty() {
            use rustix::event::{PollFd, PollFlags, Timespec, poll};
            let timeout = Timespec { tv_sec: patience().as_secs() as i64, tv_nsec: 0 };
            let ready = poll(&mut [PollFd::new(self.stdout.get_ref(), PollFlags::IN)], Some(&timeout)).expect("a pipe can be waited for");
            if ready == 0 {
                let _ = self.child.kill();
                panic!("the host does not answer within {} s", patience().as_secs());
            }
        }
    }

    fn next_id(&mut self) -> i64 {
        self.id += 1;
        self.id
    }

    /// Asks for an action; None where the host is gone.
    ///
    /// # Panics
    /// Where the answer is none.
    pub fn try_get(&mut self, action: Digest) -> Option<Option<Hit>> {
        let id = self.next_id();
        let action = STANDARD.encode(action.0);
        self.send(&format!("{{\"ID\":{id},\"Command\":\"get\",\"ActionID\":\"{action}\"}}\n\n")).ok()?;
        let answer = self.answer(id)?;
        if answer["Miss"] == true {
            return Some(None);
        }
        let output = answer["OutputID"].as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_else(|| panic!("{answer}"));
        Some(Some(Hit {
            output: Digest::from_slice(&output).expect("32 bytes"),
            size: answer["Size"].as_u64().unwrap_or(0),
            time: answer["Time"].as_str().expect("a time").to_owned(),
            path: answer["DiskPath"].as_str().expect("a path").into(),
        }))
    }

    /// Asks for an action; None is a miss.
    ///
    /// # Panics
    /// Where the host is gone.
    pub fn get(&mut self, action: Digest) -> Option<Hit> {
        self.try_get(action).expect("the host answers")
    }

    /// Puts a body; None where the host is gone before it answered.
    ///
    /// # Panics
    /// Where the put is refused.
    pub fn try_put(&mut self, action: Digest, body: &[u8]) -> Option<PathBuf> {
        let id = self.next_id();
        let (action, output) = (STANDARD.encode(action.0), STANDARD.encode(Digest::of(body).0));
        let head = format!("{{\"ID\":{id},\"Command\":\"put\",\"ActionID\":\"{action}\",\"OutputID\":\"{output}\"");
        let request = match body.len() {
            0 => format!("{head}}}\n\n"),
            size => format!("{head},\"BodySize\":{size}}}\n\n\"{}\"\n", STANDARD.encode(body)),
        };
        self.send(&request).ok()?;
        let answer = self.answer(id)?;
        Some(answer["DiskPath"].as_str().unwrap_or_else(|| panic!("{answer}")).into())
    }

    /// Puts a body and returns its path.
    ///
    /// # Panics
    /// Where the host is gone, or refuses.
    pub fn put(&mut self, action: Digest, body: &[u8]) -> PathBuf {
        self.try_put(action, body).expect("the host answers")
    }

    /// Puts a group as a compile does: the list of its sources, the compiler's text, which is empty, and the archive.
    pub fn put_group(&mut self, head: Digest, archive: &[u8], sources: &[u8]) {
        self.put(head.subkey("srcfiles"), sources);
        self.put(head.subkey("stdout"), b"");
        self.put(head, archive);
    }

    /// Sends so many characters of a put's body, or all of the put if it has no more, and reads no answer.
    pub fn begin_put(&mut self, action: Digest, body: &[u8], sent: usize) {
        let id = self.next_id();
        let (action, output) = (STANDARD.encode(action.0), STANDARD.encode(Digest::of(body).0));
        let size = body.len();
        let mut request =
            format!("{{\"ID\":{id},\"Command\":\"put\",\"ActionID\":\"{action}\",\"OutputID\":\"{output}\",\"BodySize\":{size}}}\n\n\"");
        let text = STANDARD.encode(body) + "\"\n";
        request.push_str(&text[..sent.min(text.len())]);
        // The host may be gone already, which is the point.
        let _ = self.send(&request);
    }

    /// Closes, and kills the host as soon as it has answered.
    ///
    /// # Panics
    /// Where close is not answered.
    pub fn close_and_kill(mut self) {
        let id = self.next_id();
        self.send(&format!("{{\"ID\":{id},\"Command\":\"close\"}}\n\n")).expect("the host reads");
        self.answer(id).expect("close is answered");
        self.kill();
    }

    /// Closes as most `go` commands do, and waits for the end of the process.
    ///
    /// # Panics
    /// Where close is not answered, or the process does not end.
    pub fn close(mut self) -> Ended {
        self.begin_close();
        self.end()
    }

    /// Closes, and goes on as soon as that is answered; [`Script::vanish`] waits for the end of the process.
    ///
    /// # Panics
    /// Where close is not answered.
    pub fn begin_close(&mut self) {
        let id = self.next_id();
        self.send(&format!("{{\"ID\":{id},\"Command\":\"close\"}}\n\n")).expect("the host reads");
        let answer = self.answer(id).expect("close is answered");
        assert!(answer["Err"].is_null(), "{answer}");
    }

    /// Goes away without a close, as `go list` does, and waits for the end of the process.
    ///
    /// # Panics
    /// Where the process does not end.
    pub fn vanish(self) -> Ended {
        self.end()
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// Where the process cannot be waited for.
    pub fn kill(mut self) {
        // A process that has ended by itself cannot be killed.
        let _ = self.child.kill();
        self.child.wait().expect("the process can be waited for");
        let _ = self.stderr.join();
    }

    fn end(self) -> Ended {
        let Self { mut child, stdin, stdout, stderr, summary, .. } = self;
        let began = Instant::now();
        drop((stdin, stdout));
        let status = loop {
            if let Some(status) = child.try_wait().expect("the process can be waited for") {
                break status;
            }
            if began.elapsed() > patience() {
                let _ = child.kill();
                panic!("the session goes on {} s after its end", patience().as_secs());
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let text = std::fs::read_to_string(&summary).expect("the summary can be read");
        Ended {
            success: status.success(),
            stderr: stderr.join().expect("stderr was read"),
            summary: serde_json::from_str(text.trim()).unwrap_or(Value::Null),
            took: began.elapsed(),
        }
    }
}

/// What a session left.
#[derive(Debug)]
pub struct Ended {
    /// Whether the host exited with zero.
    pub success: bool,
    /// What it said.
    pub stderr: String,
    /// Its summary; null where it wrote none.
    pub summary: Value,
    /// How long it went on after its end.
    pub took: Duration,
}

impl Ended {
    /// A number of the summary by its path: `/counts`.
    ///
    /// # Panics
    /// Where there is no such number.
    pub fn count(&self, pointer: &str) -> u64 {
        let number = self.summary.pointer(pointer).and_then(Value::as_u64);
        number.unwrap_or_else(|| panic!("no number {pointer} in {}", self.summary))
    }

    /// What went wrong, as the summary has it.
    ///
    /// # Panics
    /// Where there is no summary.
    pub fn faults(&self) -> Vec<String> {
        let faults = self.summary["faults"].as_array().unwrap_or_else(|| panic!("no summary: {self:?}"));
        faults.iter().map(|line| line.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// What the summary says of a plugin.
    ///
    /// # Panics
    /// Where it does not name it.
    pub fn policy(&self, name: &str) -> &Value {
        let policies = self.summary["policies"].as_array().map(Vec::as_slice).unwrap_or_default();
        policies.iter().find(|policy| policy["name"] == name).unwrap_or_else(|| panic!("no plugin {name} in {}", self.summary))
    }
}

/// All that a `go` writes which puts one body and closes.
pub fn put_and_close(action: Digest, body: &[u8]) -> String {
    let (action, output, size) = (STANDARD.encode(action.0), STANDARD.encode(Digest::of(body).0), body.len());
    let put = format!("{{\"ID\":1,\"Command\":\"put\",\"ActionID\":\"{action}\",\"OutputID\":\"{output}\",\"BodySize\":{size}}}");
    format!("{put}\n\n\"{}\"\n{{\"ID\":2,\"Command\":\"close\"}}\n\n", STANDARD.encode(body))
}

/// `length` bytes that look random, that begin like nothing `go` makes, and that another `seed` makes different.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// The same, beginning like a compiled package.
pub fn archive(seed: u64, length: usize) -> Vec<u8> {
    let mut body =
        b"!<arch>\n__.PKGDEF       0           0     0     644     100       `\ngo object linux amd64 go1.27.3 X:none\n".to_vec();
    body.extend(noise(seed, length.saturating_sub(body.len())));
    body
}

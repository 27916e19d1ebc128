//! The program that runs the component, and what is said to it.

use crate::build;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A component and how it is to be started.
#[derive(Clone, Debug)]
pub struct Setup {
    plugin: PathBuf,
    settings: String,
}

/// Why a component cannot be used: it is none, its settings are wrong, or there is no `cachewit`.
#[derive(Debug)]
pub struct Unusable(String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}

/// A component that can be asked. It has the traits of all roles; a question of a role that it does not have is a panic, and so is one
/// that it does not survive.
#[derive(Debug)]
pub struct Component {
    program: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// Names of variables of the environment that it wishes to know.
    variables: Vec<String>,
    lines: Vec<(u32, String)>,
    counters: BTreeMap<String, u64>,
    /// Of the trim that is going on.
    pub(crate) scores: Vec<f64>,
}

impl Setup {
    pub(crate) fn of(plugin: PathBuf) -> Self {
        Self { plugin, settings: "{}".to_owned() }
    }

    /// With these settings, a JSON object.
    #[must_use]
    pub fn settings(self, json: &str) -> Self {
        Self { settings: json.to_owned(), ..self }
    }

    /// Starts it.
    pub fn start(&self) -> Result<Component, Unusable> {
        // A question would say as much, but later.
        answer(Command::new(program()).args(["plugin", "check"]).arg(&self.plugin).args(["--settings", &self.settings]))?;
        let looked_at = answer(Command::new(program()).args(["plugin", "inspect", "--json"]).arg(&self.plugin))?;
        let looked_at: Value = serde_json::from_str(&looked_at).map_err(|error| Unusable(format!("`cachewit plugin inspect`: {error}")))?;
        let wishes = looked_at["wishes"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let variables = wishes.filter_map(|wish| wish.strip_prefix("env:")).map(str::to_owned).collect();
        let mut command = Command::new(program());
        command.args(["plugin", "eval"]).arg(&self.plugin).args(["--settings", &self.settings]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut program = command.spawn().map_err(|error| cannot_start(&error))?;
        let (Some(questions), Some(answers)) = (program.stdin.take(), program.stdout.take()) else {
            return Err(Unusable("the program has no pipes".to_owned()));
        };
        Ok(Component {
            program,
            questions: Some(questions),
            answers: BufReader::new(answers),
            variables,
            lines: Vec::new(),
            counters: BTreeMap::new(),
            scores: Vec::new(),
        })
    }
}

impl Component {
    /// The component in this file, or a plugin that comes with cachewit: `builtin:NAME`.
    pub fn of(plugin: impl AsRef<Path>) -> Setup {
        Setup::of(plugin.as_ref().to_owned())
    }

    /// The component of the package whose test this is, built anew if need be.
    ///
    /// # Panics
    /// If it does not build.
    pub fn built() -> Setup {
        build::component_of_this_package()
    }

    /// Takes the (level, message) lines that it logged, as `fake::take_log` does.
    pub fn take_log(&mut self) -> Vec<(u32, String)> {
        std::mem::take(&mut self.lines)
    }

    /// Takes what it counted, as `fake::take_counters` does.
    pub fn take_counters(&mut self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.counters)
    }

    /// Names of variables of the environment that it wishes to know.
    pub(crate) fn variables(&self) -> &[String] {
        &self.variables
    }

    /// Asks one question. `question` is the key of the event that `content` is of.
    pub(crate) fn ask(&mut self, question: &str, content: Value, session: Option<Map<String, Value>>) -> Value {
        let mut event = Map::from_iter([(question.to_owned(), content)]);
        if let Some(session) = session {
            event.insert("session".to_owned(), session.into());
        }
        let mut answer = self.exchange(&Value::from(event)).unwrap_or_else(|why| panic!("no answer to `{question}`: {why}"));
        for line in answer["log"].as_array().into_iter().flatten() {
            let level = line["level"].as_u64().and_then(|level| u32::try_from(level).ok()).unwrap_or_default();
            self.lines.push((level, line["text"].as_str().unwrap_or_default().to_owned()));
        }
        for (name, value) in answer["counters"].as_object().into_iter().flatten() {
            *self.counters.entry(name.clone()).or_default() += value.as_u64().unwrap_or_default();
        }
        if let Some(error) = answer.get("error") {
            let lines: Vec<&str> = self.lines.iter().map(|(_, text)| text.as_str()).collect();
            panic!("the component fails in {}; it logged {lines:?}", error.as_str().unwrap_or_default());
        }
        answer.take()
    }

    fn exchange(&mut self, event: &Value) -> Result<Value, String> {
        let asked = self.questions.as_mut().map(|questions| writeln!(questions, "{event}").and_then(|()| questions.flush()));
        let mut line = String::new();
        if asked.is_none_or(|asked| asked.is_err()) || self.answers.read_line(&mut line).is_err() || line.is_empty() {
            return Err(self.last_words());
        }
        serde_json::from_str(&line).map_err(|error| format!("{error} in {line}"))
    }

    /// What a program that ends too early says.
    fn last_words(&mut self) -> String {
        self.questions = None;
        let mut said = String::new();
        if let Some(mut errors) = self.program.stderr.take() {
            // What cannot be read is not said.
            let _ = errors.read_to_string(&mut said);
        }
        said.trim_end().to_owned()
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        // It ends with its input; nobody wants to know how.
        self.questions = None;
        let _ = self.program.wait();
    }
}

fn program() -> OsString {
    std::env::var_os("CACHEWIT_BIN").unwrap_or_else(|| "cachewit".into())
}

fn cannot_start(error: &std::io::Error) -> Unusable {
    let program = program();
    Unusable(format!("cannot start {}: {error}; install cachewit, or name it in CACHEWIT_BIN", program.display()))
}

/// What a command prints, or what is wrong.
fn answer(command: &mut Command) -> Result<String, Unusable> {
    let output = command.output().map_err(|error| cannot_start(&error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Unusable(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()))
}

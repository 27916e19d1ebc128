//! `cachewit doctor`: everything that can be wrong with the set-up and be seen from outside. Each finding has a code that stays.

use super::Settings;
use super::resolve::{go, gocache, human};
use crate::cache::default_max_size;
use crate::config::{self, Config, Flags, PluginSource};
use crate::platform;
use crate::policy::load_one;
use crate::policy::wasm::ArtifactStore;
use crate::store::{Layout, Lease, open_index};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// The arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Good,
    Warning,
    Error,
}

struct Finding {
    code: &'static str,
    level: Level,
    text: String,
    remedy: Option<String>,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn good(&mut self, code: &'static str, text: impl Into<String>) {
        self.0.push(Finding { code, level: Level::Good, text: text.into(), remedy: None });
    }

    fn warn(&mut self, code: &'static str, text: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Finding { code, level: Level::Warning, text: text.into(), remedy: Some(remedy.into()) });
    }

    fn error(&mut self, code: &'static str, text: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Finding { code, level: Level::Error, text: text.into(), remedy: Some(remedy.into()) });
    }
}

/// Looks. The exit code is 1 if there is an error among the findings.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let mut findings = Findings::default();
    go_version(&mut findings);
    let environment = config::environment();
    gocacheprog(&mut findings);
    match gocache(&environment) {
        Ok(gocache) => {
            cache_folder(&mut findings, &gocache);
            let flags = Flags { config: arguments.settings.config.clone(), root: arguments.settings.root.clone(), plugins: Vec::new() };
            match Config::resolve(&flags, &environment, &gocache) {
                Ok(config) => {
                    let from = config.file.as_ref().map_or("defaults and environment".to_owned(), |path| path.display().to_string());
                    findings.good("CW030", format!("settings: {from}"));
                    store(&mut findings, &config, &gocache);
                    plugins(&mut findings, &config);
                }
                Err(error) => {
                    findings.error("CW030", error.to_string(), "correct it; until then builds go on with defaults and share nothing");
                }
            }
        }
        Err(error) => findings.error("CW010", error.to_string(), "install Go, or set GOCACHE"),
    }
    let failed = findings.0.iter().any(|finding| finding.level == Level::Error);
    if arguments.json {
        let one = |finding: &Finding| {
            let level = match finding.level {
                Level::Good => "good",
                Level::Warning => "warning",
                Level::Error => "error",
            };
            json!({ "code": finding.code, "level": level, "text": finding.text, "remedy": finding.remedy })
        };
        println!("{}", json!({ "findings": findings.0.iter().map(one).collect::<Vec<_>>() }));
    } else {
        for Finding { code, level, text, remedy } in &findings.0 {
            let mark = match level {
                Level::Good => "ok     ",
                Level::Warning => "warning",
                Level::Error => "ERROR  ",
            };
            println!("{mark} {code}  {text}");
            if let Some(remedy) = remedy {
                println!("               → {remedy}");
            }
        }
    }
    ExitCode::from(u8::from(failed))
}

fn go_version(findings: &mut Findings) {
    let Ok(output) = go().args(["env", "GOVERSION"]).output() else {
        findings.error("CW001", "there is no `go` in PATH", "install Go 1.24 or newer");
        return;
    };
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let minor = version.strip_prefix("go1.").and_then(|rest| rest.split(['.', 'r', 'b', '-', ' ']).next()?.parse::<u32>().ok());
    let experiment = version.contains("cacheprog");
    match minor {
        Some(minor) if minor >= 24 || minor >= 21 && experiment => findings.good("CW001", format!("{version} asks GOCACHEPROG")),
        Some(_) => findings.error("CW001", format!("{version} ignores GOCACHEPROG without a word"), "use Go 1.24 or newer"),
        None => findings.warn(
            "CW001",
            format!("`go env GOVERSION` says `{version}`, which tells nothing"),
            "make sure that it is Go 1.24 or newer",
        ),
    }
}

fn gocacheprog(findings: &mut Findings) {
    let value = std::env::var("GOCACHEPROG").ok().filter(|value| !value.is_empty()).or_else(|| {
        // Without the variable cleared for us, so that the go/env file counts; a `go env NAME` starts no host.
        let output = go().args(["env", "GOCACHEPROG"]).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|value| !value.is_empty())
    });
    let Some(value) = value else {
        findings.warn(
            "CW020",
            "GOCACHEPROG is not set, so no `go` uses cachewit",
            "export GOCACHEPROG=cachewit, or `go env -w GOCACHEPROG=cachewit`",
        );
        return;
    };
    let words = match split(&value) {
        Ok(words) => words,
        Err(problem) => {
            findings.error(
                "CW021",
                format!("GOCACHEPROG is `{value}`: {problem}"),
                "quote an element that has blanks with '…' or \"…\", the quote being its first character",
            );
            return;
        }
    };
    let Some(program) = words.first() else {
        findings.error("CW021", "GOCACHEPROG has only blanks", "export GOCACHEPROG=cachewit");
        return;
    };
    match find_program(program) {
        Some(path) if path.file_stem().is_some_and(|name| name == "cachewit") => {
            findings.good("CW022", format!("GOCACHEPROG starts {}", path.display()));
        }
        Some(path) => {
            findings.warn("CW022", format!("GOCACHEPROG starts {} and not cachewit", path.display()), "export GOCACHEPROG=cachewit");
        }
        None => findings.error(
            "CW022",
            format!("GOCACHEPROG names `{program}`, which is not there; every `go` command fails"),
            "give its absolute path, or put it into PATH",
        ),
    }
    for plugin in words.iter().skip(1).filter(|word| Path::new(word).extension().is_some_and(|extension| extension == "wasm")) {
        let path = Path::new(plugin);
        if path.is_relative() {
            findings.warn(
                "CW023",
                format!("GOCACHEPROG names the plugin `{plugin}` relative to wherever `go` runs"),
                "give its absolute path",
            );
        } else if !path.exists() {
            findings.error(
                "CW023",
                format!("GOCACHEPROG names the plugin `{plugin}`, which is not there"),
                "correct the path; until then builds go on without it",
            );
        }
    }
}

/// Splits as `go` does: at blanks, and an element may be wrapped in quotes if the quote is its first character.
fn split(value: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = value.trim_start_matches([' ', '\t', '\r', '\n']);
    while let Some(first) = rest.chars().next() {
        let (word, after) = if first == '\'' || first == '"' {
            rest[1..].split_once(first).ok_or("an element's quote is not closed")?
        } else {
            rest.split_at(rest.find([' ', '\t', '\r', '\n']).unwrap_or(rest.len()))
        };
        words.push(word.to_owned());
        rest = after.trim_start_matches([' ', '\t', '\r', '\n']);
    }
    Ok(words)
}

fn find_program(program: &str) -> Option<PathBuf> {
    if program.contains(['/', '\\']) {
        return Some(PathBuf::from(program)).filter(|path| path.is_file());
    }
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())
}

fn cache_folder(findings: &mut Findings, gocache: &Path) {
    if std::env::var("GOCACHE").is_ok_and(|value| value == "off") {
        findings.error("CW011", "GOCACHE=off switches every cache off, and `go` fails", "unset GOCACHE");
        return;
    }
    let probe = gocache.join(format!("cachewit-doctor-{}", std::process::id()));
    let written = std::fs::create_dir_all(gocache).and_then(|()| std::fs::write(&probe, b"doctor"));
    let age = std::fs::metadata(&probe).and_then(|data| data.modified()).map(|time| match SystemTime::now().duration_since(time) {
        Ok(age) => age,
        Err(ahead) => ahead.duration(),
    });
    let _ = std::fs::remove_file(&probe);
    match written {
        Ok(()) => findings.good("CW011", format!("GOCACHE is {}", gocache.display())),
        Err(error) => findings.error(
            "CW011",
            format!("GOCACHE {} cannot be written: {error}", gocache.display()),
            "make it writable, or set GOCACHE to a folder that is",
        ),
    }
    if age.is_ok_and(|age| age > Duration::from_secs(5)) {
        findings.warn(
            "CW012",
            "the file system's clock and this machine's differ by more than 5 s",
            "correct one: `go clean -testcache` compares times",
        );
    }
}

fn store(findings: &mut Findings, config: &Config, gocache: &Path) {
    if !config.root.starts_with(gocache) {
        findings.warn(
            "CW040",
            format!("the store {} does not lie under GOCACHE", config.root.display()),
            "leave `root` out if you can: `go build -o lib.a` renames a file that is not under GOCACHE, out of the store",
        );
    }
    let layout = match Layout::new(&config.root).and_then(|layout| layout.create().map(|()| layout)) {
        Ok(layout) => layout,
        Err(error) => {
            findings.error("CW041", error.to_string(), "make the folder writable, or set another `root`");
            return;
        }
    };
    findings.good("CW041", format!("the store is {}", config.root.display()));
    if let Some(kind) = platform::remote_file_system(layout.dir()) {
        findings.warn(
            "CW047",
            format!("the store lies on a file system of the kind {kind}, where the index is slower and locks may not work"),
            "put GOCACHE on a local disk, and let machines share through a [[store]]",
        );
    }
    match Lease::take(&layout) {
        Ok(lease) => lease.end(),
        Err(error) => {
            findings.error("CW042", format!("a file in the store cannot be locked: {error}"), "put the store on a local file system");
        }
    }
    match open_index(&layout) {
        Ok((_, None)) => findings.good("CW043", "the index opens"),
        Ok((_, Some(damage))) => findings.warn("CW043", format!("{damage}; it was set aside"), "nothing: an empty one was begun"),
        Err(error) => findings.error("CW043", error.to_string(), "delete the index; it costs one cold build"),
    }
    match std::fs::File::open(layout.readers_lock()).map(|file| file.try_lock()) {
        Ok(Err(std::fs::TryLockError::WouldBlock)) => findings.warn(
            "CW048",
            "a session reads this store from where it cannot write, and while it lives nothing is evicted",
            "nothing, if it is a container's; otherwise end it",
        ),
        Ok(Ok(()) | Err(std::fs::TryLockError::Error(_))) | Err(_) => {}
    }
    if let Some(space) = platform::space(&config.root) {
        let limit = config.limits.max_size.unwrap_or_else(|| default_max_size(&config.root));
        let text = format!("{} free of {}; the store may have {}", human(space.free), human(space.total), human(limit));
        if space.free < space.total / 50 {
            findings.warn("CW044", text, "free some space, or set a smaller `max-size`");
        } else {
            findings.good("CW044", text);
        }
    }
    let left = std::fs::read_dir(layout.tmp_dir()).map_or(0, Iterator::count);
    if left > 100 {
        findings.warn("CW045", format!("{left} half-written files are left over"), "run `cachewit trim`");
    }
    let said = std::fs::read_to_string(layout.journal()).unwrap_or_default();
    for message in said.lines().filter_map(|line| line.splitn(3, '\t').nth(2)).filter(|message| !message.is_empty()) {
        findings.warn("CW046", format!("an earlier run says: {message}"), "see what it names");
    }
}

fn plugins(findings: &mut Findings, config: &Config) {
    let Some(artifacts) = ArtifactStore::of_this_user() else {
        findings.error("CW050", "there is no cache folder for this user, so no plugin can be compiled", "set HOME");
        return;
    };
    let mut eviction = Vec::new();
    for policy in &config.policies {
        let name = match &policy.source {
            PluginSource::Builtin(name) => format!("builtin:{name}"),
            PluginSource::File(path) => path.display().to_string(),
        };
        let checked = load_one(&policy.source, policy.settings.clone(), &artifacts, 1)
            .and_then(|(mut plugin, roles)| plugin.describe().map(|_| roles));
        match checked {
            Ok(roles) => {
                findings.good("CW051", format!("plugin {name}: {}", roles.names().join(", ")));
                if roles.eviction {
                    eviction.push(name);
                }
            }
            Err(error) => findings.error(
                "CW051",
                format!("plugin {name} {error}"),
                "correct it; until then builds go on without it, and share nothing if it decides admission",
            ),
        }
    }
    if eviction.len() > 1 {
        findings.error("CW052", format!("{} all decide eviction", eviction.join(" and ")), "name only one; until then the default decides");
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_value_is_split_as_go_splits_it() {
        assert_eq!(split(" a  'b c' \"d'e\" --x='y z'").unwrap(), ["a", "b c", "d'e", "--x='y", "z'"]);
        assert!(split("a 'b").is_err());
    }
}

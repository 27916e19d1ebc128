//! The value of GOCACHEPROG: what `go` makes of it, and whether that is cachewit.

use super::finding::Findings;
use super::golang::go_env;
use crate::cli::{Call, call, serve};
use crate::config::Flags;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Looks. What the value gives cachewit is what builds use, and so what the rest of the doctor looks at.
pub(super) fn look(findings: &mut Findings) -> Option<Flags> {
    let (value, place) = value(findings)?;
    let words = match split(&value) {
        Ok(words) => words,
        Err(problem) => {
            findings.error("CW021", format!("GOCACHEPROG is `{value}`: {problem}; every `go` command fails"), QUOTING);
            return None;
        }
    };
    let Some(program) = words.first() else {
        findings.error("CW021", "GOCACHEPROG has only blanks; every `go` command fails", "export GOCACHEPROG=cachewit");
        return None;
    };
    if let Some(word) = words.iter().find(|word| word.contains(['\'', '"'])) {
        findings.warn("CW021", format!("GOCACHEPROG is `{value}`, and its element `{word}` keeps its quotes"), QUOTING);
    }
    if !is_cachewit(findings, program, &words, &place) {
        return None;
    }
    paths(findings, &words[1..]);
    arguments(findings, &words[1..])
}

const QUOTING: &str = "quote an element that has blanks with '…' or \"…\", the quote being its first character";

/// The value, and where it stands.
fn value(findings: &mut Findings) -> Option<(String, String)> {
    let set = std::env::var("GOCACHEPROG").ok();
    let written = go_env("GOCACHEPROG").or_else(in_file);
    let file = || go_env("GOENV").unwrap_or_else(|| "the go/env file".to_owned());
    match (set, written) {
        (Some(set), None) if !set.is_empty() => Some((set, "the environment".to_owned())),
        (None, Some(written)) => Some((written, file())),
        (Some(set), Some(written)) if set.is_empty() => {
            findings.warn(
                "CW024",
                format!("GOCACHEPROG is empty, which switches nothing off: {} says `{written}`, and `go` uses that", file()),
                "to switch it off, run `go env -u GOCACHEPROG`, or set GOENV=off; otherwise unset the variable",
            );
            Some((written, file()))
        }
        (Some(set), Some(written)) => {
            if set != written {
                findings.warn(
                    "CW024",
                    format!("GOCACHEPROG is `{set}` here, and `{written}` in {}, which counts where the variable is not set", file()),
                    "make them the same, or run `go env -u GOCACHEPROG`",
                );
            }
            Some((set, "the environment".to_owned()))
        }
        (_, None) => {
            findings.warn(
                "CW020",
                "GOCACHEPROG is not set, so no `go` uses cachewit",
                "export GOCACHEPROG=cachewit, or `go env -w GOCACHEPROG=cachewit`",
            );
            None
        }
    }
}

/// Before 1.24 `go env` does not know the name, and a `go` with the experiment obeys the file all the same.
fn in_file() -> Option<String> {
    let text = std::fs::read_to_string(go_env("GOENV")?).ok()?;
    text.lines().find_map(|line| line.strip_prefix("GOCACHEPROG=")).map(str::to_owned).filter(|value| !value.is_empty())
}

/// Splits as `go` does: at blanks, and an element may be wrapped in quotes if the quote is its first character.
fn split(value: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = value.trim_start_matches(BLANKS);
    while let Some(first) = rest.chars().next() {
        let (word, after) = if first == '\'' || first == '"' {
            rest[1..].split_once(first).ok_or("an element's quote is not closed")?
        } else {
            rest.split_at(rest.find(BLANKS).unwrap_or(rest.len()))
        };
        words.push(word.to_owned());
        rest = after.trim_start_matches(BLANKS);
    }
    Ok(words)
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Whether the program is there, and is cachewit.
fn is_cachewit(findings: &mut Findings, program: &str, words: &[String], place: &str) -> bool {
    let Some(path) = find_program(program) else {
        let joined = (2..=words.len()).map(|count| words[..count].join(" ")).find(|path| find_program(path).is_some());
        if let Some(path) = joined {
            findings.error(
                "CW021",
                format!("GOCACHEPROG names `{path}`, which `go` splits at its blanks; every `go` command fails"),
                QUOTING,
            );
        } else if program == "off" {
            findings.error(
                "CW022",
                "GOCACHEPROG=off starts a program of the name `off`; every `go` command fails",
                "unset the variable, and run `go env -u GOCACHEPROG`",
            );
        } else {
            findings.error(
                "CW022",
                format!("GOCACHEPROG, in {place}, names `{program}`, which is no program that can be started; every `go` command fails"),
                "give its absolute path, or put it into PATH",
            );
        }
        return false;
    };
    let name = path.file_stem().unwrap_or_default();
    if name == "go" {
        findings.error(
            "CW025",
            format!("GOCACHEPROG starts {}, and that starts GOCACHEPROG again, and so on without end", path.display()),
            "name cachewit itself, by its absolute path",
        );
        return false;
    }
    if name != "cachewit" {
        findings.warn(
            "CW022",
            format!("GOCACHEPROG, in {place}, starts {} and not cachewit", path.display()),
            "export GOCACHEPROG=cachewit",
        );
        return false;
    }
    if path.is_relative() {
        findings.warn(
            "CW022",
            format!("GOCACHEPROG names `{program}` relative to wherever `go` runs; elsewhere every `go` command fails"),
            "give its absolute path, or put it into PATH",
        );
    } else {
        findings.good("CW022", format!("GOCACHEPROG, in {place}, starts {}", path.display()));
    }
    true
}

fn find_program(program: &str) -> Option<PathBuf> {
    if program.contains(['/', '\\']) {
        return Some(PathBuf::from(program)).filter(|path| can_be_started(path));
    }
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| can_be_started(path))
}

fn can_be_started(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|data| {
        #[cfg(unix)]
        let executable = std::os::unix::fs::PermissionsExt::mode(&data.permissions()) & 0o111 != 0;
        #[cfg(not(unix))]
        let executable = true;
        data.is_file() && executable
    })
}

/// `go` starts a host in its own working folder, which is another one with `-C`, in a script, and in an editor.
fn paths(findings: &mut Findings, arguments: &[String]) {
    let after = |option: &str| {
        let joined = format!("{option}=");
        let next = arguments.iter().zip(arguments.iter().skip(1)).find(|(word, _)| *word == option).map(|(_, value)| value.as_str());
        next.or_else(|| arguments.iter().find_map(|word| word.strip_prefix(&joined)))
    };
    let plugins = arguments.iter().map(String::as_str).filter(|word| Path::new(word).extension().is_some_and(|end| end == "wasm"));
    let named = plugins.map(|plugin| ("plugin", plugin)).chain(after("--config").map(|file| ("configuration", file)));
    for (what, name) in named {
        if Path::new(name).is_relative() {
            findings.warn(
                "CW023",
                format!("GOCACHEPROG names the {what} `{name}` relative to wherever `go` runs"),
                "give its absolute path",
            );
        } else if !Path::new(name).exists() {
            findings.error(
                "CW023",
                format!("GOCACHEPROG names the {what} `{name}`, which is not there"),
                "correct the path; until then builds go on without it",
            );
        }
    }
}

/// What cachewit makes of its arguments.
fn arguments(findings: &mut Findings, arguments: &[String]) -> Option<Flags> {
    let words: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    // Without any it serves, as its input is no terminal then.
    if !words.is_empty() && call(&words) != Call::Serve {
        findings.error(
            "CW026",
            format!("GOCACHEPROG gives cachewit `{}`, and so it greets nobody; every `go` command fails", arguments.join(" ")),
            "give it plugins, `--config` and `--root`, or nothing",
        );
        return None;
    }
    serve::parse(&words)
        .inspect_err(|problem| {
            findings.error(
                "CW026",
                format!("GOCACHEPROG gives cachewit `{}`: {problem}", arguments.join(" ")),
                "correct it; until then builds go on with defaults and share nothing",
            );
        })
        .ok()
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

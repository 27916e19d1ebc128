//! The `go` command itself: whether it asks a host at all, and what makes it ask for less than one thinks.

use super::finding::Findings;
use crate::cli::resolve::go;
use crate::config::Config;

/// What `go env` says of a name; None where there is no `go`, or where it says nothing.
pub(super) fn go_env(name: &str) -> Option<String> {
    // A `go env NAME` starts no host, so the go/env file may count.
    let output = go().args(["env", name]).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|value| !value.is_empty())
}

pub(super) fn version(findings: &mut Findings) {
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

/// Flags that stand for every command and keep the cache from being asked.
pub(super) fn flags(findings: &mut Findings) {
    let flags = go_env("GOFLAGS").unwrap_or_default();
    let given =
        |name: &str| flags.split_whitespace().find(|flag| flag.trim_start_matches('-').split('=').next() == Some(name)).map(str::to_owned);
    if let Some(flag) = given("a").filter(|flag| !flag.ends_with("=false")) {
        findings.warn(
            "CW002",
            format!("GOFLAGS has `{flag}`: every build makes everything anew and looks nothing up"),
            "take it out of GOFLAGS, and say it where it is meant",
        );
    }
    if let Some(flag) = given("count") {
        findings.warn(
            "CW002",
            format!("GOFLAGS has `{flag}`: no test result is looked up"),
            "take it out of GOFLAGS; `go clean -testcache` runs all tests once more",
        );
    }
    let debug = go_env("GODEBUG").or_else(|| std::env::var("GODEBUG").ok()).unwrap_or_default();
    if debug.split(',').any(|setting| setting == "gocacheverify=1") {
        findings.warn(
            "CW003",
            "GODEBUG has `gocacheverify=1`, which does nothing where GOCACHEPROG is set",
            "run `cachewit verify` to hash what the store holds",
        );
    }
}

/// Whether machines that share can find each other's packages.
pub(super) fn shared_paths(findings: &mut Findings, config: &Config) {
    let trims =
        go_env("GOFLAGS").unwrap_or_default().split_whitespace().any(|flag| ["-trimpath", "--trimpath", "-trimpath=true"].contains(&flag));
    if !config.stores.is_empty() && !trims {
        findings.warn(
            "CW004",
            "GOFLAGS has no `-trimpath`: what is shared of your own packages is found only where they lie in the same folder",
            "add it with `go env -w GOFLAGS=-trimpath`, or check out into the same folder on all machines",
        );
    }
}

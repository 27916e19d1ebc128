//! `cargo xtask test`: the whole test suite, with everything that it needs.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::product;
use crate::toolchains::{TESTED, default_go, is_fetched, toolchain};
use crate::workspace::{cargo, ensure_wasm_targets, run, say, shown};

/// Runs all tests of the workspace, or those whose name contains `filter`, or those of one file of `tests/tests`.
///
/// With either toolchains are fetched only if `with_toolchains` says so; a test that needs one and does not find it says so.
pub fn run_suite(filter: Option<&str>, file: Option<&str>, with_toolchains: bool) -> Result<()> {
    ensure_wasm_targets()?;
    // The same packages and kinds of targets as `cargo test` below, so that cargo sees one set of features and compiles no
    // dependency twice.
    run(cargo().args(["build", "--release", "--workspace", "--bins", "--tests"]))?;
    let mut test = cargo();
    test.args(["test", "--release", "--workspace", "--no-fail-fast"]);
    if let Some(file) = file {
        test.args(["--test", file]);
    }
    test.args(filter);
    test.env("CACHEWIT_BIN", product::binary()).env("CACHEWIT_GO", default_go()?);
    for version in TESTED {
        if filter.is_none() && file.is_none() || with_toolchains || is_fetched(version) {
            test.env(variable(version), toolchain(version)?);
        }
    }
    if !has_namespaces() {
        say(
            "THIS MACHINE LETS NOBODY MOUNT in namespaces of its own: tests of full and read-only disks and of equal PIDs prove nothing here",
        );
        test.env("CACHEWIT_NO_NAMESPACES", "1");
    }
    if !is_root() {
        say("THESE TESTS DO NOT RUN AS ROOT, and so as no other user: those of stores that belong to somebody else prove nothing here");
    }
    let closing = run_and_collect(&mut test)?;
    println!();
    say("the closing lines of the runner");
    for line in &closing.lines {
        println!("{line}");
    }
    if !closing.success {
        bail!("tests failed");
    }
    Ok(())
}

/// Whether tests may mount something that nobody else sees; most containers forbid it.
fn has_namespaces() -> bool {
    let mut probe = Command::new("unshare");
    probe.args(["--map-root-user", "--mount", "--pid", "--fork", "sh", "-c", "mount -t tmpfs tmpfs \"$0\""]).arg(std::env::temp_dir());
    probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Whether processes can be started as another user.
fn is_root() -> bool {
    let output = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// `CACHEWIT_GO_1_27` for `1.27.3`.
fn variable(version: &str) -> String {
    let minor: Vec<&str> = version.split('.').take(2).collect();
    format!("CACHEWIT_GO_{}", minor.join("_"))
}

struct Closing {
    lines: Vec<String>,
    success: bool,
}

/// Runs the suite, passing its output on as it comes and keeping the `test result` lines.
fn run_and_collect(test: &mut Command) -> Result<Closing> {
    let shown = shown(test);
    say(&shown);
    let mut child = test.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{shown}`"))?;
    let mut lines = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.context("the output of the tests is not text")?;
            println!("{line}");
            if line.starts_with("test result:") {
                lines.push(line);
            }
        }
    }
    let status = child.wait().context("cannot wait for the tests")?;
    Ok(Closing { lines, success: status.success() })
}

#[cfg(test)]
mod tests {
    use super::variable;

    #[test]
    fn a_toolchain_is_passed_on_under_its_minor_version() {
        assert_eq!(variable("1.24.11"), "CACHEWIT_GO_1_24");
    }
}

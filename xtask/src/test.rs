//! `cargo xtask test`: the whole test suite, with everything that it needs.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::go_tools::{GO_TOOLS, go_tool};
use crate::product;
use crate::sandbox;
use crate::toolchains::{RELEASES, STOCK, TESTED, default_go, is_fetched, toolchain};
use crate::versions;
use crate::workspace::{cargo, ensure_wasm_targets, run, say, shown};

/// Which tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection<'a> {
    /// Those whose name contains this.
    pub filter: Option<&'a str>,
    /// Those of this file of `tests/tests`.
    pub file: Option<&'a str>,
    /// Without those whose name contains this.
    pub skip: Option<&'a str>,
    /// On every Go that they know, and beside the tools that drive it.
    pub with_toolchains: bool,
}

/// Runs all tests of the workspace, or some.
///
/// With a filter or file toolchains are fetched only if `with_toolchains` says so; a test that needs one and does not find it says so.
pub fn run_suite(selection: &Selection<'_>) -> Result<()> {
    let Selection { filter, file, skip, with_toolchains } = *selection;
    ensure_wasm_targets()?;
    sandbox::forget();
    // The same packages and kinds of targets as `cargo test` below, so that cargo sees one set of features and compiles no
    // dependency twice.
    run(cargo().args(["build", "--release", "--workspace", "--bins", "--tests"]))?;
    let mut test = cargo();
    test.args(["test", "--release", "--workspace", "--no-fail-fast"]);
    if let Some(file) = file {
        test.args(["--test", file]);
    }
    test.args(filter);
    let mut of_runner = Vec::new();
    test.env("CACHEWIT_BIN", product::binary()).env("CACHEWIT_GO", default_go()?);
    for version in RELEASES {
        let always = filter.is_none() && file.is_none() && TESTED.contains(&version);
        if always || with_toolchains || is_fetched(version) {
            test.env(variable(version), toolchain(version)?);
        }
    }
    if with_toolchains {
        test.env(format!("{}_STOCK", variable(STOCK)), toolchain(STOCK)?);
        for tool in &GO_TOOLS {
            test.env(format!("CACHEWIT_{}", tool.name.to_uppercase().replace('-', "_")), go_tool(tool)?);
        }
        // The tests that ask for one of these are ignored otherwise, and no others are.
        of_runner.push("--include-ignored");
    }
    of_runner.extend(skip.into_iter().flat_map(|name| ["--skip", name]));
    if !of_runner.is_empty() {
        test.arg("--").args(of_runner);
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
    let finished = run_and_collect(&mut test)?;
    sandbox::print()?;
    println!();
    say("the closing lines of the runner");
    for line in finished.lines.iter().filter(|line| line.starts_with("test result:")) {
        println!("{line}");
    }
    let written =
        if with_toolchains && filter.is_none_or(|filter| filter == versions::ALL) { versions::write(&finished.lines) } else { Ok(()) };
    if !finished.success {
        bail!("tests failed");
    }
    written
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

struct Finished {
    lines: Vec<String>,
    success: bool,
}

/// Runs the suite, passing its output on as it comes and keeping it. Both streams go through one pipe: cargo names the file of a test on
/// one, the runner the tests on the other, and their order says which belongs to which.
fn run_and_collect(test: &mut Command) -> Result<Finished> {
    let shown = shown(test);
    say(&shown);
    let (output, input) = std::io::pipe().context("cannot create a pipe")?;
    test.stdout(input.try_clone().context("cannot copy a pipe")?).stderr(input);
    let mut child = test.spawn().with_context(|| format!("cannot start `{shown}`"))?;
    // The command holds the end that is written to, and the pipe would never end.
    test.stdout(Stdio::null()).stderr(Stdio::null());
    let mut lines = Vec::new();
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8_lossy(&line.context("cannot read the output of the tests")?).into_owned();
        println!("{line}");
        lines.push(line);
    }
    let status = child.wait().context("cannot wait for the tests")?;
    Ok(Finished { lines, success: status.success() })
}

#[cfg(test)]
mod tests {
    use super::variable;

    #[test]
    fn a_toolchain_is_passed_on_under_its_minor_version() {
        assert_eq!(variable("1.24.11"), "CACHEWIT_GO_1_24");
        assert_eq!(variable("1.21.13-cacheprog"), "CACHEWIT_GO_1_21");
    }
}

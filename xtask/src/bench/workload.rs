//! What the bench runs: one `go` command again and again, under like conditions.

use std::path::Path;

use anyhow::{Context, Result};

use crate::golang::Machine;
use crate::product::Role;

/// A `go` command that is measured.
pub struct Workload {
    /// The name that `--only` matches.
    pub name: &'static str,
    args: &'static [&'static str],
    output: Output,
    /// Whether every run starts with an empty cache.
    pub cold: bool,
    /// Whether it compiles the program with the large file, made anew before each run, and not the hello program.
    pub embeds: bool,
    /// Roles in which every plugin of the chain has something to decide in it. What may leave is asked again at the end of each warm run,
    /// unless it used nothing but module indexes, which never leave.
    pub asked: &'static [Role],
    /// Rounds, each of which runs every host once.
    pub rounds: usize,
    /// Rounds under `--quick`; zero leaves the workload out.
    pub quick_rounds: usize,
}

/// What becomes of the file that a command writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    /// The command writes none.
    None,
    /// It stays, so that `go` finds it up to date.
    Kept,
    /// It is removed before each run, so that `go` links it again.
    Removed,
}

const NOTHING: &[Role] = &[];
const INDEXES: &[Role] = &[Role::Serving];
const WARM: &[Role] = &[Role::Serving, Role::Admission];
/// A cold run finds nothing that it has not put itself, and that is served unasked.
const COLD: &[Role] = &[Role::Admission];

/// All workloads, in the order in which they warm the caches best.
pub const WORKLOADS: [Workload; 8] = [
    Workload {
        name: "list unsafe",
        args: &["list", "unsafe"],
        output: Output::None,
        cold: false,
        embeds: false,
        asked: INDEXES,
        rounds: 100,
        quick_rounds: 30,
    },
    Workload {
        name: "env",
        args: &["env"],
        output: Output::None,
        cold: false,
        embeds: false,
        asked: NOTHING,
        rounds: 60,
        quick_rounds: 15,
    },
    Workload {
        name: "build std",
        args: &["build", "std"],
        output: Output::None,
        cold: false,
        embeds: false,
        asked: WARM,
        rounds: 40,
        quick_rounds: 12,
    },
    Workload {
        name: "hello, up to date",
        args: &["build", "-o"],
        output: Output::Kept,
        cold: false,
        embeds: false,
        asked: WARM,
        rounds: 60,
        quick_rounds: 15,
    },
    Workload {
        name: "hello, linked",
        args: &["build", "-o"],
        output: Output::Removed,
        cold: false,
        embeds: false,
        asked: WARM,
        rounds: 40,
        quick_rounds: 10,
    },
    Workload {
        name: "vet std",
        args: &["vet", "std"],
        output: Output::None,
        cold: false,
        embeds: false,
        asked: WARM,
        rounds: 9,
        quick_rounds: 0,
    },
    Workload {
        name: "1 GiB embedded",
        args: &["build"],
        output: Output::None,
        cold: false,
        embeds: true,
        asked: WARM,
        rounds: 5,
        quick_rounds: 0,
    },
    Workload {
        name: "build std, cold",
        args: &["build", "std"],
        output: Output::None,
        cold: true,
        embeds: false,
        asked: COLD,
        rounds: 3,
        quick_rounds: 0,
    },
];

impl Workload {
    /// The command on a machine, everything in place that it needs. The program lies in one folder for all machines, since its path is
    /// part of the action.
    pub fn command(&self, machine: &Machine, program: &Path) -> Result<std::process::Command> {
        let mut command = machine.go(self.args);
        if self.embeds {
            command.current_dir(program);
        }
        if self.output != Output::None {
            let output = machine.work().join("hello");
            if self.output == Output::Removed && output.exists() {
                std::fs::remove_file(&output).with_context(|| format!("cannot remove {}", output.display()))?;
            }
            command.arg(&output).arg(".").current_dir(program);
        }
        Ok(command)
    }
}

/// Writes the program that the hello workloads build.
pub fn write_hello(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    std::fs::write(dir.join("go.mod"), "module hello\n\ngo 1.24\n").context("cannot write go.mod")?;
    let program = "package main\n\nimport \"fmt\"\n\nfunc main() {\n\tfmt.Println(\"hello\")\n}\n";
    std::fs::write(dir.join("main.go"), program).context("cannot write main.go")
}

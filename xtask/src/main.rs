//! What a developer of cachewit runs: `cargo xtask try`, `test`, `bench`, `history`, `sandbox`, `simulate`, `streams`, `contract`, `keep-release`
//! and `toolchains`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod contract;
mod experiment;
mod go_tools;
mod golang;
mod history;
mod marks;
mod product;
mod release;
mod sandbox;
mod simulate;
mod streams;
mod table;
mod test;
mod toolchains;
mod try_out;
mod versions;
mod workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, tries, tests and measures cachewit")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build cachewit and watch a real `go build std` go through it
    Try {
        /// Leave the caches and the shared folder of the try where they are
        #[arg(long)]
        keep: bool,
    },
    /// Run the whole test suite
    Test {
        /// Only tests whose name contains this
        filter: Option<String>,
        /// Only the tests of this file of tests/tests, such as `hostile`
        #[arg(long = "in", value_name = "FILE")]
        file: Option<String>,
        /// Run on every Go that the tests know and beside the tools that drive it, fetching and building what is missing; with no filter,
        /// or with `go_1_`, the rows of docs/versions.md are written anew
        #[arg(long)]
        toolchains: bool,
    },
    /// Run the tests of hostile plugins and write docs/sandbox.md anew: what each of them got
    Sandbox,
    /// Measure cachewit against Go's own cache and the floor host
    Bench(bench::Options),
    /// Record what `go` commands ask of the cache over the commits of a repository or the releases of a module
    History(history::Options),
    /// Measure how much of what a session finds the previous session of its stream used
    Streams(streams::Options),
    /// Say what the shipped eviction policies would have cost over the histories in tests/histories
    Simulate(simulate::Options),
    /// Write docs/contract.md, the contract of policies as a page, from wit/
    Contract,
    /// Keep what this version of the SDK makes in tests/released, for later hosts to load
    KeepRelease {
        /// Write it anew, as long as it is not released
        #[arg(long)]
        anew: bool,
    },
    /// Fetch or build toolchains of Go in target/tools and print where their `go` is
    Toolchains {
        /// Versions such as 1.24.11, or 1.23.9-cacheprog for one built with the experiment; none means those that CI uses
        versions: Vec<String>,
    },
    /// What the bench puts between `go` and a host to see how much memory the host has
    #[command(name = bench::memory::COMMAND, hide = true)]
    Measured {
        /// The file that takes the figure
        file: PathBuf,
        /// The host
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        host: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Measured { file, host } => {
            return bench::memory::run(&file, &host).unwrap_or_else(|error| {
                eprintln!("xtask: {error:#}");
                ExitCode::FAILURE
            });
        }
        Command::Try { keep } => try_out::run(keep),
        Command::Test { filter, file, toolchains } => test::run_suite(&test::Selection {
            filter: filter.as_deref(),
            file: file.as_deref(),
            with_toolchains: toolchains,
            ..test::Selection::default()
        }),
        Command::Sandbox => sandbox::run(),
        Command::Bench(options) => bench::run(&options),
        Command::History(options) => history::run(&options),
        Command::Contract => contract::run(),
        Command::KeepRelease { anew } => release::keep(anew),
        Command::Simulate(options) => simulate::run(&options),
        Command::Streams(options) => streams::run(&options),
        Command::Toolchains { versions } => list_toolchains(&versions),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn list_toolchains(versions: &[String]) -> anyhow::Result<()> {
    let wanted: Vec<&str> = if versions.is_empty() { toolchains::TESTED.to_vec() } else { versions.iter().map(String::as_str).collect() };
    let found: Vec<PathBuf> = wanted.iter().map(|version| toolchains::toolchain(version)).collect::<anyhow::Result<_>>()?;
    for go in found {
        println!("{}", go.display());
    }
    Ok(())
}

//! The command line: one file a command. Each parses, resolves and runs; `main` prints and exits.
//!
//! What `GOCACHEPROG` starts is told apart by a look at the first word, since the greeting comes before anything is parsed.

mod clear;
mod completions;
mod config;
mod doctor;
mod plugin;
mod resolve;
mod run;
mod serve;
mod simulate;
mod stats;
mod trace;
mod trim;
mod verify;

use crate::policy::wasm::{COMPILE_COMMAND, compile_child};
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Go's build cache made programmable.
#[derive(Debug, Parser)]
#[command(name = "cachewit", version, about, long_about = LONG_ABOUT, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Arguments,
}

const LONG_ABOUT: &str = "Go's build cache made programmable.

The `go` command starts cachewit through GOCACHEPROG and asks it for what was built before. Sandboxed WebAssembly plugins decide what is kept, shared, fetched and evicted.";

const EXAMPLES: &str = "Examples:
  GOCACHEPROG=cachewit go build ./...                          build with the default policy
  GOCACHEPROG=\"cachewit policy.wasm builtin:lru\" go test ./...  build with a chain of plugins
  cachewit run -- go build ./...                                for one command, with a summary
  cachewit stats                                                what the store holds and was good for";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the `go` command behind stdin and stdout: what GOCACHEPROG starts
    Serve(serve::Arguments),
    /// Run one `go` command with cachewit as its cache, and print what the cache did
    Run(run::Arguments),
    /// Print what the store holds, what it was good for, and who decided
    Stats(stats::Arguments),
    /// Look at what sessions did, request by request
    #[command(subcommand)]
    Trace(trace::Command),
    /// Say what policies would have cost, over recorded sessions and at any size of the store
    Simulate(simulate::Arguments),
    /// Shrink the store now
    Trim(trim::Arguments),
    /// Empty the store; what running builds were handed stays
    Clear(clear::Arguments),
    /// Hash every object again
    Verify(verify::Arguments),
    /// Look for everything that can be wrong with the set-up
    Doctor(doctor::Arguments),
    /// Look at plugins
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// Look at the settings
    #[command(subcommand)]
    Config(config::Command),
    /// Print completions for a shell
    Completions(completions::Arguments),
}

/// Which settings a command uses.
#[derive(Clone, Debug, Default, clap::Args)]
struct Settings {
    /// The configuration file; by default $`CACHEWIT_CONFIG`, then the user's, then the system's
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The store's folder; by default $`CACHEWIT_ROOT`, then the configuration, then $GOCACHE/cachewit
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match call(&arguments) {
        Call::Compile => match compile_child() {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => {
                eprintln!("{problem}");
                ExitCode::from(1)
            }
        },
        Call::Serve => serve::run(&arguments),
        Call::Command => run_command(),
    }
}

fn run_command() -> ExitCode {
    crate::platform::end_at_broken_pipes();
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Run(arguments)) => run::run(&arguments),
        Some(Command::Stats(arguments)) => stats::run(&arguments),
        Some(Command::Trace(command)) => trace::run(&command),
        Some(Command::Simulate(arguments)) => simulate::run(&arguments),
        Some(Command::Trim(arguments)) => trim::run(&arguments),
        Some(Command::Clear(arguments)) => clear::run(&arguments),
        Some(Command::Verify(arguments)) => verify::run(&arguments),
        Some(Command::Doctor(arguments)) => Ok(doctor::run(&arguments)),
        Some(Command::Plugin(command)) => plugin::run(&command),
        Some(Command::Config(command)) => config::run(&command),
        Some(Command::Completions(arguments)) => {
            completions::run(&arguments);
            Ok(ExitCode::SUCCESS)
        }
        // What is served was told apart before.
        Some(Command::Serve(_)) | None => match cli.serve.first_plugin() {
            None => {
                let _ = <Cli as clap::CommandFactory>::command().print_help();
                Ok(ExitCode::SUCCESS)
            }
            Some(word) => {
                eprintln!("cachewit: {}", no_such_command(word));
                Ok(ExitCode::from(2))
            }
        },
    };
    done.unwrap_or_else(|error| {
        eprintln!("cachewit: {}", in_full(&error));
        ExitCode::from(1)
    })
}

/// An error with its causes; one that has said its cause itself is not followed by it.
fn in_full(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn no_such_command(word: &str) -> String {
    let commands = <Cli as clap::CommandFactory>::command();
    let names = commands.get_subcommands().map(clap::Command::get_name);
    let nearest = names.min_by_key(|name| strsim::damerau_levenshtein(word, name)).unwrap_or("help");
    format!("there is no command `{word}`; did you mean `{nearest}`? A plugin is a file that ends in .wasm, or builtin:NAME")
}

/// What this process was started for.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    /// A child that compiles a component.
    Compile,
    /// `go` is behind the pipes.
    Serve,
    /// A person, or a script.
    Command,
}

fn call(arguments: &[OsString]) -> Call {
    let Some(first) = arguments.first() else {
        return if std::io::stdin().is_terminal() { Call::Command } else { Call::Serve };
    };
    if first == COMPILE_COMMAND {
        return Call::Compile;
    }
    let text = first.to_string_lossy();
    let asks_for_help = arguments.iter().any(|argument| ["-h", "--help"].contains(&&*argument.to_string_lossy()));
    let plugin = text.starts_with("builtin:") || std::path::Path::new(first).extension().is_some_and(|extension| extension == "wasm");
    let option = ["--config", "--root"].iter().any(|name| text.split('=').next() == Some(name));
    if !asks_for_help && (text == "serve" || plugin || option) { Call::Serve } else { Call::Command }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::TraceError;
    use clap::CommandFactory;

    fn call_of(words: &[&str]) -> Call {
        call(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn what_gocacheprog_starts_is_told_apart_before_anything_is_parsed() {
        for words in [&["serve"][..], &["serve", "nonsense"], &["a.wasm", "b.wasm"], &["builtin:lru"], &["--root=/x"], &["--config", "/x"]]
        {
            assert_eq!(call_of(words), Call::Serve, "{words:?}");
        }
        for words in [&["stats"][..], &["nonsense"], &["--help"], &["serve", "--help"], &["--version"], &["run", "--", "go"]] {
            assert_eq!(call_of(words), Call::Command, "{words:?}");
        }
    }

    #[test]
    fn every_cause_is_said_and_none_twice() {
        let missing = || std::io::Error::new(std::io::ErrorKind::NotFound, "no such file");
        let told = TraceError::Io { path: "a.trace".into(), source: missing() };
        assert_eq!(in_full(&anyhow::Error::from(told).context("nothing to replay")), "nothing to replay: trace a.trace: no such file");
        assert_eq!(in_full(&anyhow::Error::from(missing()).context("cannot read a.toml")), "cannot read a.toml: no such file");
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}

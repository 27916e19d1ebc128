//! `cachewit completions`.

use super::Cli;
use clap::CommandFactory;
use clap_complete::Shell;

/// The arguments of `completions`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

/// Prints them.
pub(super) fn run(arguments: &Arguments) {
    clap_complete::generate(arguments.shell, &mut Cli::command(), "cachewit", &mut std::io::stdout());
}

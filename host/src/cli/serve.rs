//! `cachewit serve`, and `cachewit` alone or with plugins: what `GOCACHEPROG` starts.

use super::{Cli, Command, Settings};
use crate::config::{self, Config, Flags};
use crate::session;
use clap::Parser;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// The arguments of `serve`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Plugins, in the order in which they are asked: files, or `builtin:NAME`
    #[arg(value_name = "PLUGIN")]
    plugins: Vec<String>,
}

impl Arguments {
    /// The first word that is taken for a plugin.
    pub fn first_plugin(&self) -> Option<&str> {
        self.plugins.first().map(String::as_str)
    }
}

/// Serves. Whatever is wrong with arguments or settings, `go` gets its greeting and a cache: one line says what is wrong, and the session
/// goes on with defaults and shares nothing.
pub(super) fn run(arguments: &[OsString]) -> ExitCode {
    // A `go` that is gone already is no fault of ours, and the end of input follows.
    let _ = session::greet();
    let environment = config::environment();
    // As the system has it: a folder that is no UTF-8 is refused by its name and not taken for none.
    let gocache = std::env::var_os("GOCACHE").filter(|path| !path.is_empty());
    let gocache = gocache.map_or_else(|| std::env::temp_dir().join("cachewit-without-gocache"), PathBuf::from);
    let mut faults = Vec::new();
    let resolved = parse(arguments).and_then(|flags| Config::resolve(&flags, &environment, &gocache).map_err(|error| error.to_string()));
    let config = resolved.unwrap_or_else(|problem| {
        faults.push(format!("{problem}; going on with defaults, and nothing is shared"));
        Config::fallback(&gocache, &environment)
    });
    match session::serve(config, &environment, faults) {
        Ok(()) => ExitCode::SUCCESS,
        // The session has said why.
        Err(_) => ExitCode::from(1),
    }
}

/// What the arguments say; otherwise one line that says what is wrong with them.
pub(super) fn parse(arguments: &[OsString]) -> Result<Flags, String> {
    // `GOCACHEPROG=cachewit` has nothing to parse, and setting clap up would cost a tenth of a millisecond.
    if arguments.is_empty() {
        return Ok(Flags::default());
    }
    let words = std::iter::once(OsString::from("cachewit")).chain(arguments.iter().cloned());
    let cli = Cli::try_parse_from(words).map_err(|error| {
        let text = error.to_string();
        text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })?;
    let Arguments { settings, plugins } = match cli.command {
        Some(Command::Serve(arguments)) => arguments,
        _ => cli.serve,
    };
    Ok(Flags { config: settings.config, root: settings.root, plugins })
}

//! `cachewit serve`, and `cachewit` alone or with plugins: what `GOCACHEPROG` starts.

use crate::config::{self, Config, Flags};
use crate::session;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Serves. Whatever is wrong with arguments or settings, `go` gets its greeting and a cache: one line says what is wrong, and the session
/// goes on with defaults and shares nothing.
pub fn run(arguments: &[OsString]) -> ExitCode {
    // A `go` that is gone already is no fault of ours, and the end of input follows.
    let _ = session::greet();
    let environment = config::environment();
    let gocache = environment.get("GOCACHE").map_or_else(|| std::env::temp_dir().join("cachewit-without-gocache"), PathBuf::from);
    let mut faults = Vec::new();
    let config = parse(arguments)
        .and_then(|flags| Config::resolve(&flags, &environment, &gocache).map_err(|error| error.to_string()))
        .unwrap_or_else(|problem| {
            faults.push(format!("{problem}; going on with defaults, and nothing is shared"));
            Config::fallback(&gocache, &environment)
        });
    match session::serve(config, &environment, faults) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(1),
    }
}

fn parse(arguments: &[OsString]) -> Result<Flags, String> {
    let mut flags = Flags::default();
    let mut rest = arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
    while let Some(argument) = rest.next() {
        flags.plugins.push(argument);
    }
    Ok(flags)
}

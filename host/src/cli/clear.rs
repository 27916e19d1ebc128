//! `cachewit clear`: empties the store. `go clean -cache` does not reach it.

use super::Settings;
use super::resolve::{human, open};
use super::trim::trim_to;
use crate::cache::sweep_now;
use anyhow::{Result, bail};
use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

/// The arguments of `clear`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Empties it.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut opened = open(&arguments.settings)?;
    if !arguments.yes {
        if !std::io::stdin().is_terminal() {
            bail!("this would empty the store in {}; say --yes if that is meant", opened.config.root.display());
        }
        print!("Empty the store in {}? [y/N] ", opened.config.root.display());
        std::io::stdout().flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        if !["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
            return Ok(ExitCode::from(1));
        }
    }
    // What a live session holds stays; the grace of sessions that are gone does not count for somebody who wants an empty store.
    let done = trim_to(&mut opened, 0, Duration::ZERO)?;
    let swept = sweep_now(&opened.shelf, &opened.faults, Duration::from_secs(60), Duration::ZERO).unwrap_or_default();
    println!(
        "{} removed, {} left{}",
        human(done.before.saturating_sub(done.after) + swept.1),
        human(done.after),
        if done.after > 0 { ": running builds hold it" } else { "" }
    );
    Ok(ExitCode::SUCCESS)
}

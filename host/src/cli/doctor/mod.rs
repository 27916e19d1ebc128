//! `cachewit doctor`: everything that can be wrong with the set-up and be seen from outside. Each finding has a code that stays.

mod finding;
mod gocache;
mod gocacheprog;
mod golang;
mod left_over;
mod plugins;
mod store;

use super::Settings;
use super::resolve;
use crate::config::{self, Config, Flags};
use finding::Findings;
use std::process::ExitCode;

/// The arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Looks. The exit code is 1 if there is an error among the findings.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let mut findings = Findings::default();
    look(&mut findings, &arguments.settings);
    if arguments.json {
        println!("{}", findings.as_json());
    } else {
        findings.print();
    }
    ExitCode::from(u8::from(findings.are_bad()))
}

fn look(findings: &mut Findings, settings: &Settings) {
    golang::version(findings);
    golang::flags(findings);
    let used = gocacheprog::look(findings).unwrap_or_default();
    if !gocache::setting(findings) {
        return;
    }
    let environment = config::environment();
    let gocache = match resolve::gocache(&environment) {
        Ok(gocache) => gocache,
        Err(error) => return findings.error("CW010", error.to_string(), "install Go, or set GOCACHE"),
    };
    gocache::folder(findings, &gocache);
    gocache::test_expiry(findings, &gocache);
    // What GOCACHEPROG says, unless this command says otherwise.
    let flags = Flags { config: settings.config.clone().or(used.config), root: settings.root.clone().or(used.root), plugins: used.plugins };
    match Config::resolve(&flags, &environment, &gocache) {
        Ok(config) => {
            let from = config.file.as_ref().map_or("defaults and environment".to_owned(), |path| path.display().to_string());
            findings.good("CW030", format!("settings: {from}"));
            golang::shared_paths(findings, &config);
            if let Some(layout) = store::look(findings, &config, &gocache) {
                left_over::look(findings, &config, &layout, &gocache);
            }
            plugins::look(findings, &config);
        }
        Err(error) => {
            findings.error("CW030", error.to_string(), "correct it; until then builds go on with defaults and share nothing");
        }
    }
}

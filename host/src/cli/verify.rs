//! `cachewit verify`: hashes every object again.

use super::Settings;
use super::resolve::{human, open};
use crate::store;
use anyhow::{Result, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::io::IsTerminal;
use std::process::ExitCode;

/// The arguments of `verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Forget what is damaged or missing, so that the next build makes it anew
    #[arg(long)]
    repair: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Verifies. The exit code is 1 if something is wrong and was not repaired.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let opened = open(&arguments.settings)?;
    let bar = ProgressBar::new(0);
    if !std::io::stderr().is_terminal() || arguments.json {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} objects, {eta} left") {
        bar.set_style(style);
    }
    let mut progress = |done, total, _| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let layout = opened.shelf.layout().clone();
    let report = opened
        .shelf
        .with_index(|index| Ok(store::verify(&layout, index, arguments.repair, &mut progress)))
        .ok_or_else(|| anyhow!("the index cannot be read"))??;
    bar.finish_and_clear();
    let wrong = report.damaged.len() + report.missing.len();
    if arguments.json {
        let names = |digests: &[crate::model::Digest]| digests.iter().map(|digest| digest.to_hex()).collect::<Vec<_>>();
        println!(
            "{}",
            json!({
                "good": report.good, "good_bytes": report.good_bytes, "damaged": names(&report.damaged),
                "missing": names(&report.missing), "repaired": arguments.repair && wrong > 0,
            })
        );
    } else {
        for (digests, what) in [(&report.damaged, "damaged"), (&report.missing, "missing")] {
            for digest in digests {
                println!("{what}  {digest}");
            }
        }
        println!(
            "{} objects with {} are good, {} damaged, {} missing",
            report.good,
            human(report.good_bytes),
            report.damaged.len(),
            report.missing.len()
        );
        if wrong > 0 {
            let remedy = if arguments.repair {
                "they were forgotten, and the next build makes them anew"
            } else {
                "run `cachewit verify --repair` to forget them"
            };
            println!("{remedy}");
        }
    }
    Ok(ExitCode::from(u8::from(wrong > 0 && !arguments.repair)))
}

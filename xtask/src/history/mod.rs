//! `cargo xtask history`: what real `go` commands ask of a cache while a real project goes on, recorded for the simulator and for
//! `cargo xtask streams`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use self::job::{Job, MIXED, PLAIN};
use self::recording::Recording;
use self::revision::{Modules, Source};
use crate::product;
use crate::toolchains::{default_go, toolchain};
use crate::workspace::{say, scratch, target_dir};

pub mod file;
mod job;
mod recording;
mod revision;

/// Where a history comes from.
#[derive(Args)]
pub struct From {
    /// A local git repository, whose commits are built
    #[arg(long, value_name = "DIR")]
    repo: Option<PathBuf>,
    /// A module, whose releases are built, such as golang.org/x/mod
    #[arg(long, value_name = "PATH", conflicts_with = "repo")]
    module: Option<String>,
    /// How many commits or releases, the newest
    #[arg(long, value_name = "N", default_value_t = 12)]
    last: usize,
    /// The Go to build with, such as 1.27.3; without it the machine's
    #[arg(long, value_name = "VERSION")]
    go: Option<String>,
    /// The cachewit to record with, such as an older one to compare with; without it the one of this clone, which is built
    #[arg(long, value_name = "FILE")]
    cachewit: Option<PathBuf>,
    /// Leave the caches and checkouts where they are
    #[arg(long)]
    keep: bool,
}

/// The options of `cargo xtask history`.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    from: From,
    /// Two dozen kinds of commands instead of `go build` and `go vet`
    #[arg(long)]
    mixed: bool,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// Records a history.
pub fn run(options: &Options) -> Result<()> {
    record(&options.from, if options.mixed { &MIXED } else { &PLAIN }, &options.to)
}

/// Records what [`MIXED`] jobs do.
pub fn record_mixed(from: &From, to: &Path) -> Result<()> {
    record(from, &MIXED, to)
}

fn record(from: &From, jobs: &[Job], to: &Path) -> Result<()> {
    let source = match (&from.repo, &from.module) {
        (Some(dir), None) => Source::Repository(dir.canonicalize().with_context(|| format!("there is no {}", dir.display()))?),
        (None, Some(module)) => Source::Module(module.clone()),
        _ => bail!("say whose history: --repo DIR or --module PATH"),
    };
    let binary = match &from.cachewit {
        Some(binary) => binary.canonicalize().with_context(|| format!("there is no {}", binary.display()))?,
        None => product::build()?,
    };
    let go = match &from.go {
        Some(version) => toolchain(version)?,
        None => default_go()?,
    };
    let modules = Modules::new(go, target_dir().join("history"))?;
    let revisions = source.revisions(&modules, from.last)?;
    let dir = scratch("history")?;
    let mut recording = Recording::new(dir.path(), &source, &modules, &binary, jobs)?;
    for (done, revision) in revisions.iter().enumerate() {
        say(format!("{} of {}: {} {revision}", done + 1, revisions.len(), source.name()));
        recording.revision(revision)?;
    }
    let sessions = recording.write(to)?;
    say(format!("{sessions} sessions of {} revisions are in {}", revisions.len(), to.display()));
    if from.keep {
        say(format!("kept: {}", dir.keep().display()));
    }
    Ok(())
}

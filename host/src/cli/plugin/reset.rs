//! `cachewit plugin reset`: what policies remember is forgotten, whatever they made of it.

use crate::cli::Settings;
use crate::cli::resolve::open;
use anyhow::{Context, Result, bail};
use std::io::ErrorKind;
use std::process::ExitCode;

/// Forgets it.
pub(super) fn run(settings: &Settings) -> Result<ExitCode> {
    let opened = open(settings)?;
    if opened.shelf.is_read_only() {
        bail!("the store in {} cannot be written by this user", opened.config.root.display());
    }
    let folder = opened.shelf.layout().policy_dir();
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", folder.display()));
        }
        _ => {}
    }
    let tags = opened.shelf.with_index(crate::store::Index::forget_tags);
    let tags = tags.with_context(|| format!("the index cannot be written: {}", opened.faults.lines().join("; ")))?;
    println!("forgot     what plugins remember, and {tags} tags of theirs");
    Ok(ExitCode::SUCCESS)
}

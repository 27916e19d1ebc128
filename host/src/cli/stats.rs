//! `cachewit stats`: what the store holds, what it was good for, and who decided.

use super::Settings;
use super::resolve::{human, open};
use crate::cache::default_max_size;
use crate::store::{Totals, other_formats};
use anyhow::{Result, anyhow};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// The arguments of `stats`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Prints it.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let opened = open(&arguments.settings)?;
    let unreadable = || anyhow!("the index cannot be read: {}", opened.faults.lines().join("; "));
    let size = opened.shelf.with_index(super::super::store::index::Index::size).ok_or_else(unreadable)?;
    let totals = opened.shelf.with_index(super::super::store::index::Index::totals).ok_or_else(unreadable)?;
    let limit = opened.config.limits.max_size.unwrap_or_else(|| default_max_size(opened.shelf.folder()));
    let others = other_formats(opened.shelf.layout());
    if arguments.json {
        let others: Vec<Value> = others
            .iter()
            .map(|format| json!({ "version": format.version, "older": format.is_older(), "path": format.path, "bytes": format.bytes() }))
            .collect();
        let object = json!({
            "root": opened.config.root,
            "entries": size.entries,
            "objects": size.objects,
            "bytes": size.bytes,
            "max_size": limit,
            "totals": totals,
            "other_formats": others,
        });
        println!("{object}");
        return Ok(ExitCode::SUCCESS);
    }
    let total = |name: &str| u64::try_from(totals.get(name).copied().unwrap_or(0)).unwrap_or(0);
    let ratio = (total("hits") * 100).checked_div(total("gets")).map_or(String::new(), |ratio| format!(", {ratio} %"));
    println!("store      {}", opened.config.root.display());
    println!("holds      {} of {} in {} objects, {} entries", human(size.bytes), human(limit), size.objects, size.entries);
    for format in others {
        let who = if format.is_older() { "an older" } else { "a newer" };
        println!("beside it  {} of {who} cachewit in {}", human(format.bytes()), format.path.display());
    }
    println!("sessions   {}", total("sessions"));
    println!("lookups    {}, of which {} hits with {}{ratio}", total("gets"), total("hits"), human(total("hit-bytes")));
    if total("native-hits") > 0 {
        println!("           {} of the hits in Go's own cache", total("native-hits"));
    }
    if total("not-served") > 0 {
        println!("           {} misses were here, and a plugin did not let them be served", total("not-served"));
    }
    println!("made       {} outputs with {}", total("puts"), human(total("put-bytes")));
    if total("fetched") + total("shared") > 0 {
        println!("fetched    {} objects with {}", total("fetched"), human(total("fetched-bytes")));
        println!("shared     {} objects with {}", total("shared"), human(total("shared-bytes")));
    }
    println!("evicted    {} groups with {}", total("evicted-groups"), human(total("evicted-bytes")));
    for (by, groups) in with_prefix(&totals, "evicted-by/") {
        println!("           {groups} by {by}");
    }
    if total("not-kept") > 0 {
        println!("not kept   {} groups, as admission said", total("not-kept"));
    }
    let mut plugins: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, count) in with_prefix(&totals, "policy/") {
        if let Some((plugin, role)) = name.rsplit_once('/') {
            let text = if role == "off" { format!("switched off {count} times") } else { format!("{count} {role} questions") };
            plugins.entry(plugin).or_default().push(text);
        }
    }
    for (plugin, texts) in plugins {
        println!("plugin     {plugin}: {}", texts.join(", "));
    }
    for (name, value) in with_prefix(&totals, "counter/") {
        if let Some((plugin, counter)) = name.split_once('/') {
            println!("counter    {plugin}: {counter} {value}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn with_prefix<'a>(totals: &'a Totals, prefix: &'a str) -> impl Iterator<Item = (&'a str, i64)> {
    totals.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, *value)))
}

//! `cargo xtask bench`: what cachewit costs a `go` command, beside Go's own cache and the least that any host can cost.
//!
//! Every round runs each host once, in an order drawn anew, so that what slows the machine for a while slows all alike. Ratios are
//! of medians; the A/A column shows what the same thing measured twice differs by. What the three plugins cost is their ratio to the same host
//! without them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use self::contender::{Field, HOSTS, Host};
use self::peer::Peer;
use self::stats::{Ratio, median, ratio};
use self::workload::{WORKLOADS, Workload};
use crate::product;
use crate::table::Table;
use crate::toolchains::{default_go, go_version, toolchain};
use crate::workspace::{ensure_wasm_targets, say, scratch};

mod contender;
mod embed;
mod floor;
mod judge;
mod judged;
mod large;
pub mod memory;
mod peer;
mod stats;
mod trim;
mod workload;

/// Spawns of each program whose start is measured.
const SPAWNS: usize = 200;

/// The options of `cargo xtask bench`.
#[derive(Args)]
pub struct Options {
    /// A few minutes: fewer rounds, no vet, no cold build
    #[arg(long)]
    quick: bool,
    /// Rounds of every workload, each of which runs every host once
    #[arg(long, value_name = "N")]
    pairs: Option<usize>,
    /// Only workloads whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Write the tables as Markdown to this file as well
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// The Go to measure with, such as 1.27.3; without it the machine's
    #[arg(long, value_name = "VERSION")]
    go: Option<String>,
    /// Leave cachewit out: only Go's own cache and the floor host
    #[arg(long)]
    floor_only: bool,
    /// Beside Go's own cache only hosts whose name contains this, as often as there are some
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// Another host beside ours, as often as there are some: its value of GOCACHEPROG, in which {dir} is a folder for its cache
    #[arg(long = "peer", value_name = "NAME=COMMAND", value_parser = Peer::parse)]
    peers: Vec<Peer>,
}

/// Measures and prints.
pub fn run(options: &Options) -> Result<()> {
    let chosen = chosen(options)?;
    if !options.floor_only {
        ensure_wasm_targets()?;
        product::build()?;
    }
    let go = match &options.go {
        Some(version) => toolchain(version)?,
        None => default_go()?,
    };
    let dir = scratch("bench")?;
    let field = Field { go, binary: product::binary(), dir: dir.path().to_path_buf(), peers: options.peers.clone() };
    workload::write_hello(&field.hello())?;
    floor::build_empty(&field.empty_binary())?;
    let mut random = fastrand::Rng::new();
    let hosts = hosts(options, &field)?;

    let mut table = Table::new(
        2,
        &["workload", "host", "median", "ratio", "95 % interval", "without plugins", "95 % interval", "rounds", "peak memory"],
    );
    let ran = !chosen.is_empty();
    for (workload, rounds) in chosen {
        let walls = measure(&field, workload, &hosts, rounds, &mut random)?;
        for (host, wall) in hosts.iter().zip(&walls) {
            let memory = field.peak_memory(*host, workload)?;
            let name = if *host == hosts[0] { workload.name } else { "" };
            let native = (*host != Host::Native).then(|| ratio(wall, &walls[0], &mut random));
            let beside = host.beside().and_then(|other| hosts.iter().position(|host| *host == other));
            let beside = beside.map(|other| ratio(wall, &walls[other], &mut random));
            let interval = |ratio: Option<Ratio>| ratio.map_or_else(String::new, |ratio| format!("{:.3} to {:.3}", ratio.low, ratio.high));
            table.row(vec![
                name.to_owned(),
                field.name(*host).to_owned(),
                format!("{:.1} ms", median(wall) * 1e3),
                native.map_or_else(|| "1".to_owned(), |ratio| format!("{:.3}", ratio.value)),
                interval(native),
                beside.map_or_else(String::new, |ratio| format!("{:.3}", ratio.value)),
                interval(beside),
                wall.len().to_string(),
                memory.map_or_else(String::new, |bytes| format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))),
            ]);
        }
    }
    // The floor host is there once a workload has been.
    let starts = field.floor_binary().exists().then(|| starts(&field, options.floor_only, &mut random)).transpose()?;
    let large = measures(options, large::NAME).then(|| large::measure(&field.binary, &field.dir, &mut random)).transpose()?;
    let trims = measures(options, trim::NAME).then(|| trim::measure(&field.binary, &field.dir)).transpose()?;
    let judged = measures(options, judged::NAME).then(|| judged::measure(&field.binary, &field.dir, &mut random)).transpose()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let head = format!("{}, {cores} cores; ratios of medians to Go's own cache, rounds in random order", go_version(&field.go)?);
    let tables: Vec<&Table> = ran.then_some(&table).into_iter().chain(&starts).chain(&large).chain(&trims).chain(&judged).collect();
    println!("\n{head}\n\n{}", tables.iter().map(|table| table.text()).collect::<Vec<_>>().join("\n"));
    if let Some(file) = &options.markdown {
        let text = format!("{head}\n\n{}", tables.iter().map(|table| table.markdown()).collect::<Vec<_>>().join("\n"));
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// The hosts to measure; Go's own cache is the first of them.
fn hosts(options: &Options, field: &Field) -> Result<Vec<Host>> {
    let ours = HOSTS.into_iter().filter(|host| !options.floor_only || !host.is_cachewit());
    let mut hosts: Vec<Host> = ours.chain((0..options.peers.len()).map(Host::Peer)).collect();
    for name in &options.hosts {
        if !hosts.iter().any(|host| field.name(*host).contains(name)) {
            let names: Vec<&str> = hosts.iter().map(|host| field.name(*host)).collect();
            bail!("no host's name contains `{name}`; there are: {}", names.join("; "));
        }
    }
    let wanted = |host: &Host| options.hosts.is_empty() || options.hosts.iter().any(|name| field.name(*host).contains(name));
    hosts.retain(|host| *host == Host::Native || wanted(host));
    Ok(hosts)
}

/// The workloads to run with their rounds. A name that is some workload's own means that one, else all that contain it.
fn chosen(options: &Options) -> Result<Vec<(&'static Workload, usize)>> {
    static ALL: [Workload; WORKLOADS.len()] = WORKLOADS;
    let exact = |name: &str| ALL.iter().any(|workload| workload.name == name);
    let wanted = |workload: &&Workload| match options.only.as_deref() {
        None => true,
        Some(name) if exact(name) => workload.name == name,
        Some(name) => workload.name.contains(name),
    };
    let rounds = |workload: &Workload| {
        let usual = if options.quick { workload.quick_rounds } else { workload.rounds };
        if usual == 0 { 0 } else { options.pairs.unwrap_or(usual) }
    };
    let chosen: Vec<(&Workload, usize)> =
        ALL.iter().filter(wanted).map(|workload| (workload, rounds(workload))).filter(|(_, rounds)| *rounds > 0).collect();
    if chosen.is_empty() && !MORE.iter().any(|name| measures(options, name)) {
        let names: Vec<&str> = ALL.iter().map(|workload| workload.name).chain(MORE).collect();
        bail!("nothing to measure; there are: {} (--quick leaves the long ones out)", names.join("; "));
    }
    Ok(chosen)
}

/// What fills a store of its own instead of running `go`.
const MORE: [&str; 3] = [large::NAME, trim::NAME, judged::NAME];

/// Whether the bench is to fill a store with so many entries, which takes minutes.
fn measures(options: &Options, name: &str) -> bool {
    let wanted = options.only.as_deref().map_or(!options.quick, |only| name.contains(only));
    wanted && !options.floor_only
}

/// The wall times of each host, round by round.
fn measure(field: &Field, workload: &Workload, hosts: &[Host], rounds: usize, random: &mut fastrand::Rng) -> Result<Vec<Vec<Duration>>> {
    if workload.cold {
        // The floor host is compiled with a table, even where it answers nothing from it.
        if !field.floor_binary().exists() {
            let table = field.dir.join("floor-table");
            floor::write_table(&field.hello(), &table)?;
            floor::build(&table, &field.floor_binary())?;
        }
    } else {
        for host in hosts {
            say(format!("{}: warming {}", workload.name, field.name(*host)));
            field.warm(*host, workload)?;
        }
    }
    say(format!("{}: {rounds} rounds", workload.name));
    let mut walls = vec![Vec::with_capacity(rounds); hosts.len()];
    let mut order: Vec<usize> = (0..hosts.len()).collect();
    for _ in 0..rounds {
        random.shuffle(&mut order);
        for &index in &order {
            walls[index].push(field.once(hosts[index], workload)?);
        }
    }
    Ok(walls)
}

/// Spawn to exit of hosts whose input ends at once, beside a program that does nothing.
fn starts(field: &Field, floor_only: bool, random: &mut fastrand::Rng) -> Result<Table> {
    let mut programs = vec![("an empty program", field.empty_binary()), ("floor host", field.floor_binary())];
    if !floor_only {
        programs.push(("cachewit", field.binary.clone()));
    }
    let gocache = field.dir.join("starts");
    std::fs::create_dir_all(&gocache).context("cannot create a GOCACHE")?;
    let mut walls = vec![Vec::with_capacity(SPAWNS); programs.len()];
    let mut order: Vec<usize> = (0..programs.len()).collect();
    for _ in 0..SPAWNS {
        random.shuffle(&mut order);
        for &index in &order {
            let mut command = Command::new(&programs[index].1);
            command.env("GOCACHE", &gocache).stdin(Stdio::null()).stdout(Stdio::null());
            let start = Instant::now();
            let status = command.status().with_context(|| format!("cannot start {}", programs[index].1.display()))?;
            walls[index].push(start.elapsed());
            if !status.success() {
                bail!("{} ended with {status} at the end of its input", programs[index].0);
            }
        }
    }
    let mut table = Table::new(1, &["spawn to exit", "median", "more than empty"]);
    for ((name, _), wall) in programs.iter().zip(&walls) {
        let (median, empty) = (median(wall) * 1e3, median(&walls[0]) * 1e3);
        table.row(vec![(*name).to_owned(), format!("{median:.2} ms"), format!("{:.2} ms", median - empty)]);
    }
    Ok(table)
}

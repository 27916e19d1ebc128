//! The hosts that the bench compares, each with a GOCACHE of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::floor;
use super::workload::Workload;
use crate::golang::{Machine, timed};
use crate::product::{self, CHAIN, Summary};

/// Below what `go build std` makes, so that the eviction plugin is asked at the end of every cold run, behind `go`'s back.
const COLD_MAX_SIZE: &str = "100MiB";
/// Above what all warm workloads use together.
const WARM_MAX_SIZE: &str = "8GiB";

/// What stands behind `go` in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Go's own disk cache: what the others are compared with.
    Native,
    /// Go's own disk cache once more, in another folder: the noise.
    NativeAgain,
    /// The floor host.
    Floor,
    /// cachewit as it is without any configuration.
    Plain,
    /// cachewit with the chain of three plugins and a shared folder.
    Chain,
}

/// Every host, in the order of the report.
pub const HOSTS: [Host; 5] = [Host::Native, Host::NativeAgain, Host::Floor, Host::Plain, Host::Chain];

impl Host {
    /// The name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "Go's own cache",
            Self::NativeAgain => "the same again (A/A)",
            Self::Floor => "floor host",
            Self::Plain => "cachewit",
            Self::Chain => "cachewit, three plugins",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::NativeAgain => "again",
            Self::Floor => "floor",
            Self::Plain => "plain",
            Self::Chain => "chain",
        }
    }
}

/// Where all runs of one bench live.
pub struct Field {
    /// The `go` of every run.
    pub go: PathBuf,
    /// The cachewit binary.
    pub binary: PathBuf,
    /// The folder of the bench.
    pub dir: PathBuf,
}

impl Field {
    /// The folder of the hello program.
    pub fn hello(&self) -> PathBuf {
        self.dir.join("hello")
    }

    /// The floor host's binary.
    pub fn floor_binary(&self) -> PathBuf {
        self.dir.join("floor-host")
    }

    /// The program that does nothing.
    pub fn empty_binary(&self) -> PathBuf {
        self.dir.join("empty")
    }

    fn machine(&self, host: Host, cold: bool) -> Result<Machine> {
        let folder = if cold { format!("{}-cold", host.folder()) } else { host.folder().to_owned() };
        Machine::new(&self.go, self.dir.join(folder))
    }

    /// Brings a host's cache to where a warm run finds all it asks for. [`Host::Native`] comes first: the others that need what
    /// Go's own cache holds copy it.
    pub fn warm(&self, host: Host, workload: &Workload) -> Result<()> {
        let gocache = self.machine(host, false)?.gocache();
        if matches!(host, Host::NativeAgain | Host::Floor) {
            copy_tree(&self.machine(Host::Native, false)?.gocache(), &gocache)?;
        }
        if host == Host::Floor {
            let table = self.dir.join("floor-table");
            floor::write_table(&gocache, &table)?;
            floor::build(&table, &self.floor_binary())?;
        }
        self.once(host, workload)?;
        self.once(host, workload)?;
        Ok(())
    }

    /// One run, from spawn to exit of `go`. What a session does behind `go`'s back is over when this returns.
    pub fn once(&self, host: Host, workload: &Workload) -> Result<Duration> {
        let machine = self.machine(host, workload.cold)?;
        let shared = self.dir.join(if workload.cold { "shared-cold" } else { "shared" });
        if workload.cold {
            remove_tree(&self.dir.join(format!("{}-cold", host.folder())))?;
            remove_tree(&shared)?;
        }
        let machine = if workload.cold { self.machine(host, true)? } else { machine };
        let mut command = workload.command(&machine, &self.hello())?;
        let summaries = machine.work().join("summary");
        let _ = std::fs::remove_file(&summaries);
        match host {
            Host::Native | Host::NativeAgain => {}
            Host::Floor => {
                // Cold, every get is a miss whatever the table knows.
                let cold = if workload.cold { " cold" } else { "" };
                command.env("GOCACHEPROG", format!("{}{cold}", self.floor_binary().display()));
            }
            Host::Plain | Host::Chain => {
                std::fs::create_dir_all(&shared).with_context(|| format!("cannot create {}", shared.display()))?;
                let max_size = if workload.cold { COLD_MAX_SIZE } else { WARM_MAX_SIZE };
                let text = if host == Host::Chain { product::chain_config(&shared, max_size) } else { product::EMPTY_CONFIG.to_owned() };
                let config = machine.work().join("cachewit.toml");
                std::fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
                product::cached_by(&mut command, &product::configured(&self.binary, &config), &summaries);
            }
        }
        let wall = timed(&mut command)?;
        if matches!(host, Host::Plain | Host::Chain) {
            check(host, workload, &Summary::wait_for_one(&summaries)?).with_context(|| format!("{}, {}", workload.name, host.name()))?;
        }
        Ok(wall)
    }
}

/// Fails a run that did not do what its column says: a plugin switched off, or one never asked where there was something to ask.
fn check(host: Host, workload: &Workload, summary: &Summary) -> Result<()> {
    if summary.gets == 0 {
        bail!("go asked cachewit nothing");
    }
    if host == Host::Chain {
        summary.check_plugins(&CHAIN)?;
        summary.check_asked(workload.asked)?;
    }
    Ok(())
}

fn remove_tree(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// Copies what is not there yet.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else if !target.exists() {
            std::fs::copy(entry.path(), &target).with_context(|| format!("cannot copy to {}", target.display()))?;
        }
    }
    Ok(())
}

//! The hosts that the bench compares, each with a GOCACHE of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::judge::{self, JUDGES};
use super::memory;
use super::peer::Peer;
use super::workload::Workload;
use super::{embed, floor};
use crate::golang::{Machine, timed};
use crate::product::{self, GUARDS, Summary};

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
    /// cachewit with a shared folder.
    Stored,
    /// The same with three guards of a job that takes nothing from elsewhere.
    Guarded,
    /// The same with three plugins, each of which judges every hit and every group that may leave.
    Judged,
    /// Another program, by its place in [`Field::peers`].
    Peer(usize),
}

/// Every host of ours, in the order of the report.
pub const HOSTS: [Host; 7] = [Host::Native, Host::NativeAgain, Host::Floor, Host::Plain, Host::Stored, Host::Guarded, Host::Judged];

impl Host {
    fn folder(self) -> String {
        match self {
            Self::Native => "native".to_owned(),
            Self::NativeAgain => "again".to_owned(),
            Self::Floor => "floor".to_owned(),
            Self::Plain => "plain".to_owned(),
            Self::Stored => "stored".to_owned(),
            Self::Guarded => "guarded".to_owned(),
            Self::Judged => "judged".to_owned(),
            Self::Peer(place) => format!("peer-{place}"),
        }
    }

    /// Whether it is cachewit.
    pub fn is_cachewit(self) -> bool {
        matches!(self, Self::Plain | Self::Stored | Self::Guarded | Self::Judged)
    }

    /// The host that differs from it by what its name adds.
    pub fn beside(self) -> Option<Self> {
        matches!(self, Self::Guarded | Self::Judged).then_some(Self::Stored)
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
    /// Other hosts.
    pub peers: Vec<Peer>,
}

/// Whether a run is there to fill a store, for its time, or for the memory of its host, which is taken by a program between `go` and the host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gauge {
    Nothing,
    Time,
    Memory,
}

impl Field {
    /// A host's name in the report.
    pub fn name(&self, host: Host) -> &str {
        match host {
            Host::Native => "Go's own cache",
            Host::NativeAgain => "the same again (A/A)",
            Host::Floor => "floor host",
            Host::Plain => "cachewit",
            Host::Stored => "cachewit, a folder",
            Host::Guarded => "cachewit, a folder, three guards",
            Host::Judged => "cachewit, a folder, three judges of every hit",
            Host::Peer(place) => &self.peers[place].name,
        }
    }

    /// The folder of the hello program.
    pub fn hello(&self) -> PathBuf {
        self.dir.join("hello")
    }

    /// The folder of the program that embeds a large file.
    pub fn embed(&self) -> PathBuf {
        self.dir.join("embed")
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
        let folder = if cold { format!("{}-cold", host.folder()) } else { host.folder() };
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
        self.run(host, workload, Gauge::Nothing)?;
        self.run(host, workload, Gauge::Nothing)?;
        Ok(())
    }

    /// One run, from spawn to exit of `go`. What a session does behind `go`'s back is over when this returns.
    pub fn once(&self, host: Host, workload: &Workload) -> Result<Duration> {
        self.run(host, workload, Gauge::Time)
    }

    /// The most memory that the host had in a run of its own, in bytes; none for Go's own cache, which has no process, and where the system
    /// does not tell.
    pub fn peak_memory(&self, host: Host, workload: &Workload) -> Result<Option<u64>> {
        if matches!(host, Host::Native | Host::NativeAgain) || !memory::is_known() {
            return Ok(None);
        }
        self.run(host, workload, Gauge::Memory)?;
        memory::read(&self.machine(host, workload.cold)?.work().join(memory::FILE)).map(Some)
    }

    fn run(&self, host: Host, workload: &Workload, gauge: Gauge) -> Result<Duration> {
        let shared = self.dir.join(format!("{}-shared{}", host.folder(), if workload.cold { "-cold" } else { "" }));
        if workload.cold {
            remove_tree(&self.dir.join(format!("{}-cold", host.folder())))?;
            remove_tree(&shared)?;
        }
        let machine = self.machine(host, workload.cold)?;
        if workload.embeds {
            embed::make_anew(&self.embed(), &machine)?;
        }
        let folder = if workload.embeds { self.embed() } else { self.hello() };
        let mut command = workload.command(&machine, &folder)?;
        let summaries = machine.work().join("summary");
        let _ = std::fs::remove_file(&summaries);
        let value = match host {
            Host::Native | Host::NativeAgain => None,
            // Cold, every get is a miss whatever the table knows.
            Host::Floor => Some(format!("{}{}", self.floor_binary().display(), if workload.cold { " cold" } else { "" })),
            Host::Plain | Host::Stored | Host::Guarded | Host::Judged => {
                std::fs::create_dir_all(&shared).with_context(|| format!("cannot create {}", shared.display()))?;
                let config = self.config(host, workload, &shared)?;
                command.envs(product::GUARD_ENVIRONMENT);
                product::summarised_in(&mut command, &summaries);
                Some(product::configured(&self.binary, &config))
            }
            Host::Peer(place) => Some(self.peers[place].command(&machine)?),
        };
        if let Some(value) = value {
            let value = if gauge == Gauge::Memory { memory::measuring(&value, &machine.work().join(memory::FILE))? } else { value };
            command.env("GOCACHEPROG", value);
        }
        let wall = timed(&mut command)?;
        if host.is_cachewit() {
            let summary = Summary::wait_for_one(&summaries)?;
            self.check(host, workload, gauge, &summary).with_context(|| format!("{}, {}", workload.name, self.name(host)))?;
        }
        if let Host::Peer(place) = host {
            self.peers[place].wait_until_gone();
        }
        Ok(wall)
    }

    /// The configuration of a host of ours. It is made once, since plugins have to be taken in.
    fn config(&self, host: Host, workload: &Workload, shared: &Path) -> Result<PathBuf> {
        let folder = self.dir.join(format!("{}-config{}", host.folder(), if workload.cold { "-cold" } else { "" }));
        let config = folder.join("cachewit.toml");
        if config.is_file() {
            return Ok(config);
        }
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let text = match host {
            Host::Plain => product::EMPTY_CONFIG.to_owned(),
            _ => product::stores_and_limits(shared, if workload.cold { COLD_MAX_SIZE } else { WARM_MAX_SIZE }),
        };
        std::fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
        match host {
            Host::Guarded => product::take_guards_in(&self.binary, &config)?,
            Host::Judged => judge::take_in(&self.binary, &self.dir.join("judge.wasm"), &config)?,
            _ => {}
        }
        Ok(config)
    }

    /// Fails a run that did not do what its row says: a plugin switched off, or one never asked where there was something to ask; a
    /// cold build that was not as cold as that of Go's own cache.
    fn check(&self, host: Host, workload: &Workload, gauge: Gauge, summary: &Summary) -> Result<()> {
        if summary.gets == 0 {
            bail!("go asked cachewit nothing");
        }
        let plugins = match host {
            Host::Guarded => &GUARDS[..],
            Host::Judged => &JUDGES,
            _ => &[],
        };
        summary.check_plugins(plugins)?;
        // An empty store has no hits that anybody could be asked about.
        if gauge != Gauge::Nothing {
            summary.check_asked(plugins, workload.asked)?;
            if host == Host::Judged {
                summary.check_judged(plugins)?;
            }
        }
        if workload.cold {
            let native = self.dir.join("native-cold/gocache");
            if let Some(actions) = native.is_dir().then(|| floor::count_actions(&native)).transpose()?
                && summary.puts < actions
            {
                bail!("{} puts, where Go's own cache has {actions} actions", summary.puts);
            }
        }
        Ok(())
    }
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

//! Other programs behind `GOCACHEPROG`, measured beside ours.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::golang::Machine;

/// How long a peer may go on behind `go`'s back before the next run begins all the same.
const LATE_WORK: Duration = Duration::from_secs(60);

/// Where the command is to name the folder of its cache.
const FOLDER: &str = "{dir}";

/// A host that somebody else made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its name in the report.
    pub name: String,
    command: String,
}

impl Peer {
    /// Takes `NAME=COMMAND` apart.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, command)) if !name.is_empty() && !command.trim().is_empty() => {
                Ok(Self { name: name.to_owned(), command: command.trim().to_owned() })
            }
            _ => Err("a peer is a name, an equals sign, and what GOCACHEPROG is to be, such as x='/usr/bin/x -dir {dir}'".to_owned()),
        }
    }

    /// Its value of `GOCACHEPROG` on a machine. The folder lies below GOCACHE, so a run that begins without one begins cold.
    pub fn command(&self, machine: &Machine) -> Result<String> {
        let folder = machine.gocache().join("peer");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(self.command.replace(FOLDER, &folder.display().to_string()))
    }

    /// Waits for its processes: what one does behind `go`'s back must not slow the next host down. Where processes cannot be listed nothing
    /// is waited for.
    pub fn wait_until_gone(&self) {
        let Some(program) = self.command.split_whitespace().next() else { return };
        let Ok(program) = Path::new(program.trim_matches(['\'', '"'])).canonicalize() else { return };
        let until = Instant::now() + LATE_WORK;
        while runs(&program) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Whether a process of this program lives.
fn runs(program: &Path) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    processes.flatten().any(|process| std::fs::read_link(process.path().join("exe")).is_ok_and(|exe| exe == program))
}

#[cfg(test)]
mod tests {
    use super::{Peer, runs};

    #[test]
    fn a_peer_is_a_name_and_a_command_that_may_hold_equals_signs() {
        let peer = Peer::parse("other=/bin/other -dir={dir}").unwrap();
        assert_eq!((peer.name.as_str(), peer.command.as_str()), ("other", "/bin/other -dir={dir}"));
        for wrong in ["other", "=x", "x="] {
            assert!(Peer::parse(wrong).unwrap_err().contains("GOCACHEPROG"), "{wrong}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_program_that_runs_is_seen() {
        assert!(runs(&std::env::current_exe().unwrap().canonicalize().unwrap()));
        assert!(!runs(std::path::Path::new("/no/such/program")));
    }
}

//! The most memory that a host had: a program between `go` and the host starts it, and looks until it ends at what the system counts.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::product::quoted;

/// The file in a machine's folder that takes the figure.
pub const FILE: &str = "peak-memory";

/// The word that makes xtask the program in between.
pub const COMMAND: &str = "measured";

/// How often is looked. The system remembers the most, so only what a host takes in its last moments is missed.
const EVERY: Duration = Duration::from_millis(1);

/// How long after the end of `go` the figure may be in coming.
const PATIENCE: u32 = 30_000;

/// Whether this system tells.
pub fn is_known() -> bool {
    peak("self").is_some()
}

/// A value of `GOCACHEPROG` that starts the host of `value` and leaves its peak in `file`.
pub fn measuring(value: &str, file: &Path) -> Result<String> {
    let this = std::env::current_exe().context("cannot find the running xtask")?;
    Ok(format!("{} {COMMAND} {} {value}", quoted(&this), quoted(file)))
}

/// Runs a host on the streams of this process, writes the most memory that it had, in bytes, and ends as it ended.
pub fn run(file: &Path, host: &[OsString]) -> Result<ExitCode> {
    let (program, arguments) = host.split_first().context("there is no host to measure")?;
    let mut child = Command::new(program).args(arguments).spawn().with_context(|| format!("cannot start {}", program.display()))?;
    let process = child.id().to_string();
    let mut most = 0;
    let status = loop {
        most = most.max(peak(&process).unwrap_or(0));
        match child.try_wait().context("cannot wait for the host")? {
            Some(status) => break status,
            None => std::thread::sleep(EVERY),
        }
    };
    std::fs::write(file, most.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The most memory that a process has had so far, in bytes.
fn peak(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Reads what [`run`] wrote, which may be a moment after `go` has ended.
pub fn read(file: &Path) -> Result<u64> {
    for _ in 0..PATIENCE {
        if let Some(bytes) = std::fs::read_to_string(file).ok().and_then(|text| text.parse().ok()) {
            let _ = std::fs::remove_file(file);
            return Ok(bytes);
        }
        std::thread::sleep(EVERY);
    }
    bail!("no figure came to {}", file.display())
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_some_memory_and_no_process_has_none() {
        assert!(super::peak("self").is_some_and(|bytes| bytes > 1 << 18));
        assert_eq!(super::peak("no-such-process"), None);
    }
}

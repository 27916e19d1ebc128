//! Compiling in a child process: wasmtime does not promise that compiling a hostile component ends, or fits into memory.

use super::engine;
use crate::platform;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The hidden command of the command line that runs [`compile_child`].
pub const COMPILE_COMMAND: &str = "compile-component";

/// Address space of the child. Cranelift needs a few hundred megabytes for the largest components there are; reservations count too.
const MEMORY: u64 = 6 << 30;
/// Processor seconds of the child.
const CPU_SECONDS: u64 = 300;
/// Wall time of the child.
const WALL: Duration = Duration::from_secs(300);
/// Larger artefacts are no policy's.
const MOST_BYTES: u64 = 512 << 20;

/// Why there is no artefact.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompileError {
    /// The child cannot be started or talked to.
    #[error("cannot be compiled: {0}")]
    Child(#[from] std::io::Error),
    /// The component is malformed, or asks for a feature that is not offered.
    #[error("cannot be compiled: {0}; if the file is damaged, build it or copy it again")]
    Refused(String),
    /// It ran into a limit.
    #[error("cannot be compiled within {} s and {} GiB of memory", WALL.as_secs(), MEMORY >> 30)]
    Limit,
    /// What came out does not fit this host.
    #[error("was compiled by another version of cachewit; install one and the same program everywhere")]
    Unfit,
}

/// Compiles in a child. The bytes go through a pipe, so what is compiled is what was hashed.
pub(super) fn in_child(program: &Path, component: &[u8]) -> Result<Vec<u8>, CompileError> {
    let mut child =
        Command::new(program).arg(COMPILE_COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        return Err(CompileError::Child(std::io::ErrorKind::BrokenPipe.into()));
    };
    let (artifact, words) = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A child that died early says why on stderr.
            let _ = stdin.write_all(component);
        });
        let artifact = scope.spawn(move || {
            let mut bytes = Vec::new();
            stdout.take(MOST_BYTES).read_to_end(&mut bytes).map(|_| bytes)
        });
        let words = scope.spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.take(4096).read_to_end(&mut text);
            text
        });
        let limit = Instant::now() + WALL;
        while !(artifact.is_finished() && words.is_finished()) {
            if Instant::now() > limit {
                let _ = child.kill();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        (artifact.join().unwrap_or_else(|_| Ok(Vec::new())), words.join().unwrap_or_default())
    });
    let status = child.wait()?;
    if status.success() {
        return Ok(artifact?);
    }
    match status.code() {
        Some(1) => Err(CompileError::Refused(crate::fault::printable(String::from_utf8_lossy(&words).trim(), 400))),
        // Killed, by us or by a limit, or out of memory.
        _ => Err(CompileError::Limit),
    }
}

/// What the child does: component on stdin, artefact on stdout, complaints on stderr. An error is for `main` to print, with status 1.
pub fn compile_child() -> Result<(), String> {
    platform::limit_this_process(MEMORY, CPU_SECONDS);
    let mut component = Vec::new();
    std::io::stdin().read_to_end(&mut component).map_err(|error| error.to_string())?;
    let compile = || engine::compiler()?.precompile_component(&component);
    let artifact = compile().map_err(|error| engine::one_line(&error))?;
    std::io::stdout().write_all(&artifact).map_err(|error| error.to_string())
}

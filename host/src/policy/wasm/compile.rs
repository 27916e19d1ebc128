//! Compiling in a child process: wasmtime does not promise that compiling a hostile component ends, or fits into memory.

use super::engine;
use crate::platform;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The hidden command of the command line that runs [`compile_child`].
pub const COMPILE_COMMAND: &str = "compile-component";

/// Wall time of the child, however busy the machine is.
const WALL: Duration = Duration::from_secs(300);
/// Larger artefacts are no policy's.
const MOST_BYTES: u64 = 512 << 20;

/// What the child may take. It grows with the component, so that a small one cannot cost what a whole Python may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Processor seconds.
    pub seconds: u64,
    /// Address space in bytes; reservations count too.
    pub memory: u64,
}

impl Allowance {
    /// For a component of this many bytes. Measured on honest code, each megabyte takes Cranelift a second and 20 MiB; a shipped policy a
    /// tenth of a second and 40 MiB.
    pub fn of(component: usize) -> Self {
        let bytes = component as u64;
        Self { seconds: (5 + bytes * 30 / (1 << 20)).min(300), memory: ((512 << 20) + bytes * 256).min(6 << 30) }
    }
}

/// Why there is no artefact.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompileError {
    /// The child cannot be started or talked to.
    #[error("cannot be compiled: {0}")]
    Child(#[from] std::io::Error),
    /// The component is malformed, or asks for a feature that is not offered.
    #[error("cannot be compiled: {0}; if the file is damaged, build it or copy it again")]
    Refused(String),
    /// The processor time is used up.
    #[error("takes more than {0} s of the processor to compile, where a policy of its size needs a fraction of one")]
    Time(u64),
    /// The memory is.
    #[error("takes more than {} MiB of memory to compile, where a policy of its size needs a part of that", .0 >> 20)]
    Memory(u64),
    /// The wall time is.
    #[error("was not compiled within {} s; this machine may be too busy", WALL.as_secs())]
    Wall,
    /// What came out is no policy's code.
    #[error("becomes more than {} MiB of native code", MOST_BYTES >> 20)]
    Large,
    /// The child died of something else.
    #[error("breaks the compiler ({0}); it is not run")]
    Broken(String),
    /// What came out does not fit this host.
    #[error("was compiled by another version of cachewit; install one and the same program everywhere")]
    Unfit,
}

impl CompileError {
    /// Whether another attempt would cost as much, and end alike.
    pub fn is_for_good(&self) -> bool {
        matches!(self, Self::Time(_) | Self::Memory(_) | Self::Wall | Self::Large | Self::Broken(_))
    }
}

/// Compiles in a child. The bytes go through a pipe, so what is compiled is what was hashed.
pub(super) fn in_child(program: &Path, component: &[u8]) -> Result<Vec<u8>, CompileError> {
    let mut child =
        Command::new(program).arg(COMPILE_COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        return Err(CompileError::Child(std::io::ErrorKind::BrokenPipe.into()));
    };
    let mut late = false;
    let (artifact, words) = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A child that died early says why on stderr.
            let _ = stdin.write_all(component);
        });
        let artifact = scope.spawn(move || {
            let mut bytes = Vec::new();
            stdout.take(MOST_BYTES + 1).read_to_end(&mut bytes).map(|_| bytes)
        });
        let words = scope.spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.take(4096).read_to_end(&mut text);
            text
        });
        let limit = Instant::now() + WALL;
        while !(artifact.is_finished() && words.is_finished()) {
            if Instant::now() > limit {
                late = true;
                let _ = child.kill();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        (artifact.join().unwrap_or_else(|_| Ok(Vec::new())), words.join().unwrap_or_default())
    });
    let status = child.wait()?;
    let artifact = artifact?;
    if artifact.len() as u64 > MOST_BYTES {
        return Err(CompileError::Large);
    }
    if status.success() {
        return Ok(artifact);
    }
    let words = crate::fault::printable(String::from_utf8_lossy(&words).trim(), 400);
    Err(why(status, &words, Allowance::of(component.len()), late))
}

/// What became of a child that has no artefact, from how it ended and what it said.
fn why(status: ExitStatus, words: &str, allowance: Allowance, late: bool) -> CompileError {
    if late {
        CompileError::Wall
    } else if platform::used_up_its_time(status) {
        CompileError::Time(allowance.seconds)
    } else if ["memory allocation of", "os error 12", "out of memory"].iter().any(|sign| words.contains(sign)) {
        CompileError::Memory(allowance.memory)
    } else if status.code() == Some(1) {
        CompileError::Refused(words.to_owned())
    } else {
        // A panic, or a stack that is full. Nothing is known of it but these words.
        CompileError::Broken(if words.is_empty() { status.to_string() } else { crate::fault::printable(words, 200) })
    }
}

/// What the child does: component on stdin, artefact on stdout, complaints on stderr. An error is for `main` to print, with status 1.
pub fn compile_child() -> Result<(), String> {
    let mut component = Vec::new();
    std::io::stdin().read_to_end(&mut component).map_err(|error| error.to_string())?;
    let Allowance { seconds, memory } = Allowance::of(component.len());
    platform::limit_this_process(memory, seconds);
    let compile = || engine::compiler()?.precompile_component(&component);
    let artifact = compile().map_err(|error| engine::one_line(&error))?;
    std::io::stdout().write_all(&artifact).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compiling_may_take_grows_with_the_component_and_has_an_end() {
        let policy = Allowance::of(80_000);
        assert_eq!((policy.seconds, policy.memory >> 20), (7, 531));
        assert_eq!(Allowance::of(20 << 20), Allowance { seconds: 300, memory: 5632 << 20 });
        assert_eq!(Allowance::of(64 << 20), Allowance { seconds: 300, memory: 6 << 30 });
    }
}

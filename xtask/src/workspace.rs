//! The workspace that xtask belongs to: its folders, the targets that its plugins need, and the build of the binary.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The targets that plugins are compiled for, as `rust-toolchain.toml` lists them.
const WASM_TARGETS: [&str; 2] = ["wasm32-unknown-unknown", "wasm32-wasip2"];

/// Says on stderr what xtask does next, so that a long silence always has a name.
pub fn say(what: impl AsRef<str>) {
    eprintln!("xtask: {}", what.as_ref());
}

/// The root of the workspace.
pub fn root() -> &'static Path {
    let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest_dir.parent().unwrap_or(manifest_dir)
}

/// Cargo's target folder, absolute. The running xtask lies in its `release` folder.
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The cargo that started xtask.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a command with the terminal as it is, after saying it.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    say(&shown);
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// A command as one would type it.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Makes sure that the compiler can build plugins: adds the wasm targets with rustup where they are missing.
pub fn ensure_wasm_targets() -> Result<()> {
    let missing: Vec<&str> = WASM_TARGETS.into_iter().filter(|target| !has_target(target)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    say(format!("the compiler lacks {}", missing.join(" and ")));
    // rustup acts on the toolchain that RUSTUP_TOOLCHAIN or rust-toolchain.toml names: the one that started us.
    let mut add = Command::new("rustup");
    add.current_dir(root()).args(["target", "add"]).args(&missing);
    run(&mut add).with_context(|| format!("plugins cannot be built; add the targets with `rustup target add {}`", missing.join(" ")))?;
    match missing.iter().find(|target| !has_target(target)) {
        None => Ok(()),
        Some(target) => bail!("rustup added {target}, yet rustc does not find it"),
    }
}

/// Whether the standard library of a target is installed beside the compiler.
fn has_target(target: &str) -> bool {
    let mut rustc = rustc();
    rustc.args(["--print", "target-libdir", "--target", target]);
    let Ok(output) = rustc.output() else { return false };
    let dir = String::from_utf8_lossy(&output.stdout);
    output.status.success() && std::fs::read_dir(dir.trim()).is_ok_and(|mut files| files.next().is_some())
}

/// The compiler that cargo uses.
pub fn rustc() -> Command {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.current_dir(root());
    command
}

/// An empty folder for one run of one command, on the file system that the target folder is on.
pub fn scratch(name: &str) -> Result<tempfile::TempDir> {
    let parent = target_dir().join("scratch");
    std::fs::create_dir_all(&parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let dir = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(&parent);
    dir.with_context(|| format!("cannot create a folder in {}", parent.display()))
}

//! Runs of a real `go` that see nothing of the user's own caches and settings.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::workspace::shown;

/// One machine of Go's, as far as a build can tell: a toolchain, a GOCACHE and module folders of its own.
pub struct Machine {
    go: PathBuf,
    home: PathBuf,
}

impl Machine {
    /// Lays out the machine in `home`, which is created if it is missing and kept if it is not.
    pub fn new(go: &Path, home: PathBuf) -> Result<Self> {
        for dir in ["gocache", "gopath", "work"] {
            let dir = home.join(dir);
            std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        }
        Ok(Self { go: go.to_path_buf(), home })
    }

    /// The machine's GOCACHE.
    pub fn gocache(&self) -> PathBuf {
        self.home.join("gocache")
    }

    /// A folder of the machine's own, for outputs and summaries.
    pub fn work(&self) -> PathBuf {
        self.home.join("work")
    }

    /// `go` with these arguments, its cache being Go's own until `GOCACHEPROG` is set.
    pub fn go(&self, args: &[&str]) -> Command {
        let mut command = self.program(&self.go);
        command.args(args);
        command
    }

    /// A program that runs `go`, or another `go`, with the same environment.
    pub fn program(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("GO") || name.starts_with("CGO_") || name.starts_with("CACHEWIT_") {
                command.env_remove(&*name);
            }
        }
        command.current_dir(self.work());
        command.env("GOCACHE", self.gocache()).env("GOPATH", self.home.join("gopath"));
        command.env("GOMODCACHE", self.home.join("gopath/pkg/mod"));
        command.env("GOTOOLCHAIN", "local").env("GOENV", "off").env("GOFLAGS", "").env("GOPROXY", "off");
        // A try and a bench are a developer's machine, wherever they run: on CI `close` would wait for uploads.
        command.env_remove("CI");
        command
    }
}

/// Runs a command to its end and takes the wall time from just before the spawn to the exit.
pub fn timed(command: &mut Command) -> Result<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let start = Instant::now();
    let output = command.output();
    let wall = start.elapsed();
    succeeded(command, output)?;
    Ok(wall)
}

fn succeeded(command: &Command, output: std::io::Result<Output>) -> Result<()> {
    let output = output.with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({}):\n{}", shown(command), output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}

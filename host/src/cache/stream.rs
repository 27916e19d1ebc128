//! What this session is: the facts that policies may ask for, and the label of its stream.
//!
//! A stream is sessions that do the same job again and again. Its label is made of the words of the `go` command, the path (not the
//! folder) of the main module, GOFLAGS, GOOS and GOARCH: CI checks out anywhere, so no folder may be in it.

use crate::config::Environment;
use crate::policy::SessionView;
use std::path::Path;

/// Flags whose value is a place to write to, and says nothing about what is built.
const PLACES: [&str; 7] = ["o", "C", "cpuprofile", "memprofile", "blockprofile", "coverprofile", "outputdir"];

/// Makes the session's facts. `parent` are the words of the `go` command, where the system lets us read them.
pub fn session_view(parent: Option<&[String]>, environment: &Environment, folder: &Path) -> SessionView {
    let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty()).cloned();
    let mut view = SessionView::default();
    let words = parent.unwrap_or_default();
    let command = words.iter().skip(1).find(|word| !word.starts_with('-')).cloned();
    let module = module_path(folder);
    let goos = variable("GOOS").unwrap_or_else(|| goos().to_owned());
    let goarch = variable("GOARCH").unwrap_or_else(|| goarch().to_owned());
    let stream = [
        command_words(words).join(" "),
        module.clone().unwrap_or_default(),
        variable("GOFLAGS").unwrap_or_default(),
        format!("{goos}/{goarch}"),
    ];
    view.0.insert("stream", stream.join(" · "));
    view.0.extend(command.map(|command| ("command", command)));
    view.0.extend(module.map(|module| ("module", module)));
    view.0.insert("goos", goos);
    view.0.insert("goarch", goarch);
    view.0.extend(variable("GOVERSION").map(|version| ("go-version", version)));
    let (commit, branch) = head_of_checkout(folder);
    view.0.extend(commit.map(|commit| ("commit", commit)));
    view.0.extend(branch.map(|branch| ("branch", branch)));
    let ci = environment.get("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0");
    view.0.insert("ci", ci.to_string());
    view
}

/// The words that say what is built: no program path, no places. A test binary's or a script's own arguments end it.
fn command_words(words: &[String]) -> Vec<&str> {
    let mut kept = Vec::new();
    let mut rest = words.iter().skip(1).map(String::as_str);
    while let Some(word) = rest.next() {
        let flag = word.trim_start_matches('-');
        let (name, has_value) = flag.split_once('=').map_or((flag, false), |(name, _)| (name, true));
        if word.starts_with('-') && PLACES.contains(&name) {
            if !has_value {
                rest.next();
            }
            continue;
        }
        kept.push(word);
    }
    // An absolute path is a folder again.
    kept.retain(|word| !Path::new(word).is_absolute());
    kept
}

/// The path of the module that a folder lies in; in a workspace's own folder, those of its modules.
fn module_path(folder: &Path) -> Option<String> {
    let nearest = |name: &str| folder.ancestors().find_map(|folder| Some((folder, std::fs::read_to_string(folder.join(name)).ok()?)));
    if let Some((_, text)) = nearest("go.mod") {
        return module_line(&text);
    }
    let (root, text) = nearest("go.work")?;
    let mut modules: Vec<String> =
        used_folders(&text).filter_map(|used| module_line(&std::fs::read_to_string(root.join(used).join("go.mod")).ok()?)).collect();
    modules.sort_unstable();
    (!modules.is_empty()).then(|| modules.join(" "))
}

/// The folders after `use` in a go.work, alone or in brackets.
fn used_folders(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.lines().filter_map(move |line| {
        let line = line.split("//").next().unwrap_or_default().trim();
        let folder = match line.strip_prefix("use").filter(|rest| rest.starts_with([' ', '\t', '('])).map(str::trim) {
            Some("(") => {
                inside = true;
                return None;
            }
            Some(folder) => folder,
            None if line == ")" => {
                inside = false;
                return None;
            }
            None if inside => line,
            None => return None,
        };
        let folder = folder.trim_matches('"');
        (!folder.is_empty()).then_some(folder)
    })
}

/// The path in the `module` line of a go.mod.
fn module_line(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let path = line.trim().strip_prefix("module")?.trim_start_matches([' ', '\t', '(']);
        let path = path.split("//").next()?.trim().trim_matches('"');
        (!path.is_empty()).then(|| path.to_owned())
    })
}

/// Commit and branch of the checkout that a folder lies in, read from its files: no git is started.
fn head_of_checkout(folder: &Path) -> (Option<String>, Option<String>) {
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

fn goos() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

fn goarch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Fact;

    fn view(words: &[&str], folder: &Path) -> SessionView {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        session_view(Some(&words), &Environment::new(), folder)
    }

    #[test]
    fn the_same_job_in_another_folder_is_the_same_stream_and_another_job_is_not() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for dir in [&a, &b] {
            std::fs::write(dir.path().join("go.mod"), "module example.com/shop // the shop\n\ngo 1.24\n").unwrap();
        }
        let stream = |words: &[&str], dir: &Path| view(words, dir).fact("stream");
        let build = stream(&["/usr/bin/go", "build", "-o", "/tmp/x1", "./..."], a.path());
        assert_eq!(build, stream(&["go", "build", "-o=/tmp/x2", "./..."], b.path()));
        assert_ne!(build, stream(&["go", "test", "./..."], a.path()));
        assert_ne!(build, stream(&["go", "build", "./..."], Path::new("/")), "another module");
        assert_eq!(view(&["go", "vet", "./..."], a.path()).fact("module"), Fact::Known("example.com/shop".to_owned()));
    }

    #[test]
    fn a_workspace_is_called_after_its_modules() {
        let dir = tempfile::tempdir().unwrap();
        for module in ["api", "web"] {
            std::fs::create_dir(dir.path().join(module)).unwrap();
            std::fs::write(dir.path().join(module).join("go.mod"), format!("module example.com/{module}\n")).unwrap();
        }
        let named = |text: &str| {
            std::fs::write(dir.path().join("go.work"), text).unwrap();
            view(&["go", "build"], dir.path()).fact("module")
        };
        let both = Fact::Known("example.com/api example.com/web".to_owned());
        assert_eq!(named("go 1.24\n\nuse (\n\t./web // the front\n\t./api\n)\n"), both);
        assert_eq!(named("use ./web\nuse \"./api\"\nreplace x => (\n"), both);
        assert_eq!(named("go 1.24\n"), Fact::Absent);
        // Within a module, that one counts.
        named("use ./web\n");
        assert_eq!(view(&["go", "build"], &dir.path().join("api")).fact("module"), Fact::Known("example.com/api".to_owned()));
    }

    #[test]
    fn commit_and_branch_come_from_the_checkout_s_files() {
        let dir = tempfile::tempdir().unwrap();
        let git = dir.path().join(".git");
        std::fs::create_dir_all(git.join("refs/heads")).unwrap();
        std::fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        std::fs::write(git.join("packed-refs"), "# pack-refs\nabc123 refs/heads/main\n").unwrap();
        let facts = |key| view(&["go", "build"], dir.path()).fact(key);
        assert_eq!(facts("branch"), Fact::Known("main".to_owned()));
        assert_eq!(facts("commit"), Fact::Known("abc123".to_owned()));
        std::fs::write(git.join("refs/heads/main"), "def456\n").unwrap();
        assert_eq!(facts("commit"), Fact::Known("def456".to_owned()), "a loose reference is newer than a packed one");
        std::fs::write(git.join("HEAD"), "0123\n").unwrap();
        assert_eq!((facts("commit"), facts("branch")), (Fact::Known("0123".to_owned()), Fact::Absent));
    }
}

//! The main module, or those of a workspace: what a `go` command is about.

use std::path::{Path, PathBuf};

/// What a folder belongs to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MainModule {
    /// The module's path; of a workspace, those of its modules.
    pub path: String,
    /// The folder with the go.mod or go.work.
    pub root: PathBuf,
}

/// The module that a folder lies in; in a workspace's own folder, its modules.
pub(super) fn main_module(folder: &Path) -> Option<MainModule> {
    let nearest = |name: &str| folder.ancestors().find_map(|folder| Some((folder, std::fs::read_to_string(folder.join(name)).ok()?)));
    if let Some((root, text)) = nearest("go.mod") {
        return Some(MainModule { path: module_line(&text)?, root: root.to_owned() });
    }
    let (root, text) = nearest("go.work")?;
    let mut modules: Vec<String> =
        used_folders(&text).filter_map(|used| module_line(&std::fs::read_to_string(root.join(used).join("go.mod")).ok()?)).collect();
    modules.sort_unstable();
    (!modules.is_empty()).then(|| MainModule { path: modules.join(" "), root: root.to_owned() })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_called_after_its_modules() {
        let dir = tempfile::tempdir().unwrap();
        for module in ["api", "web"] {
            std::fs::create_dir(dir.path().join(module)).unwrap();
            std::fs::write(dir.path().join(module).join("go.mod"), format!("module example.com/{module}\n")).unwrap();
        }
        let named = |text: &str| {
            std::fs::write(dir.path().join("go.work"), text).unwrap();
            main_module(dir.path()).map(|module| module.path)
        };
        let both = Some("example.com/api example.com/web".to_owned());
        assert_eq!(named("go 1.24\n\nuse (\n\t./web // the front\n\t./api\n)\n"), both);
        assert_eq!(named("use ./web\nuse \"./api\"\nreplace x => (\n"), both);
        assert_eq!(named("go 1.24\n"), None);
        // Within a module, that one counts.
        named("use ./web\n");
        let api = dir.path().join("api");
        assert_eq!(main_module(&api), Some(MainModule { path: "example.com/api".to_owned(), root: api }));
    }
}

//! The words of a `go` command, as far as they say what it will use.
//!
//! Too much in a label is worse than too little. A stream that is called after a commit or a folder never comes back, and what its only
//! session used looks wanted for as long as streams live; two jobs in one stream only take turns. So a flag that changes no
//! object but those of a link step or of a test's run is left out, and so is every path outside the module.

use std::path::{Component, Path, PathBuf};

/// Flags whose value changes nothing that is built, or nothing but a program that is linked: Go caches hardly any.
const SILENT_WITH_VALUE: [&str; 30] = [
    // Places to write to, or to run in.
    "C",
    "blockprofile",
    "cpuprofile",
    "debug-actiongraph",
    "debug-trace",
    "memprofile",
    "mutexprofile",
    "o",
    "outputdir",
    "pkgdir",
    "trace",
    // CI stamps commits and dates into it.
    "ldflags",
    // The unsaved files of an editor, under a name that was drawn.
    "overlay",
    // Which tests run, and how; they are compiled all alike.
    "bench",
    "benchtime",
    "blockprofilerate",
    "count",
    "cpu",
    "fuzzminimizetime",
    "fuzztime",
    "list",
    "memprofilerate",
    "mutexprofilefraction",
    "parallel",
    "run",
    "shuffle",
    "skip",
    "timeout",
    // How many work at once, and what `go list` prints.
    "f",
    "p",
];

/// Flags of the same kind without a value.
const SILENT: [&str; 13] =
    ["artifacts", "benchmem", "buildvcs", "e", "failfast", "fullpath", "json", "modcacherw", "n", "short", "v", "work", "x"];

/// Those of them that `go vet` has as well; all others are its analyzers', and part of what it caches.
const SILENT_IN_VET: [&str; 5] = ["buildvcs", "modcacherw", "n", "v", "x"];

/// Flags with a value that say what is built.
const TELLING_WITH_VALUE: [&str; 18] = [
    "asmflags",
    "buildmode",
    "compiler",
    "covermode",
    "coverpkg",
    "coverprofile",
    "exec",
    "fuzz",
    "gccgoflags",
    "gcflags",
    "installsuffix",
    "mod",
    "modfile",
    "pgo",
    "tags",
    "toolexec",
    "vet",
    "vettool",
];

/// Commands that mean the package of the folder where no other is named.
const OF_THIS_FOLDER: [&str; 5] = ["build", "install", "list", "test", "vet"];

/// What the words say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CommandWords {
    /// Such as `build`.
    pub command: Option<String>,
    /// The command with its flags and packages, in one form however they were written.
    pub label: String,
}

/// Reads the words behind the program's name, of a command in `folder` whose module or workspace lies in `root`.
pub(super) fn command_words(words: &[String], folder: &Path, root: Option<&Path>) -> CommandWords {
    let mut read = CommandWords::default();
    let mut kept: Vec<String> = Vec::new();
    let mut packages = 0;
    let mut rest = words.iter().skip(1).map(String::as_str).peekable();
    while let Some(word) = rest.next() {
        let Some(command) = read.command.as_deref() else {
            match flag(word) {
                // `go -C folder build`.
                Some(("C", None)) => drop(rest.next()),
                Some(_) => {}
                None => {
                    read.command = Some(word.to_owned());
                    kept.push(word.to_owned());
                }
            }
            continue;
        };
        match flag(word) {
            Some(("args", _)) => break,
            Some((name, value)) => {
                let takes_next = value.is_none() && (SILENT_WITH_VALUE.contains(&name) || TELLING_WITH_VALUE.contains(&name));
                let value = if takes_next { rest.next() } else { value };
                kept.extend(telling(command, name, value).filter(|flag| !kept.contains(flag)));
            }
            None if word == "--" => {}
            None => {
                packages += 1;
                kept.extend(package(word, folder, root));
                // What follows belongs to the program that is run.
                let more_files = command == "run" && is_go_file(word) && rest.peek().is_some_and(|next| is_go_file(next));
                if matches!(command, "run" | "tool") && !more_files {
                    break;
                }
            }
        }
    }
    if packages == 0 && read.command.as_deref().is_some_and(|command| OF_THIS_FOLDER.contains(&command)) {
        kept.extend(package(".", folder, root));
    }
    read.label = kept.join(" ");
    read
}

/// The flags in GOFLAGS that say what is built.
pub(super) fn goflags(value: &str) -> String {
    let flags = value.split_whitespace().map(|word| word.trim_matches(['\'', '"'])).filter_map(flag);
    flags.filter_map(|(name, value)| telling("", name, value)).collect::<Vec<_>>().join(" ")
}

/// The name and value of a flag, with one dash or two. `-` alone is none.
fn flag(word: &str) -> Option<(&str, Option<&str>)> {
    let flag = word.strip_prefix('-')?;
    let flag = flag.strip_prefix('-').unwrap_or(flag);
    let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
    // Flags of the test binary may be spelled as the binary spells them.
    let name = name.strip_prefix("test.").unwrap_or(name);
    (!name.is_empty()).then_some((name, value))
}

/// A flag as it stands in the label, if it says what is built.
fn telling(command: &str, name: &str, value: Option<&str>) -> Option<String> {
    let silent: &[&str] = if command == "vet" { &SILENT_IN_VET } else { &SILENT };
    // To switch an analyzer off is the other way round: without a word all are on.
    let is_off = value == Some("false") && command != "vet";
    if silent.contains(&name) || SILENT_WITH_VALUE.contains(&name) || is_off {
        return None;
    }
    let value = match (name, value) {
        // A place to write to, and coverage with it.
        ("coverprofile", _) => return Some("-cover".to_owned()),
        // The value chooses among tests whose instrumentation is the same.
        ("fuzz", _) | (_, None | Some("true")) => return Some(format!("-{name}")),
        ("vettool" | "toolexec" | "exec", Some(tool)) => Path::new(tool).file_name().unwrap_or_default().to_string_lossy().into_owned(),
        (_, Some(path)) if Path::new(path).is_absolute() => return None,
        (_, Some(value)) => value.to_owned(),
    };
    Some(format!("-{name}={value}"))
}

fn is_go_file(word: &str) -> bool {
    Path::new(word).extension().is_some_and(|extension| extension == "go")
}

/// A pattern of packages, from the module's root wherever it was given: `.` in `cmd` is what `./cmd` is above. None for a folder
/// outside of the module, which may be anywhere.
fn package(word: &str, folder: &Path, root: Option<&Path>) -> Option<String> {
    // Queries of editors: the package that has a file.
    let (query, path) = word.strip_prefix("file=").map_or(("", word), |path| ("file=", path));
    let path = path.strip_prefix("pattern=").unwrap_or(path);
    let is_relative = || matches!(Path::new(path).components().next(), Some(Component::CurDir | Component::ParentDir));
    if query.is_empty() && !Path::new(path).is_absolute() && !is_relative() && !is_go_file(path) {
        return Some(path.to_owned());
    }
    let (path, below) = path.strip_suffix("/...").map_or((path, ""), |path| (path, "/..."));
    let whole = plain(&folder.join(path));
    let root = root.unwrap_or(folder);
    let inside = match whole.strip_prefix(root) {
        Ok(inside) => inside.to_owned(),
        // The same folder may be reached by a link.
        Err(_) => match std::fs::canonicalize(&whole).ok().as_deref().map(|whole| whole.strip_prefix(root)) {
            Some(Ok(inside)) => inside.to_owned(),
            _ if Path::new(path).is_absolute() => return None,
            _ => return Some(format!("{query}{path}{below}")),
        },
    };
    let inside: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    let inside = if inside.is_empty() { ".".to_owned() } else { format!("./{}", inside.join("/")) };
    Some(format!("{query}{inside}{below}"))
}

/// Without `.` and `..`, as far as the path's own words say.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The label of a command line in /src/shop/DIR, the module's root being /src/shop.
    fn label_in(dir: &str, line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        command_words(&words, &plain(&Path::new("/src/shop").join(dir)), Some(Path::new("/src/shop"))).label
    }

    fn label(line: &str) -> String {
        label_in(".", line)
    }

    #[test]
    fn what_changes_no_object_is_left_out() {
        for line in [
            "/usr/bin/go build ./...",
            "go build -o /tmp/x1 ./...",
            "go build -o=/tmp/x2 -v -x -p 4 ./...",
            "go -C /anywhere build ./...",
            "go build -C /anywhere -- ./...",
            "go build -ldflags=-X=main.commit=0123abc ./...",
            "go build --ldflags -X=main.commit=4567def --race=false ./...",
        ] {
            assert_eq!(label(line), "build ./...", "{line}");
        }
        assert_eq!(label("go test -count=1 -run ^TestA$ -timeout 5m -short -json -test.v ./..."), "test ./...");
        assert_eq!(label("go list -e -json=Export -export=true -deps ./..."), "list -export -deps ./...");
        assert_eq!(label("go list -f {{.Export}} -export ./..."), "list -export ./...");
    }

    #[test]
    fn what_changes_objects_stays_in_one_form() {
        assert_eq!(label("go test -race --tags a,b ./..."), label("go test -race=true -tags=a,b ./..."));
        assert_eq!(label("go test -race -tags a,b -cover ./..."), "test -race -tags=a,b -cover ./...");
        assert_eq!(label("go test -coverprofile /tmp/1 -cover ./..."), "test -cover ./...");
        assert_eq!(label("go test -fuzz FuzzA ./x"), "test -fuzz ./x");
        assert_eq!(label("go vet -json -vettool=/tmp/1/lint -v ./..."), "vet -json -vettool=lint ./...");
        assert_eq!(label("go vet -vettool /tmp/2/lint -json ./..."), "vet -vettool=lint -json ./...");
        assert_eq!(label("go test -vet=off ./..."), "test -vet=off ./...");
        assert_eq!(label("go build -modfile=tools.mod -mod=vendor"), "build -modfile=tools.mod -mod=vendor .");
        assert_eq!(label("go build -modfile=/tmp/123/go.mod ./x"), "build ./x");
        assert_eq!(label("go vet -printf=false ./x"), "vet -printf=false ./x");
    }

    #[test]
    fn packages_are_named_from_the_module_s_root() {
        assert_eq!(label_in("cmd", "go test ."), "test ./cmd");
        assert_eq!(label_in("cmd", "go test -v"), "test ./cmd");
        assert_eq!(label("go build"), "build .");
        assert_eq!(label_in("cmd", "go test ./..."), "test ./cmd/...");
        assert_eq!(label_in("cmd", "go test ../..."), "test ./...");
        assert_eq!(label_in("cmd/a", "go build ../b example.com/x/..."), "build ./cmd/b example.com/x/...");
        assert_eq!(label("go list -deps /src/shop/... builtin"), "list -deps ./... builtin");
        assert_eq!(label("go list file=/src/shop/cmd/main.go"), "list file=./cmd/main.go");
        assert_eq!(label("go vet /somewhere/else ./..."), "vet ./...", "a folder outside may be anywhere");
        assert_eq!(label("go vet ../other/..."), "vet ../other/...", "but one beside the module is beside it everywhere");
        assert_eq!(label("go build ... std"), "build ... std");
    }

    #[test]
    fn the_words_of_a_program_that_is_run_are_its_own() {
        assert_eq!(label("go run -race ./cmd/x --date 2026-01-01 ./y"), "run -race ./cmd/x");
        assert_eq!(label_in("cmd", "go run a.go b.go c"), "run ./cmd/a.go ./cmd/b.go");
        assert_eq!(label("go run example.com/tool@v1.2.3 -v x"), "run example.com/tool@v1.2.3");
        assert_eq!(label("go tool stringer -type=X"), "tool stringer");
        assert_eq!(label("go test ./... -args -n 3"), "test ./...");
    }

    #[test]
    fn the_command_is_the_first_word_that_is_no_flag() {
        let command = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            command_words(&words, Path::new("/"), None).command
        };
        assert_eq!(command("go -C somewhere build ./...").as_deref(), Some("build"));
        assert_eq!(command("go -C=somewhere vet").as_deref(), Some("vet"));
        assert_eq!(command("go"), None);
        assert_eq!(command_words(&[], Path::new("/"), None), CommandWords::default());
    }

    #[test]
    fn goflags_are_read_as_flags_are() {
        assert_eq!(goflags("-mod=vendor -v '-ldflags=-s' -tags=a,b -trimpath"), "-mod=vendor -tags=a,b -trimpath");
        assert_eq!(goflags(""), "");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_is_reached_by_a_link_is_the_same_folder() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("shop");
        std::fs::create_dir_all(root.join("cmd")).unwrap();
        std::os::unix::fs::symlink(&root, root.with_file_name("link")).unwrap();
        let given = format!("{}/cmd/...", root.with_file_name("link").display());
        assert_eq!(package(&given, &root, Some(&root)).as_deref(), Some("./cmd/..."));
    }
}

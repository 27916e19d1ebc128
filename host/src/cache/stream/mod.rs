//! What this session is: the facts that policies may ask for, and the label of its stream.
//!
//! A stream is sessions that do the same job again and again. Its label is made of the words of the `go` command, the path (not the
//! folder) of the main module, GOFLAGS, the platform and Go's minor version: CI checks out anywhere, so no folder may be in it.
//! Where the words cannot be read, what a session used tells its stream (`store/index/kin.rs`). `docs/streams.md` says what that gets
//! right and wrong, as measured.

mod checkout;
mod ci;
mod module;
mod words;

use crate::config::Environment;
use crate::model::Digest;
use crate::policy::SessionView;
use std::path::Path;

/// Makes the session's facts. `parent` are the words of the `go` command, where the system lets us read them.
pub fn session_view(parent: Option<&[String]>, environment: &Environment, folder: &Path) -> SessionView {
    let variable = |name: &str| environment.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let module = module::main_module(folder);
    let words = words::command_words(parent.unwrap_or_default(), folder, module.as_ref().map(|module| module.root.as_path()));
    let module = module.map(|module| module.path);
    let goos = variable("GOOS").unwrap_or(goos());
    let goarch = variable("GOARCH").unwrap_or(goarch());
    let version = variable("GOVERSION");
    let stream = label([
        (&words.label, 72),
        (module.as_deref().unwrap_or_default(), 48),
        (&words::goflags(variable("GOFLAGS").unwrap_or_default()), 30),
        (&platform(&variable, goos, goarch), 32),
        (&version.map(minor).unwrap_or_default(), 6),
    ]);
    let mut view = SessionView::default();
    view.0.insert("stream", stream);
    view.0.extend(words.command.map(|command| ("command", command)));
    view.0.extend(module.map(|module| ("module", module)));
    view.0.insert("goos", goos.to_owned());
    view.0.insert("goarch", goarch.to_owned());
    view.0.extend(version.map(|version| ("go-version", version.to_owned())));
    let (commit, branch) = checkout::head(folder);
    view.0.extend(commit.map(|commit| ("commit", commit)));
    // CI checks a commit out and no branch.
    view.0.extend(branch.or_else(|| ci::branch(&variable)).map(|branch| ("branch", branch)));
    view.0.extend(ci::event(&variable).map(|event| ("ci-event", event.to_owned())));
    let ci = variable("CI").is_some_and(|value| value != "false" && value != "0");
    view.0.insert("ci", ci.to_string());
    view
}

/// The parts that are not empty, none longer than its limit: a remote store names a set by the first 200 characters of its stream, and a
/// query of an editor has a thousand.
fn label(parts: [(&str, usize); 5]) -> String {
    let parts = parts.into_iter().filter(|(part, _)| !part.is_empty());
    parts.map(|(part, most)| bounded(part, most)).collect::<Vec<_>>().join(" · ")
}

/// A part, or its beginning and a hash of the whole where it is too long.
fn bounded(part: &str, most: usize) -> String {
    const HASH: usize = 8;
    if part.chars().count() <= most {
        return part.to_owned();
    }
    let hash = Digest::of(part.as_bytes()).to_string();
    part.chars().take(most.saturating_sub(HASH + 1)).chain(['~']).chain(hash.chars().take(HASH)).collect()
}

/// The platform: system, architecture, the architecture's level where it is not the usual one, cgo where it is off, experiments. `go`
/// passes each of them on, whether it was set or not.
fn platform<'a>(variable: &impl Fn(&str) -> Option<&'a str>, goos: &str, goarch: &str) -> String {
    let level = match goarch {
        "386" => Some(("GO386", "sse2")),
        "amd64" => Some(("GOAMD64", "v1")),
        "arm" => Some(("GOARM", "7")),
        "arm64" => Some(("GOARM64", "v8.0")),
        "mips" | "mipsle" => Some(("GOMIPS", "hardfloat")),
        "mips64" | "mips64le" => Some(("GOMIPS64", "hardfloat")),
        "ppc64" | "ppc64le" => Some(("GOPPC64", "power8")),
        "riscv64" => Some(("GORISCV64", "rva20u64")),
        _ => None,
    };
    let mut platform = format!("{goos}/{goarch}");
    let unusual = level.and_then(|(name, usual)| variable(name).filter(|level| *level != usual));
    platform.extend(unusual.into_iter().flat_map(|level| ["/", level]));
    if variable("CGO_ENABLED") == Some("0") {
        platform.push_str(" no cgo");
    }
    platform.extend(variable("GOEXPERIMENT").into_iter().flat_map(|experiments| [" ", experiments]));
    platform
}

/// `go1.27` of `go1.27.3`: releases of a minor version follow each other, and two minor versions are used side by side.
fn minor(version: &str) -> String {
    let version = version.split_whitespace().find(|word| word.starts_with("go1.")).unwrap_or(version);
    let end = version.match_indices(|c: char| !c.is_ascii_digit()).map(|(at, _)| at).find(|at| *at > "go1.".len());
    version.get(..end.unwrap_or(version.len())).unwrap_or(version).to_owned()
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
        let view = view(&["go", "-C", "there", "vet", "./..."], a.path());
        assert_eq!(view.fact("module"), Fact::Known("example.com/shop".to_owned()));
        assert_eq!(view.fact("command"), Fact::Known("vet".to_owned()));
    }

    #[test]
    fn platform_cgo_and_minor_version_tell_streams_apart() {
        let words: Vec<String> = ["go", "build", "./..."].map(str::to_owned).into();
        let stream = |variables: &[(&str, &str)]| {
            let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            session_view(Some(&words), &environment, Path::new("/")).fact("stream").known().unwrap().to_owned()
        };
        let linux = [("GOOS", "linux"), ("GOARCH", "amd64"), ("GOVERSION", "go1.27.3"), ("GOAMD64", "v1"), ("CGO_ENABLED", "1")];
        assert_eq!(stream(&linux), "build ./... · linux/amd64 · go1.27");
        let with = |name: &'static str, value: &'static str| {
            let mut variables = linux.to_vec();
            variables.retain(|(old, _)| *old != name);
            variables.push((name, value));
            stream(&variables)
        };
        assert_eq!(with("GOVERSION", "go1.27.11"), stream(&linux));
        assert_eq!(with("GOVERSION", "devel go1.28-0123abcd"), "build ./... · linux/amd64 · go1.28");
        assert_eq!(with("GOVERSION", "go1.27rc1"), stream(&linux));
        assert_eq!(with("GOAMD64", "v3"), "build ./... · linux/amd64/v3 · go1.27");
        assert_eq!(with("CGO_ENABLED", "0"), "build ./... · linux/amd64 no cgo · go1.27");
        assert_eq!(with("GOEXPERIMENT", "jsonv2"), "build ./... · linux/amd64 jsonv2 · go1.27");
        assert_eq!(with("GOFLAGS", "-mod=mod -v"), "build ./... · -mod=mod · linux/amd64 · go1.27");
        for odd in ["", "nonsense", "go1.", "go1.é"] {
            assert!(with("GOVERSION", odd).starts_with("build ./... · linux/amd64"));
        }
    }

    #[test]
    fn a_long_label_is_cut_and_still_differs() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("go.mod"), format!("module example.com/{}\n", "ä/".repeat(200))).unwrap();
        let packages: Vec<String> = (0..300).map(|number| format!("example.com/shop/package{number}")).collect();
        let stream = |last: &str| {
            let words: Vec<String> =
                ["go", "test"].into_iter().chain(packages.iter().map(String::as_str)).chain([last]).map(str::to_owned).collect();
            let long = [("GOFLAGS", format!("-tags={}", "a,".repeat(100))), ("GOEXPERIMENT", "x,".repeat(100))];
            let environment = long.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            session_view(Some(&words), &environment, dir.path()).fact("stream").known().unwrap().to_owned()
        };
        assert!(stream("a").chars().count() <= 200, "{}", stream("a"));
        assert!(stream("a").starts_with("test example.com/shop/package0 "));
        assert_ne!(stream("a"), stream("b"));
        assert_eq!(stream("a"), stream("a"));
    }
}

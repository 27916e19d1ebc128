//! What archives of a real compiler say of themselves.

use anyhow::{Context, Result, bail, ensure};
use cachewit::model::{Facts, Kind};
use cachewit::object::{HEAD, read_facts, sniff};
use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A module that imports nothing of the standard library, so that no other package has to be compiled.
const MODULE: [(&str, &str); 10] = [
    ("go.mod", "module example.com/tiny.v2\n\ngo 1.20\n"),
    ("root.go", "package tiny\n\nfunc Twice(n int) int { return 2 * n }\n"),
    ("empty/empty.go", "package empty\n"),
    ("other-name/x.go", "package notxatall\n\nvar X = [3]string{\"a\", \"b\", \"c\"}\n"),
    ("generic/generic.go", "package generic\n\ntype Box[T any] struct{ V T }\n\nfunc (b *Box[T]) Get() T { return b.V }\n"),
    (
        "instance/instance.go",
        "package instance\n\nimport \"example.com/tiny.v2/generic\"\n\n\
         func Get() any { return (&generic.Box[map[string]int]{}).Get }\n",
    ),
    ("asm/asm.go", "package asm\n\nfunc Seven() int\n"),
    ("asm/asm.s", "TEXT ·Seven(SB), 4, $0-8\n\tRET\n"),
    ("push/push.go", "package push\n\nimport _ \"unsafe\"\n\n//go:linkname Pushed example.com/elsewhere.Pushed\nfunc Pushed() {}\n"),
    ("deep/gopkg.in/yaml.v3/yaml.go", "package yaml\n\ntype Node struct{ Next *Node }\n"),
];

struct Module(TempDir);

impl Module {
    fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        for (name, text) in MODULE {
            let path = dir.path().join("src").join(name);
            fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
            fs::write(path, text)?;
        }
        Ok(Self(dir))
    }

    /// The output of a `go` command that shares no cache and no setting with anything else.
    fn go(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Result<String> {
        let output = Command::new("go")
            .args(arguments)
            .current_dir(self.0.path().join("src"))
            .env("GOCACHE", self.0.path().join("cache"))
            .envs([
                ("GOCACHEPROG", ""),
                ("GOENV", "off"),
                ("GOTOOLCHAIN", "local"),
                ("GOFLAGS", ""),
                ("GOWORK", "off"),
                ("GO111MODULE", "on"),
            ])
            .envs([("GOOS", ""), ("GOARCH", ""), ("GOEXPERIMENT", "")])
            .envs(environment.iter().copied())
            .output()
            .context("running go")?;
        ensure!(output.status.success(), "go {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The bytes of every package's archive, by import path.
    fn archives(&self, environment: &[(&str, &str)]) -> Result<BTreeMap<String, Vec<u8>>> {
        let list = self.go(environment, &["list", "-export", "-f", "{{.ImportPath}}|{{.Export}}", "./..."])?;
        list.lines()
            .map(|line| {
                let (path, file) = line.split_once('|').context("a path and a file")?;
                Ok((path.to_owned(), fs::read(file).with_context(|| format!("archive of {path}"))?))
            })
            .collect()
    }
}

fn facts_of(archive: &[u8]) -> Facts {
    read_facts(&mut Cursor::new(archive))
}

#[test]
fn archives_of_the_compiler_tell_path_toolchain_and_platform() -> Result<()> {
    let module = Module::new()?;
    let toolchain = module.go(&[], &["env", "GOVERSION"])?;
    for (goos, goarch, level) in [("linux", "amd64", "GOAMD64=v1"), ("windows", "386", "GO386=sse2"), ("darwin", "arm64", "GOARM64=v8.0")] {
        let archives = module.archives(&[("GOOS", goos), ("GOARCH", goarch)])?;
        ensure!(archives.len() == 8, "{:?}", archives.keys());
        for (path, archive) in archives {
            assert_eq!(sniff(&archive[..archive.len().min(HEAD)]), Kind::Archive, "{path}");
            let facts = facts_of(&archive);
            assert_eq!(facts.import_path.as_deref(), Some(&*path));
            assert_eq!(facts.toolchain.as_deref(), Some(toolchain.trim()), "{path}");
            assert_eq!((facts.goos.as_deref(), facts.goarch.as_deref()), (Some(goos), Some(goarch)), "{path}");
            let Some(rest) = facts.experiments else { bail!("{path} tells no experiments") };
            assert!(rest.starts_with(&format!("{level} X:")), "{path}: {rest}");
        }
    }
    Ok(())
}

#[test]
fn a_program_is_called_main_and_an_archive_of_no_given_path_is_unknown() -> Result<()> {
    let module = Module::new()?;
    let source = module.0.path().join("main.go");
    let archive = module.0.path().join("out");
    fs::write(&source, "package main\n\nfunc main() {}\n")?;
    let path_of = |arguments: &[&str], source: &Path| -> Result<Option<String>> {
        let files = [archive.as_os_str(), source.as_os_str()].map(|file| file.to_string_lossy().into_owned());
        module.go(&[], &[&["tool", "compile"], arguments, &["-o", &files[0], &files[1]]].concat())?;
        Ok(facts_of(&fs::read(&archive)?).import_path)
    };
    assert_eq!(path_of(&["-p", "main"], &source)?.as_deref(), Some("main"));
    assert_eq!(path_of(&["-p", "corp.example/secret/x.v1_test"], &source)?.as_deref(), Some("corp.example/secret/x.v1_test"));
    assert_eq!(path_of(&[], &module.0.path().join("src/root.go"))?, None);
    Ok(())
}

#[test]
fn a_damaged_archive_is_read_without_a_panic_and_tells_nothing_foreign() -> Result<()> {
    let module = Module::new()?;
    let archive = module.archives(&[])?.remove("example.com/tiny.v2/generic").context("the package was built")?;
    let truth = facts_of(&archive);
    for length in 0..archive.len() {
        let path = facts_of(&archive[..length]).import_path;
        assert!(path.is_none() || path == truth.import_path, "cut to {length}: {path:?}");
    }
    // Every byte overwritten by values at the ends of what a length or an offset can be; a path's own letters may change.
    for at in 0..archive.len() {
        for value in [0, 0x7f, 0xff] {
            let mut damaged = archive.clone();
            damaged[at] = value;
            if let Some(path) = facts_of(&damaged).import_path {
                assert!(path.starts_with("example.com/") || path.len() == 27, "byte {at} is {value}: {path}");
            }
        }
    }
    Ok(())
}

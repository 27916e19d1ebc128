//! Policies that are written in Go: built from their source by a real `go`, as their authors build them, and wrapped by the real cachewit.

use crate::go::{Toolchain, binary};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

/// Where the guest SDK for Go lies.
///
/// # Panics
/// Never: the tests lie in a workspace.
pub fn sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").join("guest-sdk/go")
}

/// The component of a policy out of `guest-sdk/go/examples`, built in a folder that tests share.
///
/// # Panics
/// Where it does not build or cannot be wrapped.
pub fn example(go: &Toolchain, name: &str, folder: &Path) -> PathBuf {
    once(go, name, folder, |module| build(go, &sdk(), &format!("./examples/{name}"), module, folder))
}

/// The component of a policy out of `tests/guests/go`.
///
/// # Panics
/// As [`example`].
pub fn guest(go: &Toolchain, name: &str, folder: &Path) -> PathBuf {
    once(go, name, folder, |module| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/go").join(name).with_extension("go");
        let own = tempfile::tempdir().expect("a folder");
        std::fs::copy(&source, own.path().join("main.go")).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        let path = "github.com/cachewit/cachewit/guest-sdk/go";
        let text = format!(
            "module example.test/{name}\n\ngo 1.24\n\nrequire {path} v0.0.0\n\nreplace {path} => {}\n",
            sdk().to_str().expect("UTF-8")
        );
        std::fs::write(own.path().join("go.mod"), text).expect("a go.mod");
        build(go, own.path(), ".", module, folder);
    })
}

/// A `go` command that asks no network and nothing of the user's, with caches in a folder that tests share.
pub fn command(go: &Toolchain, folder: &Path) -> Command {
    let mut command = Command::new(go.path());
    command.env("GOCACHE", folder.join("go-policies/gocache")).env("GOPATH", folder.join("go-policies/gopath"));
    command.env("GOTOOLCHAIN", "local").env("GOENV", "off").env("GOPROXY", "off").env("GOFLAGS", "-mod=mod").env("GOWORK", "off");
    command.env_remove("GOCACHEPROG");
    command
}

/// Makes one component a name and process. Processes that make the same one replace it as a whole.
fn once(go: &Toolchain, name: &str, folder: &Path, build: impl FnOnce(&Path)) -> PathBuf {
    static MADE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let component = folder.join("go-policies").join(format!("go1.{}", go.number())).join(name).with_extension("wasm");
    if !made.contains(&component) {
        let module = tempfile::tempdir().expect("a folder");
        let module = module.path().join("module.wasm");
        build(&module);
        std::fs::create_dir_all(component.parent().expect("a folder")).expect("a folder for components");
        let wrapped = wrap(&module, Some(&component), &[]);
        assert!(wrapped.status.success(), "{name}: {}", String::from_utf8_lossy(&wrapped.stderr));
        made.insert(component.clone());
    }
    component
}

fn build(go: &Toolchain, folder: &Path, package: &str, module: &Path, caches: &Path) {
    let mut build = command(go, caches);
    build.current_dir(folder).env("GOOS", "wasip1").env("GOARCH", "wasm");
    build.args(["build", "-buildmode=c-shared", "-o"]).arg(module).arg(package);
    let output = build.output().expect("go runs");
    assert!(output.status.success(), "go build {package}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What `cachewit plugin wrap` says of a module.
///
/// # Panics
/// Where cachewit cannot be started.
pub fn wrap(module: &Path, component: Option<&Path>, arguments: &[&str]) -> Output {
    let mut wrap = Command::new(binary());
    wrap.args(["plugin", "wrap"]).arg(module).args(arguments);
    if let Some(component) = component {
        wrap.arg("-o").arg(component);
    }
    wrap.output().expect("cachewit runs")
}

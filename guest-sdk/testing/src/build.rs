//! Building the policy that is being tested.

use crate::Setup;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TARGET: &str = "wasm32-wasip2";

/// Builds the package whose test this is, as its author would, and answers its component.
pub fn component_of_this_package() -> Setup {
    // `cargo test` says these to the tests that it runs.
    let said = |name: &str| std::env::var_os(name).unwrap_or_else(|| panic!("${name} is not set: run this test with `cargo test`"));
    let manifest = PathBuf::from(said("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let mut cargo = Command::new(said("CARGO"));
    cargo
        .args(["build", "--release", "--lib", "--target", TARGET, "--message-format", "json-render-diagnostics", "--manifest-path"])
        .arg(&manifest);
    // Flags for the machine's own code are none for the component.
    for inherited in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(inherited);
    }
    let output = cargo.stderr(Stdio::inherit()).output().unwrap_or_else(|error| panic!("cargo cannot be started: {error}"));
    assert!(
        output.status.success(),
        "`cargo build --release --target {TARGET}` failed, see above; if the target is missing: `rustup target add {TARGET}`"
    );
    let messages = String::from_utf8_lossy(&output.stdout);
    let found = messages.lines().rev().find_map(|line| wasm_of(line, &manifest));
    Setup::of(
        found.unwrap_or_else(|| panic!("{} makes no component: its [lib] needs `crate-type = [\"cdylib\", \"rlib\"]`", manifest.display())),
    )
}

/// The component that a message of cargo's is about, if it is about one of this package.
fn wasm_of(message: &str, manifest: &Path) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    if message["reason"] != "compiler-artifact" || message["manifest_path"].as_str().map(Path::new) != Some(manifest) {
        return None;
    }
    let mut files = message["filenames"].as_array()?.iter().filter_map(Value::as_str).map(PathBuf::from);
    files.rfind(|file| file.extension().is_some_and(|extension| extension == "wasm"))
}

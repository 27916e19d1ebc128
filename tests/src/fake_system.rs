//! A library that stands between a process and the system, for what no machine does when it is asked to: clocks that are apart, and file
//! systems that cannot lock.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles `tests/shims/system.c` in a folder; its path is for `LD_PRELOAD`, and its head says what can be set.
///
/// # Panics
/// Where there is no C compiler.
pub fn library(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("shims/system.c");
    let library = folder.join("system.so");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").status();
    assert!(compiled.expect("a C compiler").success());
    library
}

//! The shim of `tests/shim`: what a process is given so that it is loaded.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The shared object. Cargo leaves it beside the test that depends on it.
///
/// # Panics
/// Where it is not.
pub fn library() -> PathBuf {
    let test = std::env::current_exe().expect("this test has a path");
    let library = test.with_file_name("libcachewit_shim.so");
    assert!(library.is_file(), "there is no {}; cargo builds it with the tests", library.display());
    library
}

/// The variables for a process that is watched below `folder`, with these settings of the shim.
pub fn variables(folder: &Path, settings: impl IntoIterator<Item = (&'static str, OsString)>) -> Vec<(OsString, OsString)> {
    let mut variables =
        vec![("LD_PRELOAD".into(), library().into_os_string()), (cachewit_shim::FOLDER.into(), folder.as_os_str().to_owned())];
    variables.extend(settings.into_iter().map(|(name, value)| (name.into(), value)));
    variables
}

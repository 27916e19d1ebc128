//! A host that does one thing wrong: `wrong_host NAME CACHEWIT ARGUMENTS…`.

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    cachewit_tests::wrong::main()
}

#[cfg(not(unix))]
fn main() {}

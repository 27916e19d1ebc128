//! The command line: one file a command.
//!
//! What `GOCACHEPROG` starts is told apart before anything is parsed, since the greeting comes first.

mod serve;

use std::process::ExitCode;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == crate::policy::wasm::COMPILE_COMMAND) {
        return match crate::policy::wasm::compile_child() {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => {
                eprintln!("{problem}");
                ExitCode::from(1)
            }
        };
    }
    serve::run(&arguments)
}

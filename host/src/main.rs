//! Prints and exits, nothing else.

fn main() -> std::process::ExitCode {
    cachewit::cli::main()
}

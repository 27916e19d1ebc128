//! Deliberately wrong hosts: each is the real one with one thing that it does wrong, so that a test which proves the right thing must fail.
//!
//! Most stand between `go` and the real host ([`between`]); the others do something wrong and become the real host ([`around`]).
//! `tests/tests/wrong_hosts` runs tests against each of them, and `docs/conformance.md` says which one belongs to which point.

pub mod around;
pub mod between;
pub mod stream;

mod disk;
mod ends;
mod others;
mod pass;
mod requests;
mod responses;

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::time::Duration;

pub use others::die_of_interrupts;

use between::Between;

/// A host that passes everything on and is right: what fails with it is the fault of standing between.
pub const HARMLESS: &str = "harmless";

/// The first argument of a process that does nothing but live until its parent has been gone for some seconds.
const OUTLIVE: &str = "--outlive";

/// The first argument of a process that becomes the real host and dies with the one between.
const LEASH: &str = "--leash";

/// What a wrong host does.
pub enum Wrong {
    /// It stands between `go` and the real host.
    Between(fn() -> Box<dyn Between>),
    /// It does something, and becomes the real host.
    Around(fn(&mut Command)),
}

/// A host between, made by `Default`.
fn between<T: Between + Default + 'static>() -> Box<dyn Between> {
    Box::<T>::default()
}

#[derive(Default)]
struct Harmless;

impl Between for Harmless {}

/// All wrong hosts by name.
pub fn all() -> impl Iterator<Item = (&'static str, Wrong)> {
    let harmless = [(HARMLESS, Wrong::Between(between::<Harmless>))];
    harmless
        .into_iter()
        .chain(requests::all())
        .chain(responses::all())
        .chain(disk::all())
        .chain(others::all())
        .chain(ends::all())
        .chain(around::all())
}

/// `wrong_host NAME CACHEWIT ARGUMENTS…`: cachewit with these arguments, wrong as the name says.
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let name = arguments.next().unwrap_or_default();
    let program = arguments.next().unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    if name == OUTLIVE {
        let parent = std::os::unix::process::parent_id();
        while std::os::unix::process::parent_id() == parent {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_secs(program.to_string_lossy().parse().unwrap_or(0)));
        return ExitCode::SUCCESS;
    }
    let mut real = Command::new(&program);
    real.args(&arguments);
    if name == LEASH {
        // A host that is killed is dead: what stands behind the one between dies with it.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
        return become_the(&mut real);
    }
    let Some((_, wrong)) = all().find(|(known, _)| name == *known) else {
        eprintln!("there is no wrong host {}", name.display());
        return ExitCode::from(2);
    };
    match wrong {
        Wrong::Around(act) => {
            act(&mut real);
            become_the(&mut real)
        }
        Wrong::Between(_) if !is_session(&arguments) => become_the(&mut real),
        Wrong::Between(make) => {
            if name == others::DIES_OF_CONTROL_C {
                others::die_of_interrupts();
            } else {
                cachewit::platform::ignore_interrupts();
            }
            let mut leashed = myself();
            leashed.arg(LEASH).arg(program).args(arguments);
            pass::run(leashed, make())
        }
    }
}

fn myself() -> Command {
    Command::new(std::env::current_exe().unwrap_or_default())
}

fn become_the(real: &mut Command) -> ExitCode {
    let error = real.exec();
    eprintln!("{}: {error}", real.get_program().display());
    ExitCode::from(2)
}

/// Whether cachewit serves a `go` with these arguments, and is no command that a person runs.
fn is_session(arguments: &[OsString]) -> bool {
    let first = arguments.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    first == "serve" || first.is_empty() || first.starts_with('-') || first.contains([':', '.', '/'])
}

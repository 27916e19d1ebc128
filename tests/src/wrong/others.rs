//! Hosts that do something wrong with what is put: it cannot be found, or is found by the wrong ones.

use super::between::{Between, Request, Session};
use super::{Wrong, between};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cachewit::model::Digest;
use std::collections::{HashMap, HashSet};
use std::fs::File;

/// The one that does not ignore the signal.
pub(super) const DIES_OF_CONTROL_C: &str = "dies-of-control-c";

/// Lets Ctrl-C end this process and what it starts. Whoever started us may have ignored it: a shell does so for what it runs in the background,
/// and a `go` that never hears an interrupt goes on.
pub fn die_of_interrupts() {
    // SAFETY: SIG_DFL installs no handler, so nothing of ours runs in signal context.
    #[allow(unsafe_code, reason = "the C library's signal() is the only way to restore a signal")]
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_DFL);
    }
}

pub(super) fn all() -> [(&'static str, Wrong); 6] {
    [
        (DIES_OF_CONTROL_C, Wrong::Between(between::<super::Harmless>)),
        ("shows-puts-when-it-has-ended", Wrong::Between(between::<Unseen>)),
        ("keeps-nothing-beside-another", Wrong::Between(between::<Beside>)),
        ("keeps-the-first-put", Wrong::Between(between::<FirstPut>)),
        ("loses-an-eighth-of-all-entries", Wrong::Between(between::<LosesAnEighth>)),
        ("keeps-nothing-of-vet", Wrong::Between(between::<NothingOfVet>)),
    ]
}

/// Lets the real host see another action, which nobody else has. One that is none stays as it is.
fn hide(request: &mut Request) {
    if !STANDARD.decode(request.text("ActionID")).is_ok_and(|action| action.len() == 32) {
        return;
    }
    let hidden = Digest::of(format!("{} of {}", request.text("ActionID"), std::process::id()).as_bytes());
    request.set("ActionID", STANDARD.encode(hidden.0));
}

/// The lock that the only session has; none where there is another one.
fn only() -> Option<File> {
    let file = File::options().write(true).create(true).truncate(false).open(Session::note("only")).ok()?;
    file.try_lock().ok().map(|()| file)
}

/// A session beside another one finds nothing.
#[derive(Default)]
struct Unseen {
    only: Option<File>,
}

impl Between for Unseen {
    fn begins(&mut self, _: &Session) {
        self.only = only();
    }

    fn request(&mut self, request: &mut Request, _: &Session) {
        if self.only.is_none() && request.is("get") {
            hide(request);
        }
    }
}

/// What a session puts that nobody else shall find.
#[derive(Default)]
struct Hidden(HashSet<String>);

impl Hidden {
    fn hide(&mut self, request: &mut Request) {
        let action = request.text("ActionID").to_owned();
        if request.is("put") && self.0.insert(action.clone()) || self.0.contains(&action) {
            hide(request);
        }
    }
}

/// What a session puts beside another one is found by none but itself.
#[derive(Default)]
struct Beside {
    only: Option<File>,
    hidden: Hidden,
}

impl Between for Beside {
    fn begins(&mut self, _: &Session) {
        self.only = only();
    }

    fn request(&mut self, request: &mut Request, _: &Session) {
        if self.only.is_none() {
            self.hidden.hide(request);
        }
    }
}

/// As if actions could be put only once: another output goes nowhere, and the same one changes nothing.
#[derive(Default)]
struct FirstPut {
    put: HashMap<String, String>,
}

impl Between for FirstPut {
    fn request(&mut self, request: &mut Request, _: &Session) {
        let (action, output) = (request.text("ActionID").to_owned(), request.text("OutputID").to_owned());
        if request.is("put") && self.put.insert(action, output).is_some() {
            hide(request);
        }
    }
}

#[derive(Default)]
struct LosesAnEighth;

impl Between for LosesAnEighth {
    fn request(&mut self, request: &mut Request, _: &Session) {
        let action = STANDARD.decode(request.text("ActionID")).unwrap_or_default();
        if request.is("get") && action.first().is_some_and(|byte| byte % 8 == 0) {
            hide(request);
        }
    }
}

#[derive(Default)]
struct NothingOfVet {
    hidden: Hidden,
}

impl Between for NothingOfVet {
    fn request(&mut self, request: &mut Request, _: &Session) {
        if cachewit::platform::parent_arguments().is_some_and(|words| words.get(1).is_some_and(|word| word == "vet")) {
            self.hidden.hide(request);
        }
    }
}

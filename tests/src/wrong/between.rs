//! What a host that stands between `go` and the real one can do to what passes through it.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use cachewit::store::Layout;
use serde_json::{Map, Value};

use super::stream::Place;

/// What a wrong host does to what passes through it. Each of these does nothing.
#[expect(unused_variables, reason = "the names are documentation for those who do something")]
pub trait Between: Send {
    /// Before the real host is started.
    fn begins(&mut self, session: &Session) {}
    /// So many bytes were read; `inside_body` where the read before it ended inside of one.
    fn read(&mut self, bytes: &mut Vec<u8>, inside_body: bool, session: &Session) {}
    /// Nothing was read for a second.
    fn idles(&mut self, session: &Session) {}
    /// A blank between two values. What returns false does not pass.
    fn blank(&mut self, place: Place, byte: u8, session: &Session) {}
    /// A whole request.
    fn request(&mut self, request: &mut Request, session: &Session) {}
    /// The body of the last request begins, behind these blanks.
    fn body(&mut self, blanks: &[u8], session: &Session) {}
    /// Characters of the body.
    fn text(&mut self, text: &[u8]) {}
    /// The body ends. What is returned comes before its closing quote.
    fn body_ends(&mut self, session: &Session) -> &'static str {
        ""
    }
    /// The request was [held](Request::held); now its body is there.
    fn held(&mut self, request: &mut Request, body: &[u8]) {}
    /// Something begins that is no request.
    fn junk(&mut self, place: Place, session: &Session) {}
    /// The end of the input; `inside` of something, or after a close.
    fn ends(&mut self, inside: bool, closed: bool, session: &Session) {}
    /// An answer of the real host, and the request that it belongs to.
    fn answer(&mut self, answer: &mut Answer, session: &Session) {}
    /// The real host has ended.
    fn ended(&mut self, closed: bool, session: &Session) {}
}

/// A request on its way.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that a wrong host does, and some are done together")]
pub struct Request {
    /// Its fields. A change of them passes on, unless a part of it had been given away.
    pub fields: Map<String, Value>,
    /// Whether it stands directly behind a body.
    pub touches: bool,
    /// The real host shall not see it.
    pub swallowed: bool,
    /// The real host shall see it without its first byte.
    pub beheaded: bool,
    /// The real host shall see it together with its body.
    pub held: bool,
}

impl Request {
    /// A field that is a text.
    pub fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it is one of these.
    pub fn is(&self, command: &str) -> bool {
        self.text("Command") == command
    }

    /// Changes a field, or adds it.
    pub fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.fields.insert(field.to_owned(), value.into());
    }

    /// Bytes of its body.
    pub fn size(&self) -> u64 {
        self.fields.get("BodySize").and_then(Value::as_u64).unwrap_or(0)
    }
}

/// An answer on its way.
#[derive(Debug)]
pub struct Answer {
    /// What was asked; none for the greeting.
    pub request: Option<Request>,
    /// Its fields. A change of them passes on.
    pub fields: Map<String, Value>,
    /// So many times it is sent.
    pub times: usize,
}

impl Answer {
    /// Whether it answers one of these.
    pub fn to(&self, command: &str) -> bool {
        self.request.as_ref().is_some_and(|request| request.is(command))
    }

    /// A field that is a text.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(Value::as_str)
    }

    /// Changes a field, or adds it.
    pub fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.fields.insert(field.to_owned(), value.into());
    }

    /// The line as it would be sent.
    pub fn line(&self) -> String {
        Value::Object(self.fields.clone()).to_string()
    }
}

/// What every part of a session shares.
#[derive(Default)]
pub struct Session {
    /// The real host.
    pub(super) child: Mutex<Option<Child>>,
    /// Requests without an answer, by ID.
    pub(super) outstanding: Mutex<HashMap<i64, Request>>,
    /// Whether the real host has said anything on stderr.
    pub(super) complained: AtomicBool,
    /// Whether `go` has closed.
    pub(super) closed: AtomicBool,
    /// Nothing that is read passes on any more.
    pub(super) deaf: AtomicBool,
}

/// What a thread that failed has locked is as good as before.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// What GOCACHE names.
    pub fn gocache() -> PathBuf {
        std::env::var_os("GOCACHE").map(PathBuf::from).unwrap_or_default()
    }

    /// A file that outlives the session and lies beside GOCACHE, where no test looks.
    pub fn note(name: &str) -> PathBuf {
        Self::gocache().parent().unwrap_or(Path::new("/nowhere")).join(name)
    }

    /// The store.
    pub fn layout() -> Layout {
        Layout::new(&Self::gocache().join("cachewit")).unwrap_or_else(|_| Layout::nowhere())
    }

    /// Writes a line to `go`.
    pub fn say(&self, line: &str) {
        self.write(&format!("{line}\n"));
    }

    #[expect(clippy::unused_self, reason = "only a session has a `go` behind stdout")]
    pub(super) fn write(&self, lines: &str) {
        // A reader that has gone is no fault.
        let _ = std::io::stdout().lock().write_all(lines.as_bytes()).and_then(|()| std::io::stdout().flush());
    }

    /// Whether the real host has said anything on stderr. Gives what it says now the time to pass.
    pub fn has_complained(&self) -> bool {
        thread::sleep(Duration::from_millis(300));
        self.complained.load(Ordering::Relaxed)
    }

    /// The real host hears nothing more, as if `go` had ended its input.
    pub fn end_quietly(&self) {
        self.deaf.store(true, Ordering::Relaxed);
    }

    /// Kills the real host and exits.
    pub fn die(&self, code: i32) -> ! {
        if let Some(child) = &mut *lock(&self.child) {
            // It may have ended by itself.
            let _ = child.kill();
        }
        std::process::exit(code)
    }

    /// The same with a word and a failure.
    pub fn fail(&self, word: &str) -> ! {
        eprintln!("wrong host: {word}");
        self.die(1)
    }
}

//! The wrong host at work: threads that pass on what comes from both sides.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use cachewit::platform;
use serde_json::{Map, Value};

use super::between::{Answer, Between, Request, Session, lock};
use super::stream::{Part, Parts, Place};

/// How long a part of an object may wait for its rest before the real host sees it: a real one says at once what is wrong with it.
const PAUSE: Duration = Duration::from_millis(20);

type Wrong = Arc<Mutex<Box<dyn Between>>>;

/// Runs the real host and passes everything on.
pub fn run(mut real: Command, wrong: Box<dyn Between>) -> ExitCode {
    let session = Arc::new(Session::default());
    let wrong: Wrong = Arc::new(Mutex::new(wrong));
    lock(&wrong).begins(&session);
    let started = real.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => session.fail(&format!("{}: {error}", real.get_program().display())),
    };
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        session.fail("no pipes")
    };
    *lock(&session.child) = Some(child);
    let (chunks, received) = sync_channel(4);
    thread::spawn(move || {
        let mut bytes = vec![0; 64 << 10];
        let mut input = std::io::stdin().lock();
        while let Ok(length @ 1..) = input.read(&mut bytes) {
            if chunks.send(bytes[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    thread::spawn({
        let (wrong, session) = (Arc::clone(&wrong), Arc::clone(&session));
        move || pass_requests(&received, stdin, &wrong, &session)
    });
    let said = thread::spawn({
        let session = Arc::clone(&session);
        move || pass_words(stderr, &session)
    });
    let answered = thread::spawn({
        let (wrong, session) = (Arc::clone(&wrong), Arc::clone(&session));
        move || {
            pass_answers(BufReader::new(stdout), &wrong, &session);
            platform::release_stdout();
        }
    });
    // Threads that failed have said so; the session ends all the same.
    let _ = (answered.join(), said.join());
    let status = loop {
        let ended = lock(&session.child).as_mut().map(Child::try_wait);
        match ended {
            Some(Ok(None)) => thread::sleep(Duration::from_millis(1)),
            Some(Ok(Some(status))) => break status.code(),
            _ => break None,
        }
    };
    lock(&wrong).ended(session.closed.load(Ordering::Relaxed), &session);
    ExitCode::from(status.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// The real host's stderr, until it gives it away.
fn pass_words(mut stderr: impl Read, session: &Session) {
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = stderr.read(&mut bytes) {
        session.complained.store(true, Ordering::Relaxed);
        // Nobody may be listening any more.
        let _ = std::io::stderr().write_all(&bytes[..length]);
    }
    platform::let_go_of_the_terminal();
}

fn pass_answers(mut stdout: BufReader<impl Read>, wrong: &Wrong, session: &Session) {
    let (mut line, mut out) = (String::new(), String::new());
    // As many at once as have come at once.
    while stdout.read_line(&mut line).is_ok_and(|length| length > 0) {
        pass_answer(line.trim_end_matches('\n'), &mut out, wrong, session);
        line.clear();
        if stdout.buffer().is_empty() {
            session.write(&out);
            out.clear();
        }
    }
    session.write(&out);
}

fn pass_answer(line: &str, out: &mut String, wrong: &Wrong, session: &Session) {
    let Ok(Value::Object(fields)) = serde_json::from_str(line) else {
        out.extend([line, "\n"]);
        return;
    };
    let id = fields.get("ID").and_then(Value::as_i64).unwrap_or(0);
    let request = lock(&session.outstanding).remove(&id);
    let mut answer = Answer { request, fields: fields.clone(), times: 1 };
    lock(wrong).answer(&mut answer, session);
    let changed = answer.fields != fields;
    let line = if changed { &answer.line() } else { line };
    (0..answer.times).for_each(|_| out.extend([line, "\n"]));
}

fn pass_requests(chunks: &Receiver<Vec<u8>>, mut real: impl Write, wrong: &Wrong, session: &Session) {
    let mut parts = Parts::default();
    let mut last = Last::default();
    loop {
        let received = chunks.recv_timeout(if parts.holds() { PAUSE } else { Duration::from_secs(1) });
        let mut wrong = lock(wrong);
        // All that one read brought is passed on at once, so that a wrong host has seen the end of it before it is answered.
        let mut out = Vec::new();
        let ended = match received {
            Ok(mut bytes) => {
                wrong.read(&mut bytes, parts.inside_body(), session);
                let mut bytes = bytes.as_slice();
                while let Some(part) = parts.next(&mut bytes) {
                    last.pass(part, &mut out, &mut **wrong, session);
                }
                false
            }
            Err(RecvTimeoutError::Timeout) => {
                if parts.holds() {
                    out = parts.give_away();
                } else {
                    wrong.idles(session);
                }
                false
            }
            Err(RecvTimeoutError::Disconnected) => {
                out = parts.give_away();
                last.release(&mut out);
                wrong.ends(parts.inside(), session.closed.load(Ordering::Relaxed), session);
                true
            }
        };
        drop(wrong);
        // A host that has gone reads nothing more, and its exit is what `go` sees.
        if real.write_all(&out).is_err() || ended || session.deaf.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// The request that was read last.
#[derive(Default)]
struct Last {
    request: Request,
    /// What came since then and before its body.
    blanks: Vec<u8>,
    /// While it is held: its bytes, and those of its body so far.
    bytes: Vec<u8>,
    text: Vec<u8>,
}

impl Last {
    fn pass(&mut self, part: Part, out: &mut Vec<u8>, wrong: &mut dyn Between, session: &Session) {
        if session.deaf.load(Ordering::Relaxed) {
            return;
        }
        match part {
            Part::Blank(place, byte) => {
                wrong.blank(place, byte, session);
                self.blanks.push(byte);
                if !(self.request.held && place == Place::BeforeBody) {
                    out.push(byte);
                }
            }
            Part::Object { bytes, fields, given, touches } => self.object(&bytes, &fields, (given, touches), out, wrong, session),
            Part::Open => {
                wrong.body(&self.blanks, session);
                if self.request.held { &mut self.text } else { out }.push(b'"');
            }
            Part::Text(text) => {
                wrong.text(&text);
                if self.request.held { &mut self.text } else { &mut *out }.extend_from_slice(&text);
                // What is wrong with it the real host shall see at once.
                if !text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte)) {
                    self.release(out);
                }
            }
            Part::Close => {
                let more = wrong.body_ends(session);
                if self.request.held {
                    wrong.held(&mut self.request, &self.text[1..]);
                    self.bytes = Value::Object(self.request.fields.clone()).to_string().into_bytes();
                }
                self.release(out);
                out.extend_from_slice(more.as_bytes());
                out.push(b'"');
            }
            Part::Junk(place, byte) => {
                wrong.junk(place, session);
                self.release(out);
                if !session.deaf.load(Ordering::Relaxed) {
                    out.push(byte);
                }
            }
            Part::Raw(bytes) => {
                // What follows a body that is none is understood by the real host, and by us no more than this.
                if bytes.windows(7).any(|word| word == b"\"close\"") {
                    session.closed.store(true, Ordering::Relaxed);
                }
                out.extend_from_slice(&bytes);
            }
        }
    }

    /// Lets the real host see a request that was held, as far as it has come.
    fn release(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.request.held) {
            out.append(&mut self.bytes);
            out.extend_from_slice(&self.blanks);
            out.append(&mut self.text);
        }
    }

    fn object(
        &mut self,
        bytes: &[u8],
        fields: &Map<String, Value>,
        (given, touches): (usize, bool),
        out: &mut Vec<u8>,
        wrong: &mut dyn Between,
        session: &Session,
    ) {
        self.blanks.clear();
        self.request = Request { fields: fields.clone(), touches, ..Request::default() };
        let asked = self.request.clone();
        wrong.request(&mut self.request, session);
        if given > 0 {
            self.request.held = false;
        }
        let id = fields.get("ID").and_then(Value::as_i64).unwrap_or(0);
        lock(&session.outstanding).insert(id, asked);
        if self.request.is("close") {
            session.closed.store(true, Ordering::Relaxed);
        }
        if self.request.held {
            self.bytes = bytes.to_vec();
            return;
        }
        if self.request.swallowed {
            return;
        }
        if given == 0 && self.request.fields != *fields {
            out.extend_from_slice(Value::Object(self.request.fields.clone()).to_string().as_bytes());
        } else {
            out.extend_from_slice(&bytes[given.max(usize::from(self.request.beheaded))..]);
        }
    }
}

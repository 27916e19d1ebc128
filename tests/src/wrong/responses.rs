//! Hosts that answer in a wrong way.

use super::between::{Answer, Between, Request, Session};
use super::stream::Place;
use super::{Wrong, between};
use std::collections::{HashMap, VecDeque};
use std::path::Path;

pub(super) fn all() -> [(&'static str, Wrong); 13] {
    [
        ("greets-when-it-is-asked", Wrong::Between(between::<LateGreeting>)),
        ("counts-ids-in-doubles", Wrong::Between(between::<Doubles>)),
        ("answers-twice-now-and-then", Wrong::Between(between::<Twice>)),
        ("logs-to-stdout", Wrong::Between(between::<Log>)),
        ("answers-when-the-body-has-come", Wrong::Between(between::<Unflushed>)),
        ("has-a-clock-that-is-a-year-fast", Wrong::Between(between::<FastClock>)),
        ("gives-a-miss-a-size", Wrong::Between(between::<MissWithSize>)),
        ("refuses-puts-without-a-store", Wrong::Between(between::<RefusedPuts>)),
        ("has-no-file-for-an-empty-body", Wrong::Between(between::<NoEmptyFile>)),
        ("closes-with-what-went-wrong", Wrong::Between(between::<ErrorAtClose>)),
        ("answers-in-order", Wrong::Between(between::<InOrder>)),
        ("declares-no-put-for-what-is-read-only", Wrong::Between(between::<NoPut>)),
        ("leaves-the-time-out", Wrong::Between(between::<NoTime>)),
    ]
}

#[derive(Default)]
struct LateGreeting {
    greeting: Option<String>,
    asked: bool,
}

impl Between for LateGreeting {
    fn read(&mut self, _: &mut Vec<u8>, _: bool, session: &Session) {
        self.asked = true;
        self.greeting.take().iter().for_each(|line| session.say(line));
    }

    fn answer(&mut self, answer: &mut Answer, _: &Session) {
        if !self.asked {
            answer.times = 0;
            self.greeting = Some(answer.line());
        }
    }
}

/// As JavaScript does.
#[derive(Default)]
struct Doubles;

impl Between for Doubles {
    fn answer(&mut self, answer: &mut Answer, _: &Session) {
        if let Some(id) = answer.fields.get("ID").and_then(serde_json::Value::as_i64) {
            answer.set("ID", id as f64 as u64);
        }
    }
}

/// Only a long session meets it.
#[derive(Default)]
struct Twice {
    answers: u32,
}

impl Between for Twice {
    fn answer(&mut self, answer: &mut Answer, _: &Session) {
        self.answers += 1;
        answer.times = if self.answers == 5_000 { 2 } else { 1 };
    }
}

#[derive(Default)]
struct Log {
    answers: u32,
}

impl Between for Log {
    fn answer(&mut self, _: &mut Answer, session: &Session) {
        self.answers += 1;
        if self.answers == 5_000 {
            session.say("5000 answers so far");
        }
    }
}

/// Has one thread, which looks after its output when it has read what it is reading.
#[derive(Default)]
struct Unflushed {
    reading: bool,
    held: Vec<String>,
}

impl Unflushed {
    fn flush(&mut self, session: &Session) {
        self.reading = false;
        self.held.drain(..).for_each(|line| session.say(&line));
    }
}

impl Between for Unflushed {
    fn request(&mut self, request: &mut Request, _: &Session) {
        self.reading = request.is("put") && request.size() > 0;
    }

    fn body_ends(&mut self, session: &Session) -> &'static str {
        self.flush(session);
        ""
    }

    fn junk(&mut self, _: Place, session: &Session) {
        self.flush(session);
    }

    fn answer(&mut self, answer: &mut Answer, _: &Session) {
        if self.reading {
            answer.times = 0;
            self.held.push(answer.line());
        }
    }

    fn ends(&mut self, _: bool, _: bool, session: &Session) {
        self.flush(session);
    }
}

#[derive(Default)]
struct FastClock;

impl Between for FastClock {
    fn answer(&mut self, answer: &mut Answer, _: &Session) {
        let Some((year, rest)) = answer.text("Time").and_then(|time| time.split_once('-')) else { return };
        let time = format!("{}-{rest}", year.parse::<u32>().unwrap_or(0) + 1);
        answer.set("Time", time);
    }
}

#[derive(Default)]
struct MissWithSize;

impl Between for MissWithSize {
    fn answer(&mut self, answer: &mut Answer, _: &Session) {
        if answer.fields.contains_key("Miss") {
            answer.set("Size", 0);
        }
    }
}

#[derive(Default)]
struct RefusedPuts;

impl Between for RefusedPuts {
    fn answer(&mut self, answer: &mut Answer, _: &Session) {
        if answer.to("put") && answer.text("DiskPath").is_some_and(|path| !Path::new(path).starts_with(Session::gocache())) {
            answer.fields.remove("DiskPath");
            answer.set("Err", "the store cannot be written");
        }
    }
}

#[derive(Default)]
struct NoEmptyFile;

impl Between for NoEmptyFile {
    fn answer(&mut self, answer: &mut Answer, _: &Session) {
        if answer.request.as_ref().is_some_and(|request| request.is("put") && request.size() == 0)
            && let Some(path) = answer.text("DiskPath")
        {
            let path = format!("{path}-that-nobody-needs");
            answer.set("DiskPath", path);
        }
    }
}

#[derive(Default)]
struct ErrorAtClose;

impl Between for ErrorAtClose {
    fn answer(&mut self, answer: &mut Answer, session: &Session) {
        if answer.to("close") && session.has_complained() {
            answer.set("Err", "something went wrong, as was said");
        }
    }
}

/// Answers requests in the order in which they came.
#[derive(Default)]
struct InOrder {
    asked: VecDeque<i64>,
    answers: HashMap<i64, String>,
}

impl Between for InOrder {
    fn request(&mut self, request: &mut Request, _: &Session) {
        self.asked.extend(request.fields.get("ID").and_then(serde_json::Value::as_i64));
    }

    fn answer(&mut self, answer: &mut Answer, session: &Session) {
        if answer.request.is_none() {
            return;
        }
        answer.times = 0;
        let id = answer.fields.get("ID").and_then(serde_json::Value::as_i64).unwrap_or(0);
        self.answers.insert(id, answer.line());
        while let Some(line) = self.asked.front().and_then(|id| self.answers.remove(id)) {
            self.asked.pop_front();
            session.say(&line);
        }
    }
}

/// Whether the disk or the bucket is read-only.
#[derive(Default)]
struct NoPut;

impl Between for NoPut {
    fn answer(&mut self, answer: &mut Answer, _: &Session) {
        let config = std::env::var_os("CACHEWIT_CONFIG").and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
        let store = Session::layout();
        let probe = store.dir().join("probe");
        let writable = !store.dir().is_dir() || std::fs::write(&probe, "").and_then(|()| std::fs::remove_file(&probe)).is_ok();
        if answer.request.is_none() && (config.contains("mode = \"read\"") || !writable) {
            answer.set("KnownCommands", vec!["get", "close"]);
        }
    }
}

/// Where there is none, `go` takes the present.
#[derive(Default)]
struct NoTime;

impl Between for NoTime {
    fn answer(&mut self, answer: &mut Answer, _: &Session) {
        answer.fields.remove("Time");
    }
}

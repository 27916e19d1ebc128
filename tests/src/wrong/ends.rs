//! Hosts that end in a wrong way.

use super::between::{Answer, Between, Request, Session};
use super::{Wrong, between};
use std::time::Duration;

pub(super) fn all() -> [(&'static str, Wrong); 4] {
    [
        ("answers-close-before-its-work", Wrong::Between(between::<ClosesFirst>)),
        ("forgets-what-was-not-closed", Wrong::Between(between::<DiesAtTheEnd>)),
        ("complains-of-a-missing-close", Wrong::Between(between::<Complains>)),
        ("says-goodbye-on-stdout", Wrong::Between(between::<Goodbye>)),
    ]
}

/// The real host hears of the close when `go` has gone.
#[derive(Default)]
struct ClosesFirst {
    closed: bool,
}

impl Between for ClosesFirst {
    fn request(&mut self, request: &mut Request, session: &Session) {
        if request.is("close") && !std::mem::replace(&mut self.closed, true) {
            session.say(&format!("{{\"ID\":{}}}", request.fields["ID"]));
            std::thread::sleep(Duration::from_millis(400));
        }
    }

    fn answer(&mut self, answer: &mut Answer, _: &Session) {
        if answer.to("close") {
            answer.times = 0;
        }
    }
}

#[derive(Default)]
struct DiesAtTheEnd;

impl Between for DiesAtTheEnd {
    fn ends(&mut self, inside: bool, closed: bool, session: &Session) {
        if !inside && !closed {
            session.die(0);
        }
    }
}

#[derive(Default)]
struct Complains;

impl Between for Complains {
    fn ends(&mut self, inside: bool, closed: bool, _: &Session) {
        if !inside && !closed {
            eprintln!("wrong host: go has not closed");
        }
    }
}

#[derive(Default)]
struct Goodbye;

impl Between for Goodbye {
    fn ends(&mut self, _: bool, closed: bool, session: &Session) {
        if !closed {
            session.say("goodbye");
        }
    }
}

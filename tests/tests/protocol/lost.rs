//! Input of which nobody can say what follows: one line that names request and offence, a failure, and nothing of it published.

use cachewit::model::Digest;
use cachewit_tests::client::{Finished, Home, Host, body_text, close_request, get_request, put_object, put_request};

use crate::{action, noise};

/// A host that has put one good body under ID 1, and what a session after it finds.
fn lose(home: &Home, send: impl FnOnce(&mut Host)) -> Finished {
    let mut host = home.host().start();
    host.put(action(1), b"good");
    send(&mut host);
    let finished = host.wait();
    let mut later = home.host().start();
    assert_eq!(later.hit(action(1)).body, b"good", "what was put before stays");
    assert!(later.misses(action(2)), "published");
    later.close();
    assert!(home.files_named(&Digest::of(b"a lost body").to_hex()).is_empty(), "published");
    assert!(!home.files().iter().any(|file| file.components().any(|part| part.as_os_str() == "tmp")), "left behind");
    finished
}

fn says(finished: &Finished, part: &str) {
    assert!(!finished.status.success(), "{finished:?}");
    assert_eq!(finished.stderr.lines().count(), 1, "one line: {finished:?}");
    assert!(finished.stderr.contains(part), "no {part:?}: {finished:?}");
}

/// The object of a put of `a lost body` under ID 2, and its body.
fn lost_put() -> (String, String) {
    (put_object(2, action(2), Digest::of(b"a lost body"), 11), body_text(b"a lost body"))
}

#[test]
fn what_is_no_request_ends_the_session_while_the_input_stays_open() {
    for (junk, found) in [
        ("a line of a log\n", "'a' after request 1 (put)"),
        ("[]\n", "'[' after request 1 (put)"),
        ("17\n", "'1' after request 1 (put)"),
        ("null\n", "'n' after request 1 (put)"),
        ("\"QUJD\"\n", "'\"' after request 1 (put)"),
        ("{hello\n", "'h' at offset 1 in the request after request 1 (put)"),
        ("{\"ID\":2,\"Command\":\"get\",}", "'}' at offset 24 in request 2 (get)"),
    ] {
        says(&lose(&Home::new(), |host| host.send(junk.as_bytes())), found);
    }
    let (object, body) = lost_put();
    let glued_get = format!("{object}{}{}", &body[..9], get_request(3, action(1)));
    let glued_put = format!("{object}\"{}", put_request(3, action(2), b"x"));
    for (text, found) in [
        (glued_get, "in the body of request 2 (put) is not closed"),
        (glued_put, "in the body of request 2 (put) is not closed"),
        (format!("{object}{}\n\n", &body[..body.len() - 1]), "in the body of request 2 (put) is not closed"),
        (format!("{object}{{\"body\":{body}}}\n"), "before the body of request 2 (put)"),
        (format!("{object}{}", close_request(3)), "before the body of request 2 (put)"),
        (format!("{object}body\n"), "in the body of request 2 (put)"),
    ] {
        says(&lose(&Home::new(), |host| host.send(text.as_bytes())), found);
    }
}

#[test]
fn the_end_of_input_inside_of_anything_is_a_failure() {
    let (object, body) = lost_put();
    for (text, place) in [
        ("{\"ID\":2,\"Command\":\"pu".to_owned(), "ends in request 2"),
        ("{".to_owned(), "ends in the request after request 1 (put)"),
        (object.trim_end().to_owned(), "ends before the body of request 2 (put)"),
        (object.clone(), "ends before the body of request 2 (put)"),
        (format!("{object}\""), "ends in the body of request 2 (put)"),
        (format!("{object}{}", &body[..body.len() - 1]), "ends in the body of request 2 (put)"),
    ] {
        let finished = lose(&Home::new(), |host| {
            host.send(text.as_bytes());
            host.end_input();
        });
        says(&finished, place);
    }
}

#[test]
fn a_large_body_that_breaks_off_leaves_nothing() {
    let body = noise(1, 3_000_000);
    let text = put_request(2, action(2), &body);
    let finished = lose(&Home::new(), |host| {
        host.send(&text.as_bytes()[..2_000_000]);
        host.end_input();
    });
    says(&finished, "ends in the body of request 2 (put)");
}

#[test]
fn ten_megabytes_of_junk_are_given_up_early() {
    for start in ["", "{\"ID\":2,\"Command\":\"get\",\"X\":\""] {
        let finished = lose(&Home::new(), |host| {
            host.send(start.as_bytes());
            host.send(&vec![b'x'; 10 << 20]);
        });
        says(&finished, if start.is_empty() { "after request 1 (put)" } else { "more than 65536 bytes of JSON in request 2 (get)" });
    }
}

#[test]
fn nesting_without_end_is_given_up_early() {
    let finished = lose(&Home::new(), |host| {
        host.send(b"{\"ID\":2,\"X\":");
        host.send(&vec![b'['; 10 << 20]);
    });
    says(&finished, "more than 128 levels of JSON in request 2");
}

#[test]
fn requests_before_the_offence_are_answered() {
    let home = Home::new();
    let mut host = home.host().start();
    let (first, second) = (host.next_id(), host.next_id());
    let text = [get_request(first, action(1)), get_request(second, action(2)), "junk".to_owned()].concat();
    host.send_request(first, &text.as_bytes()[..1]);
    host.send_request(second, &text.as_bytes()[1..]);
    assert_eq!(host.response_to(first)["Miss"], true);
    assert_eq!(host.response_to(second)["Miss"], true);
    says(&host.wait(), "'j' after request 2 (get)");
}

#[test]
fn every_session_that_is_lost_says_so() {
    let home = Home::new();
    for _ in 0..3 {
        says(&lose(&home, |host| host.send(b"junk")), "'j' after request 1 (put)");
    }
}

#[test]
fn the_end_of_input_before_anything_is_no_fault() {
    let finished = Home::new().host().start().finish();
    assert!(finished.status.success() && finished.stderr.is_empty(), "{finished:?}");
}

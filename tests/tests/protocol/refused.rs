//! Requests that cannot be used although their end is certain: an error for their ID, and the session goes on.

use cachewit::model::Digest;
use cachewit_tests::client::{Home, Host, body_text, encoded, put_object};

use crate::{action, noise};

/// Sends a wrong request under ID 100 and expects an error with `problem` in it; then the session must be sound.
fn refused(host: &mut Host, text: &str, problem: &str) {
    host.send_request(100, text.as_bytes());
    let error = host.error_of(100);
    assert!(error.contains(problem), "{text}: {error}");
    assert!(host.misses(action(999)), "after {text}");
}

/// Closes; afterwards nothing but `objects` may be published, and nothing half-written be left.
fn close_and_look(home: &Home, host: Host, objects: &[&[u8]]) {
    let finished = host.close();
    assert!(finished.stderr.is_empty(), "{finished:?}");
    let names: Vec<String> = objects.iter().map(|body| Digest::of(body).to_hex()).collect();
    for file in home.files() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let folder = |part: &str| file.components().any(|component| component.as_os_str() == part);
        assert!(!folder("objects") || names.contains(&name), "published: {}", file.display());
        assert!(!folder("tmp"), "left behind: {}", file.display());
    }
}

#[test]
fn a_body_that_does_not_hash_to_its_output_is_not_published() {
    let home = Home::new();
    let mut host = home.host().start();
    host.put(action(1), b"good");
    let wrong = Digest::of(b"promised");
    refused(&mut host, &format!("{}{}\n", put_object(100, action(1), wrong, 8), body_text(b"supplied")), "SHA-256");
    refused(&mut host, &put_object(100, action(2), wrong, 0), "SHA-256");
    refused(&mut host, &format!("{}{}\n", put_object(100, action(3), Digest::EMPTY, 8), body_text(b"supplied")), "SHA-256");
    assert_eq!(host.hit(action(1)).body, b"good", "what was there before stays");
    assert!(host.misses(action(2)) && host.misses(action(3)));
    assert!(home.files_named(&wrong.to_hex()).is_empty());
    close_and_look(&home, host, &[b"good"]);
}

#[test]
fn a_body_that_is_not_what_was_announced_is_not_published() {
    let home = Home::new();
    let mut host = home.host().start();
    for (size, body, problem) in [
        (9, "\"c3VwcGxpZWQ=\"", "8 bytes long"),
        (1 << 62, "\"c3VwcGxpZWQ=\"", "8 bytes long"),
        (i64::MAX, "\"\"", "0 bytes long"),
        (7, "\"c3VwcGxpZWQ=\"", "longer than the 7 bytes"),
        (1, "\"c3VwcGxpZWQ=\"", "longer than the 1 bytes"),
        (8, "\"c3Vw!GxpZWQ=\"", "not standard base64"),
        (8, "\"c3VwcGxpZWQ\"", "not standard base64"),
        (8, "\"c3Vw GxpZWQ=\"", "not standard base64"),
        (8, "\"c3Vw-_xpZWQ=\"", "not standard base64"),
        (8, "12345678", "not a string"),
        (8, "null", "not a string"),
        (8, "[\"c3VwcGxpZWQ=\"]", "not a string"),
    ] {
        refused(&mut host, &format!("{}{body}\n", put_object(100, action(1), Digest::of(b"supplied"), size)), problem);
        assert!(host.misses(action(1)), "{body}");
    }
    let large = body_text(&noise(1, 2_000_000));
    refused(&mut host, &format!("{}{large}\n", put_object(100, action(1), Digest::of(b"supplied"), 8)), "longer than the 8 bytes");
    host.put(action(1), b"supplied");
    close_and_look(&home, host, &[b"supplied"]);
}

#[test]
fn fields_that_cannot_be_used_are_answered_with_an_error() {
    let home = Home::new();
    let mut host = home.host().start();
    let good = encoded(action(1));
    let path_like = ["../../../../../../etc/passwd", "..%2f..%2f", "/etc/passwd", "a\\u0000b"];
    let lengths = [String::new(), body_text(&[1; 31]).replace('"', ""), body_text(&[1; 33]).replace('"', "")];
    for digest in lengths.iter().map(String::as_str).chain(path_like) {
        let get = format!("{{\"ID\":100,\"Command\":\"get\",\"ActionID\":\"{digest}\"}}\n\n");
        refused(&mut host, &get, "ActionID");
        let put =
            format!("{{\"ID\":100,\"Command\":\"put\",\"ActionID\":\"{digest}\",\"OutputID\":\"{good}\",\"BodySize\":3}}\n\n\"QUJD\"\n");
        refused(&mut host, &put, "ActionID");
        let put =
            format!("{{\"ID\":100,\"Command\":\"put\",\"ActionID\":\"{good}\",\"OutputID\":\"{digest}\",\"BodySize\":3}}\n\n\"QUJD\"\n");
        refused(&mut host, &put, "OutputID");
    }
    for (fields, problem) in [
        ("\"Command\":\"get\"".to_owned(), "ActionID is missing"),
        ("\"Command\":\"put\"".to_owned(), "ActionID is missing"),
        (format!("\"Command\":\"put\",\"ActionID\":\"{good}\""), "OutputID is missing"),
        (format!("\"Command\":\"put\",\"ActionID\":\"{good}\",\"OutputID\":\"{good}\",\"BodySize\":-1"), "BodySize is -1"),
        (format!("\"Command\":\"put\",\"ActionID\":\"{good}\",\"OutputID\":\"{good}\",\"BodySize\":1e3"), "BodySize"),
        (format!("\"Command\":\"put\",\"ActionID\":\"{good}\",\"OutputID\":\"{good}\",\"BodySize\":18446744073709551616"), "BodySize"),
        ("\"Command\":\"frobnicate\"".to_owned(), "\"frobnicate\" is not known"),
        ("\"Command\":\"GET\"".to_owned(), "\"GET\" is not known"),
        (String::from("\"X\":0"), "Command is missing"),
    ] {
        refused(&mut host, &format!("{{\"ID\":100,{fields}}}\n\n"), problem);
    }
    close_and_look(&home, host, &[]);
}

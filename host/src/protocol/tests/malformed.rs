use super::*;

const A: Digest = Digest([7; 32]);

fn after_get(rest: &[u8]) -> String {
    lost_message(&[get_text(7, A).as_bytes(), rest].concat())
}

/// What is said where `body` stands behind the object of a put of three bytes.
fn as_body(body: &[u8]) -> String {
    lost_message(&[put_object(7, A, A, 3).as_bytes(), body].concat())
}

#[test]
fn what_is_no_object_is_lost_where_a_request_must_begin() {
    for (junk, found) in [
        ("hello", "'h'"),
        ("[]", "'['"),
        ("5", "'5'"),
        ("null", "'n'"),
        ("\"QUJD\"", "'\"'"),
        ("}", "'}'"),
        ("\u{feff}", "'\u{ef}'"),
        ("\0", "'\\0'"),
    ] {
        let expected = format!("{found} after request 7 (get) is not the beginning of a request object");
        assert_eq!(after_get(junk.as_bytes()), expected);
        assert!(lost_message(junk.as_bytes()).contains("before the first request"), "{junk}");
    }
}

#[test]
fn an_empty_body_has_no_string() {
    let text = [put_text(7, A, b""), "\"\"\n".into()].concat();
    assert_eq!(lost_message(text.as_bytes()), "'\"' after request 7 (put) is not the beginning of a request object");
}

#[test]
fn broken_json_is_lost_at_its_first_wrong_byte() {
    // What is right, what is wrong from its first byte on, and the place as far as it is known there.
    for (right, wrong, place) in [
        ("{", "hello}", "the request after request 7 (get)"),
        ("{", "{}}", "the request after request 7 (get)"),
        ("{\"ID\":8,", "}", "request 8"),
        ("{\"ID\":8,\"Command\":\"get\" ", "\"x\":1}", "request 8 (get)"),
        ("{\"ID\":8,\"Command\":\"get\",\"X\":[1,2", "}", "request 8 (get)"),
        ("{\"ID\":0", "8}", "the request after request 7 (get)"),
        ("{\"ID\":-", "}", "the request after request 7 (get)"),
        ("{\"ID\":8", "]", "the request after request 7 (get)"),
        ("{\"ID\":8,\"Command\":\"g", "\net\"}", "request 8"),
        ("{\"ID\":8,\"Command\":\"\\", "x\"}", "request 8"),
        ("{\"ID\":8,\"X\":\"\\u12", "g4\"}", "request 8"),
        ("{\"ID\":8,\"X\":nul", "}", "request 8"),
        ("{\"ID\":8,\"X\":1.", "}", "request 8"),
        ("{\"ID\":8,\"X\":1e+", "}", "request 8"),
        ("{\"ID\":8,\"X\":", "'a'}", "request 8"),
    ] {
        let found = wrong.chars().next().unwrap();
        let expected = format!("{found:?} at offset {} in {place} is not JSON", right.len());
        let text = [get_text(7, A).as_str(), right, wrong].concat();
        for length in [1, text.len()] {
            let (_, result) = read_all(Pieces { rest: text.as_bytes(), length });
            assert_eq!(result.unwrap_err().to_string(), expected, "{right}{wrong} in pieces of {length}");
        }
    }
}

#[test]
fn the_end_of_input_is_lost_anywhere_but_between_two_values() {
    let text = [get_text(7, A), put_text(8, A, b"the body")].concat();
    let put = text.find("\n\n").unwrap() + 2;
    let object_end = text.rfind('}').unwrap() + 1;
    let body = text.rfind("\n\"").unwrap() + 1;
    let body_end = text.rfind('"').unwrap() + 1;
    for length in 0..=text.len() {
        let (_, result) = read_all(&text.as_bytes()[..length]);
        let message = result.err().map(|lost| lost.to_string());
        let message = message.as_deref().unwrap_or("intact");
        match length {
            0 => assert_eq!(message, "intact"),
            _ if length < get_text(7, A).len() - 2 => {
                assert!(
                    ["the input ends in the first request", "the input ends in request 7"].iter().any(|start| message.starts_with(start)),
                    "{message}"
                );
            }
            _ if length <= put => assert_eq!(message, "intact"),
            _ if length < object_end => {
                assert!(
                    [
                        "the input ends in the request after request 7 (get)",
                        "the input ends in request 8",
                        "the input ends in request 8 (put)"
                    ]
                    .contains(&message),
                    "{message}"
                );
            }
            _ if length <= body => assert_eq!(message, "the input ends before the body of request 8 (put)"),
            _ if length < body_end => assert_eq!(message, "the input ends in the body of request 8 (put)"),
            _ => assert_eq!(message, "intact"),
        }
    }
}

#[test]
fn a_string_that_the_next_request_is_glued_to_is_not_closed() {
    for partial in ["", "QU", "QUJD", "QUJDRA==", &"QUJD".repeat(100_000)] {
        for request in [get_text(8, A), put_text(8, A, b"x"), close_text(8)] {
            let glued = format!("\"{partial}{request}");
            assert_eq!(as_body(glued.as_bytes()), "the string in the body of request 7 (put) is not closed");
            let input = [put_object(7, A, A, 300_003).as_bytes(), glued.as_bytes()].concat();
            for length in [1, 7, 4096] {
                let (_, result) = read_all(Pieces { rest: &input, length });
                assert!(matches!(result, Err(Lost::NotClosed { .. })), "{result:?} in pieces of {length}");
            }
        }
    }
}

#[test]
fn a_control_character_in_a_string_shows_that_it_is_not_closed() {
    for body in ["\"QUJD\n", "\"QUJD\r\n{\"ID\":8}", "\"QU\tD\"", "\"QUJ\0\"", "\"QUJD\\\n\"", "\"QUJD\\u00\n\"", "\"QUJD\\u00zz\""] {
        assert_eq!(as_body(body.as_bytes()), "the string in the body of request 7 (put) is not closed", "{body}");
    }
}

#[test]
fn an_object_in_the_place_of_a_body_is_lost() {
    for body in ["{}", "{\"ID\":8,\"Command\":\"close\"}\n\n"] {
        let expected = "an object stands where a string must begin, before the body of request 7 (put)";
        assert_eq!(as_body(body.as_bytes()), expected);
    }
}

#[test]
fn junk_in_the_place_of_a_body_is_lost() {
    assert_eq!(as_body(b"hello"), "'h' at offset 0 in the body of request 7 (put) is not JSON");
    assert_eq!(as_body(b"[1,2}"), "'}' at offset 4 in the body of request 7 (put) is not JSON");
    assert_eq!(as_body(b"[1,2"), "the input ends in the body of request 7 (put)");
    assert_eq!(as_body(&b"[".repeat(200)), "more than 128 levels of JSON in the body of request 7 (put)");
    assert_eq!(as_body(&b"1".repeat(1_000_000)), "more than 65536 bytes of JSON in the body of request 7 (put)");
}

/// The same byte for ever, and a count of them.
struct Counted(u8, u64);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(self.0);
        self.1 += buffer.len() as u64;
        assert!(self.1 < 10 << 20, "the decoder reads on and on");
        Ok(buffer.len())
    }
}

#[test]
fn endless_junk_is_given_up_early() {
    for start in ["", "{\"ID\":7,\"X\":\"", "{\"", "{\"ID\":7,\"X\":", "{\"ID\":1"] {
        for junk in [b'x', b'[', b'1', b'{', b'"', 0xff, 0] {
            let (seen, result) = read_all(start.as_bytes().chain(Counted(junk, 0)));
            assert_eq!(seen, []);
            assert!(result.is_err());
        }
    }
}

#[test]
fn an_error_of_the_input_says_where_it_came() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("cable cut"))
        }
    }
    let put = put_object(7, A, A, 3);
    for (before, place) in [
        ("", "before the first request"),
        ("{\"ID\":6,", "in request 6"),
        (put.as_str(), "before the body of request 7 (put)"),
        (&format!("{put}\"QU"), "in the body of request 7 (put)"),
        (&format!("{put}\"QUJD\""), "after request 7 (put)"),
    ] {
        let (_, result) = read_all(before.as_bytes().chain(Broken));
        assert_eq!(result.unwrap_err().to_string(), format!("standard input cannot be read {place}: cable cut"));
    }
}

#[test]
fn every_message_is_one_line_even_about_line_breaks() {
    for junk in [&b"\x0b\n"[..], b"{\n\"\n", b"{\"ID\":1,\"Command\":\"a\nb"] {
        assert!(!lost_message(junk).contains('\n'));
    }
}

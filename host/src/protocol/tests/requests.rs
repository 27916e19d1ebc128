use super::*;

const A: Digest = Digest([7; 32]);

fn get(id: i64) -> Request {
    Request::Get { id, action: A }
}

#[test]
fn the_captured_requests_of_go_1_27_are_read() {
    let index = "go index v2\n";
    let text = format!("{}{}{}{}", get_text(1, A), put_text(2, A, index.as_bytes()), put_text(190, A, b""), close_text(191));
    let expected = [
        Seen { request: get(1), body: None },
        Seen {
            request: Request::Put { id: 2, action: A, output: Digest::of(index.as_bytes()), size: 12 },
            body: Some((BodyEnd::Complete, index.into())),
        },
        Seen { request: Request::Put { id: 190, action: A, output: Digest::EMPTY, size: 0 }, body: None },
        Seen { request: Request::Close { id: 191 }, body: None },
    ];
    assert_eq!(read_intact(text.as_bytes()), expected);
    assert!(text.contains("\"OutputID\":\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"}\n\n"), "the shape that PROTOCOL 1.1 shows");
}

#[test]
fn requests_may_be_split_at_every_byte() {
    let text = format!(
        "{}{}{}{}{}",
        get_text(1, A),
        put_text(2, A, b"two bodies"),
        " {\"Command\" : \"put\",\"More\":[{\"a\":\"}\\\"{\"},[]],\"ID\":3 ,\"ObjectID\":\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\",\
         \"ActionID\":\"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\"}",
        put_text(4, A, b"of different lengths"),
        close_text(5)
    );
    let whole = read_intact(text.as_bytes());
    assert_eq!(whole.len(), 5);
    for at in 0..=text.len() {
        assert_eq!(read_intact(split(text.as_bytes(), at)), whole, "split at {at}");
    }
    for length in 1..100 {
        assert_eq!(read_intact(Pieces { rest: text.as_bytes(), length }), whole, "pieces of {length}");
    }
}

#[test]
fn any_blanks_or_none_separate_requests() {
    for blanks in ["\n\n", "\n", "\r\n", "", "   \t\n\n\n \r", "\n\n\n\n"] {
        let texts = [1, 2, 3].map(|id| [blanks, get_text(id, A).trim_end()].concat());
        let text = texts.concat();
        assert_eq!(requests_of(&text), [get(1), get(2), get(3)], "{blanks:?}");
    }
    let many = " \n".repeat(300_000);
    assert_eq!(requests_of(&format!("{many}{}{many}{}", get_text(1, A), close_text(2))), [get(1), Request::Close { id: 2 }]);
}

#[test]
fn fields_are_read_in_any_order_and_others_ignored() {
    let action = base64_of(A);
    let texts = [
        format!("{{\"ActionID\":\"{action}\",\"Command\":\"get\",\"ID\":1}}"),
        format!("{{ \"ID\" : 1 ,\r\n\t\"Command\":\"get\", \"ActionID\" :\"{action}\" }}"),
        format!(
            "{{\"X\":{{\"ID\":9,\"Command\":[\"put\",{{}}]}},\"ID\":1,\"Command\":\"get\",\"ActionID\":\"{action}\",\"Y\":[1.5e-7,-0,true,false,null]}}"
        ),
        format!("{{\"id\":9,\"COMMAND\":\"put\",\"ID\":1,\"Command\":\"get\",\"actionID\":5,\"ActionID\":\"{action}\"}}"),
        format!("{{\"ID\":8,\"ID\":1,\"Command\":\"get\",\"ActionID\":\"{action}\",\"ID\":null}}"),
        format!("{{\"\\u0049D\":1,\"Comm\\u0061nd\":\"\\u0067et\",\"ActionID\":\"\\u0042{}\"}}", &action[1..]),
        format!("{{\"\\\"{{\\\\\":\"}}\\\\\",\"ID\":1,\"Command\":\"get\",\"ActionID\":\"{action}\",\"\u{fc}\":\"\\ud83d\\ude00\"}}"),
        format!("{{\"ID\":1,\"Command\":\"get\",\"ActionID\":\"{action}\",\"OutputID\":null,\"BodySize\":null}}"),
        format!("{{\"ID\":1,\"Command\":\"get\",\"ActionID\":\"{action}\",\"OutputID\":\"!\",\"BodySize\":0}}"),
    ];
    for text in texts {
        assert_eq!(requests_of(&format!("{text}{}", close_text(2))), [get(1), Request::Close { id: 2 }], "{text}");
    }
}

#[test]
fn nesting_is_read_to_its_limit_and_lost_beyond() {
    let object = |depth: usize| {
        let action = base64_of(A);
        format!("{{\"ID\":1,\"Command\":\"get\",\"ActionID\":\"{action}\",\"X\":{}{}}}", "[".repeat(depth), "]".repeat(depth))
    };
    assert_eq!(requests_of(&object(MAX_DEPTH as usize - 1)), [get(1)]);
    assert_eq!(lost_message(object(MAX_DEPTH as usize).as_bytes()), "more than 128 levels of JSON in request 1 (get)");
    assert_eq!(lost_message(object(30_000).as_bytes()), "more than 128 levels of JSON in request 1 (get)");
}

#[test]
fn an_object_is_read_up_to_its_longest_and_lost_beyond() {
    let object = |length: usize| {
        let text = format!("{{\"ID\":1,\"Command\":\"get\",\"ActionID\":\"{}\",\"X\":\"\"}}", base64_of(A));
        let filler = "x".repeat(length - text.len());
        text.replace("\"X\":\"", &format!("\"X\":\"{filler}"))
    };
    for length in [1000, MAX_OBJECT - 1, MAX_OBJECT] {
        let text = format!("{}{}{}", object(length), object(length), object(length));
        assert_eq!(requests_of(&text), [get(1), get(1), get(1)]);
        assert_eq!(read_intact(Pieces { rest: text.as_bytes(), length: 1 }).len(), 3);
    }
    assert_eq!(lost_message(object(MAX_OBJECT + 1).as_bytes()), "more than 65536 bytes of JSON in request 1 (get)");
}

#[test]
fn ids_are_any_integers_of_64_bits_in_any_order() {
    for id in [5, 3, 4, 1 << 53, (1 << 53) + 1, i64::MAX, 0, -1, i64::MIN] {
        assert_eq!(requests_of(&get_text(id, A)), [get(id)]);
    }
}

#[test]
fn an_id_that_is_none_is_refused_under_the_one_that_go_reads() {
    for (id, problem) in [
        ("9223372036854775808", Problem::NotAnInteger("ID")),
        ("-9223372036854775809", Problem::NotAnInteger("ID")),
        ("1.0", Problem::NotAnInteger("ID")),
        ("1e3", Problem::NotAnInteger("ID")),
        ("\"1\"", Problem::NotAnInteger("ID")),
        ("[1]", Problem::NotAnInteger("ID")),
        ("null", Problem::Missing("ID")),
    ] {
        let text = format!("{{\"ID\":{id},\"Command\":\"close\"}}{}", get_text(2, A));
        assert_eq!(requests_of(&text), [Request::Refused { id: 0, problem }, get(2)], "{id}");
    }
}

#[test]
fn object_id_stands_in_for_output_id() {
    let (action, output, other) = (base64_of(A), base64_of(Digest::EMPTY), base64_of(Digest([9; 32])));
    let head = format!("{{\"ID\":1,\"Command\":\"put\",\"ActionID\":\"{action}\"");
    for (name, text) in [
        ("1.21 to 1.23", format!("{head},\"ObjectID\":\"{output}\"}}")),
        ("1.24 and later", format!("{head},\"OutputID\":\"{output}\"}}")),
        ("1.24 experiment", format!("{head},\"OutputID\":\"{output}\",\"ObjectID\":\"{output}\"}}")),
        ("both, differing", format!("{head},\"ObjectID\":\"{other}\",\"OutputID\":\"{output}\"}}")),
    ] {
        let put = Request::Put { id: 1, action: A, output: Digest::EMPTY, size: 0 };
        assert_eq!(requests_of(&format!("{text}\n\n{}", get_text(2, A))), [put, get(2)], "{name}");
    }
}

#[test]
fn a_put_without_a_size_has_no_body() {
    for size in ["", ",\"BodySize\":0", ",\"BodySize\":null", ",\"BodySize\":-0"] {
        let (action, output) = (base64_of(A), base64_of(Digest::EMPTY));
        let put = format!("{{\"ID\":1,\"Command\":\"put\",\"ActionID\":\"{action}\",\"OutputID\":\"{output}\"{size}}}");
        let expected = [Request::Put { id: 1, action: A, output: Digest::EMPTY, size: 0 }, get(2)];
        assert_eq!(requests_of(&format!("{put}\n\n{}", get_text(2, A))), expected, "{size}");
        assert_eq!(requests_of(&format!("{put}{}", get_text(2, A))), expected, "{size}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_and_the_next_request_read() {
    let ok = base64_of(A);
    let text_of = |length: usize| STANDARD.encode(vec![1; length]);
    let wrong_digests = [
        (String::new(), "is 0 bytes long instead of 32"),
        (text_of(31), "is 31 bytes long instead of 32"),
        (text_of(33), "is 33 bytes long instead of 32"),
        (text_of(3000), "is 3000 bytes long instead of 32"),
        (ok.replace('=', ""), "is not standard base64"),
        (ok.replace('c', "-"), "is not standard base64"),
        (ok.replace("Bw", "../"), "is not standard base64"),
        ("\u{fc}".repeat(22), "is not standard base64"),
        ("../../../../etc/passwd".into(), "is not standard base64"),
    ];
    let mut cases = vec![
        ("{\"ID\":1}".to_owned(), "Command is missing".to_owned()),
        ("{\"ID\":1,\"Command\":7}".into(), "Command is not a string".into()),
        ("{\"ID\":1,\"Command\":\"GET\"}".into(), "the command \"GET\" is not known".into()),
        (format!("{{\"ID\":1,\"Command\":\"{}\"}}", "\\nx".repeat(1000)), format!("the command \"{}\" is not known", "\\nx".repeat(16))),
        ("{\"ID\":1,\"Command\":\"get\"}".into(), "ActionID is missing".into()),
        ("{\"ID\":1,\"Command\":\"get\",\"ActionID\":{\"a\":[]}}".into(), "ActionID is not a string".into()),
        (format!("{{\"ID\":1,\"Command\":\"put\",\"ActionID\":\"{ok}\"}}"), "OutputID is missing".into()),
        (format!("{{\"ID\":1,\"Command\":\"put\",\"OutputID\":\"{ok}\"}}"), "ActionID is missing".into()),
    ];
    for (size, message) in [
        ("-1", "BodySize is -1"),
        ("-9223372036854775808", "BodySize is -9223372036854775808"),
        ("9223372036854775808", "BodySize is not a 64-bit integer"),
        ("2.5", "BodySize is not a 64-bit integer"),
        ("\"3\"", "BodySize is not a 64-bit integer"),
    ] {
        let put = format!("{{\"ID\":1,\"Command\":\"put\",\"ActionID\":\"{ok}\",\"OutputID\":\"{ok}\",\"BodySize\":{size}}}");
        cases.push((put, message.to_owned()));
    }
    for (digest, message) in wrong_digests {
        cases.push((format!("{{\"ID\":1,\"Command\":\"get\",\"ActionID\":\"{digest}\"}}"), format!("ActionID {message}")));
        let put = format!(
            "{{\"ID\":1,\"Command\":\"put\",\"ActionID\":\"{ok}\",\"OutputID\":\"{digest}\",\"ObjectID\":\"{ok}\",\"BodySize\":3}}"
        );
        cases.push((put, format!("OutputID {message}")));
    }
    for (text, message) in cases {
        // With a body, with a body of another type, and without one although one was announced.
        let bodies: &[&str] = if text.contains("BodySize") { &["", "\n\n\"QUJD\"\n", "\"\"", "12", "[1,\"{\"]"] } else { &[""] };
        for body in bodies {
            let mut requests = requests_of(&format!("{text}{body}\n\n{}", get_text(2, A)));
            assert_eq!(requests.pop(), Some(get(2)), "{text}");
            match requests.as_slice() {
                [Request::Refused { id: 1, problem }] => assert_eq!(problem.to_string(), message, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_refused_put_is_reported_before_its_body_is_waited_for() {
    let put = put_object(1, A, A, -5);
    let input = put.as_bytes().chain(Endless);
    assert_eq!(Requests::new(input).next_request().unwrap(), Some(Request::Refused { id: 1, problem: Problem::NegativeSize(-5) }));
}

/// Stands for a pipe in which nothing comes.
struct Endless;

impl Read for Endless {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("the decoder waits for input");
    }
}

#[test]
fn requests_in_the_buffer_are_read_without_waiting() {
    let body = noise(3000);
    let text = [get_text(1, A), put_text(2, A, &body), " {\"Command\":\"close\",\"ID\":3}".into()].concat();
    let mut requests = Requests::new(text.as_bytes().chain(Endless));
    assert!(!requests.has_next(), "nothing has been read yet");
    assert_eq!(requests.next_request().unwrap(), Some(get(1)));
    assert!(requests.has_next());
    assert!(matches!(requests.next_request().unwrap(), Some(Request::Put { .. })));
    assert!(!requests.has_next(), "the body comes first");
    assert_eq!(requests.body(&mut |_| {}).unwrap(), BodyEnd::Complete);
    assert!(requests.has_next());
    assert_eq!(requests.next_request().unwrap(), Some(Request::Close { id: 3 }));
    assert!(!requests.has_next());
}

#[test]
fn a_torn_request_in_the_buffer_is_not_the_next_one() {
    let second = put_text(2, A, b"some body");
    let needed = second.rfind('"').unwrap() + 1;
    for torn in 0..=second.len() {
        let text = [&get_text(1, A), &second[..torn]].concat();
        let mut requests = Requests::new(text.as_bytes());
        requests.next_request().unwrap();
        assert_eq!(requests.has_next(), torn >= needed, "{torn} of {} bytes", second.len());
    }
}

#[test]
fn a_body_that_nobody_reads_is_skipped() {
    let text = [put_text(1, A, &noise(500_000)), get_text(2, A)].concat();
    let mut requests = Requests::new(text.as_bytes());
    assert!(matches!(requests.next_request().unwrap(), Some(Request::Put { id: 1, .. })));
    assert_eq!(requests.next_request().unwrap(), Some(get(2)));
    assert_eq!(requests.next_request().unwrap(), None);
    assert_eq!(requests.next_request().unwrap(), None);
}

#[test]
fn an_interrupted_read_is_repeated() {
    struct Interrupted<R>(R, bool);
    impl<R: Read> Read for Interrupted<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(&mut buffer[..1]) }
        }
    }
    let text = get_text(1, A);
    assert_eq!(read_intact(Interrupted(text.as_bytes(), false)), [Seen { request: get(1), body: None }]);
}

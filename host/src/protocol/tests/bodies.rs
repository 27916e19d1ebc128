use super::*;

const A: Digest = Digest([7; 32]);

fn put(body: &[u8]) -> Seen {
    Seen {
        request: Request::Put { id: 1, action: A, output: Digest::of(body), size: body.len() as u64 },
        body: Some((BodyEnd::Complete, body.to_vec())),
    }
}

fn close(id: i64) -> Seen {
    Seen { request: Request::Close { id }, body: None }
}

/// How a body of `size` announced bytes ends, and what the sink got of it; a request behind it must be intact.
fn end_of(size: u64, body: &str) -> (BodyEnd, Vec<u8>) {
    let text = format!("{}{body}\n{}", put_object(1, A, A, size as i64), close_text(2));
    let mut ends = Vec::new();
    for length in [1, 2, 3, 5, text.len()] {
        let mut seen = read_intact(Pieces { rest: text.as_bytes(), length });
        assert_eq!(seen.pop(), Some(close(2)), "{body}");
        ends.push(seen.pop().and_then(|seen| seen.body).unwrap());
    }
    ends.dedup_by(|one, other| one.0 == other.0);
    let [end] = ends.as_slice() else { panic!("depends on how the input is split: {ends:?}") };
    assert!(end.1.len() as u64 <= size, "the sink got more than announced");
    end.clone()
}

#[test]
fn bodies_of_every_padding_and_around_a_page_arrive_whole() {
    for size in (1..=64).chain([4095, 4096, 4097, 1_000_000]) {
        let body = noise(size);
        let text = [put_text(1, A, &body), close_text(2)].concat();
        assert_eq!(read_intact(text.as_bytes()), [put(&body), close(2)], "{size} bytes");
    }
}

#[test]
fn bodies_may_be_split_at_every_byte() {
    for size in [1, 2, 3, 100, 101, 102, 300] {
        let body = noise(size);
        let text = [put_text(1, A, &body), close_text(2)].concat();
        for at in 0..=text.len() {
            assert_eq!(read_intact(split(text.as_bytes(), at)), [put(&body), close(2)], "{size} bytes split at {at}");
        }
        for length in 1..100 {
            let pieces = Pieces { rest: text.as_bytes(), length };
            assert_eq!(read_intact(pieces), [put(&body), close(2)], "{size} bytes in pieces of {length}");
        }
    }
    let body = noise(1_000_003);
    let text = [put_text(1, A, &body), close_text(2)].concat();
    for length in [4095, 4096, 65_535, 65_536, 262_143, 262_144, 262_145] {
        assert_eq!(read_intact(Pieces { rest: text.as_bytes(), length }), [put(&body), close(2)], "pieces of {length}");
    }
}

#[test]
fn any_blanks_or_none_stand_around_a_body() {
    let body = noise(50);
    let encoded = STANDARD.encode(&body);
    for before in ["", "\n", "\n\n", "\n\n\n\n", "\r\n \t", &"\n".repeat(300_000)] {
        for behind in ["", "\n", "\r\n", " \n\n\n"] {
            let object = put_object(1, A, Digest::of(&body), 50);
            let text = format!("{}{before}\"{encoded}\"{behind}{}", object.trim_end(), close_text(2));
            assert_eq!(read_intact(text.as_bytes()), [put(&body), close(2)]);
        }
    }
}

#[test]
fn escapes_in_a_body_are_read_as_json_has_them() {
    let body = [0xff_u8; 9];
    assert_eq!(STANDARD.encode(body), "////////////");
    assert_eq!(end_of(9, r#""\/\/\/\/\/\/\/\/\/\/\/\/""#), (BodyEnd::Complete, body.to_vec()));
    assert_eq!(end_of(9, r#""//\u002f/////\u002F///""#), (BodyEnd::Complete, body.to_vec()));
    for escaped in [r#""//\n/////////""#, r#""\u01ff///////////""#, r#""///\\////////""#, r#""///\"////////""#, r#""///\u007b""#] {
        assert_eq!(end_of(9, escaped).0, BodyEnd::Wrong(Problem::BodyNotBase64), "{escaped}");
    }
}

#[test]
fn a_body_that_is_not_what_was_announced_is_wrong_and_the_next_request_intact() {
    let short = |actual, announced| BodyEnd::Wrong(Problem::BodyTooShort { actual, announced });
    let long = |announced| BodyEnd::Wrong(Problem::BodyTooLong { announced });
    let not_base64 = BodyEnd::Wrong(Problem::BodyNotBase64);
    for (size, body, expected) in [
        (1, "\"\"", short(0, 1)),
        (4, "\"QUJD\"", short(3, 4)),
        (6, "\"QUJDRA==\"", short(4, 6)),
        (300, "\"QUJDRA==\"", short(4, 300)),
        (1 << 62, "\"QUJD\"", short(3, 1 << 62)),
        (i64::MAX as u64, "\"QUJD\"", short(3, i64::MAX as u64)),
        (2, "\"QUJD\"", long(2)),
        (3, "\"QUJDRA==\"", long(3)),
        (1, "\"QUI=\"", long(1)),
        (3, "\"QUJD!!!!\"", not_base64.clone()),
        (3, "\"QU D\"", not_base64.clone()),
        (3, "\"QU-_\"", not_base64.clone()),
        (3, "\"QUJDR\"", not_base64.clone()),
        (4, "\"QUJDRA\"", not_base64.clone()),
        (4, "\"QUJDRA=\"", not_base64.clone()),
        (7, "\"QUJDRA==QUJD\"", not_base64.clone()),
        (30, "\"QUJDRA==QUJD\"", not_base64.clone()),
        (4, "\"QUJDRA====\"", not_base64.clone()),
        (3, "\"Q{}D\"", not_base64.clone()),
        (3, "\"\u{fc}\u{fc}\"", not_base64),
    ] {
        assert_eq!(end_of(size, body).0, expected, "{size} {body}");
    }
    let overlong = STANDARD.encode(noise(3_000_000));
    assert_eq!(end_of(300, &format!("\"{overlong}\"")), (long(300), noise(300)));
    let spoilt = format!("\"{}!{}\"", &overlong[..2_000_000], &overlong[2_000_001..]);
    assert_eq!(end_of(3_000_000, &spoilt).0, BodyEnd::Wrong(Problem::BodyNotBase64));
}

#[test]
fn a_body_of_another_type_is_wrong_and_the_next_request_intact() {
    for body in ["5", "-1.5e3", "true", "false", "null", "[]", "[[\"{\"],{\"a\":1}]"] {
        assert_eq!(end_of(3, body), (BodyEnd::Wrong(Problem::BodyNotAString), Vec::new()), "{body}");
    }
}

/// A put of zeros, and a close behind it, without the memory for them.
struct HugePut {
    object: Vec<u8>,
    quads: u64,
    close: Vec<u8>,
}

impl Read for HugePut {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.object.is_empty() {
            let count = self.object.len().min(buffer.len());
            buffer[..count].copy_from_slice(&self.object[..count]);
            self.object.drain(..count);
            return Ok(count);
        }
        if self.quads > 0 {
            let quads = self.quads.min(buffer.len() as u64 / 4);
            buffer[..quads as usize * 4].fill(b'A');
            self.quads -= quads;
            return Ok(quads as usize * 4);
        }
        self.close.as_slice().read(buffer).inspect(|&count| {
            self.close.drain(..count);
        })
    }
}

#[test]
fn a_huge_body_takes_no_more_memory_than_a_small_one() {
    const SIZE: u64 = 3 << 27;
    let mut object = put_object(1, A, A, SIZE as i64).into_bytes();
    object.push(b'"');
    let input = HugePut { object, quads: SIZE / 3, close: [b"\"\n", close_text(2).as_bytes()].concat() };
    let mut requests = Requests::new(input);
    assert!(matches!(requests.next_request().unwrap(), Some(Request::Put { size: SIZE, .. })));
    let (mut arrived, mut largest) = (0, 0);
    let end = requests.body(&mut |piece| {
        arrived += piece.len() as u64;
        largest = largest.max(piece.len());
    });
    assert_eq!(end.unwrap(), BodyEnd::Complete);
    assert_eq!(arrived, SIZE);
    assert!(largest <= super::super::input::BUFFER, "a piece of {largest} bytes");
    assert!(requests.plain.capacity() <= super::super::input::BUFFER, "{} bytes for decoded pieces", requests.plain.capacity());
    assert_eq!(requests.next_request().unwrap(), Some(Request::Close { id: 2 }));
}

use serde_json::{Value, json};

use super::*;
use crate::model::UnixNanos;

/// The one line that a response is.
fn line(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = b"before".to_vec();
    write(&mut out);
    let text = String::from_utf8(out).unwrap();
    let line = text.strip_prefix("before").expect("responses are appended").strip_suffix('\n').expect("a line break ends a response");
    assert!(!line.contains('\n'));
    line.to_owned()
}

fn value(write: impl FnOnce(&mut Vec<u8>)) -> Value {
    serde_json::from_str(&line(write)).unwrap()
}

#[test]
fn the_greeting_is_the_one_that_go_waits_for() {
    assert_eq!(line(encode::greeting), r#"{"ID":0,"KnownCommands":["get","put","close"]}"#);
}

#[test]
fn a_hit_says_all_that_go_reads() {
    let written = line(|out| encode::hit(out, 7, &Digest::EMPTY, 174, UnixNanos(951_782_400_000_000_001), "/cache/objects/ab/cd"));
    let expected = concat!(
        r#"{"ID":7,"OutputID":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","Size":174,"#,
        r#""Time":"2000-02-29T00:00:00.000000001Z","DiskPath":"/cache/objects/ab/cd"}"#
    );
    assert_eq!(written, expected);
}

#[test]
fn the_other_responses_say_no_more_than_they_must() {
    assert_eq!(line(|out| encode::miss(out, 7)), r#"{"ID":7,"Miss":true}"#);
    assert_eq!(line(|out| encode::put(out, 7, "/a")), r#"{"ID":7,"DiskPath":"/a"}"#);
    assert_eq!(line(|out| encode::close(out, 7)), r#"{"ID":7}"#);
    assert_eq!(line(|out| encode::error(out, 7, "no")), r#"{"ID":7,"Err":"no"}"#);
}

#[test]
fn numbers_are_exact_to_their_limits() {
    for id in [0, -1, 10, 99, i64::MAX, i64::MIN, (1 << 53) + 1] {
        assert_eq!(value(|out| encode::close(out, id)), json!({ "ID": id }));
    }
    for size in [0, 9, 10, u64::MAX, 12_345_678_901_234_567_890] {
        assert_eq!(value(|out| encode::hit(out, 1, &Digest::EMPTY, size, UnixNanos(0), "/"))["Size"], json!(size));
    }
}

#[test]
fn any_path_and_message_survives_the_way() {
    let every_ascii: String = (0..0x80).map(char::from).collect();
    for text in ["", "/plain", "C:\\Users\\a b\\c", "\"quoted\"", "/\u{fc}\u{1f600}/\u{7f}\u{2028}", "\n\n", every_ascii.as_str()] {
        assert_eq!(value(|out| encode::put(out, 1, text)), json!({ "ID": 1, "DiskPath": text }));
        assert_eq!(value(|out| encode::error(out, 1, text)), json!({ "ID": 1, "Err": text }));
        assert_eq!(value(|out| encode::hit(out, 1, &Digest::EMPTY, 0, UnixNanos(0), text))["DiskPath"], json!(text));
    }
}

#[test]
fn every_digest_is_written_as_go_reads_it() {
    for byte in 0..=255 {
        let digest = Digest([byte; 32]);
        let hit = value(|out| encode::hit(out, 1, &digest, 0, UnixNanos(0), "/"));
        assert_eq!(STANDARD.decode(hit["OutputID"].as_str().unwrap()).unwrap(), digest.0);
    }
}

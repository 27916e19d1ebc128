use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Gives the bytes out in pieces of random lengths.
struct RandomPieces<'a> {
    rest: &'a [u8],
    lengths: std::iter::Cycle<std::vec::IntoIter<usize>>,
}

impl Read for RandomPieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut piece = Pieces { rest: self.rest, length: self.lengths.next().unwrap_or(1) };
        let count = piece.read(buffer)?;
        self.rest = piece.rest;
        Ok(count)
    }
}

fn pieces(rest: &[u8], lengths: Vec<usize>) -> RandomPieces<'_> {
    RandomPieces { rest, lengths: lengths.into_iter().cycle() }
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    vec(1..300_usize, 1..8)
}

/// A request as any JSON encoder may write it, and what is to be read.
fn request() -> impl Strategy<Value = (String, Seen)> {
    let digest = any::<[u8; 32]>().prop_map(Digest);
    let body = prop_oneof![vec(any::<u8>(), 0..5), vec(any::<u8>(), 0..2000)];
    let extra = prop_oneof![Just(""), Just("\"Extra\":{\"a\":[1,\"}\\\"\",null]}"), Just("\"x\":-1.5e9"), Just("\"ID2\":true")];
    let blanks = prop_oneof![Just("\n\n"), Just(""), Just(" \r\n\t")];
    (0..3, any::<i64>(), digest, body, extra, blanks, any::<bool>()).prop_map(|(command, id, action, body, extra, blanks, reversed)| {
        let output = Digest::of(&body);
        let size = body.len() as u64;
        let mut fields = vec![format!("\"ID\":{id}")];
        let (request, text) = match command {
            0 => {
                fields.extend(["\"Command\":\"get\"".into(), format!("\"ActionID\":\"{}\"", base64_of(action))]);
                (Request::Get { id, action }, String::new())
            }
            1 => {
                fields.extend(["\"Command\":\"put\"".into(), format!("\"ActionID\":\"{}\"", base64_of(action))]);
                fields.push(format!("\"OutputID\":\"{}\"", base64_of(output)));
                let encoded = if size > 0 { format!("\"{}\"", STANDARD.encode(&body)) } else { String::new() };
                if size > 0 {
                    fields.push(format!("\"BodySize\":{size}"));
                }
                (Request::Put { id, action, output, size }, encoded)
            }
            _ => {
                fields.push("\"Command\":\"close\"".into());
                (Request::Close { id }, String::new())
            }
        };
        if !extra.is_empty() {
            fields.push(extra.into());
        }
        if reversed {
            fields.reverse();
        }
        let body = (!text.is_empty()).then_some((BodyEnd::Complete, body));
        (format!("{{{}}}{blanks}{text}{blanks}", fields.join(",")), Seen { request, body })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_requests_are_read_however_they_are_split(requests in vec(request(), 0..12), lengths in lengths()) {
        let (texts, expected): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
        let text = texts.concat();
        prop_assert_eq!(read_intact(pieces(text.as_bytes(), lengths)), expected);
    }

    #[test]
    fn damaged_requests_end_the_same_however_they_are_split(
        requests in vec(request(), 1..6),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        lengths in lengths(),
    ) {
        let mut text = requests.into_iter().map(|(text, _)| text).collect::<String>().into_bytes();
        for (at, byte) in damage {
            let at = at.index(text.len());
            text[at] = byte;
        }
        let whole = read_all(text.as_slice());
        let split = read_all(pieces(&text, lengths));
        let ends = |seen: &[Seen]| seen.iter().map(|seen| (seen.request.clone(), seen.body.clone().map(|body| body.0))).collect::<Vec<_>>();
        prop_assert_eq!(ends(&whole.0), ends(&split.0));
        prop_assert_eq!(whole.1.map_err(|lost| lost.to_string()), split.1.map_err(|lost| lost.to_string()));
    }

    #[test]
    fn random_bytes_are_never_more_than_lost(bytes in vec(any::<u8>(), 0..500), lengths in lengths()) {
        let _ = read_all(pieces(&bytes, lengths));
    }

    #[test]
    fn random_json_like_text_is_never_more_than_lost(text in "(\\{|\\}|\\[|\\]|\"|\\\\|:|,|ID|Command|put|BodySize|QUJD|=|[0-9]|\n| ){0,200}", lengths in lengths()) {
        let _ = read_all(pieces(text.as_bytes(), lengths));
    }

    #[test]
    fn an_object_is_refused_or_lost_exactly_where_another_parser_says(text in "\\{(\"[aID]{0,2}\"|:|,|\\{|\\}|\\[|\\]|null|-?[0-9.e]{1,3}| |true|\"\\\\[nu]00[0-9]{0,2}\"){0,12}\\}") {
        // serde_json reads only what is one value, we read what is one value and an end of input.
        let ours = matches!(read_all(text.as_bytes()), (seen, Ok(())) if seen.len() == 1);
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(ours, theirs);
    }
}

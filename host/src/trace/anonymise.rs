//! Traces that may be shown to others: every name gone, every figure kept.

use super::{Event, Header, Origin, Trace, link};
use crate::model::Digest;
use crate::store::index::unread;
use std::collections::{BTreeMap, HashMap};

/// Where the first session of an anonymised history begins, in nanoseconds since 1970. The distances to all others are kept.
const BEGINNING: i64 = 1_000_000_000_000_000_000;

/// How exact the times of requests are in a compact trace, in microseconds.
const COARSE: u64 = 100_000;

/// How much of the times is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// All.
    Whole,
    /// Requests to a tenth of a second, and no durations of answers: most of what does not repeat in a history.
    Compact,
}

/// Replaces every name by a number in the order of first appearance, the same in all traces. Nothing can be worked back from it, and nothing
/// that was not anonymised together can be joined.
pub fn anonymise(traces: &mut [Trace], detail: Detail) {
    traces.sort_by_key(|trace| trace.header.began_ns);
    // Afterwards the keys of companions say nothing any more.
    link(traces);
    let first = traces.first().map_or(0, |trace| trace.header.began_ns);
    let mut names = Names::default();
    for trace in traces {
        names.header(&mut trace.header, first);
        for event in &mut trace.events {
            names.event(event);
            if detail == Detail::Compact {
                event.t -= event.t % COARSE;
                event.d = 0;
            }
        }
    }
}

#[derive(Default)]
struct Names {
    digests: HashMap<Digest, u64>,
    words: HashMap<(&'static str, String), usize>,
    /// How many words there are of each kind.
    counts: HashMap<&'static str, usize>,
}

impl Names {
    fn digest(&mut self, digest: &mut Digest) {
        // Every cache knows this one, and it costs nothing.
        if *digest == Digest::EMPTY {
            return;
        }
        let next = self.digests.len() as u64 + 1;
        let number = *self.digests.entry(*digest).or_insert(next);
        *digest = Digest([0; 32]);
        digest.0[..8].copy_from_slice(&number.to_be_bytes());
    }

    fn word(&mut self, kind: &'static str, word: &str) -> String {
        let count = self.counts.entry(kind).or_default();
        let number = self.words.entry((kind, word.to_owned())).or_insert_with(|| {
            *count += 1;
            *count
        });
        format!("{kind}-{number}")
    }

    fn event(&mut self, event: &mut Event) {
        self.digest(&mut event.action);
        event.head.iter_mut().chain(&mut event.output).for_each(|digest| self.digest(digest));
    }

    fn header(&mut self, header: &mut Header, first: i64) {
        header.began_ns = header.began_ns.saturating_sub(first).saturating_add(BEGINNING);
        let mut facts = BTreeMap::new();
        for (key, value) in &header.facts {
            let value = match key.as_str() {
                // Streams whose commands nobody could read are told apart by what they use, and by this number.
                "stream" => match unread(value) {
                    Some((label, number)) => self.word("stream", label) + number,
                    None => self.word("stream", value),
                },
                "module" => self.word("module", value),
                "commit" => self.word("commit", value),
                "branch" => self.word("branch", value),
                "command" | "goos" | "goarch" | "go-version" | "ci" => value.clone(),
                // One that is not known here may say anything.
                _ => continue,
            };
            facts.insert(key.clone(), value);
        }
        header.facts = facts;
        if let Some(Origin { revision, job, how, command, succeeded: _ }) = &mut header.history {
            *revision = self.word("revision", revision);
            *job = self.word("job", job);
            *how = self.word("how", how);
            *command = self.word("command", command);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{VERSION, What};

    fn event(what: What, action: Digest, output: Option<Digest>) -> Event {
        Event { t: 123_456, d: 7, what, action, output, size: 9, kind: None, cost: None, head: None }
    }

    fn trace(began_ns: i64, stream: &str, events: Vec<Event>) -> Trace {
        let facts = [("stream", stream), ("module", "example.com/secret"), ("command", "build"), ("strange", "secret")];
        let facts = facts.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let word = |text: &str| text.to_owned();
        let history =
            Origin { revision: word("secret"), job: word("build"), how: word("x"), command: word("go build secret"), succeeded: true };
        let header = Header {
            trace: VERSION,
            cachewit: "0.1.0".to_owned(),
            began_ns,
            wall_us: 5,
            closed: true,
            left_out: 0,
            facts,
            history: Some(history),
        };
        Trace { header, events }
    }

    #[test]
    fn names_are_gone_and_what_was_the_same_stays_the_same() {
        let (head, output) = (Digest::of(b"head"), Digest::of(b"output"));
        let companion = head.subkey("stdout");
        let mut traces = [
            trace(
                5_000_000_000,
                "build secret · unread 2",
                vec![event(What::Hit, head, Some(output)), event(What::Hit, companion, Some(Digest::EMPTY))],
            ),
            trace(2_000_000_000, "build secret · unread 1", vec![event(What::Miss, head, None), event(What::Put, head, Some(output))]),
        ];
        anonymise(&mut traces, Detail::Whole);
        assert_eq!(traces[1].header.began_ns - traces[0].header.began_ns, 3_000_000_000, "in order, and as far apart");
        assert_eq!(traces[0].header.facts["stream"], "stream-1 · unread 1");
        assert_eq!(traces[1].header.facts["stream"], "stream-1 · unread 2");
        let [get, put] = traces[0].events.as_slice() else { panic!() };
        let [hit, beside] = traces[1].events.as_slice() else { panic!() };
        assert!(get.action == put.action && put.action == hit.action && hit.action != head && put.output == hit.output);
        assert_eq!((beside.head, beside.output), (Some(hit.action), Some(Digest::EMPTY)), "it still belongs to its head");
        assert_eq!((hit.t, hit.d, hit.size), (123_456, 7, 9));
        let text = serde_json::to_string(&traces.iter().map(|trace| (&trace.header, &trace.events)).collect::<Vec<_>>()).unwrap();
        assert!(!text.contains("secret") && !text.contains("strange"), "{text}");
    }

    #[test]
    fn a_compact_trace_keeps_the_order_of_requests_and_not_their_moment() {
        let mut traces = [trace(0, "build", vec![event(What::Miss, Digest::of(b"a"), None)])];
        anonymise(&mut traces, Detail::Compact);
        assert_eq!((traces[0].events[0].t, traces[0].events[0].d), (100_000, 0));
    }
}

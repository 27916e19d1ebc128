//! How much of what a session found had been used by the previous session of its stream.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::history::file::Session;

/// A session, as far as streams are judged by it. Actions are the first 16 digits of their names.
#[derive(Debug, Default)]
pub struct Used {
    /// The label of its stream.
    pub stream: String,
    /// What it really did, whatever its label says.
    pub job: String,
    /// How it was started.
    pub how: String,
    /// Actions that it found and had not put itself.
    pub hits: BTreeSet<u64>,
    /// Actions that it put.
    pub puts: HashSet<u64>,
}

impl Used {
    /// From a session of a history.
    pub fn of(session: &Session) -> Self {
        let origin = &session.origin;
        let stream = session.facts.get("stream").cloned().unwrap_or_default();
        let mut used = Self { stream, job: origin.job.clone(), how: origin.how.clone(), ..Self::default() };
        for event in &session.events {
            let Some(action) = event.action.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()) else { continue };
            match event.what.as_str() {
                "put" => drop(used.puts.insert(action)),
                "hit" | "native" | "fetched" if !used.puts.contains(&action) => drop(used.hits.insert(action)),
                _ => {}
            }
        }
        used
    }

    fn uses(&self, action: u64) -> bool {
        self.hits.contains(&action) || self.puts.contains(&action)
    }
}

/// What a session found, and who had used it before. The parts of `hits` are those that follow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// What it found.
    pub hits: usize,
    /// Of these, used by the previous session of the stream.
    pub covered: usize,
    /// Not used by it, and put by another stream since then.
    pub put_since: usize,
    /// Not used by it, but by an earlier session of the stream.
    pub skipped: usize,
    /// Never used by the stream before.
    pub new: usize,
}

impl Coverage {
    /// The part that is covered, from 0 to 1; of nothing, all is.
    pub fn share(self) -> f64 {
        if self.hits == 0 { 1.0 } else { self.covered as f64 / self.hits as f64 }
    }

    /// With what another session found.
    pub fn plus(self, other: Self) -> Self {
        Self {
            hits: self.hits + other.hits,
            covered: self.covered + other.covered,
            put_since: self.put_since + other.put_since,
            skipped: self.skipped + other.skipped,
            new: self.new + other.new,
        }
    }
}

/// The coverage of each session, in their order; None where the stream has no earlier session.
pub fn judge(sessions: &[Used]) -> Vec<Option<Coverage>> {
    let mut earlier: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut judged = Vec::with_capacity(sessions.len());
    for (number, session) in sessions.iter().enumerate() {
        let own = earlier.entry(&session.stream).or_default();
        judged.push(own.last().map(|&previous| {
            let mut coverage = Coverage { hits: session.hits.len(), ..Coverage::default() };
            for &action in &session.hits {
                if sessions[previous].uses(action) {
                    coverage.covered += 1;
                } else if sessions[previous + 1..number].iter().any(|between| between.puts.contains(&action)) {
                    coverage.put_since += 1;
                } else if own.iter().any(|&old| sessions[old].uses(action)) {
                    coverage.skipped += 1;
                } else {
                    coverage.new += 1;
                }
            }
            coverage
        }));
        own.push(number);
    }
    judged
}

/// Jobs, each with the streams that its sessions got, and how many sessions.
pub fn streams_of_jobs(sessions: &[Used]) -> BTreeMap<&str, BTreeMap<&str, usize>> {
    let mut jobs: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for session in sessions {
        *jobs.entry(&session.job).or_default().entry(&session.stream).or_default() += 1;
    }
    jobs
}

/// Streams, each with the jobs whose sessions got it, and how many sessions.
pub fn jobs_of_streams(sessions: &[Used]) -> BTreeMap<&str, BTreeMap<&str, usize>> {
    let mut streams: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for session in sessions {
        *streams.entry(&session.stream).or_default().entry(&session.job).or_default() += 1;
    }
    streams
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::file::{Event, Origin};

    fn used(stream: &str, hits: &[u64], puts: &[u64]) -> Used {
        let (hits, puts) = (hits.iter().copied().collect(), puts.iter().copied().collect());
        Used { stream: stream.to_owned(), job: format!("job of {stream}"), hits, puts, ..Used::default() }
    }

    #[test]
    fn every_hit_is_covered_or_has_one_reason_why_not() {
        let judged = judge(&[
            used("a", &[], &[1, 2, 3]),
            used("b", &[1], &[7]),
            used("a", &[1, 2], &[4]),
            used("b", &[2], &[5]),
            // 1 and 4: the previous session of its own. 5: put since by b. 3: skipped by the previous one. 7: never used by a.
            used("a", &[1, 4, 5, 3, 7], &[]),
        ]);
        assert_eq!(judged[0], None);
        assert_eq!(judged[1], None);
        assert_eq!(judged[2], Some(Coverage { hits: 2, covered: 2, ..Coverage::default() }));
        assert_eq!(judged[3], Some(Coverage { hits: 1, new: 1, ..Coverage::default() }));
        assert_eq!(judged[4], Some(Coverage { hits: 5, covered: 2, put_since: 1, skipped: 1, new: 1 }));
        let sum = judged.into_iter().flatten().fold(Coverage::default(), Coverage::plus);
        assert_eq!(sum.hits, sum.covered + sum.put_since + sum.skipped + sum.new);
        assert!((sum.share() - 0.5).abs() < 1e-9);
        assert!((Coverage::default().share() - 1.0).abs() < 1e-9, "a session that found nothing lost nothing");
    }

    #[test]
    fn what_a_session_put_itself_is_no_hit_of_its_and_asking_twice_is_one() {
        let word = |text: &str| text.to_owned();
        let origin = Origin { revision: word("1"), job: word("build"), how: word("here"), command: word("go build"), succeeded: true };
        let event = |what: &str, number: u64| Event { what: word(what), action: format!("{number:016x}{:048}", 0) };
        let events = vec![event("hit", 1), event("miss", 2), event("put", 2), event("hit", 2), event("native", 3), event("hit", 1)];
        let facts = [(word("stream"), word("s"))].into();
        let used = Used::of(&Session { origin, facts, events });
        assert_eq!(used.hits, BTreeSet::from([1, 3]));
        assert_eq!(used.puts, HashSet::from([2]));
        assert_eq!((used.stream.as_str(), used.job.as_str()), ("s", "build"));
    }

    #[test]
    fn a_job_in_two_streams_and_a_stream_of_two_jobs_are_seen() {
        let session = |job: &str, stream: &str| Used { job: job.to_owned(), stream: stream.to_owned(), ..Used::default() };
        let sessions = [session("build", "a"), session("build", "b"), session("vet", "b"), session("vet", "b")];
        assert_eq!(streams_of_jobs(&sessions)["build"], BTreeMap::from([("a", 1), ("b", 1)]));
        assert_eq!(jobs_of_streams(&sessions)["b"], BTreeMap::from([("build", 1), ("vet", 2)]));
        assert_eq!(jobs_of_streams(&sessions)["a"].len(), 1);
    }
}

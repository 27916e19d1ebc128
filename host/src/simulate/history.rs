//! The sessions of a simulation in the order of time, and how much they use.

use super::SimulationError;
use super::known::Known;
use crate::trace::{Trace, What, link};
use std::collections::{HashMap, HashSet};

/// Recorded sessions, ready to be replayed.
#[derive(Debug)]
pub struct History {
    pub(super) sessions: Vec<Trace>,
    /// What happens on each machine.
    pub(super) machines: Vec<Vec<Step>>,
    /// Whether these have a remote store between them.
    pub(super) is_fleet: bool,
    /// Sessions whose leases matter to others: they go on while another one ends, or end without close.
    pub(super) holds: Vec<bool>,
    /// How much one revision uses.
    pub working_set: WorkingSet,
}

/// Something that happens in the course of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Nanoseconds since 1970.
    pub at: i64,
    /// Number of the session.
    pub session: usize,
    pub what: Happens,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happens {
    Begin,
    /// The request of this number.
    Request(usize),
    End,
}

/// What the sessions of one revision use, or one session where nobody said which belong together: the largest there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkingSet {
    /// Bytes of all outputs, each once.
    pub bytes: u64,
    /// Microseconds that making all of them took, as far as that was observed.
    pub cost: u64,
    /// Which revision; None where it is one session.
    pub revision: Option<String>,
}

impl History {
    /// From traces in any order.
    pub fn new(mut sessions: Vec<Trace>) -> Result<Self, SimulationError> {
        if sessions.is_empty() {
            return Err(SimulationError::Nothing);
        }
        sessions.sort_by_key(|session| session.header.began_ns);
        link(&mut sessions);
        let mut steps: Vec<Step> = (0..).zip(&sessions).flat_map(|(number, session)| steps(number, session)).collect();
        // Stable, so that what happens at the same moment stays in order.
        steps.sort_by_key(|step| step.at);
        let (holds, working_set) = (holds(&sessions, &steps), WorkingSet::of(&sessions));
        Ok(Self { sessions, machines: vec![steps], is_fleet: false, holds, working_set })
    }

    /// The same on a fleet: each revision, or each session where nobody said which belong together, on a fresh machine, one machine after the
    /// other, and a remote store that all of them have.
    pub fn of_fleet(sessions: Vec<Trace>) -> Result<Self, SimulationError> {
        let mut history = Self::new(sessions)?;
        let mut places = HashMap::new();
        let mut machines: Vec<Vec<Step>> = Vec::new();
        for step in history.machines.iter().flatten() {
            let revision = part(step.session, &history.sessions[step.session]);
            let place = *places.entry(revision).or_insert(machines.len());
            if place == machines.len() {
                machines.push(Vec::new());
            }
            machines[place].push(*step);
        }
        (history.machines, history.is_fleet) = (machines, true);
        Ok(history)
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// How many revisions they are of; 0 where nobody said.
    pub fn revisions(&self) -> usize {
        let revisions = self.sessions.iter().filter_map(|session| Some(&session.header.history.as_ref()?.revision));
        revisions.collect::<HashSet<_>>().len()
    }

    /// How many requests there are.
    pub fn requests(&self) -> usize {
        self.sessions.iter().map(|session| session.events.len()).sum()
    }

    /// Requests that were left out of the traces, since there were too many.
    pub fn left_out(&self) -> u64 {
        self.sessions.iter().map(|session| session.header.left_out).sum()
    }
}

/// Requests in the order in which they were answered, whatever their times say.
fn steps(number: usize, session: &Trace) -> Vec<Step> {
    let began = session.header.began_ns;
    let after = |micros: u64| began.saturating_add(i64::try_from(micros).unwrap_or(i64::MAX).saturating_mul(1000));
    let mut at = began;
    let mut steps = vec![Step { at, session: number, what: Happens::Begin }];
    for (request, event) in session.events.iter().enumerate() {
        at = at.max(after(event.t));
        steps.push(Step { at, session: number, what: Happens::Request(request) });
    }
    steps.push(Step { at: at.max(after(session.header.wall_us)), session: number, what: Happens::End });
    steps
}

fn holds(sessions: &[Trace], steps: &[Step]) -> Vec<bool> {
    let mut holds: Vec<bool> = sessions.iter().map(|session| !session.header.closed).collect();
    let mut live = HashSet::new();
    for step in steps {
        match step.what {
            Happens::Begin => drop(live.insert(step.session)),
            Happens::Request(_) => {}
            Happens::End => {
                live.remove(&step.session);
                for other in &live {
                    holds[*other] = true;
                }
            }
        }
    }
    holds
}

/// The revision that a session is of, or else its own number.
fn part(number: usize, session: &Trace) -> Result<&str, usize> {
    session.header.history.as_ref().map(|origin| origin.revision.as_str()).ok_or(number)
}

impl WorkingSet {
    fn of(sessions: &[Trace]) -> Self {
        let mut known = Known::default();
        for event in sessions.iter().flat_map(|session| &session.events).filter(|event| event.what == What::Put) {
            known.put(event);
        }
        let mut parts: HashMap<Result<&str, usize>, Vec<&Trace>> = HashMap::new();
        for (number, session) in sessions.iter().enumerate() {
            parts.entry(part(number, session)).or_default().push(session);
        }
        let sized = parts.into_iter().map(|(part, sessions)| {
            let used = || sessions.iter().flat_map(|session| &session.events).filter(|event| event.what != What::Native);
            let outputs: HashMap<_, _> = used().filter_map(|event| Some((event.output?, event.size))).collect();
            let actions: HashSet<_> = used().filter(|event| event.output.is_some()).map(|event| event.action).collect();
            let cost = actions.into_iter().filter_map(|action| known.get(action)?.cost).sum();
            Self { bytes: outputs.values().sum(), cost, revision: part.ok().map(str::to_owned) }
        });
        sized.max_by_key(|part| part.bytes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;
    use crate::trace::{Event, Header, Origin, VERSION};

    fn digest(number: u64) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    /// A request at so many microseconds; its action and output have the same number.
    fn event(t: u64, what: What, number: u64, size: u64, cost: Option<u64>) -> Event {
        let output = (what != What::Miss).then(|| digest(number));
        Event { t, d: 1, what, action: digest(number), output, size, kind: None, cost, head: None }
    }

    fn session(began_ns: i64, wall_us: u64, revision: Option<&str>, events: Vec<Event>) -> Trace {
        let word = |text: &str| text.to_owned();
        let history = revision.map(|revision| Origin {
            revision: word(revision),
            job: word("build"),
            how: word("here"),
            command: word("go build"),
            succeeded: true,
        });
        let (cachewit, facts) = (word("0.1.0"), std::collections::BTreeMap::new());
        Trace { header: Header { trace: VERSION, cachewit, began_ns, wall_us, closed: true, left_out: 0, facts, history }, events }
    }

    #[test]
    fn a_revision_uses_what_all_of_its_sessions_use_and_each_output_once() {
        let put = |number, size, cost| event(0, What::Put, number, size, Some(cost));
        let hit = |number, size| event(0, What::Hit, number, size, None);
        let sessions = || {
            vec![
                session(1, 1, Some("one"), vec![put(1, 100, 7), put(2, 50, 5)]),
                session(2, 1, Some("one"), vec![hit(1, 100), event(0, What::Native, 9, 1000, None), event(0, What::Miss, 8, 0, None)]),
                session(3, 1, Some("two"), vec![hit(1, 100), put(3, 40, 3)]),
            ]
        };
        let history = History::new(sessions()).unwrap();
        assert_eq!(history.working_set, WorkingSet { bytes: 150, cost: 12, revision: Some("one".to_owned()) });
        assert_eq!((history.sessions(), history.revisions(), history.requests()), (3, 2, 7));
        let mut alone = sessions();
        for session in &mut alone {
            session.header.history = None;
        }
        assert_eq!(History::new(alone).unwrap().working_set, WorkingSet { bytes: 150, cost: 12, revision: None });
        assert!(History::new(Vec::new()).is_err());
    }

    #[test]
    fn sessions_that_overlap_take_turns_and_the_requests_of_each_stay_in_order() {
        let get = |t, number| event(t, What::Miss, number, 0, None);
        // The second request of the first one was answered before the first, which took long.
        let sessions = vec![session(2_000, 1, None, vec![get(1, 4)]), session(0, 9, None, vec![get(3, 1), get(2, 2), get(8, 3)])];
        let history = History::new(sessions).unwrap();
        let order: Vec<(usize, Happens)> = history.machines[0].iter().map(|step| (step.session, step.what)).collect();
        let request = |session, number| (session, Happens::Request(number));
        let (begin, end) = (|session| (session, Happens::Begin), |session| (session, Happens::End));
        let expected = [begin(0), begin(1), request(0, 0), request(0, 1), request(1, 0), end(1), request(0, 2), end(0)];
        assert_eq!(order, expected);
        assert_eq!(history.holds, [true, false]);
    }
}

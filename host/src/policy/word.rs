//! A word that holds in every session like the one in which it was given.
//!
//! A guest is a function of what it was told: there is no randomness, and of time and memory it has to ask. So one that abstains at its first
//! question, having asked nothing but facts of the session, abstains again wherever these facts are the same, and need not be started to
//! say so.

use super::Origins;
use super::context::{Grants, SessionView};
use crate::model::Origin;
use cachewit_guest::{Fact, Serve};
use serde::{Deserialize, Serialize};

/// A fact by its key, as the contract has it: a text, or the code of an error.
type AskedFact = (String, Result<String, u32>);

/// Nobody asks for more facts before the first answer.
const MOST_FACTS: usize = 32;
/// Nor for longer ones: bytes of all keys and answers. A guest makes keys up, and every session reads what it has said.
const MOST_BYTES: usize = 8 << 10;

/// What a guest has asked for since it was instantiated.
#[derive(Debug, Default)]
pub struct Inputs {
    facts: Vec<AskedFact>,
    bytes: usize,
    /// Where the group comes from that it is asked about.
    pub origin: bool,
    /// Anything else that another session may answer otherwise, or that shows: a group, the time, memory, WASI, a line, a counter.
    pub more: bool,
}

impl Inputs {
    /// Notes a fact, and what was answered. Variables of the environment may be secrets, and are not written down.
    pub fn fact(&mut self, key: &str, answer: &Result<String, u32>) {
        self.more |= key.starts_with("env:");
        if self.more || self.facts.iter().any(|(known, _)| known == key) {
            return;
        }
        self.bytes += key.len() + answer.as_ref().map_or(0, String::len);
        self.more = self.facts.len() == MOST_FACTS || self.bytes > MOST_BYTES;
        if !self.more {
            self.facts.push((key.to_owned(), answer.clone()));
        }
    }

    /// The word that an answer to the first question comes to, about a group from there.
    pub fn word(&self, answer: Serve, origin: Origin) -> Option<Word> {
        let from = match answer {
            _ if self.more => return None,
            Serve::Abstain if !self.origin => Origins::ALL,
            Serve::Abstain | Serve::AbstainFromOrigin => Origins::of(origin),
            Serve::NoOpinion | Serve::Yes | Serve::Refuse => return None,
        };
        Some(Word { facts: self.facts.clone(), from: from.bits() })
    }
}

/// An abstention, and the facts on which it rests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    facts: Vec<AskedFact>,
    from: u8,
}

impl Word {
    /// Whether the facts of a session are the same for a policy with these grants.
    pub fn holds(&self, session: &SessionView, grants: &Grants) -> bool {
        let answer = |key: &str| session.fact_for(grants, key).map_or(Err(3), Fact::into_answer);
        self.facts.iter().all(|(key, known)| answer(key) == *known)
    }

    /// Where hits come from on which it has no opinion then.
    pub fn from(&self) -> Origins {
        Origins::from_bits(self.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Wish;

    fn session(event: &str) -> SessionView {
        SessionView([("ci", "true".to_owned()), ("ci-event", event.to_owned())].into_iter().collect())
    }

    fn grants() -> Grants {
        Grants::new(&[Wish::Fact("ci-event".to_owned())], &std::collections::BTreeMap::new())
    }

    fn asked() -> Inputs {
        let mut inputs = Inputs::default();
        inputs.fact("ci", &Ok("true".to_owned()));
        inputs.fact("ci-event", &Ok("push".to_owned()));
        inputs.fact("moon", &Err(3));
        inputs
    }

    #[test]
    fn a_word_holds_where_every_fact_is_the_same_and_known_to_the_policy() {
        let word = asked().word(Serve::Abstain, Origin::Local).unwrap();
        assert_eq!(word.from(), Origins::ALL);
        assert!(word.holds(&session("push"), &grants()));
        assert!(!word.holds(&session("tag"), &grants()));
        assert!(!word.holds(&session("push"), &Grants::default()), "what was granted then is not now");
        assert!(!word.holds(&SessionView::default(), &grants()));
    }

    #[test]
    fn who_asked_where_a_hit_came_from_has_spoken_of_those_that_come_from_there() {
        let mut inputs = asked();
        inputs.origin = true;
        for answer in [Serve::Abstain, Serve::AbstainFromOrigin] {
            assert_eq!(inputs.word(answer, Origin::Remote).unwrap().from(), Origins::of(Origin::Remote));
        }
        assert_eq!(asked().word(Serve::AbstainFromOrigin, Origin::Local).unwrap().from(), Origins::of(Origin::Local));
    }

    #[test]
    fn no_other_answer_and_none_that_rests_on_more_is_one() {
        for answer in [Serve::NoOpinion, Serve::Yes, Serve::Refuse] {
            assert_eq!(asked().word(answer, Origin::Local), None, "{answer:?}");
        }
        let mut inputs = asked();
        inputs.more = true;
        assert_eq!(inputs.word(Serve::Abstain, Origin::Local), None);
        let mut inputs = Inputs::default();
        for number in 0..=MOST_FACTS {
            inputs.fact(&format!("fact-{number}"), &Err(3));
        }
        assert_eq!(inputs.word(Serve::Abstain, Origin::Local), None, "too many facts");
        let mut inputs = asked();
        inputs.fact(&"a".repeat(4 << 20), &Err(3));
        assert_eq!(inputs.word(Serve::Abstain, Origin::Local), None, "too long a key");
        assert!(inputs.facts.len() < 4, "and it is not kept");
        let mut inputs = asked();
        inputs.fact("env:TOKEN", &Ok("secret".to_owned()));
        assert_eq!(inputs.word(Serve::Abstain, Origin::Local), None, "what may be a secret");
    }
}

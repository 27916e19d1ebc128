//! The events of `cachewit plugin eval`: what a policy is asked, written down. Everything has a default, so that an event names what
//! matters to it.

mod group;
mod network;
mod observed;
mod trim;

use crate::model::{Digest, Kind};
use crate::policy::manifest::GRANTED_FACTS;
use crate::policy::{Grants, SessionView, Wish};
use anyhow::bail;
use group::GroupEvent;
use network::{NetworkEvent, RouteEvent};
use observed::ObserveEvent;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use trim::TrimEvent;

/// One event: `session`, and one of [`QUESTIONS`].
#[derive(Debug)]
pub(super) struct Event {
    /// The `go` command in which it happens; none = that of the event before.
    pub session: Option<Session>,
    pub question: Question,
}

/// The keys of an event.
const SESSION: &str = "session";
const QUESTIONS: [&str; 7] = ["admit", "serve", "score", "open", "route", "close", "observe"];

/// Facts by their keys; null = nobody granted it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Session(BTreeMap<String, Option<String>>);

/// What is asked.
#[derive(Debug)]
pub(super) enum Question {
    Admit(GroupEvent),
    Serve(GroupEvent),
    Score(TrimEvent),
    Open(NetworkEvent),
    Route(RouteEvent),
    Close(NetworkEvent),
    Observe(ObserveEvent),
}

/// By hand, since a flattened enum takes the first of two questions and every key that it does not know.
impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Event;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event, which is an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
                let (mut session, mut asked) = (None, None);
                while let Some(key) = map.next_key::<String>()? {
                    if key == SESSION {
                        session = map.next_value()?;
                        continue;
                    }
                    let question = match key.as_str() {
                        "admit" => Question::Admit(map.next_value()?),
                        "serve" => Question::Serve(map.next_value()?),
                        "score" => Question::Score(map.next_value()?),
                        "open" => Question::Open(map.next_value()?),
                        "route" => Question::Route(map.next_value()?),
                        "close" => Question::Close(map.next_value()?),
                        "observe" => Question::Observe(map.next_value()?),
                        _ => return Err(A::Error::custom(format!("there is no `{key}`; there are {SESSION}, {}", QUESTIONS.join(", ")))),
                    };
                    if let Some((first, _)) = asked.replace((key.clone(), question)) {
                        return Err(A::Error::custom(format!("an event asks one thing, and this one has `{first}` and `{key}`")));
                    }
                }
                let Some((_, question)) = asked else {
                    return Err(A::Error::custom(format!("it asks nothing; name one of {}", QUESTIONS.join(", "))));
                };
                Ok(Event { session, question })
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

impl Question {
    /// The role that answers it.
    pub fn role(&self) -> &'static str {
        match self {
            Self::Admit(_) => "admission",
            Self::Serve(_) => "serving",
            Self::Score(_) => "eviction",
            Self::Open(_) | Self::Route(_) | Self::Close(_) => "remote",
            Self::Observe(_) => "observer",
        }
    }
}

impl Session {
    /// As a policy sees it that wishes to know this, and whom the operator lets know it.
    pub fn view(&self, wishes: &BTreeSet<Wish>) -> anyhow::Result<(SessionView, Grants)> {
        let (mut view, mut values) = (SessionView::default(), BTreeMap::new());
        for (key, value) in &self.0 {
            let known = SessionView::KEYS.into_iter().chain(GRANTED_FACTS).find(|known| known == key);
            match (known, key.strip_prefix("env:"), value) {
                (Some(known), _, Some(value)) => {
                    view.0.insert(known, value.clone());
                }
                (None, Some(name), Some(value)) => {
                    values.insert(name.to_owned(), value.clone());
                }
                (Some(_), _, None) | (_, Some(_), None) => {}
                (None, None, _) => {
                    let all: Vec<&str> = SessionView::KEYS.into_iter().chain(GRANTED_FACTS).collect();
                    bail!("`session` has no `{key}`; there are {}, and env:NAME", all.join(", "));
                }
            }
        }
        let denied = |wish: &&Wish| {
            let key = match wish {
                Wish::Fact(name) => name.clone(),
                Wish::Environment(name) => format!("env:{name}"),
            };
            self.0.get(&key) == Some(&None)
        };
        let granted = wishes.iter().filter(|wish| !denied(wish));
        Ok((view, Grants::new(granted, &values)))
    }
}

/// The kinds by the names that `trace show` prints.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KindName {
    #[default]
    Unknown,
    Archive,
    ModuleIndex,
    SourceList,
    VetFacts,
    TestLog,
    TestResult,
    Executable,
    Other,
}

impl KindName {
    fn kind(self) -> Kind {
        Kind::from_code(self as u8)
    }
}

/// Sixty-four hexadecimal digits.
#[derive(Clone, Copy, Debug)]
struct DigestText(Digest);

impl<'de> Deserialize<'de> for DigestText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Digest::from_hex(&text).map(Self).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not 64 hexadecimal digits")))
    }
}

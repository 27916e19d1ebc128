//! The events of `cachewit plugin eval`: what a policy is asked, written down. Everything has a default, so that an event names what
//! matters to it.

mod group;
mod network;
mod observed;
mod trim;

use crate::model::{Digest, Kind};
use crate::policy::manifest::GRANTED_FACTS;
use crate::policy::{Grants, SessionView, Wish};
use anyhow::{Result, bail};
use group::GroupEvent;
use network::{NetworkEvent, RouteEvent};
use observed::ObserveEvent;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use trim::TrimEvent;

/// One event.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    /// The `go` command in which it happens; none = that of the event before.
    pub session: Option<Session>,
    #[serde(flatten)]
    pub question: Question,
}

/// Facts by their keys; null = nobody granted it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Session(BTreeMap<String, Option<String>>);

/// What is asked: exactly one of these keys.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Question {
    Admit(GroupEvent),
    Serve(GroupEvent),
    Score(TrimEvent),
    Open(NetworkEvent),
    Route(RouteEvent),
    Close(NetworkEvent),
    Observe(ObserveEvent),
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
    pub fn view(&self, wishes: &BTreeSet<Wish>) -> Result<(SessionView, Grants)> {
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

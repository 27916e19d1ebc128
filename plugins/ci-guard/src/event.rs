//! Why a job of CI runs.

use cachewit_guest::serde::de::{Deserialize, Deserializer, Error};

/// An event, by the name that the host has for it whatever the CI system calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event(&'static str);

impl Event {
    /// Something was pushed to a branch.
    pub const PUSH: Self = Self("push");
    /// The clock.
    pub const SCHEDULE: Self = Self("schedule");
    /// A tag was pushed.
    pub const TAG: Self = Self("tag");

    const NAMES: &'static [&'static str] = &["push", "pull-request", "tag", "schedule", "manual", "other"];

    /// Whether this is the event of that name.
    pub fn is(self, name: &str) -> bool {
        self.0 == name
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = Self::NAMES.iter().find(|name| **name == text);
        known.map(|name| Self(name)).ok_or_else(|| D::Error::unknown_variant(&text, Self::NAMES))
    }
}

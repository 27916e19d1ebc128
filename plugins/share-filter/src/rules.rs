//! The rules of one question, and what they look at.

use cachewit_guest::{Fact, Group, HumanDuration, HumanSize, Kind, Pattern, Session};
use std::cell::OnceCell;
use std::fmt;
use std::time::Duration;

cachewit_guest::settings! {
    /// All must hold. Each is off unless it is set.
    #[derive(PartialEq, Eq)]
    pub struct Rules {
        /// No package that matches one of these. A package that cannot be told, or is `main`, counts as matching.
        pub deny_packages: Vec<Pattern> = Vec::new(),
        /// Only packages that match one of these; nothing that has no import path.
        pub allow_packages: Vec<Pattern> = Vec::new(),
        /// None of these kinds.
        pub deny_kinds: Vec<Kind> = Vec::new(),
        /// No group that is larger.
        pub max_size: Option<HumanSize> = None,
        /// No group that is known to cost less.
        pub min_cost: Option<HumanDuration> = None,
        /// Only what these toolchains made: `go1.27.3`, `go1.27...`.
        pub toolchains: Vec<Pattern> = Vec::new(),
    }
}

/// The group that is being asked about. Facts are read when a rule needs one and kept for the second question: reading the first one
/// opens the archive.
pub(crate) struct Question<'a> {
    group: &'a dyn Group,
    session: &'a dyn Session,
    import_path: OnceCell<Fact>,
}

impl<'a> Question<'a> {
    pub(crate) fn new(group: &'a dyn Group, session: &'a dyn Session) -> Self {
        Self { group, session, import_path: OnceCell::new() }
    }

    /// The import path. An archive that has none was not understood.
    fn import_path(&self) -> &Fact {
        self.import_path.get_or_init(|| match self.group.fact("import-path") {
            Fact::Absent if self.group.kind() == Kind::Archive => Fact::Unknown,
            fact => fact,
        })
    }

    /// The toolchain that made it. What is no archive does not say, but a session only ever uses what its own toolchain made: `go`
    /// hashes the toolchain into every action ID.
    fn toolchain(&self) -> Fact {
        match self.group.fact("toolchain") {
            Fact::Absent if self.group.kind() != Kind::Archive => self.session.fact("go-version"),
            fact => fact,
        }
    }

    /// What a person would call it.
    pub(crate) fn name(&self) -> String {
        match self.import_path().known() {
            Some(path) => path.to_owned(),
            None => format!("a group of kind {}", self.group.kind().name()),
        }
    }
}

/// The rule that a group broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal<'a> {
    Kind(Kind),
    Size(u64),
    Cost(Duration),
    Denied(&'a Pattern),
    DeniedUntold,
    NotAllowed,
    Toolchain,
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => write!(f, "deny-kinds has {}", kind.name()),
            Self::Size(size) => write!(f, "its {size} bytes are over max-size"),
            Self::Cost(cost) => write!(f, "its {} ms are under min-cost", cost.as_millis() as u64),
            Self::Denied(pattern) => write!(f, "deny-packages has {pattern}"),
            Self::DeniedUntold => f.write_str("deny-packages is set, and which package it is cannot be told"),
            Self::NotAllowed => f.write_str("allow-packages has nothing that matches"),
            Self::Toolchain => f.write_str("toolchains has nothing that matches"),
        }
    }
}

impl Rules {
    /// Whether nothing is set.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The first rule that the group breaks; what costs least to know is looked at first.
    pub(crate) fn refusal(&self, question: &Question<'_>) -> Option<Refusal<'_>> {
        let group = question.group;
        if !self.deny_kinds.is_empty() && self.deny_kinds.contains(&group.kind()) {
            return Some(Refusal::Kind(group.kind()));
        }
        if let Some(HumanSize(most)) = self.max_size
            && group.size() > most
        {
            return Some(Refusal::Size(group.size()));
        }
        if let Some(HumanDuration(least)) = self.min_cost
            && let Some(cost) = group.cost().filter(|cost| *cost < least)
        {
            return Some(Refusal::Cost(cost));
        }
        self.package_refusal(question).or_else(|| self.toolchain_refusal(question))
    }

    fn package_refusal(&self, question: &Question<'_>) -> Option<Refusal<'_>> {
        if !self.deny_packages.is_empty() {
            match question.import_path() {
                // A program's own package is always called `main`, whatever folder it lies in.
                Fact::Known(path) if path != "main" => {
                    // The external tests of `p` are the package `p_test`: no less secret than `p`.
                    let tested = path.strip_suffix("_test").unwrap_or(path);
                    let denies = |pattern: &&Pattern| pattern.matches(path) || pattern.matches(tested);
                    if let Some(pattern) = self.deny_packages.iter().find(denies) {
                        return Some(Refusal::Denied(pattern));
                    }
                }
                Fact::Known(_) | Fact::Unknown => return Some(Refusal::DeniedUntold),
                Fact::Absent => {}
            }
        }
        if !self.allow_packages.is_empty() && !matches_any(&self.allow_packages, question.import_path()) {
            return Some(Refusal::NotAllowed);
        }
        None
    }

    fn toolchain_refusal(&self, question: &Question<'_>) -> Option<Refusal<'_>> {
        let fits = self.toolchains.is_empty() || matches_any(&self.toolchains, &question.toolchain());
        (!fits).then_some(Refusal::Toolchain)
    }
}

fn matches_any(patterns: &[Pattern], fact: &Fact) -> bool {
    fact.known().is_some_and(|text| patterns.iter().any(|pattern| pattern.matches(text)))
}

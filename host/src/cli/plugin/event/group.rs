//! A group, as `admit` and `serve` ask about it.

use super::{DigestText, KindName};
use crate::model::{Digest, Facts, Origin, UnixNanos};
use crate::policy::{FactSource, Group, GroupView, Later, Sums};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// A group.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(in super::super) struct GroupEvent {
    kind: KindName,
    size: u64,
    own_size: Option<u64>,
    members: u32,
    cost_us: Option<u64>,
    origin: OriginName,
    age_seconds: u64,
    action: DigestText,
    output: DigestText,
    /// Null = the archive cannot be read.
    facts: Option<GroupFacts>,
}

impl Default for GroupEvent {
    fn default() -> Self {
        Self {
            kind: KindName::Archive,
            size: 0,
            own_size: None,
            members: 1,
            cost_us: None,
            origin: OriginName::Local,
            age_seconds: 0,
            action: DigestText(Digest::of(b"action")),
            output: DigestText(Digest::of(b"output")),
            facts: Some(GroupFacts::default()),
        }
    }
}

impl GroupEvent {
    /// As a policy is asked about it.
    pub fn view(&self) -> GroupView {
        let age = i64::try_from(self.age_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
        GroupView::of(Group {
            action: self.action.0,
            output: self.output.0,
            kind: self.kind.kind(),
            origin: self.origin.origin(),
            put: UnixNanos(UnixNanos::now().0.saturating_sub(age)),
            sums: Later::of(Sums {
                size: self.size,
                own_size: self.own_size.unwrap_or(self.size),
                members: self.members,
                cost: self.cost_us.map(Duration::from_micros),
            }),
            facts: Arc::new(self.facts.clone()),
        })
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct GroupFacts {
    import_path: Option<String>,
    toolchain: Option<String>,
    goos: Option<String>,
    goarch: Option<String>,
    experiments: Option<String>,
}

impl FactSource for Option<GroupFacts> {
    fn facts(&self, _output: Digest) -> Option<Facts> {
        let GroupFacts { import_path, toolchain, goos, goarch, experiments } = self.clone()?;
        Some(Facts { import_path, toolchain, goos, goarch, experiments })
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OriginName {
    Unknown,
    Local,
    Remote,
    Native,
}

impl OriginName {
    fn origin(self) -> Origin {
        match self {
            Self::Unknown => Origin::Unknown,
            Self::Local => Origin::Local,
            Self::Remote => Origin::Remote,
            Self::Native => Origin::Native,
        }
    }
}

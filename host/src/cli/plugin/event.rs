//! The events of `cachewit plugin eval`: what a policy is asked, written down. Everything has a default, so that an event names what
//! matters to it.

use crate::model::{Digest, EventCode, EventColumns, EventRow, Facts, Kind, Origin, TrimColumns, TrimReason, UNKNOWN_COST, UnixNanos};
use crate::policy::manifest::GRANTED_FACTS;
use crate::policy::{FactSource, Grants, Group, GroupView, NetworkView, RequestView, SessionView, SetView, TargetView};
use anyhow::{Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One event.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    #[serde(default)]
    session: BTreeMap<String, String>,
    #[serde(flatten)]
    pub question: Question,
}

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

impl Event {
    /// The session, in which the policy knows all that the event says of it.
    pub fn session(&self) -> Result<(SessionView, Grants)> {
        let (mut view, mut grants) = (SessionView::default(), Grants::default());
        for (key, value) in &self.session {
            if let Some(name) = key.strip_prefix("env:") {
                grants.variables.insert(name.to_owned(), Some(value.clone()));
                continue;
            }
            let known = SessionView::KEYS.into_iter().chain(GRANTED_FACTS).find(|known| known == key);
            let Some(known) = known else {
                let all: Vec<&str> = SessionView::KEYS.into_iter().chain(GRANTED_FACTS).collect();
                bail!("`session` has no `{key}`; there are {}, and env:NAME", all.join(", "));
            };
            view.0.insert(known, value.clone());
            grants.facts.insert(key.clone());
        }
        Ok((view, grants))
    }
}

/// A group.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct GroupEvent {
    kind: KindName,
    size: u64,
    own_size: Option<u64>,
    members: u32,
    cost_us: Option<u64>,
    origin: OriginName,
    age_seconds: u64,
    facts: GroupFacts,
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
            facts: GroupFacts::default(),
        }
    }
}

impl GroupEvent {
    /// As a policy is asked about it.
    pub fn view(&self) -> GroupView {
        let age = i64::try_from(self.age_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
        GroupView::of(Group {
            action: Digest::of(b"action"),
            output: Digest::of(b"output"),
            kind: self.kind.kind(),
            size: self.size,
            own_size: self.own_size.unwrap_or(self.size),
            members: self.members,
            cost: self.cost_us.map(Duration::from_micros),
            origin: self.origin.origin(),
            put: UnixNanos(UnixNanos::now().0.saturating_sub(age)),
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

impl FactSource for GroupFacts {
    fn facts(&self, _output: Digest) -> Option<Facts> {
        let Self { import_path, toolchain, goos, goarch, experiments } = self.clone();
        Some(Facts { import_path, toolchain, goos, goarch, experiments })
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

/// A trim.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TrimEvent {
    reason: ReasonName,
    used: Option<u64>,
    wanted: u64,
    rows: Vec<RowEvent>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ReasonName {
    #[default]
    MaxSize,
    MinFree,
    Asked,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct RowEvent {
    key: Option<u64>,
    size: u64,
    idle_runs: u32,
    rank: Option<u32>,
    idle_seconds: u32,
    age: u32,
    uses: u32,
    cost_us: Option<u64>,
    kind: KindName,
    stream: u32,
    members: u32,
    held: u32,
    in_use: bool,
    tag: u64,
}

impl Default for RowEvent {
    fn default() -> Self {
        Self {
            key: None,
            size: 0,
            idle_runs: 0,
            rank: None,
            idle_seconds: 0,
            age: 0,
            uses: 1,
            cost_us: None,
            kind: KindName::Archive,
            stream: 1,
            members: 1,
            held: 0,
            in_use: false,
            tag: 0,
        }
    }
}

impl TrimEvent {
    /// As a policy is asked about it. Rows without a rank were used in the order in which they stand.
    pub fn columns(&self) -> TrimColumns {
        let reason = match self.reason {
            ReasonName::MaxSize => TrimReason::MaxSize,
            ReasonName::MinFree => TrimReason::MinFree,
            ReasonName::Asked => TrimReason::Asked,
        };
        let used = self.used.unwrap_or_else(|| self.rows.iter().map(|row| row.size).fold(0, u64::saturating_add));
        let mut columns = TrimColumns { used, wanted: self.wanted, ..TrimColumns::empty(reason) };
        for (place, row) in self.rows.iter().enumerate() {
            columns.keys.push(row.key.unwrap_or(place as u64));
            columns.sizes.push(row.size);
            columns.idle_runs.push(row.idle_runs);
            columns.ranks.push(row.rank.unwrap_or(place as u32));
            columns.idle_seconds.push(row.idle_seconds);
            columns.ages.push(row.age);
            columns.uses.push(row.uses);
            columns.costs.push(row.cost_us.unwrap_or(UNKNOWN_COST));
            columns.kinds.push(row.kind.kind());
            columns.streams.push(row.stream);
            columns.members.push(row.members);
            columns.held.push(row.held);
            columns.marks.push(u32::from(row.in_use));
            columns.tags.push(row.tag);
        }
        columns
    }
}

/// The remote side.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct NetworkEvent {
    targets: Vec<TargetEvent>,
    sets: Vec<SetEvent>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct TargetEvent {
    name: String,
    engine: String,
    readable: bool,
    writable: bool,
    health: HealthName,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HealthName {
    #[default]
    Unknown,
    Good,
    Trouble,
    Empty,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct SetEvent {
    name: String,
    stream: String,
    target: u32,
    age_seconds: u64,
    entries: u32,
}

impl NetworkEvent {
    /// As a policy is asked about it.
    pub fn view(&self) -> NetworkView {
        let target = |target: &TargetEvent| TargetView {
            name: target.name.clone(),
            engine: target.engine.clone(),
            mode: u32::from(target.readable) | u32::from(target.writable) << 1,
            health: target.health as u32,
        };
        let set = |set: &SetEvent| SetView {
            name: set.name.clone(),
            stream: set.stream.clone(),
            target: set.target,
            age: set.age_seconds,
            entries: set.entries,
        };
        NetworkView { targets: self.targets.iter().map(target).collect(), sets: self.sets.iter().map(set).collect() }
    }
}

/// A miss.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct RouteEvent {
    named: Vec<u32>,
    cost_us: Option<u64>,
    waited_ms: u64,
    #[serde(flatten)]
    pub network: NetworkEvent,
}

impl RouteEvent {
    /// As a policy is asked about it.
    pub fn view(&self) -> RequestView {
        RequestView {
            action: Digest::of(b"action"),
            named: self.named.iter().filter(|target| **target < 32).fold(0, |named, target| named | 1 << target),
            cost: self.cost_us.map(Duration::from_micros),
            waited: self.waited_ms,
        }
    }
}

/// What happened.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ObserveEvent {
    events: Vec<HappenedEvent>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct HappenedEvent {
    what: WhatName,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    time_us: u64,
    #[serde(default)]
    duration_us: u64,
    #[serde(default)]
    kind: KindName,
    cost_us: Option<u64>,
}

/// What became of a request, by the names that traces use, and what happened to groups.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WhatName {
    Hit,
    Native,
    Fetched,
    Refused,
    Miss,
    Put,
    Evicted,
    Shared,
}

impl ObserveEvent {
    /// As a policy is told it.
    pub fn columns(&self) -> Arc<EventColumns> {
        let mut columns = EventColumns::default();
        for event in &self.events {
            let (code, level) = match event.what {
                WhatName::Miss => (EventCode::Get, 0),
                WhatName::Hit => (EventCode::Get, 1),
                WhatName::Fetched => (EventCode::Get, 2),
                WhatName::Native => (EventCode::Get, 3),
                WhatName::Refused => (EventCode::Get, 4),
                WhatName::Put => (EventCode::Put, 0),
                WhatName::Evicted => (EventCode::Evicted, 0),
                WhatName::Shared => (EventCode::Shared, 0),
            };
            let HappenedEvent { size, time_us: time, duration_us: duration, cost_us: cost, .. } = *event;
            columns.push(EventRow { code, level, size, time, duration, kind: Some(event.kind.kind()), cost });
        }
        Arc::new(columns)
    }
}

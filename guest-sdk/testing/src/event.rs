//! What a policy is asked, as events of `cachewit plugin eval`.

use cachewit_guest::{
    Event, Events, Fact, Group, Kind, Level, Origin, Request, Rows, Session, Sets, Target, TargetHealth, Targets, TrimReason, Trust,
    UNKNOWN_COST, What,
};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Facts of a session that have a name of their own.
const SESSION_FACTS: [&str; 10] = ["stream", "command", "module", "goos", "goarch", "go-version", "ci", "branch", "commit", "ci-event"];

const GROUP_FACTS: [&str; 5] = ["import-path", "toolchain", "goos", "goarch", "experiments"];

/// All that a policy could learn of a session, if it knows of these variables.
pub fn session(session: &dyn Session, variables: &[String]) -> Map<String, Value> {
    let keys = SESSION_FACTS.into_iter().map(str::to_owned).chain(variables.iter().map(|name| format!("env:{name}")));
    let known = |key: String| match session.fact(&key) {
        Fact::Known(text) => Some((key, Value::from(text))),
        Fact::Absent => None,
        Fact::Unknown => Some((key, Value::Null)),
    };
    keys.filter_map(known).collect()
}

fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::Array(items.into_iter().collect())
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A group.
///
/// # Panics
/// If it is trusted more or less than the host trusts what comes from there.
pub fn group(group: &dyn Group) -> Value {
    let (origin, trust) = (group.origin(), group.trust());
    let trusted = match origin {
        Origin::Local | Origin::Native => Trust::Local,
        Origin::Remote => Trust::Hashed,
        _ => Trust::Unknown,
    };
    assert_eq!(trust, trusted, "a group whose origin is {origin:?} has the trust {trusted:?}");
    let facts: Map<String, Value> =
        GROUP_FACTS.into_iter().filter_map(|key| Some((key.to_owned(), Value::from(group.fact(key).known()?)))).collect();
    let unreadable = GROUP_FACTS.into_iter().all(|key| group.fact(key) == Fact::Unknown);
    let mut event = json!({
        "kind": group.kind().name(), "size": group.size(), "own-size": group.own_size(), "members": group.members(),
        "origin": origin.name(), "age-seconds": group.age().as_secs(), "action": group.action().to_string(), "output": group.output().to_string(),
        "facts": if unreadable { Value::Null } else { facts.into() },
    });
    if let Some(cost) = group.cost() {
        event["cost-us"] = micros(cost).into();
    }
    event
}

/// A trim, whole: the engine cuts it into runs itself.
pub fn trim(rows: &dyn Rows) -> Value {
    let count = rows.len();
    let reason = match rows.reason() {
        TrimReason::MinFree => "min-free",
        TrimReason::Asked => "asked",
        _ => "max-size",
    };
    let (keys, sizes, costs, tags) = (rows.keys(0, count), rows.sizes(0, count), rows.costs(0, count), rows.tags(0, count));
    let (idle_runs, ranks, idle, ages) = (rows.idle_runs(0, count), rows.ranks(0, count), rows.idle_seconds(0, count), rows.ages(0, count));
    let (uses, kinds, streams, members) = (rows.uses(0, count), rows.kinds(0, count), rows.streams(0, count), rows.members(0, count));
    let (held, marks) = (rows.held(0, count), rows.marks(0, count));
    let rows = (0..count as usize).map(|row| {
        json!({
            "key": keys[row], "size": sizes[row], "idle-runs": idle_runs[row], "rank": ranks[row], "idle-seconds": idle[row],
            "age": ages[row], "uses": uses[row], "kind": Kind::from_code(kinds[row]).name(), "stream": streams[row],
            "members": members[row], "held": held[row], "in-use": marks[row] & 1 == 1, "tag": tags[row],
            "cost-us": (costs[row] != UNKNOWN_COST).then_some(costs[row]),
        })
    });
    let rows = list(rows);
    json!({ "reason": reason, "rows": rows })
}

/// The stores there are, and their sets.
pub fn network(targets: &dyn Targets, sets: Option<&dyn Sets>) -> Value {
    let sets = sets.map(Sets::all).unwrap_or_default();
    let sets = sets.iter().map(|set| {
        let age = set.age.as_secs();
        json!({ "name": set.name, "stream": set.stream, "target": set.target, "age-seconds": age, "entries": set.entries })
    });
    json!({ "targets": list(targets.all().iter().map(target)), "sets": list(sets) })
}

fn target(target: &Target) -> Value {
    let health = match target.health {
        TargetHealth::Unknown => "unknown",
        TargetHealth::Good => "good",
        TargetHealth::Trouble => "trouble",
        TargetHealth::Empty => "empty",
    };
    json!({ "name": target.name, "engine": target.engine, "readable": target.readable, "writable": target.writable, "health": health })
}

/// A miss.
pub fn miss(request: &dyn Request, targets: &dyn Targets) -> Value {
    let mut event = network(targets, None);
    let named = request.named();
    event["named"] = list((0..32).filter(|target| named >> target & 1 == 1).map(|target: u32| target.into()));
    event["waited-ms"] = u64::try_from(request.waited().as_millis()).unwrap_or(u64::MAX).into();
    event["action"] = request.action().to_string().into();
    if let Some(cost) = request.cost() {
        event["cost-us"] = micros(cost).into();
    }
    event
}

/// What happened. The contract's later codes cannot be written down, and are skipped as a policy would skip them.
pub fn happened(events: &dyn Events, first: u32, count: u32) -> Value {
    json!({ "events": list(events.run(first, count).iter().filter_map(one_event)) })
}

fn one_event(event: &Event) -> Option<Value> {
    let what = match (event.what, event.level) {
        (What::Get, Level::Miss) => "miss",
        (What::Get, Level::Local) => "hit",
        (What::Get, Level::Remote) => "fetched",
        (What::Get, Level::Native) => "native",
        (What::Get, Level::Refused) => "refused",
        (What::Put, _) => "put",
        (What::Evicted, _) => "evicted",
        (What::Shared, _) => "shared",
        (What::Get, Level::Other) | (What::Other, _) => return None,
    };
    let cost = event.cost.map(micros);
    let (time, duration) = (micros(event.time), micros(event.duration));
    Some(json!({ "what": what, "size": event.size, "time-us": time, "duration-us": duration, "kind": event.kind.name(), "cost-us": cost }))
}

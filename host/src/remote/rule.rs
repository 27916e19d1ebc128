//! The host's own rules, where everybody passes.

use super::head::SetLine;
use super::share::set_name;
use super::target::Health;
use super::{ClosePlan, SetView, TargetView};
use crate::model::UnixNanos;
use std::collections::HashSet;

/// A line of a target's head, as policies see it.
pub fn view(target: usize, line: &SetLine, now: UnixNanos) -> SetView {
    SetView { name: line.name.clone(), stream: line.stream.clone(), target, age: line.time.age_at(now), entries: line.entries }
}

/// Whether anybody is asked for a miss: a head that names no set says that there is nothing.
pub fn is_anybody_there(targets: &[TargetView]) -> bool {
    targets.iter().any(|target| target.reads && target.health == Health::Good)
}

/// The sets to load: in each target the newest set of this stream, else the newest. The views are sorted newest first.
pub fn open(stream: &str, views: &[SetView]) -> Vec<usize> {
    let targets: HashSet<usize> = views.iter().map(|view| view.target).collect();
    let newest = |target| {
        let mut own = views.iter().enumerate().filter(|(_, view)| view.target == target);
        let first = own.clone().next();
        own.find(|(_, view)| view.stream == stream).or(first).map(|(set, _)| set)
    };
    targets.into_iter().filter_map(newest).collect()
}

/// What is done at the end: share, and publish under the stream's name, in each target that may be written.
pub fn close(stream: &str, targets: &[TargetView]) -> ClosePlan {
    let writable: Vec<usize> = (0..targets.len()).filter(|&target| targets[target].writes).collect();
    let publish = writable.iter().map(|&target| (target, set_name(stream))).collect();
    ClosePlan { publish, share: writable }
}

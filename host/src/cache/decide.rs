//! The chain, as the remote room sees it.

use crate::policy::{self, Chain, NetworkView, SharedChain};
use crate::remote::{AskStep, ClosePlan, Decide, RequestView, SetView, TargetView};
use std::sync::Arc;

impl Decide for Chain {
    fn open(&mut self, views: &[TargetView], sets: &[SetView]) -> Option<Vec<usize>> {
        let one = |set: &SetView| policy::SetView {
            name: set.name.clone(),
            stream: set.stream.clone(),
            target: set.target as u32,
            age: set.age.as_secs(),
            entries: set.entries,
        };
        let network = NetworkView { targets: targets(views), sets: sets.iter().map(one).collect() };
        Some(self.open(&network)?.into_iter().map(|set| set as usize).collect())
    }

    fn route(&mut self, request: &RequestView, views: &[TargetView]) -> Option<Vec<AskStep>> {
        let network = NetworkView { targets: targets(views), sets: Vec::new() };
        let request = policy::RequestView {
            action: request.action,
            // The contract's mask has a bit for each of the first 32 targets.
            named: request.named as u32,
            cost: request.cost,
            waited: u64::try_from(request.waited.as_millis()).unwrap_or(u64::MAX),
        };
        let steps = self.route(&network, request)?;
        Some(steps.into_iter().map(|step| AskStep { target: step.target as usize, wait: step.wait }).collect())
    }

    fn close(&mut self, views: &[TargetView]) -> Option<ClosePlan> {
        let network = NetworkView { targets: targets(views), sets: Vec::new() };
        let plan = self.close(&network)?;
        Some(ClosePlan {
            publish: plan.publish.into_iter().map(|(target, name)| (target as usize, name)).collect(),
            share: plan.share.into_iter().map(|target| target as usize).collect(),
        })
    }
}

fn targets(views: &[TargetView]) -> Vec<policy::TargetView> {
    let one = |view: &TargetView| policy::TargetView {
        name: view.name.clone(),
        engine: view.engine.to_owned(),
        mode: u32::from(view.reads) | u32::from(view.writes) << 1,
        health: view.health as u32,
    };
    views.iter().map(one).collect()
}

/// The chain of a session, which others ask as well.
pub(super) struct ChainDecides(pub Arc<SharedChain>);

impl Decide for ChainDecides {
    fn open(&mut self, targets: &[TargetView], sets: &[SetView]) -> Option<Vec<usize>> {
        Decide::open(&mut *self.0.lock(), targets, sets)
    }

    fn route(&mut self, request: &RequestView, targets: &[TargetView]) -> Option<Vec<AskStep>> {
        Decide::route(&mut *self.0.lock(), request, targets)
    }

    fn close(&mut self, targets: &[TargetView]) -> Option<ClosePlan> {
        Decide::close(&mut *self.0.lock(), targets)
    }
}

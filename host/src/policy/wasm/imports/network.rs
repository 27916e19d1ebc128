//! The remote side: targets, sets, a miss, and the plan that a policy makes.

use super::{Guest, Plan, Question, micros, wit, words};
use crate::policy::context::{Ask, NetworkView, RequestView};
use crate::policy::wasm::limits::LIMITS;
use std::time::Duration;

/// Bytes that are kept of the name of a set; a good one has at most 200.
const NAME_KEPT: usize = 256;

impl Guest {
    fn network(&self) -> wasmtime::Result<&NetworkView> {
        match &self.question {
            Question::Network { network, .. } => Ok(network),
            _ => Err(wasmtime::format_err!("`targets` and `sets` have answers only while a remote question is asked")),
        }
    }

    fn request(&self) -> wasmtime::Result<&RequestView> {
        match &self.question {
            Question::Network { request: Some(request), .. } => Ok(request),
            _ => Err(wasmtime::format_err!("`request` has answers only during `route`")),
        }
    }

    /// The plan, for one more step.
    fn plan(&mut self) -> wasmtime::Result<&mut Plan> {
        let Question::Network { plan, .. } = &mut self.question else {
            wasmtime::bail!("`plan` takes steps only while a remote question is asked");
        };
        plan.steps += 1;
        wasmtime::ensure!(plan.steps <= LIMITS.plan_steps, "a plan has at most {} steps", LIMITS.plan_steps);
        Ok(plan)
    }
}

impl wit::targets::Host for Guest {
    fn count(&mut self) -> wasmtime::Result<u32> {
        Ok(self.network()?.targets.len() as u32)
    }
    fn name(&mut self, target: u32) -> wasmtime::Result<String> {
        Ok(self.network()?.targets.get(target as usize).map(|target| target.name.clone()).unwrap_or_default())
    }
    fn engine(&mut self, target: u32) -> wasmtime::Result<String> {
        Ok(self.network()?.targets.get(target as usize).map(|target| target.engine.clone()).unwrap_or_default())
    }
    fn mode(&mut self, target: u32) -> wasmtime::Result<u32> {
        Ok(self.network()?.targets.get(target as usize).map_or(0, |target| target.mode))
    }
    fn health(&mut self, target: u32) -> wasmtime::Result<u32> {
        Ok(self.network()?.targets.get(target as usize).map_or(0, |target| target.health))
    }
}

impl wit::sets::Host for Guest {
    fn count(&mut self) -> wasmtime::Result<u32> {
        Ok(self.network()?.sets.len() as u32)
    }
    fn name(&mut self, set: u32) -> wasmtime::Result<String> {
        Ok(self.network()?.sets.get(set as usize).map(|set| set.name.clone()).unwrap_or_default())
    }
    fn stream(&mut self, set: u32) -> wasmtime::Result<String> {
        Ok(self.network()?.sets.get(set as usize).map(|set| set.stream.clone()).unwrap_or_default())
    }
    fn target(&mut self, set: u32) -> wasmtime::Result<u32> {
        Ok(self.network()?.sets.get(set as usize).map_or(u32::MAX, |set| set.target))
    }
    fn age(&mut self, set: u32) -> wasmtime::Result<u64> {
        Ok(self.network()?.sets.get(set as usize).map_or(u64::MAX, |set| set.age))
    }
    fn entries(&mut self, set: u32) -> wasmtime::Result<u32> {
        Ok(self.network()?.sets.get(set as usize).map_or(0, |set| set.entries))
    }
}

impl wit::request::Host for Guest {
    fn named(&mut self) -> wasmtime::Result<u32> {
        Ok(self.request()?.named)
    }
    fn cost(&mut self) -> wasmtime::Result<Option<u64>> {
        Ok(self.request()?.cost.map(micros))
    }
    fn waited(&mut self) -> wasmtime::Result<u64> {
        Ok(self.request()?.waited)
    }
    fn action(&mut self) -> wasmtime::Result<(u64, u64, u64, u64)> {
        Ok(words(self.request()?.action))
    }
}

impl wit::plan::Host for Guest {
    fn load(&mut self, set: u32) -> wasmtime::Result<()> {
        self.plan()?.load.push(set);
        Ok(())
    }
    fn ask(&mut self, target: u32, wait: u32, _options: u32) -> wasmtime::Result<()> {
        let wait = (wait > 0).then(|| Duration::from_millis(u64::from(wait)));
        self.plan()?.ask.push(Ask { target, wait });
        Ok(())
    }
    fn publish(&mut self, target: u32, mut name: String) -> wasmtime::Result<()> {
        // A thousand names of megabytes each would be the host's memory; one that is cut here is still too long for a set.
        name.truncate(name.floor_char_boundary(NAME_KEPT));
        self.plan()?.close.publish.push((target, name));
        Ok(())
    }
    fn share(&mut self, target: u32) -> wasmtime::Result<()> {
        self.plan()?.close.share.push(target);
        Ok(())
    }
}

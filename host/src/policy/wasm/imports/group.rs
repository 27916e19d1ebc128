//! The group that admission or serving is asked about.

use super::{Guest, Question, micros, wit, words};
use crate::policy::context::Group;

impl Guest {
    fn group(&mut self) -> wasmtime::Result<&Group> {
        self.inputs.more = true;
        self.asked_group()
    }

    /// The group of a question about where it comes from.
    fn origin_group(&mut self) -> wasmtime::Result<&Group> {
        self.inputs.origin = true;
        self.asked_group()
    }

    fn asked_group(&self) -> wasmtime::Result<&Group> {
        match &self.question {
            Question::Group(group) => Ok(group),
            _ => Err(wasmtime::format_err!("`group` has answers only while a group is asked about")),
        }
    }
}

impl wit::group::Host for Guest {
    fn kind(&mut self) -> wasmtime::Result<u32> {
        Ok(u32::from(self.group()?.kind.code()))
    }
    fn size(&mut self) -> wasmtime::Result<u64> {
        Ok(self.group()?.sums.size)
    }
    fn own_size(&mut self) -> wasmtime::Result<u64> {
        Ok(self.group()?.sums.own_size)
    }
    fn members(&mut self) -> wasmtime::Result<u32> {
        Ok(self.group()?.sums.members)
    }
    fn cost(&mut self) -> wasmtime::Result<Option<u64>> {
        Ok(self.group()?.sums.cost.map(micros))
    }
    fn origin(&mut self) -> wasmtime::Result<u32> {
        Ok(self.origin_group()?.origin as u32)
    }
    fn age(&mut self) -> wasmtime::Result<u64> {
        let now = crate::model::UnixNanos((self.now_ms() as i64).saturating_mul(1_000_000));
        Ok(self.group()?.put.age_at(now).as_secs())
    }
    fn trust(&mut self) -> wasmtime::Result<u32> {
        Ok(self.origin_group()?.trust() as u32)
    }
    fn fact(&mut self, key: String) -> wasmtime::Result<Result<String, u32>> {
        let group = self.group()?;
        let known = ["import-path", "toolchain", "goos", "goarch", "experiments"].contains(&key.as_str());
        Ok(if known { group.fact(&key).into_answer() } else { Err(3) })
    }
    fn action(&mut self) -> wasmtime::Result<(u64, u64, u64, u64)> {
        Ok(words(self.group()?.action))
    }
    fn output(&mut self) -> wasmtime::Result<(u64, u64, u64, u64)> {
        Ok(words(self.group()?.output))
    }
}

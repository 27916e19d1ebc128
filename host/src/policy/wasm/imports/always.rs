//! What a guest can ask whatever it is being asked: who it is, what time it is, what it was let know, what it said and counted and remembers.

use super::{Guest, wit};
use crate::policy::state;
use crate::policy::wasm::limits::LIMITS;

impl wit::log::Host for Guest {
    fn max_level(&mut self) -> wasmtime::Result<u32> {
        Ok(self.identity.max_level)
    }

    fn log(&mut self, level: u32, message: String) -> wasmtime::Result<()> {
        let level = if (1..=4).contains(&level) { level } else { 4 };
        if level <= self.identity.max_level && self.lines.len() < LIMITS.log_lines as usize {
            self.inputs.more = true;
            self.lines.push((level, crate::fault::printable(&message, LIMITS.log_line)));
        }
        Ok(())
    }
}

impl wit::clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.now_ms())
    }
}

impl wit::session::Host for Guest {
    fn fact(&mut self, key: String) -> wasmtime::Result<Result<String, u32>> {
        let answer = self.identity.session.fact_for(&self.identity.grants, &key).map_or(Err(3), cachewit_guest::Fact::into_answer);
        self.inputs.fact(&key, &answer);
        Ok(answer)
    }
}

impl wit::state::Host for Guest {
    fn load(&mut self) -> wasmtime::Result<Vec<u8>> {
        self.inputs.more = true;
        if self.saved.is_none() {
            let states = self.identity.states.as_ref();
            return Ok(states.map(|states| states.load(&self.owner)).unwrap_or_default());
        }
        Ok(self.saved.clone().unwrap_or_default())
    }

    fn save(&mut self, bytes: Vec<u8>) -> wasmtime::Result<u32> {
        self.inputs.more = true;
        let taken = bytes.len() <= state::MOST_BYTES;
        if taken {
            self.saved = Some(bytes);
        }
        Ok(u32::from(taken))
    }
}

impl wit::counters::Host for Guest {
    fn add(&mut self, name: String, value: u64) -> wasmtime::Result<()> {
        self.inputs.more = true;
        let is_name = (1..=LIMITS.counter_name).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte));
        if is_name && (self.counters.len() < LIMITS.counters || self.counters.contains_key(&name)) {
            let counter = self.counters.entry(name).or_default();
            *counter = counter.saturating_add(value);
        }
        Ok(())
    }
}

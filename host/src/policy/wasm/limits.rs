//! How much a plugin may take.

use std::time::Duration;
use wasmtime::ResourceLimiter;

/// Everything that is bounded, in one place. The figures are generous for a policy and far below what would be felt.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of all linear memories of an instance together.
    pub memory: usize,
    /// Elements of a table.
    pub table_elements: usize,
    /// Core instances, memories and tables: Python components need more than 16.
    pub instances: usize,
    /// Handles of resources that are open at a time, those of WASI and the guest's own: a policy needs none, a language's library some.
    pub handles: usize,
    /// Bytes of the guest's native stack. Threads that call guests have at least 2 MiB.
    pub stack: usize,
    /// Bytes that one call of the guest's can make the host copy: the scores of 100,000 rows fit.
    pub host_copy: usize,
    /// Instantiation with `describe` and `configure`.
    pub start: Duration,
    /// One small question.
    pub question: Duration,
    /// Scoring one run of rows, or `begin` or `end`.
    pub scoring: Duration,
    /// All of a session's questions together.
    pub session: Duration,
    /// Lines a session, whatever became of the instances that logged them, and bytes a line.
    pub log_lines: u32,
    /// See `log_lines`.
    pub log_line: usize,
    /// Counters a session, and characters of a name.
    pub counters: usize,
    /// See `counters`.
    pub counter_name: usize,
    /// Instances a session: the first, and those after a trap.
    pub restarts: u32,
    /// Steps in one plan, and sets of one answer.
    pub plan_steps: usize,
}

/// The limits in force. Times are wall time, and machines are busy: an honest policy needs a microsecond where it may take 100 ms.
pub const LIMITS: Limits = Limits {
    memory: 64 << 20,
    table_elements: 100_000,
    instances: 128,
    handles: 1000,
    stack: 512 << 10,
    host_copy: 4 << 20,
    start: Duration::from_secs(1),
    question: Duration::from_millis(100),
    scoring: Duration::from_secs(1),
    session: Duration::from_secs(10),
    log_lines: 100,
    log_line: 1024,
    counters: 100,
    counter_name: 64,
    restarts: 3,
    plan_steps: 1000,
};

/// Keeps account of an instance's memory over all its memories together; wasmtime's own limiter counts each alone.
#[derive(Debug, Default)]
pub(super) struct Memory {
    used: usize,
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > LIMITS.memory {
            // The guest sees a failed allocation, and may carry on with what it has.
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= LIMITS.table_elements)
    }

    fn instances(&self) -> usize {
        LIMITS.instances
    }

    fn tables(&self) -> usize {
        LIMITS.instances
    }

    fn memories(&self) -> usize {
        LIMITS.instances
    }
}

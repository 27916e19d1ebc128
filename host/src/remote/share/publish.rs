//! The working set of the session, and the head that names it.

use super::is_name_character;
use super::lane::Lane;
use crate::model::{Digest, UnixNanos};
use crate::remote::engine::{Condition, EngineError};
use crate::remote::head::{Head, SetLine};
use crate::remote::record::Group;
use crate::remote::set::{SET_MAX, WorkingSet};
use crate::remote::target::ReadError;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How often the head is merged again because somebody else wrote between. The last attempt writes all the same.
const ATTEMPTS: u32 = 6;

/// How long a head may take to be read.
const PATIENCE: Duration = Duration::from_secs(5);

impl Lane<'_> {
    /// Publishes what the target holds of the session's groups under `name`.
    pub(super) async fn publish(&self, name: &str) {
        if name.is_empty() || name.len() > 200 || !name.chars().all(is_name_character) {
            return self.fail(&format_args!("{name:?} cannot be the name of a set"));
        }
        let groups: Vec<Group> = self.groups().filter(|(group, _)| self.knows(*group)).map(|(_, out)| out.clone()).collect();
        let time = groups.iter().flat_map(|group| &group.members).map(|member| member.put).max().unwrap_or_default();
        let set = WorkingSet { stream: self.job.stream.chars().take(200).collect(), name: name.to_owned(), time, groups };
        let bytes = match set.encode() {
            Ok(bytes) if bytes.len() as u64 <= SET_MAX => bytes,
            Ok(_) => return self.fail(&"the working set is too large"),
            Err(error) => return self.fail(&error),
        };
        let line = SetLine {
            name: set.name.clone(),
            stream: set.stream.clone(),
            set: Digest::of(&bytes),
            time: UnixNanos::now(),
            entries: u32::try_from(set.entries()).unwrap_or(u32::MAX),
            bytes: set.bytes(),
        };
        match self.read_head().await {
            // A run that used the same as the one before has nothing to tell.
            Ok((head, _)) if head.names(&line) => return,
            Err(error) => return self.stop(&error),
            Ok(_) => {}
        }
        if self.put(&self.target.namespace().set(line.set), bytes.into()).await {
            match self.merge(&line).await {
                Ok(()) => self.published(),
                Err(error) => self.stop(&error),
            }
        }
    }

    /// Reads, merges and writes the head until nobody wrote between.
    async fn merge(&self, line: &SetLine) -> Result<(), ReadError> {
        let key = self.target.namespace().head();
        for attempt in 1..=ATTEMPTS {
            let (head, mark) = self.read_head().await?;
            let Ok(bytes) = head.with(line.clone()).encode() else { return Ok(()) };
            let mut condition = mark;
            let engine = self.target.engine();
            if attempt == ATTEMPTS || !engine.checks(&condition) {
                condition = Condition::Always;
            }
            let plain = condition == Condition::Always;
            let put = engine.put(&key, bytes.into(), condition);
            match self.hurry(&key, 0, put).await {
                Ok(()) => return Ok(()),
                // Writers that met once would meet again in step.
                Err(EngineError::Conflict { .. }) => sleep(pause(line, attempt)).await,
                // A compatible that does not know conditions: the last attempt does without.
                Err(EngineError::Broken { .. }) if !plain => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The head as it stands, and on which condition it may be replaced. One that makes no sense is as good as none.
    async fn read_head(&self) -> Result<(Head, Condition), ReadError> {
        let read = timeout(PATIENCE, self.target.read_head()).await;
        match read.unwrap_or_else(|_| Err(ReadError::Stalled(self.target.namespace().head()))) {
            Ok(Some((head, Some(etag)))) => Ok((head, Condition::Unchanged(etag))),
            Ok(Some((head, None))) => Ok((head, Condition::Always)),
            Ok(None) => Ok((Head::default(), Condition::Absent)),
            Err(ReadError::Content { .. }) => Ok((Head::default(), Condition::Always)),
            Err(error) => Err(error),
        }
    }
}

/// Longer with each attempt, and of another length for each writer.
fn pause(line: &SetLine, attempt: u32) -> Duration {
    let seed = line.set.prefix() ^ line.time.0 as u64 ^ u64::from(std::process::id());
    Duration::from_millis(20 * u64::from(attempt) + seed % (40 * u64::from(attempt)))
}

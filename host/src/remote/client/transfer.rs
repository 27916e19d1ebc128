//! One body from one target into the local store, with the patience that it is worth.

use super::Settings;
use crate::model::Entry;
use crate::remote::Local;
use crate::remote::body::{BodyError, Unpacker};
use crate::remote::engine::{EngineError, Fetched};
use crate::remote::target::Target;
use futures::StreamExt;
use std::io;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Why nothing came of a transfer.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransferError {
    /// The store's fault, or the network's.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It would have taken longer than it is worth.
    #[error("{0}: no bytes came in time")]
    Late(String),
    /// Wrong bytes.
    #[error("{key}: {error}")]
    Body { key: String, error: String },
    /// The local store's fault.
    #[error("the local store: {0}")]
    Local(io::Error),
}

/// What a transfer is worth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worth {
    /// What making the object costs.
    pub cost: Option<Duration>,
    /// The policy's own limit for the first byte.
    pub wait: Option<Duration>,
}

impl Worth {
    /// How long the first byte may take.
    pub(super) fn first_byte(&self, settings: &Settings) -> Duration {
        let cost = self.cost.map_or(settings.first_byte, |cost| cost.max(settings.least));
        settings.first_byte.min(cost).min(self.wait.unwrap_or(Duration::MAX))
    }
}

/// Starts to read `key`, trying again after trouble that may pass as long as the first byte may still come in time.
pub(super) async fn start(target: &Target, key: &str, until: Instant) -> Result<Fetched, TransferError> {
    let mut pause = Duration::from_millis(30);
    loop {
        let attempt = timeout_at(until, target.engine().get(key)).await.map_err(|_| TransferError::Late(key.to_owned()))?;
        match attempt {
            Err(EngineError::Trouble { .. }) if Instant::now() + pause < until => {
                sleep(pause).await;
                pause *= 2;
            }
            done => return Ok(done?),
        }
    }
}

/// Brings a body here; answers its path and its bytes on the wire.
pub(super) async fn body(
    target: &Target,
    local: &dyn Local,
    entry: &Entry,
    worth: Worth,
    settings: &Settings,
) -> Result<(String, u64), TransferError> {
    let key = target.namespace().body(entry.output);
    let begun = Instant::now();
    let ticket = target.begin_wait();
    let limits = Limits { begun, cost: worth.cost.map(|cost| cost.max(settings.least)), stall: settings.stall };
    let brought = async {
        let mut fetched = start(target, &key, begun + worth.first_byte(settings).min(target.allowance())).await?;
        let mut unpacker = local.incoming(entry.size).and_then(|sink| Unpacker::new(sink, entry.size)).map_err(TransferError::Local)?;
        let wrong = |error| wrong(&key, error);
        loop {
            let patience = limits.stall.min(target.allowance());
            let next = timeout(patience, fetched.chunks.next()).await.map_err(|_| TransferError::Late(key.clone()))?;
            let Some(chunk) = next.transpose()? else { break };
            unpacker.push(&chunk).map_err(wrong)?;
            if limits.too_slow(entry.size - unpacker.left(), entry.size) {
                return Err(TransferError::Late(key.clone()));
            }
        }
        let wire = unpacker.wire();
        Ok((unpacker.finish(entry).map_err(wrong)?, wire))
    }
    .await;
    let vain = matches!(&brought, Err(error) if !matches!(error, TransferError::Local(_)));
    target.end_wait(&ticket, vain);
    match &brought {
        Ok(_) => target.worked(),
        Err(error) => target.note(error),
    }
    brought
}

fn wrong(key: &str, error: BodyError) -> TransferError {
    match error {
        BodyError::Wrong(error) => TransferError::Body { key: key.to_owned(), error },
        BodyError::Local(error) => TransferError::Local(error),
    }
}

struct Limits {
    begun: Instant,
    cost: Option<Duration>,
    stall: Duration,
}

impl Limits {
    /// Whether the end, at the speed so far, lies beyond what making the object costs. The start says little about the speed.
    fn too_slow(&self, here: u64, size: u64) -> bool {
        let Some(cost) = self.cost else { return false };
        let elapsed = self.begun.elapsed();
        let Some(left) = size.checked_sub(here).filter(|&left| left > 0) else { return false };
        if elapsed < cost / 4 || here == 0 {
            return elapsed > cost;
        }
        elapsed + elapsed.mul_f64(left as f64 / here as f64) > cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_may_take_what_the_object_costs_within_limits() {
        let settings = Settings::new("s", "unused");
        let first = |cost: Option<u64>, wait: Option<u64>| {
            let worth = Worth { cost: cost.map(Duration::from_millis), wait: wait.map(Duration::from_millis) };
            worth.first_byte(&settings).as_millis()
        };
        assert_eq!(first(None, None), 500);
        assert_eq!(first(Some(200), None), 200);
        assert_eq!(first(Some(5), None), 100);
        assert_eq!(first(Some(9000), None), 500);
        assert_eq!(first(Some(200), Some(50)), 50);
        assert_eq!(first(None, Some(9000)), 500);
    }
}

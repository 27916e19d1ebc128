//! The first local miss: read the heads, let the policy choose, load the sets.

use super::answer::Core;
use crate::model::UnixNanos;
use crate::remote::head::SetLine;
use crate::remote::set::{SET_MAX, WorkingSet};
use crate::remote::target::{Health, ReadError, Target, collect};
use crate::remote::{SetView, rule};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// Loading goes on behind the backs of the gets that no longer wait, since a session may be long; not for ever.
const LONGEST: Duration = Duration::from_secs(5);

/// Waits before the second and the third attempt.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(150)];

impl Core {
    /// Loads everything; afterwards every target that may be asked is `Good`.
    pub(super) async fn load(&self) {
        let lines = self.heads().await;
        let targets = self.shared().views();
        let now = UnixNanos::now();
        let views: Vec<SetView> = lines.iter().map(|(target, line)| rule::view(*target, line, now)).collect();
        if !views.is_empty() {
            let decided = self.shared().decide().open(&targets, &views);
            let chosen = decided.unwrap_or_else(|| rule::open(&self.shared().settings.stream, &views));
            let mut seen = HashSet::new();
            let sets: Vec<_> = chosen.into_iter().filter(|set| seen.insert(*set)).filter_map(|set| lines.get(set)).collect();
            self.wait_for_sets_of(sets.iter().map(|(target, _)| *target).collect());
            let loads = sets.iter().map(|(target, line)| async move { (*target, self.set(*target, line).await) });
            for (target, set) in futures::future::join_all(loads).await {
                if let Some(set) = set {
                    self.learn(target, set);
                }
            }
        }
        for target in self.shared().targets.iter().filter(|target| matches!(target.health(), Health::Good | Health::Empty)) {
            target.worked();
        }
    }

    /// The lines of all heads, newest first. A slow target holds back those that have answered for half of the time that gets wait.
    async fn heads(&self) -> Vec<(usize, SetLine)> {
        let start = Instant::now();
        let half = start + self.shared().settings.load / 2;
        let mut asked = HashSet::new();
        let mut heads = FuturesUnordered::new();
        for (number, target) in self.shared().targets.iter().enumerate().filter(|(_, target)| target.config().mode.reads()) {
            if target.admitted() {
                asked.insert(number);
                heads.push(async move { (number, head(target).await) });
            }
        }
        let mut lines = Vec::new();
        loop {
            let next = if lines.is_empty() { heads.next().await } else { timeout_at(half, heads.next()).await.unwrap_or(None) };
            let Some((number, found)) = next else { break };
            asked.remove(&number);
            lines.extend(found.into_iter().map(|line| (number, line)));
        }
        for number in asked {
            let target = &self.shared().targets[number];
            target.note(&format_args!("{}: no answer in time", target.namespace().head()));
            target.give_up();
        }
        lines.sort_by_key(|(_, line)| std::cmp::Reverse(line.time));
        lines
    }

    async fn set(&self, number: usize, line: &SetLine) -> Option<WorkingSet> {
        let target = &self.shared().targets[number];
        let key = target.namespace().set(line.set);
        let load = persist(target, async || {
            let fetched = target.engine().get(&key).await?;
            let bytes = collect(&key, fetched, SET_MAX, Some(self.shared().settings.stall)).await?;
            WorkingSet::decode(line.set, &bytes).map_err(|error| ReadError::Content { key: key.clone(), error })
        });
        match load.await {
            Ok(set) => Some(set),
            Err(error) => {
                target.note(&error);
                if matches!(error, ReadError::Stalled(_)) || error.may_pass() {
                    target.give_up();
                }
                None
            }
        }
    }
}

/// The lines of a target's head; its health is known afterwards.
async fn head(target: &Target) -> Vec<SetLine> {
    match persist(target, async || target.read_head().await).await {
        Ok(Some((head, _))) if !head.sets.is_empty() => {
            target.answered(Health::Good);
            head.sets
        }
        Ok(_) => {
            target.answered(Health::Empty);
            Vec::new()
        }
        Err(error) => {
            target.note(&error);
            target.give_up();
            Vec::new()
        }
    }
}

/// Up to three attempts where the trouble may pass, all in [`LONGEST`].
async fn persist<T>(target: &Target, attempt: impl AsyncFn() -> Result<T, ReadError>) -> Result<T, ReadError> {
    let attempts = async {
        for pause in BACK_OFF {
            match attempt().await {
                Err(error) if error.may_pass() && !target.breaker_open() => tokio::time::sleep(pause).await,
                done => return done,
            }
        }
        attempt().await
    };
    timeout(LONGEST, attempts).await.unwrap_or_else(|_| Err(ReadError::Stalled(target.namespace().name().to_owned())))
}

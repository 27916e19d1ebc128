//! The uploads to one target: how many at once, how much memory, how long without progress.

use super::{ShareJob, ShareReport, outgoing};
use crate::remote::Local;
use crate::remote::body::{BodyError, Packer};
use crate::remote::engine::{Condition, EngineError};
use crate::remote::record::{Group, Member};
use crate::remote::target::{Health, ReadError, Target};
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

/// Bodies beyond this go in parts.
const WHOLE_MAX: u64 = 4 << 20;

/// Bytes read, packed and not sent yet, all uploads to a target together.
const MEMORY: u64 = 32 << 20;

/// What an upload in parts may hold: a part and the one being sent.
const IN_PARTS: u64 = 16 << 20;

/// No upload of a target's ended for this long (and as long as the bytes themselves may take): it is in trouble.
const PATIENCE: Duration = Duration::from_secs(5);

/// The slowest line that is waited for, in bytes a second.
const SLOWEST: u64 = 128 << 10;

/// So many objects in trouble, each tried twice, and the target is left alone.
const TROUBLE_MAX: u32 = 3;

pub(super) struct Lane<'a> {
    pub number: usize,
    pub target: &'a Target,
    pub job: &'a ShareJob,
    report: &'a RefCell<ShareReport>,
    local: &'a dyn Local,
    /// The groups as this target gets them, with their numbers in the job.
    groups: Vec<(usize, Group)>,
    memory: Semaphore,
    progress: Cell<Instant>,
    troubles: Cell<u32>,
    stopped: Cell<bool>,
}

#[derive(Debug, thiserror::Error)]
enum UploadError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Body(#[from] BodyError),
}

impl<'a> Lane<'a> {
    pub(super) fn new(
        number: usize,
        target: &'a Target,
        local: &'a dyn Local,
        job: &'a ShareJob,
        report: &'a RefCell<ShareReport>,
    ) -> Self {
        let memory = Semaphore::new(MEMORY as usize >> 10);
        let progress = Cell::new(Instant::now());
        let (troubles, stopped) = (Cell::new(0), Cell::new(false));
        let mut lane = Self { number, target, job, report, local, groups: Vec::new(), memory, progress, troubles, stopped };
        for (group, shared) in job.groups.iter().enumerate() {
            match outgoing(target, local, &shared.group) {
                Ok(Some(out)) => lane.groups.push((group, out)),
                Ok(None) => {}
                Err(error) => lane.fail(&error),
            }
        }
        lane
    }

    /// Shares, then publishes.
    pub(super) async fn run(&self) {
        if !self.reachable().await {
            return;
        }
        if self.job.plan.share.contains(&self.number) {
            self.share().await;
        }
        for (_, name) in self.job.plan.publish.iter().filter(|(target, _)| *target == self.number) {
            if !self.stopped() {
                self.publish(name).await;
            }
        }
        if !self.stopped() {
            self.target.worked();
        }
    }

    /// Whether the target answers at all. The first question is a small one with a short limit, as a machine may be waiting.
    async fn reachable(&self) -> bool {
        if !self.target.admitted() || self.target.health() == Health::Trouble {
            self.fail(&"the store is in trouble and nothing was shared");
            return false;
        }
        if self.target.health() != Health::Unknown || !self.target.config().mode.reads() {
            return true;
        }
        let ticket = self.target.begin_wait();
        let limit = self.target.allowance();
        let read = timeout(limit, self.target.read_head()).await;
        let read = read.unwrap_or_else(|_| Err(ReadError::Stalled(self.target.namespace().head())));
        self.target.end_wait(&ticket, read.is_err());
        match read {
            Ok(head) => self.target.answered(if head.is_some() { Health::Good } else { Health::Empty }),
            // A head that makes no sense is replaced, since nobody can read it.
            Err(ReadError::Content { .. }) => {}
            Err(error) => self.stop(&error),
        }
        !self.stopped()
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = (usize, &Group)> {
        self.groups.iter().map(|(number, group)| (*number, group))
    }

    pub(super) fn knows(&self, group: usize) -> bool {
        self.report.borrow().known[group] & 1 << self.number != 0
    }

    /// Uploads a body; answers whether it is there now.
    pub(super) async fn body(&self, member: &Member) -> bool {
        let units = member.size.min(IN_PARTS).div_ceil(1024).max(1) as u32;
        let Ok(_permit) = self.memory.acquire_many(units).await else { return false };
        let key = self.target.namespace().body(member.output);
        let sent = if member.size > WHOLE_MAX {
            self.persist(async || self.in_parts(&key, member).await).await
        } else {
            self.persist(async || self.whole(&key, member).await).await
        };
        match sent {
            Some(wire) => {
                let mut report = self.report.borrow_mut();
                report.objects += 1;
                report.bytes += member.size;
                report.wire_bytes += wire;
                true
            }
            None => false,
        }
    }

    async fn whole(&self, key: &str, member: &Member) -> Result<u64, UploadError> {
        let mut packer = self.packer(member)?;
        let mut bytes = Vec::new();
        while let Some(part) = packer.part(usize::MAX).map_err(BodyError::Local)? {
            bytes = part;
        }
        packer.verify(member.output)?;
        let wire = bytes.len() as u64;
        self.hurry(key, wire, self.target.engine().put(key, bytes.into(), Condition::Always)).await?;
        Ok(wire)
    }

    async fn in_parts(&self, key: &str, member: &Member) -> Result<u64, UploadError> {
        let mut packer = self.packer(member)?;
        let mut upload = self.hurry(key, 0, self.target.engine().upload(key)).await?;
        let mut wire = 0;
        let sent = async {
            while let Some(part) = packer.part(1 << 20).map_err(BodyError::Local)? {
                wire += part.len() as u64;
                self.hurry(key, IN_PARTS, upload.part(part.into())).await?;
            }
            packer.verify(member.output)?;
            self.hurry(key, IN_PARTS, upload.complete()).await?;
            Ok(())
        };
        let sent: Result<(), UploadError> = sent.await;
        if sent.is_err() {
            // What cannot be taken back is an unfinished upload that nobody sees; a bucket's own rules remove those.
            let _ = self.hurry(key, 0, upload.abort()).await;
        }
        sent.map(|()| wire)
    }

    fn packer(&self, member: &Member) -> Result<Packer, BodyError> {
        Ok(Packer::new(self.local.open(member.output)?, member.size)?)
    }

    /// Writes the record of a group whose bodies are there.
    pub(super) async fn record(&self, group: usize, out: &Group) {
        let (Ok(bytes), Some(head)) = (out.encode(), out.head()) else { return };
        if self.put(&self.target.namespace().record(head), bytes.into()).await {
            let mut report = self.report.borrow_mut();
            report.records += 1;
            report.known[group] |= 1 << self.number;
        }
    }

    /// Writes a small object; answers whether it is there now.
    pub(super) async fn put(&self, key: &str, bytes: Bytes) -> bool {
        let put = async || {
            let put = self.target.engine().put(key, bytes.clone(), Condition::Always);
            Ok(self.hurry(key, bytes.len() as u64, put).await?)
        };
        self.persist(put).await.is_some()
    }

    /// Does it, twice if the first trouble may pass; counts what remains.
    async fn persist<T>(&self, attempt: impl AsyncFn() -> Result<T, UploadError>) -> Option<T> {
        for last in [false, true] {
            if self.stopped() {
                return None;
            }
            match attempt().await {
                Ok(done) => return Some(done),
                Err(UploadError::Engine(EngineError::Trouble { .. })) if !last => sleep(Duration::from_millis(200)).await,
                Err(UploadError::Body(error)) => {
                    self.fail(&error);
                    return None;
                }
                Err(error) => {
                    self.troubles.set(self.troubles.get() + 1);
                    let passing = matches!(error, UploadError::Engine(EngineError::Trouble { .. }));
                    if passing && self.troubles.get() < TROUBLE_MAX {
                        self.fail(&error);
                    } else {
                        self.stop(&error);
                    }
                    return None;
                }
            }
        }
        None
    }

    /// Waits for a request of `bytes` as long as anything moves in this lane.
    pub(super) async fn hurry<T>(
        &self,
        key: &str,
        bytes: u64,
        request: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        let begun = Instant::now();
        let own = PATIENCE + Duration::from_secs(bytes / SLOWEST);
        let mut request = std::pin::pin!(request);
        loop {
            if let Ok(done) = timeout(Duration::from_millis(500), request.as_mut()).await {
                self.progress.set(Instant::now());
                return done;
            }
            if self.progress.get().max(begun).elapsed() > own {
                return Err(EngineError::Trouble { key: key.to_owned(), reason: "no answer in time".to_owned() });
            }
        }
    }

    /// Something was not done.
    pub(super) fn fail(&self, error: &dyn std::fmt::Display) {
        let mut report = self.report.borrow_mut();
        report.complete = false;
        let name = &self.target.config().name;
        if report.errors.iter().all(|(store, _)| store != name) {
            report.errors.push((name.clone(), error.to_string()));
        }
    }

    /// Nothing more is done.
    pub(super) fn stop(&self, error: &dyn std::fmt::Display) {
        self.fail(error);
        self.target.note(error);
        self.stopped.set(true);
    }

    pub(super) fn stopped(&self) -> bool {
        self.stopped.get()
    }

    pub(super) fn published(&self) {
        self.report.borrow_mut().sets += 1;
    }
}

//! Sharing at close: what the session used and a target is not known to hold.
//!
//! Bodies go before the records that name them, records before the set, the set before the head: whatever is cut off, nothing
//! names what is not there. A target in trouble is left alone, and all of it ends at a deadline.

mod lane;
mod publish;

use super::body::{BodyError, read_small};
use super::record::{Group, INLINE_MAX, Member};
use super::target::Target;
use super::{ClosePlan, Local};
use crate::model::Digest;
use futures::StreamExt;
use lane::Lane;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

/// Requests under way to one target.
const IN_FLIGHT: usize = 64;

/// Groups whose bodies go out before their records do.
const BATCH: usize = 512;

/// A group that admission lets out.
#[derive(Clone, Debug)]
pub struct SharedGroup {
    /// Its members, the head first. Bodies are read from the local store; what stands here is not looked at.
    pub group: Group,
    /// Bit n: target n is known to hold all of it, as it is.
    pub known: u64,
}

/// What is to be shared, and where.
#[derive(Clone, Debug)]
pub struct ShareJob {
    /// The stream of this session.
    pub stream: String,
    /// What the session used, in the order of first use.
    pub groups: Vec<SharedGroup>,
    /// Where it goes. A published set names those of the groups that its target holds in the end.
    pub plan: ClosePlan,
    /// How long all of it may take.
    pub deadline: Duration,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShareReport {
    /// For each group of the job: bit n: target n is known to hold it now.
    pub known: Vec<u64>,
    /// Bodies uploaded.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their bytes on the wire.
    pub wire_bytes: u64,
    /// Records written.
    pub records: u64,
    /// Sets published.
    pub sets: u64,
    /// Whether everything was done that should have been.
    pub complete: bool,
    /// Store's name and what went wrong first, for those in which something did.
    pub errors: Vec<(String, String)>,
}

/// The stream as the name of a set: 1 to 200 characters of `A-Za-z0-9._/@=+-`.
pub(super) fn set_name(stream: &str) -> String {
    let name: String = stream.chars().map(|c| if is_name_character(c) { c } else { '-' }).take(200).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._/@=+-".contains(c)
}

/// Does the job.
pub(super) async fn run(targets: &[Target], local: &dyn Local, job: ShareJob) -> ShareReport {
    let known = job.groups.iter().map(|group| group.known).collect();
    let report = RefCell::new(ShareReport { known, complete: true, ..ShareReport::default() });
    let numbers: BTreeSet<usize> = job.plan.share.iter().copied().chain(job.plan.publish.iter().map(|(target, _)| *target)).collect();
    let lanes = numbers.into_iter().filter_map(|number| {
        let target = targets.get(number).filter(|target| target.config().mode.writes())?;
        Some(Lane::new(number, target, local, &job, &report))
    });
    let lanes: Vec<Lane> = lanes.collect();
    let all = futures::future::join_all(lanes.iter().map(Lane::run));
    if tokio::time::timeout(job.deadline, all).await.is_err() {
        report.borrow_mut().complete = false;
        for lane in &lanes {
            lane.fail(&"the time for sharing is over");
        }
    }
    report.into_inner()
}

/// The group as a target gets it: without what may not leave, and with small bodies inline. `None` if nothing is left of it.
fn outgoing(target: &Target, local: &dyn Local, group: &Group) -> Result<Option<Group>, BodyError> {
    let mut members = Vec::new();
    for (place, member) in group.members.iter().enumerate() {
        if !target.takes(member.kind) {
            if place == 0 {
                return Ok(None);
            }
            continue;
        }
        let mut member = member.clone();
        member.body = None;
        if member.size <= INLINE_MAX {
            let body = local.open(member.output).map_err(BodyError::Local).and_then(|file| read_small(file, member.output, member.size));
            match body {
                Ok(body) => member.body = Some(body),
                Err(error) if place == 0 => return Err(error),
                // A companion that was evicted or damaged stays behind.
                Err(_) => continue,
            }
        }
        members.push(member);
    }
    Ok((!members.is_empty()).then(|| Group { members, facts: group.facts.clone() }))
}

impl Lane<'_> {
    /// Uploads what the target is not known to hold.
    async fn share(&self) {
        let known = self.groups().filter(|(group, _)| self.knows(*group));
        let mut held: HashSet<Digest> = known.flat_map(|(_, out)| &out.members).map(|member| member.output).collect();
        let mut asked = held.clone();
        let missing: Vec<(usize, &Group)> = self.groups().filter(|(group, _)| !self.knows(*group)).collect();
        for batch in missing.chunks(BATCH) {
            let large = batch.iter().flat_map(|(_, out)| &out.members).filter(|member| member.body.is_none());
            let bodies: Vec<&Member> = large.filter(|member| asked.insert(member.output)).collect();
            let sent = futures::stream::iter(bodies).map(|member| async { self.body(member).await.then_some(member.output) });
            let sent: Vec<Option<Digest>> = sent.buffer_unordered(IN_FLIGHT).collect().await;
            held.extend(sent.into_iter().flatten());
            let whole = |out: &Group| out.members.iter().all(|member| member.body.is_some() || held.contains(&member.output));
            let records = batch.iter().filter(|(_, out)| whole(out));
            let records = futures::stream::iter(records).map(|(group, out)| self.record(*group, out));
            records.buffer_unordered(IN_FLIGHT).collect::<Vec<()>>().await;
            if self.stopped() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_stream_makes_a_name() {
        assert_eq!(set_name("go build ./… GOFLAGS=-x"), "go-build-./--GOFLAGS=-x");
        assert_eq!(set_name(""), "-");
        assert_eq!(set_name(&"ä".repeat(999)).len(), 200);
    }
}

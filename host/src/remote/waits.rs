//! How long was waited in vain: the union of wall time over concurrent waits, as two that overlap hold `go` back only once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A wait that has begun.
#[derive(Debug)]
pub(super) struct Ticket(u64);

/// The waits for one target, or for all of them.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// Disjoint stretches that were in vain, in order.
    vain: Vec<(Instant, Instant)>,
    pending: BTreeMap<u64, Instant>,
    next: u64,
}

impl Waits {
    pub(super) fn begin(&mut self, now: Instant) -> Ticket {
        self.next += 1;
        self.pending.insert(self.next, now);
        Ticket(self.next)
    }

    /// The wait is over; `vain` says whether anything came of it.
    pub(super) fn end(&mut self, ticket: &Ticket, now: Instant, vain: bool) {
        if let Some(start) = self.pending.remove(&ticket.0)
            && vain
        {
            self.add(start, now);
        }
    }

    /// Adds a stretch that was in vain.
    fn add(&mut self, mut start: Instant, mut end: Instant) {
        self.vain.retain(|&(from, to)| {
            let apart = to < start || end < from;
            if !apart {
                start = start.min(from);
                end = end.max(to);
            }
            apart
        });
        let place = self.vain.partition_point(|&(from, _)| from < start);
        self.vain.insert(place, (start, end));
    }

    /// Wall time waited in vain.
    pub(super) fn total(&self) -> Duration {
        self.vain.iter().map(|&(from, to)| to - from).sum()
    }

    /// The same if the waits that have not ended yet were in vain up to `now`, too: what a limit must be held against, or many
    /// staggered waits would run past it before the first of them ends.
    pub(super) fn at_worst(&self, now: Instant) -> Duration {
        let Some(&first) = self.pending.values().min() else { return self.total() };
        // Pending waits all reach up to now, so together they are the stretch since the first of them.
        let before: Duration = self.vain.iter().filter(|&&(from, _)| from < first).map(|&(from, to)| to.min(first) - from).sum();
        before + (now - first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_that_overlap_count_once() {
        let zero = Instant::now();
        let at = |ms| zero + Duration::from_millis(ms);
        let mut waits = Waits::default();
        let long = waits.begin(at(0));
        let short = waits.begin(at(80));
        waits.end(&short, at(100), true);
        assert_eq!(waits.total(), Duration::from_millis(20));
        assert_eq!(waits.at_worst(at(105)), Duration::from_millis(105));
        waits.end(&long, at(110), true);
        assert_eq!(waits.total(), Duration::from_millis(110));
        let good = waits.begin(at(200));
        waits.end(&good, at(300), false);
        let late = waits.begin(at(400));
        assert_eq!(waits.at_worst(at(450)), Duration::from_millis(160));
        waits.end(&late, at(450), true);
        assert_eq!(waits.total(), Duration::from_millis(160));
    }
}

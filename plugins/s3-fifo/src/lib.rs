//! A small queue for what is new, a main one for what proved useful, and a memory of what went too soon. See README.md.

mod ghosts;
mod queues;
mod tag;

use cachewit_guest::{ConfigError, Eviction, Policy, Rows, memory};
use ghosts::Ghosts;
use queues::{Item, Plan, in_order};
use tag::{Queue, Tag};

cachewit_guest::settings! {
    /// What the operator may set.
    pub struct Settings {
        /// The part of the store's bytes that the small queue may have, in hundredths.
        pub small_percent: u64 = 10,
        /// Uses after the first that lead from the small queue into the main one.
        pub promote_after: u32 = 2,
    }
}

/// Rows pulled at a time: one call may have the host copy 4 MiB.
const RUN: u32 = 4096;

/// The policy.
#[derive(Debug)]
pub struct S3Fifo {
    settings: Settings,
    scores: Vec<f64>,
    tags: Vec<u64>,
    ghosts: Ghosts,
}

impl Policy for S3Fifo {
    const NAME: &'static str = "s3-fifo";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, ConfigError> {
        if settings.small_percent > 100 {
            return Err(ConfigError::new("small-percent", "a part of the store has at most 100 hundredths"));
        }
        if settings.promote_after > u32::from(Tag::MOST_USES) {
            return Err(ConfigError::new("promote-after", format_args!("uses are counted up to {}", Tag::MOST_USES)));
        }
        Ok(Self { settings, scores: Vec::new(), tags: Vec::new(), ghosts: Ghosts::default() })
    }
}

impl Eviction for S3Fifo {
    fn begin(&mut self, rows: &dyn Rows) {
        self.ghosts = Ghosts::read(&memory::load());
        let items = self.items(rows);
        let plan = Plan::new(&items, &self.settings, rows.wanted());
        self.scores = vec![0.0; items.len()];
        for (place, row) in plan.order.iter().enumerate() {
            self.scores[*row] = place as f64;
        }
        self.tags = plan.tags.iter().map(|tag| tag.word()).collect();
        self.ghosts.add(plan.forgotten.iter().map(|row| items[*row].key), plan.main_rows);
    }

    fn score(&mut self, _: &dyn Rows, first: u32, count: u32) -> Vec<f64> {
        let first = first as usize;
        self.scores[first..first + count as usize].to_vec()
    }

    fn end(&mut self, rows: &dyn Rows) {
        let mut first = 0;
        for run in self.tags.chunks(RUN as usize) {
            rows.set_tags(first, run);
            first += run.len() as u32;
        }
        memory::save(&self.ghosts.bytes());
    }
}

impl S3Fifo {
    /// All rows with what the policy knows of them; those that it never saw are given a queue and a place in it.
    fn items(&mut self, rows: &dyn Rows) -> Vec<Item> {
        let mut items = Vec::with_capacity(rows.len() as usize);
        let mut first = 0;
        while first < rows.len() {
            let count = RUN.min(rows.len() - first);
            let (keys, sizes, uses) = (rows.keys(first, count), rows.sizes(first, count), rows.uses(first, count));
            let (ages, ranks) = (rows.ages(first, count), rows.ranks(first, count));
            let (marks, tags) = (rows.marks(first, count), rows.tags(first, count));
            for row in 0..count as usize {
                let tag = Tag::of(tags[row]).used(uses[row]);
                items.push(Item { key: keys[row], size: sizes[row], age: ages[row], rank: ranks[row], held: marks[row] & 1 != 0, tag });
            }
            first += count;
        }
        // As they came: what was put first stands in front, and of what was put in the same second what was used first.
        let came = |item: &Item| u64::from(u32::MAX - item.age) << 32 | u64::from(item.rank);
        let new = (0..items.len()).filter(|row| items[*row].tag.queue == Queue::None);
        let new = in_order(new.map(|row| (came(&items[row]), row)).collect());
        let place = items.iter().map(|item| item.tag.place + 1).max().unwrap_or(0);
        for (place, (_, row)) in (place..).zip(new) {
            let queue = if self.ghosts.take(items[row].key) { Queue::Main } else { Queue::Small };
            items[row].tag.enter(queue, place);
        }
        items
    }
}

cachewit_guest::export!(S3Fifo: eviction);

#[cfg(test)]
mod tests;

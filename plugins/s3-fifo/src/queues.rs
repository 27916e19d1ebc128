//! The two queues of one trim, played to their end.

use crate::Settings;
use crate::tag::{Queue, Tag};
use std::collections::VecDeque;

/// A row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub key: u64,
    pub size: u64,
    pub age: u32,
    pub rank: u32,
    /// It will not go in this trim, whatever its score.
    pub held: bool,
    pub tag: Tag,
}

/// What is to become of the rows.
pub(crate) struct Plan {
    /// Rows, the first to go first.
    pub order: Vec<usize>,
    /// Tags as they are when as much has gone as must.
    pub tags: Vec<Tag>,
    /// Rows that go out of the small queue until then.
    pub forgotten: Vec<usize>,
    /// Rows in the main queue then.
    pub main_rows: usize,
}

impl Plan {
    pub fn new(items: &[Item], settings: &Settings, wanted: u64) -> Self {
        let mut state = State::new(items, settings);
        let (mut order, mut forgotten) = (Vec::with_capacity(items.len()), Vec::new());
        let mut gone = 0_u64;
        let mut then = None;
        loop {
            if gone >= wanted && then.is_none() {
                then = Some((state.tags.clone(), state.main.len()));
            }
            let Some((row, queue)) = state.evict() else { break };
            order.push(row);
            gone = gone.saturating_add(items[row].size);
            if then.is_none() && queue == Queue::Small {
                forgotten.push(row);
            }
        }
        let (tags, main_rows) = then.unwrap_or_else(|| (state.tags.clone(), state.main.len()));
        order.extend((0..items.len()).filter(|row| items[*row].held));
        Self { order, tags, forgotten, main_rows }
    }
}

/// Sorts numbers by what stands before them. The one sort of this policy: each that the compiler makes for another type is four kilobytes of
/// the component.
pub(crate) fn in_order(mut pairs: Vec<(u64, usize)>) -> Vec<(u64, usize)> {
    pairs.sort_unstable();
    pairs
}

struct State<'a> {
    items: &'a [Item],
    settings: &'a Settings,
    tags: Vec<Tag>,
    small: VecDeque<usize>,
    main: VecDeque<usize>,
    small_bytes: u64,
    bytes: u64,
    next_place: u64,
}

impl<'a> State<'a> {
    fn new(items: &'a [Item], settings: &'a Settings) -> Self {
        let queue = |queue: Queue| {
            let rows = (0..items.len()).filter(|row| items[*row].tag.queue == queue && !items[*row].held);
            let rows = in_order(rows.map(|row| (items[row].tag.place, row)).collect());
            rows.into_iter().map(|(_, row)| row).collect::<VecDeque<usize>>()
        };
        let (small, main) = (queue(Queue::Small), queue(Queue::Main));
        let bytes = |rows: &VecDeque<usize>| rows.iter().fold(0_u64, |sum, row| sum.saturating_add(items[*row].size));
        Self {
            items,
            settings,
            tags: items.iter().map(|item| item.tag).collect(),
            small_bytes: bytes(&small),
            bytes: bytes(&small).saturating_add(bytes(&main)),
            small,
            main,
            next_place: items.iter().map(|item| item.tag.place + 1).max().unwrap_or(0),
        }
    }

    /// Takes the next row out, and says of which queue. Ends, since a row is promoted once and spared as often as it was used.
    fn evict(&mut self) -> Option<(usize, Queue)> {
        loop {
            let share = u128::from(self.bytes) * u128::from(self.settings.small_percent) / 100;
            let from_small = !self.small.is_empty() && (self.main.is_empty() || u128::from(self.small_bytes) > share);
            let row = if from_small { self.small.pop_front() } else { self.main.pop_front() }?;
            let size = self.items[row].size;
            if from_small {
                self.small_bytes = self.small_bytes.saturating_sub(size);
                if u32::from(self.tags[row].uses) >= self.settings.promote_after {
                    self.tags[row].uses = 0;
                    self.enter_main(row);
                    continue;
                }
            } else if self.tags[row].uses > 0 {
                self.tags[row].uses -= 1;
                self.enter_main(row);
                continue;
            }
            self.bytes = self.bytes.saturating_sub(size);
            return Some((row, if from_small { Queue::Small } else { Queue::Main }));
        }
    }

    fn enter_main(&mut self, row: usize) {
        self.tags[row].enter(Queue::Main, self.next_place);
        self.next_place += 1;
        self.main.push_back(row);
    }
}

//! Keys of groups that went out of the small queue: one that is made again was worth keeping, and enters the main queue at once.

use crate::queues::in_order;
use cachewit_guest::memory;

/// The most keys that can be remembered.
const MOST: usize = memory::MOST_BYTES / size_of::<u64>();

/// The keys.
#[derive(Debug, Default)]
pub(crate) struct Ghosts {
    /// The oldest first; none where it was taken.
    keys: Vec<Option<u64>>,
    /// Their numbers in `keys`, by key.
    known: Vec<(u64, usize)>,
}

impl Ghosts {
    /// Reads what [`Ghosts::bytes`] wrote; of anything else what can be read as keys, which match nothing.
    pub fn read(bytes: &[u8]) -> Self {
        let words = bytes.chunks_exact(size_of::<u64>()).take(MOST);
        let keys: Vec<Option<u64>> = words.map(|word| word.try_into().ok().map(u64::from_le_bytes)).collect();
        let known = in_order(keys.iter().enumerate().filter_map(|(number, key)| Some(((*key)?, number))).collect());
        Self { keys, known }
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.keys.iter().flatten().flat_map(|key| key.to_le_bytes()).collect()
    }

    /// Whether the key was there; it is not any more.
    pub fn take(&mut self, key: u64) -> bool {
        let Ok(found) = self.known.binary_search_by(|(known, _)| known.cmp(&key)) else { return false };
        let number = self.known[found].1;
        self.keys[number].take().is_some()
    }

    /// Remembers more, and of all as many as the main queue has rows, the latest.
    pub fn add(&mut self, keys: impl Iterator<Item = u64>, main_rows: usize) {
        self.keys.retain(Option::is_some);
        self.keys.extend(keys.map(Some));
        let surplus = self.keys.len().saturating_sub(main_rows.min(MOST));
        self.keys.drain(..surplus);
    }
}

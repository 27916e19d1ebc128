//! What the policy writes down with each row: its queue, its place there, and its uses.

/// Where a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    /// The policy has not seen it yet.
    None,
    Small,
    Main,
}

/// A row's tag. As a word: 2 bits of queue, 2 of uses, 16 of sessions, 44 of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub queue: Queue,
    /// Uses since it came into its queue, or since it was last spared; at most [`Tag::MOST_USES`].
    pub uses: u8,
    /// The count of sessions that used it, as last seen, of which the lowest bits suffice for a difference.
    sessions: u16,
    /// Rows of a queue go in ascending order.
    pub place: u64,
}

impl Tag {
    pub const MOST_USES: u8 = 3;

    pub fn of(word: u64) -> Self {
        let queue = match word & 3 {
            1 => Queue::Small,
            2 => Queue::Main,
            _ => Queue::None,
        };
        Self { queue, uses: (word >> 2 & 3) as u8, sessions: (word >> 4) as u16, place: word >> 20 }
    }

    pub fn word(self) -> u64 {
        let queue = match self.queue {
            Queue::None => 0,
            Queue::Small => 1,
            Queue::Main => 2,
        };
        queue | u64::from(self.uses) << 2 | u64::from(self.sessions) << 4 | self.place << 20
    }

    /// The same after all sessions that have used it so far. The first of them made it, and is no use.
    pub fn used(self, sessions: u32) -> Self {
        let before = if self.queue == Queue::None { 1 } else { self.sessions };
        let more = (sessions as u16).wrapping_sub(before);
        // A count that went back is that of a row that was put anew.
        let more = if more > u16::MAX / 2 { 0 } else { more };
        let uses = (u16::from(self.uses) + more.min(u16::from(Self::MOST_USES))).min(u16::from(Self::MOST_USES)) as u8;
        Self { uses, sessions: sessions as u16, ..self }
    }

    /// Goes to the end of a queue.
    pub fn enter(&mut self, queue: Queue, place: u64) {
        self.queue = queue;
        self.place = place;
    }
}

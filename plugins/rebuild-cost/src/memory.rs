//! What is remembered of a group from trim to trim, in its tag: which streams have used it, and which of them have passed it over since.
//!
//! The idle runs that a trim says are the least over all streams. After the build of a new version they are 0 for the old one as well,
//! since the last vet used that; only the memory tells that the builds, who had used it, are done with it.

use cachewit_guest::Rows;

/// How many streams are told apart; two with the same place are taken for one.
const PLACES: u32 = 32;

/// Rows pulled at a time.
const RUN: u32 = 4096;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// A bit a stream that has used it.
    used: u32,
    /// Of these, those whose last session did not.
    passed: u32,
}

impl Memory {
    /// From a group's word. A new group has none.
    pub fn from_tag(tag: u64) -> Self {
        let used = tag as u32;
        Self { used, passed: (tag >> 32) as u32 & used }
    }

    /// As a word.
    pub fn tag(self) -> u64 {
        u64::from(self.passed) << 32 | u64::from(self.used)
    }

    /// What is known now that a session of `last` has ended, if `stream` used the group last.
    #[must_use]
    pub fn after(self, last: u32, stream: u32, idle_runs: u32) -> Self {
        let Self { mut used, mut passed } = self;
        used |= place(stream);
        // Whatever the last session used says so; that it was an earlier one of its stream, only the idle runs tell.
        if stream == last && idle_runs == 0 {
            passed &= !place(last);
        } else {
            passed |= place(last) & used;
        }
        Self { used, passed }
    }

    /// Streams that use it.
    pub fn users(self) -> u32 {
        (self.used & !self.passed).count_ones()
    }

    /// Whether no other stream than this one uses it.
    pub fn is_used_by_none_but(self, stream: u32) -> bool {
        self.used & !self.passed == place(stream) && stream != 0
    }

    /// Streams that used it and do not any more.
    pub fn passed_over(self) -> u32 {
        self.passed.count_ones()
    }
}

/// The bit of a stream; none of an unknown one.
fn place(stream: u32) -> u32 {
    if stream == 0 { 0 } else { 1 << (stream % PLACES) }
}

/// The stream whose session ended last: the one that used what was used last. 0 = unknown.
pub fn last_stream(rows: &dyn Rows) -> u32 {
    let mut newest: Option<(u32, u32)> = None;
    let mut first = 0;
    while first < rows.len() {
        let count = RUN.min(rows.len() - first);
        let run = rows.ranks(first, count).into_iter().zip(rows.streams(first, count));
        newest = run.chain(newest).max_by_key(|(rank, _)| *rank);
        first += count;
    }
    newest.map_or(0, |(_, stream)| stream)
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn a_stream_passes_over_what_it_had_used_and_nothing_else() {
        let built = Memory::default().after(1, 1, 0);
        assert_eq!((built.users(), built.passed_over()), (1, 0));
        let vetted = built.after(2, 2, 0);
        assert_eq!((vetted.users(), vetted.passed_over()), (2, 0));
        // The next build does not use it, and the vet before did.
        let passed = vetted.after(1, 2, 0);
        assert_eq!((passed.users(), passed.passed_over()), (1, 1));
        assert_eq!(passed.after(3, 2, 0), passed, "a stream that never used it says nothing");
        assert_eq!(passed.after(1, 1, 0), vetted, "used again");
        assert_eq!(passed.after(2, 2, 1).passed_over(), 2, "the last user is not the last session");
        assert_eq!(Memory::from_tag(passed.tag()), passed);
        assert_eq!(Memory::from_tag(u64::MAX << 32), Memory::default(), "nobody passes over what he never used");
    }

    #[test]
    fn a_group_that_nobody_is_known_to_have_used_stays_unknown() {
        assert_eq!(Memory::default().after(0, 0, u32::MAX), Memory::default());
        assert_eq!(Memory::default().after(5, 0, u32::MAX), Memory::default());
    }
}

//! What may stay here and what may leave.

use crate::{Digest, Fact, Kind, Origin, Session, Trust};
use std::time::Duration;

/// The group that is being asked about. Each question costs a call of about 50 ns; [`Group::fact`] may cost a file read.
pub trait Group {
    /// What the head is.
    fn kind(&self) -> Kind;
    /// Bytes of all its objects.
    fn size(&self) -> u64;
    /// Bytes of those objects that no other group needs.
    fn own_size(&self) -> u64;
    /// How many actions it has, the head included.
    fn members(&self) -> u32;
    /// How long `go` took to make it. None = never observed, which is not "free".
    fn cost(&self) -> Option<Duration>;
    /// Where it came from.
    fn origin(&self) -> Origin;
    /// How long ago `go` last put it.
    fn age(&self) -> Duration;
    /// How far its origin is trusted.
    fn trust(&self) -> Trust;
    /// What the archive says of itself: `import-path`, `toolchain`, `goos`, `goarch`, `experiments`.
    fn fact(&self, key: &str) -> Fact;
    /// The head's action ID.
    fn action(&self) -> Digest;
    /// The head's output ID.
    fn output(&self) -> Digest;
}

/// The answer of an admission policy: for each question yes, no, or no opinion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admit {
    /// May it stay in the local store?
    pub keep: Option<bool>,
    /// May it leave this machine?
    pub share: Option<bool>,
}

impl Admit {
    /// No opinion on anything.
    pub const NO_OPINION: Self = Self { keep: None, share: None };

    /// The same, with a word on keeping.
    #[must_use]
    pub const fn keep(self, yes: bool) -> Self {
        Self { keep: Some(yes), ..self }
    }

    /// The same, with a word on sharing.
    #[must_use]
    pub const fn share(self, yes: bool) -> Self {
        Self { share: Some(yes), ..self }
    }

    /// The contract's bits.
    pub const fn bits(self) -> u32 {
        const fn bit(answer: Option<bool>, yes: u32, no: u32) -> u32 {
            match answer {
                None => 0,
                Some(true) => yes,
                Some(false) => no,
            }
        }
        bit(self.keep, 1, 2) | bit(self.share, 4, 8)
    }

    /// Reads the contract's bits: both of a pair is "no", bits it does not know are ignored.
    pub const fn from_bits(bits: u32) -> Self {
        const fn pair(bits: u32) -> Option<bool> {
            match bits & 3 {
                0 => None,
                1 => Some(true),
                _ => Some(false),
            }
        }
        Self { keep: pair(bits), share: pair(bits >> 2) }
    }
}

/// Decides what may stay in the local store and what may leave this machine.
pub trait Admission {
    /// Asked once a group, behind `go`'s back.
    fn admit(&mut self, group: &dyn Group, session: &dyn Session) -> Admit;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_survive_the_round_trip_and_both_of_a_pair_is_no() {
        for keep in [None, Some(true), Some(false)] {
            for share in [None, Some(true), Some(false)] {
                let admit = Admit { keep, share };
                assert_eq!(Admit::from_bits(admit.bits()), admit);
            }
        }
        assert_eq!(Admit::from_bits(0b1111), Admit::NO_OPINION.keep(false).share(false));
        assert_eq!(Admit::from_bits(0xffff_fff0), Admit::NO_OPINION);
    }
}

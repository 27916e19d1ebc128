//! A set of origins.

use crate::model::Origin;

/// Where hits come from about which somebody has a say, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origins(u8);

impl Origins {
    /// Wherever a hit may come from.
    pub const ALL: Self = Self(0b1111);

    /// The set of these bits; what is no origin is left out.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// A bit an origin.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether there is none in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this one is.
    pub fn has(self, origin: Origin) -> bool {
        self.0 & Self::of(origin).0 != 0
    }

    /// What is in either.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// All that are not in it.
    #[must_use]
    pub fn others(self) -> Self {
        Self::from_bits(!self.0)
    }

    /// This one alone.
    pub fn of(origin: Origin) -> Self {
        Self(1 << origin as u8)
    }
}

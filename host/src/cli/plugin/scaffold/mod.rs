//! What a new policy consists of, in the languages that there are.

pub(super) mod golang;
pub(super) mod rust;

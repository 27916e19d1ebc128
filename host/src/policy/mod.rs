//! Who decides: the shipped policies.

pub mod shipped;

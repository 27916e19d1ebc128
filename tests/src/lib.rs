//! What the tests of cachewit share.

pub mod client;
pub mod go;

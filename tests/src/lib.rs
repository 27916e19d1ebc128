//! What the tests of cachewit share.

pub mod go;

//! What the tests of cachewit share.

pub mod go;
pub mod guest;
pub mod s3;
pub mod script;

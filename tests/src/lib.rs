//! What the tests share: a real `go`, a real S3 server, and a client that speaks the protocol byte for byte.

pub mod client;
pub mod go;
pub mod s3;

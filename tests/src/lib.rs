//! What the tests share: a real `go`, a real S3 server, clients that speak the protocol, and components made for a test.

pub mod bucket;
pub mod client;
pub mod go;
pub mod guest;
pub mod s3;
pub mod script;
pub mod stored;

//! Remote engines behind one trait, and what can go wrong with them in the words that decisions are made by.

mod dal;
mod folder;
mod s3;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use std::path::PathBuf;

/// Why a store did not do what it was asked for. No message holds a credential, a header or a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// There is no such object.
    #[error("{key} is not there")]
    NotFound {
        /// The key that was asked for.
        key: String,
    },
    /// The credential does not reach that far, or there is none.
    #[error("access to {key} was denied")]
    Denied {
        /// The key that was asked for.
        key: String,
    },
    /// Somebody else wrote between; only of conditional writes.
    #[error("{key} was written by somebody else")]
    Conflict {
        /// The key that was to be written.
        key: String,
    },
    /// Trouble that may pass: network, overload, time.
    #[error("{key}: {reason}")]
    Trouble {
        /// The key that was asked for.
        key: String,
        /// What happened, in a few words.
        reason: String,
    },
    /// Trouble that does not pass by itself: a configuration that cannot work, an answer that makes no sense.
    #[error("{key}: {reason}")]
    Broken {
        /// The key that was asked for.
        key: String,
        /// What happened, in a few words.
        reason: String,
    },
}

/// An object on its way here.
pub struct Fetched {
    /// The engine's version mark of it, for a conditional write. Only small objects that came whole are sure to have one.
    pub etag: Option<String>,
    /// The bytes as they come.
    pub chunks: BoxStream<'static, Result<Bytes, EngineError>>,
}

/// On which condition an object is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// None.
    Always,
    /// If there is no such object.
    Absent,
    /// If it still is this version.
    Unchanged(String),
}

/// An object on its way there, in parts. It appears whole at [`Upload::complete`] or not at all.
pub trait Upload: Send {
    /// Adds bytes.
    fn part(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), EngineError>>;
    /// Makes the object appear.
    fn complete(&mut self) -> BoxFuture<'_, Result<(), EngineError>>;
    /// Takes it back.
    fn abort(&mut self) -> BoxFuture<'_, Result<(), EngineError>>;
}

/// A remote engine. Nothing is opened, looked up or sent before the first call that returns a future.
pub trait Engine: Send + Sync {
    /// `s3`, `fs`.
    fn name(&self) -> &'static str;
    /// Starts to read an object; done when its first bytes are here.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Fetched, EngineError>>;
    /// Writes an object whole.
    fn put<'a>(&'a self, key: &'a str, bytes: Bytes, condition: Condition) -> BoxFuture<'a, Result<(), EngineError>>;
    /// Starts to write an object in parts.
    fn upload<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Box<dyn Upload>, EngineError>>;
    /// Whether it says that it checks a condition of this kind. Compatibles may say so and not do it.
    fn checks(&self, condition: &Condition) -> bool;
}

/// What kind of store, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// S3 or a compatible. Credentials come from the usual AWS chain: environment, profile, web identity, container, instance.
    S3 {
        /// The bucket.
        bucket: String,
        /// The region that requests are signed for; `None` = `AWS_REGION`, or `us-east-1` where an endpoint is named.
        region: Option<String>,
        /// `https://host:port` of a compatible; `None` = `AWS_ENDPOINT_URL` or AWS itself.
        endpoint: Option<String>,
        /// The bucket stands in the path and not in the host name.
        path_style: bool,
        /// A folder in the bucket below which everything lies; may be empty.
        prefix: String,
    },
    /// A local folder, or one that other machines mount.
    Folder {
        /// The folder; made when something is written.
        path: PathBuf,
    },
}

impl StoreKind {
    /// The engine of this store; opens nothing.
    pub fn engine(&self) -> Box<dyn Engine> {
        match self {
            Self::S3 { bucket, region, endpoint, path_style, prefix } => {
                let (region, endpoint) = (region.as_deref(), endpoint.as_deref());
                Box::new(dal::Dal::new("s3", s3::builder(bucket, region, endpoint, *path_style, prefix)))
            }
            Self::Folder { path } => Box::new(dal::Dal::new("fs", folder::builder(path))),
        }
    }
}

//! Any engine of `OpenDAL`'s, and its errors in our words.

use super::{Condition, Engine, EngineError, Fetched, Upload};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use opendal::options::WriteOptions;
use opendal::{Error, ErrorKind, Operator, Writer};
use std::error::Error as _;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Opens the store; called at its first use.
pub(super) type Open = Box<dyn FnOnce() -> opendal::Result<Operator> + Send>;

/// Parts of an upload that is not made whole. S3 wants 5 MiB at least.
const PART: usize = 8 << 20;

pub(super) struct Dal {
    name: &'static str,
    open: Mutex<Option<Open>>,
    operator: OnceLock<Result<Operator, EngineError>>,
}

impl Dal {
    pub(super) fn new(name: &'static str, open: Open) -> Self {
        Self { name, open: Mutex::new(Some(open)), operator: OnceLock::new() }
    }

    fn operator(&self, key: &str) -> Result<&Operator, EngineError> {
        let open = || match self.open.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(open) => open().map_err(|error| judge(key, &error)),
            None => Err(EngineError::Broken { key: key.to_owned(), reason: "the store could not be opened".to_owned() }),
        };
        self.operator.get_or_init(open).as_ref().map_err(Clone::clone)
    }
}

impl Engine for Dal {
    fn name(&self) -> &'static str {
        self.name
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Fetched, EngineError>> {
        async move {
            let fail = |error: Error| judge(key, &error);
            let reader = self.operator(key)?.reader(key).await.map_err(fail)?;
            let mut stream = reader.into_stream(..).await.map_err(fail)?;
            let first = stream.next().await.transpose().map_err(fail)?;
            // Folders have no version marks; the answer is in memory by now, so this asks nobody.
            let etag = stream.metadata().await.ok().and_then(|metadata| metadata.etag().map(str::to_owned));
            let key = key.to_owned();
            let rest = stream.map(move |chunk| chunk.map_err(|error| judge(&key, &error)));
            let chunks = futures::stream::iter(first.map(Ok)).chain(rest).map(|chunk| chunk.map(|buffer| buffer.to_bytes()));
            Ok(Fetched { etag, chunks: chunks.boxed() })
        }
        .boxed()
    }

    fn put<'a>(&'a self, key: &'a str, bytes: Bytes, condition: Condition) -> BoxFuture<'a, Result<(), EngineError>> {
        async move {
            let mut options = WriteOptions::default();
            match condition {
                Condition::Always => {}
                Condition::Absent => options.if_not_exists = true,
                Condition::Unchanged(etag) => options.if_match = Some(etag),
            }
            let written = self.operator(key)?.write_options(key, bytes, options).await;
            written.map(drop).map_err(|error| judge(key, &error))
        }
        .boxed()
    }

    fn upload<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Box<dyn Upload>, EngineError>> {
        async move {
            let options = WriteOptions { chunk: Some(PART), ..WriteOptions::default() };
            let writer = self.operator(key)?.writer_options(key, options).await.map_err(|error| judge(key, &error))?;
            Ok(Box::new(Parts { key: key.to_owned(), writer }) as Box<dyn Upload>)
        }
        .boxed()
    }

    fn checks(&self, condition: &Condition) -> bool {
        let Some(Ok(operator)) = self.operator.get() else { return false };
        let can = operator.info().capability();
        match condition {
            Condition::Always => true,
            Condition::Absent => can.write_with_if_not_exists,
            Condition::Unchanged(_) => can.write_with_if_match,
        }
    }
}

struct Parts {
    key: String,
    writer: Writer,
}

impl Upload for Parts {
    fn part(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), EngineError>> {
        async move { self.writer.write(bytes).await.map_err(|error| judge(&self.key, &error)) }.boxed()
    }

    fn complete(&mut self) -> BoxFuture<'_, Result<(), EngineError>> {
        async move { self.writer.close().await.map(drop).map_err(|error| judge(&self.key, &error)) }.boxed()
    }

    fn abort(&mut self) -> BoxFuture<'_, Result<(), EngineError>> {
        async move { self.writer.abort().await.map_err(|error| judge(&self.key, &error)) }.boxed()
    }
}

/// The error in our words. `OpenDAL`'s own text is never passed on: it holds URLs, headers and whatever the server chose to say.
fn judge(key: &str, error: &Error) -> EngineError {
    let key = key.to_owned();
    match error.kind() {
        ErrorKind::NotFound => EngineError::NotFound { key },
        ErrorKind::PermissionDenied => EngineError::Denied { key },
        ErrorKind::ConditionNotMatch | ErrorKind::Conflict | ErrorKind::AlreadyExists => EngineError::Conflict { key },
        ErrorKind::RateLimited => EngineError::Trouble { key, reason: "the store asks for fewer requests".to_owned() },
        ErrorKind::ConfigInvalid => EngineError::Broken { key, reason: "the store's configuration cannot work".to_owned() },
        ErrorKind::Unsupported => EngineError::Broken { key, reason: "the store cannot do that".to_owned() },
        _ if error.is_temporary() => EngineError::Trouble { key, reason: cause(error) },
        _ => EngineError::Broken { key, reason: cause(error) },
    }
}

/// What lies at the bottom of an unexpected error, if it is of a kind whose text is known to be harmless.
fn cause(error: &Error) -> String {
    let mut deepest = error.source();
    while let Some(deeper) = deepest.and_then(std::error::Error::source) {
        deepest = Some(deeper);
    }
    match deepest.and_then(|deepest| deepest.downcast_ref::<std::io::Error>()) {
        Some(io) => io.kind().to_string(),
        None if error.message().contains("send http request") => "the request could not be sent".to_owned(),
        None => "the store answered with an error".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_the_stores_own_reaches_a_message() {
        let kinds = [ErrorKind::Unexpected, ErrorKind::PermissionDenied, ErrorKind::ConfigInvalid, ErrorKind::Unsupported];
        for kind in kinds {
            for error in [Error::new(kind, "X-Amz-Signature=s3cret"), Error::new(kind, "s3cret").set_temporary()] {
                let error = error.with_context("url", "https://user:s3cret@host/").set_source(std::io::Error::other("s3cret"));
                let told = judge("v1/main/head", &error).to_string();
                assert!(!told.contains("s3cret") && told.contains("v1/main/head"), "{told}");
            }
        }
    }

    #[test]
    fn trouble_that_may_pass_is_told_from_trouble_that_does_not() {
        let passing = Error::new(ErrorKind::Unexpected, "503").set_temporary();
        assert!(matches!(judge("k", &passing), EngineError::Trouble { .. }));
        assert!(matches!(judge("k", &Error::new(ErrorKind::Unexpected, "400")), EngineError::Broken { .. }));
        assert!(matches!(judge("k", &Error::new(ErrorKind::NotFound, "")), EngineError::NotFound { .. }));
    }
}

//! Sizes and durations as people write them.

use std::time::Duration;

/// Bytes from a text such as `20GiB`, `500 MB` or `4096`.
pub fn parse_size(text: &str) -> Result<u64, String> {
    text.parse::<bytesize::ByteSize>()
        .map(|size| size.as_u64())
        .map_err(|_| format!("`{text}` is no size; write one such as \"20GiB\", \"500MB\" or \"4096\""))
}

/// A duration from a text such as `10m`, `1h 30m` or `500ms`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| format!("`{text}` is no duration; write one such as \"10m\", \"90s\" or \"500ms\""))
}

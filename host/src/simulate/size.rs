//! How large a simulated store may be: bytes, or a multiple of what is used.

use crate::config::parse_size;
use std::fmt;
use std::str::FromStr;

/// The most that a multiple may be. Any store that large holds everything.
const MOST: f64 = 1e6;

/// A limit as people write it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StoreSize {
    /// `2GiB`.
    Bytes(u64),
    /// `0.8x`: that much of the working set.
    Relative(f64),
}

impl StoreSize {
    /// In bytes, where the working set has so many.
    pub fn bytes(self, working_set: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Relative(part) => (part * working_set as f64).round() as u64,
        }
    }
}

impl FromStr for StoreSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no size; write one such as \"2GiB\", or \"1.25x\" for a multiple of the working set");
        let size = match text.strip_suffix('x') {
            Some(part) => Self::Relative(part.parse().ok().filter(|part| (0.0..=MOST).contains(part)).ok_or_else(wrong)?),
            None => Self::Bytes(parse_size(text).map_err(|_| wrong())?),
        };
        if matches!(size, Self::Bytes(0)) || size == Self::Relative(0.0) {
            return Err(format!("`{text}` is no size for a store: it would hold nothing"));
        }
        Ok(size)
    }
}

impl fmt::Display for StoreSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => bytesize::ByteSize(*bytes).fmt(f),
            Self::Relative(part) => write!(f, "{part}x"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::StoreSize;

    #[test]
    fn sizes_are_bytes_or_multiples_of_the_working_set() {
        let bytes = |text: &str| text.parse::<StoreSize>().map(|size| size.bytes(1000));
        assert_eq!((bytes("2KiB"), bytes("0.8x"), bytes("1.25x"), bytes("4096")), (Ok(2048), Ok(800), Ok(1250), Ok(4096)));
        for wrong in ["", "x", "-1x", "NaNx", "infx", "0x", "0", "12 parsecs", "1e9x"] {
            assert!(bytes(wrong).unwrap_err().contains("no size"), "{wrong}");
        }
    }
}

//! Plain data that every room knows.

mod columns;

pub use columns::{EventCode, EventColumns, EventRow, TrimColumns, TrimReason, UNKNOWN_COST};

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 32 bytes: Go's `ActionID` (cache key) or `OutputID` (SHA-256 of the body).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// SHA-256 of nothing: the output of a quarter of all puts.
    pub const EMPTY: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
        0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// From a slice of exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From 64 hexadecimal digits of either case.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = (high << 4 | low) as u8;
        }
        Some(Self(bytes))
    }

    /// 64 lower-case hexadecimal digits.
    pub fn to_hex(self) -> String {
        self.hex(str::to_owned)
    }

    /// Hands out 64 lower-case hexadecimal digits without an allocation. Every answer has some, so this is no `write!`.
    pub fn hex<T>(self, use_it: impl FnOnce(&str) -> T) -> T {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        // Digits are text.
        use_it(std::str::from_utf8(&text).unwrap_or_default())
    }

    /// The first eight bytes as a number: enough to tell objects apart where a mistake only keeps one too many.
    pub fn prefix(self) -> u64 {
        self.words()[0]
    }

    /// As four big-endian words, the shape in which policies see it.
    pub fn words(self) -> [u64; 4] {
        std::array::from_fn(|word| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&self.0[word * 8..word * 8 + 8]);
            u64::from_be_bytes(bytes)
        })
    }

    /// The action under which `go` puts a companion of this one: what it calls a subkey, described by `stdout` or `srcfiles`
    /// (golang/go `src/cmd/go/internal/cache/hash.go`, `Subkey`).
    #[must_use]
    pub fn subkey(self, description: &str) -> Self {
        let hash = Sha256::new().chain_update(b"subkey:").chain_update(self.0).chain_update(description);
        Self(hash.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hex(|hex| f.write_str(hex))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an object is, read off its first bytes. The codes stand in the index, in records and in the contract with policies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// Not told yet.
    #[default]
    Unknown = 0,
    /// A compiled package.
    Archive = 1,
    /// The parsed import lists of a package directory; keyed by path and mtime.
    ModuleIndex = 2,
    /// The list of a package's source files.
    SourceList = 3,
    /// What vet learnt of a package.
    VetFacts = 4,
    /// What files and variables a test looked at.
    TestLog = 5,
    /// What a test printed.
    TestResult = 6,
    /// A linked program.
    Executable = 7,
    /// None of these.
    Other = 8,
}

impl Kind {
    /// Every kind, in the order of the codes.
    pub const ALL: [Self; 9] = [
        Self::Unknown,
        Self::Archive,
        Self::ModuleIndex,
        Self::SourceList,
        Self::VetFacts,
        Self::TestLog,
        Self::TestResult,
        Self::Executable,
        Self::Other,
    ];

    /// The kind of a code; unknown codes are unknown kinds.
    pub fn from_code(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or_default()
    }

    /// The code of a kind.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Archive => "archive",
            Self::ModuleIndex => "module-index",
            Self::SourceList => "source-list",
            Self::VetFacts => "vet-facts",
            Self::TestLog => "test-log",
            Self::TestResult => "test-result",
            Self::Executable => "executable",
            Self::Other => "other",
        }
    }
}

/// Where an entry came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Origin {
    /// Not known.
    #[default]
    Unknown = 0,
    /// A `go` command put it here.
    Local = 1,
    /// Fetched from a remote store.
    Remote = 2,
    /// Found in Go's own cache directory.
    Native = 3,
}

impl Origin {
    /// The origin of a code; unknown codes are unknown origins.
    pub fn from_code(code: u8) -> Self {
        [Self::Unknown, Self::Local, Self::Remote, Self::Native].get(usize::from(code)).copied().unwrap_or_default()
    }
}

/// What an archive says of itself. Each is `None` where it could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The import path of the package; `main` stays `main`.
    pub import_path: Option<String>,
    /// `go1.27.3`.
    pub toolchain: Option<String>,
    /// `linux`.
    pub goos: Option<String>,
    /// `amd64`.
    pub goarch: Option<String>,
    /// What follows in the `go object` line: `GOAMD64=v1 X:…`.
    pub experiments: Option<String>,
}

/// Nanoseconds since 1970: the precision that `go` compares times with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixNanos(pub i64);

impl UnixNanos {
    /// The present.
    pub fn now() -> Self {
        Self::from(SystemTime::now())
    }

    /// Whole seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// How long ago this was at `now`; zero if it lies ahead.
    pub fn age_at(self, now: Self) -> Duration {
        Duration::from_nanos(u64::try_from(now.0.saturating_sub(self.0)).unwrap_or(0))
    }
}

impl From<SystemTime> for UnixNanos {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(i64::try_from(after.as_nanos()).unwrap_or(i64::MAX)),
            Err(before) => Self(i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos)),
        }
    }
}

/// What the index and a remote record hold for an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub action: Digest,
    /// SHA-256 of the body.
    pub output: Digest,
    /// Bytes of the body.
    pub size: u64,
    /// When `go` last put it: what `Time` of a hit says.
    pub put: UnixNanos,
    /// What the body is.
    pub kind: Kind,
    /// How long `go` took to make it, where that was observed.
    pub cost: Option<Duration>,
    /// The action of the group's head; its own action for a head.
    pub head: Digest,
    /// Where it came from.
    pub origin: Origin,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_survives_hex_and_refuses_anything_else() {
        let digest = Digest::of(b"cachewit");
        assert_eq!(Digest::from_hex(&digest.to_hex()), Some(digest));
        assert_eq!(Digest::of(b""), Digest::EMPTY);
        for wrong in ["", "00", &"g".repeat(64), &"é".repeat(32), &"0".repeat(65)] {
            assert_eq!(Digest::from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_kind_survives_its_code() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(kind.code()), kind);
        }
        assert_eq!(Kind::from_code(200), Kind::Unknown);
    }
}

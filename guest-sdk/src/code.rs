//! The contract's codes as Rust types. Unknown codes are never an error: they read as "something else".

use serde::de::{Deserialize, Deserializer, Error};
use std::fmt;

/// An action ID or output ID: 32 bytes, as four big-endian words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u64; 4]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|word| write!(f, "{word:016x}"))
    }
}

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            /// A code that this SDK does not know, or that the host could not tell.
            #[default]
            Unknown,
            $($(#[$vdoc])* $variant,)+
        }

        impl $name {
            /// Reads the contract's code.
            pub fn from_code(code: u32) -> Self {
                match code {
                    $($code => Self::$variant,)+
                    _ => Self::Unknown,
                }
            }

            /// The contract's code; 0 for unknown.
            pub fn code(self) -> u32 {
                match self {
                    Self::Unknown => 0,
                    $(Self::$variant => $code,)+
                }
            }

            /// The name that settings and reports use.
            pub fn name(self) -> &'static str {
                match self {
                    Self::Unknown => "unknown",
                    $(Self::$variant => $text,)+
                }
            }

            /// Reads the name that settings use.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Every name that [`Self::from_name`] knows.
            pub const NAMES: &'static [&'static str] = &[$($text),+];
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = String::deserialize(deserializer)?;
                Self::from_name(&name).ok_or_else(|| D::Error::unknown_variant(&name, Self::NAMES))
            }
        }
    };
}

codes! {
    /// What an object is, read off its first bytes.
    Kind {
        /// A compiled package.
        Archive = 1 "archive",
        /// The parsed import lists of a package directory; keyed by path and mtime, so useless on another machine.
        ModuleIndex = 2 "module-index",
        /// The list of a package's source files, a companion of an archive.
        SourceList = 3 "source-list",
        /// What vet learnt of a package.
        VetFacts = 4 "vet-facts",
        /// What files and variables a test looked at.
        TestLog = 5 "test-log",
        /// What a test printed.
        TestResult = 6 "test-result",
        /// A linked program.
        Executable = 7 "executable",
        /// None of these: generated source, probes, coverage profiles.
        Other = 8 "other",
    }
}

codes! {
    /// Where a group came from.
    Origin {
        /// Made by a `go` command here.
        Local = 1 "local",
        /// Fetched from a remote store.
        Remote = 2 "remote",
        /// Found in Go's own cache directory.
        Native = 3 "native",
    }
}

codes! {
    /// How far an origin is trusted.
    Trust {
        /// Made on this machine.
        Local = 1 "local",
        /// The bytes hash to their name, the mapping is the remote's word.
        Hashed = 2 "hashed",
        /// The mapping carries a trusted signature.
        Signed = 3 "signed",
    }
}

/// What the host answers when it is asked for a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// It is this.
    Known(String),
    /// It is known that there is no such thing: a source list has no import path.
    Absent,
    /// It could not be told: an archive that could not be read, a key that this host does not know or was not granted.
    Unknown,
}

impl Fact {
    /// The text, where it is known.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text),
            Self::Absent | Self::Unknown => None,
        }
    }

    /// Reads the contract's answer: an error of 1 is absent, any other is unknown.
    pub fn from_answer(answer: Result<String, u32>) -> Self {
        match answer {
            Ok(text) => Self::Known(text),
            Err(1) => Self::Absent,
            Err(_) => Self::Unknown,
        }
    }

    /// The contract's answer.
    pub fn into_answer(self) -> Result<String, u32> {
        match self {
            Self::Known(text) => Ok(text),
            Self::Absent => Err(1),
            Self::Unknown => Err(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fact, Kind};

    #[test]
    fn a_kind_is_read_by_its_name_and_an_unknown_code_is_something_else() {
        for name in Kind::NAMES {
            let kind: Kind = crate::parse_settings(&format!("{name:?}")).unwrap();
            assert_eq!((kind.name(), Kind::from_code(kind.code())), (*name, kind));
        }
        assert_eq!(Kind::from_code(99), Kind::Unknown);
        let error = crate::parse_settings::<Kind>(r#""archives""#).unwrap_err();
        assert!(error.message.starts_with("there is no `archives`; there is `archive`, "), "{error}");
    }

    #[test]
    fn an_error_that_is_not_absence_is_ignorance() {
        assert_eq!(Fact::from_answer(Err(1)), Fact::Absent);
        for code in [0, 2, 3, 99] {
            assert_eq!(Fact::from_answer(Err(code)), Fact::Unknown);
        }
        assert_eq!(Fact::from_answer(Fact::Known("x".to_owned()).into_answer()).known(), Some("x"));
    }
}

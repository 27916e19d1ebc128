//! Patterns over import paths, as the `go` command writes them.

use serde::de::{Deserialize, Deserializer, Error};
use std::fmt;

/// A pattern as in `go list`: `...` stands for any text, be it empty, and a trailing `/...` may be missing altogether, so that
/// `net/...` matches `net` and `net/http` but not `network`. Without `...` the path must be equal.
///
/// Unlike `go list`, a wildcard also crosses a `vendor` element: a rule about what may leave the machine that overlooked vendored copies
/// would be none.
///
/// As a setting it is a string; what could never match an import path is an error there: relative and absolute paths,
/// versions, and the words `all`, `cmd`, `std`, `tool` and `work` (which `go` reads before any pattern).
///
/// ```
/// use cachewit_guest::Pattern;
///
/// let pattern: Pattern = "corp.example/.../secret/...".parse().unwrap();
/// assert!(pattern.matches("corp.example/a/b/secret"));
/// assert!(!pattern.matches("corp.example/a/b/secrets"));
/// assert!("./...".parse::<Pattern>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

/// A text that no import path could match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    pattern: String,
    why: &'static str,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` matches no import path: {}", self.pattern, self.why)
    }
}

impl std::error::Error for PatternError {}

impl Pattern {
    /// Whether the path matches.
    pub fn matches(&self, path: &str) -> bool {
        let (pattern, path) = (self.0.as_bytes(), path.as_bytes());
        matches(pattern, path) || pattern.strip_suffix(b"/...").is_some_and(|start| matches(start, path))
    }
}

/// Matches with `...` as the only rule. Where a wildcard's text turns out too short it grows by one byte; only the last one needs to,
/// since whatever an earlier one could gain the last one gains as well.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut last_wildcard = None;
    loop {
        if pattern[at..].starts_with(b"...") {
            at += 3;
            last_wildcard = Some((at, read));
        } else if read < path.len() && pattern.get(at) == path.get(read) {
            at += 1;
            read += 1;
        } else if at == pattern.len() && read == path.len() {
            return true;
        } else if let Some((after, from)) = last_wildcard
            && from < path.len()
        {
            last_wildcard = Some((after, from + 1));
            (at, read) = (after, from + 1);
        } else {
            return false;
        }
    }
}

impl std::str::FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let why = if text.is_empty() {
            "it is empty"
        } else if matches!(text, "all" | "cmd" | "std" | "tool" | "work") {
            "it is a word of the go command's; write paths, such as `cmd/...`"
        } else if text.starts_with('/') || text == "." || text == ".." || text.starts_with("./") || text.starts_with("../") {
            "it names a folder; write the import path"
        } else if text.contains('@') {
            "import paths carry no version"
        } else if text.contains(|c: char| c.is_ascii_whitespace() || matches!(c, '*' | '\\')) {
            "it has a character that import paths do not have; the wildcard is `...`"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(PatternError { pattern: text.to_owned(), why })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns_match_what_they_match_in_go_list() {
        for (pattern, yes, no) in [
            ("net", &["net"][..], &["net/http", "internet", ""][..]),
            ("net/...", &["net", "net/http", "net/http/httptest"], &["network", "internet", "x/net"]),
            ("net...", &["net", "net/http", "network"], &["internet"]),
            ("...", &["", "a", "a/b"], &[]),
            (".../internal", &["a/internal", "/internal"], &["internal", "a/internal/b"]),
            (".../internal/...", &["a/internal", "a/internal/b"], &["internal", "a/internals"]),
            ("a...b...c", &["abc", "a/b/c", "abcbc"], &["acb", "ab", "bc"]),
            ("a...a", &["aa", "aba"], &["a"]),
            ("x/.../y/...", &["x/1/y", "x/1/2/y/z"], &["x/y", "x/1/yy"]),
            ("crypto/...", &["crypto", "crypto/internal/fips140"], &["vendor/golang.org/x/crypto/chacha20"]),
            ("example.com/....git", &["example.com/a.git"], &["example.com/agit"]),
        ] {
            let parsed: Pattern = pattern.parse().unwrap();
            for path in yes {
                assert!(parsed.matches(path), "{pattern} {path}");
            }
            for path in no {
                assert!(!parsed.matches(path), "{pattern} {path}");
            }
        }
    }

    #[test]
    fn a_pattern_that_could_match_nothing_is_an_error() {
        for pattern in ["", "std", "./...", "../x", "/abs", "a@v1", "crypto/*", "a b", "."] {
            assert!(pattern.parse::<Pattern>().is_err(), "{pattern}");
        }
        let error = crate::parse_settings::<Vec<Pattern>>(r#"["a", "./..."]"#).unwrap_err();
        assert_eq!(error.key, "[1]");
        assert_eq!(error.message, "`./...` matches no import path: it names a folder; write the import path");
    }
}

//! Patterns over names of branches, as the configurations of CI systems have them.

use cachewit_guest::serde::de::{Deserialize, Deserializer, Error};

/// A name in which `*` stands for any text without a slash, and `**` for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchPattern(String);

impl BranchPattern {
    /// The pattern that matches this name alone.
    pub(crate) fn exactly(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Whether the branch's name matches.
    pub fn matches(&self, branch: &str) -> bool {
        matches(self.0.as_bytes(), branch.as_bytes())
    }
}

/// By a table of what the pattern read so far can match, a row for each byte of it: no pattern makes it slow.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let stars = pattern[at..].iter().take_while(|byte| **byte == b'*').count();
        if stars > 0 {
            for end in 1..=name.len() {
                reached[end] |= reached[end - 1] && (stars > 1 || name[end - 1] != b'/');
            }
            at += stars;
        } else {
            for end in (1..=name.len()).rev() {
                reached[end] = reached[end - 1] && name[end - 1] == pattern[at];
            }
            reached[0] = false;
            at += 1;
        }
    }
    reached[name.len()]
}

impl<'de> Deserialize<'de> for BranchPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // What git lets no branch be called would match none, and the operator would not be told.
        let why = if text.is_empty() {
            "it is empty"
        } else if text.starts_with("refs/") {
            "write the name of the branch without `refs/heads/`"
        } else if text.contains("...") {
            "the wildcards are `*` and `**`"
        } else if text.contains(|c: char| c.is_ascii_whitespace() || c.is_ascii_control() || "?[\\^~:".contains(c)) {
            "it has a character that no branch has; the wildcards are `*` and `**`"
        } else {
            return Ok(Self(text));
        };
        Err(D::Error::custom(format_args!("`{text}` matches no branch: {why}")))
    }
}

#[cfg(test)]
mod tests {
    use super::BranchPattern;
    use cachewit_guest::parse_settings;

    #[test]
    fn one_star_stops_at_a_slash_and_two_do_not() {
        for (pattern, yes, no) in [
            ("main", &["main"][..], &["", "mai", "main2", "my/main", "main/x"][..]),
            ("release/*", &["release/1.2", "release/"], &["release", "release/1/x", "a/release/1"]),
            ("release/**", &["release/1.2", "release/1/x"], &["release", "releases/1"]),
            ("*", &["main", ""], &["a/b"]),
            ("**", &["main", "a/b", ""], &[]),
            ("v*.*", &["v1.2", "v1.2.3", "v."], &["v1", "v1/2.3"]),
            ("**/stable", &["a/stable", "a/b/stable", "/stable"], &["stable", "a/stable/b"]),
            ("a*b*c", &["abc", "axbbxc"], &["acb", "ab/c"]),
        ] {
            let parsed: BranchPattern = parse_settings(&format!("{pattern:?}")).unwrap();
            for branch in yes {
                assert!(parsed.matches(branch), "{pattern} {branch}");
            }
            for branch in no {
                assert!(!parsed.matches(branch), "{pattern} {branch}");
            }
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_answered_at_once() {
        let pattern: BranchPattern = parse_settings(&format!("{:?}", "*a".repeat(200) + "b")).unwrap();
        assert!(!pattern.matches(&"a".repeat(2_000)));
    }

    #[test]
    fn what_no_branch_is_called_is_an_error() {
        for pattern in ["", "refs/heads/main", "release/...", "a b", "ma?n", "v[0-9]"] {
            let error = parse_settings::<BranchPattern>(&format!("{pattern:?}")).unwrap_err();
            assert!(error.message.contains(&format!("`{pattern}` matches no branch")), "{error}");
        }
    }
}

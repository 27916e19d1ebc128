//! Where things lie in a store.
//!
//! | key | what |
//! |---|---|
//! | `v1/<namespace>/head` | names the newest working sets; absent = empty namespace |
//! | `v1/<namespace>/ac/<aa>/<action>` | the record of the group whose head has this action |
//! | `v1/<namespace>/cas/<aa>/<output>` | one zstd frame: the body of this output |
//! | `v1/<namespace>/ws/<digest>` | a working set, named by the SHA-256 of its bytes as stored |
//!
//! Digests are 64 lower-case hexadecimal digits and `aa` their first two. `v1/<namespace>/pack/` is reserved.

use crate::model::Digest;

/// The name of a namespace: `[a-z0-9][a-z0-9._-]{0,63}`, so that it can never leave its folder nor differ by case alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Namespace(String);

impl Namespace {
    /// The namespace of this name, or `None` if it cannot be one.
    pub fn parse(name: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let first = *name.as_bytes().first()?;
        let fits = name.len() <= 64 && plain(first) && name.bytes().all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'));
        fits.then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// The key of the head.
    pub fn head(&self) -> String {
        format!("v1/{}/head", self.0)
    }

    /// The key of the record of the group that this action heads.
    pub fn record(&self, action: Digest) -> String {
        self.fanned("ac", action)
    }

    /// The key of a body.
    pub fn body(&self, output: Digest) -> String {
        self.fanned("cas", output)
    }

    /// The key of a working set.
    pub fn set(&self, digest: Digest) -> String {
        format!("v1/{}/ws/{digest}", self.0)
    }

    fn fanned(&self, room: &str, digest: Digest) -> String {
        format!("v1/{}/{room}/{:02x}/{digest}", self.0, digest.0[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_cannot_leave_its_folder() {
        for wrong in ["", ".", "..", "a/b", "../x", "-a", "_a", "Main", "a b", "ä", "a\0", &"a".repeat(65)] {
            assert_eq!(Namespace::parse(wrong), None, "{wrong:?}");
        }
        for right in ["main", "0", "pr-12", "user.name_x", &"a".repeat(64)] {
            assert_eq!(Namespace::parse(right).unwrap().name(), right);
        }
    }

    #[test]
    fn keys_are_those_of_the_layout() {
        let main = Namespace::parse("main").unwrap();
        let hex = Digest::EMPTY.to_hex();
        assert_eq!(main.head(), "v1/main/head");
        assert_eq!(main.record(Digest::EMPTY), format!("v1/main/ac/e3/{hex}"));
        assert_eq!(main.body(Digest::EMPTY), format!("v1/main/cas/e3/{hex}"));
        assert_eq!(main.set(Digest::EMPTY), format!("v1/main/ws/{hex}"));
    }
}

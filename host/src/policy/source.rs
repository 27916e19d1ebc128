//! Where a plugin's bytes come from.

use super::{PolicyError, shipped};
use crate::config::PluginSource;
use crate::model::Digest;
use crate::platform;
use std::borrow::Cow;
use std::ops::Deref;
use std::sync::OnceLock;

/// Larger files are refused before anybody parses them: Python in a component has 18 MB, everything else far less.
const MOST_BYTES: u64 = 64 << 20;

/// A plugin's bytes, and the SHA-256 by which it is pinned and what is compiled of it is found. That is taken once: a plugin in Go has
/// megabytes.
#[derive(Debug)]
pub struct Component {
    bytes: Cow<'static, [u8]>,
    sha256: OnceLock<Digest>,
}

impl Component {
    /// SHA-256 of the bytes.
    pub fn sha256(&self) -> Digest {
        *self.sha256.get_or_init(|| Digest::of(&self.bytes))
    }
}

impl From<Vec<u8>> for Component {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes: bytes.into(), sha256: OnceLock::new() }
    }
}

impl Deref for Component {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a plugin. Errors name it and what is wrong.
pub fn load_component(source: &PluginSource) -> Result<Component, PolicyError> {
    match source {
        PluginSource::Builtin(name) => shipped::with_digest(name)
            .map(|(bytes, sha256)| Component { bytes: Cow::Borrowed(bytes), sha256: sha256.into() })
            .ok_or_else(|| {
                let nearest = shipped::NAMES.iter().min_by_key(|known| strsim::damerau_levenshtein(name, known)).copied().unwrap_or("");
                let known = shipped::NAMES.join(", ");
                PolicyError::Unusable(format!("is no shipped plugin; did you mean `builtin:{nearest}`? There are {known}"))
            }),
        PluginSource::File(path) => {
            let cannot = |error: std::io::Error| {
                PolicyError::Unusable(match error.kind() {
                    std::io::ErrorKind::NotFound => {
                        "does not exist; name the file of a component, or a shipped plugin as `builtin:NAME`".to_owned()
                    }
                    _ => format!("cannot be read: {error}"),
                })
            };
            platform::read(path, MOST_BYTES).map(Component::from).map_err(cannot)
        }
    }
}

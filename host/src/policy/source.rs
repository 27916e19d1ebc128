//! Where a plugin's bytes come from.

use super::{PolicyError, shipped};
use crate::config::PluginSource;
use std::borrow::Cow;

/// Larger files are refused before anybody parses them: Python in a component has 18 MB, everything else far less.
const MOST_BYTES: u64 = 64 << 20;

/// Reads a plugin. Errors name it and what is wrong.
pub fn load_bytes(source: &PluginSource) -> Result<Cow<'static, [u8]>, PolicyError> {
    match source {
        PluginSource::Builtin(name) => shipped::component(name).map(Cow::Borrowed).ok_or_else(|| {
            let nearest = shipped::NAMES.iter().min_by_key(|known| strsim::damerau_levenshtein(name, known)).copied().unwrap_or("");
            let known = shipped::NAMES.join(", ");
            PolicyError::Unusable(format!("there is no shipped plugin of this name; did you mean `builtin:{nearest}`? There are {known}"))
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
            let size = std::fs::metadata(path).map_err(cannot)?.len();
            if size > MOST_BYTES {
                return Err(PolicyError::Unusable(format!("has {size} bytes; at most {MOST_BYTES} are accepted")));
            }
            std::fs::read(path).map(Cow::Owned).map_err(cannot)
        }
    }
}

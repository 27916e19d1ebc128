//! `cachewit.lock`, beside the configuration: which file each plugin is, and what it may know.
//!
//! The configuration says what an operator wants, the lock what she has looked at. A plugin that the configuration names and the lock does
//! not is not run, and neither is one whose file is another by now.

use super::ConfigError;
use crate::model::Digest;
use crate::platform::{self, Staged};
use crate::policy::Wish;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// Its name, in the folder of the configuration.
pub const LOCK_FILE: &str = "cachewit.lock";

const VERSION: u32 = 1;

/// A plugin has three hundred bytes in it.
const MOST_BYTES: u64 = 16 << 20;

const HEAD: &str = "# Written by `cachewit plugin add` and `cachewit plugin remove`; keep it with the configuration.\n\n";

/// The plugins that an operator vouches for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// In the order in which they were added.
    pub plugins: Vec<Pinned>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// Its file, as the configuration names it.
    pub file: String,
    /// What the file must hash to.
    pub sha256: Digest,
    /// What it may know.
    pub granted: BTreeSet<Wish>,
    /// What it would like to know and may not.
    pub denied: BTreeSet<Wish>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    #[serde(default)]
    plugin: Vec<WrittenPlugin>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPlugin {
    file: String,
    sha256: String,
    #[serde(default)]
    granted: Vec<String>,
    #[serde(default)]
    denied: Vec<String>,
}

impl Lock {
    /// The lock of a configuration's folder; an empty one where there is no file.
    pub fn read(folder: &Path) -> Result<Self, ConfigError> {
        let path = folder.join(LOCK_FILE);
        let read = platform::read(&path, MOST_BYTES);
        let text = match read.and_then(|bytes| String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        };
        Self::parse(&text).map_err(|problem| ConfigError::Wrong { path, problem })
    }

    /// Reads its text. An error is one sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        // The names in it may be anything, and go to a terminal.
        Self::parse_written(text).map_err(|problem| crate::fault::printable(&problem, 500))
    }

    fn parse_written(text: &str) -> Result<Self, String> {
        let written: Written = toml::from_str(text).map_err(|error| super::file::one_line(text, &error))?;
        if written.version != VERSION {
            return Err(format!("is of version {}, and this cachewit reads {VERSION}; use the cachewit that wrote it", written.version));
        }
        let wishes = |texts: Vec<String>, file: &str| -> Result<BTreeSet<Wish>, String> {
            texts.into_iter().map(|text| text.parse().map_err(|error| format!("plugin `{file}`: {error}"))).collect()
        };
        let plugin = |written: WrittenPlugin| -> Result<Pinned, String> {
            let sha256 = Digest::from_hex(&written.sha256)
                .ok_or_else(|| format!("plugin `{}`: `sha256` is 64 hexadecimal digits; add the plugin again", written.file))?;
            let (granted, denied) = (wishes(written.granted, &written.file)?, wishes(written.denied, &written.file)?);
            Ok(Pinned { file: written.file, sha256, granted, denied })
        };
        let plugins: Vec<Pinned> = written.plugin.into_iter().map(plugin).collect::<Result<_, _>>()?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = plugins.iter().find(|plugin| !seen.insert(&plugin.file)) {
            return Err(format!("has plugin `{}` twice; remove one of the two", twice.file));
        }
        Ok(Self { plugins })
    }

    /// Its text.
    pub fn text(&self) -> String {
        let texts = |wishes: &BTreeSet<Wish>| wishes.iter().map(ToString::to_string).collect();
        let plugin = |plugin: &Pinned| WrittenPlugin {
            file: plugin.file.clone(),
            sha256: plugin.sha256.to_hex(),
            granted: texts(&plugin.granted),
            denied: texts(&plugin.denied),
        };
        let written = Written { version: VERSION, plugin: self.plugins.iter().map(plugin).collect() };
        // Plain texts and lists of them cannot fail to be written.
        format!("{HEAD}{}", toml::to_string(&written).unwrap_or_default())
    }

    /// Writes the lock of a folder anew, which is not in its place yet.
    pub fn write(&self, folder: &Path) -> io::Result<Staged> {
        Staged::own(&folder.join(LOCK_FILE), self.text().as_bytes())
    }

    /// What it says of a file.
    pub fn pinned(&self, file: &str) -> Option<&Pinned> {
        self.plugins.iter().find(|plugin| plugin.file == file)
    }

    /// Vouches for a file, in the place of what was said of it before.
    pub fn pin(&mut self, pinned: Pinned) {
        match self.plugins.iter_mut().find(|plugin| plugin.file == pinned.file) {
            Some(plugin) => *plugin = pinned,
            None => self.plugins.push(pinned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(file: &str) -> Pinned {
        let wish = |text: &str| text.parse().unwrap();
        Pinned {
            file: file.to_owned(),
            sha256: Digest::of(file.as_bytes()),
            granted: BTreeSet::from([wish("fact:branch"), wish("env:TEAM")]),
            denied: BTreeSet::from([wish("fact:commit")]),
        }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written() {
        let mut lock = Lock::default();
        lock.pin(pinned("plugins/a.wasm"));
        lock.pin(pinned("plugins/b.wasm"));
        assert_eq!(Lock::parse(&lock.text()).unwrap(), lock);
        let newer = Pinned { sha256: Digest::of(b"newer"), ..pinned("plugins/a.wasm") };
        lock.pin(newer.clone());
        assert_eq!((lock.plugins.len(), lock.pinned("plugins/a.wasm")), (2, Some(&newer)));
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Lock::read(dir.path()).unwrap(), Lock::default(), "no file vouches for nothing");
        lock.write(dir.path()).unwrap().place().unwrap();
        assert_eq!(Lock::read(dir.path()).unwrap(), lock);
    }

    #[test]
    fn what_is_wrong_with_a_lock_is_said_with_its_remedy() {
        let digest = Digest::of(b"").to_hex();
        for (text, problem) in [
            ("version = 2", "is of version 2"),
            ("version = 1\nplugins = []", "line 2"),
            ("version = 1\n[[plugin]]\nfile = \"\\u001b[2J\"\nsha256 = \"00\"", "plugin ` [2J`"),
            ("version = 1\n[[plugin]]\nfile = \"a\"\nsha256 = \"00\"", "64 hexadecimal digits"),
            (
                &format!("version = 1\n[[plugin]]\nfile = \"a\"\nsha256 = \"{digest}\"\ngranted = [\"fact:moon\"]"),
                "there is no fact `moon`",
            ),
            (
                &format!("version = 1\n[[plugin]]\nfile = \"a\"\nsha256 = \"{digest}\"\n[[plugin]]\nfile = \"a\"\nsha256 = \"{digest}\""),
                "has plugin `a` twice",
            ),
        ] {
            let error = Lock::parse(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}

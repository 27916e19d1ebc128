//! Words that hold beyond a session, kept beside the artefacts: who can write there could as well write the code that gives them.

use super::ArtifactStore;
use crate::model::Digest;
use crate::platform;
use crate::policy::Word;
use std::path::PathBuf;

/// No words are longer: of each there is a bound on what it rests on.
const MOST_BYTES: u64 = 1 << 18;

/// A job that runs on more branches and events than this gives its words anew.
const MOST: usize = 16;

/// Who gave a word: the plugin, with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Speaker(Digest);

impl Speaker {
    /// The component, what it was configured with, and how much of what it says is kept: it can ask for that.
    pub fn new(component: Digest, settings: &serde_json::Value, max_level: u32) -> Self {
        let key = format!("{} {component} {max_level} {settings}", env!("CARGO_PKG_VERSION"));
        Self(Digest::of(key.as_bytes()))
    }
}

impl ArtifactStore {
    /// What it has said before, the last first.
    pub(in crate::policy) fn words(&self, speaker: Speaker) -> Vec<Word> {
        let read = || {
            self.folder()?;
            let bytes = platform::read(&self.word(speaker), MOST_BYTES).ok()?;
            let (words, rest): (Vec<Word>, &[u8]) = postcard::take_from_bytes(&bytes).ok()?;
            // A power cut may leave anything, and so it ends with what it begins with.
            (rest == bytes.len().to_le_bytes()).then_some(words)
        };
        read().unwrap_or_default()
    }

    /// Notes that a plugin was taken at its word: it is as much in use as if it had been started.
    pub(in crate::policy) fn use_word(&self, component: Digest, speaker: Speaker) {
        for path in [self.word(speaker), self.path(component)] {
            if let Ok(data) = std::fs::metadata(&path) {
                Self::use_now(&path, &data);
            }
        }
    }

    /// Keeps a word. That it cannot be kept costs nothing but the question.
    pub(in crate::policy) fn keep_word(&self, speaker: Speaker, word: Word) {
        let mut words = self.words(speaker);
        if words.first() == Some(&word) {
            return;
        }
        words.retain(|known| *known != word);
        words.insert(0, word);
        words.truncate(MOST);
        if let Ok(mut bytes) = postcard::to_allocvec(&words) {
            let length = bytes.len() + size_of::<usize>();
            bytes.extend(length.to_le_bytes());
            let _ = self.keep(&self.word(speaker), &bytes);
        }
    }

    fn word(&self, Speaker(digest): Speaker) -> PathBuf {
        self.dir.join(digest.to_hex()).with_extension("words")
    }
}

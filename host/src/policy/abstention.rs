//! On what a plugin has no opinion in a session: by what it says there, or by the word that it gave in another one with the same facts.

use super::context::Grants;
use super::link::Loader;
use super::wasm::Speaker;
use super::{Origins, Word};
use crate::model::Digest;

/// See the module.
#[derive(Default)]
pub(super) struct Abstention {
    from: Origins,
    is_recalled: bool,
    /// Under what its words are kept; None where they are not.
    speaker: Option<Speaker>,
    is_of_before: bool,
}

impl Abstention {
    /// Where hits come from on which it has none.
    pub fn from(&self) -> Origins {
        self.from
    }

    /// It has said that it has none on hits from there.
    pub fn add(&mut self, from: Origins) {
        self.from = self.from.and(from);
    }

    /// Whether it was looked what it has said before.
    pub fn is_recalled(&self) -> bool {
        self.is_recalled
    }

    /// Whether it had said so before.
    pub fn is_of_before(&self) -> bool {
        self.is_of_before
    }

    /// Looks what it has said before, where that is wanted and its bytes are known.
    pub fn recall(&mut self, component: Option<Digest>, settings: &serde_json::Value, grants: &Grants, loader: &Loader) {
        self.is_recalled = true;
        let (true, Some(component), Some(artifacts)) = (loader.recalls, component, &loader.artifacts) else { return };
        let speaker = Speaker::new(component, settings, loader.log_level);
        self.speaker = Some(speaker);
        if let Some(word) = artifacts.words(speaker).into_iter().find(|word| word.holds(&loader.session, grants)) {
            artifacts.use_word(component, speaker);
            self.is_of_before = true;
            self.add(word.from());
        }
    }

    /// Keeps its word.
    pub fn keep(&self, word: Word, loader: &Loader) {
        if let (Some(speaker), Some(artifacts)) = (self.speaker, &loader.artifacts) {
            artifacts.keep_word(speaker, word);
        }
    }
}

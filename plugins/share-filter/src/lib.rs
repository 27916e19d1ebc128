//! What is kept and what is shared, by import path, kind, size, cost and toolchain. See README.md.

mod rules;

pub use rules::Rules;

use cachewit_guest::{Admission, Admit, ConfigError, Group, Policy, Session};
use rules::Question;

cachewit_guest::settings! {
    /// What the operator may set: the same rules for either question.
    pub struct Settings {
        /// What may stay in the local store.
        pub keep: Rules = Rules::default(),
        /// What may leave this machine.
        pub share: Rules = Rules::default(),
    }
}

/// The policy.
#[derive(Clone, Debug, Default)]
pub struct ShareFilter(Settings);

impl Policy for ShareFilter {
    const NAME: &'static str = "share-filter";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, ConfigError> {
        Ok(Self(settings))
    }
}

impl Admission for ShareFilter {
    fn admit(&mut self, group: &dyn Group, session: &dyn Session) -> Admit {
        let question = Question::new(group, session);
        Admit { keep: answer("kept", &self.0.keep, &question), share: answer("shared", &self.0.share, &question) }
    }
}

/// No rules, no opinion.
fn answer(what: &str, rules: &Rules, question: &Question<'_>) -> Option<bool> {
    if rules.is_empty() {
        return None;
    }
    let refusal = rules.refusal(question);
    if let Some(refusal) = &refusal {
        cachewit_guest::log::debug(format_args!("{} not {what}: {refusal}", question.name()));
    }
    Some(refusal.is_none())
}

cachewit_guest::export!(ShareFilter: admission);

#[cfg(test)]
mod tests;

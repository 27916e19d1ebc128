//! Which sessions of CI share what they made, and which take nothing from others. See README.md.

mod branch;
mod event;
mod job;

pub use branch::BranchPattern;
pub use event::Event;

use cachewit_guest::{Admission, Admit, ConfigError, Group, HumanSize, Kind, Origin, Policy, Serve, Serving, Session, log};
use job::Job;

cachewit_guest::settings! {
    /// What the operator may set.
    pub struct Settings {
        /// Branches whose jobs share.
        pub branches: Vec<BranchPattern> = vec![BranchPattern::exactly("main"), BranchPattern::exactly("master")],
        /// Events whose jobs share.
        pub events: Vec<Event> = vec![Event::PUSH, Event::SCHEDULE],
        /// Whether what does not run on CI shares nothing. Otherwise its branch alone decides: it has no event.
        pub on_ci_only: bool = true,
        /// Kinds that are shared; all unless it is set.
        pub kinds: Option<Vec<Kind>> = None,
        /// No group that is larger is shared.
        pub max_size: Option<HumanSize> = None,
        /// Events whose jobs take nothing from a remote store.
        pub distrust_remote_on: Vec<Event> = vec![Event::TAG],
    }
}

/// The policy.
#[derive(Debug)]
pub struct CiGuard {
    settings: Settings,
    /// Facts of a session do not change, and a question comes with every hit.
    job: Option<Job>,
}

impl Policy for CiGuard {
    const NAME: &'static str = "ci-guard";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, ConfigError> {
        Ok(Self { settings, job: None })
    }
}

impl CiGuard {
    fn job(&mut self, session: &dyn Session) -> Job {
        *self.job.get_or_insert_with(|| Job::of(&self.settings, session))
    }

    /// Whether the group fits the rules about groups.
    fn fits(&self, group: &dyn Group) -> bool {
        let kind = group.kind();
        if self.settings.kinds.as_ref().is_some_and(|kinds| !kinds.contains(&kind)) {
            log::debug(format_args!("a group of kind {} not shared: kinds does not have it", kind.name()));
            return false;
        }
        let size = group.size();
        if self.settings.max_size.is_some_and(|HumanSize(most)| size > most) {
            log::debug(format_args!("a group of kind {} not shared: its {size} bytes are over max-size", kind.name()));
            return false;
        }
        true
    }
}

impl Admission for CiGuard {
    fn admit(&mut self, group: &dyn Group, session: &dyn Session) -> Admit {
        let share = self.job(session).shares && self.fits(group);
        Admit::NO_OPINION.share(share)
    }
}

impl Serving for CiGuard {
    fn serve(&mut self, group: &dyn Group, session: &dyn Session) -> Serve {
        if !self.job(session).distrusts {
            return Serve::Abstain;
        }
        match group.origin() {
            Origin::Local | Origin::Native => Serve::AbstainFromOrigin,
            // What cannot be told may have come from anywhere.
            _ => Serve::Refuse,
        }
    }
}

cachewit_guest::export!(CiGuard: admission, serving; wishes "fact:branch", "fact:ci-event");

#[cfg(test)]
mod tests;

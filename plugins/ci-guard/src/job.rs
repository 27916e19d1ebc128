//! What the facts of a session decide for all of its groups.

use crate::Settings;
use cachewit_guest::{Fact, Session, log};

/// The decisions about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// It may share.
    pub shares: bool,
    /// It takes nothing from a remote store.
    pub distrusts: bool,
}

impl Job {
    /// Decides, and says once why nothing is shared.
    pub(crate) fn of(settings: &Settings, session: &dyn Session) -> Self {
        let refusal = refusal(settings, session);
        if let Some(why) = &refusal {
            log::info(format_args!("this session shares nothing: {why}"));
        }
        let distrusts = match session.fact("ci-event") {
            Fact::Known(event) => settings.distrust_remote_on.iter().any(|listed| listed.is(&event)),
            // It may be one of them.
            Fact::Unknown => !settings.distrust_remote_on.is_empty(),
            // No CI system, no event.
            Fact::Absent => false,
        };
        Self { shares: refusal.is_none(), distrusts }
    }
}

/// Why the session shares nothing.
fn refusal(settings: &Settings, session: &dyn Session) -> Option<String> {
    match session.fact("ci").known() {
        Some("true") => match session.fact("ci-event") {
            Fact::Known(event) if settings.events.iter().any(|listed| listed.is(&event)) => {}
            Fact::Known(event) => return Some(format!("events does not have {event}")),
            Fact::Unknown => return Some("which event its job runs for was not granted, or not read".to_owned()),
            Fact::Absent => return Some("its CI system does not say which event the job runs for".to_owned()),
        },
        Some("false") if !settings.on_ci_only => {}
        Some("false") => return Some("it does not run on CI".to_owned()),
        _ => return Some("whether it runs on CI is not known".to_owned()),
    }
    match session.fact("branch") {
        Fact::Known(branch) if settings.branches.iter().any(|pattern| pattern.matches(&branch)) => None,
        Fact::Known(branch) => Some(format!("branches has nothing that matches {branch}")),
        Fact::Unknown => Some("its branch was not granted, or not read".to_owned()),
        Fact::Absent => Some("it is on no branch".to_owned()),
    }
}

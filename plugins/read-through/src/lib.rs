//! Which working sets to load, which stores to ask, and where to share. See README.md.

mod choose;

use cachewit_guest::{
    Ask, ConfigError, Decision, HumanDuration, Plan, Policy, Remote, Request, Session, Sets, Target, TargetHealth, Targets,
};
use std::time::Duration;

cachewit_guest::settings! {
    /// What the operator may set.
    pub struct Settings {
        /// Names of the targets to use; empty = all.
        pub stores: Vec<String> = Vec::new(),
        /// The most sets to load in a session, all targets together.
        pub max_sets: usize = 3,
        /// Branches whose sets serve where there is none of the session's own stream.
        pub default_branches: Vec<String> = vec!["main".to_owned(), "master".to_owned()],
        /// The longest wait for the first byte of what a set names; the host's own limit if not set.
        pub wait: Option<HumanDuration> = None,
        /// Ask for what no set names as well: a round trip each.
        pub ask_outside: bool = false,
        /// The longest wait for the first byte of what no set names.
        pub outside_wait: HumanDuration = HumanDuration(Duration::from_millis(200)),
        /// Publish what the session used as a set, for the sessions to come.
        pub publish: bool = true,
        /// Share what admission lets out.
        pub share: bool = true,
    }
}

/// The policy.
#[derive(Clone, Debug, Default)]
pub struct ReadThrough(Settings);

impl ReadThrough {
    /// The targets that the operator lets this policy use.
    fn chosen(&self, targets: &dyn Targets) -> impl Iterator<Item = Target> {
        targets.all().into_iter().filter(|target| self.0.stores.is_empty() || self.0.stores.contains(&target.name))
    }

    /// Those of them that can be asked now.
    fn readable(&self, targets: &dyn Targets) -> impl Iterator<Item = Target> {
        self.chosen(targets).filter(|target| target.readable && target.health != TargetHealth::Trouble)
    }

    /// A name in `stores` that no target has would quietly mean "ask nobody".
    fn warn_of_unknown_stores(&self, targets: &[Target]) {
        for name in &self.0.stores {
            if !targets.iter().any(|target| target.name == *name) {
                let known: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
                cachewit_guest::log::warn(format_args!("`stores` has `{name}`, but the stores are called {}", known.join(", ")));
            }
        }
    }
}

impl Policy for ReadThrough {
    const NAME: &'static str = "read-through";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, ConfigError> {
        Ok(Self(settings))
    }
}

impl Remote for ReadThrough {
    fn open(&mut self, targets: &dyn Targets, sets: &dyn Sets, session: &dyn Session, plan: &dyn Plan) -> Decision {
        self.warn_of_unknown_stores(&targets.all());
        let wish = choose::Wish::of(session, &self.0.default_branches);
        let sets = sets.all();
        self.readable(targets).filter_map(|target| wish.choose(&sets, target.index)).take(self.0.max_sets).for_each(|set| plan.load(set));
        Decision::Decided
    }

    fn route(&mut self, request: &dyn Request, targets: &dyn Targets, _: &dyn Session, plan: &dyn Plan) -> Decision {
        let named = request.named();
        let holds_it = |target: &Target| named.checked_shr(target.index).is_some_and(|bits| bits & 1 == 1);
        if named == 0 && !self.0.ask_outside {
            return Decision::Decided;
        }
        let (inside, outside): (Vec<Target>, Vec<Target>) = self.readable(targets).partition(holds_it);
        for target in inside {
            plan.ask(Ask { target: target.index, wait: self.0.wait.map(|wait| wait.0) });
        }
        if self.0.ask_outside {
            for target in outside.iter().filter(|target| target.health != TargetHealth::Empty) {
                plan.ask(Ask { target: target.index, wait: Some(self.0.outside_wait.0) });
            }
        }
        Decision::Decided
    }

    fn close(&mut self, targets: &dyn Targets, session: &dyn Session, plan: &dyn Plan) -> Decision {
        let name = choose::set_name(&session.fact("branch"));
        // Those in trouble too: the host keeps for later what it cannot send now.
        for target in self.chosen(targets).filter(|target| target.writable) {
            if self.0.share {
                plan.share(target.index);
            }
            if self.0.publish {
                plan.publish(target.index, &name);
            }
        }
        Decision::Decided
    }
}

cachewit_guest::export!(ReadThrough: remote; wishes "fact:branch");

#[cfg(test)]
mod tests;

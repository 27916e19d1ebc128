//! Several policies, in the operator's order, with one fixed rule a decision:
//!
//!  * admission: the most restrictive answer wins, and a policy that has none shares nothing;
//!  * serving: one refusal is enough, and a required policy that has no answer refuses;
//!  * remote: the first that does not pass, and where one breaks nobody is asked and nothing is shared;
//!  * eviction: exactly one owner; where it has no answer, the fallback decides;
//!  * observers: all.

use super::context::{Admit, Ask, ClosePlan, GroupView, NetworkView, RequestView, Serve};
use super::link::{Link, Loader, Patience};
use super::report::LinkReport;
use super::{Fallback, Origins, Policy, PolicyError};
use crate::config::{PluginSource, PolicyConfig};
use crate::fault::Faults;
use crate::model::{EventColumns, TrimColumns};
use std::sync::Arc;

/// The policy that owns eviction where no other does.
pub const DEFAULT_EVICTION: &str = "rebuild-cost";

/// The chain of a session.
pub struct Chain {
    links: Vec<Link>,
    default_eviction: Link,
    fallback: Fallback,
    faults: Arc<Faults>,
}

/// Who scored a trim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The name that reports use.
    pub by: String,
}

impl Chain {
    /// A chain in which nothing is loaded yet.
    pub fn new(policies: &[PolicyConfig], loader: Loader, faults: Arc<Faults>) -> Self {
        let default = PolicyConfig::plain(PluginSource::Builtin(DEFAULT_EVICTION.to_owned()));
        let loader = Arc::new(loader);
        Self {
            links: policies.iter().map(|policy| Link::new(policy.clone(), loader.clone())).collect(),
            default_eviction: Link::new(default, loader),
            fallback: Fallback::default(),
            faults,
        }
    }

    /// Whether the operator configured any policy.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Where hits come from that have to be judged: a link has the role and does not abstain from them, or is required and has no word to say.
    pub fn serves(&mut self) -> Origins {
        self.links.iter_mut().fold(Origins::default(), |all, link| match link.roles(&self.faults) {
            Some(roles) if roles.serving => all.and(link.abstains().others()),
            None if link.is_required() => Origins::ALL,
            _ => all,
        })
    }

    /// Whether anybody says what may stay and leave, or may have been meant to: of one that cannot be read nobody knows.
    pub fn admits(&mut self) -> bool {
        let faults = self.faults.clone();
        self.links.iter_mut().any(|link| link.roles(&faults).is_none_or(|roles| roles.admission))
    }

    /// Whether anybody wants to know what happened.
    pub fn observes(&mut self) -> bool {
        let faults = self.faults.clone();
        self.links.iter_mut().any(|link| link.roles(&faults).is_some_and(|roles| roles.observer))
    }

    /// May the group stay, may it leave? Without any policy: no opinion.
    pub fn admit(&mut self, group: &GroupView) -> Admit {
        let mut all = Admit::default();
        for link in &mut self.links {
            let answer = match link.roles(&self.faults) {
                Some(roles) if !roles.admission => continue,
                Some(_) => {
                    link.load(Patience::Some, &self.faults);
                    link.ask("admission", &self.faults, |policy| policy.admit(group))
                }
                None => None,
            };
            // Who was to say what may leave, and said nothing, lets nothing leave.
            let answer = answer.unwrap_or(Admit { keep: None, share: Some(false) });
            all = Admit { keep: strictest(all.keep, answer.keep), share: strictest(all.share, answer.share) };
        }
        all
    }

    /// May a hit be served that this session did not put?
    pub fn serve(&mut self, group: &GroupView) -> bool {
        for link in &mut self.links {
            let answer = match link.roles(&self.faults) {
                Some(roles) if !roles.serving || link.abstains() == Origins::ALL => continue,
                // Where it came from may have to be read.
                Some(_) if !link.abstains().is_empty() && link.abstains().has(group.origin) => continue,
                Some(_) => {
                    link.load(Patience::None, &self.faults);
                    link.ask("serving", &self.faults, |policy| policy.serve(group))
                }
                None => None,
            };
            match answer {
                Some(Serve::Abstain) => link.abstain(Origins::ALL),
                Some(Serve::AbstainFromOrigin) => link.abstain(Origins::of(group.origin)),
                _ => {}
            }
            let refused = answer.map_or(link.is_required(), |answer| answer == Serve::Refuse);
            if refused {
                return false;
            }
        }
        true
    }

    /// Loads the links that have to have judged what is served.
    pub fn await_required(&mut self) {
        for link in &mut self.links {
            if link.is_required() && link.roles(&self.faults).is_some_and(|roles| roles.serving) {
                link.load(Patience::Some, &self.faults);
            }
        }
    }

    /// Tells observers what happened.
    pub fn observe(&mut self, events: &Arc<EventColumns>) {
        for link in &mut self.links {
            if link.roles(&self.faults).is_some_and(|roles| roles.observer) {
                link.load(Patience::Some, &self.faults);
                link.ask("observer", &self.faults, |policy| policy.observe(events));
            }
        }
    }

    /// Scores the rows of a trim, and says who did. There is always an answer.
    pub fn score(&mut self, columns: &mut TrimColumns) -> (Vec<f64>, Decision) {
        let faults = self.faults.clone();
        // One that never came so far as to say who it is has no words.
        let words = self.eviction_owner().and_then(Link::policy).map(|policy| policy.tag_owner()).filter(|owner| !owner.is_empty());
        let tags_are_the_fallbacks = words.is_none_or(|owner| owner == self.fallback.tag_owner());
        if let Some(owner) = self.eviction_owner()
            && let Some(scores) = owner.ask("eviction", &faults, |policy| policy.score(columns))
        {
            return (scores, Decision { by: owner.name.clone() });
        }
        // Another's words mean nothing to the fallback, and its own would mean something else to that other.
        let none = vec![0; columns.len()];
        let others = (!tags_are_the_fallbacks).then(|| std::mem::replace(&mut columns.tags, none));
        let scores = self.fallback.score(columns).unwrap_or_else(|_| columns.ranks.iter().copied().map(f64::from).collect());
        if let Some(others) = others {
            columns.tags = others;
        }
        (scores, Decision { by: self.fallback.name() })
    }

    /// Whose tags the owner of eviction reads.
    pub fn tag_owner(&mut self) -> String {
        let fallback = self.fallback.tag_owner();
        let Some(policy) = self.eviction_owner().and_then(Link::policy) else { return fallback };
        if policy.tag_owner().is_empty() {
            // Its name stands in the component; a failure here shows again when it is asked.
            let _ = policy.describe();
        }
        Some(policy.tag_owner()).filter(|owner| !owner.is_empty()).unwrap_or(fallback)
    }

    /// The named policy that has the role, or the default; None if it cannot be asked.
    fn eviction_owner(&mut self) -> Option<&mut Link> {
        let mut owners = Vec::new();
        for (number, link) in self.links.iter_mut().enumerate() {
            if link.roles(&self.faults).is_some_and(|roles| roles.eviction) {
                owners.push(number);
            }
        }
        match owners.as_slice() {
            [one] => {
                let link = self.links.get_mut(*one)?;
                link.ready(Patience::Some, &self.faults)?;
                return Some(link);
            }
            [] => {}
            several => {
                let names: Vec<&str> = several.iter().map(|number| self.links[*number].name.as_str()).collect();
                let names = names.join(" and ");
                self.faults.say("eviction", format!("{names} both decide eviction; name only one of them. The default decides until then"));
            }
        }
        self.default_eviction.ready(Patience::Some, &self.faults)?;
        Some(&mut self.default_eviction)
    }

    /// Which sets to load. None = everybody passed; none if the one that was to say failed.
    pub fn open(&mut self, network: &NetworkView) -> Option<Vec<u32>> {
        self.first_remote(Patience::None, |policy| policy.open(network))
    }

    /// Whom to ask for a miss. None = everybody passed; nobody if the one that was to say failed.
    pub fn route(&mut self, network: &NetworkView, request: RequestView) -> Option<Vec<Ask>> {
        self.first_remote(Patience::None, |policy| policy.route(network, request))
    }

    /// What to publish, and where to share. None = everybody passed; nothing if the one that was to say failed.
    pub fn close(&mut self, network: &NetworkView) -> Option<ClosePlan> {
        self.first_remote(Patience::Some, |policy| policy.close(network))
    }

    fn first_remote<T: Default>(
        &mut self,
        patience: Patience,
        mut question: impl FnMut(&mut dyn Policy) -> Result<Option<T>, PolicyError>,
    ) -> Option<T> {
        for link in &mut self.links {
            match link.roles(&self.faults) {
                Some(roles) if !roles.remote => continue,
                // It may have nothing to do with stores.
                None if !link.is_required() => continue,
                _ => link.load(patience, &self.faults),
            }
            if link.is_compiling() {
                // New here; until it is ready the session goes on without it.
                continue;
            }
            match link.ask("remote", &self.faults, &mut question) {
                Some(None) => {}
                Some(answer) => return answer,
                // Who was to say whom we deal with said nothing, so we deal with nobody.
                None => return Some(T::default()),
            }
        }
        None
    }

    /// Whether anybody is still being compiled, and has no word so far.
    pub fn is_compiling(&self) -> bool {
        self.links.iter().any(Link::is_compiling)
    }

    /// Waits for those that are still being compiled: a session of `go list` is over long before, and the next would begin anew.
    pub fn await_compiled(&mut self) {
        for link in self.links.iter_mut().filter(|link| link.is_compiling()) {
            link.load(Patience::Some, &self.faults);
        }
    }

    /// Keeps what the policies want to remember.
    pub fn remember(&mut self) {
        for link in self.links.iter_mut().chain([&mut self.default_eviction]) {
            link.remember(&self.faults);
        }
    }

    /// What each link did, the default's owner included if it was asked.
    pub fn reports(&mut self) -> Vec<LinkReport> {
        let default = Some(&mut self.default_eviction).filter(|link| link.was_asked());
        self.links.iter_mut().chain(default).map(Link::report).collect()
    }
}

/// No is stricter than yes, yes than no opinion.
fn strictest(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), _) | (_, Some(true)) => Some(true),
        (None, None) => None,
    }
}

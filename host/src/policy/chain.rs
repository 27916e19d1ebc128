//! Several policies, in the operator's order, with one fixed rule a decision:
//!
//!  * admission: the most restrictive answer wins, and a policy that has none shares nothing;
//!  * remote: the first that does not pass, and where one breaks nobody is asked and nothing is shared;
//!  * eviction: exactly one owner; where it has no answer, the fallback decides.
//!
//! A plugin is loaded when something comes up that it could be asked, and instantiated at its first question.

use super::context::{Admit, Ask, ClosePlan, GroupView, NetworkView, RequestView, SessionView};
use super::wasm::{ArtifactStore, Compiled, WasmPolicy};
use super::{Fallback, Policy, PolicyError, Roles, load_bytes};
use crate::config::{PluginSource, PolicyConfig};
use crate::fault::Faults;
use crate::model::TrimColumns;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// The policy that owns eviction where no other does.
pub const DEFAULT_EVICTION: &str = "rebuild-cost";

/// How long a question behind `go`'s back waits for a plugin that is being compiled.
const COMPILE_WAIT: Duration = Duration::from_secs(60);

/// The chain of a session.
pub struct Chain {
    links: Vec<Link>,
    default_eviction: Link,
    fallback: Fallback,
    loader: Loader,
    faults: Arc<Faults>,
}

struct Link {
    name: String,
    config: PolicyConfig,
    state: State,
    /// Known once it was loaded, and after it was switched off.
    roles: Roles,
    calls: BTreeMap<&'static str, u64>,
    failures: u32,
    off: Option<String>,
    lines: Vec<(u32, String)>,
}

enum State {
    New,
    Compiling(Receiver<Result<WasmPolicy, PolicyError>>),
    Ready(Box<WasmPolicy>),
    Off,
}

/// What a plugin needs to come to life.
#[derive(Clone)]
struct Loader {
    artifacts: Option<ArtifactStore>,
    session: Arc<SessionView>,
    log_level: u32,
}

/// Whether a question can wait for a compiler.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// `go` waits for the answer.
    None,
    /// Nobody does.
    Some,
}

/// Who scored a trim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The name that reports use.
    pub by: String,
}

/// What a link did in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkReport {
    /// Its name.
    pub name: String,
    /// Questions asked of each role.
    pub calls: BTreeMap<&'static str, u64>,
    /// Why it is not asked any more.
    pub off: Option<String>,
    /// What it logged: (level, text).
    pub lines: Vec<(u32, String)>,
}

impl Chain {
    /// A chain in which nothing is loaded yet.
    pub fn new(
        policies: &[PolicyConfig],
        artifacts: Option<ArtifactStore>,
        session: Arc<SessionView>,
        log_level: u32,
        faults: Arc<Faults>,
    ) -> Self {
        let default = PolicyConfig { source: PluginSource::Builtin(DEFAULT_EVICTION.to_owned()), settings: serde_json::json!({}) };
        Self {
            links: policies.iter().cloned().map(Link::new).collect(),
            default_eviction: Link::new(default),
            fallback: Fallback::default(),
            loader: Loader { artifacts, session, log_level },
            faults,
        }
    }

    /// Whether the operator configured any policy.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Begins to load what is configured, so that a plugin that must be compiled is ready when it is asked.
    pub fn prepare(&mut self) {
        for link in &mut self.links {
            link.load(&self.loader, Patience::None, &self.faults);
        }
    }

    /// May the group stay, may it leave? Without any policy: no opinion.
    pub fn admit(&mut self, group: &GroupView) -> Admit {
        let mut all = Admit::default();
        for link in &mut self.links {
            let answer = match link.ready(&self.loader, Patience::Some, &self.faults) {
                Some(policy) if !policy.roles().admission => continue,
                Some(_) => link.ask("admission", &self.faults, |policy| policy.admit(group)),
                None => None,
            };
            // Who was to say what may leave, and said nothing, lets nothing leave.
            let answer = answer.unwrap_or(Admit { keep: None, share: Some(false) });
            all = Admit { keep: strictest(all.keep, answer.keep), share: strictest(all.share, answer.share) };
        }
        all
    }

    /// Scores the rows of a trim, and says who did. There is always an answer.
    pub fn score(&mut self, columns: &mut TrimColumns) -> (Vec<f64>, Decision) {
        let faults = self.faults.clone();
        if let Some(owner) = self.eviction_owner()
            && let Some(scores) = owner.ask("eviction", &faults, |policy| policy.score(columns))
        {
            return (scores, Decision { by: owner.name.clone() });
        }
        let scores = self.fallback.score(columns).unwrap_or_else(|_| columns.ranks.iter().copied().map(f64::from).collect());
        (scores, Decision { by: self.fallback.name() })
    }

    /// Whose tags the owner of eviction reads.
    pub fn tag_owner(&mut self) -> String {
        let fallback = self.fallback.tag_owner();
        match self.eviction_owner() {
            Some(Link { state: State::Ready(policy), .. }) => {
                if policy.tag_owner().is_empty() {
                    // Its name stands in the component; a failure here shows again when it is asked.
                    let _ = policy.describe();
                }
                Some(policy.tag_owner()).filter(|owner| !owner.is_empty()).unwrap_or(fallback)
            }
            _ => fallback,
        }
    }

    /// The named policy that has the role, or the default; None if it cannot be asked.
    fn eviction_owner(&mut self) -> Option<&mut Link> {
        let mut owners = Vec::new();
        for (number, link) in self.links.iter_mut().enumerate() {
            if link.ready(&self.loader, Patience::Some, &self.faults).is_some_and(|policy| policy.roles().eviction) {
                owners.push(number);
            }
        }
        match owners.as_slice() {
            [one] => return self.links.get_mut(*one),
            [] => {}
            several => {
                let names: Vec<&str> = several.iter().map(|number| self.links[*number].name.as_str()).collect();
                let names = names.join(" and ");
                self.faults.say("eviction", format!("{names} both decide eviction; name only one of them. The default decides until then"));
            }
        }
        self.default_eviction.ready(&self.loader, Patience::Some, &self.faults)?;
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
            link.load(&self.loader, patience, &self.faults);
            if !link.roles.remote {
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

    /// What each link did, the default's owner included if it was asked.
    pub fn reports(&mut self) -> Vec<LinkReport> {
        let default = Some(&mut self.default_eviction).filter(|link| !link.calls.is_empty());
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

impl Link {
    fn new(config: PolicyConfig) -> Self {
        let name = match &config.source {
            PluginSource::Builtin(name) => name.clone(),
            PluginSource::File(path) => {
                path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
            }
        };
        Self { name, config, state: State::New, roles: Roles::default(), calls: BTreeMap::new(), failures: 0, off: None, lines: Vec::new() }
    }

    fn switch_off(&mut self, reason: &PolicyError, faults: &Faults) {
        self.say(reason, faults);
        self.off = Some(reason.to_string());
        if let State::Ready(policy) = &mut self.state {
            self.lines.append(&mut policy.take_lines());
        }
        self.state = State::Off;
    }

    /// One line a plugin: its first failure says all there is to say, and that it is off in the end stands in reports.
    fn say(&self, reason: &PolicyError, faults: &Faults) {
        let source = match &self.config.source {
            PluginSource::Builtin(name) => format!("builtin:{name}"),
            PluginSource::File(path) => path.display().to_string(),
        };
        let failed = match reason {
            PolicyError::Trap { .. } | PolicyError::Nonsense { .. } => "failed in ",
            PolicyError::Unusable(_) | PolicyError::Settings { .. } | PolicyError::Off(_) => "",
        };
        faults.say(&format!("plugin:{source}"), format!("plugin {source} {failed}{reason}; the build goes on without it"));
    }

    fn load(&mut self, loader: &Loader, patience: Patience, faults: &Faults) {
        if let State::New = self.state {
            match loader.begin(&self.name, &self.config) {
                Ok(state) => self.state = state,
                Err(error) => self.switch_off(&error, faults),
            }
        }
        if let State::Compiling(receiver) = &self.state {
            let wait = if patience == Patience::Some { COMPILE_WAIT } else { Duration::ZERO };
            match receiver.recv_timeout(wait) {
                Ok(Ok(policy)) => self.state = State::Ready(Box::new(policy)),
                Ok(Err(error)) => self.switch_off(&error, faults),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.switch_off(&PolicyError::Unusable("was not compiled: the compiling thread is gone".to_owned()), faults);
                }
            }
        }
        if let State::Ready(policy) = &self.state {
            self.roles = policy.roles();
        }
    }

    /// The policy, if it can be asked.
    fn ready(&mut self, loader: &Loader, patience: Patience, faults: &Faults) -> Option<&mut WasmPolicy> {
        self.load(loader, patience, faults);
        match &mut self.state {
            State::Ready(policy) => Some(policy),
            _ => None,
        }
    }

    /// Asks a question of a policy that is ready, again after a failure as long as it may be started anew.
    fn ask<T>(
        &mut self,
        role: &'static str,
        faults: &Faults,
        mut question: impl FnMut(&mut dyn Policy) -> Result<T, PolicyError>,
    ) -> Option<T> {
        let State::Ready(policy) = &mut self.state else { return None };
        *self.calls.entry(role).or_default() += 1;
        match question(policy.as_mut()) {
            Ok(answer) => Some(answer),
            Err(error @ (PolicyError::Off(_) | PolicyError::Settings { .. } | PolicyError::Unusable(_))) => {
                self.switch_off(&error, faults);
                None
            }
            Err(error) => {
                self.failures += 1;
                if self.failures >= super::wasm::LIMITS.restarts {
                    self.switch_off(&error, faults);
                } else {
                    self.say(&error, faults);
                }
                None
            }
        }
    }

    fn report(&mut self) -> LinkReport {
        if let State::Ready(policy) = &mut self.state {
            self.lines.append(&mut policy.take_lines());
        }
        LinkReport { name: self.name.clone(), calls: self.calls.clone(), off: self.off.clone(), lines: std::mem::take(&mut self.lines) }
    }
}

impl Loader {
    fn begin(&self, name: &str, config: &PolicyConfig) -> Result<State, PolicyError> {
        let component: Cow<'static, [u8]> = load_bytes(&config.source)?;
        let no_folder = || PolicyError::Unusable("cannot be compiled: there is no cache folder for this user; set HOME".to_owned());
        let artifacts = self.artifacts.as_ref().ok_or_else(no_folder)?;
        let (session, level) = (self.session.clone(), self.log_level);
        let (name, settings) = (name.to_owned(), config.settings.clone());
        match artifacts.load(&component)? {
            Compiled::Ready(prepared) => Ok(State::Ready(Box::new(WasmPolicy::new(name, *prepared, session, settings, level)))),
            Compiled::Missing => {
                let (sender, receiver) = channel();
                let artifacts = artifacts.clone();
                std::thread::spawn(move || {
                    let policy = artifacts.compile(&component).map(|prepared| WasmPolicy::new(name, prepared, session, settings, level));
                    // Nobody may be waiting any more; the artefact is kept all the same.
                    let _ = sender.send(policy);
                });
                Ok(State::Compiling(receiver))
            }
        }
    }
}

/// Loads one plugin the way a session would, for the command line: compiled if need be, described, its settings checked.
pub fn load_one(
    source: &PluginSource,
    settings: serde_json::Value,
    artifacts: &ArtifactStore,
    log_level: u32,
) -> Result<(WasmPolicy, Roles), PolicyError> {
    let component = load_bytes(source)?;
    let prepared = match artifacts.load(&component)? {
        Compiled::Ready(prepared) => *prepared,
        Compiled::Missing => artifacts.compile(&component)?,
    };
    let roles = prepared.roles();
    let policy = WasmPolicy::new(String::new(), prepared, Arc::new(SessionView::default()), settings, log_level);
    Ok((policy, roles))
}

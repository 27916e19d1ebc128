//! One plugin of a chain: what it is, whether it can be asked, and what came of asking.
//!
//! Three stages, each only when something needs it: its manifest is read when anybody wants to know its roles; it is linked, and compiled
//! before that if it is new, when something comes up that it has a role for; it is instantiated at the first question.

use super::abstention::Abstention;
use super::complaints;
use super::context::{Grants, SessionView};
use super::manifest::Manifest;
use super::report::LinkReport;
use super::state::States;
use super::wasm::{ArtifactStore, Compiled, Identity, WasmPolicy};
use super::{Component, Origins, Policy, PolicyError, Roles, load_component};
use crate::config::{Pin, PluginSource, PolicyConfig};
use crate::fault::Faults;
use crate::model::Digest;
use crate::platform::FileIdentity;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How long a question that can wait does wait for a plugin that is being compiled.
const COMPILE_WAIT: Duration = Duration::from_secs(60);

/// A plugin of the chain.
pub(super) struct Link {
    pub name: String,
    config: PolicyConfig,
    loader: Arc<Loader>,
    /// Once somebody wanted to know, with the roles that it says: these are asked for with every hit. An error was said, and nothing is
    /// known then.
    manifest: Option<Result<(Manifest, Roles), ()>>,
    bytes: Bytes,
    abstention: Abstention,
    state: State,
    calls: BTreeMap<&'static str, u64>,
    failures: u32,
    off: Option<String>,
    lines: Vec<(u32, String)>,
    counters: BTreeMap<String, u64>,
    spent: Duration,
}

/// What is known of its bytes.
enum Bytes {
    Unread,
    Read(Component),
    /// That they have the digest which the operator vouched for.
    Vouched(Digest),
}

enum State {
    New,
    Compiling(Receiver<Result<WasmPolicy, PolicyError>>),
    Ready(Box<WasmPolicy>),
    Off,
}

/// What a plugin needs to come to life.
pub struct Loader {
    /// Where it is compiled; None = nowhere, and it cannot be asked.
    pub artifacts: Option<ArtifactStore>,
    /// The session that it is asked about.
    pub session: Arc<SessionView>,
    /// Where it is remembered what policies want to be; None = nowhere.
    pub states: Option<States>,
    /// The most detailed level of lines that is kept.
    pub log_level: u32,
    /// Whether what it said under the same facts before is taken for its word: not where it is to be seen what it says.
    pub recalls: bool,
}

/// Whether a question can wait for a compiler.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// `go` waits for the answer.
    None,
    /// Nobody does, or nothing may happen without the answer.
    Some,
}

impl Link {
    pub fn new(config: PolicyConfig, loader: Arc<Loader>) -> Self {
        let name = match &config.source {
            PluginSource::Builtin(name) => name.clone(),
            PluginSource::File(path) => {
                path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
            }
        };
        Self {
            name,
            config,
            loader,
            manifest: None,
            bytes: Bytes::Unread,
            abstention: Abstention::default(),
            state: State::New,
            calls: BTreeMap::new(),
            failures: 0,
            off: None,
            lines: Vec::new(),
            counters: BTreeMap::new(),
            spent: Duration::ZERO,
        }
    }

    /// Whether the operator would rather have nothing than go without it.
    pub fn is_required(&self) -> bool {
        self.config.required
    }

    /// Whether it was asked anything.
    pub fn was_asked(&self) -> bool {
        !self.calls.is_empty()
    }

    /// The roles that it has; None if they cannot be found out, which is a fault that was said.
    pub fn roles(&mut self, faults: &Faults) -> Option<Roles> {
        if self.manifest.is_none() {
            let read = self.read_manifest();
            let known = read.map_err(|error| self.switch_off(&error, faults));
            if let Ok(manifest) = &known {
                complaints::ungranted(&self.config, manifest, faults);
            }
            self.manifest = Some(known.map(|manifest| {
                let roles = manifest.roles();
                (manifest, roles)
            }));
        }
        self.manifest.as_ref()?.as_ref().ok().map(|(_, roles)| *roles)
    }

    fn read_manifest(&mut self) -> Result<Manifest, PolicyError> {
        let (PluginSource::File(path), Pin::Sha256(pinned), Some(artifacts)) =
            (&self.config.source, self.config.pin, &self.loader.artifacts)
        else {
            return self.take_in();
        };
        let (path, artifacts) = (path.clone(), artifacts.clone());
        let file = FileIdentity::of(&path);
        if let Some(manifest) = file.and_then(|file| artifacts.recall(&path, pinned, file)) {
            self.bytes = Bytes::Vouched(pinned);
            return Ok(manifest);
        }
        let manifest = self.take_in()?;
        if let Some(file) = file {
            artifacts.note(&path, pinned, file, &manifest);
        }
        Ok(manifest)
    }

    fn take_in(&mut self) -> Result<Manifest, PolicyError> {
        let component = self.read()?;
        let manifest = Manifest::read(&component)?;
        self.bytes = Bytes::Read(component);
        Ok(manifest)
    }

    /// Reads it, and holds it against its pin.
    fn read(&self) -> Result<Component, PolicyError> {
        let component = load_component(&self.config.source)?;
        check_pin(self.config.pin, &component).map(|()| component)
    }

    fn switch_off(&mut self, reason: &PolicyError, faults: &Faults) {
        self.say(reason, faults);
        self.off = Some(reason.to_string());
        self.collect();
        self.state = State::Off;
    }

    fn say(&self, reason: &PolicyError, faults: &Faults) {
        let roles = self.manifest.as_ref().and_then(|known| known.as_ref().ok()).map(|(_, roles)| *roles);
        complaints::failed(&self.config, roles, reason, faults);
    }

    /// Where hits come from on which it has no opinion: it has said so in this session, or in another one with the same facts. It has a manifest.
    pub fn abstains(&mut self) -> Origins {
        if !self.abstention.is_recalled() {
            let grants = self.grants();
            self.abstention.recall(self.sha256(), &self.config.settings, &grants, &self.loader);
        }
        self.abstention.from()
    }

    /// Notes that it has no opinion on hits from there.
    pub fn abstain(&mut self, from: Origins) {
        self.abstention.add(from);
    }

    /// The digest of its bytes, while they are at hand.
    fn sha256(&self) -> Option<Digest> {
        match &self.bytes {
            Bytes::Read(component) => Some(component.sha256()),
            Bytes::Vouched(sha256) => Some(*sha256),
            Bytes::Unread => None,
        }
    }

    /// Links it, and compiles it before that in the background if it has to be.
    pub fn load(&mut self, patience: Patience, faults: &Arc<Faults>) {
        if self.roles(faults).is_none() {
            return;
        }
        if let State::New = self.state {
            match self.begin(faults) {
                Ok(state) => self.state = state,
                Err(error) => self.switch_off(&error, faults),
            }
        }
        if let State::Compiling(receiver) = &self.state {
            let wait = if patience == Patience::Some || self.config.required { COMPILE_WAIT } else { Duration::ZERO };
            match receiver.recv_timeout(wait) {
                Ok(Ok(policy)) => self.state = State::Ready(Box::new(policy)),
                Ok(Err(error)) => self.switch_off(&error, faults),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.switch_off(&PolicyError::Unusable("was not compiled: the compiling thread is gone".to_owned()), faults);
                }
            }
        }
    }

    fn begin(&mut self, faults: &Arc<Faults>) -> Result<State, PolicyError> {
        // The very bytes that were held against the pin; read again, the file could be another.
        let (sha256, component) = match std::mem::replace(&mut self.bytes, Bytes::Unread) {
            Bytes::Read(component) => (component.sha256(), Some(component)),
            Bytes::Vouched(sha256) => (sha256, None),
            Bytes::Unread => return Err(PolicyError::Unusable("was not read".to_owned())),
        };
        let loader = &self.loader;
        let no_folder = || PolicyError::Unusable("cannot be compiled: there is no cache folder for this user; set HOME".to_owned());
        let artifacts = loader.artifacts.as_ref().ok_or_else(no_folder)?;
        let identity = Identity {
            name: self.name.clone(),
            place: self.place(),
            session: loader.session.clone(),
            settings: Arc::new(self.config.settings.clone()),
            grants: Arc::new(self.grants()),
            states: loader.states.clone(),
            max_level: loader.log_level,
        };
        match artifacts.load(sha256)? {
            Compiled::Ready(prepared) => Ok(State::Ready(Box::new(WasmPolicy::new(identity, *prepared)))),
            Compiled::Refused(reason) => Err(PolicyError::Unusable(reason)),
            Compiled::Missing => {
                let component = component.map_or_else(|| self.read(), Ok)?;
                let (sender, receiver) = channel();
                // Now, since a short session is over before it is compiled.
                if let Err(error) = artifacts.make_folder() {
                    complaints::not_kept(artifacts.dir(), &error, faults);
                }
                let (artifacts, faults) = (artifacts.clone(), faults.clone());
                std::thread::spawn(move || {
                    let policy = artifacts.compile(&component).map(|(prepared, kept)| {
                        if let Err(error) = kept {
                            complaints::not_kept(artifacts.dir(), &error, &faults);
                        }
                        WasmPolicy::new(identity, prepared)
                    });
                    // Nobody may be waiting any more; the artefact is kept all the same.
                    let _ = sender.send(policy);
                });
                Ok(State::Compiling(receiver))
            }
        }
    }

    /// Where it is to the operator. What nobody vouched for is never where something pinned is.
    fn place(&self) -> Option<String> {
        match (&self.config.source, self.config.pin) {
            (PluginSource::Builtin(_), _) => None,
            (PluginSource::File(_), Pin::Sha256(_)) => Some(self.config.named.clone()),
            (PluginSource::File(path), _) => Some(format!("unpinned {}", std::path::absolute(path).as_ref().unwrap_or(path).display())),
        }
    }

    /// What it may know. A shipped plugin is a part of this program, and has what it wishes.
    fn grants(&self) -> Grants {
        match (&self.config.source, &self.manifest) {
            (PluginSource::Builtin(_), Some(Ok((manifest, _)))) => Grants::new(&manifest.wishes, &BTreeMap::new()),
            _ => self.config.grants.clone(),
        }
    }

    /// Whether it is not ready yet, and nothing is wrong with it so far.
    pub fn is_compiling(&self) -> bool {
        matches!(self.state, State::Compiling(_))
    }

    /// The policy, if it can be asked.
    pub fn ready(&mut self, patience: Patience, faults: &Arc<Faults>) -> Option<&mut WasmPolicy> {
        self.load(patience, faults);
        self.policy()
    }

    /// The policy, if it was loaded and is not off.
    pub fn policy(&mut self) -> Option<&mut WasmPolicy> {
        match &mut self.state {
            State::Ready(policy) => Some(policy),
            _ => None,
        }
    }

    /// Asks a question of a policy that is ready. None = it has no answer.
    pub fn ask<T>(
        &mut self,
        role: &'static str,
        faults: &Faults,
        mut question: impl FnMut(&mut dyn Policy) -> Result<T, PolicyError>,
    ) -> Option<T> {
        let State::Ready(policy) = &mut self.state else { return None };
        *self.calls.entry(role).or_default() += 1;
        match question(policy.as_mut()) {
            Ok(answer) => Some(answer),
            Err(error @ (PolicyError::Trap { .. } | PolicyError::Nonsense { .. })) => {
                self.failures += 1;
                if self.failures >= super::wasm::LIMITS.restarts {
                    self.switch_off(&error, faults);
                } else {
                    self.say(&error, faults);
                }
                None
            }
            Err(error) => {
                self.switch_off(&error, faults);
                None
            }
        }
    }

    /// Takes over what the instance has collected, and keeps what it wants to be kept.
    fn collect(&mut self) {
        if let State::Ready(policy) = &mut self.state {
            self.lines.append(&mut policy.take_lines());
            for (name, value) in policy.take_counters() {
                let sum = self.counters.entry(name).or_default();
                *sum = sum.saturating_add(value);
            }
            self.spent = policy.spent();
        }
    }

    /// Writes what it wants to remember. That it cannot be written costs nothing but the memory.
    pub fn remember(&mut self, faults: &Faults) {
        let source = self.config.source.to_string();
        if let State::Ready(policy) = &mut self.state
            && let Err(error) = policy.remember()
        {
            faults.say("state", format!("what plugin {source} wants to remember cannot be kept: {error}"));
        }
        if let State::Ready(policy) = &mut self.state
            && let Some(word) = policy.take_word()
        {
            self.abstention.keep(word, &self.loader);
        }
    }

    pub fn report(&mut self) -> LinkReport {
        self.collect();
        LinkReport {
            name: self.name.clone(),
            calls: self.calls.clone(),
            spent: self.spent,
            abstains_as_before: self.abstention.is_of_before(),
            off: self.off.clone(),
            counters: std::mem::take(&mut self.counters),
            lines: std::mem::take(&mut self.lines),
        }
    }
}

/// Whether a component is the one that the operator vouched for.
pub fn check_pin(pin: Pin, component: &Component) -> Result<(), PolicyError> {
    match pin {
        Pin::Any => Ok(()),
        Pin::Missing => Err(PolicyError::Unpinned),
        Pin::Sha256(pinned) => {
            let found = component.sha256();
            if found == pinned { Ok(()) } else { Err(PolicyError::Changed { pinned, found }) }
        }
    }
}

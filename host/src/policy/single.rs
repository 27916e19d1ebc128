//! One plugin by itself, outside of any session: for the command line and the simulator.

use super::context::{Grants, SessionView};
use super::manifest::Manifest;
use super::state::States;
use super::wasm::{ArtifactStore, Compiled, Identity, WasmPolicy};
use super::{PolicyError, Roles, load_component};
use crate::config::PluginSource;
use std::sync::Arc;

/// Loads one plugin the way a session would, for the command line: compiled if need be, described, its settings checked.
pub fn load_one(
    source: &PluginSource,
    settings: serde_json::Value,
    artifacts: &ArtifactStore,
    log_level: u32,
) -> Result<(WasmPolicy, Roles), PolicyError> {
    load_as(source, Identity::alone(settings, log_level), artifacts)
}

/// The same for a session that somebody has made up, what the plugin may know of it and what it remembers; with every line that it logs.
pub fn load_with(
    source: &PluginSource,
    settings: serde_json::Value,
    (session, grants, states): (SessionView, Grants, States),
    artifacts: &ArtifactStore,
) -> Result<(WasmPolicy, Roles), PolicyError> {
    let alone = Identity::alone(settings, 4);
    let identity = Identity { session: Arc::new(session), grants: Arc::new(grants), states: Some(states), ..alone };
    load_as(source, identity, artifacts)
}

fn load_as(source: &PluginSource, identity: Identity, artifacts: &ArtifactStore) -> Result<(WasmPolicy, Roles), PolicyError> {
    let component = load_component(source)?;
    // A session reads it before anything else, and goes on without a plugin whose manifest cannot be used.
    Manifest::read(&component)?;
    let prepared = match artifacts.load(component.sha256())? {
        Compiled::Ready(prepared) => *prepared,
        // Whoever asks by hand may wait, and may have another compiler by now.
        Compiled::Missing | Compiled::Refused(_) => artifacts.compile(&component)?.0,
    };
    let roles = prepared.roles();
    Ok((WasmPolicy::new(identity, prepared), roles))
}

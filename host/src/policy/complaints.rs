//! What is said of a plugin that does not do what its operator wants of it: one line each, with the plugin, what is wrong and the remedy.

use super::{Manifest, PolicyError, Roles};
use crate::config::{PluginSource, PolicyConfig};
use crate::fault::Faults;
use std::io;
use std::path::Path;

/// One line a plugin: its first failure says all there is to say, and that it is off in the end stands in reports. Its roles are unknown where it
/// could not be read.
pub(super) fn failed(config: &PolicyConfig, roles: Option<Roles>, reason: &PolicyError, faults: &Faults) {
    let source = config.source.to_string();
    let then = if config.required { "what it was to judge is not served" } else { "the build goes on without it" };
    let shared = match (roles, reason) {
        (Some(roles), _) if !roles.admission => "",
        // It is started anew, a few times.
        (_, PolicyError::Trap { .. } | PolicyError::Nonsense { .. }) => ", and what it was to admit is not shared",
        // Of one that could not be read nobody knows whether it was to say what may leave.
        _ => ", and nothing is shared",
    };
    faults.say(&format!("plugin:{source}"), format!("{}; {then}{shared}", reason.about(&source)));
}

/// What it wishes to know and nobody let it: it may be of no use without.
pub(super) fn ungranted(config: &PolicyConfig, manifest: &Manifest, faults: &Faults) {
    if let PluginSource::Builtin(_) = config.source {
        return;
    }
    let open = manifest.wishes.iter().filter(|wish| !config.grants.include(wish) && !config.denied.contains(*wish));
    let wishes: Vec<String> = open.map(ToString::to_string).collect();
    if let Some(first) = wishes.first() {
        let (source, all) = (&config.source, wishes.join(" and "));
        faults.say(
            &format!("wishes:{source}"),
            format!(
                "plugin {source} wishes to know {all}, which nobody granted; it goes on without. Decide with `cachewit plugin add {source} --grant {first}`, or --deny"
            ),
        );
    }
}

/// Each session compiles it anew then, and a short one is over before it is there.
pub(super) fn not_kept(folder: &Path, error: &io::Error, faults: &Faults) {
    let folder = folder.display();
    faults.say(
        "artifacts",
        format!(
            "what is compiled of plugins cannot be kept in {folder}: {error}; each session does it anew, and goes on without them until it is done. Let this user alone write there, or set XDG_CACHE_HOME"
        ),
    );
}

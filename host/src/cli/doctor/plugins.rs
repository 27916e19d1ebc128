//! The chain: whether each plugin loads, as a build would load it.

use super::finding::Findings;
use crate::config::Config;
use crate::policy::wasm::ArtifactStore;
use crate::policy::{check_pin, load_component, load_one};

pub(super) fn look(findings: &mut Findings, config: &Config) {
    let Some(artifacts) = ArtifactStore::of_this_user() else {
        findings.error("CW050", "there is no cache folder for this user, so no plugin can be compiled", "set HOME");
        return;
    };
    if let Err(error) = artifacts.make_folder() {
        let folder = artifacts.dir().display();
        findings.warn(
            "CW053",
            format!(
                "what is compiled of plugins cannot be kept in {folder}: {error}; each session does it anew, and a short one is over before they can judge"
            ),
            format!("give {folder} to this user, and let nobody else write in it (`chmod 700`)"),
        );
    }
    let mut eviction = Vec::new();
    for policy in &config.policies {
        let name = policy.source.to_string();
        let checked = load_component(&policy.source)
            .and_then(|component| check_pin(policy.pin, &component))
            .and_then(|()| load_one(&policy.source, policy.settings.clone(), &artifacts, 1))
            .and_then(|(mut plugin, roles)| plugin.describe().map(|_| roles));
        match checked {
            Ok(roles) => {
                findings.good("CW051", format!("plugin {name}: {}", roles.names().join(", ")));
                if roles.eviction {
                    eviction.push(name);
                }
            }
            Err(error) => findings.error(
                "CW051",
                error.about(&name),
                "correct it; until then builds go on without it, and share nothing if it decides admission, or if that cannot be told",
            ),
        }
    }
    if eviction.len() > 1 {
        findings.error("CW052", format!("{} all decide eviction", eviction.join(" and ")), "name only one; until then the default decides");
    }
}

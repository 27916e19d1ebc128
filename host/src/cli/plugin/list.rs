//! `cachewit plugin list`: what the configuration names, and what comes with this program.

use super::installation::Installation;
use crate::config::{PluginSource, PolicyConfig};
use crate::policy::{Manifest, check_pin, load_component, shipped};
use anyhow::Result;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

/// Prints it.
pub(super) fn list(config: Option<&Path>, as_json: bool) -> Result<ExitCode> {
    let policies = Installation::open(config)?.policies()?;
    let shipped = shipped::NAMES.iter().map(|name| PolicyConfig::plain(PluginSource::Builtin((*name).to_owned())));
    let shipped: Vec<PolicyConfig> = shipped.collect();
    if as_json {
        let object = |policies: &[PolicyConfig]| policies.iter().map(describe).collect::<Vec<Value>>();
        println!("{}", json!({ "chain": object(&policies), "shipped": object(&shipped) }));
        return Ok(ExitCode::SUCCESS);
    }
    for (title, policies) in [("chain", &policies), ("shipped", &shipped)] {
        for policy in policies {
            let described = describe(policy);
            let words = |key: &str| {
                let words = described[key].as_array().into_iter().flatten().filter_map(Value::as_str);
                words.collect::<Vec<_>>().join(", ")
            };
            let said = described["problem"].as_str().map_or_else(|| words("roles"), |problem| format!("UNUSABLE: {problem}"));
            let mut line = format!("{title:<10} {:<28} {said}", policy.source.to_string());
            for (key, name) in [("granted", "may know"), ("denied", "may not know")] {
                if !words(key).is_empty() {
                    line.push_str(&format!("; {name} {}", words(key)));
                }
            }
            if policy.required {
                line.push_str("; required");
            }
            println!("{line}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(policy: &PolicyConfig) -> Value {
    let looked = load_component(&policy.source).and_then(|component| {
        check_pin(policy.pin, &component)?;
        Manifest::read(&component)
    });
    let facts = policy.grants.facts.iter().map(|fact| format!("fact:{fact}"));
    let granted: Vec<String> = facts.chain(policy.grants.variables.keys().map(|name| format!("env:{name}"))).collect();
    let granted = match (&policy.source, &looked) {
        (PluginSource::Builtin(_), Ok(manifest)) => manifest.wishes.iter().map(ToString::to_string).collect(),
        _ => granted,
    };
    let denied: Vec<String> = policy.denied.iter().map(ToString::to_string).collect();
    let mut object = json!({
        "use": policy.source.to_string(), "required": policy.required, "settings": policy.settings, "granted": granted, "denied": denied,
    });
    match looked {
        Ok(manifest) => object["roles"] = json!(manifest.roles().names()),
        Err(error) => object["problem"] = json!(error.to_string()),
    }
    object
}

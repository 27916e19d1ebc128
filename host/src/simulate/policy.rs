//! Policies as they are named on the command line of a simulation.

use crate::config::{PluginSource, PolicyConfig, plugin_source};
use crate::policy::wasm::ArtifactStore;
use crate::policy::{Grants, Manifest, PolicyError, Wish, load_component, load_one};
use serde_json::{Deserializer, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// A chain of plugins that is compared with others.
#[derive(Clone, Debug)]
pub struct Contender {
    /// As it was named.
    pub name: String,
    /// Its plugins, in order.
    pub chain: Vec<PolicyConfig>,
}

impl Contender {
    /// From plugins as `GOCACHEPROG` names them, each with its settings behind it if it is to have others than the usual:
    /// `builtin:rebuild-cost{"idle-runs":1} share.wasm`.
    pub fn parse(name: &str) -> Result<Self, String> {
        let mut chain = Vec::new();
        let mut rest = name.trim();
        while !rest.is_empty() {
            let end = rest.find(|c: char| c.is_whitespace() || c == '{').unwrap_or(rest.len());
            let (plugin, behind) = rest.split_at(end);
            if plugin.is_empty() {
                return Err(format!("`{name}`: these settings follow no plugin; name it before them, as in builtin:lru{{…}}"));
            }
            rest = behind;
            let mut settings = json!({});
            if behind.starts_with('{') {
                let mut values = Deserializer::from_str(behind).into_iter::<Value>();
                settings = match values.next() {
                    Some(Ok(settings)) => settings,
                    Some(Err(error)) => return Err(format!("the settings of `{plugin}` are no JSON: {error}")),
                    None => return Err(format!("the settings of `{plugin}` are empty")),
                };
                rest = &behind[values.byte_offset()..];
            }
            chain.push(link(plugin_source(plugin, Path::new("")), settings));
            rest = rest.trim_start();
        }
        if chain.is_empty() {
            return Err("no plugin is named; write a file that ends in .wasm, or builtin:NAME".to_owned());
        }
        Ok(Self { name: name.trim().to_owned(), chain })
    }

    /// Loads each plugin once as a build would, so that it is compiled and its settings are known to be right before anything is simulated.
    pub fn check(&self, artifacts: &ArtifactStore) -> Result<(), PolicyError> {
        for plugin in &self.chain {
            load_one(&plugin.source, plugin.settings.clone(), artifacts, 2)?.0.describe()?;
        }
        Ok(())
    }
}

/// One plugin. What it wishes to know of a session it is let know: a trace is the operator's own, and has no environment.
fn link(source: PluginSource, settings: Value) -> PolicyConfig {
    let plain = PolicyConfig { settings, ..PolicyConfig::plain(source) };
    // What is wrong with its file is said when it is checked.
    let Ok(manifest) = load_component(&plain.source).and_then(|component| Manifest::read(&component)) else { return plain };
    let (facts, variables): (Vec<Wish>, Vec<Wish>) = manifest.wishes.into_iter().partition(|wish| matches!(wish, Wish::Fact(_)));
    PolicyConfig { grants: Grants::new(&facts, &BTreeMap::new()), denied: variables.into_iter().collect(), ..plain }
}

#[cfg(test)]
mod tests {
    use super::Contender;
    use crate::config::PluginSource;
    use serde_json::json;

    #[test]
    fn a_chain_is_plugins_with_their_settings_behind_them() {
        let text = r#"builtin:rebuild-cost{"idle-runs": 1, "x": "{ }"}  ./share filter.wasm"#;
        let chain = Contender::parse(text).unwrap().chain;
        let sources: Vec<_> = chain.iter().map(|plugin| plugin.source.clone()).collect();
        let file = |name: &str| PluginSource::File(name.into());
        assert_eq!(sources, [PluginSource::Builtin("rebuild-cost".to_owned()), file("./share"), file("filter.wasm")]);
        assert_eq!(chain[0].settings, json!({ "idle-runs": 1, "x": "{ }" }));
        assert_eq!(chain[1].settings, json!({}));
    }

    #[test]
    fn what_is_no_chain_is_said_with_its_place() {
        for (text, expected) in [("", "no plugin is named"), ("{}", "follow no plugin"), ("a.wasm{\"x\":", "settings of `a.wasm`")] {
            let said = Contender::parse(text).unwrap_err();
            assert!(said.contains(expected), "{said}");
        }
    }
}

//! The configuration and the lock beside it, as commands change them: comments and order of the operator's file stay.

use crate::config::lock::Lock;
use crate::config::{self, PolicyConfig, parse_text};
use crate::platform::Staged;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};

/// The folder below the configuration's into which plugins are copied.
const PLUGINS: &str = "plugins";

/// A configuration that is being changed.
pub(super) struct Installation {
    pub path: PathBuf,
    document: DocumentMut,
    pub lock: Lock,
}

impl Installation {
    /// The configuration that is named, or this user's own, which need not be there yet.
    pub fn open(flag: Option<&Path>) -> Result<Self> {
        let own = config::own_file(flag, &config::environment());
        let path = own.context("there is no folder for this user's settings; name a configuration with --config")?;
        let path = std::path::absolute(&path).with_context(|| format!("cannot find {}", path.display()))?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read the configuration {}", path.display())),
        };
        // What a session would refuse is not to be added to.
        parse_text(&text).map_err(|problem| anyhow::anyhow!("configuration {}: {problem}", path.display()))?;
        let document = text.parse().with_context(|| format!("configuration {}", path.display()))?;
        let lock = Lock::read(path.parent().unwrap_or(Path::new("")))?;
        Ok(Self { path, document, lock })
    }

    /// The folder that everything lies in.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// How the configuration names the copy of a plugin.
    pub fn file_of(name: &str) -> String {
        format!("{PLUGINS}/{name}.wasm")
    }

    /// Whether a file is one of the copies.
    pub fn is_copy(file: &str) -> bool {
        file.strip_prefix(PLUGINS).and_then(|rest| rest.strip_prefix('/')).is_some_and(|name| !name.contains(['/', '\\']) && name != "..")
    }

    fn tables(&self) -> Option<&ArrayOfTables> {
        self.document.get("policy")?.as_array_of_tables()
    }

    /// The `use` of each link of the chain, in order.
    pub fn chain(&self) -> Vec<String> {
        let named = |table: &Table| table.get("use").and_then(Item::as_str).map(str::to_owned);
        self.tables().map(|tables| tables.iter().filter_map(named).collect()).unwrap_or_default()
    }

    /// What a session would make of the file as it stands.
    pub fn policies(&self) -> Result<Vec<PolicyConfig>> {
        let flags = config::Flags { config: Some(self.path.clone()), ..config::Flags::default() };
        // Where the store lies is no part of it.
        let resolved = config::Config::resolve(&flags, &config::environment(), Path::new("/"));
        Ok(if self.path.exists() { resolved?.policies } else { Vec::new() })
    }

    /// Names a plugin in the chain: at its end, or where it stands already.
    pub fn set(&mut self, named: &str, settings: Option<&serde_json::Value>, required: bool) -> Result<()> {
        if self.document.get("policy").is_none() {
            self.document.insert("policy", Item::ArrayOfTables(ArrayOfTables::new()));
        }
        let Some(tables) = self.document.get_mut("policy").and_then(Item::as_array_of_tables_mut) else {
            bail!("`policy` of the configuration is written inline; write each policy as a [[policy]] of its own");
        };
        let place = tables.iter().position(|table| table.get("use").and_then(Item::as_str) == Some(named));
        let place = place.unwrap_or_else(|| {
            let mut table = Table::new();
            table.insert("use", value(named));
            tables.push(table);
            tables.len() - 1
        });
        let Some(table) = tables.get_mut(place) else { return Ok(()) };
        if required {
            table.insert("required", value(true));
        }
        if let Some(settings) = settings {
            match as_toml(settings)? {
                Some(Value::InlineTable(settings)) => {
                    table.insert("settings", Item::Table(settings.into_table()));
                }
                _ => bail!("the settings are no JSON object, such as {{\"private\": true}}"),
            }
        }
        Ok(())
    }

    /// Takes a plugin out of chain and lock; false if it was in neither.
    pub fn remove(&mut self, named: &str) -> bool {
        let mut found = false;
        if let Some(tables) = self.document.get_mut("policy").and_then(Item::as_array_of_tables_mut) {
            let before = tables.len();
            tables.retain(|table| table.get("use").and_then(Item::as_str) != Some(named));
            found |= tables.len() < before;
        }
        let before = self.lock.plugins.len();
        self.lock.plugins.retain(|plugin| plugin.file != named);
        found | (self.lock.plugins.len() < before)
    }

    /// The settings that a session would find for a plugin of the chain, if it would take the configuration at all.
    pub fn settings(&self, named: &str) -> Result<serde_json::Value> {
        let chain = parse_text(&self.document.to_string())
            .map_err(|problem| anyhow::anyhow!("configuration {} would be no good any more: {problem}", self.path.display()))?;
        Ok(chain.into_iter().find(|(other, _)| other == named).map_or_else(|| serde_json::json!({}), |(_, settings)| settings))
    }

    /// Writes lock and configuration, and before them the copy of a component, by the name that the configuration has for it. They are put into
    /// their places when all of them are written: a disk that is full leaves what was there.
    pub fn write(&self, copy: Option<(&str, &[u8])>) -> Result<()> {
        let folder = self.folder();
        let copies = folder.join(PLUGINS);
        let made = if copy.is_some() { &copies } else { folder };
        std::fs::create_dir_all(made).with_context(|| format!("cannot make the folder {}", made.display()))?;
        let mut staged = Vec::new();
        if let Some((named, component)) = copy {
            let path = folder.join(named);
            let written = Staged::new(&path, component);
            staged.push(written.with_context(|| format!("cannot write {}", path.display()))?);
        }
        staged.push(self.lock.write(folder).with_context(|| format!("cannot write the lock in {}", folder.display()))?);
        let written = Staged::own(&self.path, self.document.to_string().as_bytes());
        staged.push(written.with_context(|| format!("cannot write the configuration {}", self.path.display()))?);
        for staged in staged {
            staged.place().with_context(|| format!("cannot change {}", folder.display()))?;
        }
        Ok(())
    }
}

/// JSON as TOML, which has no null.
fn as_toml(json: &serde_json::Value) -> Result<Option<Value>> {
    use serde_json::Value as Json;
    Ok(Some(match json {
        Json::Null => return Ok(None),
        Json::Bool(yes) => (*yes).into(),
        Json::String(text) => text.as_str().into(),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(float)) if !number.is_u64() => float.into(),
            _ => bail!("{number} is too large for a setting"),
        },
        Json::Array(items) => {
            let mut array = Array::new();
            for item in items {
                let Some(item) = as_toml(item)? else {
                    bail!("a list of the settings has a null in it, which a configuration cannot have")
                };
                array.push(item);
            }
            array.into()
        }
        Json::Object(entries) => {
            let mut table = toml_edit::InlineTable::new();
            for (key, entry) in entries {
                if let Some(entry) = as_toml(entry)? {
                    table.insert(key, entry);
                }
            }
            table.into()
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_an_operator_wrote_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        std::fs::write(&path, "# Ours.\n[limits]\nmax-size = \"2GiB\" # enough\n\n[[policy]]\nuse = \"builtin:lru\"\n").unwrap();
        let mut installation = Installation::open(Some(&path)).unwrap();
        installation.set("plugins/a.wasm", Some(&json!({ "deny": ["x"], "most": 3, "deep": { "on": true } })), true).unwrap();
        installation.write(None).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# Ours.\n[limits]\nmax-size = \"2GiB\" # enough\n\n[[policy]]\nuse = \"builtin:lru\"\n"), "{text}");
        let mut again = Installation::open(Some(&path)).unwrap();
        assert_eq!(again.chain(), ["builtin:lru", "plugins/a.wasm"]);
        let policies = again.policies().unwrap();
        assert_eq!(policies[1].settings, json!({ "deny": ["x"], "most": 3, "deep": { "on": true } }));
        assert!(policies[1].required && !policies[0].required);
        again.set("plugins/a.wasm", None, false).unwrap();
        assert_eq!(again.chain().len(), 2, "it stays where it stands");
        assert!(again.remove("plugins/a.wasm") && !again.remove("plugins/a.wasm"));
        again.write(None).unwrap();
        assert_eq!(Installation::open(Some(&path)).unwrap().chain(), ["builtin:lru"]);
    }

    #[test]
    fn a_configuration_that_no_session_would_take_is_not_added_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        std::fs::write(&path, "[limit]\n").unwrap();
        let error = format!("{:#}", Installation::open(Some(&path)).err().unwrap());
        assert!(error.contains("config.toml") && error.contains("did you mean `limits`"), "{error}");
    }

    #[test]
    fn only_what_lies_in_the_folder_of_copies_is_one() {
        assert!(Installation::is_copy(&Installation::file_of("team")));
        for other in ["team.wasm", "/etc/team.wasm", "plugins/../team.wasm", "plugins/..", "pluginsx/team.wasm"] {
            assert!(!Installation::is_copy(other), "{other}");
        }
    }
}

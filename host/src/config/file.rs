//! The configuration file, as it is written.

use super::human;
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    pub root: Option<PathBuf>,
    pub use_go_cache: Option<bool>,
    pub limits: LimitsTable,
    pub close: CloseTable,
    pub trace: TraceTable,
    pub policy: Vec<PolicyEntry>,
    pub store: Vec<StoreEntry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LimitsTable {
    #[serde(deserialize_with = "size")]
    pub max_size: Option<u64>,
    #[serde(deserialize_with = "size")]
    pub min_free: Option<u64>,
    #[serde(deserialize_with = "duration")]
    pub max_age: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    pub grace: Option<Duration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CloseTable {
    #[serde(deserialize_with = "duration")]
    pub wait_for_uploads: Option<Duration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TraceTable {
    pub keep: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PolicyEntry {
    pub r#use: String,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub settings: toml::Table,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum KindName {
    S3,
    Folder,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ModeName {
    Read,
    Write,
    ReadWrite,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct StoreEntry {
    pub name: String,
    pub kind: KindName,
    pub mode: Option<ModeName>,
    pub namespace: Option<String>,
    #[serde(default)]
    pub share_tests: bool,
    pub bucket: Option<String>,
    pub prefix: Option<String>,
    pub region: Option<String>,
    pub endpoint: Option<String>,
    pub path_style: Option<bool>,
    pub path: Option<PathBuf>,
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Bytes(u64),
        Text(String),
    }
    match Size::deserialize(deserializer)
        .map_err(|_| serde::de::Error::custom("a size is a number of bytes or a text such as \"20GiB\""))?
    {
        Size::Bytes(bytes) => Ok(Some(bytes)),
        Size::Text(text) => human::parse_size(&text).map(Some).map_err(serde::de::Error::custom),
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    human::parse_duration(&String::deserialize(deserializer)?).map(Some).map_err(serde::de::Error::custom)
}

/// Parses the file; an unknown key names the nearest one there is.
pub(super) fn parse(text: &str) -> Result<File, String> {
    toml::from_str(text).map_err(|error| one_line(text, &error))
}

/// What is wrong, and in which line.
pub(super) fn one_line(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    // A key may be as long as the file, and have any character in it.
    let message = crate::fault::printable(&with_nearest(error.message()), 500);
    line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"))
}

/// Turns serde's "unknown field `a`, expected one of `b`, `c`" into a sentence with the nearest key.
fn with_nearest(message: &str) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match names.as_slice() {
        [unknown, known @ ..] if message.starts_with("unknown ") && !known.is_empty() => {
            let what = if message.starts_with("unknown field") { "key" } else { "value" };
            let nearest = known.iter().min_by_key(|name| strsim::damerau_levenshtein(unknown, name)).unwrap_or(&known[0]);
            let unknown = crate::fault::printable(unknown, 64);
            format!("there is no {what} `{unknown}`; did you mean `{nearest}`? Possible here: {}", known.join(", "))
        }
        _ => message.trim_end().replace('\n', " "),
    }
}

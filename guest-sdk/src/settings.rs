//! Typed settings.

mod json;
mod reader;

use crate::ConfigError;
use serde::de::DeserializeOwned;
use serde::de::value::UnitDeserializer;

/// Declares a policy's settings: a struct whose every field has a default, that names a key it does not know, and that a
/// policy crate needs no further dependency for.
///
/// ```
/// cachewit_guest::settings! {
///     /// What may be shared.
///     pub struct Settings {
///         /// Import path patterns that stay here.
///         pub deny: Vec<String> = Vec::new(),
///         /// Bytes; larger objects stay here.
///         pub max_size: Option<u64> = None,
///     }
/// }
/// let settings: Settings = cachewit_guest::parse_settings(r#"{"max-size": 4096}"#).unwrap();
/// assert_eq!(settings.max_size, Some(4096));
/// let error = cachewit_guest::parse_settings::<Settings>(r#"{"max-sise": 4096}"#).err().unwrap();
/// assert_eq!(error.key, "max-sise");
/// ```
#[macro_export]
macro_rules! settings {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident : $type:ty = $default:expr),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, $crate::serde::Deserialize)]
        #[serde(crate = "cachewit_guest::serde", default, deny_unknown_fields, rename_all = "kebab-case")]
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

/// Reads settings from the JSON object that the host passes to `configure`. The error names the key.
pub fn parse<S: DeserializeOwned>(text: &str) -> Result<S, ConfigError> {
    if size_of::<S>() == 0 {
        return none(text);
    }
    let value = json::parse(text).ok_or_else(|| ConfigError::new("", "the settings are no JSON"))?;
    S::deserialize(reader::Reader(&value))
}

/// A policy without settings takes none, and needs no reader of JSON for that.
fn none<S: DeserializeOwned>(text: &str) -> Result<S, ConfigError> {
    match text.split('"').nth(1) {
        Some(key) => Err(ConfigError { key: key.to_owned(), message: "there is no such setting; there is none".to_owned() }),
        None if text == "{}" => S::deserialize(UnitDeserializer::new()),
        None => Err(ConfigError::new("", "the settings are no JSON")),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    mod cachewit_guest {
        pub use crate::serde;
    }

    crate::settings! {
        struct Settings {
            patterns: Vec<String> = vec!["./...".to_owned()],
            limit: u64 = 7,
            inner: Inner = Inner::default(),
        }
    }

    crate::settings! {
        struct Inner {
            mood: Option<Mood> = None,
            share: f64 = 1.0,
        }
    }

    #[derive(Clone, Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Mood {
        Good,
        Bad,
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let settings: Settings = parse("{}").unwrap();
        assert_eq!((settings.patterns.as_slice(), settings.limit), (["./...".to_owned()].as_slice(), 7));
    }

    fn complaint(json: &str) -> (String, String) {
        let error = parse::<Settings>(json).unwrap_err();
        (error.key, error.message)
    }

    #[test]
    fn an_error_names_the_key_and_says_what_would_be_right() {
        for (json, key, message) in [
            (r#"{"limit": "many"}"#, "limit", "expected a whole number that is not negative, found \"many\""),
            (r#"{"limit": -1}"#, "limit", "expected a whole number that is not negative, found -1"),
            (r#"{"limit": 1.5}"#, "limit", "expected a whole number that is not negative, found a fraction"),
            (r#"{"patterns": ["a", 1]}"#, "patterns[1]", "expected a string, found 1"),
            (r#"{"patterns": true}"#, "patterns", "expected a list, found true"),
            (r#"{"limits": 3}"#, "limits", "there is no such setting; there is `patterns`, `limit`, `inner`"),
            (r#"{"inner": {"mood": "so-so"}}"#, "inner.mood", "there is no `so-so`; there is `good`, `bad`"),
            (r#"{"inner": {"mod": 1}}"#, "inner.mod", "there is no such setting; there is `mood`, `share`"),
            (r#"{"inner": 1}"#, "inner", "expected a table, found 1"),
            ("[]x", "", "the settings are no JSON"),
        ] {
            assert_eq!(complaint(json), (key.to_owned(), message.to_owned()), "{json}");
        }
    }

    #[test]
    fn every_shape_that_a_setting_may_have_is_read() {
        let settings: Settings = parse(r#"{"limit": 18446744073709551615, "inner": {"mood": "bad", "share": 0.5}}"#).unwrap();
        assert_eq!(settings.limit, u64::MAX);
        assert!(settings.inner.mood == Some(Mood::Bad) && settings.inner.share.to_bits() == 0.5_f64.to_bits());
        let settings: Settings = parse(r#"{"inner": {"mood": null, "share": 1}}"#).unwrap();
        assert!(settings.inner.mood.is_none() && settings.inner.share.to_bits() == 1.0_f64.to_bits());
    }

    #[test]
    fn a_policy_without_settings_takes_none() {
        parse::<()>("{}").unwrap();
        let error = parse::<()>(r#"{"a": 1}"#).unwrap_err();
        assert_eq!((error.key.as_str(), error.message.as_str()), ("a", "there is no such setting; there is none"));
    }
}

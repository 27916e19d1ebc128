//! Typed settings.

use crate::ConfigError;
use serde::de::DeserializeOwned;

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
pub fn parse<S: DeserializeOwned>(json: &str) -> Result<S, ConfigError> {
    // A policy without settings has `()`, which JSON would spell `null`.
    if let (true, Ok(unit)) = (json.trim() == "{}", serde_json::from_str("null")) {
        return Ok(unit);
    }
    let deserializer = &mut serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let message = error.inner().to_string();
        // serde_json ends with " at line 1 column 20"; settings come from TOML, so the place would mislead.
        let message = message.split(" at line ").next().unwrap_or(&message);
        let path = error.path().to_string();
        let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
        let key = match (path.as_str(), unknown) {
            ("." | "?", Some(field)) => field.to_owned(),
            ("." | "?", None) => String::new(),
            (path, _) => path.to_owned(),
        };
        ConfigError::new(key, message)
    })
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
        }
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let settings: Settings = parse("{}").unwrap();
        assert_eq!((settings.patterns.as_slice(), settings.limit), (["./...".to_owned()].as_slice(), 7));
    }

    #[test]
    fn an_error_names_the_key() {
        let wrong_type = parse::<Settings>(r#"{"limit": "many"}"#).unwrap_err();
        assert_eq!(wrong_type.key, "limit");
        assert!(wrong_type.message.contains("expected u64"), "{wrong_type}");
        assert_eq!(parse::<Settings>(r#"{"patterns": [1]}"#).unwrap_err().key, "patterns[0]");
        let unknown = parse::<Settings>(r#"{"limits": 3}"#).unwrap_err();
        assert_eq!(unknown.key, "limits");
        assert!(unknown.message.contains("`limit`"), "{unknown}");
    }

    #[test]
    fn a_policy_without_settings_takes_none() {
        parse::<()>("{}").unwrap();
        assert!(parse::<()>(r#"{"a": 1}"#).is_err());
    }
}

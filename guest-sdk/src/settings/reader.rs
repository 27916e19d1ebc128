//! Reads typed settings from parsed JSON and keeps the path to what is wrong.
//!
//! A line and column would mislead where settings were written as TOML.

use super::json::Json;
use crate::ConfigError;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, Expected, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use std::fmt;

impl Error for ConfigError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new("", message)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new("", format_args!("expected {}, found {}", wanted(expected), Found(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::new("", format_args!("there is no `{variant}`; there is {}", List(known)))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::new(field, format_args!("there is no such setting; there is {}", List(known)))
    }
}

/// What serde calls by Rust's names, in an operator's words.
fn wanted(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    match expected.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        _ => expected,
    }
}

/// The kind of what stands there; its text where that is short.
struct Found<'a>(Unexpected<'a>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Unexpected::Bool(value) => write!(f, "{value}"),
            Unexpected::Unsigned(value) => write!(f, "{value}"),
            Unexpected::Signed(value) => write!(f, "{value}"),
            Unexpected::Float(_) => f.write_str("a fraction"),
            Unexpected::Str(value) => write!(f, "\"{value}\""),
            Unexpected::Seq => f.write_str("a list"),
            Unexpected::Map => f.write_str("a table"),
            _ => f.write_str("nothing"),
        }
    }
}

/// Names in backticks, with commas.
struct List(&'static [&'static str]);

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, name) in self.0.iter().enumerate() {
            write!(f, "{}`{name}`", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// The error, seen from one level further up.
fn below(key: &str, error: &ConfigError) -> ConfigError {
    let dot = if error.key.is_empty() || error.key.starts_with('[') { "" } else { "." };
    ConfigError::new(format!("{key}{dot}{}", error.key), &error.message)
}

/// A value on its way into a type.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a Json);

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = ConfigError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.0 {
            Json::Null => visitor.visit_unit(),
            Json::Bool(value) => visitor.visit_bool(*value),
            Json::Unsigned(value) => visitor.visit_u64(*value),
            Json::Signed(value) => visitor.visit_i64(*value),
            Json::Float(value) => visitor.visit_f64(*value),
            Json::Text(text) => visitor.visit_str(text),
            Json::List(items) => visitor.visit_seq(Items(items.iter().enumerate())),
            Json::Table(table) => visitor.visit_map(Table { rest: table.iter(), value: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        if *self.0 == Json::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ConfigError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, ConfigError> {
        match self.0 {
            Json::Text(variant) => visitor.visit_enum(StrDeserializer::new(variant)),
            Json::Table(table) => visitor.visit_enum(MapAccessDeserializer::new(Table { rest: table.iter(), value: None })),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}

struct Items<'a>(std::iter::Enumerate<std::slice::Iter<'a, Json>>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = ConfigError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ConfigError> {
        let Some((index, item)) = self.0.next() else { return Ok(None) };
        seed.deserialize(Reader(item)).map(Some).map_err(|error| below(&format!("[{index}]"), &error))
    }
}

struct Table<'a> {
    rest: std::slice::Iter<'a, (String, Json)>,
    value: Option<(&'a str, &'a Json)>,
}

impl<'de> MapAccess<'de> for Table<'_> {
    type Error = ConfigError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ConfigError> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some((key, value));
        seed.deserialize(StrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ConfigError> {
        let (key, value) = self.value.take().unwrap_or(("", &Json::Null));
        seed.deserialize(Reader(value)).map_err(|error| below(key, &error))
    }
}

//! Values that come in other forms than the guide says: `null` in the place of a list, a number in that of a text, a text
//! with a NUL at its end. One odd value must not keep everything else from being read.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A text, a number or a truth as text; nothing else.
fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim_end_matches('\0').to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A text that may be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) Option<String>);

impl Text {
    pub(super) fn as_str(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    /// The number that it is.
    pub(super) fn number(&self) -> Option<i64> {
        self.as_str()?.trim().parse().ok()
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(text_of).map(Self)
    }
}

/// `true` and `false`, as they are or as text; anything else is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Truth(pub(super) Option<bool>);

impl<'de> Deserialize<'de> for Truth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(deserializer)? {
            Value::Bool(truth) => Some(truth),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }))
    }
}

/// A number that is not below nought, as it is or as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count(pub(super) Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|text| Self(text.as_str().and_then(|text| text.parse().ok())))
    }
}

/// The texts of a list; a single one is a list of one, `null` a list of none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Texts(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(deserializer)? {
            Value::Array(values) => values.into_iter().filter_map(text_of).collect(),
            value => text_of(value).into_iter().collect(),
        }))
    }
}

/// A list; `null` has no items, and is none.
#[derive(Clone, Debug)]
pub(super) struct Items<T>(pub(super) Vec<T>);

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Option::<Vec<Option<T>>>::deserialize(deserializer)?;
        Ok(Self(items.unwrap_or_default().into_iter().flatten().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_values_are_read_as_what_they_say() {
        let text = |json: &str| serde_json::from_str::<Text>(json).unwrap().0;
        assert_eq!(text("\"a\\u0000\"").as_deref(), Some("a"));
        assert_eq!(text("1700000123456").as_deref(), Some("1700000123456"));
        assert_eq!((text("null"), text("{}"), text("[1]")), (None, None, None));
        let texts = |json: &str| serde_json::from_str::<Texts>(json).unwrap().0;
        assert_eq!(texts("[\"a\", null, 3, {\"x\": 1}]"), ["a", "3"]);
        assert_eq!(texts("\"one\""), ["one"]);
        assert!(texts("null").is_empty());
        let truth = |json: &str| serde_json::from_str::<Truth>(json).unwrap().0;
        assert_eq!((truth("true"), truth("\"false\""), truth("0")), (Some(true), Some(false), None));
        assert_eq!(serde_json::from_str::<Count>("\"12\"").unwrap().0, Some(12));
        assert!(serde_json::from_str::<Items<Text>>("null").unwrap().0.is_empty());
        assert_eq!(serde_json::from_str::<Items<Vec<u8>>>("[null, [1], null]").unwrap().0, [[1]]);
    }
}

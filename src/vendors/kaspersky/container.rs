//! The console's typed values: how they are written, and how they are read back.
//!
//! A long, a time, a binary or a container inside another container stands in an object of two keys, `type` and `value`.
//! Everything else, and every argument of a method, stands as it is.

use jiff::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use serde_json::{Map, Value};

/// The types that are told with their values.
const TYPES: [&str; 7] = ["long", "datetime", "date", "binary", "float", "double", "params"];

/// A container as it was read: every value in it is bare.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Container(Map<String, Value>);

impl Container {
    /// Reads the top of an answer or of an argument, which itself has no type.
    pub(super) fn read(map: Map<String, Value>) -> Self {
        Self(map.into_iter().map(|(key, value)| (key, bare(value))).collect())
    }

    /// A text, unless it is blank or absent.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
    }

    /// A whole number, also as a text of digits.
    pub(super) fn whole(&self, key: &str) -> Option<i64> {
        whole(self.0.get(key)?)
    }

    /// `true` or `false`, also as 1 or 0.
    pub(super) fn truth(&self, key: &str) -> Option<bool> {
        match self.0.get(key)? {
            Value::Bool(truth) => Some(*truth),
            other => match whole(other)? {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
        }
    }

    /// A time; the empty text is none.
    pub(super) fn time(&self, key: &str) -> Option<Timestamp> {
        self.text(key)?.parse().ok()
    }

    /// A container inside this one.
    pub(super) fn inner(&self, key: &str) -> Option<Self> {
        container(self.0.get(key)?)
    }

    /// The elements of a list; those that are `null` are none.
    pub(super) fn list(&self, key: &str) -> Option<impl Iterator<Item = &Value>> {
        let items = self.0.get(key)?.as_array()?;
        Some(items.iter().filter(|item| !item.is_null()))
    }

    /// The containers of a list; `None` if there is no list.
    pub(super) fn containers(&self, key: &str) -> Option<Vec<Self>> {
        Some(self.list(key)?.filter_map(container).collect())
    }

    /// A value as it is.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn container(value: &Value) -> Option<Container> {
    value.as_object().map(|map| Container(map.clone()))
}

/// A whole number, or the text of one.
pub(super) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Takes the types away, all the way down.
fn bare(value: Value) -> Value {
    match value {
        Value::Object(map) if is_typed(&map) => {
            map.into_iter().find(|(key, _)| key == "value").map_or(Value::Null, |(_, value)| bare(value))
        }
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, value)| (key, bare(value))).collect()),
        Value::Array(items) => Value::Array(items.into_iter().map(bare).collect()),
        other => other,
    }
}

fn is_typed(map: &Map<String, Value>) -> bool {
    let typed = map.get("type").and_then(Value::as_str).is_some_and(|word| TYPES.contains(&word));
    typed && map.len() == 2 && map.contains_key("value")
}

/// A container inside a container or a list.
#[derive(Debug)]
pub(super) struct Params<T>(pub(super) T);

/// A time inside a container: UTC, to the second.
#[derive(Clone, Copy, Debug)]
pub(super) struct DateTime(pub(super) Timestamp);

impl<T: Serialize> Serialize for Params<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        typed(serializer, "params", &self.0)
    }
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        typed(serializer, "datetime", &seconds(self.0))
    }
}

fn typed<S: Serializer>(serializer: S, word: &'static str, value: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_struct("Typed", 2)?;
    object.serialize_field("type", word)?;
    object.serialize_field("value", value)?;
    object.end()
}

/// `2026-01-02T03:04:05Z`.
pub(super) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Container {
        let Value::Object(map) = value else { panic!("no object") };
        Container::read(map)
    }

    #[test]
    fn types_are_taken_away_all_the_way_down() {
        let read = read(json!({
            "PxgRetVal": {"a": {"type": "params", "value": {"b": {"type": "long", "value": 174_286_280},
                "c": [null, {"type": "params", "value": {"d": {"type": "datetime", "value": "2026-01-02T03:04:05Z"}}}]}}},
        }));
        let a = read.inner("PxgRetVal").unwrap().inner("a").unwrap();
        assert_eq!(a.whole("b"), Some(174_286_280));
        let c = a.containers("c").unwrap();
        assert_eq!(c.len(), 1, "an element that is null is none");
        assert_eq!(c[0].time("d").unwrap().to_string(), "2026-01-02T03:04:05Z");
    }

    #[test]
    fn what_only_looks_typed_stays_as_it_is() {
        for value in [
            json!({"type": "long", "value": 1, "more": 2}),
            json!({"type": "colour", "value": 1}),
            json!({"type": 7, "value": 1}),
            json!({"type": "long"}),
        ] {
            assert_eq!(read(json!({"x": value.clone()})).get("x"), Some(&value), "{value}");
        }
        // A task of a product may have these very keys, and is the top all the same.
        let top = read(json!({"type": "params", "value": {"a": 1}}));
        assert_eq!(top.text("type"), Some("params"));
    }

    #[test]
    fn numbers_and_truths_may_be_texts_and_numbers() {
        let read = read(json!({"n": "4711", "m": 12, "t": 1, "f": false, "x": "y", "e": "", "d": 1.5, "time": ""}));
        assert_eq!(
            (read.whole("n"), read.whole("m"), read.whole("x"), read.whole("d")),
            (Some(4711), Some(12), None, None)
        );
        assert_eq!(
            (read.truth("t"), read.truth("f"), read.truth("m"), read.truth("gone")),
            (Some(true), Some(false), None, None)
        );
        assert_eq!((read.text("e"), read.time("time"), read.time("x")), (None, None, None));
    }

    #[test]
    fn values_are_written_with_their_types() {
        let at: Timestamp = "2026-01-02T03:04:05.987+01:00".parse().unwrap();
        let written = serde_json::to_string(&Params(DateTime(at))).unwrap();
        assert_eq!(written, r#"{"type":"params","value":{"type":"datetime","value":"2026-01-02T02:04:05Z"}}"#);
    }
}

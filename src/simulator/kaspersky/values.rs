//! The types that JSON does not have, as the protocol wraps them: `{"type": "long", "value": 1}`.
//!
//! A container that is an argument or a result stands bare. Only what stands inside of one, or in an array, is wrapped.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A container.
pub(super) type Params = Map<String, Value>;

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Field {
    Text(String),
    /// A text in which words are searched.
    Words(String),
    Int(i64),
    Long(i64),
    Bool(bool),
    Time(Timestamp),
    Date(Timestamp),
    Double(f64),
    Binary(Vec<u8>),
}

impl Field {
    /// The value as it stands inside a container.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Text(text) | Self::Words(text) => text.as_str().into(),
            Self::Int(number) => (*number).into(),
            Self::Bool(truth) => (*truth).into(),
            Self::Long(number) => json!({"type": "long", "value": number}),
            Self::Time(time) => json!({"type": "datetime", "value": time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()}),
            Self::Date(time) => json!({"type": "date", "value": time.strftime("%Y-%m-%d").to_string()}),
            Self::Double(number) => json!({"type": "double", "value": number}),
            Self::Binary(bytes) => json!({"type": "binary", "value": STANDARD.encode(bytes)}),
        }
    }

    /// The number of a number or a truth.
    pub(super) const fn number(&self) -> Option<i64> {
        match self {
            Self::Int(number) | Self::Long(number) => Some(*number),
            Self::Bool(truth) => Some(*truth as i64),
            _ => None,
        }
    }

    /// Reads a value that stands inside a container; `None` for what no type fits.
    pub(super) fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Bool(truth) => Some(Self::Bool(*truth)),
            Value::Number(number) => Some(Self::Int(number.as_i64().filter(|number| i32::try_from(*number).is_ok())?)),
            Value::Object(wrapped) if wrapped.len() == 2 => {
                let inside = wrapped.get("value")?;
                match wrapped.get("type")?.as_str()? {
                    "long" => Some(Self::Long(inside.as_i64()?)),
                    "datetime" => read_time(inside.as_str()?).map(Self::Time),
                    "date" => read_date(inside.as_str()?).map(Self::Date),
                    "binary" => Some(Self::Binary(STANDARD.decode(inside.as_str()?).ok()?)),
                    "double" | "float" => Some(Self::Double(inside.as_f64()?)),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// A container inside an array or another container.
pub(super) fn wrapped(params: Params) -> Value {
    json!({"type": "params", "value": params})
}

/// The container inside its wrapper.
pub(super) fn unwrapped(value: &Value) -> Option<&Params> {
    let object = value.as_object()?;
    let is_params = object.len() == 2 && object.get("type").and_then(Value::as_str) == Some("params");
    if is_params { object.get("value")?.as_object() } else { None }
}

/// A time of this one form: seconds, and a literal `Z`.
pub(super) fn read_time(text: &str) -> Option<Timestamp> {
    let shape = text.len() == 20 && text.as_bytes().get(10) == Some(&b'T') && text.ends_with('Z');
    if shape { text.parse().ok() } else { None }
}

fn read_date(text: &str) -> Option<Timestamp> {
    if text.len() == 10 { format!("{text}T00:00:00Z").parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_comes_back_as_it_went() {
        let time: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let date: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        for (field, written) in [
            (Field::Text("a\"b".to_owned()), json!("a\"b")),
            (Field::Int(-7), json!(-7)),
            (Field::Bool(false), json!(false)),
            (Field::Long(174_286_280), json!({"type": "long", "value": 174_286_280})),
            (Field::Time(time), json!({"type": "datetime", "value": "2026-01-02T03:04:05Z"})),
            (Field::Date(date), json!({"type": "date", "value": "2026-01-02"})),
            (Field::Double(1.5), json!({"type": "double", "value": 1.5})),
            (Field::Binary(b"some".to_vec()), json!({"type": "binary", "value": "c29tZQ=="})),
        ] {
            assert_eq!(field.json(), written);
            assert_eq!(Field::read(&written), Some(field));
        }
    }

    #[test]
    fn a_time_has_one_form_only() {
        for text in
            ["2026-01-02T03:04:05+00:00Z", "2026-01-02T03:04:05.1Z", "2026-01-02 03:04:05Z", "2026-01-02T03:04:05"]
        {
            assert_eq!(Field::read(&json!({"type": "datetime", "value": text})), None, "{text}");
        }
        assert_eq!(Field::read(&json!(5_000_000_000_i64)), None, "that is a long");
        assert_eq!(Field::read(&json!({"type": "params", "value": {}})), None);
    }

    #[test]
    fn only_a_wrapped_container_is_unwrapped() {
        let inside = Params::from_iter([("a".to_owned(), json!(1))]);
        assert_eq!(unwrapped(&wrapped(inside.clone())), Some(&inside));
        assert_eq!(unwrapped(&json!({"a": 1})), None);
        assert_eq!(unwrapped(&json!({"type": "params", "value": {}, "more": 1})), None);
    }
}

//! A member of a record, whatever its type is.
//!
//! The console documents texts. Another version may send a number, a list or nothing in the place of one, and one such
//! record among fifty thousand must not make the others unreadable.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// What stands in a list for an entry that is no text: nothing can be read from it, and it is there.
const NO_TEXT: &str = "?";

/// A member that should be a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Loose<'a> {
    /// Nothing, or nothing that can be taken for a text.
    #[default]
    Absent,
    /// A text, borrowed where the answer spells it without escapes; or a number, as its digits.
    One(Cow<'a, str>),
    /// A list.
    Several(Vec<Cow<'a, str>>),
}

impl<'a> Loose<'a> {
    /// The text, unless it is blank.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::One(text) if !text.trim().is_empty() => Some(text),
            _ => None,
        }
    }

    /// The entries of a list, or of a text with commas; blank ones are none.
    pub(super) fn entries(&self) -> impl Iterator<Item = &str> {
        let parts: &[Cow<'a, str>] = match self {
            Self::Absent => &[],
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts,
        };
        parts.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|entry| !entry.is_empty())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any).map(Self::from)
    }
}

impl<'a> From<Value<'a>> for Loose<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Text(text) => Self::One(text),
            Value::List(texts) => Self::Several(texts),
            Value::Nothing | Value::Other => Self::Absent,
        }
    }
}

enum Value<'a> {
    Nothing,
    Text(Cow<'a, str>),
    List(Vec<Cow<'a, str>>),
    Other,
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(number.to_string())))
    }

    /// Its digits may not be those that the console wrote.
    fn visit_f64<E: Error>(self, _: f64) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let mut texts = Vec::new();
        while let Some(item) = items.next_element()? {
            match item {
                Value::Text(text) => texts.push(text),
                Value::Nothing => {}
                Value::List(_) | Value::Other => texts.push(Cow::Borrowed(NO_TEXT)),
            }
        }
        Ok(Value::List(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value<'de>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Loose<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_text_and_the_digits_of_a_number_are_texts_and_nothing_else_is() {
        for (json, text) in [(r#""a""#, "a"), (r#""\u0061\n""#, "a\n"), ("7", "7"), ("-3", "-3")] {
            assert_eq!(read(json).text(), Some(text), "{json}");
        }
        for json in ["null", "true", "1.5", "{}", r#"{"a":[1,{"b":null}]}"#, "[]", r#"["a"]"#, r#""""#, r#"" ""#] {
            assert_eq!(read(json).text(), None, "{json}");
        }
        assert!(matches!(read(r#""borrowed""#), Loose::One(Cow::Borrowed(_))));
    }

    #[test]
    fn a_list_has_the_entries_of_all_its_texts() {
        let entries = |json| read(json).entries().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(entries(r#"" a,,b , ""#), ["a", "b"]);
        assert_eq!(entries(r#"["a","b,c",null,""]"#), ["a", "b", "c"]);
        assert_eq!(entries(r#"["a",true,{"x":1},["y"]]"#), ["a", "?", "?", "?"], "what cannot be read is there");
        for json in ["null", "{}", "false", "[]"] {
            assert!(entries(json).is_empty(), "{json}");
        }
    }
}

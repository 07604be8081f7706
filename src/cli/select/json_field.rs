//! One field of JSON Lines, found by its JSON pointer (RFC 6901).
//!
//! Each line is read once, and nothing of it is built but the field.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::{BadReason, SelectError};

/// The longest line that is read.
pub(super) const MAX_LINE: usize = 16 * 1024 * 1024;

/// A JSON pointer.
#[derive(Debug)]
pub(super) struct Pointer {
    text: String,
    steps: Vec<String>,
}

impl Pointer {
    pub(super) fn parse(text: &str) -> Result<Self, SelectError> {
        let bad = |why| SelectError::BadPointer { pointer: text.to_owned(), why };
        let mut steps = Vec::new();
        if !text.is_empty() {
            let Some(rest) = text.strip_prefix('/') else { return Err(bad("it does not begin with `/`")) };
            for step in rest.split('/') {
                if !step.split('~').skip(1).all(|escaped| escaped.starts_with(['0', '1'])) {
                    return Err(bad("`~` is written `~0` in it"));
                }
                steps.push(step.replace("~1", "/").replace("~0", "~"));
            }
        }
        Ok(Self { text: text.to_owned(), steps })
    }

    /// Finds the field's text in one line.
    pub(super) fn find(&self, line: &str) -> Result<String, BadReason> {
        let mut json = serde_json::Deserializer::from_str(line);
        let found = Seek(&self.steps).deserialize(&mut json).and_then(|found| json.end().map(|()| found));
        match found {
            Ok(Found::Text(text)) => Ok(text),
            Ok(Found::Missing) => Err(BadReason::NoField(self.text.clone())),
            Ok(Found::Twice) => Err(BadReason::FieldTwice(self.text.clone())),
            Ok(Found::Other(what)) => Err(BadReason::NotAString { pointer: self.text.clone(), what }),
            Err(error) => {
                let what = if error.is_eof() { "the value ends too early" } else { "a character that does not fit" };
                Err(BadReason::NotJson { what, byte: error.column() })
            }
        }
    }
}

enum Found {
    Missing,
    Text(String),
    Twice,
    Other(&'static str),
}

/// Walks down the steps, and past everything else.
struct Seek<'p>(&'p [String]);

impl Seek<'_> {
    /// What a value without fields comes to.
    fn leaf(&self, found: impl FnOnce() -> Found) -> Found {
        if self.0.is_empty() { found() } else { Found::Missing }
    }
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Found, E> {
        Ok(self.leaf(|| Found::Text(text.to_owned())))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Found, E> {
        Ok(self.leaf(|| Found::Other("a boolean")))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
        Ok(self.leaf(|| Found::Other("a number")))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Found, E> {
        Ok(self.leaf(|| Found::Other("a number")))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
        Ok(self.leaf(|| Found::Other("a number")))
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(self.leaf(|| Found::Other("null")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Found, A::Error> {
        let Some((step, rest)) = self.0.split_first() else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Found::Other("an array"));
        };
        // No leading zeros: `/01` names nothing.
        let wanted = step.parse::<usize>().ok().filter(|wanted| wanted.to_string() == *step);
        let mut found = Found::Missing;
        for position in 0.. {
            if Some(position) == wanted {
                match list.next_element_seed(Seek(rest))? {
                    Some(here) => found = here,
                    None => break,
                }
            } else if list.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let Some((step, rest)) = self.0.split_first() else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Found::Other("an object"));
        };
        let mut found = None;
        while let Some(wanted) = map.next_key_seed(KeyIs(step))? {
            if !wanted {
                map.next_value::<IgnoredAny>()?;
            } else if found.is_none() {
                found = Some(map.next_value_seed(Seek(rest))?);
            } else {
                // JSON does not say which of two equal keys counts, and this names a host to be cut off.
                map.next_value::<IgnoredAny>()?;
                found = Some(Found::Twice);
            }
        }
        Ok(found.unwrap_or(Found::Missing))
    }
}

/// Compares a key without keeping it.
struct KeyIs<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for KeyIs<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyIs<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn find(pointer: &str, line: &str) -> Result<String, String> {
        Pointer::parse(pointer).unwrap().find(line).map_err(|reason| reason.to_string())
    }

    #[test]
    fn a_pointer_walks_objects_and_arrays() {
        let line = r#"{"a":{"b":[0,"x",{"c/d":"y","m~n":"z"}]},"":"empty","e":"\u00e9"}"#;
        for (pointer, text) in
            [("/a/b/1", "x"), ("/a/b/2/c~1d", "y"), ("/a/b/2/m~0n", "z"), ("/", "empty"), ("/e", "é")]
        {
            assert_eq!(find(pointer, line).as_deref(), Ok(text), "{pointer}");
        }
        assert_eq!(find("", r#" "web01" "#).as_deref(), Ok("web01"));
    }

    #[test]
    fn what_is_not_a_string_is_told() {
        for (pointer, line, words) in [
            ("/a", r#"{"a":7}"#, "the field `/a` is a number, not a string"),
            ("/a", r#"{"a":-7}"#, "is a number"),
            ("/a", r#"{"a":7.5}"#, "is a number"),
            ("/a", r#"{"a":null}"#, "is null"),
            ("/a", r#"{"a":true}"#, "is a boolean"),
            ("/a", r#"{"a":["x"]}"#, "is an array"),
            ("/a", r#"{"a":{"b":1}}"#, "is an object"),
            ("/a", r#"{"b":"x"}"#, "there is no field `/a`"),
            ("/a/b", r#"{"a":"x"}"#, "there is no field `/a/b`"),
            ("/0", r#"[]"#, "there is no field `/0`"),
            ("/01", r#"["x","y"]"#, "there is no field `/01`"),
            ("/-", r#"["x"]"#, "there is no field `/-`"),
            ("/a", r#"{"a":"x","b":1,"a":"y"}"#, "the field `/a` is there twice"),
            ("/a", r#"{"a":"x"} {"a":"y"}"#, "not JSON: a character that does not fit at byte 11"),
            ("/a", r#"{"a":"x""#, "not JSON: the value ends too early"),
            ("/a", "web01", "not JSON"),
            ("/a", r#"{"a":"x","b":}"#, "not JSON"),
        ] {
            let told = find(pointer, line).unwrap_err();
            assert!(told.contains(words), "{line}: {told}");
        }
    }

    #[test]
    fn a_pointer_that_is_none_is_refused() {
        for text in ["host", "host/name", "/a~", "/a~2b", "/~~01", "#/a"] {
            assert!(matches!(Pointer::parse(text), Err(SelectError::BadPointer { .. })), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        let line = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(find("/a", &line).is_err());
        assert!(find(&"/0".repeat(100_000), &line).is_err());
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_tree_and_its_pointer(
            keys in proptest::collection::btree_map("[ab~/]{0,2}", "[a-z\"\\\\é]{0,4}", 0..4),
            outer in "[ab~/]{0,2}",
            pointer in "(/([ab]|~0|~1){0,2}){0,3}",
        ) {
            let value = serde_json::json!({ outer: keys.clone(), "list": [keys] });
            let line = value.to_string();
            let due = value.pointer(&pointer).and_then(serde_json::Value::as_str);
            let found = Pointer::parse(&pointer).unwrap().find(&line).ok();
            prop_assert_eq!(found.as_deref(), due);
        }

        #[test]
        fn no_line_panics(line in "[\\[\\]{}\":,a0e.\\\\-]{0,30}", pointer in "[/a0~1]{0,6}") {
            if let Ok(pointer) = Pointer::parse(&pointer)
                && let Ok(text) = pointer.find(&line)
            {
                prop_assert!(line.contains('"') && text.len() <= line.len());
            }
        }
    }
}

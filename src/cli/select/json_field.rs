//! One field of JSON Lines, found by its JSON pointer (RFC 6901).
//!
//! Each line is read once, and nothing of it is built but the field.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{bad_line::BadReason, error::SelectError};

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

/// Finds the first of the fields that is there. Where none is, the first says so.
pub(super) fn first(pointers: &[Pointer], line: &str) -> Result<String, BadReason> {
    let mut missing = None;
    for pointer in pointers {
        match pointer.find(line) {
            Err(reason @ BadReason::NoField(_)) => missing = missing.or(Some(reason)),
            found => return found,
        }
    }
    Err(missing.unwrap_or_else(|| BadReason::NoField(String::new())))
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
mod tests;

//! One event: its body as it came, and the fields that all events have in common.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

pub use super::fields::Fields;

/// One event. The body is kept as it came; fields are read from it when somebody asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleEvent {
    /// What it is told from all others by.
    pub id: EventId,
    /// The body, as it came.
    pub body: Bytes,
    /// Another body had the same number before.
    pub is_twin: bool,
}

/// What an event is told from all others by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventId {
    /// The console's own number, beyond what a floating point number can hold, and the [`Mark`] of the body: a console may
    /// give one number to several events.
    Number(u64, Mark),
    /// The beginning of the SHA-256 of the body, where it has no number or is no JSON at all.
    Digest([u8; 16]),
}

/// What tells bodies of one number apart: the beginning of the SHA-256. Zero where it is not known any more.
pub type Mark = u64;

#[derive(Deserialize)]
struct OnlyId<'a> {
    /// A number, or a text of digits.
    #[serde(borrow)]
    id: Option<&'a serde_json::value::RawValue>,
}

impl ConsoleEvent {
    /// Takes a body. One that is no JSON is an event all the same: nothing that was delivered is lost.
    pub fn new(body: Bytes) -> Self {
        let number = serde_json::from_slice::<OnlyId<'_>>(&body).ok().and_then(|only| number(only.id?.get()));
        let digest = digest(&body);
        let id = number.map_or(EventId::Digest(digest), |number| EventId::Number(number, mark(digest)));
        Self { id, body, is_twin: false }
    }

    /// When it happened, by the console's clock.
    pub fn happened(&self) -> Option<Timestamp> {
        self.fields()?.time()
    }

    /// The common fields; `None` for a body that is no JSON object.
    pub fn fields(&self) -> Option<Fields<'_>> {
        Fields::of(&self.body)
    }
}

/// Only digits as a number is written: two spellings must not become one event.
fn number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    plain.then(|| digits.parse().ok())?
}

fn mark(digest: [u8; 16]) -> Mark {
    // Zero has a meaning of its own.
    digest.first_chunk().map_or(1, |first| Mark::from_le_bytes(*first)).max(1)
}

fn digest(body: &[u8]) -> [u8; 16] {
    let mut first = [0; 16];
    for (to, from) in first.iter_mut().zip(Sha256::digest(body)) {
        *to = from;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(body: &'static str) -> EventId {
        ConsoleEvent::new(Bytes::from_static(body.as_bytes())).id
    }

    fn number(body: &'static str) -> Option<u64> {
        match id(body) {
            EventId::Number(number, mark) => Some(number).filter(|_| mark != 0),
            EventId::Digest(_) => None,
        }
    }

    #[test]
    fn an_id_is_a_number_to_the_last_digit_or_a_text_of_digits() {
        assert_eq!(number(r#"{"a":{"id":1},"id":9007199254740993}"#), Some(9_007_199_254_740_993));
        assert_eq!(number(r#"{"id":18446744073709551615}"#), Some(u64::MAX));
        assert_eq!(number(r#"{"id":"6159258594551267592"}"#), Some(6_159_258_594_551_267_592));
        assert_eq!(number(r#"{"id":0}"#), Some(0));
        assert_eq!(id(r#"{"id":0}"#), id(r#"{"id":0}"#));
        assert_ne!(id(r#"{"id":0}"#), id(r#"{"id": 0}"#), "another body");
    }

    #[test]
    fn whatever_else_stands_there_is_told_apart_by_the_body() {
        let odd = [
            "",
            "no JSON",
            "[]",
            "{}",
            r#"{"id":null}"#,
            r#"{"id":1.0}"#,
            r#"{"id":1e3}"#,
            r#"{"id":-1}"#,
            r#"{"id":18446744073709551616}"#,
            r#"{"id":"+5"}"#,
            r#"{"id":"05"}"#,
            r#"{"id":""}"#,
            r#"{"id":"x"}"#,
            r#"{"id":[1]}"#,
            r#"{"id":1,"id":2}"#,
            r#"{"id":1"#,
        ];
        let ids: std::collections::BTreeSet<EventId> = odd.into_iter().map(id).collect();
        assert_eq!(ids.len(), odd.len());
        assert!(ids.iter().all(|id| matches!(id, EventId::Digest(_))), "{ids:?}");
    }

    #[test]
    fn an_error_is_told_in_the_consoles_words() {
        let text = |body: &'static str| {
            let event = ConsoleEvent::new(Bytes::from_static(body.as_bytes()));
            event.fields().and_then(|fields| fields.error.map(std::borrow::Cow::into_owned))
        };
        assert_eq!(
            text(r#"{"error":{"error_code":3221225524,"description":"no \u0022driver\""}}"#).unwrap(),
            "no \"driver\""
        );
        for none in
            [r#"{"error":{"error_code":1}}"#, r#"{"error":"no"}"#, r#"{"error":{"description":""}}"#, "{}", "no"]
        {
            assert_eq!(text(none), None, "{none}");
        }
    }

    #[test]
    fn the_time_is_the_consoles_to_the_nanosecond() {
        let happened = |body: &'static str| ConsoleEvent::new(Bytes::from_static(body.as_bytes())).happened();
        let at = happened(r#"{"timestamp":1434050192,"timestamp_nanoseconds":525000000}"#).unwrap();
        assert_eq!(at.to_string(), "2015-06-11T19:16:32.525Z");
        assert_eq!(happened(r#"{"timestamp":"soon"}"#), None);
        assert_eq!(happened("no JSON"), None);
    }
}

//! One event: its body as it came, and the fields that all events have in common.

use std::borrow::Cow;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// One event. The body is kept as it came; fields are read from it when somebody asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleEvent {
    /// What it is told from all others by.
    pub id: EventId,
    /// The body, as it came.
    pub body: Bytes,
}

/// What an event is told from all others by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventId {
    /// The console's own number. It is beyond what a floating point number can hold.
    Number(u64),
    /// The beginning of the SHA-256 of the body, where it has no number or is no JSON at all.
    Digest([u8; 16]),
}

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
        let id = number.map_or_else(|| EventId::Digest(digest(&body)), EventId::Number);
        Self { id, body }
    }

    /// When it happened, by the console's clock.
    pub fn happened(&self) -> Option<Timestamp> {
        let OnlyTime { timestamp, timestamp_nanoseconds } = serde_json::from_slice(&self.body).ok()?;
        Timestamp::new(timestamp, timestamp_nanoseconds.unwrap_or_default()).ok()
    }

    /// The common fields; `None` for a body that is no JSON object.
    pub fn fields(&self) -> Option<Fields<'_>> {
        serde_json::from_slice(&self.body).ok()
    }
}

#[derive(Deserialize)]
struct OnlyTime {
    timestamp: i64,
    timestamp_nanoseconds: Option<i32>,
}

fn number(text: &str) -> Option<u64> {
    text.trim_matches('"').parse().ok()
}

fn digest(body: &[u8]) -> [u8; 16] {
    let mut first = [0; 16];
    for (to, from) in first.iter_mut().zip(Sha256::digest(body)) {
        *to = from;
    }
    first
}

/// The fields that events have in common. What a kind of event adds stays in its body.
#[derive(Clone, Debug, Deserialize)]
pub struct Fields<'a> {
    /// Seconds since 1970.
    pub timestamp: Option<i64>,
    /// The rest of the second.
    pub timestamp_nanoseconds: Option<i64>,
    /// The kind in words. Words change over the years.
    #[serde(borrow)]
    pub event_type: Option<Cow<'a, str>>,
    /// The kind as a number. It does not change.
    pub event_type_id: Option<i64>,
    /// What was detected.
    #[serde(borrow)]
    pub detection: Option<Cow<'a, str>>,
    /// `Low`, `Medium`, `High` or `Critical`; none on events that only inform.
    #[serde(borrow)]
    pub severity: Option<Cow<'a, str>>,
    /// The host's id.
    #[serde(borrow)]
    pub connector_guid: Option<Cow<'a, str>>,
    /// The ids of its groups.
    #[serde(borrow, default)]
    pub group_guids: Option<Vec<Cow<'a, str>>>,
    /// The host.
    #[serde(borrow)]
    pub computer: Option<Computer<'a>>,
    /// The file that it is about.
    #[serde(borrow)]
    pub file: Option<File<'a>>,
}

/// The host of an event.
#[derive(Clone, Debug, Deserialize)]
pub struct Computer<'a> {
    /// Its id, in older events only here.
    #[serde(borrow)]
    pub connector_guid: Option<Cow<'a, str>>,
    /// Its name.
    #[serde(borrow)]
    pub hostname: Option<Cow<'a, str>>,
    /// Who was signed in.
    #[serde(borrow)]
    pub user: Option<Cow<'a, str>>,
}

/// The file of an event.
#[derive(Clone, Debug, Deserialize)]
pub struct File<'a> {
    /// What the console holds of it.
    #[serde(borrow)]
    pub disposition: Option<Cow<'a, str>>,
    /// Its name.
    #[serde(borrow)]
    pub file_name: Option<Cow<'a, str>>,
    /// Its path, in one of many spellings.
    #[serde(borrow)]
    pub file_path: Option<Cow<'a, str>>,
    /// Its hashes, in either case.
    #[serde(borrow)]
    pub identity: Option<Identity<'a>>,
}

/// A file's hashes.
#[derive(Clone, Debug, Deserialize)]
pub struct Identity<'a> {
    /// SHA-256.
    #[serde(borrow)]
    pub sha256: Option<Cow<'a, str>>,
    /// SHA-1.
    #[serde(borrow)]
    pub sha1: Option<Cow<'a, str>>,
    /// MD5.
    #[serde(borrow)]
    pub md5: Option<Cow<'a, str>>,
}

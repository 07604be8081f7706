//! The JSON of event streams, exactly as it is sent and taken, and nothing else.

use serde::{Deserialize, Deserializer, Serialize};

use crate::secret::Secret;

/// The body of POST and PATCH. The keys are singular, and lists all the same.
#[derive(Serialize)]
pub(super) struct StreamRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event_type: Option<&'a [u64]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group_guid: Option<&'a [String]>,
}

/// A stream in an answer: plural keys, absent where nothing is filtered.
#[derive(Deserialize)]
pub(super) struct Stream {
    pub(super) id: Number,
    pub(super) name: Option<String>,
    pub(super) event_types: Option<Vec<Number>>,
    pub(super) group_guids: Option<Vec<String>>,
    pub(super) amqp_credentials: Option<Credentials>,
}

/// Where the events are. `proto` comes with it and is wrong.
#[derive(Deserialize)]
pub(super) struct Credentials {
    pub(super) user_name: Option<String>,
    pub(super) queue_name: Option<String>,
    pub(super) host: Option<String>,
    pub(super) port: Option<Number>,
    /// Only in the answer to the creation.
    #[serde(default, deserialize_with = "secret")]
    pub(super) password: Option<Secret>,
}

/// A number, which some answers and some clients write as a text.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Number {
    Number(u64),
    Text(String),
}

impl Number {
    /// The number that it is.
    pub(super) fn value(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

/// One item of `GET /v1/event_types`. Ids go beyond 2^31.
#[derive(Deserialize)]
pub(super) struct EventType {
    pub(super) id: Number,
    pub(super) name: Option<String>,
}

/// One item of `GET /v1/groups`.
#[derive(Deserialize)]
pub(super) struct Group {
    pub(super) guid: String,
    pub(super) name: Option<String>,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()).map(Secret::new))
}

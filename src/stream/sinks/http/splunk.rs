//! Splunk's HTTP event collector: one JSON object after another, and a number that says what became of them.
//!
//! Number 0 is taken as kept. A token that is set to acknowledge indexing separately asks for a channel, which is not
//! spoken here; that is told.

use serde::{Deserialize, Serialize};

use super::{HttpOptions, HttpSink, Item, Shape, Verdict, secret_header, short, words};
use crate::{
    http::{HeaderMap, HeaderValue, Response, Url, header},
    secret::Secret,
    stream::{
        envelope::{Format, host_of, time_of},
        event::ConsoleEvent,
        place::Place,
        sinks::{SinkError, Then},
    },
};

/// Where a collector is, and what events are called there.
#[derive(Clone, Debug)]
pub struct SplunkOptions {
    /// Its address, with a path that ends in a slash.
    pub url: Url,
    /// The collector's token.
    pub token: Secret,
    /// The index, if not the token's own.
    pub index: Option<String>,
    /// The events' source.
    pub source: String,
    /// The kind of events.
    pub sourcetype: String,
}

impl HttpSink {
    /// A sink for Splunk's event collector. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`SinkError`] if certificates to trust cannot be read, or the token is none.
    pub fn splunk(options: SplunkOptions, http: &HttpOptions) -> Result<Self, SinkError> {
        let name = Place::Splunk(options.url.clone()).to_string();
        let mut headers = HeaderMap::new();
        let token = zeroize::Zeroizing::new(format!("Splunk {}", options.token.expose()));
        headers.insert(header::AUTHORIZATION, secret_header(&name, &token)?);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let url = options
            .url
            .join("services/collector/event")
            .map_err(|error| SinkError { text: format!("{name}: {error}"), then: Then::Stop })?;
        let SplunkOptions { index, source, sourcetype, .. } = options;
        Self::new(name, http, Box::new(Splunk { url, headers, index, source, sourcetype }))
    }
}

#[derive(Debug)]
struct Splunk {
    url: Url,
    headers: HeaderMap,
    index: Option<String>,
    source: String,
    sourcetype: String,
}

/// What stands around an event, but for the event.
#[derive(Serialize)]
struct Head<'a> {
    /// Seconds and their thousandths, as a text: no number of ours goes through a floating point.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    source: &'a str,
    sourcetype: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer {
    code: u32,
    #[serde(default)]
    text: String,
    #[serde(rename = "invalid-event-number")]
    invalid: Option<usize>,
}

impl Shape for Splunk {
    fn url(&self) -> &Url {
        &self.url
    }

    fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn write(&self, event: &ConsoleEvent, format: Format, to: &mut Vec<u8>) {
        let fields = event.fields();
        let fields = fields.as_ref();
        let time = fields.and_then(time_of).map(|time| {
            let milliseconds = time.as_millisecond();
            format!("{}.{:03}", milliseconds.div_euclid(1000), milliseconds.rem_euclid(1000))
        });
        let (source, sourcetype, index) = (&self.source, &self.sourcetype, self.index.as_deref());
        let head = Head { time, host: fields.and_then(host_of), source, sourcetype, index };
        let before = to.len();
        if serde_json::to_writer(&mut *to, &head).is_err() {
            // Texts to memory cannot fail; the event would go without its head.
            to.truncate(before);
            to.extend_from_slice(b"{}");
        }
        to.pop();
        to.extend_from_slice(if to.ends_with(b"{") { b"\"event\":" } else { b",\"event\":" });
        format.write(event, to);
        to.extend_from_slice(b"}\n");
    }

    fn judge(&self, answer: &Response, count: usize) -> Verdict {
        let status = answer.status.as_u16();
        let Ok(said) = serde_json::from_slice::<Answer>(&answer.body) else {
            return match status {
                ..300 => Verdict::None("the answer is none of Splunk's".to_owned(), Then::Again(None)),
                404 => Verdict::None("there is no event collector at this address".to_owned(), Then::Stop),
                401 | 403 => Verdict::None(format!("the token is refused ({})", words(answer)), Then::Stop),
                _ => Verdict::None(words(answer), Then::Stop),
            };
        };
        let text = short(&said.text);
        let reason = format!("{text} (code {})", said.code);
        match (said.code, said.invalid) {
            (0, _) if status < 300 => Verdict::Each((0..count).map(|_| Item::Kept).collect()),
            (1..=4, _) => Verdict::None(format!("the token is refused: {reason}"), Then::Stop),
            (7, _) => Verdict::None(format!("the index is refused: {reason}"), Then::Stop),
            (10 | 11, _) => Verdict::None(
                format!("the token has indexer acknowledgement switched on, which is not spoken here: {reason}"),
                Then::Stop,
            ),
            (8 | 9 | 23.., _) => Verdict::None(reason, Then::Again(super::retry_after(answer))),
            (5 | 6 | 12 | 13 | 15, Some(place)) if place < count => Verdict::AllBut(place, reason),
            (5 | 6 | 12 | 13 | 15, _) => Verdict::OneOf(reason),
            _ => Verdict::None(format!("HTTP {status}: {reason}"), Then::Stop),
        }
    }
}

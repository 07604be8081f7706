//! Elasticsearch's `_bulk`: two lines an event, and an answer for each of them.
//!
//! An event is created under its own id, so that one that comes again is refused as had (409), which is kept. It gets a
//! `@timestamp`, without which a data stream takes nothing: its own time, or the present where it has none.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, de::IgnoredAny};

use super::{HttpOptions, HttpSink, Item, Shape, Verdict, retry_after, secret_header, short, words};
use crate::{
    clock,
    http::{HeaderMap, HeaderValue, Response, Url, header},
    secret::Secret,
    stream::{
        envelope::{self, Format, id_text, time_of},
        event::{ConsoleEvent, EventId},
        place::Place,
        sinks::{SinkError, Then},
    },
};

/// Where events are indexed.
#[derive(Clone, Debug)]
pub struct ElasticOptions {
    /// The address, with a path that ends in a slash.
    pub url: Url,
    /// The index or the data stream.
    pub index: String,
    /// Who we are.
    pub auth: ElasticAuth,
}

/// Who we are.
#[derive(Clone, Debug)]
pub enum ElasticAuth {
    /// Nobody: a server without security.
    None,
    /// An API key in its encoded form.
    ApiKey(Secret),
    /// A user.
    Basic {
        /// Its name.
        user: String,
        /// Its password.
        password: Secret,
    },
}

impl HttpSink {
    /// A sink for Elasticsearch. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`SinkError`] if certificates to trust cannot be read, or the credentials are none.
    pub fn elastic(options: ElasticOptions, http: &HttpOptions) -> Result<Self, SinkError> {
        let name = Place::Elastic { url: options.url.clone(), index: options.index.clone() }.to_string();
        let mut headers = HeaderMap::new();
        let auth = match &options.auth {
            ElasticAuth::None => None,
            ElasticAuth::ApiKey(key) => Some(zeroize::Zeroizing::new(format!("ApiKey {}", key.expose()))),
            ElasticAuth::Basic { user, password } => {
                let plain = zeroize::Zeroizing::new(format!("{user}:{}", password.expose()));
                Some(zeroize::Zeroizing::new(format!("Basic {}", STANDARD.encode(plain.as_bytes()))))
            }
        };
        if let Some(auth) = auth {
            headers.insert(header::AUTHORIZATION, secret_header(&name, &auth)?);
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        let url = options
            .url
            .join(&format!("{}/_bulk", options.index))
            .map_err(|error| SinkError { text: format!("{name}: {error}"), then: Then::Stop })?;
        Self::new(name, http, Box::new(Elastic { url, headers }))
    }
}

#[derive(Debug)]
struct Elastic {
    url: Url,
    headers: HeaderMap,
}

#[derive(Deserialize)]
struct Answer {
    errors: bool,
    items: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    create: Created,
}

#[derive(Deserialize)]
struct Created {
    status: u16,
    error: Option<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: Option<String>,
    reason: Option<String>,
    caused_by: Option<Box<Problem>>,
}

impl Problem {
    fn words(&self) -> String {
        let own = match (&self.kind, &self.reason) {
            (Some(kind), Some(reason)) => format!("{kind}: {reason}"),
            (Some(text), None) | (None, Some(text)) => text.clone(),
            (None, None) => "no reason is given".to_owned(),
        };
        match &self.caused_by {
            Some(cause) => format!("{own} ({})", cause.words()),
            None => own,
        }
    }
}

/// The document's id. Of several bodies with one number only the first has the number alone: the others would pass for had.
fn id_of(event: &ConsoleEvent) -> String {
    match event.id {
        EventId::Number(number, mark) if event.is_twin => format!("{number}-{mark:016x}"),
        id => id_text(&id),
    }
}

impl Shape for Elastic {
    fn url(&self) -> &Url {
        &self.url
    }

    fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn write(&self, event: &ConsoleEvent, format: Format, to: &mut Vec<u8>) {
        // An id is digits, or hexadecimal: nothing to escape.
        to.extend_from_slice(format!("{{\"create\":{{\"_id\":\"{}\"}}}}\n", id_of(event)).as_bytes());
        let mut source = Vec::with_capacity(event.body.len());
        format.write(event, &mut source);
        if !source.starts_with(b"{") {
            // JSON that is no object cannot be indexed.
            source.clear();
            envelope::write_stand_in(&event.body, &mut source);
        }
        if has_timestamp(&source) {
            to.extend_from_slice(&source);
        } else {
            let time = event.fields().as_ref().and_then(time_of).unwrap_or_else(clock::now);
            to.extend_from_slice(format!("{{\"@timestamp\":\"{}\"", clock::rfc3339(time)).as_bytes());
            let rest = source.get(1..).unwrap_or_default();
            if !rest.trim_ascii_start().starts_with(b"}") {
                to.push(b',');
            }
            to.extend_from_slice(rest);
        }
        to.push(b'\n');
    }

    fn judge(&self, answer: &Response, count: usize) -> Verdict {
        let status = answer.status.as_u16();
        match status {
            ..300 => {}
            401 | 403 => return Verdict::None(format!("the credentials are refused ({})", words(answer)), Then::Stop),
            _ => return Verdict::None(words(answer), Then::Stop),
        }
        match serde_json::from_slice::<Answer>(&answer.body) {
            Ok(said) if said.items.len() == count => {
                Verdict::Each(said.items.into_iter().map(|entry| item(&entry.create, said.errors, answer)).collect())
            }
            Ok(said) => {
                let text = format!("{} answers came for {count} events", said.items.len());
                Verdict::None(text, Then::Again(None))
            }
            Err(_) => Verdict::None("the answer is none of Elasticsearch's".to_owned(), Then::Again(None)),
        }
    }
}

fn item(created: &Created, errors: bool, answer: &Response) -> Item {
    let reason = || {
        let words = created.error.as_ref().map_or_else(String::new, |error| short(&error.words()));
        format!("HTTP {}: {words}", created.status)
    };
    match created.status {
        200..300 => Item::Kept,
        // It was created the first time it came.
        409 => Item::Kept,
        408 | 429 | 500.. => Item::Not(reason(), Then::Again(retry_after(answer))),
        401 | 403 => Item::Not(format!("the credentials do not allow it: {}", reason()), Then::Stop),
        404 => Item::Not(format!("the index is not there: {}", reason()), Then::Stop),
        _ if errors => Item::Refused(reason()),
        _ => Item::Not(reason(), Then::Again(None)),
    }
}

/// Whether an object has the field already.
fn has_timestamp(source: &[u8]) -> bool {
    /// Fails where the field is missing.
    #[derive(Deserialize)]
    struct Only {
        #[serde(rename = "@timestamp")]
        _at: IgnoredAny,
    }
    serde_json::from_slice::<Only>(source).is_ok()
}

//! Events over HTTP, many in one request: to Splunk's event collector, or to Elasticsearch.
//!
//! A batch goes in as few requests as its size allows. Each answer is read: what it keeps and what it refuses is settled,
//! what it wants later goes again, and only that. What is settled of a batch is remembered until all of it is, so that a
//! batch that comes again is not sent twice. A connection that breaks before the answer leaves no choice: those events go
//! again. Elasticsearch tells them by their id then; Splunk does not.

mod elastic;
mod splunk;

use std::{collections::HashMap, fmt, io::Write as _, time::Duration};

use async_trait::async_trait;
use flate2::{Compression, write::GzEncoder};
use jiff::fmt::rfc2822;

pub use self::{
    elastic::{ElasticAuth, ElasticOptions},
    splunk::SplunkOptions,
};
use super::{Kept, Position, Sink, SinkError, Then};
use crate::{
    clock,
    http::{
        self, Client, ClientOptions, HeaderMap, HeaderValue, HttpError, HttpErrorKind, Method, Request, Response,
        Trust, Url, header,
    },
    stream::{
        envelope::Format,
        event::{ConsoleEvent, EventId},
    },
};

/// The largest body, if nothing else is said. Splunk takes a megabyte by default.
pub const BODY: usize = 1_000_000;

/// An answer's words are told up to this many characters.
const WORDS: usize = 300;

/// No server asks for a longer wait in earnest.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// How a server is spoken to.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// How its certificate is trusted.
    pub trust: Trust,
    /// The time for one request.
    pub timeout: Duration,
    /// Whether a proxy of the environment is honoured.
    pub proxy: bool,
    /// Whether bodies are compressed.
    pub gzip: bool,
    /// The largest body, before it is compressed. A single event that exceeds it is sent all the same.
    pub max_bytes: usize,
    /// What an event looks like.
    pub format: Format,
}

/// What is particular to a kind of server.
trait Shape: fmt::Debug + Send + Sync {
    /// Where events go.
    fn url(&self) -> &Url;

    /// The headers of each request.
    fn headers(&self) -> &HeaderMap;

    /// Adds an event to a body.
    fn write(&self, event: &ConsoleEvent, format: Format, to: &mut Vec<u8>);

    /// Judges an answer to so many events, of a status that is not judged alike everywhere.
    fn judge(&self, answer: &Response, count: usize) -> Verdict;
}

/// What an answer says.
#[derive(Debug)]
enum Verdict {
    /// Something of each event, in their order.
    Each(Vec<Item>),
    /// This one is bad, by its place among them; all others are to be sent again.
    AllBut(usize, String),
    /// One of them is bad, and nobody says which.
    OneOf(String),
    /// They are too many for one request; a single one is too large.
    TooLarge(String),
    /// None is kept.
    None(String, Then),
}

/// What an answer says of one event.
#[derive(Debug)]
enum Item {
    Kept,
    Refused(String),
    Not(String, Then),
}

/// Sends events over HTTP.
#[derive(Debug)]
pub struct HttpSink {
    name: String,
    client: Client,
    shape: Box<dyn Shape>,
    format: Format,
    gzip: bool,
    /// The largest body; a server that takes less has made it smaller.
    most: usize,
    /// What became of events of a batch that is not settled as a whole: the reason, if one is refused.
    settled: HashMap<EventId, Option<String>>,
}

impl HttpSink {
    fn new(name: String, options: &HttpOptions, shape: Box<dyn Shape>) -> Result<Self, SinkError> {
        let client = http::client(&ClientOptions {
            trust: options.trust.clone(),
            timeout: options.timeout,
            idle_connections: 1,
            proxy: options.proxy,
        });
        let client = client.map_err(|error| SinkError { text: format!("{name}: {error}"), then: Then::Stop })?;
        let (format, gzip, most) = (options.format, options.gzip, options.max_bytes);
        Ok(Self { name, client, shape, format, gzip, most, settled: HashMap::new() })
    }

    /// The body of the first of these events that fit into one, and how many they are: at least one.
    fn body(&self, events: &[&ConsoleEvent], cap: usize) -> (usize, Vec<u8>) {
        let mut body = Vec::new();
        let mut count = 0;
        for event in events.iter().take(cap) {
            let before = body.len();
            self.shape.write(event, self.format, &mut body);
            if body.len() > self.most && count > 0 {
                body.truncate(before);
                break;
            }
            count += 1;
        }
        (count, body)
    }

    async fn send(&self, body: Vec<u8>, count: usize) -> Result<Verdict, SinkError> {
        let mut request = Request::new(Method::POST, self.shape.url().clone());
        *request.headers_mut() = self.shape.headers().clone();
        let body = if self.gzip {
            request.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            let failed = |error: std::io::Error| self.error(&error.to_string(), Then::Stop);
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&body).map_err(failed)?;
            encoder.finish().map_err(failed)?
        } else {
            body
        };
        *request.body_mut() = Some(body.into());
        let answer = http::send(&self.client, request).await.map_err(|error| self.unanswered(&error))?;
        let status = answer.status.as_u16();
        Ok(match status {
            408 | 429 | 500.. => Verdict::None(words(&answer), Then::Again(retry_after(&answer))),
            300..400 => Verdict::None(format!("it points elsewhere ({})", words(&answer)), Then::Stop),
            // A gateway or a login page spoke in the server's place.
            _ if answer.is_html() && status != 413 => {
                let then = if status < 300 { Then::Again(None) } else { Then::Stop };
                Verdict::None(format!("a web page answered in its place (HTTP {status})"), then)
            }
            413 => Verdict::TooLarge(format!("the event is too large for it ({})", words(&answer))),
            _ => self.shape.judge(&answer, count),
        })
    }

    fn unanswered(&self, error: &HttpError) -> SinkError {
        let then = if error.kind() == HttpErrorKind::Certificate { Then::Stop } else { Then::Again(None) };
        self.error(&error.to_string(), then)
    }

    fn error(&self, text: &str, then: Then) -> SinkError {
        SinkError { text: format!("{}: {text}", self.name), then }
    }

    /// Sends what is left until it is settled.
    async fn settle(&mut self, mut left: Vec<&ConsoleEvent>) -> Result<(), SinkError> {
        let mut cap = usize::MAX;
        while !left.is_empty() {
            let (count, body) = self.body(&left, cap);
            let size = body.len();
            let verdict = self.send(body, count).await?;
            match verdict {
                Verdict::Each(items) => {
                    let mut worst: Option<(String, Then)> = None;
                    for (event, item) in left.drain(..count.min(left.len())).zip(items) {
                        match item {
                            Item::Kept => drop(self.settled.insert(event.id, None)),
                            Item::Refused(reason) => drop(self.settled.insert(event.id, Some(reason))),
                            Item::Not(text, then) => {
                                if worst.as_ref().is_none_or(|(_, worst)| *worst != Then::Stop) {
                                    worst = Some((text, then));
                                }
                            }
                        }
                    }
                    if let Some((text, then)) = worst {
                        return Err(self.error(&text, then));
                    }
                    cap = usize::MAX;
                }
                Verdict::AllBut(place, reason) => {
                    let event = left.remove(place.min(count - 1));
                    self.settled.insert(event.id, Some(reason));
                }
                Verdict::OneOf(reason) | Verdict::TooLarge(reason) if count == 1 => {
                    let event = left.remove(0);
                    self.settled.insert(event.id, Some(reason));
                    cap = usize::MAX;
                }
                Verdict::OneOf(_) => cap = count / 2,
                Verdict::TooLarge(_) => self.most = size / 2,
                Verdict::None(text, then) => return Err(self.error(&text, then)),
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Sink for HttpSink {
    fn name(&self) -> &str {
        &self.name
    }

    async fn begin(&mut self, _: Option<&Position>) -> Result<(), SinkError> {
        Ok(())
    }

    async fn keep(&mut self, batch: &[ConsoleEvent]) -> Result<Kept, SinkError> {
        let left = batch.iter().filter(|event| !self.settled.contains_key(&event.id)).collect();
        self.settle(left).await?;
        let settled = std::mem::take(&mut self.settled);
        let refused = batch.iter().enumerate().filter_map(|(place, event)| {
            let reason = settled.get(&event.id)?.as_ref()?;
            Some((place, reason.clone()))
        });
        Ok(Kept { refused: refused.collect() })
    }

    async fn close(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// What an answer without particulars says, in short.
fn words(answer: &Response) -> String {
    let status = answer.status.as_u16();
    let text = String::from_utf8_lossy(&answer.body);
    let text = text.trim();
    if text.is_empty() || answer.is_html() {
        format!("HTTP {status}")
    } else {
        short(&format!("HTTP {status}: {text}"))
    }
}

/// The beginning of a text that a server has said.
fn short(text: &str) -> String {
    match text.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// How long the server wants to be left alone: seconds, or a time of day.
fn retry_after(answer: &Response) -> Option<Duration> {
    let text = answer.header("retry-after")?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            // The name of the day is only for people; some servers have a wrong one.
            let until = rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok()?;
            until.duration_since(clock::now()).try_into().unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

/// A header that nothing shows.
fn secret_header(name: &str, text: &str) -> Result<HeaderValue, SinkError> {
    let told = || SinkError {
        text: format!("{name}: the credentials have characters that no header takes"),
        then: Then::Stop,
    };
    let mut value = HeaderValue::from_str(text).map_err(|_| told())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;

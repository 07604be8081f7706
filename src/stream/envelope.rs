//! How an event is written on one line: as it came, or in an envelope that is the same for every kind of event.
//!
//! The body stays exact. Nothing here reads a number and writes it again: ids are beyond what a floating point number can
//! hold. Valid JSON has line breaks between its parts only, never inside a text, so a line break is turned into a blank and
//! the line still says the same. A body that is no JSON travels as base64.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::event::{ConsoleEvent, EventId, Fields};
use crate::clock;

/// The version of the envelope. Fields may be added within it; none changes its meaning.
const SCHEMA: &str = "edrctl.event/1";

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The body as it came.
    #[default]
    Raw,
    /// The envelope `edrctl.event/1`, with the body inside.
    Event,
}

impl Format {
    /// Adds the event's JSON, without a line end.
    pub fn write(self, event: &ConsoleEvent, to: &mut Vec<u8>) {
        match self {
            Self::Raw => write_body(&event.body, to),
            Self::Event => write_envelope(event, to),
        }
    }

    /// Adds the event's line.
    pub fn write_line(self, event: &ConsoleEvent, to: &mut Vec<u8>) {
        self.write(event, to);
        to.push(b'\n');
    }
}

/// The id as a text: a number's digits, or `sha256:` and the digest's beginning.
pub fn id_text(id: &EventId) -> String {
    match id {
        EventId::Number(number, _) => number.to_string(),
        EventId::Digest(digest) => {
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("sha256:{hex}")
        }
    }
}

/// When it happened, as far as it says so.
pub fn time_of(fields: &Fields<'_>) -> Option<Timestamp> {
    fields.time()
}

/// The host's name, as far as it says so.
pub fn host_of<'a>(fields: &'a Fields<'_>) -> Option<&'a str> {
    fields.computer.as_ref()?.hostname.as_deref().filter(|name| !name.is_empty())
}

/// The body, if it is JSON of any kind.
pub(super) fn json(body: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(body).ok()
}

fn write_body(body: &[u8], to: &mut Vec<u8>) {
    let from = to.len();
    match json(body) {
        Some(json) => {
            to.extend_from_slice(json.get().as_bytes());
            on_one_line(to, from);
        }
        None => write_stand_in(body, to),
    }
}

/// What stands in the place of a body that is no JSON.
pub(super) fn write_stand_in(body: &[u8], to: &mut Vec<u8>) {
    to.extend_from_slice(br#"{"edrctl":"raw","base64":""#);
    to.extend_from_slice(STANDARD.encode(body).as_bytes());
    to.extend_from_slice(br#""}"#);
}

/// Turns the line breaks behind this place into blanks. Only for JSON, which has none inside a text.
pub(super) fn on_one_line(bytes: &mut [u8], from: usize) {
    let behind = bytes.get_mut(from..).unwrap_or_default();
    // To look is fast, and nearly always enough.
    if !behind.contains(&b'\n') && !behind.contains(&b'\r') {
        return;
    }
    for byte in behind.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')) {
        *byte = b' ';
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    schema: &'static str,
    id: String,
    time: Option<String>,
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    type_id: Option<i64>,
    severity: Option<&'a str>,
    host: Option<HostPart<'a>>,
    groups: Vec<&'a str>,
    detection: Option<&'a str>,
    file: Option<FilePart<'a>>,
    /// The body, exactly; null if it is no JSON.
    body: Option<&'a RawValue>,
    /// The body where it is no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

#[derive(Serialize)]
struct HostPart<'a> {
    id: Option<&'a str>,
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct FilePart<'a> {
    name: Option<&'a str>,
    path: Option<&'a str>,
    sha256: Option<String>,
}

fn write_envelope(event: &ConsoleEvent, to: &mut Vec<u8>) {
    let fields = event.fields();
    let envelope = Envelope::of(event, fields.as_ref());
    let from = to.len();
    // Nothing in it can fail to be written: texts and numbers, to memory. If it did, the body is still not lost.
    if serde_json::to_writer(&mut *to, &envelope).is_err() {
        to.truncate(from);
        write_stand_in(&event.body, to);
    }
    on_one_line(to, from);
}

impl<'a> Envelope<'a> {
    fn of(event: &'a ConsoleEvent, fields: Option<&'a Fields<'a>>) -> Self {
        let body = json(&event.body);
        let computer = fields.and_then(|fields| fields.computer.as_ref());
        let id = fields.and_then(|fields| text(fields.connector_guid.as_ref()));
        let id = id.or_else(|| computer.and_then(|computer| text(computer.connector_guid.as_ref())));
        let name = fields.and_then(host_of);
        Self {
            schema: SCHEMA,
            id: id_text(&event.id),
            time: fields.and_then(time_of).map(clock::rfc3339),
            kind: fields.and_then(|fields| text(fields.event_type.as_ref())),
            type_id: fields.and_then(|fields| fields.event_type_id),
            severity: fields.and_then(|fields| text(fields.severity.as_ref())),
            host: (id.is_some() || name.is_some()).then_some(HostPart { id, name }),
            groups: fields
                .and_then(|fields| fields.group_guids.as_ref())
                .map(|groups| groups.iter().map(AsRef::as_ref).collect())
                .unwrap_or_default(),
            detection: fields.and_then(|fields| text(fields.detection.as_ref())),
            file: fields.and_then(|fields| fields.file.as_ref()).map(|file| FilePart {
                name: text(file.file_name.as_ref()),
                path: text(file.file_path.as_ref()),
                sha256: file
                    .identity
                    .as_ref()
                    .and_then(|identity| text(identity.sha256.as_ref()))
                    .map(str::to_ascii_lowercase),
            }),
            body,
            body_base64: body.is_none().then(|| STANDARD.encode(&event.body)),
        }
    }
}

fn text<'a>(field: Option<&'a Cow<'a, str>>) -> Option<&'a str> {
    field.map(AsRef::as_ref)
}

#[cfg(test)]
mod tests;

//! Builds one request about event streams, judges one answer. Pure: nothing here sends.

use super::{
    super::{
        requests::{Draft, at, data, judge, next_page},
        wire::Envelope,
    },
    wire::{self, Number, StreamRequest},
};
use crate::{
    domain::{failure::FailureKind, guid, selector::IdForm},
    http::{Method, Response, Url},
    vendors::{
        Again, Cursor, VendorError,
        streams::{
            Change, Created, EventStream, EventType, Group, GroupPage, NewStream, QueueAddress, Refusal, RefusedFor,
            StreamId,
        },
    },
};

/// What the console says of a stream that it does not have, whatever the status.
const NO_SUCH_STREAM: &str = "event stream not found";

/// The longest name that a queue, a user or a host may have in the protocol.
const LONGEST_NAME: usize = 255;

fn get(url: Url) -> Draft {
    Draft { method: Method::GET, url, body: None }
}

fn one(base: &Url, id: StreamId) -> Url {
    at(base, &format!("event_streams/{id}"))
}

pub(super) fn list(base: &Url) -> Draft {
    get(at(base, "event_streams"))
}

pub(super) fn show(base: &Url, id: StreamId) -> Draft {
    get(one(base, id))
}

pub(super) fn create(base: &Url, new: &NewStream) -> Result<Draft, VendorError> {
    check(Some(&new.name), &new.groups)?;
    // A key that is not there means all, as an empty list does.
    let body = StreamRequest {
        name: Some(&new.name),
        event_type: Some(new.event_types.as_slice()).filter(|types| !types.is_empty()),
        group_guid: Some(new.groups.as_slice()).filter(|groups| !groups.is_empty()),
    };
    Ok(Draft { method: Method::POST, url: at(base, "event_streams"), body: Some(json(&body)?) })
}

pub(super) fn update(base: &Url, id: StreamId, change: &Change) -> Result<Draft, VendorError> {
    check(change.name.as_deref(), change.groups.as_deref().unwrap_or_default())?;
    let body = StreamRequest {
        name: change.name.as_deref(),
        event_type: change.event_types.as_deref(),
        group_guid: change.groups.as_deref(),
    };
    Ok(Draft { method: Method::PATCH, url: one(base, id), body: Some(json(&body)?) })
}

pub(super) fn delete(base: &Url, id: StreamId) -> Draft {
    Draft { method: Method::DELETE, url: one(base, id), body: None }
}

pub(super) fn event_types(base: &Url) -> Draft {
    get(at(base, "event_types"))
}

pub(super) fn groups(base: &Url, cursor: Option<&Cursor>) -> Result<Draft, VendorError> {
    Ok(get(match cursor {
        None => at(base, "groups"),
        Some(cursor) => next_page(base, &cursor.0)?,
    }))
}

fn json(body: &StreamRequest<'_>) -> Result<Vec<u8>, VendorError> {
    serde_json::to_vec(body).map_err(|error| VendorError::new(FailureKind::Internal, error.to_string(), Again::Never))
}

/// Names and ids were validated when they were read; they are checked once more where they would enter a body.
fn check(name: Option<&str>, groups: &[String]) -> Result<(), VendorError> {
    let wrong = |text: &str| Err(VendorError::new(FailureKind::BadRequest, text, Again::Never));
    if name.is_some_and(|name| name.trim().is_empty() || name.chars().any(char::is_control)) {
        return wrong("the stream's name is empty or has a control character");
    }
    if !groups.iter().all(|group| is_guid(group)) {
        return wrong("the group's id is not a GUID");
    }
    Ok(())
}

fn is_guid(text: &str) -> bool {
    matches!(guid::form(text, &[guid::USUAL]), IdForm::Id(_))
}

/// `GET /v1/event_streams`.
pub(super) fn judge_list(response: &Response) -> Result<Vec<EventStream>, VendorError> {
    let envelope = judge_all(response, false)?;
    let streams: Vec<wire::Stream> = data(envelope.data)?;
    streams.into_iter().map(stream).collect()
}

/// `GET /v1/event_streams/{id}`.
pub(super) fn judge_show(id: StreamId, response: &Response) -> Result<EventStream, VendorError> {
    let envelope = judge_one(id, response, false)?;
    let found = stream(data(envelope.data)?)?;
    if found.id == id {
        Ok(found)
    } else {
        Err(unreadable(&format!("the console was asked for the event stream {id} and answered for {}", found.id)))
    }
}

/// `POST /v1/event_streams`.
pub(super) fn judge_create(response: &Response) -> Result<Result<Created, Refusal>, VendorError> {
    if let Some(refusal) = refusal(response) {
        return Ok(Err(refusal));
    }
    let envelope = judge_all(response, true).map_err(in_doubt)?;
    // Why it cannot be read would quote what stands there, and that may be the password.
    let unread = |what: &str| {
        let text = format!("the console's answer to the creation {what}");
        VendorError::new(FailureKind::Protocol, text, Again::InDoubt)
    };
    let made: wire::Stream = data(envelope.data).map_err(|_| unread("cannot be read"))?;
    let id = made.id.value().ok_or_else(|| unread("has no stream's number"))?;
    let mut credentials = made.amqp_credentials.ok_or_else(|| unread("has no credentials"))?;
    let password = credentials.password.take().ok_or_else(|| unread("has no password"))?;
    let queue = queue(credentials).ok_or_else(|| unread("does not say where the events are"))?;
    Ok(Ok(Created { id: StreamId(id), queue, password }))
}

/// `PATCH /v1/event_streams/{id}`.
pub(super) fn judge_update(id: StreamId, response: &Response) -> Result<Result<(), Refusal>, VendorError> {
    if !is_unknown(response)
        && let Some(refusal) = refusal(response)
    {
        return Ok(Err(refusal));
    }
    judge_done(id, response, false).map(Ok)
}

/// `DELETE /v1/event_streams/{id}`.
pub(super) fn judge_delete(id: StreamId, response: &Response) -> Result<(), VendorError> {
    judge_done(id, response, true).map_err(in_doubt)
}

/// `GET /v1/event_types`.
pub(super) fn judge_event_types(response: &Response) -> Result<Vec<EventType>, VendorError> {
    let envelope = judge_all(response, false)?;
    let types: Vec<wire::EventType> = data(envelope.data)?;
    types
        .into_iter()
        .map(|one| {
            let id = one.id.value().ok_or_else(|| unreadable("the console listed an event type without a number"))?;
            Ok(EventType { id, name: one.name.unwrap_or_default() })
        })
        .collect()
}

/// `GET /v1/groups`.
pub(super) fn judge_groups(base: &Url, response: &Response) -> Result<GroupPage, VendorError> {
    let envelope = judge_all(response, false)?;
    let groups: Vec<wire::Group> = data(envelope.data)?;
    let next = envelope.metadata.unwrap_or_default().links.unwrap_or_default().next;
    let next = next.map(|link| next_page(base, &link).map(|url| Cursor(url.as_str().into()))).transpose()?;
    let groups = groups
        .into_iter()
        .map(|group| match guid::form(&group.guid, &[guid::USUAL]) {
            IdForm::Id(_) => Ok(Group { id: group.guid.to_ascii_lowercase(), name: group.name.unwrap_or_default() }),
            _ => Err(unreadable("the console listed a group whose guid is not a GUID")),
        })
        .collect::<Result<_, _>>()?;
    Ok(GroupPage { groups, next })
}

fn unreadable(text: &str) -> VendorError {
    VendorError::new(FailureKind::Protocol, text, Again::Never)
}

fn stream(stream: wire::Stream) -> Result<EventStream, VendorError> {
    let number = |number: &Number| number.value().ok_or_else(|| unreadable("the console's number is not one"));
    let types = stream.event_types.unwrap_or_default();
    Ok(EventStream {
        id: StreamId(number(&stream.id)?),
        name: stream.name.unwrap_or_default(),
        event_types: types.iter().map(number).collect::<Result<_, _>>()?,
        groups: stream.group_guids.unwrap_or_default(),
        queue: stream.amqp_credentials.and_then(queue),
    })
}

/// An address of which every part is there and can be meant.
fn queue(credentials: wire::Credentials) -> Option<QueueAddress> {
    let name = |text: Option<String>| {
        text.filter(|text| !text.is_empty() && text.len() <= LONGEST_NAME && !text.chars().any(char::is_control))
    };
    let host = name(credentials.host).filter(|host| !host.contains(|c: char| c.is_whitespace() || "/@?#".contains(c)));
    let port = credentials.port?.value().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    Some(QueueAddress {
        host: host?,
        port: port?,
        queue_name: name(credentials.queue_name)?,
        user_name: name(credentials.user_name)?,
    })
}

/// Judges an answer that is about no single stream.
fn judge_all(response: &Response, changes: bool) -> Result<Envelope<'_>, VendorError> {
    if matches!(response.status.as_u16(), 404 | 405) && !response.is_html() {
        let number = response.status.as_u16();
        let text = format!("`base_url` does not lead to the console's API, or it has no event streams (HTTP {number})");
        return Err(VendorError::new(FailureKind::Gateway, text, Again::Never));
    }
    judge(response, changes)
}

/// Judges an answer that is about one stream.
fn judge_one(id: StreamId, response: &Response, changes: bool) -> Result<Envelope<'_>, VendorError> {
    let number = response.status.as_u16();
    if is_unknown(response) {
        let text = format!("the console has no event stream {id} (HTTP {number})");
        return Err(VendorError::new(FailureKind::NotFound, text, Again::Never));
    }
    if number == 405 && !response.is_html() {
        let text = format!("this console does not let event streams be changed (HTTP {number})");
        return Err(VendorError::new(FailureKind::Unsupported, text, Again::Never));
    }
    judge(response, changes)
}

/// The same, where a success need not say anything.
fn judge_done(id: StreamId, response: &Response, changes: bool) -> Result<(), VendorError> {
    if response.status.is_success() && response.body.trim_ascii().is_empty() {
        return Ok(());
    }
    judge_one(id, response, changes).map(drop)
}

/// What may have been done before the console failed is not tried again blindly.
fn in_doubt(error: VendorError) -> VendorError {
    match error.again() {
        Again::Backoff | Again::Look => {
            let failure = error.into_failure();
            VendorError::new(failure.kind, failure.text, Again::InDoubt)
        }
        _ => error,
    }
}

/// Whether the console says that it has no such stream.
fn is_unknown(response: &Response) -> bool {
    match response.status.as_u16() {
        404 => !response.is_html(),
        400 => said(response).is_some_and(|said| said.to_lowercase().contains(NO_SUCH_STREAM)),
        _ => false,
    }
}

/// A request that the console has understood and does not follow. 409 and 422 were never seen, and would mean the same.
fn refusal(response: &Response) -> Option<Refusal> {
    if !matches!(response.status.as_u16(), 400 | 409 | 422) {
        return None;
    }
    let said = said(response)?;
    let lower = said.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let why = if has(&["taken", "already exist", "already in use", "unique", "duplicate"]) {
        RefusedFor::NameTaken
    } else if has(&["maximum", "limit", "too many", "exceed", "more than"]) {
        RefusedFor::TooMany
    } else {
        RefusedFor::Other
    };
    Some(Refusal { why, said })
}

/// Everything that the console says in an error: the details, or else what it is about.
fn said(response: &Response) -> Option<String> {
    let envelope = serde_json::from_slice::<Envelope<'_>>(&response.body).ok()?;
    let mut said = Vec::new();
    for error in envelope.errors? {
        let details: Vec<String> = error.details.into_iter().flatten().filter(|text| !text.is_empty()).collect();
        if details.is_empty() { said.extend(error.description) } else { said.extend(details) }
    }
    let said: String = said.join("; ").chars().take(300).collect();
    Some(if said.is_empty() { "no reason given".to_owned() } else { said })
}

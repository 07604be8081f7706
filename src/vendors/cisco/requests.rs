//! Builds one request, judges one answer. Pure: nothing here sends.

use std::{borrow::Cow, fmt, time::Duration};

use serde_json::value::RawValue;

use super::wire::{ApiError, Computer, Envelope, IsolationRequest, IsolationState};
use crate::{
    clock,
    domain::{
        action::{Action, ActionKind, Observed},
        failure::FailureKind,
        host::{Abilities, Host, HostId, HostState, Isolation},
        id::Ticket,
        selector::{IdForm, parse_ip, parse_mac},
    },
    http::{HeaderMap, HttpError, HttpErrorKind, Method, Response, StatusCode, Url},
    vendors::{Ack, Again, Cursor, Meta, Page, QuotaReading, Reply, Tenant, VendorError},
};

/// What a request is made of, before the credentials are added.
#[derive(PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<Vec<u8>>,
}

impl fmt::Debug for Draft {
    /// Without the body, which may hold an unlock code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("method", &self.method).field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// Nothing that is called a window of a quota lasts longer than a day, in seconds.
const MAX_WINDOW: u64 = 86_400;

/// The computers on one page: the most that the console gives.
pub(super) const PAGE_SIZE: usize = 500;

pub(super) fn at(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let prefix = base.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{prefix}/v1/{path}"));
    url
}

pub(super) fn version(base: &Url) -> Draft {
    Draft { method: Method::GET, url: at(base, "version"), body: None }
}

pub(super) fn computers(base: &Url, cursor: Option<&Cursor>) -> Result<Draft, VendorError> {
    let url = match cursor {
        None => {
            let mut url = at(base, "computers");
            url.query_pairs_mut().append_pair("limit", &PAGE_SIZE.to_string());
            url
        }
        Some(cursor) => next_page(base, &cursor.0)?,
    };
    Ok(Draft { method: Method::GET, url, body: None })
}

/// A `next` link is followed as it is, but only to the console that was configured: the credentials go with it.
pub(super) fn next_page(base: &Url, link: &str) -> Result<Url, VendorError> {
    let refuse = |why: String| VendorError::stops_run(FailureKind::Protocol, why);
    let url = base.join(link).map_err(|error| refuse(format!("the console's `next` link is no URL ({error})")))?;
    if url.origin() != base.origin() || !url.username().is_empty() || url.password().is_some() {
        let host = url.origin().ascii_serialization();
        let ours = base.origin().ascii_serialization();
        return Err(refuse(format!(
            "the console's `next` link leads to `{host}` and not to `{ours}`; the credentials are not sent there: check `base_url` and any proxy that rewrites answers"
        )));
    }
    Ok(url)
}

/// `GET /v1/computers/{guid}`.
pub(super) fn computer(base: &Url, id: &HostId) -> Result<Draft, VendorError> {
    // The id was validated when it was read; it is checked once more where it would enter a URL.
    match super::id_form(id.as_str()) {
        IdForm::Id(_) => Ok(Draft { method: Method::GET, url: at(base, &format!("computers/{id}")), body: None }),
        _ => Err(VendorError::new(FailureKind::BadRequest, "the host's id is not a GUID", Again::Never)),
    }
}

pub(super) fn isolation(base: &Url, id: &HostId) -> Result<Draft, VendorError> {
    Ok(Draft { method: Method::GET, url: isolation_url(base, id)?, body: None })
}

pub(super) fn submit(
    base: &Url,
    action: &Action,
    id: &HostId,
    unlock_code: Option<&str>,
) -> Result<Draft, VendorError> {
    let method = match action.kind {
        ActionKind::Isolate => Method::PUT,
        ActionKind::Unisolate => Method::DELETE,
        ActionKind::Task => return Err(VendorError::unsupported("carry out tasks")),
        ActionKind::Block | ActionKind::Unblock => return Err(VendorError::unsupported("block indicators")),
    };
    let unlock_code = unlock_code.filter(|_| action.kind == ActionKind::Isolate);
    let body = IsolationRequest { comment: action.comment.as_deref(), unlock_code };
    // Without a word to say there is no body: the console documents it as optional for both methods.
    let body = (body.comment.is_some() || body.unlock_code.is_some())
        .then(|| serde_json::to_vec(&body))
        .transpose()
        .map_err(|error| VendorError::new(FailureKind::Internal, error.to_string(), Again::Never))?;
    Ok(Draft { method, url: isolation_url(base, id)?, body })
}

fn isolation_url(base: &Url, id: &HostId) -> Result<Url, VendorError> {
    // The id was validated when it was read; it is checked once more where it would enter a URL.
    match super::id_form(id.as_str()) {
        IdForm::Id(_) => Ok(at(base, &format!("computers/{id}/isolation"))),
        _ => Err(VendorError::new(FailureKind::BadRequest, "the host's id is not a GUID", Again::Never)),
    }
}

/// What an exchange without a whole answer means.
pub(super) fn judge_silence(error: &HttpError, changes: bool) -> VendorError {
    let again = if changes && error.may_have_been_sent() { Again::InDoubt } else { Again::Backoff };
    match error.kind() {
        HttpErrorKind::Certificate => VendorError::stops_run(FailureKind::Certificate, error.to_string()),
        HttpErrorKind::Unreachable => VendorError::new(FailureKind::Unreachable, error.to_string(), again),
        HttpErrorKind::Timeout => VendorError::new(FailureKind::Timeout, error.to_string(), again),
        HttpErrorKind::Cut => VendorError::new(FailureKind::Cut, error.to_string(), again),
        HttpErrorKind::TooLarge => {
            let again = if changes { Again::InDoubt } else { Again::Never };
            VendorError::new(FailureKind::Protocol, error.to_string(), again)
        }
    }
}

/// What the console says beside every answer.
pub(super) fn meta(headers: &HeaderMap) -> Meta {
    let number = |plain: &str, hyphenated: &str| header_number(headers, plain, hyphenated);
    let remaining = number("x-ratelimit-remaining", "x-rate-limit-remaining");
    let reset = number("x-ratelimit-reset", "x-rate-limit-reset");
    let quota = remaining.zip(reset).map(|(remaining, reset)| QuotaReading {
        limit: number("x-ratelimit-limit", "x-rate-limit-limit"),
        remaining,
        // A delta in seconds.
        reset: Duration::from_secs(reset.min(MAX_WINDOW)),
    });
    let request_id = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    let request_id = request_id.filter(|id| id.len() <= 128 && id.bytes().all(|b| b.is_ascii_graphic()));
    Meta { request_id: request_id.map(Into::into), quota }
}

/// `GET /v1/version`.
pub(super) fn judge_version(base: &Url, response: &Response) -> Result<Tenant, VendorError> {
    let envelope = judge_api(response)?;
    Ok(Tenant {
        console: console_address(base),
        detail: envelope.version.map(|version| format!("API {version}")),
        clock_skew: None,
    })
}

/// The console's address as people know it: without credentials, path or trailing slash.
pub(super) fn console_address(base: &Url) -> String {
    let path = base.path().trim_end_matches('/');
    format!("{}{path}", base.origin().ascii_serialization())
}

/// PUT and DELETE. The state in the answer may be the one from before the request, so it is not believed; but an answer
/// that has none was not made by the console for this host.
pub(super) fn judge_submit(response: &Response) -> Reply {
    let envelope = judge(response, true)?;
    match data::<IsolationState>(envelope.data) {
        Ok(IsolationState { available: None, status: None }) | Err(_) => {
            let number = response.status.as_u16();
            let text = format!("the console's answer does not speak of the host (HTTP {number})");
            Err(VendorError::new(FailureKind::Protocol, text, Again::InDoubt))
        }
        Ok(_) => Ok(Ack::Accepted(Ticket::default())),
    }
}

/// `GET /v1/computers/{guid}/isolation`.
pub(super) fn judge_isolation(response: &Response) -> Result<Observed, VendorError> {
    if response.status == StatusCode::NOT_FOUND && !response.is_html() {
        return Ok(Observed::NoSuchHost);
    }
    let envelope = judge(response, false)?;
    let state: IsolationState = data(envelope.data)?;
    Ok(Observed::State {
        able: Abilities { isolate: state.available, release: None },
        state: state.status.map_or_else(|| host_state(String::new()), host_state),
        last_seen: None,
    })
}

/// `GET /v1/computers`.
pub(super) fn judge_computers(base: &Url, response: &Response) -> Result<Page, VendorError> {
    let envelope = judge_api(response)?;
    let computers: Vec<Computer> = data(envelope.data)?;
    let metadata = envelope.metadata.unwrap_or_default();
    let next = metadata.links.unwrap_or_default().next;
    let next = next.map(|link| next_page(base, &link).map(|url| Cursor(url.as_str().into()))).transpose()?;
    let hosts = computers.into_iter().map(host).collect::<Result<_, _>>()?;
    Ok(Page { hosts, next, total: metadata.results.unwrap_or_default().total })
}

/// `GET /v1/computers/{guid}`: the same object as in the list; none if the console does not know it.
pub(super) fn judge_computer(response: &Response) -> Result<Option<Host>, VendorError> {
    if response.status == StatusCode::NOT_FOUND && !response.is_html() {
        return Ok(None);
    }
    let envelope = judge(response, false)?;
    host(data(envelope.data)?).map(Some)
}

fn host(computer: Computer) -> Result<Host, VendorError> {
    // Acting by a name whose namesake cannot be told would be guessing, so one bad id spoils the page.
    let id = match super::id_form(&computer.connector_guid) {
        IdForm::Id(None) => HostId::new(computer.connector_guid),
        IdForm::Id(Some(canonical)) => HostId::new(&*canonical),
        _ => {
            let text = "the console listed a computer whose connector_guid is not a GUID";
            return Err(VendorError::stops_run(FailureKind::Protocol, text));
        }
    };
    let network = computer.network_addresses.unwrap_or_default();
    let internal = computer.internal_ips.unwrap_or_default().into_iter().flatten();
    let texts: Vec<String> = internal.chain(network.iter().filter_map(|entry| entry.ip.clone())).collect();
    let written = || texts.iter().map(|ip| ip.trim()).filter(|ip| !ip.is_empty());
    let more_addresses = written().any(|ip| parse_ip(ip).is_none());
    let mut addresses: Vec<_> = written().filter_map(parse_ip).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let mut macs: Vec<_> = network.iter().filter_map(|entry| parse_mac(entry.mac.as_deref()?.trim(), true)).collect();
    macs.sort_unstable();
    macs.dedup();
    let group = computer.groups.unwrap_or_default().into_iter().find_map(|group| group.name);
    let group = group.or_else(|| computer.policy.and_then(|policy| policy.name));
    let (capable, state) = match computer.isolation {
        Some(isolation) => (isolation.available, isolation.status.map(host_state)),
        None => (None, None),
    };
    Ok(Host {
        aliases: Box::default(),
        caution: None,
        online: None,
        unable: None,
        id,
        name: computer.hostname.filter(|name| !name.is_empty()).map(Into::into),
        addresses,
        more_addresses,
        macs,
        state,
        able: Abilities { isolate: capable, release: None },
        domain: None,
        product: None,
        last_seen: computer.last_seen.map(Into::into),
        os: computer.operating_system.map(Into::into),
        group: group.map(Into::into),
    })
}

/// The four words of the documentation; any other is kept and believed in nothing.
fn host_state(word: String) -> HostState {
    let (isolation, word) = match word.as_str() {
        "not_isolated" => (Isolation::NotIsolated, Cow::Borrowed("not_isolated")),
        "pending_start" => (Isolation::Isolating, Cow::Borrowed("pending_start")),
        "isolated" => (Isolation::Isolated, Cow::Borrowed("isolated")),
        "pending_stop" => (Isolation::Releasing, Cow::Borrowed("pending_stop")),
        "" => (Isolation::Unknown, Cow::Borrowed("unknown")),
        _ => (Isolation::Unknown, Cow::Owned(word)),
    };
    HostState { isolation, word }
}

pub(super) fn data<T: serde::de::DeserializeOwned>(data: Option<&RawValue>) -> Result<T, VendorError> {
    let text = data.map_or("null", RawValue::get);
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let why = error.into_inner();
        VendorError::new(
            FailureKind::Protocol,
            format!("the console's answer cannot be read at `data.{path}`: {why}"),
            Again::Never,
        )
    })
}

/// Judges an answer that is about no single host.
fn judge_api(response: &Response) -> Result<Envelope<'_>, VendorError> {
    if matches!(response.status.as_u16(), 404 | 405) && !response.is_html() {
        let number = response.status.as_u16();
        let text = format!("`base_url` does not lead to the console's API (HTTP {number})");
        return Err(VendorError::new(FailureKind::Gateway, text, Again::Never));
    }
    judge(response, false)
}

/// Tells the answers apart. `changes`: whether the request would have changed a host.
pub(super) fn judge(response: &Response, changes: bool) -> Result<Envelope<'_>, VendorError> {
    let status = response.status;
    let envelope = serde_json::from_slice::<Envelope<'_>>(&response.body).ok();
    let said = envelope.as_ref().and_then(|envelope| words(envelope.errors.as_deref()?));
    let number = status.as_u16();
    let html = envelope.is_none() && response.is_html();
    if status.is_success() {
        return judge_success(response, envelope, said, changes);
    }
    if html && !status.is_redirection() {
        return Err(judge_html(number, status));
    }
    let told = |words: &str| match &said {
        Some(said) => format!("{words} (HTTP {number}: {said})"),
        None => format!("{words} (HTTP {number})"),
    };
    let fail = |kind, words: &str, again| Err(VendorError::new(kind, told(words), again));
    match number {
        // Some consoles say so of a host that is changing, too: a look tells.
        400 if changes => fail(FailureKind::BadRequest, "the console says that the request is wrong", Again::Look),
        400 => fail(FailureKind::BadRequest, "the console says that the request is wrong", Again::Never),
        401 => Err(VendorError::stops_run(
            FailureKind::CredentialsRefused,
            told("the console refused the credentials: check client id, API key and region"),
        )),
        403 => Err(VendorError::stops_run(
            FailureKind::Forbidden,
            told("the API client may not do this: it needs the scope \"Read & Write\""),
        )),
        404 => fail(FailureKind::NotFound, "the console knows no host with this GUID", Again::Never),
        405 => fail(
            FailureKind::NotCapable,
            "isolation is not available on this host: allow it in its policy (Advanced Settings, Endpoint Isolation), and check operating system and connector version",
            Again::Never,
        ),
        408 => fail(FailureKind::Timeout, "the console gave up waiting for the request", Again::Backoff),
        409 => fail(FailureKind::Conflict, "the console says that this contradicts the host's state", Again::Look),
        429 => {
            let wait = response.header("retry-after").and_then(retry_after).or_else(|| reset_alone(&response.headers));
            fail(FailureKind::Throttled, "the console's quota is spent", Again::Throttled(wait))
        }
        300..=399 => fail(
            FailureKind::Gateway,
            "a redirect came instead of an answer: check `base_url`, and whether a proxy wants a login",
            Again::Never,
        ),
        500 => fail(FailureKind::ServerError, "the console failed", Again::Backoff),
        502..=504 => fail(FailureKind::Gateway, "the console's gateway failed", Again::Backoff),
        505..=599 | 501 => fail(FailureKind::ServerError, "the console failed", Again::Backoff),
        _ => fail(FailureKind::BadRequest, "the console refused the request", Again::Never),
    }
}

fn judge_success<'a>(
    response: &Response,
    envelope: Option<Envelope<'a>>,
    said: Option<String>,
    changes: bool,
) -> Result<Envelope<'a>, VendorError> {
    let number = response.status.as_u16();
    // A success that cannot be read is no success: what was asked may have been done, or never have arrived.
    let unread = if changes { Again::InDoubt } else { Again::Backoff };
    let Some(envelope) = envelope else {
        let text = if response.is_html() {
            format!(
                "a web page came instead of the console's answer (HTTP {number}): a gateway or login page stands in between"
            )
        } else if response.body.is_empty() {
            format!("the console's answer is empty (HTTP {number})")
        } else {
            format!("the console's answer is not JSON (HTTP {number})")
        };
        let kind = if response.is_html() { FailureKind::Gateway } else { FailureKind::Protocol };
        return Err(VendorError::new(kind, text, unread));
    };
    match said {
        Some(said) => {
            let text = format!("the console answered HTTP {number} with an error: {said}");
            Err(VendorError::new(FailureKind::ServerError, text, if changes { Again::InDoubt } else { Again::Never }))
        }
        // Other services answer in JSON, too.
        None if envelope.version.is_none() && envelope.data.is_none() => {
            let text = format!("the answer is JSON, and not in the console's form (HTTP {number})");
            Err(VendorError::new(FailureKind::Protocol, text, unread))
        }
        None => Ok(envelope),
    }
}

/// A web page with an error status: whatever sent it, it was not the console's interface.
fn judge_html(number: u16, status: StatusCode) -> VendorError {
    let again = if status.is_server_error() { Again::Backoff } else { Again::Never };
    let text = match number {
        401 | 403 | 407 => format!(
            "a web page refused the request (HTTP {number}): a proxy or gateway in front of the console wants a login or forbids it"
        ),
        404 => format!("a web page says \"not found\" (HTTP {number}): `base_url` does not lead to the console's API"),
        429 => {
            let text = format!("a gateway in front of the console says: too many requests (HTTP {number})");
            return VendorError::new(FailureKind::Throttled, text, Again::Throttled(None));
        }
        _ => format!("a web page came instead of the console's answer (HTTP {number}): its gateway failed"),
    };
    match number {
        401 | 403 | 407 => VendorError::stops_run(FailureKind::Gateway, text),
        _ => VendorError::new(FailureKind::Gateway, text, again),
    }
}

/// The first words of the error list; empty lists and empty words say nothing.
fn words(errors: &[ApiError]) -> Option<String> {
    let first = errors.first()?;
    let detail = first.details.iter().flatten().find(|detail| !detail.is_empty());
    let said = detail.or(first.description.as_ref()).map(|text| text.chars().take(300).collect::<String>());
    Some(said.unwrap_or_else(|| "no reason given".to_owned()))
}

/// `Retry-After`: seconds, or a date. No capture shows it, but gateways send it.
fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    let seconds = value.parse::<u64>().ok().or_else(|| {
        let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
        u64::try_from(date.duration_since(clock::now()).as_secs().max(0) + 1).ok()
    })?;
    Some(Duration::from_secs(seconds.min(MAX_WINDOW)))
}

/// The time to the reset, where the console tells it without what remains; with both, the pace knows better.
fn reset_alone(headers: &HeaderMap) -> Option<Duration> {
    let reset = header_number(headers, "x-ratelimit-reset", "x-rate-limit-reset")?;
    // The console may round down, so the second that it does not speak of is added.
    meta(headers).quota.is_none().then(|| Duration::from_secs(reset.min(MAX_WINDOW) + 1))
}

/// The documentation spells these headers with one hyphen more than the wire does; both are read.
fn header_number(headers: &HeaderMap, plain: &str, hyphenated: &str) -> Option<u64> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    text(plain).or_else(|| text(hyphenated)).and_then(|value| value.trim().parse().ok())
}

//! Tells the answers apart: whether the console spoke at all, and what its statuses mean. Pure.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::{
    clock,
    domain::failure::FailureKind,
    http::{HttpError, HttpErrorKind, Response},
    vendors::{Again, VendorError},
};

/// What stands on the page that asks for user and password, whatever its status.
const LOGIN_TITLE: &str = "Cybereason | Login";

/// What stands on the page that asks for the second factor.
const SECOND_FACTOR: &str = "Two factor authentication";

/// Nobody is asked to wait longer than a day, in seconds.
const LONGEST_WAIT: u64 = 86_400;

/// What came in the place of an answer under `/rest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instead {
    /// The way to the login page, or the page itself: there is no session, and nothing was done.
    Door,
    /// A redirect to somewhere else.
    Elsewhere,
    /// Something that is no data. Whether anything was done for it, nobody knows.
    NoData,
}

/// What came in the place of an answer, if none did: a redirect, or a page in the place of data.
pub(super) fn instead(response: &Response) -> Option<Instead> {
    if has(response, LOGIN_TITLE) {
        return Some(Instead::Door);
    }
    if response.status.is_redirection() {
        let to = page_of(response.header("location").unwrap_or_default());
        return Some(if to.contains("login") { Instead::Door } else { Instead::Elsewhere });
    }
    let data = !response.status.is_success() || response.body.trim_ascii().is_empty() || is_json(response);
    (!data).then_some(Instead::NoData)
}

/// Where a redirect leads on its server, in small letters: a server's name may hold any word.
fn page_of(location: &str) -> String {
    let location = location.trim().to_ascii_lowercase();
    let behind = location.split_once("://").map(|(_, rest)| rest).or_else(|| location.strip_prefix("//"));
    match behind {
        Some(rest) => rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)).unwrap_or_default().to_owned(),
        None => location,
    }
}

/// Whether a page asks for the second factor.
pub(super) fn asks_for_code(response: &Response) -> bool {
    response.status.is_success() && has(response, SECOND_FACTOR)
}

/// Data may come without being called so, and be called a page by whoever stands in front.
fn is_json(response: &Response) -> bool {
    let body = response.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&response.body);
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
        || serde_json::from_slice::<serde_json::Value>(body).is_ok()
}

/// Whether a text stands in the head of an answer.
fn has(response: &Response, text: &str) -> bool {
    /// Enough for the head of any page.
    const HEAD: usize = 16 * 1024;
    let head = response.body.get(..HEAD).unwrap_or(&response.body);
    head.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

/// How the console answers whoever signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// As far as it shows, open.
    Open,
    /// User or password are wrong, or the code is.
    Refused,
    /// The password is right, and has to be changed.
    Expired,
    /// A code is wanted.
    WantsCode,
}

/// Reads the answer to a form. Only where it leads tells: a session is given to everybody.
pub(super) fn judge_form(response: &Response) -> Result<Door, VendorError> {
    if response.status.is_redirection() {
        let to = page_of(response.header("location").unwrap_or_default());
        return Ok(if to.contains("reset") || to.contains("originalurl") {
            Door::Expired
        } else if to.contains("error") || to.contains("login.html") {
            Door::Refused
        } else {
            Door::Open
        });
    }
    match response.status.as_u16() {
        200..=299 if has(response, SECOND_FACTOR) => Ok(Door::WantsCode),
        200..=299 if has(response, LOGIN_TITLE) => Ok(Door::Refused),
        200..=299 => Ok(Door::Open),
        404 => Err(VendorError::stops_run(
            FailureKind::Protocol,
            "there is no Cybereason console at this address: check `url` (HTTP 404 for `/login.html`)",
        )),
        _ => Err(judge_status(response, false)),
    }
}

/// Reads what a success brings.
pub(super) fn content<T: DeserializeOwned>(response: &Response, changes: bool) -> Result<T, VendorError> {
    if !response.status.is_success() {
        return Err(judge_status(response, changes));
    }
    let body = response.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&response.body);
    let unread = if changes { Again::InDoubt } else { Again::Backoff };
    let mut json = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let text = format!("the console's answer cannot be read at `{path}`: {}", error.into_inner());
        VendorError::new(FailureKind::Protocol, text, unread)
    })
}

/// Reads what a success brings where nothing was to be changed.
pub(super) fn of<T: DeserializeOwned>(response: &Response) -> Result<T, VendorError> {
    content(response, false)
}

/// Whether a refusal says that none of the hosts is there.
pub(super) fn matches_nothing(response: &Response) -> bool {
    has(response, "NO_MATCHING_SENSORS")
}

/// An answer that is no success. `changes`: whether the request would have changed a host.
pub(super) fn judge_status(response: &Response, changes: bool) -> VendorError {
    let number = response.status.as_u16();
    let line = if response.is_html() { None } else { first_line(&response.body) };
    let told = |words: &str| match &line {
        Some(line) => format!("{words} (HTTP {number}: {line})"),
        None => format!("{words} (HTTP {number})"),
    };
    let fail = |kind, words: &str, again| VendorError::new(kind, told(words), again);
    let stop = |kind, words: &str| VendorError::stops_run(kind, told(words));
    let unanswered = if changes { Again::InDoubt } else { Again::Backoff };
    match number {
        200..=299 => fail(FailureKind::Protocol, "the console's answer is empty", unanswered),
        300..=399 => {
            stop(FailureKind::Gateway, "a redirect came instead of an answer, and is not followed: check `url`")
        }
        401 => stop(FailureKind::CredentialsRefused, "a gateway in front of the console wants other credentials"),
        403 => stop(FailureKind::Forbidden, "the user's role may not do this"),
        404 => stop(
            FailureKind::Protocol,
            "the console does not know this call: check `url`; an older console may not have it",
        ),
        407 => stop(FailureKind::Gateway, "a proxy wants a login"),
        408 => fail(FailureKind::Timeout, "the console gave up on the request", unanswered),
        412 => stop(FailureKind::Forbidden, "the console does not let this user use the feature"),
        429 => {
            fail(FailureKind::Throttled, "the console says: too many requests", Again::Throttled(retry_after(response)))
        }
        503 if retry_after(response).is_some() => {
            fail(FailureKind::Gateway, "the console asks for patience", Again::Throttled(retry_after(response)))
        }
        502..=504 => fail(FailureKind::Gateway, "the console's gateway failed", Again::Backoff),
        500.. => fail(FailureKind::ServerError, "the console failed", Again::Backoff),
        _ => fail(FailureKind::BadRequest, "the console refused the request", Again::Never),
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

/// The first line of a body that says something, cut short.
fn first_line(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body.get(..2_048).unwrap_or(body));
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(200).collect())
}

/// `Retry-After`: seconds, or a date.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.header("retry-after")?.trim();
    let seconds = value.parse::<u64>().ok().or_else(|| {
        let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
        u64::try_from(date.duration_since(clock::now()).as_secs().max(0) + 1).ok()
    })?;
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
}

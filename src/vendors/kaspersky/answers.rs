//! Tells the answers apart: the HTTP status first, then whether the console tells of a failure. Pure.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    codes::{self, Class, PxgError},
    container::Container,
};
use crate::{
    clock,
    domain::failure::FailureKind,
    http::{HttpError, HttpErrorKind, Response},
    vendors::{Again, VendorError},
};

/// Why an answer is not what was asked for.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What a conversation may go on from.
    pub(super) why: Why,
    /// Judged, for whoever does not.
    pub(super) error: VendorError,
}

/// What a conversation may go on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The session has ended: nothing was done.
    SessionGone,
    /// The console does not know the object: a host, an accessor, a task.
    Unknown,
    /// The console cannot read what was sent: it may be too long for it.
    Unreadable,
    /// The console does not know the method.
    NoMethod,
    /// Nothing that can be gone on from.
    Other,
}

impl From<VendorError> for Refusal {
    fn from(error: VendorError) -> Self {
        Self { why: Why::Other, error }
    }
}

/// Nobody is asked to wait longer than a day, in seconds.
const LONGEST_WAIT: u64 = 86_400;

/// What a success brings. `changes`: whether the request would have changed something.
pub(super) fn content(response: &Response, changes: bool) -> Result<Container, Refusal> {
    let body = response.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&response.body);
    let top: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
    let failure = top.as_ref().and_then(codes::failure_in);
    match (response.status.as_u16(), top, failure) {
        // Who asks, whether there still is a session, and the pace are told by the status.
        (401 | 403 | 429, _, failure) => Err(judge_status(response, failure.as_ref(), changes)),
        (_, _, Some(failure)) => Err(judge_failure(&failure)),
        (200..=299, Some(top), None) => Ok(Container::read(top)),
        _ => Err(judge_status(response, None, changes)),
    }
}

/// A member without which an answer is none.
pub(super) fn needed<T>(found: Option<T>, what: &str, changes: bool) -> Result<T, Refusal> {
    found.ok_or_else(|| {
        let text = format!("the console's answer has no {what}");
        VendorError::new(FailureKind::Protocol, text, if changes { Again::InDoubt } else { Again::Never }).into()
    })
}

/// A failure in the console's own words: it was refused whole.
fn judge_failure(failure: &PxgError) -> Refusal {
    let (class, words) = failure.meaning();
    let text = format!("{words} ({})", failure.told());
    let error = match class {
        Class::Run(kind) => VendorError::stops_run(kind, text),
        Class::Never(kind) => VendorError::new(kind, text, Again::Never),
        Class::Backoff(kind) => VendorError::new(kind, text, Again::Backoff),
    };
    let why = if failure.is("KLSTD", 1186) {
        Why::Unknown
    } else if failure.is("KLSTD", 1192) || failure.is("KLSTD", 1229) {
        Why::Unreadable
    } else {
        Why::Other
    };
    Refusal { why, error }
}

fn judge_status(response: &Response, failure: Option<&PxgError>, changes: bool) -> Refusal {
    let number = response.status.as_u16();
    let said = match failure {
        Some(failure) => Some(failure.told()),
        None => response.header("x-ksc-errormsg").map(str::to_owned).or_else(|| first_line(&response.body)),
    };
    let told = |words: &str| match &said {
        Some(said) => format!("{words} (HTTP {number}: {})", said.chars().take(160).collect::<String>()),
        None => format!("{words} (HTTP {number})"),
    };
    let doubt = if changes { Again::InDoubt } else { Again::Backoff };
    let fail = |kind, words: &str, again| VendorError::new(kind, told(words), again);
    let stop = |kind, words: &str| VendorError::stops_run(kind, told(words));
    let refusal = |why, error| Refusal { why, error };
    match number {
        401 if wants_second_step(response) => {
            stop(
                FailureKind::CredentialsRefused,
                "the console wants two-step verification of this account, which no program can do: exclude the account from \
                 it in the console",
            )
            .into()
        }
        401 => match failure.map(PxgError::meaning) {
            Some((Class::Run(kind), words)) => stop(kind, words),
            _ => stop(
                FailureKind::CredentialsRefused,
                "the console refused user and password; nothing is asked a second time, because too many wrong passwords \
                 block an account",
            ),
        }
        .into(),
        403 if changes => refusal(
            Why::SessionGone,
            fail(FailureKind::Gateway, "the session ended, and whether this was done before is not told", Again::InDoubt),
        ),
        403 => refusal(Why::SessionGone, stop(FailureKind::Forbidden, "the console does not take its own session")),
        429 => fail(
            FailureKind::Throttled,
            "the console says: too many requests",
            Again::Throttled(retry_after(response)),
        )
        .into(),
        200..=299 => fail(
            FailureKind::Gateway,
            "what came is no answer of the console: a gateway or a login page stands in between",
            doubt,
        )
        .into(),
        300..=399 => stop(
            FailureKind::Gateway,
            "a redirect came instead of an answer, and is not followed: check `url`; the Open API has a port of its own, \
             13299",
        )
        .into(),
        404 => refusal(
            Why::NoMethod,
            fail(FailureKind::Protocol, "the console does not have this method at this address: check `url`", Again::Never),
        ),
        400 | 413 | 414 | 431 => {
            refusal(Why::Unreadable, fail(FailureKind::BadRequest, "the console cannot read the request", Again::Never))
        }
        407 => stop(FailureKind::Gateway, "a proxy wants a login").into(),
        408 => fail(FailureKind::Timeout, "the console gave up waiting for the request", doubt).into(),
        503 if changes => fail(FailureKind::ServerError, "the console is busy", doubt).into(),
        503 => {
            let again = retry_after(response).map_or(Again::Backoff, |wait| Again::Throttled(Some(wait)));
            fail(FailureKind::ServerError, "the console is busy", again).into()
        }
        502 | 504 => fail(FailureKind::Gateway, "a gateway in front of the console failed", doubt).into(),
        500.. => fail(FailureKind::ServerError, "the console failed", doubt).into(),
        _ => fail(FailureKind::BadRequest, "the request was refused, and not in the console's own words", Again::Never)
            .into(),
    }
}

/// Whether a refusal of the credentials asks for a second step.
fn wants_second_step(response: &Response) -> bool {
    let values = response.headers.get_all("www-authenticate");
    values.iter().any(|value| value.to_str().is_ok_and(|text| text.to_ascii_uppercase().contains("KSCMFA")))
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

/// The first line of a page that is no JSON, without its tags.
fn first_line(body: &[u8]) -> Option<String> {
    /// Enough for the head of any page.
    const HEAD: usize = 4 * 1024;
    let text = String::from_utf8_lossy(body.get(..HEAD).unwrap_or(body));
    let mut shown = String::new();
    let mut rest = &*text;
    while let Some((before, tag)) = rest.split_once('<') {
        shown.push_str(before);
        shown.push('\n');
        rest = tag.split_once('>').map_or("", |(_, behind)| behind);
    }
    shown.push_str(rest);
    shown.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

/// `Retry-After` in seconds, or a date.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.header("retry-after")?.trim();
    let seconds = value.parse::<u64>().ok().or_else(|| {
        let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
        u64::try_from(date.duration_since(clock::now()).as_secs().max(0) + 1).ok()
    })?;
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
}

//! Tells the answers apart: the result code decides, the HTTP status second. Pure.

use std::time::Duration;

use serde::Deserialize;

use super::{
    codes::{self, Class},
    wire::{Bare, Content, Envelope, Text},
};
use crate::{
    clock,
    domain::failure::FailureKind,
    http::{HttpError, HttpErrorKind, Response},
    vendors::{Again, VendorError},
};

/// Why an answer is not what was asked for.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The token was too old on arrival. What follows depends on the clocks.
    TooOld,
    /// Judged.
    Error(VendorError),
}

impl From<VendorError> for Refusal {
    fn from(error: VendorError) -> Self {
        Self::Error(error)
    }
}

/// Nobody is asked to wait longer than a day, in seconds.
const LONGEST_WAIT: u64 = 86_400;

/// What a success brings. `changes`: whether the request would have changed a host.
pub(super) fn content<'a, T: Deserialize<'a>>(response: &'a Response, changes: bool) -> Result<Vec<T>, Refusal> {
    let body = response.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&response.body);
    // The pace is told by the status, whoever tells it and whatever stands below.
    let slower = match response.status.as_u16() {
        429 => true,
        503 => retry_after(response).is_some(),
        _ => false,
    };
    // A list in place of the envelope would be taken for its members in their order.
    if slower || body.trim_ascii_start().first() != Some(&b'{') {
        return Err(judge_status(response, changes).into());
    }
    let unread = if changes { Again::InDoubt } else { Again::Never };
    let (code, description, content) = match serde_json::from_slice::<Envelope<'_, Content<T>>>(body) {
        Ok(envelope) => (envelope.result_code, envelope.result_description, Ok(envelope.result_content)),
        // What is wrong may be the content alone: then the code still holds.
        Err(_) => match serde_json::from_slice::<Bare<'_>>(body) {
            Ok(bare) => (bare.result_code, bare.result_description, Err(unreadable::<T>(body))),
            Err(_) => return Err(judge_status(response, changes).into()),
        },
    };
    let number = response.status.as_u16();
    match code {
        Some(codes::SUCCESS) if response.status.is_success() => match content {
            Ok(content) => Ok(content.map_or_else(Vec::new, |content| content.0)),
            Err(text) => Err(VendorError::new(FailureKind::Protocol, text, unread).into()),
        },
        Some(code) if code < 0 => Err(judge_code(code, description.as_ref(), response)),
        // A success that contradicts itself, or an answer in another service's form.
        Some(codes::SUCCESS) => {
            let text = format!("the console says that it is done, and answers HTTP {number}");
            Err(VendorError::new(FailureKind::Protocol, text, if changes { Again::InDoubt } else { Again::Backoff })
                .into())
        }
        _ if !response.status.is_success() => Err(judge_status(response, changes).into()),
        code => {
            let what =
                code.map_or_else(|| "no result code".to_owned(), |code| format!("the unknown result code {code}"));
            let text = format!("the console's answer has {what} (HTTP {number}{})", said(description.as_ref()));
            Err(VendorError::new(FailureKind::Protocol, text, if changes { Again::InDoubt } else { Again::Backoff })
                .into())
        }
    }
}

/// Names the place that cannot be read. Only now, because keeping the way to each value costs time.
fn unreadable<'a, T: Deserialize<'a>>(body: &'a [u8]) -> String {
    let mut json = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, Envelope<'_, Content<T>>>(&mut json) {
        Ok(_) => "the console's answer cannot be read".to_owned(),
        Err(error) => {
            let path = error.path().to_string();
            format!("the console's answer cannot be read at `{path}`: {}", error.into_inner())
        }
    }
}

fn judge_code(code: i64, description: Option<&Text<'_>>, response: &Response) -> Refusal {
    let told = |words: &str| format!("{words} (result code {code}{})", said(description));
    let Some((class, words)) = codes::meaning(code) else {
        // Codes of this kind are refusals; where the status says that of the credentials, it holds for every host.
        return match response.status.as_u16() {
            401 | 403 => VendorError::stops_run(FailureKind::CredentialsRefused, told("the console refused the token")),
            _ => VendorError::new(
                FailureKind::Protocol,
                told("the console refused the request with a code that is not documented"),
                Again::Never,
            ),
        }
        .into();
    };
    match class {
        Class::Clock => Refusal::TooOld,
        Class::Run(kind) => VendorError::stops_run(kind, told(words)).into(),
        Class::Never(kind) => VendorError::new(kind, told(words), Again::Never).into(),
        Class::Backoff(kind) => VendorError::new(kind, told(words), Again::Backoff).into(),
    }
}

/// The console's own words, to be put behind a number.
fn said(description: Option<&Text<'_>>) -> String {
    let words: String = description.map_or("", |text| text.0.trim()).chars().take(300).collect();
    if words.is_empty() { words } else { format!(": {words}") }
}

/// An answer without a result code: something before the console spoke, or the console does not speak this.
fn judge_status(response: &Response, changes: bool) -> VendorError {
    let number = response.status.as_u16();
    let line = first_line(&response.body);
    let told = |words: &str| match &line {
        Some(line) => format!("{words} (HTTP {number}: {line})"),
        None => format!("{words} (HTTP {number})"),
    };
    let fail = |kind, words: &str, again| VendorError::new(kind, told(words), again);
    let stop = |kind, words: &str| VendorError::stops_run(kind, told(words));
    match number {
        // What was asked may have been done, or never have arrived.
        200..=299 => fail(
            FailureKind::Gateway,
            "what came is no answer of the console: a gateway or a login page stands in between",
            if changes { Again::InDoubt } else { Again::Backoff },
        ),
        300..=399 => stop(
            FailureKind::Gateway,
            "a redirect came instead of an answer, and is not followed: a login page or a proxy stands in between; check \
             `url`",
        ),
        401 => stop(
            FailureKind::CredentialsRefused,
            "the request was refused, and not in the console's own words: a gateway in front of it wants other \
             credentials",
        ),
        403 => stop(
            FailureKind::Forbidden,
            "the request was forbidden, and not in the console's own words: a gateway or the web server in front of it \
             does not let this machine in",
        ),
        404 => stop(
            FailureKind::Protocol,
            "there is no Automation API at this address: check `url`; builds before Apex Central 2019 hotfix 5366 have \
             none",
        ),
        407 => stop(FailureKind::Gateway, "a proxy wants a login"),
        408 => fail(FailureKind::Timeout, "the console gave up waiting for the request", Again::Backoff),
        429 => {
            fail(FailureKind::Throttled, "the console says: too many requests", Again::Throttled(retry_after(response)))
        }
        503 if retry_after(response).is_some() => {
            fail(FailureKind::Gateway, "the console asks for patience", Again::Throttled(retry_after(response)))
        }
        502..=504 => fail(FailureKind::Gateway, "the console's gateway failed", Again::Backoff),
        500.. if response.is_html() => {
            fail(FailureKind::Gateway, "the web server in front of the console failed", Again::Backoff)
        }
        500.. => fail(FailureKind::ServerError, "the console failed", Again::Backoff),
        _ => fail(FailureKind::BadRequest, "the request was refused, and not in the console's own words", Again::Never),
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

/// The first line that a person would see of a page, without its tags.
fn first_line(body: &[u8]) -> Option<String> {
    /// Enough for the head of any page.
    const HEAD: usize = 8 * 1024;
    let text = String::from_utf8_lossy(body.get(..HEAD).unwrap_or(body));
    let mut rest = &*text;
    let mut shown = String::new();
    while let Some((before, tag)) = rest.split_once('<') {
        shown.push_str(before);
        shown.push('\n');
        let (tag, behind) = tag.split_once('>').unwrap_or((tag, ""));
        rest = behind;
        // What stands inside these is for the browser.
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if ["script", "style"].iter().any(|unseen| name.eq_ignore_ascii_case(unseen)) {
            rest = rest.split_once('<').map_or("", |(_, end)| end.split_once('>').map_or("", |(_, behind)| behind));
        }
    }
    shown.push_str(rest);
    let line = shown.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(160).collect())
}

/// `Retry-After`: seconds, or a date. The console documents none, but gateways send it.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.header("retry-after")?.trim();
    let seconds = value.parse::<u64>().ok().or_else(|| {
        let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
        u64::try_from(date.duration_since(clock::now()).as_secs().max(0) + 1).ok()
    })?;
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
}

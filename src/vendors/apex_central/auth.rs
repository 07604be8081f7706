//! How a request is signed, and by which clock.
//!
//! There is no session: every request carries a token of its own, signed with the API key over the method, the target and
//! the body exactly as they are sent. The token ages from the second in which it was made, so it is made last.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tracing::debug;

use crate::{
    clock,
    domain::failure::FailureKind,
    http::{HeaderMap, HeaderValue, Method},
    secret::Secret,
    vendors::{Again, VendorError},
};

/// What a token claims. The order of the members is that of the vendor's examples.
#[derive(Serialize)]
struct Claims<'a, N> {
    appid: &'a str,
    iat: N,
    version: &'static str,
    checksum: &'a str,
}

/// Signs requests in the name of one application. Public so that the benchmark measures this and no copy of it.
pub struct Signer {
    application_id: Box<str>,
    key: EncodingKey,
}

impl Signer {
    /// The key is the text as the console shows it, hyphens and case included; it is not decoded.
    pub fn new(application_id: &str, api_key: &Secret) -> Self {
        Self { application_id: application_id.into(), key: EncodingKey::from_secret(api_key.expose().as_bytes()) }
    }

    /// The `Authorization` header of one request. `target` is path and query as they are sent, `iat` in Unix seconds.
    ///
    /// # Errors
    ///
    /// [`VendorError`] if the token cannot be made: a bug of ours.
    pub fn token(
        &self,
        method: &Method,
        target: &str,
        api_headers: &[(&str, &str)],
        body: &[u8],
        iat: i64,
    ) -> Result<HeaderValue, VendorError> {
        let checksum = checksum(method, target, api_headers, body);
        // The one thing that explains a refused checksum, and no secret.
        debug!(%method, target_bytes = target.len(), body_bytes = body.len(), checksum, iat, "signed");
        let token = self.sign(Algorithm::HS256, iat, &checksum).map_err(|error| unsigned(&error))?;
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|error| unsigned(&error))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Only `HS256` and whole seconds are ever sent; the others exist because servers accept them.
    fn sign<N: Serialize>(
        &self,
        algorithm: Algorithm,
        iat: N,
        checksum: &str,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let header = format!(r#"{{"alg":"{algorithm:?}","typ":"JWT"}}"#);
        let payload = serde_json::to_vec(&Claims { appid: &self.application_id, iat, version: "V1", checksum })?;
        let mut token = BASE64_URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = crypto::sign(token.as_bytes(), &self.key, algorithm)?;
        token.push('.');
        token.push_str(&signature);
        Ok(token)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

fn unsigned(error: &dyn fmt::Display) -> VendorError {
    VendorError::stops_run(FailureKind::Internal, format!("the request cannot be signed: {error}"))
}

/// SHA-256 over `METHOD|target|headers|body`, where the target is in lower case, escapes included, and the body is not.
fn checksum(method: &Method, target: &str, api_headers: &[(&str, &str)], body: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(method.as_str());
    hash.update("|");
    hash.update(target.to_ascii_lowercase());
    hash.update("|");
    hash.update(canonical_headers(api_headers));
    hash.update("|");
    hash.update(body);
    BASE64_STANDARD.encode(hash.finalize())
}

/// Headers whose name begins with `API`, sorted; no other is signed. A value keeps its case.
fn canonical_headers(headers: &[(&str, &str)]) -> String {
    let mut entries: Vec<String> = headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .filter(|(name, _)| name.starts_with("api"))
        .map(|(name, value)| format!("{name}:{value}"))
        .collect();
    entries.sort_unstable();
    entries.join("&")
}

/// The time by which requests are signed: ours, until the console says that it is not its own.
#[derive(Debug)]
pub(super) struct SigningClock {
    /// Seconds that the console's clock is ahead of ours, once requests are signed by it. Set once, never changed: a
    /// second disagreement is no matter of clocks any more.
    correction: Mutex<Option<i64>>,
    /// Whether the user wants it corrected.
    corrects: bool,
}

/// When and by which clock one request was signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// The second that the token names.
    pub(super) iat: i64,
    at: Timestamp,
    /// What was added to our clock for it.
    correction: Option<i64>,
}

/// The two clocks are as good as equal: the measurement itself is no finer.
const SAME_TIME: u64 = 2;

impl SigningClock {
    pub(super) const fn new(corrects: bool) -> Self {
        Self { correction: Mutex::new(None), corrects }
    }

    /// Takes the time for one request, which is signed and sent at once.
    pub(super) fn stamp(&self) -> Stamp {
        self.stamp_at(clock::now())
    }

    fn stamp_at(&self, at: Timestamp) -> Stamp {
        let correction = *self.correction.lock().unwrap_or_else(PoisonError::into_inner);
        // Floor, not rounding: a token from the future may be refused, one half a second older never is.
        let iat = at.as_millisecond().div_euclid(1_000) + correction.unwrap_or(0);
        Stamp { iat, at, correction }
    }

    /// What follows from the console's word that a token was too old. `ahead` is what was measured on that very answer.
    ///
    /// Any number of requests may be in flight: each that was signed before the correction is signed anew, once; the
    /// first that is refused in spite of it stops the run.
    pub(super) fn expired(&self, stamp: Stamp, ahead: Option<i64>) -> VendorError {
        let stops = |text: String| VendorError::stops_run(FailureKind::ClockSkew, text);
        let Some(ahead) = ahead else {
            return stops(
                "the console says that the request's token is too old, and its answer has no readable `Date`: the \
                 difference of the clocks cannot be measured; set this machine's clock by the console's"
                    .to_owned(),
            );
        };
        if let Some(correction) = stamp.correction {
            let now = difference(ahead);
            let why = if ahead.abs_diff(correction) > SAME_TIME {
                format!(
                    "and it was {} when that was measured: one of the clocks does not stand still",
                    difference(correction)
                )
            } else {
                "raise the application's communication time-out in the console, or find what holds requests up"
                    .to_owned()
            };
            return stops(format!(
                "the console says that a token is too old that was signed for its own clock, which is {now}; {why}"
            ));
        }
        if !self.corrects {
            let advice = if ahead.unsigned_abs() > SAME_TIME {
                "; `apex.correct_clock` is off: set the clock of this machine or of the console"
            } else {
                ""
            };
            return stops(format!("{}{advice}", expired_words(ahead)));
        }
        let in_force = *self.correction.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(ahead);
        let text = format!("{}; requests are signed for the console's clock from here on", expired_words(in_force));
        VendorError::new(FailureKind::ClockSkew, text, Again::AtOnce)
    }
}

impl Stamp {
    /// Seconds that the console's clock is ahead of ours, by the `Date` of its answer, which came at `answered`.
    pub(super) fn console_ahead(&self, headers: &HeaderMap, answered: Timestamp) -> Option<i64> {
        let date = headers.get("date").and_then(|value| value.to_str().ok())?;
        let theirs = jiff::fmt::rfc2822::parse(date.trim()).ok()?.timestamp().as_millisecond();
        // The console wrote it somewhere between question and answer, and cut the fraction of the second off.
        let ours = i64::midpoint(self.at.as_millisecond(), answered.as_millisecond());
        Some((theirs + 500 - ours + 499).div_euclid(1_000))
    }
}

/// `312 s ahead of this machine's`.
fn difference(ahead: i64) -> String {
    let side = if ahead < 0 { "behind" } else { "ahead of" };
    format!("{} s {side} this machine's", ahead.unsigned_abs())
}

fn expired_words(ahead: i64) -> String {
    if ahead.unsigned_abs() > SAME_TIME {
        return format!("the console's clock is {}", difference(ahead));
    }
    format!(
        "the console says that a token was too old on arrival, though its clock is only {}: the application's \
         communication time-out is shorter than the way of a request",
        difference(ahead)
    )
}

#[cfg(test)]
mod tests;

//! Verifies the token that signs a request, over the bytes as they were received.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hmac::{Hmac, KeyInit, Mac};
use hyper::{HeaderMap, header};
use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::envelope::Code;
use crate::simulator::{Credentials, faults::ApexFaults};

/// A request, as it was received.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received<'a> {
    pub(super) method: &'a str,
    /// Path and query.
    pub(super) target: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// What a token is measured against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure<'a> {
    pub(super) credentials: &'a Credentials,
    /// Whether the application is disabled.
    pub(super) disabled: bool,
    /// What the console's clock shows.
    pub(super) now: Timestamp,
    pub(super) settings: &'a ApexFaults,
}

/// Verifies the token of a request, in the documented order of codes.
pub(super) fn verify(received: Received<'_>, measure: Measure<'_>) -> Result<(), Code> {
    let given = received.headers.get(header::AUTHORIZATION).ok_or(Code::NO_TOKEN)?;
    let given = given.to_str().map_err(|_| Code::MALFORMED_TOKEN)?;
    let (scheme, token) = given.trim().split_once(' ').unwrap_or((given, ""));
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(Code::NO_TOKEN);
    }
    let token = Token::read(token, measure.settings.strict_claims).ok_or(Code::MALFORMED_TOKEN)?;
    let hash = Hash::from_word(&token.algorithm).ok_or(Code::UNKNOWN_ALGORITHM)?;
    if token.version != "V1" {
        return Err(Code::UNKNOWN_VERSION);
    }
    // The application id is public: there is no need to hide how far it fits.
    if measure.disabled || token.application != measure.credentials.client_id {
        return Err(Code::UNKNOWN_APPLICATION);
    }
    if !hash.signed(measure.credentials.api_key.as_bytes(), token.signed.as_bytes(), &token.signature) {
        return Err(Code::WRONG_SIGNATURE);
    }
    let age = measure.now.as_millisecond() as f64 / 1000.0 - token.issued;
    let (most, least) = (measure.settings.time_out.0, measure.settings.future_time_out.0);
    if age > most.as_secs_f64() || -age > least.as_secs_f64() {
        return Err(Code::EXPIRED);
    }
    if !same(checksum(received).as_bytes(), token.checksum.as_bytes()) {
        return Err(Code::WRONG_CHECKSUM);
    }
    Ok(())
}

/// The checksum of a request: Base64 of the SHA-256 of method, target, `API` headers and body, with bars between.
fn checksum(received: Received<'_>) -> String {
    // A question mark with nothing behind it is no query.
    let target = received.target.strip_suffix('?').unwrap_or(received.target).to_ascii_lowercase();
    let mut headers: Vec<String> = Vec::new();
    for (name, value) in received.headers {
        // The names have been in lower case since they were read.
        if name.as_str().starts_with("api") {
            headers.push(format!("{name}:{}", String::from_utf8_lossy(value.as_bytes()).trim()));
        }
    }
    headers.sort();
    let mut digest = Sha256::new();
    for part in [received.method.to_ascii_uppercase(), target, headers.join("&")] {
        digest.update(part.as_bytes());
        digest.update(b"|");
    }
    digest.update(received.body);
    STANDARD.encode(digest.finalize())
}

/// Whether two texts are the same; looks at every byte, so that the time it takes tells nothing.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// A token, taken apart but not believed.
struct Token<'a> {
    algorithm: String,
    application: String,
    issued: f64,
    version: String,
    checksum: String,
    /// What the signature is for.
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    fn read(token: &'a str, strict: bool) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (head, claims) = signed.split_once('.')?;
        let (head, claims) = (object(head)?, object(claims)?);
        if head.get("typ")?.as_str()? != "JWT" {
            return None;
        }
        let claim = |name: &str| {
            let fits = |given: &str| given == name || !strict && given.eq_ignore_ascii_case(name);
            claims.iter().find(|(given, _)| fits(given)).map(|(_, value)| value)
        };
        let text = |name: &str| claim(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            algorithm: head.get("alg")?.as_str()?.to_owned(),
            application: text("appid")?,
            issued: claim("iat")?.as_f64()?,
            version: text("version")?,
            checksum: text("checksum")?,
            signed,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }
}

/// A part of a token; a dot within it makes it none.
fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[derive(Clone, Copy, Debug)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "HS256" => Some(Self::Sha256),
            "HS384" => Some(Self::Sha384),
            "HS512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn signed(self, key: &[u8], text: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Sha256 => verifies::<Hmac<Sha256>>(key, text, signature),
            Self::Sha384 => verifies::<Hmac<Sha384>>(key, text, signature),
            Self::Sha512 => verifies::<Hmac<Sha512>>(key, text, signature),
        }
    }
}

fn verifies<M: Mac + KeyInit>(key: &[u8], text: &[u8], signature: &[u8]) -> bool {
    <M as KeyInit>::new_from_slice(key).is_ok_and(|mac| mac.chain_update(text).verify_slice(signature).is_ok())
}

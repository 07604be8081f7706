//! Asks a console for its certificate and hangs up, so that a person can compare it by eye before it is trusted.

use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use reqwest::{Method, Request, Url};
use rustls::{CertificateError, Error, OtherError};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::{
    ClientOptions, HttpError, HttpErrorKind, Pin,
    client::base,
    verifier::{self, Judge},
    x509,
};

/// The certificate that a console presents. Its texts are the console's own: whoever shows them cleans them first.
#[derive(Clone, Debug)]
pub struct Presented {
    /// Whom it was issued to, as RFC 4514 writes it.
    pub subject: String,
    /// Who says that they have issued it.
    pub issuer: String,
    /// From when on it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// The host names and addresses that it is for.
    pub names: Vec<String>,
    /// The fingerprint of the whole certificate.
    pub certificate_sha256: Pin,
    /// The fingerprint of the public key.
    pub public_key_sha256: Pin,
    /// Whether its own key has signed it.
    pub self_signed: bool,
    /// Whether it calls itself an authority.
    pub is_ca: bool,
    /// How many certificates were presented, this one included.
    pub chain_length: usize,
    /// The certificate itself.
    pub pem: String,
}

/// Asks the console at this address for its certificate. Trust plays no part, and no request is sent: the handshake ends
/// as soon as the certificate is there, before the peer has shown that it holds the key.
///
/// # Errors
///
/// [`HttpError`] when no certificate can be had.
pub async fn presented(url: &Url, options: &ClientOptions) -> Result<Presented, HttpError> {
    let name = server_name(url).ok_or_else(|| unreachable("only an address with `https` has a certificate"))?;
    let seen = Seen::default();
    let config = verifier::config(Recorder { name, seen: Arc::clone(&seen) })
        .map_err(|error| unreachable(&format!("set up TLS: {error}")))?;
    let client = base(options)
        .tls_backend_preconfigured(config)
        .build()
        .map_err(|error| HttpError::judge(&error.without_url()))?;
    let answer = client.execute(Request::new(Method::HEAD, url.clone())).await;
    let chain = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (chain, answer) {
        (Some(chain), _) => describe(&chain),
        (None, Err(error)) => Err(HttpError::judge(&error.without_url())),
        (None, Ok(_)) => Err(unreachable("no certificate was presented")),
    }
}

fn unreachable(text: &str) -> HttpError {
    HttpError::new(HttpErrorKind::Unreachable, text.to_owned())
}

/// The name that the console's certificate is asked for by.
fn server_name(url: &Url) -> Option<ServerName<'static>> {
    if url.scheme() != "https" {
        return None;
    }
    match url.host()? {
        url::Host::Domain(name) => ServerName::try_from(name.to_owned()).ok(),
        url::Host::Ipv4(address) => Some(ServerName::IpAddress(address.into())),
        url::Host::Ipv6(address) => Some(ServerName::IpAddress(address.into())),
    }
}

fn describe(chain: &[CertificateDer<'static>]) -> Result<Presented, HttpError> {
    let unreadable = |leaf: &CertificateDer<'_>| {
        let text = format!("the certificate cannot be read (its SHA-256 is {})", Pin::of(leaf));
        HttpError::new(HttpErrorKind::Certificate, text)
    };
    let leaf = chain.first().ok_or_else(|| unreachable("no certificate was presented"))?;
    let facts = x509::facts(leaf).ok_or_else(|| unreadable(leaf))?;
    Ok(Presented {
        subject: facts.subject,
        issuer: facts.issuer,
        not_before: timestamp(facts.validity.not_before),
        not_after: timestamp(facts.validity.not_after),
        names: facts.names,
        certificate_sha256: Pin::of(leaf),
        public_key_sha256: Pin::of_public_key(leaf).map_err(|_| unreadable(leaf))?,
        self_signed: facts.self_signed,
        is_ca: facts.is_ca,
        chain_length: chain.len(),
        pem: pem(leaf),
    })
}

/// "Never" is written as the last second of the year 9999, which is beyond the end of the calendar here.
fn timestamp(seconds: i64) -> Timestamp {
    let edge = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(seconds).unwrap_or(edge)
}

fn pem(leaf: &CertificateDer<'_>) -> String {
    let digits = STANDARD.encode(leaf);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = digits.as_str();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at_checked(64).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = behind;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

/// What was presented, the leaf first.
type Seen = Arc<Mutex<Option<Vec<CertificateDer<'static>>>>>;

/// Writes down what is presented, and refuses it.
#[derive(Debug)]
struct Recorder {
    name: ServerName<'static>,
    seen: Seen,
}

#[derive(Debug, thiserror::Error)]
enum HungUp {
    #[error("it was only to be looked at")]
    Looked,
    #[error("it belongs to a proxy that speaks TLS itself, not to the console")]
    Proxy,
}

impl Judge for Recorder {
    fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: UnixTime,
    ) -> Result<(), Error> {
        let why = if *name == self.name {
            let chain = std::iter::once(leaf).chain(others).map(|one| one.clone().into_owned()).collect();
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(chain);
            HungUp::Looked
        } else {
            HungUp::Proxy
        };
        Err(CertificateError::Other(OtherError(Arc::new(why))).into())
    }
}

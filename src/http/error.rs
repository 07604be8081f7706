//! What can go wrong in one exchange: was it sent, was it answered, and why not.

use std::{error::Error, fmt, io};

/// One exchange that brought no whole answer.
#[derive(Debug)]
pub struct HttpError {
    kind: HttpErrorKind,
    text: String,
}

/// The class of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpErrorKind {
    /// No connection: nothing was sent.
    Unreachable,
    /// The certificate is not trusted: nothing was sent.
    Certificate,
    /// Sent; no whole answer in time.
    Timeout,
    /// Sent; the connection ended before the answer was whole.
    Cut,
    /// Answered with more than any console has to say.
    TooLarge,
}

impl HttpError {
    pub(super) const fn new(kind: HttpErrorKind, text: String) -> Self {
        Self { kind, text }
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self { kind: HttpErrorKind::TooLarge, text: format!("the answer is larger than {} MiB", limit / (1024 * 1024)) }
    }

    /// Judges what the HTTP library reports.
    pub(super) fn judge(error: &reqwest::Error) -> Self {
        let cause = innermost(error);
        if let Some(text) = distrust(error) {
            return Self { kind: HttpErrorKind::Certificate, text };
        }
        if let Some(tls) = find::<rustls::Error>(error) {
            return match tls {
                _ if error.is_connect() => Self {
                    kind: HttpErrorKind::Unreachable,
                    text: format!("no TLS connection: {}", plain(&tls.to_string())),
                },
                _ => Self {
                    kind: HttpErrorKind::Cut,
                    text: format!("the TLS connection broke: {}", plain(&tls.to_string())),
                },
            };
        }
        if error.is_connect() {
            let text =
                if error.is_timeout() { "no connection in time".to_owned() } else { connect_words(error, &cause) };
            return Self { kind: HttpErrorKind::Unreachable, text };
        }
        if error.is_builder() {
            return Self { kind: HttpErrorKind::Unreachable, text: format!("the request cannot be made: {cause}") };
        }
        if error.is_timeout() {
            return Self { kind: HttpErrorKind::Timeout, text: "no whole answer in time".to_owned() };
        }
        Self { kind: HttpErrorKind::Cut, text: format!("the connection was cut before the answer was whole ({cause})") }
    }

    /// The class.
    pub const fn kind(&self) -> HttpErrorKind {
        self.kind
    }

    /// Whether the request may have reached the console.
    pub const fn may_have_been_sent(&self) -> bool {
        !matches!(self.kind, HttpErrorKind::Unreachable | HttpErrorKind::Certificate)
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for HttpError {}

/// Why a certificate was not trusted, if that is what stands behind an error.
pub fn distrust(error: &(dyn Error + 'static)) -> Option<String> {
    match find::<rustls::Error>(error)? {
        rustls::Error::InvalidCertificate(why) => {
            Some(format!("the certificate is not trusted: {}", certificate_words(why)))
        }
        _ => None,
    }
}

/// An `io::Error` hides what it wraps from `source()`, so both ways in are walked.
fn walk<'a>(error: &'a (dyn Error + 'static), visit: &mut dyn FnMut(&'a (dyn Error + 'static))) {
    visit(error);
    if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        walk(inner, visit);
    } else if let Some(source) = error.source() {
        walk(source, visit);
    }
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut found = None;
    walk(error, &mut |error| {
        if found.is_none() {
            found = error.downcast_ref::<T>();
        }
    });
    found
}

/// The last link of the chain: the others only repeat that something failed, and quote the URL.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = String::new();
    walk(error, &mut |error| last = error.to_string());
    plain(&last).to_owned()
}

/// A text without the address of the documentation that a library adds to it: that is for whoever programs.
fn plain(text: &str) -> &str {
    text.split_once(": https://docs.rs/").map_or(text, |(words, _)| words)
}

fn connect_words(error: &reqwest::Error, cause: &str) -> String {
    match find::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "the connection was refused: nothing listens there".to_owned(),
        Some(io::ErrorKind::ConnectionReset) => "the connection was reset before a request could be sent".to_owned(),
        Some(io::ErrorKind::TimedOut) => "no connection in time".to_owned(),
        _ if cause.contains("failed to lookup") || cause.contains("dns") => {
            format!("the host name does not resolve ({cause})")
        }
        _ => format!("no connection ({cause})"),
    }
}

fn certificate_words(why: &rustls::CertificateError) -> String {
    use rustls::CertificateError as Why;
    match why {
        Why::Expired | Why::ExpiredContext { .. } => "it has expired".to_owned(),
        Why::NotValidYet | Why::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        Why::Revoked => "it has been revoked".to_owned(),
        Why::UnknownIssuer => "its issuer is not known here".to_owned(),
        // An authority of the same name with another key: it was made anew, and its old certificate is the one at hand.
        Why::BadSignature => "it is not signed by the authority that is trusted here".to_owned(),
        Why::NotValidForName | Why::NotValidForNameContext { .. } => "it was issued for another name".to_owned(),
        other if other.to_string().contains("CaUsedAsEndEntity") => {
            "it is a CA's own certificate, used as a server's: it can be trusted by itself or by its pin where the console has a \
             setting for that; else the console needs one that its CA has issued, or one with `basicConstraints=CA:FALSE`"
                .to_owned()
        }
        Why::Other(reason) => reason.0.to_string(),
        other => other.to_string(),
    }
}

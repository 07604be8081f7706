//! The fingerprint of one key, written down beforehand and held against whatever a console presents.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use rustls::server::ParsedCertificate;
use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a console's public key (its `SubjectPublicKeyInfo`), or of its whole certificate.
///
/// Programs print either, and people paste either. Both tie the connection to one key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pin([u8; 32]);

/// Why a text is no pin. The text itself is not repeated: it may have been meant for another field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// Nothing but blanks and a prefix.
    #[error("is empty; a SHA-256 is asked for, as 64 hexadecimal digits or in base64")]
    Empty,
    /// Forty hexadecimal digits.
    #[error("has the length of a SHA-1; a SHA-256 is asked for, as 64 hexadecimal digits or in base64")]
    Sha1,
    /// Anything else.
    #[error("is no SHA-256; 64 hexadecimal digits or 44 characters of base64 are asked for")]
    NoSha256,
}

/// Longest first. As `/` is a digit of base64 as well, every one of them is tried; the length decides between them.
const PREFIXES: [&str; 4] = ["sha256//", "sha256/", "sha256:", ""];

impl Pin {
    /// Reads 64 hexadecimal digits, with or without `:` or blanks between bytes, or base64, with or without padding.
    /// `sha256:`, `sha256/` or `sha256//` may stand in front.
    ///
    /// # Errors
    ///
    /// [`PinError`] when the text is anything else.
    pub fn parse(text: &str) -> Result<Self, PinError> {
        let text = text.trim();
        let mut why = PinError::NoSha256;
        for prefix in PREFIXES {
            let Some(rest) = without_prefix(text, prefix) else { continue };
            let hex = hex_digits(rest);
            let read = match &hex {
                Some(bytes) => <[u8; 32]>::try_from(bytes.as_slice()).ok(),
                None => base64_digits(rest),
            };
            match (read, hex) {
                (Some(bytes), _) => return Ok(Self(bytes)),
                (None, Some(bytes)) if bytes.is_empty() => why = PinError::Empty,
                (None, Some(bytes)) if bytes.len() == 20 => why = PinError::Sha1,
                (None, _) => {}
            }
        }
        Err(why)
    }

    /// The pin of some bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The pin of a certificate's public key.
    ///
    /// The TLS library is asked where the key is, because it verifies the handshake with what it finds there: two
    /// parsers could be shown two keys.
    pub(super) fn of_public_key(leaf: &CertificateDer<'_>) -> Result<Self, rustls::Error> {
        Ok(Self::of(&ParsedCertificate::try_from(leaf)?.subject_public_key_info()))
    }

    /// Whether this is the pin of the certificate, or of the public key in it.
    pub(super) fn fits(&self, leaf: &CertificateDer<'_>) -> Result<bool, rustls::Error> {
        Ok(Self::of_public_key(leaf)? == *self || Self::of(leaf) == *self)
    }
}

fn without_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| rest.trim_start())
}

/// Bytes in hexadecimal, however many. Separators stand between bytes, never within one.
fn hex_digits(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(32);
    for group in text.split(|c: char| c == ':' || c.is_whitespace()) {
        let (pairs, odd) = group.as_bytes().as_chunks::<2>();
        if !odd.is_empty() {
            return None;
        }
        for pair in pairs {
            let digit = |at: usize| char::from(pair[at]).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            bytes.push(digit(0)? << 4 | digit(1)?);
        }
    }
    Some(bytes)
}

fn base64_digits(text: &str) -> Option<[u8; 32]> {
    let text = if text.len() == 44 { text.strip_suffix('=')? } else { text };
    STANDARD_NO_PAD.decode(text).ok()?.try_into().ok()
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

//! Reads of a certificate what the TLS library does not tell: names and dates. It judges nothing.

use std::{fmt::Write as _, net::IpAddr};

use rustls_pki_types::CertificateDer;
use x509_parser::{
    asn1_rs::Tag,
    certificate::X509Certificate,
    extensions::GeneralName,
    objects::{oid_registry, oid2abbrev},
    parse_x509_certificate,
    x509::{AttributeTypeAndValue, X509Name},
};

/// When a certificate is valid, in seconds since 1970, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

/// What a certificate says of itself.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) validity: Validity,
    pub(super) names: Vec<String>,
    pub(super) self_signed: bool,
    pub(super) is_ca: bool,
}

/// When a certificate is valid; `None` if it cannot be read.
pub(super) fn validity(leaf: &CertificateDer<'_>) -> Option<Validity> {
    parse(leaf).map(|certificate| validity_of(&certificate))
}

/// What a certificate says of itself; `None` if it cannot be read.
pub(super) fn facts(leaf: &CertificateDer<'_>) -> Option<Facts> {
    let certificate = parse(leaf)?;
    let own_name = certificate.subject().as_raw() == certificate.issuer().as_raw();
    Some(Facts {
        subject: name_text(certificate.subject()),
        issuer: name_text(certificate.issuer()),
        validity: validity_of(&certificate),
        names: alternative_names(&certificate),
        self_signed: own_name && certificate.verify_signature(None).is_ok(),
        is_ca: certificate.is_ca(),
    })
}

fn parse<'a>(leaf: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    let (rest, certificate) = parse_x509_certificate(leaf).ok()?;
    rest.is_empty().then_some(certificate)
}

fn validity_of(certificate: &X509Certificate<'_>) -> Validity {
    let validity = certificate.validity();
    Validity { not_before: validity.not_before.timestamp(), not_after: validity.not_after.timestamp() }
}

/// Host names and addresses, as the certificate has them. The common name is none: nobody verifies it any more.
fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(text).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// A distinguished name as RFC 4514 writes it: the nearest part first, and nothing in a value can pass for a part.
fn name_text(name: &X509Name<'_>) -> String {
    let parts: Vec<String> =
        name.iter_rdn().map(|part| part.iter().map(attribute_text).collect::<Vec<_>>().join("+")).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

fn attribute_text(attribute: &AttributeTypeAndValue<'_>) -> String {
    let kind = attribute.attr_type();
    let label = oid2abbrev(kind, oid_registry()).map_or_else(|_| kind.to_id_string(), str::to_owned);
    let value = value_text(attribute).map_or_else(|| hex_text(attribute.as_slice()), |text| escaped(&text));
    format!("{label}={value}")
}

/// The value, if it is text. Old certificates have it in two bytes a character.
fn value_text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let bytes = attribute.as_slice();
    match attribute.attr_value().tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            String::from_utf8(bytes.to_vec()).ok()
        }
        // In practice this is Latin-1, whatever the standard says.
        Tag::T61String => Some(bytes.iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let (units, odd) = bytes.as_chunks::<2>();
            let units: Vec<u16> = units.iter().copied().map(u16::from_be_bytes).collect();
            String::from_utf16(&units).ok().filter(|_| odd.is_empty())
        }
        _ => None,
    }
}

fn hex_text(bytes: &[u8]) -> String {
    let mut text = String::from("#");
    for byte in bytes {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
    }
    text
}

fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut text = String::with_capacity(value.len());
    for (at, c) in value.chars().enumerate() {
        match c {
            '\0' => text.push_str("\\00"),
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => text.extend(['\\', c]),
            '#' if at == 0 => text.push_str("\\#"),
            ' ' if at == 0 || at == last => text.push_str("\\ "),
            _ => text.push(c),
        }
    }
    text
}

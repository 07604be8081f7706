//! The shape that every answer shares: `version`, `metadata`, `data`, `errors`; and the headers around it.

use hyper::{
    HeaderMap, StatusCode,
    body::Bytes,
    header::{self, HeaderName, HeaderValue},
};
use serde::Serialize;

use crate::simulator::{
    faults::ErrorBody,
    transfer::{self, HTML},
};

/// An answer before it is given its headers.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    pub(super) kind: &'static str,
    pub(super) headers: HeaderMap,
}

/// JSON, as the console writes it.
pub(super) const JSON: &str = "application/json";

#[derive(Serialize)]
struct Envelope<'a, T> {
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<[ErrorItem; 1]>,
}

/// What stands beside the data.
#[derive(Debug, Serialize)]
pub(super) struct Metadata<'a> {
    pub(super) links: Links<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) results: Option<Results>,
}

/// Where this answer, and the pages around it, can be had.
#[derive(Debug, Serialize)]
pub(super) struct Links<'a> {
    #[serde(rename = "self")]
    pub(super) own: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prev: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

/// Where a page stands in its list.
#[derive(Debug, Serialize)]
pub(super) struct Results {
    pub(super) total: usize,
    /// `None` for a list that has no pages.
    #[serde(flatten)]
    pub(super) page: Option<Page>,
}

/// Which part of a list a page is.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    pub(super) current_item_count: usize,
    pub(super) index: usize,
    pub(super) items_per_page: usize,
}

#[derive(Serialize)]
struct ErrorItem {
    error_code: u16,
    description: &'static str,
    details: Vec<String>,
}

#[derive(Serialize)]
struct Nothing {}

impl Reply {
    /// What was asked for.
    pub(super) fn data<T: Serialize>(metadata: Metadata<'_>, data: T) -> Self {
        Self::json(StatusCode::OK, &Envelope { version: "v1.2.0", metadata: Some(metadata), data, errors: None })
    }

    /// An answer without a body.
    pub(super) fn empty() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: Bytes::new(), kind: "", headers: HeaderMap::new() }
    }

    /// An answer without a body, but with the methods that are possible now.
    pub(super) fn allow(methods: &'static str) -> Self {
        let mut reply = Self::empty();
        reply.headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        reply
    }

    /// An error in the console's own words.
    pub(super) fn error(status: u16, detail: &str, own: &str, form: ErrorBody) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let description = status.canonical_reason().unwrap_or("Error");
        if form == ErrorBody::Html {
            return Self::page(status);
        }
        let details = if form == ErrorBody::EmptyDetails { vec![] } else { vec![detail.to_owned()] };
        // The console's answer to unknown credentials is older than the rest, and has no metadata.
        let unknown = status == StatusCode::UNAUTHORIZED;
        let links = Links { own, prev: None, next: None };
        let metadata = (form != ErrorBody::NoMetadata && !unknown).then_some(Metadata { links, results: None });
        let version = if unknown { "v1.0.0" } else { "v1.2.0" };
        let errors = Some([ErrorItem { error_code: status.as_u16(), description, details }]);
        Self::json(status, &Envelope { version, metadata, data: Nothing {}, errors })
    }

    /// A page for people, as a gateway in front of the console answers.
    pub(super) fn page(status: StatusCode) -> Self {
        Self { status, body: transfer::page(status), kind: HTML, headers: HeaderMap::new() }
    }

    /// Sends the client elsewhere.
    pub(super) fn redirect(location: &str) -> Self {
        let mut reply = Self::page(StatusCode::TEMPORARY_REDIRECT);
        if let Ok(location) = HeaderValue::from_str(location) {
            reply.headers.insert(header::LOCATION, location);
        }
        reply
    }

    fn json<T: Serialize>(status: StatusCode, envelope: &Envelope<'_, T>) -> Self {
        // Our own types have neither maps with odd keys nor failing serializers.
        let body = serde_json::to_vec(envelope).unwrap_or_default();
        Self { status, body: body.into(), kind: JSON, headers: HeaderMap::new() }
    }

    /// Whether a gateway answered in the console's place.
    pub(super) fn is_page(&self) -> bool {
        self.kind == HTML
    }

    /// The headers that stand on every answer of the console.
    pub(super) fn dress(&mut self, request_id: &str) {
        let headers = &mut self.headers;
        for (name, value) in FIXED {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let reason = self.status.canonical_reason().unwrap_or_default();
        let hash = self.body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut made = vec![
            ("status", format!("{} {reason}", self.status.as_u16())),
            ("etag", format!("W/\"{hash:016x}\"")),
            ("x-request-id", request_id.to_owned()),
        ];
        if !self.kind.is_empty() {
            made.push(("content-type", self.kind.to_owned()));
        }
        for (name, value) in made {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

const FIXED: [(&str, &str); 9] = [
    ("cache-control", "no-cache, no-store"),
    ("pragma", "no-cache"),
    ("expires", "Fri, 01 Jan 1990 00:00:00 GMT"),
    ("strict-transport-security", "max-age=31536000"),
    ("x-frame-options", "SAMEORIGIN"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("x-download-options", "noopen"),
    ("x-permitted-cross-domain-policies", "none"),
];

//! The shape that every answer shares: `result_code`, `result_description`, `result_content`.

use hyper::{
    HeaderMap, StatusCode,
    body::Bytes,
    header::{self, HeaderValue},
};
use jiff::{Timestamp, fmt::rfc2822};
use serde::{Serialize, Serializer};

use crate::simulator::{
    faults::{ApexFaults, ErrorContent, ErrorStatus},
    transfer::{self, HTML},
};

const JSON: &str = "application/json; charset=utf-8";

/// How much a record takes, roughly.
const RECORD: usize = 480;

/// A `result_code` that says that something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code(pub(super) i32);

impl Code {
    pub(super) const NO_TOKEN: Self = Self(-2);
    pub(super) const MALFORMED_TOKEN: Self = Self(-3);
    pub(super) const UNKNOWN_VERSION: Self = Self(-4);
    pub(super) const UNKNOWN_APPLICATION: Self = Self(-5);
    pub(super) const EXPIRED: Self = Self(-6);
    pub(super) const WRONG_SIGNATURE: Self = Self(-7);
    pub(super) const WRONG_CHECKSUM: Self = Self(-8);
    pub(super) const UNKNOWN_ALGORITHM: Self = Self(-9);
    pub(super) const INVALID_PARAMETER: Self = Self(-21);
    pub(super) const INVALID_ACTION: Self = Self(-22);
    pub(super) const WRONG_METHOD: Self = Self(-50);
    pub(super) const INTERNAL: Self = Self(-99);
    pub(super) const SEVERAL_MATCHES: Self = Self(-102);
    pub(super) const NO_SUCH_SERVER: Self = Self(-105);

    /// The status of HTTP that the documents pair with it.
    const fn status(self, setting: ErrorStatus) -> StatusCode {
        match (self.0, setting) {
            (-9..=-2, _) => StatusCode::UNAUTHORIZED,
            (_, ErrorStatus::Ok) => StatusCode::OK,
            (-99, ErrorStatus::Documented) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Words for it; nobody may rely on them.
    const fn words(self) -> &'static str {
        match self.0 {
            -2 => "Authentication failed: no token",
            -3 => "Authentication failed: malformed token",
            -4 => "Authentication failed: unsupported token version",
            -5 => "Authentication failed: invalid application ID",
            -6 => "Authentication failed: token expired",
            -7 => "Authentication failed: invalid token signature",
            -8 => "Authentication failed: invalid request checksum",
            -9 => "Authentication failed: unsupported hash algorithm",
            -21 => "Invalid parameter",
            -22 => "Invalid action",
            -50 => "HTTP method not supported",
            -99 => "Internal server error",
            -102 => "Multiple matches are not allowed",
            -103 => "The agent reports to another Apex Central",
            -104 => "The managing server cannot be reached",
            -105 => "The target server was not found",
            -106 => "The target server is managed by another Apex Central",
            -107 => "The target server does not support this command",
            _ => "Operation failed",
        }
    }
}

#[derive(Serialize)]
struct Envelope<T> {
    result_code: i32,
    result_description: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_content: Option<T>,
}

/// An answer before it is given its headers.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    pub(super) headers: HeaderMap,
    kind: &'static str,
}

impl Reply {
    /// Records, or whatever else was asked for.
    pub(super) fn content<T: Serialize>(records: &[T]) -> Self {
        let mut body = Vec::with_capacity(128 + records.len() * RECORD);
        let envelope =
            Envelope { result_code: 1, result_description: "Operation successful", result_content: Some(records) };
        // Our own types serialize, and memory takes everything.
        if serde_json::to_writer(&mut body, &envelope).is_err() {
            body.clear();
        }
        Self { status: StatusCode::OK, body: body.into(), headers: HeaderMap::new(), kind: JSON }
    }

    /// An error in the console's own words.
    pub(super) fn error(code: Code, settings: &ApexFaults) -> Self {
        Self::error_with(code.status(settings.error_status), code, settings)
    }

    /// An error in the console's own words, with a status that somebody chose.
    pub(super) fn error_with(status: StatusCode, code: Code, settings: &ApexFaults) -> Self {
        let content = match settings.error_content {
            ErrorContent::Empty => Some(Content::Empty),
            ErrorContent::Null => Some(Content::Null),
            ErrorContent::Absent => None,
        };
        let envelope = Envelope { result_code: code.0, result_description: code.words(), result_content: content };
        let body = serde_json::to_vec(&envelope).unwrap_or_default();
        Self { status, body: body.into(), headers: HeaderMap::new(), kind: JSON }
    }

    /// A page for people, as a gateway or the web server answers.
    pub(super) fn page(status: StatusCode) -> Self {
        Self { status, body: transfer::page(status), headers: HeaderMap::new(), kind: HTML }
    }

    /// Sends the client elsewhere.
    pub(super) fn redirect(location: &str) -> Self {
        let mut reply = Self::page(StatusCode::TEMPORARY_REDIRECT);
        if let Ok(location) = HeaderValue::from_str(location) {
            reply.headers.insert(header::LOCATION, location);
        }
        reply
    }

    /// The headers that stand on every answer.
    pub(super) fn dress(&mut self, now: Timestamp) {
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        self.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let date = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
        // A year that the form cannot hold leaves the header to the web server.
        if let Some(date) = date.ok().and_then(|date| HeaderValue::try_from(date).ok()) {
            self.headers.insert(header::DATE, date);
        }
    }
}

/// What `result_content` is on an error.
enum Content {
    Empty,
    Null,
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => serializer.serialize_str(""),
            Self::Null => serializer.serialize_unit(),
        }
    }
}

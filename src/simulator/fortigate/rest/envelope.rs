//! Answers in the unit's own form.

use hyper::{
    HeaderMap, StatusCode,
    body::Bytes,
    header::{self, HeaderValue},
};
use serde_json::{Map, Value as Json, json};

use crate::simulator::{
    faults::FortigateFaults,
    transfer::{self, HTML},
};

/// An answer before it is given its last headers.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    pub(super) headers: HeaderMap,
    pub(super) kind: &'static str,
}

impl Reply {
    pub(super) fn json(status: StatusCode, value: &Json) -> Self {
        Self { status, body: value.to_string().into(), headers: HeaderMap::new(), kind: "application/json" }
    }

    /// A page for people, as a gateway or the unit's own door answers.
    pub(super) fn html(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        Self { status, body: transfer::page(status), headers: HeaderMap::new(), kind: HTML }
    }

    /// A status without a body.
    pub(super) fn bare(status: u16) -> Self {
        Self { body: Bytes::new(), ..Self::html(status) }
    }

    /// Sends the client elsewhere.
    pub(super) fn redirect(location: &str) -> Self {
        let mut reply = Self::html(307);
        if let Ok(location) = HeaderValue::from_str(location) {
            reply.headers.insert(header::LOCATION, location);
        }
        reply
    }
}

/// What every answer says beside what it is about.
#[derive(Clone, Debug)]
pub(super) struct Frame<'a> {
    pub(super) method: &'a str,
    pub(super) vdom: &'a str,
    pub(super) path: &'a str,
    pub(super) name: &'a str,
    pub(super) settings: &'a FortigateFaults,
    pub(super) revision: u64,
}

impl Frame<'_> {
    /// An answer with this status; what it is about comes in `more`.
    pub(super) fn wrap(&self, status: StatusCode, more: Json) -> Json {
        let mut object = Map::new();
        let word = if status.is_success() { "success" } else { "error" };
        let parts = [
            ("http_method", json!(self.method)),
            ("revision", json!(revision(self.revision))),
            ("vdom", json!(self.vdom)),
            ("path", json!(self.path)),
            ("name", json!(self.name)),
            ("status", json!(word)),
            ("http_status", json!(status.as_u16())),
            ("serial", json!(self.settings.serial)),
            ("version", json!(self.settings.version)),
            ("build", json!(self.settings.build)),
        ];
        object.extend(parts.map(|(name, value)| (name.to_owned(), value)));
        if let Json::Object(more) = more {
            object.extend(more);
        }
        Json::Object(object)
    }
}

/// A revision as it is told.
pub(super) fn revision(number: u64) -> String {
    format!("{number:032x}")
}

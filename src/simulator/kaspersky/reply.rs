//! Answers before they are given their last headers.

use hyper::{
    HeaderMap, StatusCode,
    body::Bytes,
    header::{self, HeaderValue},
};
use serde_json::Value;

use super::errors::{Failure, PxgError};
use crate::simulator::transfer::{self, HTML};

const JSON: &str = "application/json";

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    pub(super) headers: HeaderMap,
    pub(super) kind: &'static str,
}

impl Reply {
    pub(super) fn json(value: &Value) -> Self {
        Self { status: StatusCode::OK, body: value.to_string().into(), headers: HeaderMap::new(), kind: JSON }
    }

    /// An error of the server's own: it comes with 200.
    pub(super) fn error(error: &PxgError, locdata: bool) -> Self {
        Self::json(&error.body(locdata))
    }

    pub(super) fn failure(failure: &Failure, locdata: bool) -> Self {
        match failure {
            Failure::Error(error) => Self::error(error, locdata),
            Failure::Status(status) => {
                let mut reply = Self::page(status.as_u16());
                if *status == StatusCode::METHOD_NOT_ALLOWED {
                    reply.headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
                }
                reply
            }
            Failure::SecondFactor => {
                let mut reply = Self::page(401);
                reply.headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("KSCMFA"));
                reply
            }
        }
    }

    /// A status without a body.
    pub(super) fn page(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, body: Bytes::new(), headers: HeaderMap::new(), kind: JSON }
    }

    /// A page for people, as a gateway answers.
    pub(super) fn html(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        Self { status, body: transfer::page(status), headers: HeaderMap::new(), kind: HTML }
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

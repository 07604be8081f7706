//! Answers before they are given their last headers.

use hyper::{
    HeaderMap, StatusCode,
    body::Bytes,
    header::{self, HeaderValue},
};
use serde_json::Value;

use crate::simulator::transfer::{self, HTML};

const JSON: &str = "application/json;charset=UTF-8";

/// The page that asks for user and password.
const LOGIN: &str = "<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\"><title>Cybereason | Login</title></head>\n<body>\n\
    <form id=\"loginForm\" action=\"/login.html\" method=\"post\">\n<input type=\"text\" name=\"username\">\n\
    <input type=\"password\" name=\"password\">\n<input type=\"submit\" name=\"submit\" value=\"Login\">\n</form>\n</body>\n</html>\n";

/// The page that asks for a code.
const CODE: &str = "<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\"><title>Cybereason</title></head>\n<body>\n\
    <h1>Two factor authentication</h1>\n<form action=\"/\" method=\"post\">\n<input type=\"text\" name=\"totpCode\">\n\
    <input type=\"submit\" name=\"submit\" value=\"Login\">\n</form>\n</body>\n</html>\n";

/// The console's own page.
const CONSOLE: &str =
    "<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\"><title>Cybereason</title></head>\n<body></body>\n</html>\n";

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

    /// A status and a line of text.
    pub(super) fn status(status: u16, text: &'static str) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, body: Bytes::from_static(text.as_bytes()), headers: HeaderMap::new(), kind: JSON }
    }

    /// A failure that quotes what it was sent, as some servers' error pages do.
    pub(super) fn quoting(body: &Bytes) -> Self {
        let text = format!("bad form: {}", String::from_utf8_lossy(body));
        Self { body: text.into(), kind: "text/plain", ..Self::status(500, "") }
    }

    /// A page for people, as a gateway answers.
    pub(super) fn html(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        Self { status, body: transfer::page(status), headers: HeaderMap::new(), kind: HTML }
    }

    fn page(text: &'static str) -> Self {
        let body = Bytes::from_static(text.as_bytes());
        Self { status: StatusCode::OK, body, headers: HeaderMap::new(), kind: HTML }
    }

    pub(super) fn login_page() -> Self {
        Self::page(LOGIN)
    }

    pub(super) fn code_page() -> Self {
        Self::page(CODE)
    }

    pub(super) fn console_page() -> Self {
        Self::page(CONSOLE)
    }

    /// Sends the client elsewhere.
    pub(super) fn redirect(location: &str) -> Self {
        let mut reply = Self { status: StatusCode::FOUND, ..Self::page("") };
        if let Ok(location) = HeaderValue::from_str(location) {
            reply.headers.insert(header::LOCATION, location);
        }
        reply
    }

    /// Gives the client a session, and takes back what remembers it.
    #[must_use]
    pub(super) fn with_session(mut self, cookie: &str, life: u64) -> Self {
        let session = format!("JSESSIONID={cookie}; Path=/; Max-Age={life}; Secure; HttpOnly");
        if let Ok(session) = HeaderValue::from_str(&session) {
            self.headers.append(header::SET_COOKIE, session);
        }
        self
    }

    #[must_use]
    pub(super) fn without_remembering(mut self) -> Self {
        let forget =
            HeaderValue::from_static("rememberMe=deleteMe; Path=/; Max-Age=0; Expires=Thu, 01-Jan-1970 00:00:00 GMT");
        self.headers.append(header::SET_COOKIE, forget);
        self
    }
}

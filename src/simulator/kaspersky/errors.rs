//! What goes wrong, in the server's words: mostly a `PxgError` that comes with 200.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::simulator::faults::ErrorCode;

/// An error of the server's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PxgError {
    pub(super) module: String,
    pub(super) code: i32,
    pub(super) subcode: i32,
    format: &'static str,
    argument: String,
}

/// Why a request has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A status of HTTP that says it all.
    Status(StatusCode),
    /// The account has a second factor, which no client can give.
    SecondFactor,
    /// An error of the server's own.
    Error(PxgError),
}

impl From<PxgError> for Failure {
    fn from(error: PxgError) -> Self {
        Self::Error(error)
    }
}

impl From<&ErrorCode> for PxgError {
    fn from(chosen: &ErrorCode) -> Self {
        let format = match (chosen.module.as_str(), chosen.code) {
            ("KLSTD", 1184) => "Access denied",
            ("KLSTD", 1186) => "Object not found",
            ("KLSTD", 1193) => "Operation is not permitted",
            ("KLSTD", 1195) => "The server is unavailable",
            ("KLSTD", 1229) => "A limit is exceeded",
            _ => "The operation has failed",
        };
        Self {
            module: chosen.module.clone(),
            code: chosen.code,
            subcode: chosen.subcode,
            format,
            argument: String::new(),
        }
    }
}

impl PxgError {
    fn new(module: &str, code: i32, format: &'static str, argument: &str) -> Self {
        Self { module: module.to_owned(), code, subcode: 0, format, argument: argument.to_owned() }
    }

    pub(super) fn access_denied() -> Self {
        Self::new("KLSTD", 1184, "Access denied", "")
    }

    /// Nothing has this name.
    pub(super) fn not_found(what: &str) -> Self {
        Self::new("KLSTD", 1186, "Object \"%1\" was not found", what)
    }

    /// What stands here means nothing.
    pub(super) fn malformed(what: &str) -> Self {
        Self::new("KLSTD", 1192, "\"%1\" is corrupted or has an unknown format", what)
    }

    pub(super) fn not_permitted(what: &str) -> Self {
        Self::new("KLSTD", 1193, "Operation \"%1\" is not permitted", what)
    }

    pub(super) fn maintenance() -> Self {
        Self { subcode: 1, ..Self::new("KLSTD", 1195, "The server is being started or stopped", "") }
    }

    pub(super) fn too_long(what: &str) -> Self {
        Self { subcode: -1, ..Self::new("KLSTD", 1229, "\"%1\" exceeds a limit", what) }
    }

    /// A parameter is missing.
    pub(super) fn no_parameter(name: &str) -> Self {
        Self::new("KLPRSS", 1125, "There is no parameter \"%1\"", name)
    }

    pub(super) fn account_locked() -> Self {
        Self::new("SPL", 2013, "The account is blocked", "")
    }

    /// The body of the answer. `locdata` is for people who read another language, and not always there.
    pub(super) fn body(&self, locdata: bool) -> Value {
        let message = self.format.replace("%1", &self.argument);
        let mut error = json!({
            "code": self.code,
            "subcode": self.subcode,
            "module": self.module,
            "file": "hostgroup.cpp",
            "line": 100 + self.code % 900,
            "message": message,
        });
        if let Some(error) = error.as_object_mut().filter(|_| locdata) {
            let arguments: Vec<&str> = if self.argument.is_empty() { Vec::new() } else { vec![&self.argument] };
            let text = json!({
                "format": self.format,
                "format-id": self.code,
                "locmodule": self.module,
                "args": arguments,
            });
            error.insert("locdata".to_owned(), json!({"type": "params", "value": text}));
        }
        json!({"PxgError": error})
    }
}

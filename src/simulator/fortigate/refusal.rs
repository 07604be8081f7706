//! What the unit says when it will not: one number, worded for each face.

use hyper::StatusCode;

use crate::simulator::faults::FortigateFaults;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: i32,
    /// What the command line prints before the code.
    pub(super) lines: Vec<String>,
}

impl Refusal {
    pub(super) const TOO_LONG: i32 = -1;
    pub(super) const NOT_FOUND: i32 = -3;
    pub(super) const FULL: i32 = -4;
    pub(super) const DUPLICATE: i32 = -5;
    pub(super) const BAD_IP: i32 = -8;
    pub(super) const BAD_MASK: i32 = -9;
    pub(super) const IN_USE: i32 = -23;
    pub(super) const NO_RIGHT: i32 = -37;
    pub(super) const BAD_OBJECT: i32 = -45;
    pub(super) const UNEXPECTED: i32 = -61;
    pub(super) const INCOMPLETE: i32 = -160;
    pub(super) const NAME_CLASH: i32 = -163;
    pub(super) const XSS: i32 = -173;
    pub(super) const ADD_FAILED: i32 = -361;
    pub(super) const VDOM_FULL: i32 = -580;
    pub(super) const BAD_DOMAIN: i32 = -651;

    pub(super) fn new(code: i32, lines: impl IntoIterator<Item = String>) -> Self {
        Self { code, lines: lines.into_iter().collect() }
    }

    pub(super) fn bare(code: i32) -> Self {
        Self { code, lines: Vec::new() }
    }

    /// A word that a command does not take.
    pub(super) fn parse(word: &str) -> Self {
        Self::new(Self::UNEXPECTED, [format!("command parse error before '{word}'")])
    }

    /// A value that an attribute does not take.
    pub(super) fn value(code: i32, said: &str, value: &str) -> Self {
        let mut lines = vec![format!("value parse error before '{value}'")];
        if !said.is_empty() {
            lines.insert(0, said.to_owned());
        }
        Self { code, lines }
    }

    pub(super) fn entry_not_found() -> Self {
        Self::new(Self::NOT_FOUND, ["entry is not found in table".to_owned()])
    }

    /// What an object fails at that is saved.
    pub(super) fn object() -> Self {
        Self::new(Self::BAD_OBJECT, ["object check operator error, -45, discard the setting".to_owned()])
    }

    /// The status of HTTP that comes with it.
    pub(super) fn status(&self, settings: &FortigateFaults) -> StatusCode {
        let status = match self.code {
            Self::NOT_FOUND => settings.not_found_status,
            Self::NO_RIGHT => settings.no_right_status,
            _ => 500,
        };
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

//! The firewall's own error numbers: what they mean, and what to do then.

use crate::{
    domain::failure::FailureKind,
    vendors::{Again, VendorError},
};

/// What a number says about what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// One of this name is there.
    Duplicate,
    /// It is not there.
    NotFound,
    /// Something uses it.
    InUse,
    /// The table, or the virtual domain's share of it, is full.
    Full,
    /// The token may not do this.
    NotAllowed,
    /// The value, or the name, is not taken.
    BadValue,
    /// Anything else.
    Other,
}

/// Reads a number.
pub(super) const fn meaning(code: i64) -> Meaning {
    match code {
        -5 | -15 => Meaning::Duplicate,
        -3 => Meaning::NotFound,
        -23 => Meaning::InUse,
        -4 | -580 => Meaning::Full,
        -14 | -37 => Meaning::NotAllowed,
        -1 | -8 | -9 | -50 | -61 | -72 | -160 | -166..=-163 | -173 | -515 | -560 | -651 => Meaning::BadValue,
        _ => Meaning::Other,
    }
}

/// What a number means in words.
pub(super) const fn words(code: i64) -> &'static str {
    match code {
        -1 | -72 => "the value is too long or out of range",
        -3 => "there is no such entry",
        -4 => "the table is full",
        -5 | -15 => "an entry of this name is there already",
        -8 => "not an address that the firewall takes",
        -9 => "not a mask that the firewall takes",
        -14 | -37 => "the administrator's profile does not allow it",
        -23 => "something else uses the entry",
        -165..=-163 => "an address, a group or a virtual address of this name is there already",
        -173 | -515 | -560 => "the firewall does not take these characters or this word",
        -580 => "the virtual domain's share of the table is used up",
        -651 => "not a domain name that the firewall takes",
        _ => "the firewall refused it",
    }
}

/// What becomes of a target whose request was refused with a number.
pub(super) fn verdict(code: i64, said: &str) -> VendorError {
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let text = format!("{} (error {code}{said})", words(code));
    match meaning(code) {
        Meaning::Full => VendorError::stops_run(FailureKind::TableFull, text),
        Meaning::NotAllowed => VendorError::stops_run(FailureKind::Forbidden, text),
        Meaning::NotFound => VendorError::new(FailureKind::BadRequest, text, Again::Never),
        Meaning::Duplicate | Meaning::InUse => VendorError::new(FailureKind::Conflict, text, Again::Never),
        Meaning::BadValue => VendorError::new(FailureKind::BadRequest, text, Again::Never),
        // Refused with a number: nothing was done, and what is wrong may pass.
        Meaning::Other => VendorError::new(FailureKind::ServerError, text, Again::Backoff),
    }
}

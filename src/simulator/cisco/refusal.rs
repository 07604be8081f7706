//! Why the console does not do what it is asked, and how it says so.

use super::route::Route;

/// Why the console does not do what it is asked.
#[derive(Debug)]
pub(super) enum Refusal {
    Unexpected(String),
    BadParameter(&'static str),
    NotText(String),
    MalformedJson,
    MalformedGuid,
    BadUnlockCode,
    BadStream(String),
    TooLong,
    UnknownCredentials,
    ReadOnlyKey(u16),
    NoSuchHost,
    NoSuchStream(u16),
    NoSuchPath,
    Already { isolate: bool },
    Changing(u16),
    NotAvailable(u16),
    WrongMethod(&'static str),
    OverQuota,
}

impl Refusal {
    pub(super) fn of_unexpected(route: &Route, known: &[&str]) -> Result<(), Self> {
        match route.unexpected(known) {
            Some(name) => Err(Self::Unexpected(name.to_owned())),
            None => Ok(()),
        }
    }

    /// The status that says it; `unknown_guid` for a host that is not there.
    pub(super) const fn status(&self, unknown_guid: u16) -> u16 {
        match self {
            Self::Unexpected(_)
            | Self::BadParameter(_)
            | Self::NotText(_)
            | Self::MalformedJson
            | Self::MalformedGuid
            | Self::BadUnlockCode
            | Self::BadStream(_) => 400,
            Self::UnknownCredentials => 401,
            Self::NoSuchPath => 404,
            Self::NoSuchHost => unknown_guid,
            Self::WrongMethod(_) => 405,
            Self::Already { .. } => 409,
            Self::TooLong => 413,
            Self::OverQuota => 429,
            Self::ReadOnlyKey(status)
            | Self::Changing(status)
            | Self::NotAvailable(status)
            | Self::NoSuchStream(status) => *status,
        }
    }

    /// The words that say it.
    pub(super) fn detail(&self) -> String {
        match self {
            Self::Unexpected(name) => format!("Unexpected parameter: {name}"),
            Self::BadParameter(name) => format!("Invalid value for parameter: {name}"),
            Self::NotText(name) => format!("Parameter must be a string: {name}"),
            Self::MalformedJson => "The request body is not a JSON object".into(),
            Self::MalformedGuid => "Invalid connector GUID".into(),
            Self::BadUnlockCode => "Validation failed: Unlock code is limited to 24 characters without spaces".into(),
            Self::BadStream(why) => why.clone(),
            Self::TooLong => "The request body is too long".into(),
            Self::UnknownCredentials => "Unknown API key or Client ID".into(),
            Self::ReadOnlyKey(_) => "This API client may only read".into(),
            Self::NoSuchHost => "Computer not found".into(),
            Self::NoSuchStream(_) => "Event stream not found".into(),
            Self::NoSuchPath => "No such resource".into(),
            Self::Already { isolate: true } => "The computer is already isolated".into(),
            Self::Already { isolate: false } => "The computer is not isolated".into(),
            Self::Changing(_) => "The isolation of the computer is changing".into(),
            Self::NotAvailable(_) => "Isolation is not available for the computer".into(),
            Self::WrongMethod(_) => "Method not allowed".into(),
            Self::OverQuota => "Rate limit exceeded".into(),
        }
    }
}

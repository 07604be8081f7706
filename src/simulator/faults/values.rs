//! The values that a faults file may have, each with the error that its line earns.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};

/// A length of time, written `250ms`, `2s`, `10m`, `4h` or `7d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_span(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom("a duration is written like 250ms, 2s, 10m, 4h or 7d"))
    }
}

pub(super) fn parse_span(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// A share, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

impl Share {
    /// Takes a share from 0 to 1.
    pub fn new(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then_some(Self(share))
    }

    /// Whether this share includes whatever has this hash.
    pub(in crate::simulator) fn includes(self, hash: u64) -> bool {
        // 53 bits are what a float holds exactly.
        ((hash >> 11) as f64) < self.0 * (1_u64 << 53) as f64
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?)
            .ok_or_else(|| D::Error::custom("a share is a number from 0.0 to 1.0"))
    }
}

/// An address to which a client is led.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(String);

impl Address {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Address {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let scheme = text.starts_with("https://") || text.starts_with("http://");
        let fits = scheme && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text)) } else { Err("an address begins with https:// or http:// and has no blanks") }
    }
}

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// Read.
    Get,
    /// Read the headers alone.
    Head,
    /// Ask what is possible.
    Options,
    /// Isolate.
    Put,
    /// Release.
    Delete,
    /// Act, at Apex Central.
    Post,
    /// Not used by any console.
    Patch,
}

impl Verb {
    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Post => "POST",
            Self::Patch => "PATCH",
        }
    }
}

/// A number of which nought would make no sense.
pub(super) fn at_least_one<'de, D, N>(deserializer: D) -> Result<N, D::Error>
where
    D: Deserializer<'de>,
    N: Deserialize<'de> + Default + PartialEq,
{
    let number = N::deserialize(deserializer)?;
    if number == N::default() { Err(D::Error::custom("must be at least 1")) } else { Ok(number) }
}

/// The same, for a number that may be left out.
pub(super) fn at_least_one_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    at_least_one(deserializer).map(Some)
}

/// A length of time that is not nought.
pub(super) fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    let span = Span::deserialize(deserializer)?;
    if span.0.is_zero() { Err(D::Error::custom("must be longer than nought")) } else { Ok(span) }
}

/// Who signs the console's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateKind {
    /// An authority that lives as long as the console.
    #[default]
    Ca,
    /// Itself; it says that it is no authority.
    SelfSigned,
    /// Itself; it says that it is an authority, as `openssl req -x509` writes it.
    SelfSignedCa,
}

/// How the quota's headers are spelt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spelling {
    /// `X-RateLimit-…`, as on the wire.
    #[default]
    Plain,
    /// `X-Rate-Limit-…`, as in the documentation's prose.
    Hyphenated,
    /// Not at all.
    Missing,
}

/// How the seconds until the window ends are rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetRounding {
    /// A client that waits so long finds a new window.
    #[default]
    Up,
    /// A client that waits so long may come up to a second too early.
    Down,
}

/// The state in the answer to an accepted request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerState {
    /// The state that the request leads to.
    #[default]
    Pending,
    /// The state from before the request.
    Stale,
}

/// How `hostname[]` is compared, always without regard to case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// The host's name has it somewhere.
    #[default]
    Contains,
    /// The host's name begins with it.
    Prefix,
    /// The host's name is it.
    Exact,
}

/// What stands in the body of an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorBody {
    /// The whole envelope.
    #[default]
    Full,
    /// The envelope without `metadata`.
    NoMetadata,
    /// The envelope with empty `details`.
    EmptyDetails,
    /// A page for people.
    Html,
}

/// How a host confirms what was asked of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HowConfirmed {
    /// After a time.
    #[default]
    After,
    /// Never: it is away, and was last seen long ago.
    Never,
    /// It cannot be isolated, and falls back after the time.
    StartFailure,
    /// It cannot be released, and falls back after the time.
    StopFailure,
    /// Somebody at the host unlocks it with the code some time after it was isolated.
    LocalUnlock,
}

/// Makes a status that may be one of two; the first is the default.
macro_rules! either_status {
    ($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident = $first_number:literal, $(#[$second_doc:meta])* $second:ident = $second_number:literal }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
        #[serde(try_from = "u16")]
        pub enum $name {
            $(#[$first_doc])*
            #[default]
            $first = $first_number,
            $(#[$second_doc])*
            $second = $second_number,
        }

        impl $name {
            /// The number.
            pub const fn number(self) -> u16 {
                self as u16
            }
        }

        impl TryFrom<u16> for $name {
            type Error = &'static str;

            fn try_from(number: u16) -> Result<Self, Self::Error> {
                match number {
                    $first_number => Ok(Self::$first),
                    $second_number => Ok(Self::$second),
                    _ => Err(concat!("must be ", $first_number, " or ", $second_number)),
                }
            }
        }
    };
}

pub(super) use either_status;

either_status! {
    /// The answer to a change while the host is changing.
    Transitional {
        /// 409.
        Conflict = 409,
        /// 400.
        BadRequest = 400
    }
}

either_status! {
    /// The answer to a change for a host that cannot be isolated.
    NotAvailable {
        /// 405.
        MethodNotAllowed = 405,
        /// 409.
        Conflict = 409
    }
}

either_status! {
    /// The answer for a host that is not there.
    UnknownGuid {
        /// 404.
        NotFound = 404,
        /// 400.
        BadRequest = 400
    }
}

either_status! {
    /// The answer to a change with a key that may only read.
    ReadOnly {
        /// 403.
        Forbidden = 403,
        /// 401.
        Unauthorized = 401
    }
}

//! Hostile connections that a console knows of, for consoles that tell them.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Answer, VendorError};

/// A console that tells hostile connections.
#[async_trait]
pub trait Connections: fmt::Debug + Send + Sync {
    /// Reads what is known of a stretch of time, in one request. That some of it is missing is no error: it is told.
    async fn read(&self, asked: &Asked) -> Result<Answer<Extract>, VendorError>;
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Where it is taken from.
    pub route: Route,
    /// What to ask about, in words of the route.
    pub part: usize,
    /// From this moment on.
    pub from: Timestamp,
    /// Up to this moment, which is not of it.
    pub to: Timestamp,
    /// Whether nothing can be later than that.
    pub is_open: bool,
    /// What began at this moment or later is not of the period.
    pub begun_before: Timestamp,
    /// Whether what people have closed or called a false alarm is told as well.
    pub with_closed: bool,
}

/// Where indicators are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The console's own verdicts: the root causes of its detections.
    Malops,
    /// The reputation of whatever was connected to.
    Reputation,
}

impl Route {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Malops => "malops",
            Self::Reputation => "reputation",
        }
    }

    /// How many questions it takes to ask about one stretch of time.
    pub const fn parts(self) -> usize {
        match self {
            Self::Malops => 1,
            // Domains, and addresses.
            Self::Reputation => 2,
        }
    }
}

/// What one answer brought.
#[derive(Clone, Debug, Default)]
pub struct Extract {
    /// Names of what was connected to, exactly as the console has them.
    pub sightings: Vec<Sighting>,
    /// Why some are missing, if so.
    pub missing: Option<Missing>,
    /// Why some are missing whatever is asked, if so.
    pub cut_off: Option<String>,
    /// What the console could not be asked as it was meant to, and what that means for the answer.
    pub note: Option<&'static str>,
    /// Detections that were left out because people have closed them or called them false alarms.
    pub left_out: u64,
}

/// Why an answer is not all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Why, in words.
    pub why: String,
    /// Whether a shorter stretch of time would show all of it.
    pub shorter_helps: bool,
}

/// One name, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The name: chosen by whoever is at the other end.
    pub name: String,
    /// What the console holds against it.
    pub verdict: Verdict,
    /// Whether the console says that it is something else than that verdict is about.
    pub is_odd: bool,
    /// The detections that it is the cause of.
    pub detection: Option<String>,
    /// The machines that connected to it.
    pub machines: Vec<String>,
    /// When it was first seen.
    pub first_seen: Option<Timestamp>,
    /// When it was last seen.
    pub last_seen: Option<Timestamp>,
}

/// What the console holds against a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// An address on a blocklist.
    BlocklistedAddress,
    /// A domain on a blocklist.
    BlocklistedDomain,
    /// A domain that is suspected, or known to be hostile.
    SuspiciousDomain,
    /// An address of which the same is so.
    SuspiciousAddress,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::BlocklistedAddress, Self::BlocklistedDomain, Self::SuspiciousDomain, Self::SuspiciousAddress];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::BlocklistedAddress => "blocklisted_address",
            Self::BlocklistedDomain => "blocklisted_domain",
            Self::SuspiciousDomain => "suspicious_domain",
            Self::SuspiciousAddress => "suspicious_address",
        }
    }

    /// Whether it is about an address.
    pub const fn is_of_an_address(self) -> bool {
        matches!(self, Self::BlocklistedAddress | Self::SuspiciousAddress)
    }
}

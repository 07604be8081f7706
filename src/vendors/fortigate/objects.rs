//! What we write to a firewall: address objects whose every byte is ours, and how they are known again.
//!
//! An object's name is a digest, so no byte that an attacker chose is in it. Its comment says which run made it and when it
//! is due to go. Both together make an object ours: whatever lacks one of them is somebody else's and is left alone.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::domain::{
    id::RunId,
    indicator::{Indicator, IndicatorKind},
};

/// What every name of ours begins with.
pub(super) const PREFIX: &str = "edr-";

/// How much of the digest is in a name, in bytes: two indicators of one name are out of the question, and the name fits
/// into what the oldest units allow.
const DIGEST: usize = 12;

/// The longest comment that every unit takes.
const LONGEST_COMMENT: usize = 255;

/// How much of the user's words goes into a comment.
const LONGEST_WHY: usize = 120;

/// The two tables of addresses, each with groups of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Table {
    /// IPv4 addresses, networks and domains.
    V4,
    /// IPv6 addresses and networks.
    V6,
}

impl Table {
    /// Both of them.
    pub(super) const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// What the firewall calls the table of addresses.
    pub(super) const fn addresses(self) -> &'static str {
        match self {
            Self::V4 => "address",
            Self::V6 => "address6",
        }
    }

    /// What the firewall calls the table of their groups.
    pub(super) const fn groups(self) -> &'static str {
        match self {
            Self::V4 => "addrgrp",
            Self::V6 => "addrgrp6",
        }
    }

    /// What stands in it.
    pub(super) const fn kinds(self) -> &'static [IndicatorKind] {
        match self {
            Self::V4 => &[IndicatorKind::Ipv4, IndicatorKind::Domain],
            Self::V6 => &[IndicatorKind::Ipv6],
        }
    }

    /// The table that an indicator stands in.
    pub(super) const fn of(indicator: &Indicator) -> Self {
        match indicator {
            Indicator::V4(_) | Indicator::Domain(_) => Self::V4,
            Indicator::V6(_) => Self::V6,
        }
    }
}

/// The name of the object for an indicator.
pub(super) fn name_of(indicator: &Indicator) -> String {
    name_of_text(indicator.kind(), &indicator.canonical())
}

/// The same for the canonical text of an indicator.
pub(super) fn name_of_text(kind: IndicatorKind, canonical: &str) -> String {
    let kind = match kind {
        IndicatorKind::Ipv4 => "ip",
        IndicatorKind::Ipv6 => "i6",
        IndicatorKind::Domain => "dn",
    };
    let digest = Sha256::digest(canonical.as_bytes());
    let hex: String = digest.iter().take(DIGEST).map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{kind}-{hex}")
}

/// Whether a name has the form of ours. The comment has to say so, too.
pub(super) fn is_our_name(name: &str) -> bool {
    let digest = ["ip-", "i6-", "dn-"].iter().find_map(|kind| name.strip_prefix(PREFIX)?.strip_prefix(kind));
    digest.is_some_and(|hex| hex.len() == 2 * DIGEST && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

/// An address object, as it is wanted or as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    /// The table that it stands in.
    pub(super) table: Table,
    /// Its name.
    pub(super) name: String,
    /// What it means; `None` if that is nothing that we write.
    pub(super) value: Option<Indicator>,
    /// Its comment.
    pub(super) comment: String,
}

impl Object {
    /// The object for an indicator.
    pub(super) fn new(indicator: &Indicator, mark: &Mark, why: Option<&str>) -> Self {
        Self {
            table: Table::of(indicator),
            name: name_of(indicator),
            value: Some(indicator.clone()),
            comment: mark.comment(why),
        }
    }

    /// The mark that a run of ours has left with it; `None` if it is not ours.
    pub(super) fn mark(&self) -> Option<Mark> {
        if is_our_name(&self.name) { Mark::read(&self.comment) } else { None }
    }
}

/// What a run leaves with each object: who made it, and when it is due to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The run.
    pub(super) run: RunId,
    /// When it is due; `None` for never.
    pub(super) expires: Option<Timestamp>,
}

/// So much earlier is no other time, whatever was asked for; nor is a hundredth of what was asked for.
const SLACK: SignedDuration = SignedDuration::from_hours(1);

/// What every comment of ours begins with.
const MARKER: &str = "edrctl run=";

impl Mark {
    /// The whole comment. The user's words are cut down to letters and a few signs: the comment may go through a command line.
    pub(super) fn comment(&self, why: Option<&str>) -> String {
        let mut text = self.to_string();
        if let Some(why) = why {
            let plain = |c: char| if c.is_ascii_alphanumeric() || " .,:_/+-".contains(c) { c } else { '_' };
            let why: String = why.chars().take(LONGEST_WHY).map(plain).collect();
            if !why.trim().is_empty() {
                text.push_str(" why=");
                text.push_str(why.trim());
            }
        }
        text.chars().take(LONGEST_COMMENT).collect()
    }

    /// Reads the mark out of a comment.
    pub(super) fn read(comment: &str) -> Option<Self> {
        let mut words = comment.strip_prefix(MARKER)?.split(' ');
        let run = RunId::parse(words.next()?).ok()?;
        let expires = match words.next()?.strip_prefix("exp=")? {
            "never" => None,
            at => Some(at.parse().ok()?),
        };
        Some(Self { run, expires })
    }

    /// Whether this mark keeps an object as long as another would. Nobody means the minutes: whoever asks for a week, twice in
    /// a morning, has asked for one thing.
    /// But whoever asks for an hour means that hour.
    pub(super) fn outlasts(&self, other: &Self, now: Timestamp) -> bool {
        match (self.expires, other.expires) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(other)) => other.duration_since(own) <= SLACK.min(other.duration_since(now) / 100),
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARKER}{} exp=", self.run)?;
        match self.expires {
            // Whole seconds: other tools of the trade read no fractions.
            Some(at) => write!(f, "{}", at.strftime("%Y-%m-%dT%H:%M:%SZ")),
            None => f.write_str("never"),
        }
    }
}

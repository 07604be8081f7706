//! Filters in the console's language, and the comparison that decides afterwards.
//!
//! A filter only narrows down what is read. Wildcards are live inside its strings and have no documented escape, and
//! nobody outside knows how it compares letters, so whatever comes back is held against what was wanted, here.

use std::net::{IpAddr, Ipv4Addr};

use jiff::{SignedDuration, Timestamp};

use super::requests::Found;
use crate::domain::{host::HostId, selector::same_name};

/// One host that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted<'a> {
    /// By the console's id.
    Id(&'a str),
    /// By any of its names.
    Name(&'a str),
    /// By its address.
    Ip(Ipv4Addr),
}

/// The attributes that hold a name of a host.
const NAMES: [&str; 4] = ["KLHST_WKS_DN", "KLHST_WKS_WINHOSTNAME", "KLHST_WKS_DNSNAME", "KLHST_WKS_FQDN"];

/// The attribute that holds its id, in spite of its name.
const ID: &str = "KLHST_WKS_HOSTNAME";

/// Whether a text can stand in a filter at all: nothing that is looked for has control characters.
pub(super) fn can_be_asked_for(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(char::is_control)
}

/// Hosts of which at least these are wanted. `None` if nothing is, because an empty filter is every host.
pub(super) fn hosts<'a>(wanted: impl IntoIterator<Item = Wanted<'a>>) -> Option<String> {
    let mut items = String::new();
    for host in wanted {
        match host {
            Wanted::Id(id) => items.push_str(&equal(ID, id)?),
            Wanted::Name(name) => {
                for spelling in spellings(name) {
                    for attribute in NAMES {
                        items.push_str(&equal(attribute, &spelling)?);
                    }
                }
            }
            Wanted::Ip(address) => items.push_str(&format!("(KLHST_WKS_IP_LONG={})", address.to_bits())),
        }
    }
    (!items.is_empty()).then(|| format!("(|{items})"))
}

/// A filter for each spelling of one name.
pub(super) fn one_by_one(name: &str) -> Option<Vec<String>> {
    let of = |spelling: &String| {
        let items: Option<Vec<String>> = NAMES.iter().map(|attribute| equal(attribute, spelling)).collect();
        items.map(|items| format!("(|{})", items.concat()))
    };
    spellings(name).iter().map(of).collect()
}

/// A console may tell capitals apart, and then one host has a name in this spelling and another in that.
fn spellings(name: &str) -> Vec<String> {
    let mut spellings = vec![name.to_owned()];
    for other in [name.to_lowercase(), name.to_uppercase()] {
        if !spellings.contains(&other) {
            spellings.push(other);
        }
    }
    spellings
}

/// The hosts of the groups of a name.
pub(super) fn group(name: &str) -> Option<String> {
    let items: Option<Vec<String>> = spellings(name).iter().map(|spelling| equal("name", spelling)).collect();
    Some(format!("(|{})", items?.concat()))
}

/// The hosts of one group.
pub(super) fn group_number(number: i64) -> String {
    format!("(KLHST_WKS_GROUPID={number})")
}

/// The incidents that were added from this time on and that nobody has marked as handled.
pub(super) fn unhandled(since: Timestamp) -> String {
    format!("(&(KLINCDT_IS_HANDLED=0)(KLINCDT_ADDED > T\"{}\"))", since.strftime("%Y-%m-%d %H:%M:%S"))
}

/// The incidents of one host that were added from this time on.
pub(super) fn incidents(id: &HostId, since: Timestamp) -> Option<String> {
    // Later than, and cut to the second.
    let since = since.checked_sub(SignedDuration::from_secs(1)).unwrap_or(since);
    let host = equal(ID, id.as_str())?;
    Some(format!("(&{host}(KLINCDT_ADDED > T\"{}\"))", since.strftime("%Y-%m-%d %H:%M:%S")))
}

/// `(ATTRIBUTE="text")`.
fn equal(attribute: &str, text: &str) -> Option<String> {
    can_be_asked_for(text).then(|| format!("({attribute}=\"{}\")", escaped(text)))
}

/// A text as it stands in quotes. A quote is doubled; what is or might be an operator inside them becomes the sign for any
/// one character, which finds too much rather than something else.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("\"\""),
            // That a backslash is no escape is not documented.
            '*' | '?' | '[' | ']' | '^' | '\\' => escaped.push('?'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Whether a host is one that is wanted: for equality, in any case, by any of its names.
pub(super) fn fits(wanted: Wanted<'_>, found: &Found) -> bool {
    match wanted {
        Wanted::Id(id) => found.host.id.as_str().eq_ignore_ascii_case(id),
        Wanted::Name(name) => found.names.iter().any(|own| same_name(own.strip_suffix('.').unwrap_or(own), name)),
        Wanted::Ip(address) => found.host.addresses.contains(&IpAddr::V4(address)),
    }
}

#[cfg(test)]
mod tests;

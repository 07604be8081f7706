//! Domain names: from whatever an attacker registered to letters, digits, dashes and dots.

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::{BadIndicator, defang::is_number};

/// A domain name of at least two labels, in A-labels and in lower case, without a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(Box<str>);

/// The longest name, and the longest label.
const LONGEST: usize = 253;
const LONGEST_LABEL: usize = 63;

impl DomainName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// [`BadIndicator`] for whatever is not on the accept-list after the conversion to A-labels.
    pub fn parse(text: &str) -> Result<Self, BadIndicator> {
        if text.contains('*') {
            return Err(BadIndicator::Wildcard);
        }
        let name = a_labels(text)?;
        let name = name.strip_suffix('.').unwrap_or(&name);
        if name.len() > LONGEST {
            return Err(BadIndicator::BadName);
        }
        let Some((_, last)) = name.rsplit_once('.') else {
            return Err(if name.is_empty() { BadIndicator::Empty } else { BadIndicator::SingleLabel });
        };
        // Full-width digits and ideographic dots have become plain ones by now: this may be an address after all.
        if is_number(last) {
            return Err(BadIndicator::BadAddress);
        }
        if name.len() < 4 || !name.split('.').all(is_label) || !is_last_label(last) {
            return Err(BadIndicator::BadName);
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a name is another one or lies below it; both in lower case, without a trailing dot.
pub(in crate::domain) fn within(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|head| head.is_empty() || head.ends_with('.'))
}

/// Converts a name to A-labels in lower case.
fn a_labels(text: &str) -> Result<String, BadIndicator> {
    let ascii = text.is_ascii();
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if text.bytes().any(|b| b.is_ascii() && !fits(b)) {
        return Err(BadIndicator::BadCharacter);
    }
    let lower = text.to_ascii_lowercase();
    // Names with an underscore exist, and the rules for international names are only for those that are.
    if ascii && !lower.split('.').any(|label| label.starts_with("xn--")) {
        return Ok(lower);
    }
    Uts46::new()
        .to_ascii(lower.as_bytes(), AsciiDenyList::URL, Hyphens::Allow, DnsLength::Ignore)
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| BadIndicator::BadIdna)
}

/// `[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?`
fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    bytes.len() <= LONGEST_LABEL
        && inner(*first)
        && (bytes.len() == 1 || last.is_ascii_lowercase() || last.is_ascii_digit())
        && bytes.iter().all(|b| inner(*b) || *b == b'-')
}

/// `[a-z]{2,63}|xn--[a-z0-9-]{1,59}`, beside being a label.
fn is_last_label(label: &str) -> bool {
    let letters = label.len() >= 2 && label.bytes().all(|b| b.is_ascii_lowercase());
    let international = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    letters || label.strip_prefix("xn--").is_some_and(international)
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

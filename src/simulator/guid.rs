//! The ids that the simulated console gives its hosts, kept in sixteen bytes.

use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A host's id: a UUID as text, lower case, in the form 8-4-4-4-12.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Guid(pub(super) u128);

impl Guid {
    /// Reads the one form that the console takes, in either case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() != 36 {
            return None;
        }
        let mut value = 0_u128;
        for (at, byte) in text.bytes().enumerate() {
            if matches!(at, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return None;
                }
            } else {
                value = value << 4 | u128::from(char::from(byte).to_digit(16)?);
            }
        }
        Some(Self(value))
    }

    /// Reads the form 12-8-4-4-4 as well, in which some documents print ids.
    pub(super) fn parse_either(text: &str) -> Option<Self> {
        Self::parse(text).or_else(|| {
            let digits: String = text.chars().filter(|c| *c != '-').collect();
            let hyphens = [12, 21, 26, 31].iter().all(|at| text.as_bytes().get(*at) == Some(&b'-'));
            let fits = text.len() == 36 && digits.len() == 32 && hyphens;
            // A sign is no digit, but the parser would take it.
            (fits && digits.bytes().all(|b| b.is_ascii_hexdigit()))
                .then(|| u128::from_str_radix(&digits, 16).ok())
                .flatten()
                .map(Self)
        })
    }

    /// The id under which a host is kept whose console takes any text for an id; case makes no difference.
    pub(super) fn of_text(text: &str) -> Self {
        Self::parse_either(text).unwrap_or_else(|| Self::derived("entity", &text.to_lowercase()))
    }

    /// Makes the same id of the same words each time, marked as a version 4 UUID.
    pub(super) fn derived(kind: &str, text: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(kind.as_bytes());
        digest.update([0]);
        digest.update(text.as_bytes());
        let digest = digest.finalize();
        Self::marked(digest.iter().take(16).fold(0, |value, byte| value << 8 | u128::from(*byte)))
    }

    /// Makes the id of a made-up host from its number.
    pub(super) fn of_number(number: u64) -> Self {
        let low = mix(number);
        Self::marked(u128::from(mix(low ^ 0x5eed)) << 64 | u128::from(low))
    }

    const fn marked(value: u128) -> Self {
        let cleared = value & !(0xf << 76) & !(0b11 << 62);
        Self(cleared | 0x4 << 76 | 0b10 << 62)
    }

    /// A number that goes with this id, as good as random.
    pub(super) const fn hash(self, salt: u64) -> u64 {
        mix((self.0 >> 64) as u64 ^ mix(self.0 as u64 ^ mix(salt)))
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |shift: u32, bits: u32| self.0 >> shift & ((1 << bits) - 1);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 32),
            part(80, 16),
            part(64, 16),
            part(48, 16),
            part(0, 48)
        )
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Spreads a number over all 64 bits (the finalizer of SplitMix64).
pub(super) const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_written_as_it_was_read_in_lower_case() {
        let text = "3F1C2D94-7b60-4e2a-9a55-0c8e7d41b2f6";
        assert_eq!(Guid::parse(text).unwrap().to_string(), text.to_lowercase());
    }

    #[test]
    fn anything_but_the_one_form_is_no_guid() {
        for text in ["", "3f1c2d947b604e2a9a550c8e7d41b2f6", "3f1c2d94-7b60-4e2a-9a55-0c8e7d41b2fg", "guid1"] {
            assert_eq!(Guid::parse(text), None, "{text}");
        }
        assert_eq!(Guid::parse("3f1c2d94-7b60-4e2a-9a55_0c8e7d41b2f6"), None);
        assert_eq!(Guid::parse("+f1c2d94-7b60-4e2a-9a55-0c8e7d41b2f6"), None);
    }

    #[test]
    fn an_id_is_the_same_in_any_case_and_in_either_shape() {
        let guid = Guid::of_text("6A1C0F52-7B3D-4E88-9A41-0D5E2C7F1B90");
        assert_eq!(guid, Guid::of_text("6a1c0f527b3d-4e889a41-0d5e-2c7f-1b90"));
        assert_eq!(Guid::of_text("Agent 7"), Guid::of_text("agent 7"));
        assert_ne!(Guid::of_text("agent 7"), Guid::of_text("agent 8"));
        assert_eq!(Guid::parse_either("6a1c0f527b3d-4e889a41-0d5e-2c7f-1b9g"), None);
    }

    #[test]
    fn derived_guids_are_version_4_and_the_same_each_time() {
        let one = Guid::derived("name", "web01");
        assert_eq!(one, Guid::derived("name", "web01"));
        assert_ne!(one, Guid::derived("name", "web02"));
        for guid in [one, Guid::of_number(0), Guid::of_number(7)] {
            let text = guid.to_string();
            assert_eq!(text.as_bytes()[14], b'4', "{text}");
            assert!(b"89ab".contains(&text.as_bytes()[19]), "{text}");
        }
    }
}

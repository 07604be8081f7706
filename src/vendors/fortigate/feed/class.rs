//! How much a firewall takes of a list. What is over is cut off there without a word, so nothing over it is ever written.

use super::list::ListFile;

/// What a firewall takes, by its release and its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::vendors::fortigate) enum Class {
    /// Releases before 7.4.4; their limits hold at every other unit, too.
    #[default]
    Legacy,
    /// A small unit with 7.4.4 or later.
    Entry,
    /// A middle one.
    Mid,
    /// A large one.
    High,
}

/// The words for them in the configuration.
pub(in crate::vendors::fortigate) const CLASSES: [(&str, Class); 4] =
    [("legacy", Class::Legacy), ("entry", Class::Entry), ("mid", Class::Mid), ("high", Class::High)];

/// The longest line that a firewall reads.
pub(super) const LONGEST_LINE: usize = 4_096;

const MEGABYTE: u64 = 1_000_000;

impl Class {
    /// Its word.
    pub(super) fn word(self) -> &'static str {
        CLASSES.iter().find(|(_, class)| *class == self).map_or("", |(word, _)| word)
    }

    /// How many lines a list may have, together with those that share its limit.
    pub(super) const fn lines(self, file: ListFile) -> usize {
        match (self, file) {
            (Self::Legacy, _) => 131_072,
            (_, ListFile::Ip4 | ListFile::Ip6) => 300_000,
            (Self::Entry, ListFile::Domain) => 1_000_000,
            (Self::Mid, ListFile::Domain) => 3_000_000,
            (Self::High, ListFile::Domain) => 5_000_000,
        }
    }

    /// How large one list may be. Nobody says which megabyte is meant: the smaller one fits both.
    pub(super) const fn bytes(self) -> u64 {
        match self {
            Self::Legacy => 10 * MEGABYTE,
            Self::Entry => 32 * MEGABYTE,
            Self::Mid => 64 * MEGABYTE,
            Self::High => 128 * MEGABYTE,
        }
    }

    /// The lists that have one limit together: newer releases count the addresses of all lists as one.
    pub(super) const fn together(self) -> &'static [&'static [ListFile]] {
        match self {
            Self::Legacy => &[&[ListFile::Ip4], &[ListFile::Ip6], &[ListFile::Domain]],
            Self::Entry | Self::Mid | Self::High => &[&[ListFile::Ip4, ListFile::Ip6], &[ListFile::Domain]],
        }
    }
}

//! One list, as lines: which are ours, which are somebody else's, and what it becomes. Pure.
//!
//! Somebody else's lines stay as they are, byte by byte and in their order; ours stand behind them, sorted, each once.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet},
};

use super::super::objects::Table;
use crate::domain::indicator::{Indicator, IndicatorKind};

/// The lists, one for each kind: a firewall takes one kind in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum ListFile {
    /// IPv4 addresses and networks.
    Ip4,
    /// IPv6 addresses and networks.
    Ip6,
    /// Domains.
    Domain,
}

impl ListFile {
    pub(super) const ALL: [Self; 3] = [Self::Ip4, Self::Ip6, Self::Domain];

    /// The file's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ip4 => "ip4.txt",
            Self::Ip6 => "ip6.txt",
            Self::Domain => "domain.txt",
        }
    }

    /// What it holds.
    pub(super) const fn kind(self) -> IndicatorKind {
        match self {
            Self::Ip4 => IndicatorKind::Ipv4,
            Self::Ip6 => IndicatorKind::Ipv6,
            Self::Domain => IndicatorKind::Domain,
        }
    }

    /// Where an indicator goes.
    pub(super) const fn of(kind: IndicatorKind) -> Self {
        match kind {
            IndicatorKind::Ipv4 => Self::Ip4,
            IndicatorKind::Ipv6 => Self::Ip6,
            IndicatorKind::Domain => Self::Domain,
        }
    }

    /// What stands in one table of a firewall that is told objects.
    pub(super) const fn of_table(table: Table) -> &'static [Self] {
        match table {
            Table::V4 => &[Self::Ip4, Self::Domain],
            Table::V6 => &[Self::Ip6],
        }
    }
}

/// A list, as it was read.
#[derive(Clone, Debug)]
pub(super) struct List {
    file: ListFile,
    text: Vec<u8>,
}

impl List {
    pub(super) const fn new(file: ListFile, text: Vec<u8>) -> Self {
        Self { file, text }
    }

    pub(super) const fn file(&self) -> ListFile {
        self.file
    }

    fn raw(&self) -> impl Iterator<Item = &[u8]> {
        let whole = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        let lines = whole.split(|byte| *byte == b'\n');
        lines.filter(|_| !self.text.is_empty())
    }

    /// How many lines it has, of whatever kind: nobody says that a firewall does not count comments.
    pub(super) fn lines(&self) -> usize {
        self.raw().count()
    }

    /// How large it is.
    pub(super) fn bytes(&self) -> u64 {
        self.text.len() as u64
    }

    /// How many lines a firewall takes for entries.
    pub(super) fn entries(&self) -> usize {
        self.raw().filter(|line| entry(line).is_some()).count()
    }

    /// The longest line.
    pub(super) fn longest(&self) -> usize {
        self.raw().map(<[u8]>::len).max().unwrap_or_default()
    }

    /// What its lines mean, in the one form that an indicator has. What is none of its kind is left out.
    pub(super) fn values(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.raw().filter_map(|line| meaning(self.file, line))
    }

    /// Those of these that are exactly a line of it.
    pub(super) fn has_lines<'w>(&self, wanted: impl IntoIterator<Item = &'w str>) -> HashSet<&'w str> {
        let lines: HashSet<&[u8]> = self.raw().collect();
        wanted.into_iter().filter(|line| lines.contains(line.as_bytes())).collect()
    }

    /// The text with lines of ours added and taken out. `ours`: whether an exact line is one of ours.
    pub(super) fn changed(&self, ours: impl Fn(&str) -> bool, add: &[&str], remove: &BTreeSet<&str>) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.text.len() + add.iter().map(|line| line.len() + 1).sum::<usize>());
        let mut own: BTreeSet<&str> = add.iter().copied().collect();
        for line in self.raw() {
            match std::str::from_utf8(line).ok().filter(|line| ours(line)) {
                Some(line) => {
                    own.insert(line);
                }
                None => {
                    text.extend_from_slice(line);
                    text.push(b'\n');
                }
            }
        }
        for line in own.difference(remove) {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        text
    }
}

/// What stands in a line, if it is neither empty nor a comment. Bytes that are no text are somebody's entry, too.
fn entry(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line).trim_ascii();
    (!line.is_empty() && !line.starts_with(b"#")).then_some(line)
}

/// What a line means.
fn meaning(file: ListFile, line: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(entry(line)?).ok()?;
    // Most lines are in their one form, and a list may have a million of them.
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
    if file != ListFile::Ip6 && text.bytes().all(plain) && !text.ends_with('.') {
        return Some(Cow::Borrowed(text));
    }
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'/');
    if !text.bytes().all(is_bare) {
        return None;
    }
    let parsed = Indicator::parse(text).ok().filter(|parsed| !parsed.narrowed)?;
    (parsed.indicator.kind() == file.kind()).then(|| Cow::Owned(parsed.indicator.canonical()))
}

//! One list, as lines: which are ours, which are somebody else's, and what it becomes. Pure.
//!
//! Somebody else's lines stay as they are, byte by byte and in their order; ours stand behind them, sorted, each once. A line is
//! known by what it means: editors leave other line ends and blanks behind.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, btree_map::Entry},
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

    /// How often each of these stands on it, whatever stands behind it in its line.
    pub(super) fn count_of<'w>(&self, wanted: impl IntoIterator<Item = &'w str>) -> HashMap<&'w str, Found> {
        let mut found: HashMap<&str, Found> = wanted.into_iter().map(|value| (value, Found::default())).collect();
        for line in self.raw() {
            let plain = meaning(self.file, line);
            let Some(named) = plain.clone().or_else(|| named(self.file, line)) else { continue };
            if let Some(found) = found.get_mut(&*named) {
                found.named += 1;
                found.plain += usize::from(plain.is_some());
            }
        }
        found
    }

    /// The line of ours of each value that is on it. Where a value stands more than once one line is ours: the last that has
    /// nothing behind the value, because ours stand behind the others and have nothing behind them.
    fn own(&self, whose: impl Fn(&str) -> Whose) -> BTreeMap<Cow<'_, str>, (usize, &[u8])> {
        struct Best<'l> {
            exact: bool,
            at: usize,
            line: &'l [u8],
            times: usize,
        }
        let mut best: BTreeMap<Cow<'_, str>, Best<'_>> = BTreeMap::new();
        for (at, line) in self.raw().enumerate() {
            let Some(value) = named(self.file, line).filter(|value| whose(value) != Whose::Others) else { continue };
            let exact = line.trim_ascii_end() == value.as_bytes();
            match best.entry(value) {
                Entry::Occupied(mut best) => {
                    let best = best.get_mut();
                    best.times += 1;
                    if exact >= best.exact {
                        (best.exact, best.at, best.line) = (exact, at, line);
                    }
                }
                Entry::Vacant(place) => {
                    place.insert(Best { exact, at, line, times: 1 });
                }
            }
        }
        best.into_iter()
            .filter(|(value, best)| matches!(whose(value), Whose::Ours { others } if best.times > others))
            .map(|(value, best)| (value, (best.at, best.line)))
            .collect()
    }

    /// The text with lines of ours added and taken out.
    pub(super) fn changed(&self, whose: impl Fn(&str) -> Whose, add: &[&str], remove: &BTreeSet<&str>) -> Vec<u8> {
        let own = self.own(whose);
        let places: HashSet<usize> = own.values().map(|(at, _)| *at).collect();
        let mut text = Vec::with_capacity(self.text.len() + add.iter().map(|line| line.len() + 1).sum::<usize>());
        let mut put = |line: &[u8]| {
            text.extend_from_slice(line);
            text.push(b'\n');
        };
        for (_, line) in self.raw().enumerate().filter(|(at, _)| !places.contains(at)) {
            put(line);
        }
        // What somebody has written behind a line of ours stays as long as the line does.
        let kept = |value: &str, line: &[u8]| {
            let has_more = line.contains(&b'#') && !line.starts_with(BOM);
            if has_more { line.to_vec() } else { value.as_bytes().to_vec() }
        };
        let mut ours: BTreeMap<&str, Vec<u8>> =
            own.iter().map(|(value, (_, line))| (&**value, kept(value, line))).collect();
        ours.extend(add.iter().map(|value| (*value, value.as_bytes().to_vec())));
        for (_, line) in ours.iter().filter(|(value, _)| !remove.contains(**value)) {
            put(line);
        }
        text
    }
}

/// Whose the line of a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// All of its lines are somebody else's.
    Others,
    /// One is ours, beside so many of others, as far as those have been counted.
    Ours { others: usize },
}

/// How often a value stands on a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// In lines that a firewall takes for it.
    pub(super) plain: usize,
    /// In those, and in lines that have a comment behind it.
    pub(super) named: usize,
}

/// What some editors put before a text.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// What stands in a line, if it is neither empty nor a comment. Bytes that are no text are somebody's entry, too.
fn entry(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_prefix(BOM).unwrap_or(line).trim_ascii();
    (!line.is_empty() && !line.starts_with(b"#")).then_some(line)
}

/// The value that stands in a line, though somebody may have written a comment behind it.
fn named(file: ListFile, line: &[u8]) -> Option<Cow<'_, str>> {
    let entry = entry(line)?;
    meaning(file, entry.split(|byte| *byte == b'#').next().unwrap_or(entry))
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

//! What the analyst wrote, before it is resolved: an id, a host name, an IP address or a MAC address.
//!
//! A selector is told by its form. `id:`, `host:`, `ip:` and `mac:` in front of it, or `--by`, settle it.

use std::{
    fmt,
    hash::{Hash, Hasher},
    net::IpAddr,
    sync::Arc,
};

use super::host::MacAddr;

/// The longest selector that is read; nothing that names a host comes near it.
pub const MAX_SELECTOR_BYTES: usize = 1024;

/// The four ways to name a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SelectorKind {
    /// The console's own id.
    Id,
    /// A host name, full or short.
    Name,
    /// An IPv4 or IPv6 address.
    Ip,
    /// A MAC address.
    Mac,
}

impl SelectorKind {
    /// The word for it: the value of `--by`, and the prefix in a file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "host",
            Self::Ip => "ip",
            Self::Mac => "mac",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Id, Self::Name, Self::Ip, Self::Mac].into_iter().find(|kind| kind.word() == word)
    }
}

impl fmt::Display for SelectorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A console's verdict on whether a text is one of its ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdForm {
    /// It is, and this is its canonical spelling, if that differs.
    Id(Option<Box<str>>),
    /// It may be one, as it may be a name: it is one where `id:` or `--by id` says so.
    IfSaid(Option<Box<str>>),
    /// It looks like a damaged one; the text says how. The console's ids have no fixed form, so it is one where `id:` or
    /// `--by id` says so.
    DamagedUnlessSaid(&'static str, Option<Box<str>>),
    /// It is not; it may be a name or an address.
    NotAnId,
    /// It was meant to be one and is damaged; the text says how.
    Damaged(&'static str),
}

/// One selector: the text as written, and what it names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selector {
    written: Arc<str>,
    value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Value {
    /// The canonical id; shares the written text where they are equal.
    Id(Arc<str>),
    /// Where the name begins in the written text.
    Name(u8),
    Ip(IpAddr),
    Mac(MacAddr),
}

/// What a selector names, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// A console's id, in its canonical spelling.
    Id(&'a Arc<str>),
    /// A host name, as written, without a trailing dot.
    Name(&'a str),
    /// An address.
    Ip(IpAddr),
    /// A MAC address.
    Mac(MacAddr),
}

impl Selector {
    /// Reads one selector; `text` is already free of comments and surrounding blanks.
    ///
    /// # Errors
    ///
    /// [`SelectorError`] says what is wrong with the text, in words for the analyst.
    pub fn parse(text: &str, by: Option<SelectorKind>, id_form: fn(&str) -> IdForm) -> Result<Self, SelectorError> {
        if text.is_empty() {
            return Err(SelectorError::Empty);
        }
        if text.len() > MAX_SELECTOR_BYTES {
            return Err(SelectorError::TooLong);
        }
        let prefix = text.split_once(':').and_then(|(word, rest)| {
            let kind = SelectorKind::from_word(&word.to_ascii_lowercase())?;
            Some((kind, rest.trim_start()))
        });
        let (kind, value) = match prefix {
            Some((kind, rest)) => (Some(kind), rest),
            None => (by, text),
        };
        if value.is_empty() {
            return Err(SelectorError::Empty);
        }
        let start = u8::try_from(text.len() - value.len()).map_err(|_| SelectorError::TooLong)?;
        let written: Arc<str> = text.into();
        let value = match kind {
            Some(SelectorKind::Id) => match id_form(value) {
                IdForm::Id(canonical) | IdForm::IfSaid(canonical) | IdForm::DamagedUnlessSaid(_, canonical) => {
                    id_value(&written, start, canonical)
                }
                IdForm::NotAnId => return Err(SelectorError::NotAnId),
                IdForm::Damaged(how) => return Err(SelectorError::DamagedId(how)),
            },
            Some(SelectorKind::Name) => {
                check_explicit_name(value)?;
                Value::Name(start)
            }
            Some(SelectorKind::Ip) => {
                if is_range(value) {
                    return Err(SelectorError::Range);
                }
                Value::Ip(one_host(parse_ip(value).ok_or(SelectorError::NotAnAddress)?)?)
            }
            Some(SelectorKind::Mac) => Value::Mac(one_card(parse_mac(value, true).ok_or(SelectorError::NotAMac)?)?),
            None => match id_form(value) {
                IdForm::Id(canonical) => id_value(&written, start, canonical),
                IdForm::Damaged(how) | IdForm::DamagedUnlessSaid(how, _) => return Err(SelectorError::DamagedId(how)),
                IdForm::NotAnId | IdForm::IfSaid(_) => {
                    if let Some(address) = parse_ip(value) {
                        Value::Ip(one_host(address)?)
                    } else if let Some(mac) = parse_mac(value, false) {
                        Value::Mac(one_card(mac)?)
                    } else {
                        check_bare_name(value)?;
                        Value::Name(start)
                    }
                }
            },
        };
        Ok(Self { written, value })
    }

    /// Takes a text as it is, for whoever judges it later. It has the place of an id, and is one only if that judge says so.
    pub fn verbatim(text: &str) -> Self {
        let written: Arc<str> = text.into();
        Self { value: Value::Id(Arc::clone(&written)), written }
    }

    /// The text as the analyst wrote it.
    pub fn written(&self) -> &Arc<str> {
        &self.written
    }

    /// The way in which it names a host.
    pub const fn kind(&self) -> SelectorKind {
        match self.value {
            Value::Id(_) => SelectorKind::Id,
            Value::Name(_) => SelectorKind::Name,
            Value::Ip(_) => SelectorKind::Ip,
            Value::Mac(_) => SelectorKind::Mac,
        }
    }

    /// What it names.
    pub fn named(&self) -> Named<'_> {
        match &self.value {
            Value::Id(id) => Named::Id(id),
            Value::Name(start) => {
                let name = self.written.get(usize::from(*start)..).unwrap_or_default();
                Named::Name(name.strip_suffix('.').unwrap_or(name))
            }
            Value::Ip(address) => Named::Ip(*address),
            Value::Mac(mac) => Named::Mac(*mac),
        }
    }
}

/// Two selectors that name the same thing are duplicates before anything is resolved: the same id in any case, the same
/// name in any case, the same address in any spelling.
impl Selector {
    /// The same host, under what somebody once wrote for it. Only an id can be what it was without what was written.
    #[must_use]
    pub fn written_as(self, written: Arc<str>) -> Self {
        match self.value {
            Value::Id(_) => Self { written, value: self.value },
            Value::Name(_) | Value::Ip(_) | Value::Mac(_) => self,
        }
    }

    /// Whether both name the same thing, however they are written.
    pub fn names_same(&self, other: &Self) -> bool {
        match (self.named(), other.named()) {
            (Named::Name(a), Named::Name(b)) => same_name(a, b),
            (a, b) => a == b,
        }
    }

    /// Hashes what it names; equal for any two that [`names_same`](Self::names_same) takes for one.
    pub fn hash_named(&self, state: &mut impl Hasher) {
        match self.named() {
            Named::Id(id) => (0_u8, id).hash(state),
            Named::Name(name) => {
                // Two characters at a time: a hasher is slow at many small writes, and there may be a million names.
                state.write_u8(1);
                let mut chars = lower(name).map(u64::from);
                while let Some(first) = chars.next() {
                    state.write_u64(first << 32 | chars.next().unwrap_or(u64::from(u32::MAX)));
                }
            }
            Named::Ip(address) => (2_u8, address).hash(state),
            Named::Mac(mac) => (3_u8, mac).hash(state),
        }
    }
}

/// Whether two host names are equal but for the case of their letters.
pub fn same_name(a: &str, b: &str) -> bool {
    lower(a).eq(lower(b))
}

fn lower(name: &str) -> impl Iterator<Item = char> + '_ {
    name.chars().flat_map(|c| {
        let plain = becomes_ascii(c).then_some(c);
        plain.into_iter().chain(c.to_lowercase().filter(move |_| plain.is_none()))
    })
}

/// A host name in lower case, to be compared. A sign that only looks like a letter of ASCII, as the one for kelvin, stays
/// what it is: otherwise one host could pass for another.
pub fn fold_name(name: &str) -> String {
    if !name.contains(becomes_ascii) {
        return name.to_lowercase();
    }
    let parts = name.split_inclusive(becomes_ascii).map(|part| match part.char_indices().next_back() {
        Some((at, last)) if becomes_ascii(last) => {
            format!("{}{last}", part.get(..at).unwrap_or_default().to_lowercase())
        }
        _ => part.to_lowercase(),
    });
    parts.collect()
}

fn becomes_ascii(c: char) -> bool {
    !c.is_ascii() && c.to_lowercase().any(|lower| lower.is_ascii())
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// A selector and the place that it was read from. A run may hold a million of them, so it is small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The selector.
    pub selector: Selector,
    /// The number of the file among those that were read.
    pub file: u16,
    /// The line, from 1.
    pub line: u32,
}

fn id_value(written: &Arc<str>, start: u8, canonical: Option<Box<str>>) -> Value {
    Value::Id(match canonical {
        Some(canonical) => canonical.into(),
        None if start == 0 => Arc::clone(written),
        None => written.get(usize::from(start)..).unwrap_or_default().into(),
    })
}

/// Reads an address; an IPv4 address in IPv6 clothes is the IPv4 address. The zone of an IPv6 address, as in `fe80::1%4`, is
/// the number of an interface of whoever wrote it, and is dropped.
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    if let Some((address, zone)) = text.split_once('%') {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let zoned = !zone.is_empty() && zone.chars().all(plain);
        return address.parse::<std::net::Ipv6Addr>().ok().filter(|_| zoned).map(IpAddr::V6);
    }
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Reads a MAC address: `aa:bb:cc:dd:ee:ff`, `AA-BB-…`, `aabb.ccdd.eeff`, and twelve bare digits if `bare`.
pub fn parse_mac(text: &str, bare: bool) -> Option<MacAddr> {
    if !matches!(text.len(), 12 | 14 | 17) {
        return None;
    }
    let groups = |separator: char, count: usize, width: usize| {
        let parts: Vec<&str> = text.split(separator).collect();
        (parts.len() == count && parts.iter().all(|part| part.len() == width)).then(|| parts.concat())
    };
    let digits = groups(':', 6, 2)
        .or_else(|| groups('-', 6, 2))
        .or_else(|| groups('.', 3, 4))
        .or_else(|| (bare && text.len() == 12).then(|| text.to_owned()))?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let number = u64::from_str_radix(&digits, 16).ok()?;
    let [_, _, bytes @ ..] = number.to_be_bytes();
    Some(MacAddr(bytes))
}

/// Refuses addresses that any number of hosts answer to: one such line could cut off a host that nobody meant.
fn one_host(address: IpAddr) -> Result<IpAddr, SelectorError> {
    let shared = address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if shared { Err(SelectorError::Shared) } else { Ok(address) }
}

/// Refuses the empty address and group addresses, which belong to no network card.
fn one_card(mac: MacAddr) -> Result<MacAddr, SelectorError> {
    let group = mac.0.first().is_some_and(|first| first & 1 == 1);
    if group || mac.0 == [0; 6] { Err(SelectorError::Shared) } else { Ok(mac) }
}

/// `10.0.0.0/8`, `10.0.0.1-10.0.0.9`, `10.0.0.1-9`.
fn is_range(text: &str) -> bool {
    text.split_once(['/', '-']).is_some_and(|(first, _)| parse_ip(first.trim_end()).is_some())
}

/// A name without a prefix must look like one, so that a damaged line is told and not looked up.
fn check_bare_name(name: &str) -> Result<(), SelectorError> {
    if is_range(name) {
        return Err(SelectorError::Range);
    }
    let numeric = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_digit());
    let labels = || name.split('.');
    // `10.0.0.256` and `10.0.0.1O` were meant as addresses.
    if name.contains('.') && name.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        || labels().count() == 4 && labels().take(3).all(numeric)
    {
        return Err(SelectorError::NotAnAddress);
    }
    if name.contains(':') && name.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.' | b'-')) {
        return Err(SelectorError::NotAName);
    }
    if let Some(bad) = name.chars().find(|c| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))) {
        return Err(SelectorError::BadCharacter(bad));
    }
    let trimmed = name.strip_suffix('.').unwrap_or(name);
    if trimmed.is_empty() || trimmed.len() > 253 || trimmed.split('.').any(|label| label.is_empty() || label.len() > 63)
    {
        return Err(SelectorError::NotAName);
    }
    if trimmed.starts_with('-') || trimmed.ends_with('-') {
        return Err(SelectorError::NotAName);
    }
    Ok(())
}

/// A name behind `host:` or `--by host` may be anything that prints: consoles keep names with blanks and apostrophes.
fn check_explicit_name(name: &str) -> Result<(), SelectorError> {
    match name.chars().find(|c| is_unprintable(*c)) {
        Some(bad) => Err(SelectorError::BadCharacter(bad)),
        None if name.len() > 253 => Err(SelectorError::TooLong),
        None if name.trim_end_matches('.').is_empty() => Err(SelectorError::NotAName),
        None => Ok(()),
    }
}

/// Control characters, and those that are invisible or turn the direction of the text around them.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// What is wrong with a text that should name a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Nothing is there.
    #[error("nothing is named here")]
    Empty,
    /// Longer than anything that names a host.
    #[error("too long to name a host")]
    TooLong,
    /// `--by id` or `id:` before something else.
    #[error("not an id of this console")]
    NotAnId,
    /// Meant as an id, and damaged.
    #[error("not an id: {0}")]
    DamagedId(&'static str),
    /// Meant as an address.
    #[error("not an IP address")]
    NotAnAddress,
    /// Meant as a MAC address.
    #[error("not a MAC address")]
    NotAMac,
    /// A range of addresses names no single host.
    #[error("a range of addresses does not name one host")]
    Range,
    /// An address that any number of hosts answer to.
    #[error("this address does not belong to one host")]
    Shared,
    /// A character that no host name has.
    #[error("{} does not belong into a host name", show(*.0))]
    BadCharacter(char),
    /// Not the form of a name.
    #[error("not an id, a host name, an IP address or a MAC address")]
    NotAName,
}

fn show(c: char) -> String {
    let code = u32::from(c);
    if c.is_control() {
        format!("the control character U+{code:04X}")
    } else if c.is_ascii() && c != ' ' || c.is_alphanumeric() {
        format!("`{c}`")
    } else if c.is_whitespace() {
        if c == ' ' { "a blank".to_owned() } else { format!("the blank U+{code:04X}") }
    } else if is_unprintable(c) {
        format!("the invisible character U+{code:04X}")
    } else {
        // Many of these look like something that is allowed: a long dash, a curly quote, a lone accent.
        format!("`{c}` (U+{code:04X})")
    }
}

#[cfg(test)]
mod tests;

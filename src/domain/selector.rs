//! What the analyst wrote, before it is resolved: an id, a host name, an IP address or a MAC address.
//!
//! A selector is told by its form. `id:`, `host:`, `ip:` and `mac:` in front of it, or `--by`, settle it.

use std::{fmt, net::IpAddr, sync::Arc};

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
                IdForm::Id(canonical) => id_value(&written, start, canonical),
                IdForm::NotAnId => return Err(SelectorError::NotAnId),
                IdForm::Damaged(how) => return Err(SelectorError::DamagedId(how)),
            },
            Some(SelectorKind::Name) => {
                check_explicit_name(value)?;
                Value::Name(start)
            }
            Some(SelectorKind::Ip) => Value::Ip(parse_ip(value).ok_or(SelectorError::NotAnAddress)?),
            Some(SelectorKind::Mac) => Value::Mac(parse_mac(value, true).ok_or(SelectorError::NotAMac)?),
            None => match id_form(value) {
                IdForm::Id(canonical) => id_value(&written, start, canonical),
                IdForm::Damaged(how) => return Err(SelectorError::DamagedId(how)),
                IdForm::NotAnId => {
                    if let Some(address) = parse_ip(value) {
                        Value::Ip(address)
                    } else if let Some(mac) = parse_mac(value, false) {
                        Value::Mac(mac)
                    } else {
                        check_bare_name(value)?;
                        Value::Name(start)
                    }
                }
            },
        };
        Ok(Self { written, value })
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

/// Reads an address; an IPv4 address in IPv6 clothes is the IPv4 address.
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Reads a MAC address: `aa:bb:cc:dd:ee:ff`, `AA-BB-…`, `aabb.ccdd.eeff`, and twelve bare digits if `bare`.
pub fn parse_mac(text: &str, bare: bool) -> Option<MacAddr> {
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

/// A name without a prefix must look like one, so that a damaged line is told and not looked up.
fn check_bare_name(name: &str) -> Result<(), SelectorError> {
    if name.contains('/') && name.split('/').next().is_some_and(|part| parse_ip(part).is_some()) {
        return Err(SelectorError::Range);
    }
    if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') && name.contains('.') {
        return Err(SelectorError::NotAnAddress);
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
    match name.chars().find(|c| c.is_control()) {
        Some(bad) => Err(SelectorError::BadCharacter(bad)),
        None if name.len() > 253 => Err(SelectorError::TooLong),
        None => Ok(()),
    }
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
    /// A character that no host name has.
    #[error("{} does not belong into a host name", show(*.0))]
    BadCharacter(char),
    /// Not the form of a name.
    #[error("not an id, a host name, an IP address or a MAC address")]
    NotAName,
}

fn show(c: char) -> String {
    if c.is_control() { format!("the control character U+{:04X}", u32::from(c)) } else { format!("`{c}`") }
}

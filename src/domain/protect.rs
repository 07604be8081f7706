//! The hosts that must never be touched, as patterns over names, addresses and ids.
//!
//! Everything here leans to the side of protecting: a pattern that could match nothing is refused when it is read, and a
//! host that cannot be compared with a pattern is told apart from one that differs from it.

use std::{borrow::Cow, fmt, net::IpAddr};

use ipnet::{IpNet, Ipv4Net};

mod spelling;
mod unsure;

use spelling::{Form, Spelt};
use unsure::Bare;

use super::{
    host::short_name,
    selector::{parse_ip, parse_mac},
};

/// One entry of the protected list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// Hosts of such a name.
    Name(Glob),
    /// The host that has this address.
    Address(IpAddr),
    /// Hosts that have an address in this range.
    Range(IpNet),
    /// The host of this id, in lower case.
    Id(Box<str>),
    /// Hosts of a group or policy of such a name.
    Group(Glob),
    /// Hosts of such an operating system, in the console's words: that is where a server says that it is one.
    System(Glob),
}

/// What a console tells of a host beside its names and addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits<'a> {
    /// Its group or policy.
    pub group: Option<&'a str>,
    /// Its operating system.
    pub system: Option<&'a str>,
}

/// How a host stands to a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The pattern covers it.
    Yes,
    /// The pattern does not cover it.
    No,
    /// What the pattern speaks of is not known of this host.
    CannotTell,
}

impl Pattern {
    /// Reads one entry: a name with or without `*`, an address, a range such as `10.0.0.0/8`, or an id.
    ///
    /// It is told by its form; `host:`, `ip:` and `id:` in front of it settle it. Groups and operating systems are written
    /// with `group:` and `os:` in front.
    ///
    /// # Errors
    ///
    /// [`PatternError`] for a text that could not cover any host.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let text = text.trim();
        if let Some((word, rest)) = text.split_once(':') {
            let rest = rest.trim();
            match word.to_ascii_lowercase().as_str() {
                "host" => return explicit_name(rest).map(Self::Name),
                "ip" => return parse_network(rest)?.ok_or(PatternError::NotAnAddress),
                "id" => return explicit_id(rest),
                "group" => return Glob::words(rest).map(Self::Group),
                "os" => return Glob::words(rest).map(Self::System),
                "mac" => return Err(PatternError::Mac),
                _ => {}
            }
        }
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if let Some(network) = parse_network(text)? {
            return Ok(network);
        }
        if parse_mac(text, false).is_some() {
            return Err(PatternError::Mac);
        }
        if is_guid(text) {
            return Ok(Self::Id(text.to_ascii_lowercase().into()));
        }
        refuse_near_ids(text)?;
        refuse_near_addresses(text)?;
        Glob::bare(text).map(Self::Name)
    }

    /// The host of a name that is known and not written by anybody: it may have whatever a machine calls itself.
    ///
    /// # Errors
    ///
    /// [`PatternError`] for what is no name at all.
    pub fn of_name(name: &str) -> Result<Self, PatternError> {
        Glob::named(name.trim()).map(Self::Name)
    }

    /// Whether a host has to be looked up before it can be compared: so for everything but ids.
    pub const fn needs_inventory(&self) -> bool {
        !matches!(self, Self::Id(_))
    }

    /// Whether it speaks of addresses.
    pub const fn is_of_addresses(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Range(_))
    }

    /// Compares a host with this pattern.
    ///
    /// A name without `*` also covers a host whose id is that very text, because some consoles' ids look like names.
    pub fn matches(&self, id: &str, name: Option<&str>, addresses: &[IpAddr]) -> Match {
        match self {
            Self::Id(protected) => when(id.eq_ignore_ascii_case(protected)),
            Self::Name(glob) if glob.is_any() || glob.is_exactly(id) => Match::Yes,
            Self::Name(glob) => match name.filter(|name| !name.is_empty()) {
                Some(name) => when(glob.covers(name)),
                None => Match::CannotTell,
            },
            Self::Address(protected) => any_address(addresses, |address| address == *protected),
            Self::Range(range) => any_address(addresses, |address| range.contains(&address)),
            Self::Group(_) | Self::System(_) => Match::CannotTell,
        }
    }

    /// Compares what a console tells of a host beside its names; `None` for a pattern that does not speak of that.
    pub fn matches_traits(&self, traits: Traits<'_>) -> Option<Match> {
        let (glob, told) = match self {
            Self::Group(glob) => (glob, traits.group),
            Self::System(glob) => (glob, traits.system),
            _ => return None,
        };
        Some(match told.map(str::trim).filter(|told| !told.is_empty()) {
            Some(told) => when(glob.is_any() || wild(glob.written(), &lower(told))),
            None if glob.is_any() => Match::Yes,
            None => Match::CannotTell,
        })
    }
}

impl Pattern {
    /// Compares a host of a console that keeps names without their domain. `domain` is empty where it knows none.
    ///
    /// A name that is not known whole cannot be told from one that a pattern covers: then the host is not sure.
    pub fn matches_bare(&self, id: &str, name: Option<&str>, domain: &str, addresses: &[IpAddr]) -> Match {
        let plain = self.matches(id, name, addresses);
        let (Self::Name(glob), Some(name), Match::No) = (self, name, plain) else { return plain };
        if name.contains('.') {
            return Match::No;
        }
        let (name, domain) = (Spelt::new(lower(name)), Spelt::new(lower(domain)));
        let mut matched = Match::No;
        for form in Form::of(&[&glob.text, &name, &domain]) {
            let (pattern, bare) = (glob.text.is(form), Bare { name: name.is(form), domain: domain.is(form) });
            if bare.full().is_some_and(|full| wild(pattern, &full)) {
                return Match::Yes;
            }
            if bare.may_be_covered(pattern) {
                matched = Match::CannotTell;
            }
        }
        matched
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(glob) => f.write_str(glob.written()),
            Self::Address(address) => address.fmt(f),
            Self::Range(range) => range.fmt(f),
            Self::Id(id) => f.write_str(id),
            Self::Group(glob) => write!(f, "group:{}", glob.written()),
            Self::System(glob) => write!(f, "os:{}", glob.written()),
        }
    }
}

/// A host name in which `*` stands for any run of characters, dots too. Capitals make no difference, nor does it whether a name
/// is in Unicode or in its `xn--` form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob {
    /// In lower case, without a trailing dot.
    text: Spelt<'static>,
}

impl Glob {
    /// A name that must look like one, so that a slip of the pen is told and not obeyed as a name nobody has.
    fn bare(text: &str) -> Result<Self, PatternError> {
        match text.chars().find(|c| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '*'))) {
            Some(bad) => Err(PatternError::BadCharacter(bad)),
            None => Self::named(text),
        }
    }

    /// A name with whatever a machine has in it.
    fn named(text: &str) -> Result<Self, PatternError> {
        if let Some(bad) = text.chars().find(|c| c.is_control()) {
            return Err(PatternError::BadCharacter(bad));
        }
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        // A dot at an end or two in a row are in no host's name, so such a pattern would protect nothing.
        if text.len() > 1024 || text.split('.').any(str::is_empty) {
            return Err(PatternError::NotAName);
        }
        Ok(Self::of(text))
    }

    /// Words of a console, in which everything but control characters may stand, unless it looks like another language of patterns.
    fn words(text: &str) -> Result<Self, PatternError> {
        match text.chars().find(|c| c.is_control()) {
            Some(bad) => Err(PatternError::BadCharacter(bad)),
            None if text.is_empty() => Err(PatternError::Empty),
            None if text.len() > 1024 => Err(PatternError::NotAName),
            None => {
                other_language(text).map_or_else(|| Ok(Self::of(text)), |mark| Err(PatternError::OtherPattern(mark)))
            }
        }
    }

    fn of(text: &str) -> Self {
        Self { text: Spelt::new(lower(text).into_owned().into()) }
    }

    /// In lower case, as somebody has written it.
    fn written(&self) -> &str {
        self.text.is(Form::Written)
    }

    /// Whether it covers every host, named or not.
    fn is_any(&self) -> bool {
        self.written().bytes().all(|b| b == b'*')
    }

    fn is_exactly(&self, text: &str) -> bool {
        !self.written().contains('*') && *self.written() == *lower(text)
    }

    /// Whether it covers a host of this name, as it stands or without its domain.
    ///
    /// A console may keep the short name only. Then the pattern is compared without its domain too, unless that would
    /// leave nothing of it.
    fn covers(&self, name: &str) -> bool {
        let name = Spelt::new(lower(name.strip_suffix('.').unwrap_or(name)));
        Form::of(&[&self.text, &name]).any(|form| {
            let (pattern, name) = (self.text.is(form), name.is(form));
            let short = short_name(pattern);
            wild(pattern, name)
                || wild(pattern, short_name(name))
                || (!name.contains('.') && short.bytes().any(|b| b != b'*') && wild(short, name))
        })
    }
}

/// Compares a text with a pattern of literal runs between stars, without going back further than the last star.
fn wild(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut rest = rest;
    while let Some((run, after)) = rest.split_once('*') {
        let Some(at) = text.find(run) else { return false };
        text = text.get(at + run.len()..).unwrap_or_default();
        rest = after;
    }
    text.ends_with(rest)
}

fn lower(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && !text.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

const fn when(covered: bool) -> Match {
    if covered { Match::Yes } else { Match::No }
}

fn any_address(addresses: &[IpAddr], covered: impl Fn(IpAddr) -> bool) -> Match {
    if addresses.is_empty() {
        Match::CannotTell
    } else {
        when(addresses.iter().any(|address| covered(address.to_canonical())))
    }
}

/// Reads an address or a range; `None` if the text is meant as something else.
fn parse_network(text: &str) -> Result<Option<Pattern>, PatternError> {
    if let Some(address) = parse_ip(text) {
        return Ok(Some(Pattern::Address(address)));
    }
    let Some((address, length)) = text.split_once('/') else { return Ok(None) };
    let Some(_) = parse_ip(address) else { return Err(PatternError::NotARange) };
    if length.is_empty() || !length.bytes().all(|b| b.is_ascii_digit()) {
        return Err(PatternError::NotARange);
    }
    let range: IpNet = text.parse().map_err(|_| PatternError::NotARange)?;
    // The range of an IPv4 network in IPv6 clothes is the IPv4 range, as hosts' addresses are undressed too.
    let range = match range {
        IpNet::V6(wide) => match (wide.addr().to_ipv4_mapped(), wide.prefix_len().checked_sub(96)) {
            (Some(address), Some(length)) => {
                IpNet::V4(Ipv4Net::new(address, length).map_err(|_| PatternError::NotARange)?)
            }
            _ => range,
        },
        IpNet::V4(_) => range,
    };
    Ok(Some(Pattern::Range(range.trunc())))
}

/// A name behind `host:`: whatever would be refused without it is refused with it, for it would cover nobody either.
fn explicit_name(text: &str) -> Result<Glob, PatternError> {
    if parse_network(text)?.is_some() {
        return Err(PatternError::AddressAsName);
    }
    if parse_mac(text, false).is_some() {
        return Err(PatternError::Mac);
    }
    // An id is one of the names that a host may have, and covers the host of that id, too.
    if !is_guid(text) {
        refuse_near_ids(text)?;
    }
    refuse_near_addresses(text)?;
    Glob::bare(text)
}

/// What in a text is of regular expressions, of a shell or of SQL: whoever wrote it means hosts that it would not cover as it stands.
///
/// Parentheses, dots, `+`, `&`, a lone `\` and so on are left alone, for names of groups and systems have them.
fn other_language(text: &str) -> Option<&'static str> {
    let pair = |open: char, close: char| text.split_once(open).filter(|(_, rest)| rest.contains(close));
    let quoted = |quote: char| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    let marks = [
        ("?", text.contains('?')),
        ("|", text.contains('|')),
        ("^", text.contains('^')),
        ("$", text.ends_with('$')),
        ("[", pair('[', ']').is_some()),
        ("{", pair('{', '}').is_some_and(|(_, rest)| rest.contains(','))),
        (".*", text.contains(".*")),
        (".+", text.contains(".+")),
        ("\\", ["\\.", "\\d", "\\w", "\\s"].iter().any(|class| is_class(text, class))),
        ("%", text.starts_with('%') || text.ends_with('%')),
        ("\"", quoted('"')),
        ("'", quoted('\'')),
    ];
    marks.into_iter().find_map(|(mark, is_there)| is_there.then_some(mark))
}

/// Whether there is a class of characters in it, repeated or at the end. A folder may begin with such a letter.
fn is_class(text: &str, class: &str) -> bool {
    let repeats = |rest: &str| rest.is_empty() || rest.starts_with(['*', '+', '{', '\\']);
    text.match_indices(class).any(|(at, _)| text.get(at + class.len()..).is_some_and(repeats))
}

/// An id behind `id:`, of whatever form the console has.
fn explicit_id(text: &str) -> Result<Pattern, PatternError> {
    match text.chars().find(|c| c.is_control() || c.is_whitespace() || matches!(c, '*' | '{' | '}')) {
        Some('*') => Err(PatternError::WildId),
        Some(bad) => Err(PatternError::BadCharacter(bad)),
        None if text.is_empty() => Err(PatternError::Empty),
        None => Ok(Pattern::Id(text.to_ascii_lowercase().into())),
    }
}

const GUID_WIDTHS: [usize; 5] = [8, 4, 4, 4, 12];

/// The other shape in which consoles write a GUID.
const OTHER_WIDTHS: [usize; 5] = [12, 8, 4, 4, 4];

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_guid(text: &str) -> bool {
    let has = |widths: [usize; 5]| text.split('-').map(str::len).eq(widths);
    (has(GUID_WIDTHS) || has(OTHER_WIDTHS)) && text.split('-').all(is_hex)
}

/// A GUID with a digit too few or too many would be taken for a host name that nobody has.
fn refuse_near_ids(text: &str) -> Result<(), PatternError> {
    let inner = text.trim_start_matches('{').trim_end_matches('}');
    let groups: Vec<&str> = inner.split('-').collect();
    let near = groups.len() == GUID_WIDTHS.len()
        && groups.iter().zip(GUID_WIDTHS).all(|(group, due)| group.len().abs_diff(due) <= 2);
    let meant = inner.len() != text.len() || inner.len() == 32 && is_hex(inner);
    let rough = groups.len() >= 4 && inner.len() >= 24 && groups.iter().all(|group| is_hex(group));
    if near || meant || rough { Err(PatternError::DamagedId) } else { Ok(()) }
}

/// `10.0.0.*`, `10.0.0.256` and `10.0.0.1-10.0.0.9` would be taken for host names that nobody has.
fn refuse_near_addresses(text: &str) -> Result<(), PatternError> {
    let has_digit = text.bytes().any(|b| b.is_ascii_digit());
    if has_digit && text.contains('.') && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'*' | b'-')) {
        return Err(if text.contains(['*', '-']) { PatternError::AddressWithStar } else { PatternError::NotAnAddress });
    }
    Ok(())
}

/// What is wrong with an entry of the protected list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing is there.
    #[error("an entry of the protected list is empty")]
    Empty,
    /// Meant as an address.
    #[error("not an IP address")]
    NotAnAddress,
    /// Meant as a range.
    #[error("not a range of addresses; it is written like `10.0.0.0/8`")]
    NotARange,
    /// `10.0.0.*` or `10.0.0.1-10.0.0.9`.
    #[error("a range of addresses is written like `10.0.0.0/24`, without `*` and without a dash")]
    AddressWithStar,
    /// Meant as an id.
    #[error("not an id: a GUID has 8-4-4-4-12 hexadecimal digits and no braces")]
    DamagedId,
    /// `id:` before a pattern.
    #[error("`*` is for names only, not for ids")]
    WildId,
    /// Hosts are not protected by the addresses of their network cards.
    #[error("a MAC address cannot be protected; name the host, its address or its id")]
    Mac,
    /// A character that no host name has.
    #[error("{} does not belong into a host name; only `*` stands for other characters", show(*.0))]
    BadCharacter(char),
    /// `host:` before an address.
    #[error("an address is no host name; it is written without `host:`, or behind `ip:`")]
    AddressAsName,
    /// A regular expression or the like, before words of a console.
    #[error(
        "`{0}` looks like another kind of pattern; `*` alone stands for other characters, also for one that the name really has"
    )]
    OtherPattern(&'static str),
    /// Not the form of a name.
    #[error("not a host name, an address, a range or an id")]
    NotAName,
}

fn show(c: char) -> String {
    if c.is_control() { format!("the control character U+{:04X}", u32::from(c)) } else { format!("`{c}`") }
}

#[cfg(test)]
mod tests;

//! What may be blocked: an address, a network, a domain; read from text that an attacker may have chosen.
//!
//! An accept-list: only what survives strict parsing is an indicator, and it is printed from what was parsed, never from
//! what was written. So the canonical text has no byte that a command line, a URL or a body could take for anything else:
//! digits, `a` to `z`, `.`, `:`, `/`, `-` and `_`.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{Ipv4Net, Ipv6Net};

mod address;
mod defang;
mod name;

pub use name::DomainName;
pub(super) use name::within;

/// One thing to block.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Indicator {
    /// An IPv4 address (`/32`) or network, without bits beyond its prefix.
    V4(Ipv4Net),
    /// An IPv6 address (`/128`) or network, without bits beyond its prefix; never one that only wraps an IPv4 address.
    V6(Ipv6Net),
    /// A domain name in A-labels, in lower case, without a trailing dot.
    Domain(DomainName),
}

/// The kinds of indicators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndicatorKind {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// A domain name.
    Domain,
}

impl IndicatorKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Ipv4, Self::Ipv6, Self::Domain];

    /// The word for it in published records.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Domain => "domain",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl fmt::Display for IndicatorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// An indicator as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The indicator.
    pub indicator: Indicator,
    /// Whether more was written than it says: a scheme, a port or a path. Whoever blocks it blocks the whole host.
    pub narrowed: bool,
}

impl Indicator {
    /// Reads an indicator in plain or defanged form: `203.0.113.9`, `2001:db8::9/64`, `bad[.]example`, `hxxps://bad(dot)example/x`.
    ///
    /// Of a URL the host is read, no more.
    ///
    /// # Errors
    ///
    /// [`BadIndicator`] for everything that is not on the accept-list.
    pub fn parse(text: &str) -> Result<Parsed, BadIndicator> {
        // Some consoles end their strings with a NUL.
        let text = text.trim_end_matches(|c: char| c == '\0' || c.is_whitespace()).trim_start();
        if text.is_empty() {
            return Err(BadIndicator::Empty);
        }
        if text.len() > defang::LONGEST {
            return Err(BadIndicator::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(BadIndicator::ControlCharacter);
        }
        let text = defang::refang(text);
        let (host, narrowed) = defang::host_of(&text)?;
        let indicator = match address::read(host)? {
            Some(indicator) => indicator,
            None => Self::Domain(DomainName::parse(host)?),
        };
        Ok(Parsed { indicator, narrowed })
    }

    /// One IPv4 or IPv6 address; an IPv4 address in IPv6 clothes is undressed.
    pub fn of_address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(Ipv4Net::from(address)),
            IpAddr::V6(address) => Self::V6(Ipv6Net::from(address)),
        }
    }

    /// Its kind.
    pub const fn kind(&self) -> IndicatorKind {
        match self {
            Self::V4(_) => IndicatorKind::Ipv4,
            Self::V6(_) => IndicatorKind::Ipv6,
            Self::Domain(_) => IndicatorKind::Domain,
        }
    }

    /// Its one text: what it is compared, journalled and told by. Reading it gives the same indicator.
    pub fn canonical(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Indicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(net) if net.prefix_len() == 32 => net.addr().fmt(f),
            Self::V4(net) => net.fmt(f),
            Self::V6(net) if net.prefix_len() == 128 => net.addr().fmt(f),
            Self::V6(net) => net.fmt(f),
            Self::Domain(name) => name.fmt(f),
        }
    }
}

/// Why a text is no indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadIndicator {
    /// Nothing is there.
    #[error("nothing is there")]
    Empty,
    /// Longer than any host in any URL.
    #[error("too long for an address or a domain")]
    TooLong,
    /// A line break, an escape, a NUL in the middle.
    #[error("a control character is in it")]
    ControlCharacter,
    /// A character that neither an address nor a domain has.
    #[error("a character is in it that neither an address nor a domain has")]
    BadCharacter,
    /// Meant as an address, and none in the one form that everybody reads alike.
    #[error("not an address: four decimal numbers without leading zeros, or IPv6 without a zone")]
    BadAddress,
    /// A prefix that is no number, or too long.
    #[error("not a network: the prefix is a number, at most 32 for IPv4 and 128 for IPv6")]
    BadPrefix,
    /// `203.0.113.9/24`: nobody can say whether the host or the network is meant.
    #[error("the address has bits beyond its prefix: write the network's first address, or the address alone")]
    HostBits,
    /// A URL whose host cannot be told, or can be told in two ways.
    #[error("a URL whose host cannot be told for sure")]
    BadUrl,
    /// A name without a dot.
    #[error("a name of one label is no domain")]
    SingleLabel,
    /// A star in a name.
    #[error("wildcards are not blocked")]
    Wildcard,
    /// A label or the whole name is too long, or a label is empty or begins or ends with a dash.
    #[error("not a domain name: labels have 1 to 63 letters, digits and dashes, the whole at most 253")]
    BadName,
    /// Letters that no domain name has, or `xn--` and then nonsense.
    #[error("not a domain name by the rules for international names")]
    BadIdna,
}

impl BadIndicator {
    /// Every kind, for tests and pages.
    pub const ALL: [Self; 12] = [
        Self::Empty,
        Self::TooLong,
        Self::ControlCharacter,
        Self::BadCharacter,
        Self::BadAddress,
        Self::BadPrefix,
        Self::HostBits,
        Self::BadUrl,
        Self::SingleLabel,
        Self::Wildcard,
        Self::BadName,
        Self::BadIdna,
    ];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::ControlCharacter => "control_character",
            Self::BadCharacter => "bad_character",
            Self::BadAddress => "bad_address",
            Self::BadPrefix => "bad_prefix",
            Self::HostBits => "host_bits",
            Self::BadUrl => "bad_url",
            Self::SingleLabel => "single_label",
            Self::Wildcard => "wildcard",
            Self::BadName => "bad_name",
            Self::BadIdna => "bad_idna",
        }
    }
}

/// The IPv4 address that an IPv6 address stands for, where it is one of the forms that gateways translate.
pub(super) fn wrapped(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, g, high, low] = address.segments();
    let of = |high: u16, low: u16| {
        let ([one, two], [three, four]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(one, two, three, four)
    };
    match [a, b, c, d, e, g] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

/// The IPv4 network that an IPv6 network leads to, where its hosts are tunnelled over IPv4 (ISATAP): whatever network is in
/// front, the host's half is `::0:5efe:a.b.c.d`, or `::200:5efe:a.b.c.d` for an address that is unique in the world.
pub(super) fn tunnelled(net: Ipv6Net) -> Option<Ipv4Net> {
    let [_, _, _, _, 0 | 0x200, 0x5efe, high, low] = net.addr().segments() else { return None };
    let ([one, two], [three, four]) = (high.to_be_bytes(), low.to_be_bytes());
    let length = net.prefix_len().checked_sub(96)?;
    Ipv4Net::new(Ipv4Addr::new(one, two, three, four), length).ok()
}

#[cfg(test)]
mod tests;

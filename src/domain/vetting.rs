//! What is never blocked, whoever asks for it.
//!
//! Indicators come from malware, so an attacker has a hand in them, and most of what detections name is innocent: in one
//! recorded tenant half of all addresses were public resolvers. A rule refuses too much rather than too little: a network
//! that only touches what must stay reachable is refused, and so is the parent of a name that must.

use std::{borrow::Cow, net::IpAddr};

use ipnet::IpNet;

mod exception;
mod known;
mod ranges;

pub use exception::{Exception, ExceptionError};

use super::indicator::{DomainName, Indicator, tunnelled, wrapped};

/// Why an indicator is not blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// It could not be read.
    BadIndicator,
    /// `0.0.0.0/8`, `::`.
    Unspecified,
    /// This machine itself.
    Loopback,
    /// One link only.
    LinkLocal,
    /// Private networks, carriers' inner networks.
    Private,
    /// Groups of receivers, broadcast.
    Multicast,
    /// For benchmarks, protocols or later.
    Reserved,
    /// For examples in documents; no host has it.
    Documentation,
    /// A resolver that half of the world asks.
    PublicResolver,
    /// A console or a firewall of the configuration.
    OwnConsole,
    /// A resolver of this machine.
    OwnResolver,
    /// The way out of this machine's network.
    OwnGateway,
    /// `[safety] never_block`.
    NeverBlock,
    /// A network wider than was allowed.
    PrefixTooWide,
    /// Under which everybody can register a name.
    PublicSuffix,
    /// Names that are no public names.
    SpecialDomain,
    /// Names that updates, sign-in, mail or protection depend on.
    VendorDomain,
}

impl Refusal {
    /// Every reason, for pages and tests.
    pub const ALL: [Self; 17] = [
        Self::BadIndicator,
        Self::Unspecified,
        Self::Loopback,
        Self::LinkLocal,
        Self::Private,
        Self::Multicast,
        Self::Reserved,
        Self::Documentation,
        Self::PublicResolver,
        Self::OwnConsole,
        Self::OwnResolver,
        Self::OwnGateway,
        Self::NeverBlock,
        Self::PrefixTooWide,
        Self::PublicSuffix,
        Self::SpecialDomain,
        Self::VendorDomain,
    ];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::BadIndicator => "bad_indicator",
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link_local",
            Self::Private => "private",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
            Self::Documentation => "documentation",
            Self::PublicResolver => "public_resolver",
            Self::OwnConsole => "own_console",
            Self::OwnResolver => "own_resolver",
            Self::OwnGateway => "own_gateway",
            Self::NeverBlock => "never_block",
            Self::PrefixTooWide => "prefix_too_wide",
            Self::PublicSuffix => "public_suffix",
            Self::SpecialDomain => "special_domain",
            Self::VendorDomain => "vendor_domain",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.word() == word)
    }
}

/// One refusal: the reason and the words for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refused {
    /// The reason.
    pub why: Refusal,
    /// The words, a lower-case fragment.
    pub text: Cow<'static, str>,
}

impl Refused {
    fn new(why: Refusal, text: impl Into<Cow<'static, str>>) -> Self {
        Self { why, text: text.into() }
    }
}

/// The widest networks that the rules ever allow.
pub const WIDEST_V4: u8 = 24;
/// The same for IPv6.
pub const WIDEST_V6: u8 = 48;

/// The rules of one run.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What must stay reachable here, beside what must everywhere.
    pub exceptions: Vec<Exception>,
    /// The shortest IPv4 prefix that is blocked: 32 is single addresses only.
    pub prefix_v4: u8,
    /// The same for IPv6.
    pub prefix_v6: u8,
    /// Whether the ranges and names of documents may be blocked: at a simulated firewall, which needs something to block.
    pub opens_examples: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { exceptions: Vec::new(), prefix_v4: 32, prefix_v6: 128, opens_examples: false }
    }
}

impl Rules {
    /// Judges one indicator.
    ///
    /// # Errors
    ///
    /// [`Refused`] with the reason, if it must not be blocked.
    pub fn vet(&self, indicator: &Indicator) -> Result<(), Refused> {
        match indicator {
            Indicator::V4(net) => self.vet_net(IpNet::V4(*net)),
            Indicator::V6(net) => self.vet_net(IpNet::V6(*net)),
            Indicator::Domain(name) => self.vet_domain(name),
        }
    }

    fn vet_net(&self, net: IpNet) -> Result<(), Refused> {
        // What it is comes before how wide it is: who wrote `10.0.0.0/8` is to hear that it is private.
        if let Some(special) = ranges::special(net, self.opens_examples) {
            return Err(special);
        }
        self.vet_width(net)?;
        let inner: [Option<IpNet>; 2] = match net {
            IpNet::V6(v6) => {
                [wrapped(v6.addr()).map(|inner| IpNet::from(IpAddr::V4(inner))), tunnelled(v6).map(IpNet::V4)]
            }
            IpNet::V4(_) => [None, None],
        };
        if let Some(special) = inner.iter().flatten().find_map(|inner| ranges::special(*inner, self.opens_examples)) {
            return Err(Refused::new(special.why, format!("it stands for an IPv4 address: {}", special.text)));
        }
        for net in std::iter::once(net).chain(inner.into_iter().flatten()) {
            if let Some(resolver) = known::resolver(net) {
                let text = format!("{resolver} is a public resolver that machines everywhere depend on");
                return Err(Refused::new(Refusal::PublicResolver, text));
            }
            if let Some(exception) = self.exceptions.iter().find(|exception| exception.touches(net)) {
                return Err(exception.refusal());
            }
        }
        Ok(())
    }

    fn vet_width(&self, net: IpNet) -> Result<(), Refused> {
        let (allowed, widest) = match net {
            IpNet::V4(_) => (self.prefix_v4.max(WIDEST_V4), WIDEST_V4),
            IpNet::V6(_) => (self.prefix_v6.max(WIDEST_V6), WIDEST_V6),
        };
        let length = net.prefix_len();
        if length >= allowed {
            return Ok(());
        }
        let text = if length < widest {
            format!("a /{length} is wider than /{widest}, and nothing wider is ever blocked")
        } else {
            format!("a /{length} is wider than the /{allowed} that `--max-prefix` allows")
        };
        Err(Refused::new(Refusal::PrefixTooWide, text))
    }

    fn vet_domain(&self, name: &DomainName) -> Result<(), Refused> {
        let text = name.as_str();
        if let Some(special) = known::special_domain(text).filter(|special| !(self.opens_examples && special.example)) {
            let text = format!("names under `{}` are {}", special.suffix, special.what);
            return Err(Refused::new(Refusal::SpecialDomain, text));
        }
        if known::is_public_suffix(text) {
            return Err(Refused::new(Refusal::PublicSuffix, "everybody can register names under it"));
        }
        if known::is_resolver_name(text) {
            return Err(Refused::new(Refusal::PublicResolver, "the name of a public resolver"));
        }
        if let Some(exception) = self.exceptions.iter().find(|exception| exception.covers(name)) {
            return Err(exception.refusal());
        }
        if let Some(vendor) = known::vendor_domain(text) {
            let text = format!("names under `{vendor}` serve updates, sign-in, mail or protection");
            return Err(Refused::new(Refusal::VendorDomain, text));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

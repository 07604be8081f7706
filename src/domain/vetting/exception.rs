//! One entry of what must stay reachable, and how an indicator stands to it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    Refusal, Refused,
    ranges::{single, touch},
};
use crate::domain::indicator::{DomainName, tunnelled, within, wrapped};

/// What must stay reachable, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    what: What,
    why: Refusal,
    /// Whose it is, to be told: "`[safety] never_block`", "the console of `[cisco]`".
    of: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Net(IpNet),
    /// In lower case; it, everything below it and everything above it.
    Domain(Box<str>),
}

impl Exception {
    /// Reads an entry of `[safety] never_block`: an address, a network, or a domain, which means its subdomains too.
    ///
    /// # Errors
    ///
    /// [`ExceptionError`] if it could cover nothing: whoever wrote it believes to be safe.
    pub fn parse(text: &str, of: &str) -> Result<Self, ExceptionError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ExceptionError::Empty);
        }
        let net = match text.parse::<IpAddr>() {
            Ok(address) => Some(single(address)),
            Err(_) => text.parse::<IpNet>().ok().map(unwrapped),
        };
        let what = match net {
            Some(net) => What::Net(net),
            None if text.contains('/') || text.contains(':') => return Err(ExceptionError::NotANetwork),
            None => What::Domain(domain(text)?),
        };
        Ok(Self { what, why: Refusal::NeverBlock, of: of.into() })
    }

    /// An address that must stay reachable.
    pub fn address(address: IpAddr, why: Refusal, of: impl Into<Box<str>>) -> Self {
        Self { what: What::Net(single(address)), why, of: of.into() }
    }

    /// A host by its name or its address, as a URL has it; `None` if it is neither.
    pub fn host(host: &str, why: Refusal, of: impl Into<Box<str>>) -> Option<Self> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Self::address(address, why, of));
        }
        let name = DomainName::parse(host).ok()?;
        Some(Self { what: What::Domain(name.as_str().into()), why, of: of.into() })
    }

    /// Whether a network has an address in common with it.
    pub(super) fn touches(&self, net: IpNet) -> bool {
        match &self.what {
            What::Net(own) => {
                let inner = match own {
                    IpNet::V6(own) => {
                        [wrapped(own.addr()).map(|inner| single(IpAddr::V4(inner))), tunnelled(*own).map(IpNet::V4)]
                    }
                    IpNet::V4(_) => [None, None],
                };
                touch(*own, net) || inner.into_iter().flatten().any(|inner| touch(inner, net))
            }
            What::Domain(_) => false,
        }
    }

    /// Whether a name is it, lies below it or above it.
    pub(super) fn covers(&self, name: &DomainName) -> bool {
        match &self.what {
            What::Net(_) => false,
            What::Domain(own) => within(name.as_str(), own) || within(own, name.as_str()),
        }
    }

    pub(super) fn refusal(&self) -> Refused {
        let what: &dyn std::fmt::Display = match &self.what {
            What::Net(net) if net.prefix_len() == net.max_prefix_len() => &net.addr(),
            What::Net(net) => net,
            What::Domain(name) => name,
        };
        Refused::new(self.why, format!("{what} must stay reachable: {}", self.of))
    }
}

/// An IPv4 network in IPv6 clothes is the IPv4 network.
fn unwrapped(net: IpNet) -> IpNet {
    let IpNet::V6(wide) = net else { return net.trunc() };
    let inner = wide.addr().to_ipv4_mapped().zip(wide.prefix_len().checked_sub(96));
    inner.and_then(|(address, length)| IpNet::new(IpAddr::V4(address), length).ok()).unwrap_or(net).trunc()
}

fn domain(text: &str) -> Result<Box<str>, ExceptionError> {
    let bare = text.strip_prefix("*.").or_else(|| text.strip_prefix('.')).unwrap_or(text);
    if bare.contains('*') {
        return Err(ExceptionError::Star);
    }
    // A top level or a name of the local network may be meant, so one label is enough here.
    let padded = format!("a.{bare}");
    let name = DomainName::parse(&padded).map_err(|_| ExceptionError::NotADomain)?;
    Ok(name.as_str().strip_prefix("a.").unwrap_or_default().into())
}

/// What is wrong with an entry of `never_block`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExceptionError {
    /// Nothing is there.
    #[error("an entry of `never_block` is empty")]
    Empty,
    /// Meant as an address or a network.
    #[error("not an address and not a network; a network is written like `198.18.0.0/15`")]
    NotANetwork,
    /// A star elsewhere than in front.
    #[error("a domain covers its subdomains already; `*` stands in front or nowhere")]
    Star,
    /// Meant as a domain.
    #[error("not an address, a network or a domain")]
    NotADomain,
}

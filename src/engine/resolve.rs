//! Selectors to hosts: pure, fed with the inventory page by page, so that no inventory is ever held.
//!
//! Compared for equality and never "contains". A full name wins over a short one; more than one host that fits equally
//! well is no match at all.

use std::{collections::HashMap, net::IpAddr};

use super::event::Candidate;
use crate::domain::{
    host::{Host, HostId, MacAddr, short_name},
    selector::{Entry, Named},
};

/// Candidates that are kept to be shown for one selector.
const MAX_CANDIDATES: usize = 20;

/// The selectors of a run, indexed by what they name.
#[derive(Debug, Default)]
pub struct Resolver {
    ids: HashMap<HostId, u32>,
    names: HashMap<Box<str>, Vec<u32>>,
    /// Short names of selectors that have a domain: a bare host name is shown for them, and never taken.
    bare: HashMap<Box<str>, Vec<u32>>,
    addresses: HashMap<IpAddr, u32>,
    macs: HashMap<MacAddr, u32>,
    found: HashMap<u32, Found>,
}

#[derive(Debug, Default)]
struct Found {
    exact: Vec<Host>,
    short: Vec<Host>,
    near: Vec<Host>,
}

/// What a selector came to.
#[derive(Debug)]
pub enum Resolution {
    /// One host.
    Host(Box<Host>),
    /// None; hosts that nearly fit are shown.
    None {
        /// They nearly fit.
        near: Vec<Candidate>,
    },
    /// Several that fit equally well.
    Several {
        /// They fit.
        candidates: Vec<Candidate>,
    },
}

impl Resolver {
    /// Indexes the selectors; they are numbered in their order.
    pub fn new<'a>(entries: impl Iterator<Item = &'a Entry>) -> Self {
        let mut resolver = Self::default();
        for (n, entry) in (0_u32..).zip(entries) {
            match entry.selector.named() {
                Named::Id(id) => {
                    resolver.ids.insert(HostId::new(std::sync::Arc::clone(id)), n);
                }
                Named::Name(name) => {
                    let name = name.to_lowercase();
                    let short = short_name(&name);
                    if short.len() < name.len() {
                        resolver.bare.entry(short.into()).or_default().push(n);
                    }
                    resolver.names.entry(name.into()).or_default().push(n);
                }
                Named::Ip(address) => {
                    resolver.addresses.insert(address, n);
                }
                Named::Mac(mac) => {
                    resolver.macs.insert(mac, n);
                }
            }
        }
        resolver
    }

    /// Holds one host of the inventory against every selector. The same host may come twice.
    pub fn offer(&mut self, host: &Host) {
        if let Some(n) = self.ids.get(&host.id) {
            keep(&mut self.found.entry(*n).or_default().exact, host);
        }
        if let Some(name) = &host.name {
            let name = name.to_lowercase();
            let name = name.strip_suffix('.').unwrap_or(&name);
            for n in self.names.get(name).into_iter().flatten() {
                keep(&mut self.found.entry(*n).or_default().exact, host);
            }
            let short = short_name(name);
            if short.len() < name.len() {
                for n in self.names.get(short).into_iter().flatten() {
                    keep(&mut self.found.entry(*n).or_default().short, host);
                }
            }
            for n in self.bare.get(short).into_iter().flatten() {
                keep(&mut self.found.entry(*n).or_default().near, host);
            }
        }
        for address in &host.addresses {
            if let Some(n) = self.addresses.get(address) {
                keep(&mut self.found.entry(*n).or_default().exact, host);
            }
        }
        for mac in &host.macs {
            if let Some(n) = self.macs.get(mac) {
                keep(&mut self.found.entry(*n).or_default().exact, host);
            }
        }
    }

    /// What selector `n` came to. Call once each.
    pub fn take(&mut self, n: u32) -> Resolution {
        let Found { exact, short, near } = self.found.remove(&n).unwrap_or_default();
        let mut fits = if exact.is_empty() { short } else { exact };
        match (fits.pop(), fits.is_empty()) {
            (Some(host), true) => Resolution::Host(Box::new(host)),
            (Some(last), false) => {
                fits.push(last);
                Resolution::Several { candidates: fits.into_iter().map(candidate).collect() }
            }
            (None, _) => Resolution::None { near: near.into_iter().map(candidate).collect() },
        }
    }
}

fn keep(hosts: &mut Vec<Host>, host: &Host) {
    if hosts.len() < MAX_CANDIDATES && !hosts.iter().any(|known| known.id == host.id) {
        hosts.push(host.clone());
    }
}

fn candidate(host: Host) -> Candidate {
    Candidate { id: host.id, name: host.name, last_seen: host.last_seen }
}

#[cfg(test)]
pub(crate) mod tests;

//! Selectors to hosts: pure, fed with the inventory page by page, so that no inventory is ever held.
//!
//! Compared for equality and never "contains". A full name wins over a short one; more than one host that fits equally
//! well is no match at all.

use std::{
    collections::HashMap,
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    net::IpAddr,
};

use super::event::Candidate;
use crate::domain::{
    host::{Host, HostId, HostState, Isolation, MacAddr, short_name},
    selector::{Entry, Named, fold_name, same_name},
};

/// Candidates that are kept to be shown for one selector.
const MAX_CANDIDATES: usize = 20;

/// The most agents that are taken for one name, where several are wanted.
const MOST_AGENTS: usize = 1_000;

/// The longest name that NetBIOS has room for, in characters.
pub const CUT: usize = 15;

/// What else than equality names a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The console may know hosts by the first fifteen characters of their names.
    pub cut_names: Cutting,
    /// A name stands for every agent that has it.
    pub all_agents: bool,
}

/// What is made of a host whose name is the first fifteen characters of what was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cutting {
    /// Nothing: this console keeps names whole.
    #[default]
    Ignored,
    /// It is shown as a candidate, and not taken.
    Shown,
    /// It is taken, and told.
    Taken,
}

/// The selectors of a run, indexed by what they name.
#[derive(Debug, Default)]
pub struct Resolver {
    rules: Rules,
    ids: HashMap<HostId, u32>,
    names: HashMap<Box<str>, Vec<u32>>,
    /// Short names of selectors that have a domain: a bare host name is shown for them, and taken only where the console
    /// keeps names without domains and says nothing against it.
    bare: HashMap<Box<str>, Vec<FullName>>,
    cut: HashMap<Box<str>, CutName>,
    addresses: HashMap<IpAddr, u32>,
    macs: HashMap<MacAddr, u32>,
    found: HashMap<u32, Found>,
}

/// A selector that was written with a domain; any two of one short name differ in it.
#[derive(Clone, Copy, Debug)]
struct FullName {
    selector: u32,
    /// The hash of the domain's first part. That two parts may share one leads to less being taken, never to more.
    first_part: u64,
}

/// Selectors whose names begin with the same fifteen characters.
#[derive(Debug)]
struct CutName {
    /// The whole short name of the first.
    whole: Box<str>,
    /// Another one has another: then nobody can say whose host it is.
    shared: bool,
    /// How many were written with a domain. Two of them are two hosts, and one whose domain is not known is neither's.
    full: u32,
    selectors: Vec<u32>,
}

#[derive(Debug, Default)]
struct Found {
    exact: Vec<Host>,
    short: Vec<Host>,
    bare: Vec<Host>,
    bare_is_shared: bool,
    cut: Vec<Host>,
    cut_is_shared: bool,
}

/// What a selector came to.
#[derive(Debug)]
pub enum Resolution {
    /// One host.
    Host {
        /// The host.
        host: Box<Host>,
        /// Its name is only the beginning of what was written.
        cut: bool,
        /// So many others fit as well, and the console has lost touch with all of them.
        passed_over: usize,
    },
    /// None; hosts that nearly fit are shown.
    None {
        /// They nearly fit.
        near: Vec<Candidate>,
        /// Why they were not taken.
        why: Near,
    },
    /// Several that fit equally well, and one is wanted.
    Several {
        /// They fit; only so many are kept to be shown.
        candidates: Vec<Candidate>,
        /// How many fit.
        fits: Fits,
    },
    /// Several that fit equally well, and all are wanted.
    All {
        /// They fit.
        hosts: Vec<Host>,
    },
}

/// How many hosts fit one selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fits {
    /// So many.
    Exactly(usize),
    /// So many were kept; there may be more.
    AtLeast(usize),
}

impl fmt::Display for Fits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(count) => count.fmt(f),
            Self::AtLeast(count) => write!(f, "at least {count}"),
        }
    }
}

/// Why a host that nearly fits was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Near {
    /// It is in another domain, or in none that is known.
    OtherDomain,
    /// It is in no domain that is known, and more than one target has its short name.
    BareShared,
    /// Its name may have been cut off, and that was not allowed for.
    Cut,
    /// Its name may have been cut off, and its domain is another one.
    CutElsewhere,
    /// Its name may have been cut off, and more than one target begins like it.
    CutShared,
}

impl Resolver {
    /// Indexes the selectors; they are numbered in their order.
    pub fn new<'a>(entries: impl Iterator<Item = &'a Entry>, rules: Rules) -> Self {
        let mut resolver = Self { rules, ..Self::default() };
        for (n, entry) in (0_u32..).zip(entries) {
            match entry.selector.named() {
                Named::Id(id) => {
                    resolver.ids.insert(HostId::new(std::sync::Arc::clone(id)), n);
                }
                Named::Name(name) => resolver.index_name(n, name),
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

    fn index_name(&mut self, n: u32, name: &str) {
        let name = fold_name(name);
        let short = short_name(&name);
        if short.len() < name.len() {
            let full = FullName { selector: n, first_part: first_part(domain_of(&name)) };
            self.bare.entry(short.into()).or_default().push(full);
        }
        if self.rules.cut_names != Cutting::Ignored
            && let Some((at, _)) = short.char_indices().nth(CUT)
            && let Some(cut) = short.get(..at)
        {
            let known = self.cut.entry(cut.into()).or_insert_with(|| CutName {
                whole: short.into(),
                shared: false,
                full: 0,
                selectors: Vec::new(),
            });
            known.shared |= *known.whole != *short;
            known.full += u32::from(short.len() < name.len());
            known.selectors.push(n);
        }
        self.names.entry(name.into()).or_default().push(n);
    }

    /// Holds one host of the inventory against every selector. The same host may come twice.
    pub fn offer(&mut self, host: &Host) {
        let most = self.most_kept();
        let Self { rules: _, ids, names, bare, cut, addresses, macs, found } = self;
        let mut of = |n: &u32, list: fn(&mut Found) -> &mut Vec<Host>| {
            keep(list(found.entry(*n).or_default()), host, most);
        };
        if let Some(n) = ids.get(&host.id) {
            of(n, |found| &mut found.exact);
        }
        for alias in &host.aliases {
            let alias = fold_name(alias);
            let alias = alias.strip_suffix('.').unwrap_or(&alias);
            let short = short_name(alias);
            names.get(alias).into_iter().flatten().for_each(|n| of(n, |found| &mut found.exact));
            if short.len() < alias.len() {
                names.get(short).into_iter().flatten().for_each(|n| of(n, |found| &mut found.short));
            }
        }
        if let Some(name) = &host.name {
            let name = fold_name(name);
            let name = name.strip_suffix('.').unwrap_or(&name);
            let short = short_name(name);
            names.get(name).into_iter().flatten().for_each(|n| of(n, |found| &mut found.exact));
            if let Some(domain) = host.domain.as_deref().filter(|domain| !domain.is_empty() && short == name) {
                let full = format!("{name}.{}", fold_name(domain));
                names.get(full.as_str()).into_iter().flatten().for_each(|n| of(n, |found| &mut found.exact));
            }
            if short.len() < name.len() {
                names.get(short).into_iter().flatten().for_each(|n| of(n, |found| &mut found.short));
            }
            let full_names = bare.get(short).map(Vec::as_slice).unwrap_or_default();
            full_names.iter().for_each(|full| of(&full.selector, |found| &mut found.bare));
            let cut = cut.get(short);
            cut.into_iter().flat_map(|cut| &cut.selectors).for_each(|n| of(n, |found| &mut found.cut));
            let claims = || full_names.iter().filter(|full| may_claim(full, host));
            if claims().nth(1).is_some() {
                claims().for_each(|full| found.entry(full.selector).or_default().bare_is_shared = true);
            }
            let whole_domain = host.domain.as_deref().is_some_and(|domain| domain.contains('.'));
            if let Some(cut) = cut.filter(|cut| cut.shared || cut.full > 1 && !whole_domain) {
                cut.selectors.iter().for_each(|n| found.entry(*n).or_default().cut_is_shared = true);
            }
        }
        let mut of = |n: &u32| keep(&mut found.entry(*n).or_default().exact, host, most);
        host.addresses.iter().filter_map(|address| addresses.get(address)).for_each(&mut of);
        host.macs.iter().filter_map(|mac| macs.get(mac)).for_each(&mut of);
    }

    /// What selector `n`, which names this, came to. Call once each.
    pub fn take(&mut self, n: u32, named: Named<'_>) -> Resolution {
        let Found { exact, mut short, bare, bare_is_shared, cut, cut_is_shared } =
            self.found.remove(&n).unwrap_or_default();
        let (mut same_domain, other_domain) = self.split(bare, named, says_nothing_against);
        let (cut, cut_elsewhere) = self.split(cut, named, may_be_there);
        if !bare_is_shared {
            short.append(&mut same_domain);
        }
        let by_name = matches!(named, Named::Name(_));
        for fits in [exact, short] {
            if !fits.is_empty() {
                return self.taken(fits, false, by_name);
            }
        }
        if self.rules.cut_names == Cutting::Taken && !cut_is_shared && !cut.is_empty() {
            return self.taken(cut, true, by_name);
        }
        let (why, near) = if !same_domain.is_empty() {
            (Near::BareShared, same_domain)
        } else if !other_domain.is_empty() {
            (Near::OtherDomain, other_domain)
        } else if cut.is_empty() && !cut_elsewhere.is_empty() {
            (Near::CutElsewhere, cut_elsewhere)
        } else if cut_is_shared && self.rules.cut_names == Cutting::Taken {
            (Near::CutShared, cut)
        } else {
            (Near::Cut, cut)
        };
        Resolution::None { near: near.into_iter().map(candidate).collect(), why }
    }

    /// Parts hosts by whether they may be in the domain of the name that was written. Of a crowd that was not kept whole,
    /// none is taken: another one that fits as well may be missing.
    fn split(&self, hosts: Vec<Host>, named: Named<'_>, fits: fn(&Host, &str) -> bool) -> (Vec<Host>, Vec<Host>) {
        match named {
            Named::Name(name) if !name.contains('.') => (hosts, Vec::new()),
            Named::Name(name) if hosts.len() < self.most_kept() => hosts.into_iter().partition(|host| fits(host, name)),
            _ => (Vec::new(), hosts),
        }
    }

    const fn most_kept(&self) -> usize {
        if self.rules.all_agents { MOST_AGENTS } else { MAX_CANDIDATES }
    }

    fn taken(&self, mut fits: Vec<Host>, cut: bool, by_name: bool) -> Resolution {
        // What was installed again leaves its last registration behind; the one that is there is meant. Of a crowd that was
        // not kept whole, nobody knows that.
        let whole = fits.len() < self.most_kept() && !self.rules.all_agents;
        if let Some(at) = only_online(&fits).filter(|_| whole && fits.len() > 1) {
            let passed_over = fits.len() - 1;
            return Resolution::Host { host: Box::new(fits.swap_remove(at)), cut, passed_over };
        }
        match fits.pop() {
            Some(host) if fits.is_empty() => Resolution::Host { host: Box::new(host), cut, passed_over: 0 },
            last => {
                fits.extend(last);
                if self.rules.all_agents && by_name && !cut && fits.len() < MOST_AGENTS {
                    Resolution::All { hosts: fits }
                } else {
                    let count = fits.len();
                    let count = if count < self.most_kept() { Fits::Exactly(count) } else { Fits::AtLeast(count) };
                    fits.truncate(MAX_CANDIDATES);
                    Resolution::Several { candidates: fits.into_iter().map(candidate).collect(), fits: count }
                }
            }
        }
    }
}

/// Where the one host is that the console is in touch with, if it has lost touch with every other.
fn only_online(hosts: &[Host]) -> Option<usize> {
    let at = hosts.iter().position(|host| host.online == Some(true))?;
    let rest_is_offline = hosts.iter().enumerate().all(|(n, host)| n == at || host.online == Some(false));
    rest_is_offline.then_some(at)
}

/// Whether a host that the console keeps without its domain can be the one of this full name: the console knows no domain
/// of it, or only the first part of the one that was written, as Windows abbreviates it.
fn says_nothing_against(host: &Host, name: &str) -> bool {
    let Some(domain) = host.domain.as_deref() else { return false };
    domain.is_empty() || !domain.contains('.') && same_name(short_name(domain_of(name)), domain)
}

/// The same of a full name of which less is known.
fn may_claim(full: &FullName, host: &Host) -> bool {
    let Some(domain) = host.domain.as_deref() else { return false };
    domain.is_empty() || !domain.contains('.') && first_part(&fold_name(domain)) == full.first_part
}

/// Everything behind the first dot.
fn domain_of(name: &str) -> &str {
    name.split_once('.').map_or("", |(_, domain)| domain)
}

fn first_part(domain: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    short_name(domain).hash(&mut hasher);
    hasher.finish()
}

/// Whether a host can be in the domain of this full name, as far as the console tells.
fn may_be_there(host: &Host, name: &str) -> bool {
    host.domain.as_deref().is_some_and(|domain| same_name(domain, domain_of(name))) || says_nothing_against(host, name)
}

/// The same agent may be offered twice; one id may stand for two products. An agent in two states is in none that is known:
/// whoever believes one of them may leave a host on the network and call it isolated.
fn keep(hosts: &mut Vec<Host>, host: &Host, most: usize) {
    // Hosts without an id may be any number of hosts.
    let same = |known: &&mut Host| known.id == host.id && known.product == host.product && !host.id.is_empty();
    let known = hosts.iter_mut().find(same);
    if let Some(known) = known {
        if known.state != host.state {
            known.state = host.state.clone().map(|state| HostState { isolation: Isolation::Unknown, ..state });
        }
    } else if hosts.len() < most {
        hosts.push(host.clone());
    }
}

fn candidate(host: Host) -> Candidate {
    let state = host.state.map(|state| state.word.into());
    Candidate { id: host.id, name: host.name, last_seen: host.last_seen, product: host.product, state, vendor: None }
}

#[cfg(test)]
pub(crate) mod tests;

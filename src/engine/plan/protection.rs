//! What is protected, and whether a host is.

use std::{collections::HashSet, sync::Arc};

use crate::{
    domain::{
        failure::{Failure, FailureKind},
        host::{Host, HostId},
        outcome::Outcome,
        protect::{Match, Pattern, Traits},
    },
    engine::roster::Roster,
};

/// One thing that is protected.
#[derive(Clone, Debug)]
pub struct Guarded {
    /// The hosts that it covers.
    pub pattern: Pattern,
    /// What such a host is, where nobody had to say it: `a resolver of this machine`. `None` for an entry of the protected
    /// list.
    pub built_in: Option<Arc<str>>,
}

/// A host that somebody has allowed although it is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Its id, or its name as the console keeps it.
    pub host: Arc<str>,
}

/// What is protected, and which hosts are allowed all the same.
#[derive(Clone, Debug, Default)]
pub struct Protection {
    /// All that is protected.
    pub guarded: Vec<Guarded>,
    /// Hosts that are allowed, one by one.
    pub allowed: Vec<Allowance>,
}

/// Protects nothing.
pub static NOTHING: Protection = Protection { guarded: Vec::new(), allowed: Vec::new() };

/// How a host stands to what is protected.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Nothing protects it.
    Free,
    /// It is protected, or may be, and nobody has allowed it.
    Refused(Failure),
    /// It is protected, and the allowance of this number lets it through.
    Allowed(usize, Failure),
}

impl Protection {
    /// Whether hosts must be looked up before anything is done to them: where the protected list speaks of more than ids.
    pub fn needs_inventory(&self) -> bool {
        self.guarded.iter().any(|guarded| guarded.built_in.is_none() && guarded.pattern.needs_inventory())
    }

    /// Whether there is something to look for that nobody had to write down.
    pub fn has_built_in(&self) -> bool {
        self.guarded.iter().any(|guarded| guarded.built_in.is_some())
    }

    /// Whether nothing is protected.
    pub fn is_empty(&self) -> bool {
        self.guarded.is_empty()
    }

    /// Holds a host against it; `host` is `None` where only the id is known.
    ///
    /// The protected list covers what cannot be told, too: that is what whoever wrote it wants. What is built in covers what
    /// is known to be it. Otherwise nothing could be done at a console that keeps no addresses.
    pub(super) fn judge(&self, id: &str, host: Option<&Host>) -> Verdict {
        let Some(failure) = self.covers(id, host) else { return Verdict::Free };
        let names = || host.and_then(|host| host.name.as_deref()).into_iter();
        let aliases = || host.map(|host| &*host.aliases).unwrap_or_default().iter().map(|alias| &**alias);
        let is_it = |allowed: &Allowance| {
            let wanted = allowed.host.trim_end_matches('.');
            id.eq_ignore_ascii_case(&allowed.host)
                || names().chain(aliases()).any(|name| name.trim_end_matches('.').eq_ignore_ascii_case(wanted))
        };
        match self.allowed.iter().position(is_it) {
            Some(number) => Verdict::Allowed(number, failure),
            None => Verdict::Refused(failure),
        }
    }

    /// What of it covers a host, or may.
    fn covers(&self, id: &str, host: Option<&Host>) -> Option<Failure> {
        let aliases = host.map(|host| &*host.aliases).unwrap_or_default();
        let name = host.and_then(|host| host.name.as_deref());
        let addresses = host.map(|host| host.addresses.as_slice()).unwrap_or_default();
        let domain = host.and_then(|host| host.domain.as_deref());
        let traits = Traits {
            group: host.and_then(|host| host.group.as_deref()),
            system: host.and_then(|host| host.os.as_deref()),
        };
        let mut doubt = None;
        for Guarded { pattern, built_in } in &self.guarded {
            let matched = match (pattern.matches_traits(traits), domain) {
                (Some(matched), _) => matched,
                (None, Some(domain)) => pattern.matches_bare(id, name, domain, addresses),
                (None, None) => pattern.matches(id, name, addresses),
            };
            let by_alias = || aliases.iter().any(|alias| pattern.matches(id, Some(alias), addresses) == Match::Yes);
            let matched = if matched == Match::Yes || by_alias() { Match::Yes } else { matched };
            // An address that could not be read may be the very one.
            let unread = pattern.is_of_addresses() && host.is_some_and(|host| host.more_addresses);
            match (matched, built_in) {
                (Match::Yes, None) => {
                    let text = format!("protected by `{pattern}` in the configuration");
                    return Some(Failure::new(FailureKind::Protected, text));
                }
                (Match::Yes, Some(what)) => {
                    let text = format!("protected: it is {what} (`{pattern}`)");
                    return Some(Failure::new(FailureKind::Protected, text));
                }
                (Match::CannotTell, None) => doubt = doubt.or(Some(pattern)),
                (Match::No, None) if unread => doubt = doubt.or(Some(pattern)),
                (Match::No | Match::CannotTell, _) => {}
            }
        }
        doubt.map(|pattern| {
            let what = match pattern {
                Pattern::Name(_) if name.is_some() => "the whole name",
                Pattern::Name(_) => "the name",
                Pattern::Group(_) => "the group",
                Pattern::System(_) => "the operating system",
                _ if !addresses.is_empty() => "every address",
                _ => "an address",
            };
            let text = format!(
                "the console does not tell {what} of this host, so it cannot be checked against the protected `{pattern}`"
            );
            Failure::new(FailureKind::Protected, text)
        })
    }
}

/// An allowance is for one host. Where a name turns out to be that of several, none of them was meant. Gives the allowances
/// that no host needed.
pub(super) fn settle_allowed(roster: &mut Roster, protection: &Protection) -> Vec<Arc<str>> {
    let mut used: Vec<(usize, u32, HostId, Failure)> = Vec::new();
    for n in (0..roster.len()).filter(|_| !protection.allowed.is_empty()) {
        let allowed = roster.detail(n).and_then(|detail| detail.allowed.as_deref().cloned());
        let host = roster.item(n).and_then(|item| item.host.clone());
        used.extend(allowed.zip(host).map(|((number, failure), host)| (number, n, host, failure)));
    }
    let mut unused = Vec::new();
    for (number, allowance) in protection.allowed.iter().enumerate() {
        let of_it = || used.iter().filter(move |(of, ..)| *of == number);
        let hosts: HashSet<&HostId> = of_it().map(|(_, _, id, _)| id).collect();
        match hosts.len() {
            0 => unused.push(Arc::clone(&allowance.host)),
            1 => {
                for (_, n, _, failure) in of_it() {
                    let text = format!("{}; allowed by `--allow-protected`", failure.text);
                    super::add_note(roster, *n, text);
                }
            }
            several => {
                for (_, n, _, failure) in of_it() {
                    let text = format!(
                        "{}; `--allow-protected {}` names {several} hosts, and it is for one: name it by its id",
                        failure.text, allowance.host
                    );
                    roster.settle(*n, Outcome::Refused, Some(Failure::new(FailureKind::Protected, text)));
                }
            }
        }
    }
    unused
}

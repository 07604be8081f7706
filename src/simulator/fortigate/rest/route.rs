//! What a request is for: cut out of its path, each part decoded after the cutting.

use hyper::Request;
use url::form_urlencoded;

use crate::simulator::{faults::Endpoint, fortigate::schema::Table};

/// A path, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// `/api/v2/cmdb` itself: transactions.
    Root,
    /// A table, one entry of it, a list in it, one member of that.
    Cmdb {
        table: Table,
        key: Option<String>,
        child: Option<String>,
        member: Option<String>,
    },
    /// The table of virtual domains.
    Vdoms {
        key: Option<String>,
    },
    Monitor(String),
    Nothing,
}

/// A request's head, read.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) method: String,
    pub(super) endpoint: Endpoint,
    pub(super) target: Target,
    pub(super) query: Vec<(String, String)>,
}

impl Route {
    pub(super) fn read<B>(request: &Request<B>) -> Self {
        let uri = request.uri();
        let target = target(uri.path());
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let endpoint = match &target {
            Target::Root => Endpoint::Transactions,
            Target::Cmdb { table: Table::Address | Table::Address6, .. } => Endpoint::Addresses,
            Target::Cmdb { table: Table::Group | Table::Group6, child: Some(_), .. } => Endpoint::Members,
            Target::Cmdb { table: Table::Group | Table::Group6, .. } => Endpoint::AddressGroups,
            Target::Cmdb { table: Table::Policy, .. } => Endpoint::Policies,
            Target::Cmdb { .. } | Target::Vdoms { .. } => Endpoint::UnitSettings,
            Target::Monitor(name) if name == "system/status" => Endpoint::UnitStatus,
            Target::Monitor(name) if name == "system/object/usage" => Endpoint::ObjectUsage,
            Target::Monitor(_) | Target::Nothing => Endpoint::Other,
        };
        Self { method: request.method().as_str().to_owned(), endpoint, target, query }
    }

    /// The first value of a parameter.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a parameter.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn target(path: &str) -> Target {
    let path = path.strip_suffix('/').unwrap_or(path);
    let Some(rest) = path.strip_prefix("/api/v2/") else { return Target::Nothing };
    let mut parts = rest.split('/').map(decoded);
    match parts.next().as_deref() {
        Some("monitor") => Target::Monitor(parts.collect::<Vec<_>>().join("/")),
        Some("cmdb") => {
            let Some(folder) = parts.next() else { return Target::Root };
            let name = parts.next().unwrap_or_default();
            let (key, child, member) = (parts.next(), parts.next(), parts.next());
            match Table::of_path(&folder, &name) {
                _ if parts.next().is_some() => Target::Nothing,
                Some(table) => Target::Cmdb { table, key, child, member },
                None if folder == "system" && name == "vdom" => Target::Vdoms { key },
                None => Target::Nothing,
            }
        }
        _ => Target::Nothing,
    }
}

/// A part of a path without its percent signs. A plus stays one.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cut_before_it_is_decoded() {
        let cmdb = |table, parts: [Option<&str>; 3]| {
            let [key, child, member] = parts.map(|part| part.map(str::to_owned));
            Target::Cmdb { table, key, child, member }
        };
        assert_eq!(target("/api/v2/cmdb/firewall/address"), cmdb(Table::Address, [None; 3]));
        assert_eq!(
            target("/api/v2/cmdb/firewall/address/a%2Fb%20c/"),
            cmdb(Table::Address, [Some("a/b c"), None, None])
        );
        let member = target("/api/v2/cmdb/firewall/addrgrp/EDR-Threats/member/x%25");
        assert_eq!(member, cmdb(Table::Group, [Some("EDR-Threats"), Some("member"), Some("x%")]));
        assert_eq!(target("/api/v2/cmdb"), Target::Root);
        assert_eq!(target("/api/v2/monitor/system/status/"), Target::Monitor("system/status".to_owned()));
        assert_eq!(target("/api/v2/cmdb/firewall/nothing"), Target::Nothing);
    }
}

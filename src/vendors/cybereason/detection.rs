//! The hosts of a `MalOp`: from it to the processes that are suspected, and on to their machines, in one query.

use super::{
    query::{self, Rows, link},
    session::Draft,
    wire::PathPart,
};
use crate::{
    domain::{
        failure::FailureKind,
        host::{Abilities, Host, HostId, HostState, Isolation},
    },
    vendors::{Again, VendorError},
};

const FIELDS: &[&str] = &["elementDisplayName", "pylumId", "isActiveProbeConnected", "isIsolated"];

/// Says whether a text is a `MalOp`'s id: two numbers with a point between, or the newer form of sixteen signs and more.
pub(super) fn check_id(text: &str) -> Result<(), &'static str> {
    let number = |part: &str| !part.is_empty() && part.len() <= 20 && part.bytes().all(|byte| byte.is_ascii_digit());
    let old = text
        .split_once('.')
        .is_some_and(|(first, second)| number(first) && number(second.strip_prefix('-').unwrap_or(second)));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let new = (16..=64).contains(&text.len()) && text.bytes().all(plain);
    if old || new {
        Ok(())
    } else {
        Err("a MalOp's id is written like 11.-4200000000000000017, or in 16 to 64 letters, digits, `-` and `_`")
    }
}

pub(super) fn query(id: &str) -> Result<Draft, VendorError> {
    let path = vec![
        PathPart {
            requested_type: "MalopProcess",
            guid_list: Some(vec![id.to_owned()]),
            connection_feature: link("MalopProcess", "suspects"),
            ..PathPart::default()
        },
        PathPart {
            requested_type: "Process",
            connection_feature: link("Process", "ownerMachine"),
            ..PathPart::default()
        },
        PathPart { requested_type: "Machine", is_result: Some(true), ..PathPart::default() },
    ];
    Draft::ask(query::SEARCH, &query::chain(path, FIELDS))
}

/// The hosts of the machines that came. Whoever acts on a part of a `MalOp` must know it, so a part is an error.
pub(super) fn hosts(rows: Rows) -> Result<Vec<Host>, VendorError> {
    if let Some(missing) = rows.missing {
        let text = format!("the console did not tell all machines of this MalOp: {}", missing.why);
        return Err(VendorError::new(FailureKind::Protocol, text, Again::Backoff));
    }
    let mut hosts = Vec::new();
    for machine in rows.elements.values() {
        let name = machine.text("elementDisplayName");
        let Some(id) = machine.text("pylumId") else {
            let text = format!("the console tells no sensor of the machine `{}`", name.unwrap_or("(no name)"));
            return Err(VendorError::new(FailureKind::Protocol, text, Again::Never));
        };
        let state = machine.text("isIsolated").map(|word| match word {
            "true" => HostState { isolation: Isolation::Isolated, word: "isolated".into() },
            _ => HostState { isolation: Isolation::NotIsolated, word: "not_isolated".into() },
        });
        hosts.push(Host {
            id: HostId::new(id),
            name: name.map(Into::into),
            aliases: Box::default(),
            domain: None,
            addresses: Vec::new(),
            more_addresses: false,
            macs: Vec::new(),
            state,
            able: Abilities::default(),
            caution: None,
            unable: None,
            online: machine.text("isActiveProbeConnected").map(|word| word == "true"),
            last_seen: None,
            os: None,
            group: None,
            product: None,
        });
    }
    hosts.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id)));
    Ok(hosts)
}

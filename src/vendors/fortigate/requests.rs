//! Builds one REST request, judges one answer. Pure: nothing here sends.

use std::{net::Ipv4Addr, time::Duration};

use ipnet::{Ipv4Net, Ipv6Net};
use serde_json::Value;

use super::{
    channel::{Group, Policy, Side, Sides},
    codes::{self, Meaning},
    objects::{Object, PREFIX, Table},
    wire::{AddressRead, AddressWritten, Envelope, GroupRead, Members, Named, PolicyRead},
};
use crate::{
    domain::{
        failure::FailureKind,
        indicator::{DomainName, Indicator},
    },
    http::{HttpError, HttpErrorKind, Method, Response, Url},
    vendors::{Again, Hidden, VendorError},
};

/// What a request is made of, before the token is added.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<Vec<u8>>,
}

/// What is read of an address.
const ADDRESS_FIELDS: &str = "name|type|subnet|fqdn|ip6|comment";

/// An address below the interface, each part percent-encoded, in a virtual domain.
pub(super) fn at(base: &Url, vdom: &str, parts: &[&str]) -> Result<Url, VendorError> {
    let mut url = base.clone();
    {
        let mut path = url
            .path_segments_mut()
            .map_err(|()| VendorError::new(FailureKind::Internal, "the firewall's URL has no path", Again::Never))?;
        path.pop_if_empty().extend(["api", "v2"]).extend(parts);
    }
    url.query_pairs_mut().append_pair("vdom", vdom);
    Ok(url)
}

/// An address whose name is a row's, which no part of a path may be.
fn key(name: &str) -> Result<&str, VendorError> {
    if matches!(name, "" | "." | "..") {
        return Err(VendorError::new(FailureKind::BadRequest, "not a name of an entry", Again::Never));
    }
    Ok(name)
}

pub(super) fn get(base: &Url, vdom: &str, parts: &[&str]) -> Result<Draft, VendorError> {
    Ok(Draft { method: Method::GET, url: at(base, vdom, parts)?, body: None })
}

pub(super) fn status(base: &Url, vdom: &str) -> Result<Draft, VendorError> {
    get(base, vdom, &["monitor", "system", "status"])
}

pub(super) fn group(base: &Url, vdom: &str, table: Table, name: &str) -> Result<Draft, VendorError> {
    get(base, vdom, &["cmdb", "firewall", table.groups(), key(name)?])
}

pub(super) fn groups(base: &Url, vdom: &str, table: Table) -> Result<Draft, VendorError> {
    let mut draft = get(base, vdom, &["cmdb", "firewall", table.groups()])?;
    draft.url.query_pairs_mut().append_pair("format", "name|type|member|exclude|exclude-member");
    Ok(draft)
}

pub(super) fn policies(base: &Url, vdom: &str, table: &str) -> Result<Draft, VendorError> {
    get(base, vdom, &["cmdb", "firewall", table])
}

pub(super) fn object(base: &Url, vdom: &str, table: Table, name: &str) -> Result<Draft, VendorError> {
    get(base, vdom, &["cmdb", "firewall", table.addresses(), key(name)?])
}

/// The objects of these names, in one answer. Names of ours have no sign that a filter would read as anything else.
pub(super) fn objects(base: &Url, vdom: &str, table: Table, names: &[&str]) -> Result<Draft, VendorError> {
    let mut draft = get(base, vdom, &["cmdb", "firewall", table.addresses()])?;
    let any: Vec<String> = names.iter().map(|name| format!("name=={name}")).collect();
    draft.url.query_pairs_mut().append_pair("filter", &any.join(",")).append_pair("format", ADDRESS_FIELDS);
    Ok(draft)
}

/// Every object whose name may be ours. What the filter leaves is held against the name again.
pub(super) fn ours(base: &Url, vdom: &str, table: Table) -> Result<Draft, VendorError> {
    let mut draft = get(base, vdom, &["cmdb", "firewall", table.addresses()])?;
    draft.url.query_pairs_mut().append_pair("filter", &format!("name=@{PREFIX}")).append_pair("format", ADDRESS_FIELDS);
    Ok(draft)
}

pub(super) fn create(base: &Url, vdom: &str, object: &Object) -> Result<Draft, VendorError> {
    let url = at(base, vdom, &["cmdb", "firewall", object.table.addresses()])?;
    Ok(Draft { method: Method::POST, url, body: Some(body(&written(object)?)?) })
}

pub(super) fn change(base: &Url, vdom: &str, object: &Object) -> Result<Draft, VendorError> {
    let url = at(base, vdom, &["cmdb", "firewall", object.table.addresses(), key(&object.name)?])?;
    Ok(Draft { method: Method::PUT, url, body: Some(body(&written(object)?)?) })
}

pub(super) fn delete(base: &Url, vdom: &str, table: Table, name: &str) -> Result<Draft, VendorError> {
    let url = at(base, vdom, &["cmdb", "firewall", table.addresses(), key(name)?])?;
    Ok(Draft { method: Method::DELETE, url, body: None })
}

pub(super) fn add(base: &Url, vdom: &str, table: Table, group: &str, member: &str) -> Result<Draft, VendorError> {
    let url = at(base, vdom, &["cmdb", "firewall", table.groups(), key(group)?, "member"])?;
    Ok(Draft { method: Method::POST, url, body: Some(body(&Named { name: member.to_owned() })?) })
}

pub(super) fn remove(base: &Url, vdom: &str, table: Table, group: &str, member: &str) -> Result<Draft, VendorError> {
    let url = at(base, vdom, &["cmdb", "firewall", table.groups(), key(group)?, "member", key(member)?])?;
    Ok(Draft { method: Method::DELETE, url, body: None })
}

/// All members of a group at once: only where the firewall does not take them one by one.
pub(super) fn replace(
    base: &Url,
    vdom: &str,
    table: Table,
    group: &str,
    members: &[String],
) -> Result<Draft, VendorError> {
    let url = at(base, vdom, &["cmdb", "firewall", table.groups(), key(group)?])?;
    let member = members.iter().map(|name| Named { name: name.clone() }).collect();
    Ok(Draft { method: Method::PUT, url, body: Some(body(&Members { member })?) })
}

fn body(value: &impl serde::Serialize) -> Result<Vec<u8>, VendorError> {
    serde_json::to_vec(value).map_err(|error| VendorError::new(FailureKind::Internal, error.to_string(), Again::Never))
}

/// The object as it is written; every field comes from what was parsed, none from what was read somewhere.
fn written(object: &Object) -> Result<AddressWritten<'_>, VendorError> {
    let plain = AddressWritten {
        name: &object.name,
        kind: "ipmask",
        subnet: None,
        fqdn: None,
        ip6: None,
        comment: &object.comment,
    };
    match &object.value {
        Some(Indicator::V4(net)) => {
            Ok(AddressWritten { subnet: Some(format!("{} {}", net.addr(), net.netmask())), ..plain })
        }
        Some(Indicator::V6(net)) => Ok(AddressWritten { kind: "ipprefix", ip6: Some(net.to_string()), ..plain }),
        Some(Indicator::Domain(name)) => Ok(AddressWritten { kind: "fqdn", fqdn: Some(name.to_string()), ..plain }),
        None => {
            Err(VendorError::new(FailureKind::Internal, "an object without a value is never written", Again::Never))
        }
    }
}

/// An answer that is none: what the firewall said, and its number, if it gave one.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) http: u16,
    pub(super) code: Option<i64>,
    /// What becomes of whatever was asked; in a box, because an answer without a fault is the rule.
    error: Box<VendorError>,
}

impl Fault {
    pub(super) fn new(http: u16, code: Option<i64>, error: VendorError) -> Self {
        Self { http, code, error: Box::new(error) }
    }

    /// What becomes of whatever was asked.
    pub(super) fn error(&self) -> &VendorError {
        &self.error
    }

    /// The same, to be told.
    pub(super) fn into_error(self) -> VendorError {
        *self.error
    }

    /// Takes our own credentials out of the words.
    pub(super) fn without(self, hidden: &Hidden) -> Self {
        Self { error: Box::new(self.error.without(hidden)), ..self }
    }

    pub(super) fn means(&self, meaning: Meaning) -> bool {
        self.code.is_some_and(|code| codes::meaning(code) == meaning)
    }

    /// Whether there is no such entry: an old release says so by the status alone.
    pub(super) fn is_missing(&self) -> bool {
        self.means(Meaning::NotFound) || self.http == 404 && self.code.is_none()
    }
}

/// What an exchange without a whole answer means.
pub(super) fn judge_silence(error: &HttpError, changes: bool) -> VendorError {
    let again = if changes && error.may_have_been_sent() { Again::InDoubt } else { Again::Backoff };
    match error.kind() {
        HttpErrorKind::Certificate => VendorError::stops_run(FailureKind::Certificate, error.to_string()),
        HttpErrorKind::Unreachable => VendorError::new(FailureKind::Unreachable, error.to_string(), again),
        HttpErrorKind::Timeout => VendorError::new(FailureKind::Timeout, error.to_string(), again),
        HttpErrorKind::Cut => VendorError::new(FailureKind::Cut, error.to_string(), again),
        HttpErrorKind::TooLarge => {
            let again = if changes { Again::InDoubt } else { Again::Never };
            VendorError::new(FailureKind::Protocol, error.to_string(), again)
        }
    }
}

fn new(kind: FailureKind, text: impl Into<String>, again: Again) -> VendorError {
    VendorError::new(kind, text, again)
}

/// Tells the answers apart. `changes`: whether the request would have changed something.
pub(super) fn judge(response: &Response, changes: bool) -> Result<Envelope, Fault> {
    let http = response.status.as_u16();
    let envelope = serde_json::from_slice::<Envelope>(&response.body).ok();
    let fault = |code, error| Err(Fault::new(http, code, error));
    // A request that broke off in the middle of it may have been carried out.
    let broken = if changes { Again::InDoubt } else { Again::Backoff };
    if envelope.is_none() && response.is_html() && !matches!(http, 401 | 403 | 405 | 429) {
        let text = format!("a web page came instead of the firewall's answer (HTTP {http})");
        let again = if response.status.is_redirection() { Again::Never } else { broken };
        return fault(None, new(FailureKind::Gateway, text, again));
    }
    let code = envelope.as_ref().and_then(|envelope| envelope.error).filter(|code| *code != 0);
    let said = envelope.as_ref().and_then(|envelope| envelope.cli_error.as_deref()).unwrap_or_default();
    let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
    match http {
        200..=299 => match envelope {
            Some(envelope) if envelope.status.as_deref() == Some("error") => match code {
                Some(code) => fault(Some(code), codes::verdict(code, &said)),
                None => fault(None, new(FailureKind::ServerError, "the firewall says `error` and no more", broken)),
            },
            Some(envelope) if envelope.status.is_some() || !envelope.results.is_null() => Ok(envelope),
            Some(_) => {
                fault(None, new(FailureKind::Protocol, "the answer is JSON, and not in the firewall's form", broken))
            }
            None => {
                let what = if response.body.is_empty() { "empty" } else { "not JSON" };
                fault(
                    None,
                    new(FailureKind::Protocol, format!("the firewall's answer is {what} (HTTP {http})"), broken),
                )
            }
        },
        401 => fault(
            code,
            VendorError::stops_run(
                FailureKind::CredentialsRefused,
                "the firewall refused the token (HTTP 401): check `token`, and that the API administrator's trusted hosts \
                 include this machine",
            ),
        ),
        403 => fault(
            code,
            VendorError::stops_run(
                FailureKind::Forbidden,
                "the token may not do this (HTTP 403): the API administrator's profile needs read and write access to \
                 firewall addresses and read access to policies, in this virtual domain",
            ),
        ),
        404 => fault(code, new(FailureKind::NotFound, "the firewall has no such entry (HTTP 404)", Again::Never)),
        405 => fault(
            code,
            new(FailureKind::Unsupported, "the firewall does not take this request (HTTP 405)", Again::Never),
        ),
        413 => {
            fault(code, new(FailureKind::BadRequest, "the firewall says that the request is too large", Again::Never))
        }
        424 => fault(
            code,
            new(FailureKind::BadRequest, "the firewall says that the request is incomplete (HTTP 424)", Again::Never),
        ),
        429 => {
            let wait = response.header("retry-after").and_then(|value| value.trim().parse().ok());
            let wait = wait.map(|seconds: u64| Duration::from_secs(seconds.min(3_600)));
            fault(
                code,
                new(FailureKind::Throttled, "the firewall asks for patience (HTTP 429)", Again::Throttled(wait)),
            )
        }
        300..=399 => fault(
            None,
            new(FailureKind::Gateway, "a redirect came instead of an answer: check `fortigate.url`", Again::Never),
        ),
        500 => match code {
            Some(code) => fault(Some(code), codes::verdict(code, &said)),
            None => fault(
                None,
                new(FailureKind::ServerError, "the firewall failed and does not say why (HTTP 500)", broken),
            ),
        },
        502..=504 => fault(
            None,
            new(FailureKind::Gateway, format!("a gateway before the firewall failed (HTTP {http})"), broken),
        ),
        501..=599 => fault(None, new(FailureKind::ServerError, format!("the firewall failed (HTTP {http})"), broken)),
        _ => fault(
            code,
            new(FailureKind::BadRequest, format!("the firewall refused the request (HTTP {http})"), Again::Never),
        ),
    }
}

/// The rows of an answer. One row may come alone or in a list.
pub(super) fn rows<T: serde::de::DeserializeOwned>(envelope: Envelope) -> Result<Vec<T>, VendorError> {
    let rows = match envelope.results {
        Value::Array(rows) => rows,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    rows.into_iter()
        .map(|row| {
            serde_path_to_error::deserialize(row).map_err(|error| {
                let path = error.path().to_string();
                let text = format!("the firewall's answer cannot be read at `{path}`: {}", error.into_inner());
                VendorError::new(FailureKind::Protocol, text, Again::Never)
            })
        })
        .collect()
}

/// An address as it was read. What we would never have written has no value.
pub(super) fn object_of(table: Table, read: AddressRead) -> Object {
    let kind = read.kind.as_deref().unwrap_or_default();
    let value = match table {
        Table::V4 => match kind {
            "fqdn" => read.fqdn.as_deref().and_then(|name| DomainName::parse(name).ok()).map(Indicator::Domain),
            "ipmask" | "" => read.subnet.as_deref().and_then(subnet).map(Indicator::V4),
            _ => None,
        },
        Table::V6 => match kind {
            "ipprefix" | "" => {
                read.ip6.as_deref().and_then(|net| net.parse().ok()).map(|net: Ipv6Net| Indicator::V6(net.trunc()))
            }
            _ => None,
        },
    };
    Object { table, name: read.name, value, comment: read.comment }
}

/// `203.0.113.9 255.255.255.255`, or with a prefix.
fn subnet(text: &str) -> Option<Ipv4Net> {
    let net = match text.trim().split_once([' ', '/']) {
        Some((address, mask)) => {
            let address: Ipv4Addr = address.parse().ok()?;
            let mask = mask.trim();
            match mask.parse::<Ipv4Addr>() {
                Ok(mask) => Ipv4Net::with_netmask(address, mask).ok()?,
                Err(_) => Ipv4Net::new(address, mask.parse().ok()?).ok()?,
            }
        }
        None => Ipv4Net::from(text.trim().parse::<Ipv4Addr>().ok()?),
    };
    Some(net.trunc())
}

pub(super) fn group_of(read: GroupRead) -> Group {
    let untold = read.member.is_none();
    let members = read.member.into_iter().flatten().map(|member| member.name).collect();
    let spares =
        read.exclude_member.into_iter().filter(|_| read.exclude == "enable").map(|member| member.name).collect();
    Group { name: read.name, members, untold, kind: read.kind, spares }
}

pub(super) fn policy_of(read: PolicyRead) -> Policy {
    let side = |named: Vec<Named>, negate: &str| Side {
        names: named.into_iter().map(|named| named.name).collect(),
        negated: negate == "enable",
    };
    Policy {
        id: match &read.policyid {
            Value::String(id) => id.clone(),
            other => other.to_string(),
        },
        name: read.name,
        action: read.action,
        // A release that does not tell has it in force.
        enabled: read.status != "disable",
        v4: Sides {
            source: side(read.srcaddr, &read.srcaddr_negate),
            destination: side(read.dstaddr, &read.dstaddr_negate),
        },
        v6: Sides {
            source: side(read.srcaddr6, &read.srcaddr6_negate),
            destination: side(read.dstaddr6, &read.dstaddr6_negate),
        },
    }
}

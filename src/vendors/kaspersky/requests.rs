//! Builds one call, judges one answer. Pure: nothing here sends or signs in.

use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    answers::{self, Refusal},
    container::{self, Container, DateTime, Params},
    wire::{
        AddIncident, FindHosts, FindIncidents, FindParams, GetHostInfo, GetHostTags, GetItemsChunk, Handling,
        NewIncident, Nothing, Order, Release, UpdateIncident,
    },
};
use crate::{
    domain::{
        failure::FailureKind,
        host::{Abilities, Host, HostId, HostState, Isolation},
    },
    http::Response,
    vendors::{Again, VendorError},
};

mod tasks;

pub(super) use tasks::*;

/// One call, before it has a session.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// Class and method: `HostGroup.FindHosts`.
    pub(super) method: &'static str,
    /// The arguments.
    pub(super) body: String,
    /// Whether it changes something.
    pub(super) changes: bool,
}

/// Hosts that one page of the inventory has.
pub(super) const PAGE: u64 = 200;

/// Seconds that a result set lives after it was last read from; the most that is allowed is 7200.
const LIFE: u32 = 600;

/// The severity that the vendor's own sample gives.
const SEVERITY: u8 = 2;

/// What is read of a host.
const FIELDS: [&str; 13] = [
    "KLHST_WKS_HOSTNAME",
    "KLHST_WKS_DN",
    "KLHST_WKS_WINHOSTNAME",
    "KLHST_WKS_DNSNAME",
    "KLHST_WKS_DNSDOMAIN",
    "KLHST_WKS_FQDN",
    "KLHST_WKS_IP_LONG",
    "KLHST_WKS_IP",
    "KLHST_WKS_STATUS",
    "KLHST_WKS_RTP_AV_VERSION",
    "KLHST_WKS_OS_NAME",
    "KLHST_WKS_GROUPID",
    "name",
];

/// The bit of a host's status that says that it has an agent.
const HAS_AGENT: i64 = 4;

fn call(method: &'static str, arguments: &impl Serialize, changes: bool) -> Result<Call, VendorError> {
    let body = serde_json::to_string(arguments)
        .map_err(|error| VendorError::new(FailureKind::Internal, error.to_string(), Again::Never))?;
    Ok(Call { method, body, changes })
}

fn read(method: &'static str, arguments: &impl Serialize) -> Result<Call, VendorError> {
    call(method, arguments, false)
}

/// Opens a session. Its `Authorization` is added where it is sent.
pub(super) fn start_session() -> Result<Call, VendorError> {
    read("Session.StartSession", &Nothing {})
}

/// Asks whether the session still is one.
pub(super) fn ping() -> Result<Call, VendorError> {
    read("Session.Ping", &Nothing {})
}

/// Ends the session.
pub(super) fn end_session() -> Result<Call, VendorError> {
    read("Session.EndSession", &Nothing {})
}

/// The new session's id: a header's value, and nothing else.
pub(super) fn judge_session(response: &Response) -> Result<String, Refusal> {
    let answer = answers::content(response, false)?;
    let id = answer.text("PxgRetVal").filter(|id| id.bytes().all(|b| b.is_ascii_graphic()));
    answers::needed(id.map(str::to_owned), "session", false)
}

/// An answer of which only the success is asked for.
pub(super) fn judge_done(response: &Response, changes: bool) -> Result<(), Refusal> {
    answers::content(response, changes).map(drop)
}

/// Whether a console is there that turns incidents into tasks.
pub(super) fn is_console_there() -> Result<Call, VendorError> {
    read("ConEvents.IsAnyServiceConsoleAvailable", &Nothing {})
}

/// `ConEvents.IsAnyServiceConsoleAvailable`.
pub(super) fn judge_console(response: &Response) -> Result<bool, Refusal> {
    answers::needed(answers::content(response, false)?.truth("PxgRetVal"), "word on the Web Console", false)
}

/// Hosts by a filter; the empty one is every host.
pub(super) fn find_hosts(filter: &str) -> Result<Call, VendorError> {
    let order = [Params(Order { name: "KLHST_WKS_HOSTNAME", ascending: true })];
    let params = FindParams { own_server_only: true };
    read("HostGroup.FindHosts", &FindHosts { filter, fields: &FIELDS, order, params, life: LIFE })
}

/// A result set that the console keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResultSet {
    pub(super) accessor: String,
    pub(super) count: u64,
}

/// `HostGroup.FindHosts` and `HostGroup.FindIncidents`.
pub(super) fn judge_found(response: &Response) -> Result<ResultSet, Refusal> {
    let answer = answers::content(response, false)?;
    let count = answer.whole("PxgRetVal").and_then(|count| u64::try_from(count).ok());
    let accessor = answers::needed(answer.text("strAccessor").map(str::to_owned), "`strAccessor`", false)?;
    Ok(ResultSet { accessor, count: answers::needed(count, "count", false)? })
}

/// One chunk of a result set.
pub(super) fn chunk(accessor: &str, start: u64, count: u64) -> Result<Call, VendorError> {
    read("ChunkAccessor.GetItemsChunk", &GetItemsChunk { accessor, start, count })
}

/// `ChunkAccessor.GetItemsChunk`.
pub(super) fn judge_chunk(response: &Response) -> Result<Vec<Container>, Refusal> {
    let answer = answers::content(response, false)?;
    let items = answer.inner("pChunk").and_then(|chunk| match chunk.get("KLCSP_ITERATOR_ARRAY") {
        // Behind the last item there may be no array any more.
        None => (answer.whole("PxgRetVal") == Some(0)).then(Vec::new),
        Some(_) => chunk.containers("KLCSP_ITERATOR_ARRAY"),
    });
    answers::needed(items, "`pChunk`", false)
}

/// Lets a result set go.
pub(super) fn release(accessor: &str) -> Result<Call, VendorError> {
    read("ChunkAccessor.Release", &Release { accessor })
}

/// One host by its id.
pub(super) fn host_info(id: &HostId) -> Result<Call, VendorError> {
    read("HostGroup.GetHostInfo", &GetHostInfo { host: id.as_str(), fields: &FIELDS })
}

/// `HostGroup.GetHostInfo`.
pub(super) fn judge_host_info(id: &HostId, response: &Response) -> Result<Found, Refusal> {
    let answer = answers::content(response, false)?;
    let info = answers::needed(answer.inner("PxgRetVal"), "`PxgRetVal`", false)?;
    let found = host(&info);
    // An attribute that was not asked for is not there, and one that was may be left out.
    if found.host.id.is_empty() || found.host.id == *id {
        return Ok(Found { host: Host { id: id.clone(), ..found.host }, ..found });
    }
    let text = "the console was asked for one host and answered for another";
    Err(VendorError::new(FailureKind::WrongHost, text, Again::Never).into())
}

/// The tags of one host.
pub(super) fn host_tags(id: &HostId) -> Result<Call, VendorError> {
    read("HostTagsApi.GetHostTags", &GetHostTags { host: id.as_str(), params: Nothing {} })
}

/// `HostTagsApi.GetHostTags`: a list of texts, or of containers with a text in each.
pub(super) fn judge_tags(response: &Response) -> Result<Vec<String>, Refusal> {
    let answer = answers::content(response, false)?;
    let items = answers::needed(answer.list("PxgRetVal"), "list of tags", false)?;
    let text = |item: &serde_json::Value| match item {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Object(map) => map.values().find_map(|value| value.as_str().map(str::to_owned)),
        _ => None,
    };
    Ok(items.filter_map(text).collect())
}

/// Creates an incident that holds one task for one host.
pub(super) fn add_incident(id: &HostId, body: &str, at: Timestamp) -> Result<Call, VendorError> {
    let data = NewIncident { severity: SEVERITY, added: DateTime(at), body, host: id.as_str() };
    call("HostGroup.AddIncident", &AddIncident { data }, true)
}

/// `HostGroup.AddIncident`: the incident's id.
pub(super) fn judge_added(response: &Response) -> Result<i64, Refusal> {
    answers::needed(answers::content(response, true)?.whole("PxgRetVal"), "incident's id", true)
}

/// Releases an incident: it is not handled yet.
pub(super) fn update_incident(incident: i64, id: &HostId) -> Result<Call, VendorError> {
    let data = Handling { handled: false, host: id.as_str() };
    call("HostGroup.UpdateIncident", &UpdateIncident { id: incident, data }, true)
}

/// Incidents by a filter, the newest first.
pub(super) fn find_incidents(filter: &str) -> Result<Call, VendorError> {
    let fields = ["KLINCDT_ID", "KLINCDT_BODY", "KLINCDT_IS_HANDLED", "KLHST_WKS_HOSTNAME"];
    let order = [Params(Order { name: "KLINCDT_ID", ascending: false })];
    read("HostGroup.FindIncidents", &FindIncidents { filter, fields: &fields, order, life: LIFE })
}

/// The id of an incident, if it holds this very body.
pub(super) fn incident_with(body: &str, item: &Container) -> Option<i64> {
    let own = item.text("KLINCDT_BODY")?;
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    // A database may write the same document otherwise.
    let same = own == body || value(own).is_some_and(|own| value(body) == Some(own));
    same.then(|| item.whole("KLINCDT_ID")).flatten()
}

/// A host, with every name that it has.
#[derive(Clone, Debug)]
pub struct Found {
    /// The host.
    pub host: Host,
    /// Its display name, its NetBIOS name, its DNS name and its full name, as far as the console has them.
    pub names: Vec<Box<str>>,
    /// The version of its protection, as the console writes it.
    pub protection: Option<Box<str>>,
}

/// What a record tells of a host. One without an id is a host with an empty one: nothing can be done to it.
pub(super) fn host(record: &Container) -> Found {
    let text = |key| record.text(key).map(Into::<Box<str>>::into);
    let (shown, netbios) = (text("KLHST_WKS_DN"), text("KLHST_WKS_WINHOSTNAME"));
    let (label, full) = (text("KLHST_WKS_DNSNAME"), text("KLHST_WKS_FQDN"));
    let joined = label.as_deref().zip(record.text("KLHST_WKS_DNSDOMAIN")).map(|(label, suffix)| {
        let suffix = suffix.trim_matches('.');
        if label.contains('.') { label.into() } else { format!("{label}.{suffix}").into_boxed_str() }
    });
    let full = full.or(joined);
    let address = address(record);
    let status = record.whole("KLHST_WKS_STATUS");
    // Without an agent nobody carries anything out.
    let able = status.filter(|status| status & HAS_AGENT == 0).map(|_| false);
    let mut names: Vec<Box<str>> = Vec::new();
    for name in [&full, &label, &netbios, &shown].into_iter().flatten() {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let protection = text("KLHST_WKS_RTP_AV_VERSION");
    Found {
        host: Host {
            id: HostId::new(record.text("KLHST_WKS_HOSTNAME").unwrap_or_default()),
            name: names.first().cloned(),
            caution: caution(protection.as_deref()),
            online: None,
            aliases: names.iter().skip(1).cloned().collect(),
            domain: None,
            addresses: address.into_iter().flatten().collect(),
            more_addresses: address.is_none(),
            macs: Vec::new(),
            state: Some(not_told()),
            able: Abilities { isolate: able, release: able },
            last_seen: None,
            os: text("KLHST_WKS_OS_NAME"),
            group: text("name"),
            product: None,
        },
        names,
        protection,
    }
}

/// Response tasks need Kaspersky Endpoint Security for Windows 12.9 or later. Other products count otherwise, so it is only said.
fn caution(version: Option<&str>) -> Option<Box<str>> {
    let version = version?.trim();
    let mut parts = version.split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else { return None };
    ((major, minor) < (12, 9))
        .then(|| format!("its protection is version {version}, and response tasks need 12.9 on Windows").into())
}

/// No attribute that is documented tells whether a host is isolated.
pub(super) fn not_told() -> HostState {
    HostState { isolation: Isolation::Unknown, word: "not_told".into() }
}

/// A host's address; the outer `None` where the console contradicts itself.
///
/// Clients agree that the long one has its first octet in the highest byte, and it is documented nowhere. The short one is
/// said to be the other way round. Where both are there and do not fit, neither is believed: an address that is read
/// backwards is another host.
fn address(record: &Container) -> Option<Option<IpAddr>> {
    let bits = |number: i64| u32::try_from(number).ok().or_else(|| i32::try_from(number).ok().map(i32::cast_unsigned));
    let Some(long) = record.whole("KLHST_WKS_IP_LONG").and_then(bits) else { return Some(None) };
    if long == 0 {
        return Some(None);
    }
    match record.whole("KLHST_WKS_IP").and_then(bits) {
        Some(short) if short != 0 && short != long && short.swap_bytes() != long => None,
        _ => Some(Some(IpAddr::V4(Ipv4Addr::from_bits(long)))),
    }
}

/// A list of ids, each a number or the text of one.
pub(super) fn ids(answer: &Container, key: &str) -> Option<Vec<Box<str>>> {
    let text = |item: &serde_json::Value| match item {
        serde_json::Value::String(text) if !text.trim().is_empty() => Some(text.trim().into()),
        other => container::whole(other).map(|number| number.to_string().into_boxed_str()),
    };
    Some(answer.list(key)?.filter_map(text).collect())
}

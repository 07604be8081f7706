//! Builds one request, judges one answer. Pure: nothing here sends or signs.

use std::{borrow::Cow, collections::HashMap, net::IpAddr};

use serde::{Deserialize, Deserializer};

use super::{
    answers::{self, Refusal},
    loose::Loose,
    wire::{Affected, Agent, Change, Commands, Server},
};
use crate::{
    domain::{
        action::{Action, Observed, Target},
        failure::FailureKind,
        host::{Abilities, Host, HostId, HostState, Isolation, MacAddr},
        id::Ticket,
        selector::{parse_ip, parse_mac},
    },
    http::{Method, Response, Url},
    vendors::{Ack, Again, Page, Tenant, VendorError},
};

/// What a request is made of, before it is signed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) method: Method,
    pub(super) url: Url,
    /// The very bytes that are signed and sent.
    pub(super) body: Option<Vec<u8>>,
    /// The largest answer that is believed, in bytes.
    pub(super) limit: usize,
}

/// An agent is some 600 bytes of JSON, and they all come in one answer: this is room for most of a million.
const WHOLE: usize = 512 * 1024 * 1024;

/// More than anything but a whole list has to say.
const SMALL: usize = 16 * 1024 * 1024;

const AGENTS: &str = "/WebApp/API/AgentResource/ProductAgents";
const SERVERS: &str = "/WebApp/API/ServerResource/ProductServers";

fn at(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    // Without a slash at the end: it would be part of what is signed.
    url.set_path(path);
    url
}

fn get(url: Url, limit: usize) -> Draft {
    Draft { method: Method::GET, url, body: None, limit }
}

/// The product servers: the cheapest question that proves address, certificate and key.
pub(super) fn servers(base: &Url) -> Draft {
    get(at(base, SERVERS), SMALL)
}

/// Every agent, or every agent of one product.
pub(super) fn agents(base: &Url, product: Option<&str>) -> Draft {
    let mut url = at(base, AGENTS);
    url.set_query(product.map(|product| format!("product={product}")).as_deref());
    get(url, WHOLE)
}

/// A product's constant, as it stands in a query: without anything that would have to be escaped.
pub(super) fn is_product(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Whether the console can be asked for this one id.
///
/// An id that would have to be escaped is looked for in the whole list: it is not known which escapes the console hashes.
pub(super) fn can_be_asked_for(id: &HostId) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    !id.as_str().is_empty() && id.as_str().bytes().all(unreserved)
}

/// One agent, by its id in the spelling that the console has given it.
pub(super) fn agent(base: &Url, id: &HostId) -> Draft {
    let mut url = at(base, AGENTS);
    url.set_query(Some(&format!("entity_id={id}")));
    // A console that does not know the filter sends them all.
    get(url, WHOLE)
}

/// Isolates or restores one agent. The console has no room for a comment.
pub(super) fn submit(base: &Url, action: &Action, id: &HostId) -> Result<Draft, VendorError> {
    let change = Change::new(action.kind, id)
        .ok_or_else(|| VendorError::new(FailureKind::BadRequest, "the host has no id", Again::Never))?;
    let body = serde_json::to_vec(&change)
        .map_err(|error| VendorError::new(FailureKind::Internal, error.to_string(), Again::Never))?;
    Ok(Draft { method: Method::POST, url: at(base, AGENTS), body: Some(body), limit: SMALL })
}

/// The console's address as people know it.
pub(super) fn console_address(base: &Url) -> String {
    base.origin().ascii_serialization()
}

/// `GET …/ProductServers`.
pub(super) fn judge_servers(base: &Url, response: &Response) -> Result<Tenant, Refusal> {
    let servers: Vec<Server> = answers::content(response, false)?;
    let detail = match servers.len() {
        1 => "1 product server".to_owned(),
        count => format!("{count} product servers"),
    };
    Ok(Tenant { console: console_address(base), detail: Some(detail), clock_skew: None })
}

/// `GET …/ProductAgents`. Agents of another product are left out, because a console may not know the filter.
pub(super) fn judge_agents(product: Option<&str>, response: &Response) -> Result<Page, Refusal> {
    let mut hosts = listed(response)?;
    if let Some(wanted) = product {
        hosts.retain(|host| host.product.as_deref().is_some_and(|product| product.eq_ignore_ascii_case(wanted)));
    }
    let total = u64::try_from(hosts.len()).ok();
    Ok(Page { hosts, next: None, total })
}

/// What a list told of one agent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sought {
    /// All that is to be known.
    Known(Observed),
    /// It was asked for by its id, and others came: the console does not know the filter.
    Unfiltered,
}

/// `GET …/ProductAgents` for one agent: by its id, or over the whole list.
///
/// That an agent is gone is believed of an empty answer and of the whole list, never of an answer for others.
pub(super) fn judge_agent(id: &HostId, by_id: bool, response: &Response) -> Result<Sought, Refusal> {
    let mut hosts = listed(response)?;
    let others = hosts.iter().any(|host| host.id != *id);
    hosts.retain(|host| host.id == *id);
    let mut found = hosts.into_iter();
    let Some(host) = found.next() else {
        return Ok(if by_id && others { Sought::Unfiltered } else { Sought::Known(Observed::NoSuchHost) });
    };
    if found.any(|other| other.state != host.state) {
        let text = "the console lists this agent several times, in different states";
        return Err(VendorError::new(FailureKind::Ambiguous, text, Again::Never).into());
    }
    let state = host.state.unwrap_or_else(|| host_state(""));
    Ok(Sought::Known(Observed::State { state, able: host.able, last_seen: None }))
}

/// `GET …/ProductAgents`, the whole list, for several agents: what it tells of each, in their order.
pub(super) fn judge_several(targets: &[Target], response: &Response) -> Result<Vec<Observed>, Refusal> {
    let mut seen: HashMap<&HostId, Observed> =
        targets.iter().map(|target| (&target.id, Observed::NoSuchHost)).collect();
    for host in listed(response)? {
        let Some(known) = seen.get_mut(&host.id) else { continue };
        let state = host.state.unwrap_or_else(|| host_state(""));
        match known {
            Observed::NoSuchHost => *known = Observed::State { state, able: host.able, last_seen: None },
            // Listed in two states, it is in none that is known.
            Observed::State { state: before, .. } if *before != state => before.isolation = Isolation::Unknown,
            Observed::State { .. } => {}
        }
    }
    Ok(targets.iter().map(|target| seen.get(&target.id).cloned().unwrap_or(Observed::NoSuchHost)).collect())
}

/// `POST …/ProductAgents`. The state in the answer is the one from before the request and is not even read; but the
/// answer must be for this agent, and for no other.
pub(super) fn judge_submit(id: &HostId, response: &Response) -> Result<Ack, Refusal> {
    let affected: Vec<Affected<'_>> = answers::content(response, true)?;
    let is_ours = |agent: &&Affected<'_>| agent.id().eq_ignore_ascii_case(id.as_str());
    match affected.as_slice() {
        [] => {
            let text = "the console took the request and did nothing: it has no such agent any more, or the agent cannot \
                        do this";
            Err(VendorError::new(FailureKind::NothingDone, text, Again::Look).into())
        }
        [agent] if is_ours(&agent) => Ok(Ack::Accepted(Ticket::default())),
        agents => {
            let others: Vec<&Affected<'_>> = agents.iter().filter(|agent| !is_ours(agent)).collect();
            let text = format!(
                "the console answered for {} where agent {} alone was asked for; nothing more is sent: look at these \
                 agents in the console",
                names(&others, agents.len()),
                cut(id.as_str())
            );
            Err(VendorError::stops_run_in_doubt(FailureKind::WrongHost, text).into())
        }
    }
}

impl Affected<'_> {
    fn id(&self) -> &str {
        self.entity_id.as_ref().map_or("", |id| &id.0)
    }
}

/// How many other agents are named.
const MOST_NAMED: usize = 5;

fn names(others: &[&Affected<'_>], count: usize) -> String {
    let mut named: Vec<String> = others
        .iter()
        .take(MOST_NAMED)
        .map(|agent| {
            let id = if agent.id().is_empty() { Cow::Borrowed("no id") } else { cut(agent.id()) };
            let name = agent.host_name.as_ref().map_or(Cow::Borrowed("no name"), |name| cut(&name.0));
            format!("{id} ({name})")
        })
        .collect();
    if others.len() > MOST_NAMED {
        named.push(format!("{} more", others.len() - MOST_NAMED));
    }
    if named.is_empty() { format!("{count} records of one agent") } else { named.join(", ") }
}

/// A text of the console as long as an id or a name may be in a sentence.
fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(64) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

fn listed(response: &Response) -> Result<Vec<Host>, Refusal> {
    let listed: Vec<Listed> = answers::content(response, false)?;
    Ok(listed.into_iter().map(|Listed(host)| host).collect())
}

/// An agent that has become a host before the next one is read.
struct Listed(Host);

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Agent::deserialize(deserializer).map(|agent| Self(host(&agent)))
    }
}

/// An agent without an id is a host with an empty one: nothing can be done to it, and it still has its name.
fn host(agent: &Agent<'_>) -> Host {
    let status = agent.isolation_status.text();
    let ips = &agent.ip_address_list;
    Host {
        aliases: Box::default(),
        caution: None,
        online: None,
        id: HostId::new(agent.entity_id.text().unwrap_or_default()),
        name: agent.host_name.text().map(Into::into),
        domain: Some(agent.ad_domain.text().unwrap_or_default().into()),
        addresses: addresses(ips),
        more_addresses: ips.entries().any(|entry| parse_ip(entry).is_none()),
        macs: macs(&agent.mac_address_list),
        state: status.map(host_state),
        able: abilities(agent.capabilities, status),
        last_seen: None,
        os: None,
        group: agent.folder_path.text().map(Into::into),
        product: agent.product.text().map(Into::into),
    }
}

/// What an agent can do stands in its capabilities. All of them are listed whatever its state is; an agent that does not
/// support isolation says so in its state as well. One that lists none can do nothing.
fn abilities(commands: Commands, status: Option<&str>) -> Abilities {
    let supported = status != Some("not_supported");
    Abilities { isolate: Some(supported && commands.isolate), release: Some(supported && commands.restore) }
}

/// Entries that cannot be read name nothing that an analyst could name; that there are some is kept beside them.
fn addresses(list: &Loose<'_>) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = list.entries().filter_map(parse_ip).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

fn macs(list: &Loose<'_>) -> Vec<MacAddr> {
    let mut macs: Vec<MacAddr> = list.entries().filter_map(|entry| parse_mac(entry, true)).collect();
    macs.sort_unstable();
    macs.dedup();
    macs
}

/// The words of the documentation; any other is kept and believed in nothing.
fn host_state(word: &str) -> HostState {
    let (isolation, word) = match word {
        "normal" => (Isolation::NotIsolated, Cow::Borrowed("normal")),
        "endpoint_isolation_pending" => (Isolation::Isolating, Cow::Borrowed("endpoint_isolation_pending")),
        "isolated" => (Isolation::Isolated, Cow::Borrowed("isolated")),
        "connection_restoration_pending" => (Isolation::Releasing, Cow::Borrowed("connection_restoration_pending")),
        "not_supported" => (Isolation::Unknown, Cow::Borrowed("not_supported")),
        "" => (Isolation::Unknown, Cow::Borrowed("unknown")),
        other => (Isolation::Unknown, Cow::Owned(other.to_owned())),
    };
    HostState { isolation, word }
}

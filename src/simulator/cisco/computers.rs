//! The inventory: lists of hosts, one host, and the groups they are in.

use std::{net::IpAddr, time::Duration};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Cisco, Refusal,
    envelope::{Links, Metadata, Page, Reply, Results},
    route::Route,
    word,
};
use crate::simulator::{
    faults::Names,
    guid::Guid,
    truth::{Inner, Truth},
};

/// A host, as the console tells it.
#[derive(Serialize)]
struct Computer {
    connector_guid: Guid,
    hostname: String,
    windows_processor_id: String,
    active: bool,
    links: ComputerLinks,
    connector_version: &'static str,
    operating_system: &'static str,
    os_version: &'static str,
    internal_ips: [IpAddr; 1],
    external_ip: IpAddr,
    group_guid: Guid,
    install_date: String,
    is_compromised: bool,
    demo: bool,
    network_addresses: [NetworkAddress; 1],
    policy: Named,
    groups: [Named; 1],
    last_seen: String,
    faults: [(); 0],
    isolation: IsolationBrief,
    orbital: Orbital,
}

#[derive(Serialize)]
struct ComputerLinks {
    computer: String,
    trajectory: String,
    group: String,
}

#[derive(Serialize)]
struct NetworkAddress {
    mac: String,
    ip: IpAddr,
}

#[derive(Serialize)]
struct Named {
    guid: Guid,
    name: String,
}

#[derive(Serialize)]
struct IsolationBrief {
    available: bool,
    status: &'static str,
}

#[derive(Serialize)]
struct Orbital {
    status: &'static str,
}

#[derive(Serialize)]
struct GroupItem<'a> {
    name: &'a str,
    description: &'static str,
    guid: Guid,
    source: Option<&'static str>,
    links: GroupLinks,
}

#[derive(Serialize)]
struct GroupLinks {
    group: String,
}

const LIST_PARAMETERS: [&str; 10] = [
    "limit",
    "offset",
    "hostname[]",
    "hostname",
    "internal_ip",
    "external_ip",
    "group_guid[]",
    "group_guid",
    "last_seen_within",
    "last_seen_over",
];

impl Cisco {
    /// Lists hosts: one page, and where the next is.
    pub(super) fn list(&self, route: &Route, foreign: Option<&str>) -> Result<Reply, Refusal> {
        Refusal::of_unexpected(route, &LIST_PARAMETERS)?;
        let window = Window::read(route, self.faults.listing.page_size)?;
        let filter = Filter::read(route, self.faults.listing.hostname_match, self.truth.now())?;
        let truth = &self.truth;
        let inner = truth.lock();
        let (total, numbers) = if filter.is_empty() {
            let end = inner.listed().min(window.offset.saturating_add(window.limit));
            (inner.listed(), (window.offset..end).filter_map(|place| inner.at(place)).collect())
        } else {
            let fitting = (0..inner.listed()).filter_map(|place| inner.at(place));
            let fitting: Vec<u32> = fitting.filter(|number| filter.fits(truth, &inner, *number)).collect();
            (fitting.len(), fitting.into_iter().skip(window.offset).take(window.limit).collect::<Vec<u32>>())
        };
        let page: Vec<Computer> =
            numbers.into_iter().map(|number| computer(truth, &inner, number, &route.base)).collect();
        drop(inner);
        let reply = Reply::data(window.metadata(route, total, page.len(), foreign), page);
        if filter.is_empty() {
            self.change_after_page((window.offset / window.limit) as u64 + 1);
        }
        Ok(reply)
    }

    /// Tells one host.
    pub(super) fn tell(&self, route: &Route) -> Result<Reply, Refusal> {
        Refusal::of_unexpected(route, &[])?;
        let guid = route.guid.ok_or(Refusal::MalformedGuid)?;
        let inner = self.truth.lock();
        let number = Truth::find(&inner, guid).ok_or(Refusal::NoSuchHost)?;
        let computer = computer(&self.truth, &inner, number, &route.base);
        drop(inner);
        Ok(Reply::data(metadata(route), computer))
    }

    /// Lists groups.
    pub(super) fn groups(&self, route: &Route) -> Result<Reply, Refusal> {
        Refusal::of_unexpected(route, &["limit", "offset", "name"])?;
        let window = Window::read(route, self.faults.listing.page_size)?;
        let wanted = route.parameter("name").map(str::to_lowercase);
        let inner = self.truth.lock();
        let groups = inner.fleet.all_groups();
        let groups: Vec<_> = groups
            .filter(|group| wanted.as_ref().is_none_or(|wanted| group.name.to_lowercase().contains(wanted)))
            .collect();
        let page = groups.iter().skip(window.offset).take(window.limit).map(|group| GroupItem {
            name: group.name,
            description: "",
            guid: group.guid,
            source: None,
            links: GroupLinks { group: format!("{}/v1/groups/{}", route.base, group.guid) },
        });
        let page: Vec<_> = page.collect();
        Ok(Reply::data(window.metadata(route, groups.len(), page.len(), None), &page))
    }
}

/// What stands beside a single thing.
pub(super) fn metadata(route: &Route) -> Metadata<'_> {
    Metadata { links: Links { own: &route.own, prev: None, next: None }, results: None }
}

fn computer(truth: &Truth, inner: &Inner, number: u32, base: &str) -> Computer {
    let fleet = &inner.fleet;
    let guid = fleet.guid(number);
    let group = fleet.group(number);
    let ip = fleet.ip(number);
    let (operating_system, os_version) = fleet.system(number);
    let own = format!("{base}/v1/computers/{guid}");
    Computer {
        connector_guid: guid,
        hostname: fleet.name(number),
        windows_processor_id: format!("{:015x}", guid.hash(6) >> 4),
        active: true,
        links: ComputerLinks {
            trajectory: format!("{own}/trajectory"),
            computer: own,
            group: format!("{base}/v1/groups/{}", group.guid),
        },
        connector_version: "8.4.0.30201",
        operating_system,
        os_version,
        internal_ips: [ip],
        external_ip: fleet.external_ip(number),
        group_guid: group.guid,
        install_date: date(
            truth.last_seen(inner, number).checked_sub(Duration::from_secs(86_400 * 30)).unwrap_or_default(),
        ),
        is_compromised: false,
        demo: false,
        network_addresses: [NetworkAddress { mac: fleet.mac(number).to_string(), ip }],
        policy: Named { guid: Guid::derived("policy", group.name), name: group.name.to_owned() },
        groups: [Named { guid: group.guid, name: group.name.to_owned() }],
        last_seen: date(truth.last_seen(inner, number)),
        faults: [],
        isolation: IsolationBrief {
            available: Truth::is_available(inner, number),
            status: word(truth.state(inner, number)),
        },
        orbital: Orbital { status: "not_enabled" },
    }
}

fn date(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// The part of a list that is asked for.
struct Window {
    limit: usize,
    offset: usize,
}

impl Window {
    fn read(route: &Route, most: usize) -> Result<Self, Refusal> {
        let limit = number(route, "limit")?.unwrap_or(most);
        if limit == 0 {
            return Err(Refusal::BadParameter("limit"));
        }
        Ok(Self { limit: limit.min(most), offset: number(route, "offset")?.unwrap_or(0) })
    }

    fn metadata<'a>(&self, route: &'a Route, total: usize, count: usize, foreign: Option<&str>) -> Metadata<'a> {
        let after = self.offset.saturating_add(self.limit);
        let next = (after < total).then(|| self.link(route, foreign.unwrap_or(&route.base), after));
        let prev = (self.offset > 0).then(|| self.link(route, &route.base, self.offset.saturating_sub(self.limit)));
        let page = Page { current_item_count: count, index: self.offset, items_per_page: self.limit };
        let results = Results { total, page: Some(page) };
        Metadata { links: Links { own: &route.own, prev, next }, results: Some(results) }
    }

    fn link(&self, route: &Route, base: &str, offset: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in route.parameters.iter().filter(|(name, _)| name != "limit" && name != "offset") {
            query.append_pair(name, value);
        }
        query.append_pair("limit", &self.limit.to_string()).append_pair("offset", &offset.to_string());
        let path = route.own.strip_prefix(&route.base).unwrap_or_default();
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        format!("{}{path}?{}", base.trim_end_matches('/'), query.finish())
    }
}

fn number(route: &Route, name: &'static str) -> Result<Option<usize>, Refusal> {
    route.parameter(name).map(|text| text.parse().map_err(|_| Refusal::BadParameter(name))).transpose()
}

/// Which hosts are asked for.
struct Filter {
    hostnames: Vec<String>,
    compare: Names,
    internal_ip: Option<String>,
    external_ip: Option<String>,
    groups: Vec<Guid>,
    seen_since: Option<Timestamp>,
    not_seen_since: Option<Timestamp>,
}

impl Filter {
    fn read(route: &Route, compare: Names, now: Timestamp) -> Result<Self, Refusal> {
        let mut groups = Vec::new();
        for text in route.all("group_guid[]", "group_guid") {
            groups.push(Guid::parse(text).ok_or(Refusal::BadParameter("group_guid"))?);
        }
        let days_ago = |name| {
            let days = number(route, name)?;
            let ago = days.map(|days| Duration::from_secs((days as u64).saturating_mul(86_400)));
            Ok::<_, Refusal>(ago.map(|ago| now.checked_sub(ago).unwrap_or(Timestamp::MIN)))
        };
        Ok(Self {
            hostnames: route.all("hostname[]", "hostname").map(str::to_lowercase).collect(),
            compare,
            internal_ip: route.parameter("internal_ip").map(str::to_owned),
            external_ip: route.parameter("external_ip").map(str::to_owned),
            groups,
            seen_since: days_ago("last_seen_within")?,
            not_seen_since: days_ago("last_seen_over")?,
        })
    }

    fn is_empty(&self) -> bool {
        self.hostnames.is_empty()
            && self.internal_ip.is_none()
            && self.external_ip.is_none()
            && self.groups.is_empty()
            && self.seen_since.is_none()
            && self.not_seen_since.is_none()
    }

    fn fits(&self, truth: &Truth, inner: &Inner, number: u32) -> bool {
        let fleet = &inner.fleet;
        let same = |wanted: &Option<String>, ip: &dyn Fn() -> IpAddr| {
            wanted.as_ref().is_none_or(|wanted| wanted.parse::<IpAddr>().is_ok_and(|wanted| wanted == ip()))
        };
        same(&self.internal_ip, &|| fleet.ip(number))
            && same(&self.external_ip, &|| fleet.external_ip(number))
            && (self.groups.is_empty() || self.groups.contains(&fleet.group(number).guid))
            && self.seen_since.is_none_or(|since| truth.last_seen(inner, number) >= since)
            && self.not_seen_since.is_none_or(|since| truth.last_seen(inner, number) < since)
            && (self.hostnames.is_empty() || self.names(&fleet.name(number).to_lowercase()))
    }

    fn names(&self, name: &str) -> bool {
        self.hostnames.iter().any(|wanted| match self.compare {
            Names::Contains => name.contains(wanted),
            Names::Prefix => name.starts_with(wanted),
            Names::Exact => name == wanted,
        })
    }
}

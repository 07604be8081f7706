//! Sensors: how they are asked for, what a host is of one, and which of them selectors may name.
//!
//! What is asked is only ever one condition, because nobody outside knows whether several are added up, and each answer is
//! compared here. Whether `offset` counts pages or rows is not documented either: what the second answer begins with tells.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::Ordering,
};

use jiff::Timestamp;

use super::{
    Cybereason, PYLUM, answers,
    machines::no_list,
    session::Draft,
    wire::{Sensor, SensorAnswer, SensorFilter, SensorQuery},
};
use crate::{
    clock,
    domain::{
        action::{Observed, Target},
        failure::FailureKind,
        host::{Abilities, Host, HostId, HostState, Isolation, MacAddr},
        selector::{Named, Selector, fold_name, parse_ip},
    },
    http::Response,
    vendors::{Again, Cursor, Page, VendorError},
};

/// The most sensors in one answer.
pub(super) const PAGE: usize = 1_000;

/// The most selectors that one question is about: room is left for sensors that were installed again.
pub(super) const MOST_FOUND: usize = 500;

/// The most answers that belong to one question; where there are more, reading all sensors is no dearer.
const MOST_PAGES: usize = 20;

const QUERY: &str = "rest/sensors/query";

const ARCHIVED: &str = "Archived";

/// One answer about sensors.
#[derive(Debug)]
pub(super) struct Sensors {
    pub(super) sensors: Vec<Sensor>,
    pub(super) total: Option<u64>,
    /// Whether there are more, as far as the console says.
    more: Option<bool>,
}

/// Asks for the sensors from this offset on that fit a filter.
fn query(filters: &[SensorFilter], offset: usize, limit: usize) -> Result<Draft, VendorError> {
    Draft::ask(QUERY, &SensorQuery { limit, offset, sorting_field_name: "machineName", sort_direction: "ASC", filters })
}

/// Reads an answer about sensors.
pub(super) fn judge(response: &Response) -> Result<Sensors, VendorError> {
    let answer: SensorAnswer = answers::content(response, false)?;
    let Some(sensors) = answer.sensors else {
        let text = "the console does not know what it was asked to look for";
        return Err(VendorError::new(FailureKind::Unsupported, text, Again::Never));
    };
    Ok(Sensors { sensors: sensors.0, total: answer.total_results.0, more: answer.has_more_results.0 })
}

/// How many sensors there are, whatever they are.
pub(super) fn one() -> Result<Draft, VendorError> {
    query(&[], 0, 1)
}

/// Sensors that have been put away are no hosts.
fn not_archived() -> SensorFilter {
    SensorFilter { field_name: "status", operator: "NotEquals", values: vec![ARCHIVED.to_owned()] }
}

/// What offsets count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counting {
    Pages,
    Rows,
}

/// Where the next answer begins.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    counting: Counting,
    offset: usize,
    /// How many rows came before.
    seen: u64,
    /// The second row of the first answer: with it an answer begins whose offset of 1 was counted in rows.
    second: Option<Box<str>>,
    /// The first row of the answer before: an answer that begins with it brings nothing new.
    first: Option<Box<str>>,
}

/// The most answers that an inventory is read in, where the console does not say how many sensors there are.
const MOST_ANSWERS: usize = 10_000;

impl Place {
    const START: Self = Self { counting: Counting::Pages, offset: 0, seen: 0, second: None, first: None };

    fn write(&self) -> Cursor {
        let counting = if self.counting == Counting::Rows { 'r' } else { 'p' };
        let (second, first) = (self.second.as_deref().unwrap_or_default(), self.first.as_deref().unwrap_or_default());
        Cursor(format!("{counting}\n{}\n{}\n{second}\n{first}", self.offset, self.seen).into())
    }

    fn read(cursor: &Cursor) -> Option<Self> {
        let mut parts = cursor.0.splitn(5, '\n');
        let counting = if parts.next()? == "r" { Counting::Rows } else { Counting::Pages };
        let (offset, seen) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let mut row = || parts.next().filter(|text| !text.is_empty()).map(Into::into);
        Some(Self { counting, offset, seen, second: row(), first: row() })
    }

    /// Where the answer after this one begins; `None` if this was the last.
    fn after(&self, answer: &Sensors) -> Result<Option<Self>, VendorError> {
        let rows = answer.sensors.len();
        let row = |at: usize| answer.sensors.get(at).and_then(key).filter(|key| !key.contains('\n'));
        let is = |row: Option<&str>, known: &Option<Box<str>>| {
            row.zip(known.as_deref()).is_some_and(|(row, known)| row.eq_ignore_ascii_case(known))
        };
        let overlaps =
            self.offset == 1 && self.counting == Counting::Pages && (0..3).any(|at| is(row(at), &self.second));
        // All of this answer but its last row was there before; from now on rows are counted.
        let (counting, seen) = match self.counting {
            Counting::Pages if overlaps => (Counting::Rows, rows as u64 + 1),
            counting => (counting, self.seen + rows as u64),
        };
        let over = match answer.more {
            Some(more) => !more,
            None => answer.total.is_none_or(|total| seen >= total),
        };
        if rows == 0 || over || is(row(0), &self.first) {
            return Ok(None);
        }
        if answer.total.is_some_and(|total| self.seen >= total && self.offset > 0)
            || answer.total.is_none() && self.offset >= MOST_ANSWERS
        {
            let text = format!("the console's list of sensors does not end: it says that there are more than {seen}");
            return Err(VendorError::new(FailureKind::Protocol, text, Again::Never));
        }
        let offset = match counting {
            Counting::Pages => self.offset + 1,
            Counting::Rows => usize::try_from(seen).unwrap_or(usize::MAX),
        };
        let second = row(1).filter(|_| self.offset == 0).map(Into::into);
        Ok(Some(Self { counting, offset, seen, second, first: row(0).map(Into::into) }))
    }
}

/// What tells a sensor from every other.
fn key(sensor: &Sensor) -> Option<&str> {
    sensor.sensor_id.as_str().or(sensor.pylum_id.as_str())
}

impl Cybereason {
    async fn sensors(&self, filters: &[SensorFilter], place: &Place) -> Result<Sensors, VendorError> {
        self.sessions.ask(&query(filters, place.offset, PAGE)?, judge).await
    }

    /// One page of the inventory.
    pub(super) async fn page(&self, cursor: Option<&Cursor>) -> Result<Page, VendorError> {
        let place = match cursor {
            Some(cursor) => Place::read(cursor).ok_or_else(|| {
                VendorError::new(FailureKind::Internal, "a cursor that is none of this console's", Again::Never)
            })?,
            None => Place::START,
        };
        if self.goes_by_machines() {
            return Err(no_list());
        }
        let filter = [not_archived()];
        let unfiltered = self.lists_all.load(Ordering::Relaxed);
        let answer = match self.sensors(if unfiltered { &[] } else { &filter }, &place).await {
            Err(error) if error.failure().kind == FailureKind::Unsupported && !unfiltered && cursor.is_none() => {
                self.lists_all.store(true, Ordering::Relaxed);
                self.sensors(&[], &place).await?
            }
            answer => answer?,
        };
        let next = place.after(&answer)?;
        let here = answer.sensors.iter().filter(|sensor| !is_archived(sensor)).count();
        let put_away = (answer.sensors.len() - here) as u64;
        Ok(Page {
            hosts: answer.sensors.iter().filter(|sensor| !is_archived(sensor)).map(host).collect(),
            next: next.map(|next| next.write()),
            total: answer.total.map(|total| total.saturating_sub(put_away)),
        })
    }

    /// Every sensor that fits one condition, each once.
    async fn all_of(&self, filter: SensorFilter) -> Result<Vec<Sensor>, VendorError> {
        let filters = [filter];
        let (mut known, mut found) = (HashSet::new(), Vec::new());
        let (mut place, mut total) = (Some(Place::START), None);
        for _ in 0..MOST_PAGES {
            let Some(here) = place else { break };
            let answer = self.sensors(&filters, &here).await?;
            total = answer.total.or(total);
            let fresh = |sensor: &&Sensor| key(sensor).is_none_or(|key| known.insert(key.to_ascii_lowercase()));
            found.extend(answer.sensors.iter().filter(fresh).cloned());
            place = here.after(&answer)?;
        }
        if place.is_some() {
            let text = "more sensors fit than are worth to be asked for one by one";
            return Err(VendorError::new(FailureKind::Unsupported, text, Again::Never));
        }
        if total.is_some_and(|total| total > found.len() as u64) {
            let text = "the console's sensors changed while they were read: fewer came than it counts";
            return Err(VendorError::new(FailureKind::Protocol, text, Again::Backoff));
        }
        Ok(found)
    }

    /// The hosts that selectors may name. More may come than fit; all that fit do.
    pub(super) async fn find_hosts(&self, selectors: &[Selector]) -> Result<Vec<Host>, VendorError> {
        let wanted = Wanted::of(selectors);
        if !self.goes_by_machines() {
            match self.sensors_named(&wanted).await {
                Err(error) => self.take_other_way(error)?,
                found => return found,
            }
        }
        self.machines_named(&wanted).await
    }

    async fn sensors_named(&self, wanted: &Wanted) -> Result<Vec<Host>, VendorError> {
        let mut hosts = Vec::new();
        for filter in wanted.filters() {
            let found = self.all_of(filter).await?;
            hosts.extend(found.iter().filter(|sensor| !is_archived(sensor)).map(host));
        }
        if let Some(filter) = wanted.longer_names(&hosts) {
            let found = self.all_of(filter).await?;
            hosts.extend(found.iter().filter(|sensor| !is_archived(sensor)).map(host));
        }
        Ok(hosts)
    }

    /// The hosts with these sensors. One that was put away says nothing beside one under the same id that was not.
    async fn hosts_with(&self, ids: Vec<String>) -> Result<Vec<Host>, VendorError> {
        if self.goes_by_machines() {
            return self.machines_with(ids).await;
        }
        let filter = SensorFilter { field_name: "pylumId", operator: "Equals", values: ids.clone() };
        match self.all_of(filter).await {
            Ok(found) => {
                let (away, here): (Vec<_>, Vec<_>) = found.iter().partition(|sensor| is_archived(sensor));
                let mut hosts: Vec<Host> = here.into_iter().map(host).collect();
                let known: HashSet<HostId> = hosts.iter().map(|host| host.id.clone()).collect();
                hosts.extend(away.into_iter().map(host).filter(|host| !known.contains(&host.id)));
                Ok(hosts)
            }
            Err(error) => {
                self.take_other_way(error)?;
                self.machines_with(ids).await
            }
        }
    }

    /// How hosts stand, in their order.
    pub(super) async fn look(&self, targets: &[Target]) -> Result<Vec<Observed>, VendorError> {
        let ids: Vec<String> = targets.iter().flat_map(|target| spellings(target.id.as_str())).collect();
        let mut by_id: HashMap<HostId, Observed> = HashMap::new();
        for host in self.hosts_with(ids).await? {
            let state = host.state.unwrap_or_else(not_told);
            let seen = Observed::State { state, able: host.able, last_seen: host.last_seen };
            by_id.entry(host.id).and_modify(|known| merge(known, &seen)).or_insert(seen);
        }
        Ok(targets.iter().map(|target| by_id.get(&target.id).cloned().unwrap_or(Observed::NoSuchHost)).collect())
    }
}

/// Two sensors under one id that stand differently are in no state that is known.
fn merge(known: &mut Observed, other: &Observed) {
    if let (Observed::State { state, .. }, Observed::State { state: again, .. }) = (known, other)
        && state.isolation != again.isolation
    {
        state.isolation = Isolation::Unknown;
    }
}

/// An id as it was written, and as the console may spell it: whether it tells capitals apart is not documented.
fn spellings(id: &str) -> Vec<String> {
    let mut all = vec![id.to_owned()];
    for other in [id.to_ascii_uppercase(), id.to_ascii_lowercase()] {
        if !all.contains(&other) {
            all.push(other);
        }
    }
    all
}

/// What a batch of selectors asks for, by what it is compared with.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) names: Vec<String>,
    short: Vec<String>,
    pub(super) addresses: Vec<String>,
    pub(super) ids: Vec<String>,
    pub(super) macs: Vec<String>,
}

impl Wanted {
    fn of(selectors: &[Selector]) -> Self {
        let mut wanted = Self::default();
        for selector in selectors {
            match selector.named() {
                Named::Id(id) => wanted.ids.extend(spellings(id)),
                Named::Ip(address) => wanted.addresses.push(address.to_string()),
                Named::Mac(mac) => wanted.macs.push(suffix(mac)),
                // The console has a machine by its bare name, some by the full one.
                Named::Name(name) => match name.split_once('.') {
                    Some((short, _)) => wanted.names.extend([name.to_owned(), short.to_owned()]),
                    None => {
                        wanted.names.push(name.to_owned());
                        wanted.short.push(name.to_owned());
                    }
                },
            }
        }
        wanted.names.sort_unstable();
        wanted.names.dedup();
        wanted
    }

    fn filters(&self) -> impl Iterator<Item = SensorFilter> + use<> {
        let of =
            |field_name, operator, values: &[String]| SensorFilter { field_name, operator, values: values.to_vec() };
        let filters = [
            of("machineName", "EqualsIgnoreCase", &self.names),
            of("internalIpAddress", "Equals", &self.addresses),
            of("pylumId", "Equals", &self.ids),
            of("pylumId", "ContainsIgnoreCase", &self.macs),
        ];
        filters.into_iter().filter(|filter| !filter.values.is_empty())
    }

    /// Machines that the console has under their full names, for the bare names that nothing was found for.
    fn longer_names(&self, found: &[Host]) -> Option<SensorFilter> {
        let known: HashSet<String> = found.iter().filter_map(|host| host.name.as_deref()).map(fold_name).collect();
        let missing = self.short.iter().filter(|name| !known.contains(&fold_name(name)));
        let values: Vec<String> = missing.map(|name| format!("{name}.")).collect();
        (!values.is_empty()).then_some(SensorFilter {
            field_name: "machineName",
            operator: "ContainsIgnoreCase",
            values,
        })
    }
}

/// How a MAC address stands at the end of an id.
fn suffix(mac: MacAddr) -> String {
    mac.0.iter().fold("_".to_owned(), |text, byte| text + &format!("{byte:02X}"))
}

fn is_archived(sensor: &Sensor) -> bool {
    sensor.status.as_str().is_some_and(|status| status.eq_ignore_ascii_case(ARCHIVED))
}

fn not_told() -> HostState {
    HostState { isolation: Isolation::Unknown, word: "not_told".into() }
}

/// Whether a row's two ids are of two sensors: then nobody knows which of them is on the host that is named.
fn is_of_two(sensor: &Sensor) -> bool {
    let behind = sensor.sensor_id.as_str().and_then(|id| id.split_once(':')).map(|(_, id)| id);
    behind.zip(sensor.pylum_id.as_str()).is_some_and(|(long, short)| {
        let of_a_sensor = long.get(..PYLUM.len()).is_some_and(|start| start.eq_ignore_ascii_case(PYLUM));
        of_a_sensor && !long.eq_ignore_ascii_case(short)
    })
}

/// The host that a sensor is on.
pub(super) fn host(sensor: &Sensor) -> Host {
    let from_long = || sensor.sensor_id.as_str().and_then(|id| id.split_once(':')).map(|(_, id)| id);
    let id = sensor.pylum_id.as_str().or_else(from_long).unwrap_or_default();
    let fqdn = sensor.fqdn.as_str().map(|name| name.trim_end_matches('.'));
    let name = sensor.machine_name.as_str().or(fqdn);
    // The full name is the bare one with a domain, or another name of the machine.
    let behind = |bare: &str| {
        let full = fqdn?;
        let (short, domain) = full.split_once('.')?;
        (fold_name(short) == fold_name(bare)).then(|| domain.to_owned())
    };
    let bare = name.filter(|name| !name.contains('.'));
    let domain = bare.map(|bare| behind(bare).unwrap_or_default());
    let is_other = fqdn.is_some_and(|full| name != Some(full)) && domain.as_deref().is_none_or(str::is_empty);
    let mut addresses = Vec::new();
    let mut more_addresses = false;
    for text in sensor.internal_ip_address.as_str().into_iter().flat_map(|text| text.split([',', ' ', ';'])) {
        match parse_ip(text) {
            Some(address) => addresses.push(address),
            None => more_addresses |= !text.is_empty(),
        }
    }
    let of_two = is_of_two(sensor);
    let state = match sensor.isolated.0 {
        _ if of_two => not_told(),
        Some(true) => HostState { isolation: Isolation::Isolated, word: "isolated".into() },
        Some(false) => HostState { isolation: Isolation::NotIsolated, word: "not_isolated".into() },
        None => not_told(),
    };
    let online = match sensor.status.as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("online") => Some(true),
        Some("offline" | "stale" | "archived") => Some(false),
        _ => None,
    };
    let heard = sensor.last_pylum_info_msg_update_time.number().filter(|at| *at > 0);
    Host {
        id: HostId::new(id),
        name: name.map(Into::into),
        aliases: fqdn.filter(|_| is_other).map(Into::into).into_iter().collect(),
        domain: domain.map(Into::into),
        addresses,
        more_addresses,
        macs: mac_of(id).into_iter().collect(),
        state: Some(state),
        able: if of_two { Abilities { isolate: Some(false), release: Some(false) } } else { Abilities::default() },
        caution: None,
        unable: of_two.then_some("the console tells two sensors of this host, one as `sensorId` and one as `pylumId`"),
        online,
        last_seen: heard.and_then(|at| Timestamp::from_millisecond(at).ok()).map(|at| clock::rfc3339(at).into()),
        os: sensor.os_version_type.as_str().or(sensor.os_type.as_str()).map(Into::into),
        group: sensor.group_name.as_str().map(Into::into),
        product: None,
    }
}

/// The address of the card that an id ends with.
pub(super) fn mac_of(id: &str) -> Option<MacAddr> {
    let (_, digits) = id.rsplit_once('_')?;
    if digits.len() != 12 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let [_, _, bytes @ ..] = u64::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some(MacAddr(bytes))
}

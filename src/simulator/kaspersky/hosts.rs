//! Searches for hosts, and what is told of them. What is not known of a host is not there, rather than `null`.

use std::{cell::RefCell, cmp::Reverse, collections::HashMap};

use serde_json::{Value, json};

use super::{
    Answer, Caller, Kaspersky, Params,
    arguments::{Arguments, Order},
    errors::{Failure, PxgError},
    filter::{Circumstances, Filter},
    groups, results, returns,
    sessions::{self, Rows},
    values::{Field, wrapped},
};
use crate::{
    domain::host::Isolation,
    simulator::{
        faults::UnknownAttribute,
        guid::Guid,
        truth::{Inner, Truth},
    },
};

/// Attributes of hosts that are known.
const ATTRIBUTES: [&str; 22] = [
    "KLHST_WKS_HOSTNAME",
    "KLHST_WKS_DN",
    "KLHST_WKS_WINHOSTNAME",
    "KLHST_WKS_WINDOMAIN",
    "KLHST_WKS_DNSNAME",
    "KLHST_WKS_DNSDOMAIN",
    "KLHST_WKS_FQDN",
    "KLHST_INSTANCEID",
    "KLHST_WKS_IP_LONG",
    "KLHST_WKS_IP",
    "KLHST_WKS_STATUS",
    "KLHST_WKS_STATUS_ID",
    "KLHST_WKS_RTP_AV_VERSION",
    "KLHST_WKS_NAG_VERSION",
    "KLHST_WKS_EDR_STATUS",
    "KLHST_WKS_OS_NAME",
    "KLHST_WKS_GROUPID",
    "KLHST_WKS_LAST_VISIBLE",
    "KLHST_WKS_LAST_NAGENT_CONNECTED",
    "KLHST_WKS_CREATED",
    "KLHST_WKS_FROM_UNASSIGNED",
    "name",
];

/// How long a result lies unread for a client that does not say it.
const USUAL_LIFE: i64 = 600;

impl Kaspersky {
    /// Reads a filter, and refuses one that is too long or speaks of what nobody knows.
    pub(super) fn filter(&self, text: &str, known: &[&str]) -> Result<Filter, PxgError> {
        let limit = self.settings().filter_limit;
        if limit > 0 && text.chars().count() > limit {
            return Err(PxgError::too_long("filter"));
        }
        let filter = Filter::read(text).ok_or_else(|| PxgError::malformed(text))?;
        let mut unknown = None;
        filter.each_test(&mut |test| {
            if !known.contains(&test.attribute.as_str()) {
                unknown.get_or_insert(&test.attribute);
            }
        });
        match unknown {
            Some(name) if self.settings().unknown_attribute == UnknownAttribute::Refused => {
                Err(PxgError::malformed(name))
            }
            _ => Ok(filter),
        }
    }

    pub(super) fn circumstances(&self) -> Circumstances {
        Circumstances { now: self.truth.now(), ignore_case: self.settings().ignore_case }
    }

    /// Keeps what was found, and tells where and how much it is.
    pub(super) fn keep(&self, rows: Rows, arguments: &Arguments, caller: &Caller) -> Answer {
        let count = rows.len();
        let accessor = self.hold(rows, arguments, "lMaxLifeTime", caller)?;
        Ok(results([("strAccessor", accessor.into()), ("PxgRetVal", count.into())]))
    }

    /// Keeps what was found for as long as is said; its name.
    pub(super) fn hold(
        &self,
        rows: Rows,
        arguments: &Arguments,
        life: &str,
        caller: &Caller,
    ) -> Result<String, Failure> {
        let seconds = if arguments.given(life).is_some() { arguments.number(life)? } else { USUAL_LIFE };
        let life = sessions::life(seconds, life)?;
        self.sessions().keep(&caller.owner, rows, life, self.truth.elapsed())
    }

    pub(super) fn find_hosts(&self, arguments: &Arguments, caller: &Caller) -> Answer {
        self.keep(self.search(arguments, caller)?, arguments, caller)
    }

    pub(super) fn find_hosts_later(&self, arguments: &Arguments, caller: &Caller) -> Answer {
        let request = self.hold(self.search(arguments, caller)?, arguments, "lMaxLifeTime", caller)?;
        Ok(results([("strRequestId", request.into())]))
    }

    /// A search in the background is done at once, and found under its own name.
    pub(super) fn found_hosts(&self, arguments: &Arguments, caller: &Caller) -> Answer {
        let request = arguments.text("strRequestId")?;
        let count = self.sessions().count(&caller.owner, request, self.truth.elapsed())?;
        Ok(results([("strAccessor", request.into()), ("pFailedSlavesInfo", json!({})), ("PxgRetVal", count.into())]))
    }

    fn search(&self, arguments: &Arguments, caller: &Caller) -> Result<Rows, PxgError> {
        let filter = self.filter(arguments.text_or_empty("wstrFilter")?, &ATTRIBUTES)?;
        let fields = arguments.names("vecFieldsToReturn")?;
        let order = arguments.order("vecFieldsToOrder")?;
        if let Some((name, _)) = order.iter().find(|(name, _)| !ATTRIBUTES.contains(&name.as_str())) {
            return Err(PxgError::malformed(name));
        }
        let around = self.circumstances();
        let inner = self.truth.lock();
        let passes = |number: &u32| {
            // A filter for many names asks for the same few attributes again and again.
            let known: RefCell<HashMap<String, Option<Field>>> = RefCell::default();
            let look = |name: &str| {
                let mut known = known.borrow_mut();
                if !known.contains_key(name) {
                    known.insert(name.to_owned(), self.attribute(&inner, *number, name));
                }
                known.get(name).cloned().flatten()
            };
            filter.passes(&look, around)
        };
        let mut numbers: Vec<u32> =
            if caller.sees_hosts { self.truth.agents(&inner).filter(passes).collect() } else { Vec::new() };
        sort(&mut numbers, &order, |number, name| self.attribute(&inner, *number, name));
        Ok(Rows::Hosts(numbers, fields))
    }

    pub(super) fn count(&self, arguments: &Arguments, name: &str, caller: &Caller) -> Answer {
        let count = self.sessions().count(&caller.owner, arguments.text(name)?, self.truth.elapsed())?;
        Ok(returns(count))
    }

    pub(super) fn release(&self, arguments: &Arguments, name: &str, caller: &Caller) -> Answer {
        self.sessions().release(&caller.owner, arguments.text(name)?, self.truth.elapsed())?;
        Ok(Params::new())
    }

    pub(super) fn chunk(&self, arguments: &Arguments, caller: &Caller) -> Answer {
        let rows = self.rows(arguments, "strAccessor", caller, arguments.count("nCount")?)?;
        let count = rows.len();
        Ok(results([("PxgRetVal", count.into()), ("pChunk", json!({"KLCSP_ITERATOR_ARRAY": rows}))]))
    }

    /// Some rows of a result, as they are told.
    pub(super) fn rows(
        &self,
        arguments: &Arguments,
        name: &str,
        caller: &Caller,
        count: usize,
    ) -> Result<Vec<Value>, Failure> {
        let (held, from) = (arguments.text(name)?, arguments.count("nStart")?);
        let cap = self.settings().chunk_cap;
        let count = if cap > 0 { count.min(cap) } else { count };
        let rows = self.sessions().slice(&caller.owner, held, from, count, self.truth.elapsed())?;
        match rows {
            Rows::Ready(rows) => Ok(rows),
            Rows::Hosts(numbers, fields) => {
                let inner = self.truth.lock();
                Ok(numbers.iter().map(|number| wrapped(self.host(&inner, *number, &fields))).collect())
            }
        }
    }

    pub(super) fn host_info(&self, arguments: &Arguments, caller: &Caller) -> Answer {
        let inner = self.truth.lock();
        let number = self.find(&inner, arguments.text("strHostName")?, caller)?;
        let fields = arguments.names("pFields2Return")?;
        let all: Vec<String> = ATTRIBUTES.iter().map(ToString::to_string).collect();
        let host = self.host(&inner, number, if fields.is_empty() { &all } else { &fields });
        Ok(returns(host))
    }

    pub(super) fn host_tags(&self, arguments: &Arguments, caller: &Caller) -> Answer {
        let inner = self.truth.lock();
        let number = self.find(&inner, arguments.text("szwHostId")?, caller)?;
        let tag = &self.settings().isolation_tag;
        let isolated = self.truth.state(&inner, number) == Isolation::Isolated;
        let mut tags = Vec::new();
        if isolated && !tag.is_empty() {
            let told = [("KLHST_TagValue", tag.as_str().into()), ("KLHST_IS_TAG_SET_BY_PRODUCT", true.into())];
            tags.push(wrapped(results(told)));
        }
        Ok(returns(tags))
    }

    /// The host with this id, spelt in any case.
    pub(super) fn find(&self, inner: &Inner, id: &str, caller: &Caller) -> Result<u32, PxgError> {
        let number = Truth::find(inner, Guid::of_text(id)).filter(|_| caller.sees_hosts);
        number.ok_or_else(|| PxgError::not_found(id))
    }

    fn host(&self, inner: &Inner, number: u32, fields: &[String]) -> Params {
        let told = fields.iter().filter_map(|name| Some((name.clone(), self.attribute(inner, number, name)?.json())));
        told.collect()
    }

    /// One attribute of a host; `None` for what is not known of it.
    pub(super) fn attribute(&self, inner: &Inner, number: u32, name: &str) -> Option<Field> {
        let fleet = &inner.fleet;
        let guid = fleet.guid(number);
        let agent = fleet.has_agent(number);
        let sparse = !agent && self.settings().sparse_hosts;
        let text = |text: String| Some(text).filter(|text| !text.is_empty()).map(Field::Text);
        let known = |field: Option<Field>| field.filter(|_| !sparse);
        match name {
            "KLHST_WKS_HOSTNAME" => text(fleet.id(number)),
            "KLHST_WKS_DN" => text(fleet.names(number).display),
            "KLHST_WKS_WINHOSTNAME" => text(fleet.names(number).netbios),
            "KLHST_WKS_WINDOMAIN" => {
                let domain = fleet.names(number).domain;
                text(domain.split('.').next().filter(|name| !name.is_empty()).unwrap_or("WORKGROUP").to_uppercase())
            }
            "KLHST_WKS_DNSNAME" => known(text(fleet.names(number).dns)),
            "KLHST_WKS_DNSDOMAIN" => known(text(fleet.names(number).domain)),
            "KLHST_WKS_FQDN" => known(text(fleet.names(number).full())),
            "KLHST_INSTANCEID" => text(Guid::derived("agent", &guid.to_string()).to_string()).filter(|_| agent),
            "KLHST_WKS_IP_LONG" => known(fleet.ip_v4(number).map(|ip| Field::Long(ip.to_bits().into()))),
            "KLHST_WKS_IP" => known(fleet.ip_v4(number).map(|ip| Field::Int(i32::from_le_bytes(ip.octets()).into()))),
            "KLHST_WKS_STATUS" => Some(Field::Int(self.status(inner, number))),
            "KLHST_WKS_STATUS_ID" => Some(Field::Int(i64::from(self.truth.is_away(inner, number)))),
            "KLHST_WKS_RTP_AV_VERSION" => fleet.protection(number).map(|version| Field::Text(version.to_owned())),
            "KLHST_WKS_NAG_VERSION" => agent.then(|| Field::Text("15.1.0.20748".to_owned())),
            "KLHST_WKS_OS_NAME" => known(text(fleet.system_name(number).to_owned())),
            "KLHST_WKS_GROUPID" => Some(Field::Int(groups::group_of(inner, number))),
            "name" => text(fleet.group(number).name.to_owned()),
            "KLHST_WKS_LAST_VISIBLE" => Some(Field::Time(self.truth.last_seen(inner, number))),
            "KLHST_WKS_LAST_NAGENT_CONNECTED" => agent.then(|| Field::Time(self.truth.last_seen(inner, number))),
            "KLHST_WKS_CREATED" => "2024-03-01T08:00:00Z".parse().ok().map(Field::Time),
            "KLHST_WKS_FROM_UNASSIGNED" => Some(Field::Bool(false)),
            _ => None,
        }
    }

    fn status(&self, inner: &Inner, number: u32) -> i64 {
        const VISIBLE: i64 = 1;
        const AGENT: i64 = 4;
        const ALIVE: i64 = 8;
        const PROTECTION: i64 = 16;
        let here = !self.truth.is_away(inner, number);
        let bit = |set: bool, bit: i64| if set { bit } else { 0 };
        let agent = inner.fleet.has_agent(number);
        bit(here, VISIBLE)
            | bit(agent, AGENT)
            | bit(agent && here, ALIVE)
            | bit(inner.fleet.protection(number).is_some(), PROTECTION)
    }
}

/// By what rows are sorted.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i64),
    Text(String),
}

impl Key {
    fn of(field: Field) -> Self {
        match (field.number(), field) {
            (Some(number), _) => Self::Number(number),
            (None, Field::Text(text) | Field::Words(text)) => Self::Text(text.to_lowercase()),
            (None, Field::Time(time) | Field::Date(time)) => Self::Number(time.as_second()),
            (None, _) => Self::Number(0),
        }
    }
}

/// Sorts rows by attributes, upwards or downwards each; what has no such attribute comes first.
pub(super) fn sort<T>(rows: &mut [T], order: &Order, attribute: impl Fn(&T, &str) -> Option<Field>) {
    for (name, upwards) in order.iter().rev() {
        let key = |row: &T| attribute(row, name).map(Key::of);
        if *upwards {
            rows.sort_by_cached_key(key);
        } else {
            rows.sort_by_cached_key(|row| Reverse(key(row)));
        }
    }
}

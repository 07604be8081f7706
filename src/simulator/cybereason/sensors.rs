//! Sensors: the query for them, and what is told of each.

use std::{collections::HashSet, sync::atomic::Ordering};

use serde_json::{Value, json};

use super::{Cybereason, reply::Reply};
use crate::simulator::{
    faults::{Combining, Counting, SensorStatus},
    fleet::pylum::ORGANIZATION,
    truth::{Inner, Truth},
};

/// The number of the server that every sensor talks to.
const SERVER: &str = "5f0c1a2b3c4d5e6f70819203";

/// Fields that filters know.
const FIELDS: [&str; 13] = [
    "machineName",
    "fqdn",
    "pylumId",
    "sensorId",
    "guid",
    "internalIpAddress",
    "externalIpAddress",
    "status",
    "osType",
    "groupId",
    "groupName",
    "isolated",
    "organization",
];

const OPERATORS: [&str; 4] = ["Equals", "NotEquals", "EqualsIgnoreCase", "ContainsIgnoreCase"];

/// A machine away for longer than this is stale.
const STALE_DAYS: i64 = 30;

/// One condition.
struct Filter {
    field: String,
    operator: String,
    /// As they were given, and in small letters.
    values: Vec<String>,
    exact: HashSet<String>,
    folded: HashSet<String>,
}

impl Filter {
    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let values = value.get("values").and_then(Value::as_array)?;
        let as_text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let values: Vec<String> = values.iter().map(as_text).collect();
        Some(Self {
            field: text("fieldName")?,
            operator: text("operator").unwrap_or_else(|| "Equals".to_owned()),
            exact: values.iter().cloned().collect(),
            folded: values.iter().map(|value| value.to_lowercase()).collect(),
            values: values.iter().map(|value| value.to_lowercase()).collect(),
        })
    }

    fn fits(&self, own: &str, case_sensitive: bool) -> bool {
        let folded = own.to_lowercase();
        let equal = || if case_sensitive { self.exact.contains(own) } else { self.folded.contains(&folded) };
        match self.operator.as_str() {
            "NotEquals" => !equal(),
            "EqualsIgnoreCase" => self.folded.contains(&folded),
            "ContainsIgnoreCase" => self.values.iter().any(|value| folded.contains(value.as_str())),
            _ => equal(),
        }
    }
}

impl Cybereason {
    /// Answers `POST /rest/sensors/query`.
    pub(super) fn sensors(&self, body: &Value) -> Reply {
        let settings = self.settings();
        let Some(filters) = filters(body) else { return Reply::status(400, "malformed filters") };
        let unknown = |filter: &Filter| {
            !FIELDS.contains(&filter.field.as_str())
                || !OPERATORS.contains(&filter.operator.as_str())
                || settings.unknown_filters.iter().any(|name| *name == filter.field || *name == filter.operator)
        };
        if filters.iter().any(unknown) {
            return Reply::json(&json!({"totalResults": 0, "hasMoreResults": false}));
        }
        let number =
            |name: &str| body.get(name).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
        let limit = number("limit").unwrap_or(settings.page_size).min(settings.page_size);
        let offset = number("offset").unwrap_or(0);
        let sorts_by_name = body.get("sortingFieldName").and_then(Value::as_str) == Some("machineName");
        let inner = self.truth.lock();
        let fits = |number: &u32| {
            let one =
                |filter: &Filter| filter.fits(&self.field(&inner, *number, &filter.field), settings.case_sensitive);
            match settings.filters {
                Combining::All => filters.iter().all(one),
                Combining::Any => filters.is_empty() || filters.iter().any(one),
            }
        };
        let mut fitting: Vec<u32> = self.truth.agents(&inner).filter(fits).collect();
        if sorts_by_name {
            fitting.sort_by_cached_key(|number| (self.machine_name(&inner, *number), *number));
        }
        let start = match settings.offset {
            Counting::Pages => offset.saturating_mul(limit),
            Counting::Rows => offset,
        };
        let mut total = fitting.len();
        let start = if settings.endless { start.min(total.saturating_sub(1)) } else { start };
        let more = settings.endless || start.saturating_add(limit) < total;
        if settings.growing_total {
            total += usize::try_from(self.grown.fetch_add(1, Ordering::Relaxed)).unwrap_or_default();
        }
        let page: Vec<Value> =
            fitting.into_iter().skip(start).take(limit).map(|number| self.sensor(&inner, number)).collect();
        drop(inner);
        let mut answer =
            json!({"totalResults": total, "sensors": page, "sensorsStatus": {"@class": ".SensorsStatusOverview"}});
        if let (true, Some(answer)) = (settings.tells_more, answer.as_object_mut()) {
            answer.insert("hasMoreResults".to_owned(), more.into());
        }
        self.change_after_page((start / limit.max(1)) as u64 + 1);
        Reply::json(&answer)
    }

    /// The inventory moves while it is read.
    fn change_after_page(&self, page: u64) {
        let listing = &self.faults.listing;
        if listing.insert_after_page == Some(page) && !self.inserted.swap(true, Ordering::Relaxed) {
            self.truth.insert_first();
        }
        if listing.remove_after_page == Some(page) && !self.removed.swap(true, Ordering::Relaxed) {
            self.truth.remove_first();
        }
    }

    /// How a sensor stands to the console.
    pub(super) fn status(&self, inner: &Inner, number: u32) -> SensorStatus {
        let said = self.truth.script.sensor(inner.fleet.guid(number)).and_then(|sensor| sensor.status);
        said.unwrap_or_else(|| {
            if !Truth::is_out_of_reach(inner, number) {
                return SensorStatus::Online;
            }
            let away = self.truth.now().duration_since(self.truth.last_seen(inner, number));
            if away.as_hours() > STALE_DAYS * 24 { SensorStatus::Stale } else { SensorStatus::Offline }
        })
    }

    /// The name that the console has of a machine.
    pub(super) fn machine_name(&self, inner: &Inner, number: u32) -> String {
        if self.settings().full_names {
            inner.fleet.name(number).to_lowercase()
        } else {
            inner.fleet.machine_name(number)
        }
    }

    fn status_word(&self, inner: &Inner, number: u32) -> &'static str {
        match self.status(inner, number) {
            SensorStatus::Online => "Online",
            SensorStatus::Offline => "Offline",
            SensorStatus::Stale => "Stale",
            SensorStatus::Archived => "Archived",
        }
    }

    /// What a filter compares.
    fn field(&self, inner: &Inner, number: u32, name: &str) -> String {
        let fleet = &inner.fleet;
        match name {
            "machineName" => self.machine_name(inner, number),
            "fqdn" => fleet.name(number).to_lowercase(),
            "pylumId" => fleet.id(number),
            "sensorId" => format!("{SERVER}:{}", fleet.id(number)),
            "guid" => machine_guid(inner, number),
            "internalIpAddress" => fleet.ip(number).to_string(),
            "externalIpAddress" => fleet.external_ip(number).to_string(),
            "status" => self.status_word(inner, number).to_owned(),
            "osType" => "WINDOWS".to_owned(),
            "groupId" => fleet.group(number).guid.to_string(),
            "groupName" => fleet.group(number).name.to_owned(),
            "isolated" => self.truth.is_off(inner, number).to_string(),
            _ => ORGANIZATION.to_lowercase(),
        }
    }

    fn sensor(&self, inner: &Inner, number: u32) -> Value {
        let fleet = &inner.fleet;
        let id = fleet.id(number);
        let online = self.status(inner, number) == SensorStatus::Online;
        let heard = self.truth.last_seen(inner, number).as_millisecond();
        let group = fleet.group(number);
        let word = self.status_word(inner, number);
        json!({
            "sensorId": format!("{SERVER}:{id}"),
            "pylumId": id,
            "guid": machine_guid(inner, number),
            "machineName": self.machine_name(inner, number),
            "fqdn": fleet.name(number).to_lowercase(),
            "internalIpAddress": fleet.ip(number).to_string(),
            "externalIpAddress": fleet.external_ip(number).to_string(),
            "osType": "WINDOWS",
            "osVersionType": fleet.system(number).0.split(" (").next().unwrap_or_default().replace(' ', "_"),
            "version": "23.2.110.0",
            "status": word,
            "disconnected": !online,
            "serviceStatus": if online { "Up" } else { "Down" },
            "isolated": self.truth.is_off(inner, number),
            "outdated": false,
            "organization": ORGANIZATION.to_lowercase(),
            "siteId": 0,
            "siteName": "Default",
            "groupId": group.guid.to_string(),
            "groupName": group.name,
            "serverId": SERVER,
            "serverName": "acme-1-t",
            "disconnectionTime": if online { 0 } else { heard },
            "lastPylumInfoMsgUpdateTime": heard,
            "actionsInProgress": 0,
            "pendingActions": [],
            "criticalAsset": null,
            "customTags": null,
        })
    }
}

/// The conditions of a query: none, if it has none.
fn filters(body: &Value) -> Option<Vec<Filter>> {
    match body.get("filters") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(filters)) => filters.iter().map(Filter::read).collect(),
        Some(_) => None,
    }
}

/// What other calls know a machine by.
pub(super) fn machine_guid(inner: &Inner, number: u32) -> String {
    let hash = inner.fleet.guid(number).hash(77);
    format!("-{}.1198775089551518743", hash >> 33)
}

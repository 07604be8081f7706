//! Investigation queries: linear chains of elements, filters, and limits that really cut off.

use std::{
    collections::{BTreeSet, HashMap},
    sync::atomic::Ordering,
};

use serde_json::{Map, Value, json};

use super::{Cybereason, paging, reply::Reply, sensors::machine_guid, world::World};
use crate::simulator::{
    faults::{Guessed, SensorStatus},
    truth::Inner,
};

/// One element: its kind, and its place among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Element(Kind, usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Malop,
    Process,
    Machine,
    Connection,
    Domain,
    Address,
    Interface,
}

impl Kind {
    const ALL: [(&'static str, Self); 7] = [
        ("MalopProcess", Self::Malop),
        ("Process", Self::Process),
        ("Machine", Self::Machine),
        ("Connection", Self::Connection),
        ("DomainName", Self::Domain),
        ("IpAddress", Self::Address),
        ("NetworkInterface", Self::Interface),
    ];

    fn read(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind)
    }

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }
}

/// What a query could not be made of.
pub(super) struct Bad(pub(super) &'static str);

/// What an element says of itself.
#[derive(Default)]
struct Features {
    simple: Vec<(&'static str, Vec<String>, u64)>,
    linked: Vec<(&'static str, Vec<(String, String)>)>,
}

impl Cybereason {
    /// Answers a query; `only_malops`: whether nothing else is asked for there.
    pub(super) fn search(&self, body: &Value, only_malops: bool) -> Reply {
        let inner = self.truth.lock();
        let graph = Graph { world: &self.world, inner: &inner, console: self };
        match graph.answer(body, only_malops) {
            Ok(mut answer) => {
                if self.partial.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    answer["status"] = "PARTIAL_SUCCESS".into();
                    answer["message"] = "some servers did not answer: 408 Request Timeout".into();
                    answer["failures"] = 1.into();
                }
                Reply::json(&answer)
            }
            Err(Bad(text)) => Reply::status(500, text),
        }
    }
}

struct Graph<'a> {
    world: &'a World,
    inner: &'a Inner,
    console: &'a Cybereason,
}

impl Graph<'_> {
    fn answer(&self, body: &Value, only_malops: bool) -> Result<Value, Bad> {
        let path = body.get("queryPath").and_then(Value::as_array).filter(|path| !path.is_empty());
        let path = path.ok_or(Bad("queryPath is missing"))?;
        let is_result =
            |part: &Value| part.get("isResult").or(part.get("result")).and_then(Value::as_bool) == Some(true);
        let result = path.iter().position(is_result).ok_or(Bad("no element is the result"))?;
        if path.iter().filter(|part| is_result(part)).count() != 1 {
            return Err(Bad("more than one element is the result"));
        }
        let mut sets: Vec<Vec<Element>> = Vec::new();
        for (place, part) in path.iter().enumerate() {
            let kind = part.get("requestedType").and_then(Value::as_str).and_then(Kind::read);
            let kind = kind.ok_or(Bad("unknown requestedType"))?;
            if only_malops && kind != Kind::Malop {
                return Err(Bad("only MalOps are listed here"));
            }
            let before = place.checked_sub(1).and_then(|before| path.get(before).zip(sets.last()));
            let candidates = match before {
                None => self.all(kind),
                Some((link, from)) => self.follow(link, from)?,
            };
            let mut kept = Vec::new();
            for element in candidates.into_iter().filter(|element| element.0 == kind) {
                if self.fits(element, part)? {
                    kept.push(element);
                }
            }
            sets.push(kept);
        }
        // What leads nowhere further on is no result.
        for place in (result..path.len().saturating_sub(1)).rev() {
            let (Some(link), Some(next)) = (path.get(place), sets.get(place + 1)) else { break };
            let next: BTreeSet<Element> = next.iter().copied().collect();
            let mut kept = Vec::new();
            for element in sets.get(place).into_iter().flatten() {
                if self.follow(link, &[*element])?.iter().any(|reached| next.contains(reached)) {
                    kept.push(*element);
                }
            }
            if let Some(set) = sets.get_mut(place) {
                *set = kept;
            }
        }
        let found: BTreeSet<Element> = sets.swap_remove(result).into_iter().collect();
        let found: Vec<Element> = found.into_iter().collect();
        let paged = paging::Wanted::read(body, self.console.settings().pagination)?;
        let possible = found.len();
        let here: Vec<Element> = match &paged {
            Some(paged) => paged.of(found),
            None => found,
        };
        let mut answer = self.rows(here, body, possible);
        if paged.is_some() {
            answer["data"]["totalResults"] = possible.into();
        }
        Ok(answer)
    }

    fn all(&self, kind: Kind) -> Vec<Element> {
        let count = match kind {
            Kind::Malop => self.world.malops.len(),
            Kind::Process => self.world.processes.len(),
            Kind::Machine | Kind::Interface => self.inner.fleet.len(),
            Kind::Connection => self.world.connections.len(),
            Kind::Domain => self.world.domains.len(),
            Kind::Address => self.world.addresses.len(),
        };
        // What the antivirus has found is no element of queries.
        let known = |at: &usize| kind != Kind::Malop || self.world.malops.get(*at).is_some_and(|malop| !malop.epp);
        (0..count).filter(known).map(|at| Element(kind, at)).collect()
    }

    fn follow(&self, part: &Value, from: &[Element]) -> Result<Vec<Element>, Bad> {
        let link = part.get("connectionFeature").ok_or(Bad("connectionFeature is missing"))?;
        let feature = link.get("featureName").and_then(Value::as_str).unwrap_or_default();
        let world = self.world;
        let step = |element: Element| -> Vec<Element> {
            let Element(kind, at) = element;
            match (kind, feature) {
                (Kind::Malop, "suspects") => {
                    let own = world.processes.iter().enumerate().filter(|(_, (malop, _))| *malop == at);
                    own.map(|(process, _)| Element(Kind::Process, process)).collect()
                }
                (Kind::Process, "ownerMachine") => world
                    .processes
                    .get(at)
                    .map(|(_, host)| Element(Kind::Machine, *host as usize))
                    .into_iter()
                    .collect(),
                (Kind::Connection, "urlDomains") => {
                    let domain = world.connections.get(at).and_then(|made| made.domain);
                    domain.map(|at| Element(Kind::Domain, at)).into_iter().collect()
                }
                (Kind::Connection, "remoteAddress") => {
                    let address = world.connections.get(at).and_then(|made| made.address);
                    address.map(|at| Element(Kind::Address, at)).into_iter().collect()
                }
                (Kind::Connection, "ownerMachine") => world
                    .connections
                    .get(at)
                    .map(|made| Element(Kind::Machine, made.host as usize))
                    .into_iter()
                    .collect(),
                (Kind::Machine, "networkInterfaces") => vec![Element(Kind::Interface, at)],
                // The addresses of the fleet's machines stand behind those that were connected to.
                (Kind::Interface, "ipAddress") => vec![Element(Kind::Address, world.addresses.len() + at)],
                _ => Vec::new(),
            }
        };
        let links = ["suspects", "ownerMachine", "urlDomains", "remoteAddress", "networkInterfaces", "ipAddress"];
        let known = links.contains(&feature);
        if known { Ok(from.iter().copied().flat_map(step).collect()) } else { Err(Bad("unknown connectionFeature")) }
    }

    fn fits(&self, element: Element, part: &Value) -> Result<bool, Bad> {
        if let Some(wanted) = part.get("guidList").and_then(Value::as_array) {
            let guid = self.guid(element);
            if !wanted.iter().any(|wanted| wanted.as_str() == Some(&guid)) {
                return Ok(false);
            }
        }
        let Some(filters) = part.get("filters").and_then(Value::as_array) else { return Ok(true) };
        let features = self.features(element);
        for filter in filters {
            let name = filter.get("facetName").and_then(Value::as_str).unwrap_or_default();
            let values: Vec<String> = filter
                .get("values")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                .collect();
            if name == "direction" && values.iter().any(|value| value == "OUTGOING_GUESSED") {
                match self.console.settings().guessed_direction {
                    Guessed::Refused => return Err(Bad("unknown value of direction")),
                    Guessed::Known | Guessed::Ignored => {}
                }
            }
            let own = features.simple.iter().find(|(known, ..)| *known == name).ok_or(Bad("unknown facetName"))?;
            let kind = filter.get("filterType").and_then(Value::as_str).unwrap_or("Equals");
            let unknown = &self.console.settings().unknown_filters;
            if unknown.iter().any(|unknown| unknown == name || unknown == kind) {
                return Err(Bad("unknown filter"));
            }
            if !compare(kind, &own.1, &values)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn guid(&self, Element(kind, at): Element) -> String {
        match kind {
            Kind::Malop => self.world.malops.get(at).map(|malop| malop.id.clone()).unwrap_or_default(),
            Kind::Machine => machine_guid(self.inner, u32::try_from(at).unwrap_or_default()),
            Kind::Process => format!("7.{at:019}"),
            Kind::Connection => format!("3.{at:019}"),
            Kind::Domain => format!("9.{at:019}"),
            Kind::Address => format!("0.{at:019}"),
            Kind::Interface => format!("5.{at:019}"),
        }
    }

    fn machine(&self, host: u32) -> String {
        self.console.machine_name(self.inner, host)
    }

    fn features(&self, element: Element) -> Features {
        let mut features = Features::default();
        let Element(kind, at) = element;
        let mut say = |name, values: Vec<String>| {
            let total = values.len() as u64;
            features.simple.push((name, values, total));
        };
        match kind {
            Kind::Malop => {
                let Some(malop) = self.world.malops.get(at) else { return features };
                let first = malop.names.first().cloned().unwrap_or_default();
                say("elementDisplayName", vec![first]);
                say("decisionFeature", vec![malop.decision.to_owned()]);
                say("detectionType", vec![malop.detection.to_owned()]);
                say("managementStatus", vec![malop.status.clone()]);
                say("creationTime", vec![malop.created.as_millisecond().to_string()]);
                say("malopStartTime", vec![malop.created.as_millisecond().to_string()]);
                say("malopLastUpdateTime", vec![malop.updated.as_millisecond().to_string()]);
                say("malopActivityTypes", vec!["CNC_COMMUNICATION".to_owned()]);
                say("closeTime", Vec::new());
                if !malop.unnamed {
                    features.simple.push(("rootCauseElementNames", malop.names.clone(), malop.causes));
                }
                let causes = malop.names.iter().map(|name| (malop.cause_type.clone(), name.clone())).collect();
                features.linked.push(("primaryRootCauseElements", causes));
                let machines = malop.machines.iter().map(|host| ("Machine".to_owned(), self.machine(*host))).collect();
                features.linked.push(("affectedMachines", machines));
            }
            Kind::Machine => {
                let host = u32::try_from(at).unwrap_or_default();
                say("elementDisplayName", vec![self.machine(host)]);
                say("pylumId", vec![self.inner.fleet.id(host)]);
                let online = self.console.status(self.inner, host) == SensorStatus::Online;
                say("isActiveProbeConnected", vec![online.to_string()]);
                say("isConnected", vec![online.to_string()]);
                say("isIsolated", vec![self.console.truth.is_off(self.inner, host).to_string()]);
            }
            Kind::Process => {
                let Some((_, host)) = self.world.processes.get(at) else { return features };
                say("elementDisplayName", vec!["rundll32.exe".to_owned()]);
                features.linked.push(("ownerMachine", vec![("Machine".to_owned(), self.machine(*host))]));
            }
            Kind::Connection => {
                let Some(made) = self.world.connections.get(at) else { return features };
                let name = |list: &[super::world::Known], at: Option<usize>| {
                    at.and_then(|at| Some(list.get(at)?.name.clone()))
                };
                let remote = name(&self.world.addresses, made.address).unwrap_or_else(|| "0.0.0.0".to_owned());
                say("elementDisplayName", vec![format!("10.20.0.11:50394 > {remote}:443")]);
                say("direction", vec![made.direction.clone()]);
                say("creationTime", vec![made.at.as_millisecond().to_string()]);
                say("calculatedCreationTime", vec![made.at.as_millisecond().to_string()]);
                say("serverAddress", vec!["0.0.0.0".to_owned()]);
                say("remotePort", vec!["443".to_owned()]);
                features.linked.push(("remoteAddress", vec![("IpAddress".to_owned(), remote)]));
            }
            Kind::Interface => say("elementDisplayName", vec!["Ethernet0".to_owned()]),
            Kind::Address if at >= self.world.addresses.len() => {
                let host = u32::try_from(at - self.world.addresses.len()).unwrap_or_default();
                say("elementDisplayName", vec![self.inner.fleet.ip(host).to_string()]);
                say("maliciousClassificationType", vec!["indifferent".to_owned()]);
            }
            Kind::Domain | Kind::Address => {
                let list = if kind == Kind::Domain { &self.world.domains } else { &self.world.addresses };
                let Some(known) = list.get(at) else { return features };
                say("elementDisplayName", vec![known.name.clone()]);
                say("maliciousClassificationType", vec![known.classification.clone()]);
                say("isInternalDomain", vec!["false".to_owned()]);
                say("everResolvedDomain", vec!["true".to_owned()]);
            }
        }
        features
    }

    /// The rows of an answer, cut off where the limits say so.
    fn rows(&self, found: Vec<Element>, body: &Value, possible: usize) -> Value {
        let limit = |name: &str, usual: usize| {
            let given = body.get(name).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
            given.filter(|limit| *limit > 0).unwrap_or(usual)
        };
        let settings = self.console.settings();
        let most = limit("totalResultLimit", 100).min(settings.row_limit);
        let (per_group, per_feature) = (limit("perGroupLimit", 100), limit("perFeatureLimit", 100));
        let fields: Vec<&str> = body
            .get("customFields")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let kind = found.first().map_or("", |element| element.0.word());
        let mut groups: HashMap<String, usize> = HashMap::new();
        let mut map = Map::new();
        for element in found {
            if map.len() >= most {
                break;
            }
            let features = self.features(element);
            let name = features.simple.first().and_then(|(_, values, _)| values.first().cloned()).unwrap_or_default();
            let in_group = groups.entry(name.clone()).or_default();
            *in_group += 1;
            if *in_group <= per_group {
                map.insert(self.guid(element), self.row(&features, &fields, per_feature, &name));
            }
        }
        let failed: Vec<String> = (1..=settings.failed_servers).map(|number| format!("detection-{number}")).collect();
        json!({
            "data": {
                "resultIdToElementDataMap": map,
                "suspicionsMap": {},
                "evidenceMap": {},
                "totalPossibleResults": possible,
                "guessedPossibleResults": 0,
                "queryLimits": {"totalResultLimit": most, "perGroupLimit": per_group, "perFeatureLimit": per_feature,
                    "groupingFeature": {"elementInstanceType": kind, "featureName": "elementDisplayName"},
                    "sortInGroupFeature": null},
                "queryTerminated": false,
                "pathResultCounts": [{"featureDescriptor": {"elementInstanceType": kind, "featureName": null}, "count": possible}],
                "guids": [],
                "paginationToken": if settings.pagination { json!(paging::TOKEN) } else { Value::Null },
                "executionUUID": null,
            },
            "status": "SUCCESS",
            "hidePartialSuccess": false,
            "message": "",
            "expectedResults": 1,
            "failures": 0,
            "failedServersInfo": {"onlineFailedServers": failed, "offlineServers": [], "onlineFailedServersPercentage": 0.0,
                "totalFailedServersPercentage": 0.0},
        })
    }

    fn row(&self, features: &Features, fields: &[&str], most: usize, name: &str) -> Value {
        let odd = self.console.settings().odd_values;
        let wanted = |name: &str| fields.is_empty() || fields.contains(&name);
        let mut simple = Map::new();
        for (name, values, total) in features.simple.iter().filter(|(name, ..)| wanted(name)) {
            let told: Vec<Value> = values.iter().take(most).map(|value| told(value, odd)).collect();
            let told = if told.is_empty() && odd { Value::Null } else { told.into() };
            simple.insert((*name).to_owned(), json!({"totalValues": total, "values": told}));
        }
        let mut linked = Map::new();
        for (name, elements) in features.linked.iter().filter(|(name, _)| wanted(name)) {
            let told: Vec<Value> = elements
                .iter()
                .take(most)
                .map(|(kind, name)| {
                    json!({"elementType": kind, "guid": "0.1", "name": name, "hasSuspicions": false, "hasMalops": true,
                        "elementValues": {}, "simpleValues": {}})
                })
                .collect();
            let row = json!({"totalValues": elements.len(), "elementValues": told, "totalSuspicious": 0,
                "totalMalicious": elements.len(), "guessedTotal": 0});
            linked.insert((*name).to_owned(), row);
        }
        json!({
            "simpleValues": simple,
            "elementValues": linked,
            "suspicions": if odd { Value::Null } else { json!({}) },
            "filterData": {"sortInGroupValue": "", "groupByValue": name},
            "isMalicious": true,
            "suspicionCount": 0,
            "labelsIds": null,
            "malopPriority": null,
        })
    }
}

/// A value as it is told: some come as numbers, some with a NUL behind them.
fn told(value: &str, odd: bool) -> Value {
    match value.parse::<i64>() {
        Ok(number) if odd => number.into(),
        _ if odd => format!("{value}\0").into(),
        _ => value.into(),
    }
}

fn compare(kind: &str, own: &[String], values: &[String]) -> Result<bool, Bad> {
    let number = |text: &String| text.parse::<i64>().ok();
    let (own_number, first, second) =
        (own.first().and_then(number), values.first().and_then(number), values.get(1).and_then(number));
    let against = |judge: fn(i64, i64) -> bool| own_number.zip(first).is_some_and(|(own, first)| judge(own, first));
    let some = |judge: &dyn Fn(&str, &str) -> bool| own.iter().any(|own| values.iter().any(|value| judge(own, value)));
    Ok(match kind {
        "Equals" | "Includes" => some(&|own, value| own == value),
        "NotEquals" | "NotIncludes" => !some(&|own, value| own == value),
        "ContainsIgnoreCase" | "MatchesToken" => some(&|own, value| own.to_lowercase().contains(&value.to_lowercase())),
        "NotContainsIgnoreCase" => !some(&|own, value| own.to_lowercase().contains(&value.to_lowercase())),
        "GreaterThan" => against(|own, first| own > first),
        "GreaterOrEqualsTo" => against(|own, first| own >= first),
        "LessThan" => against(|own, first| own < first),
        "LessOrEqualsTo" => against(|own, first| own <= first),
        "Between" => {
            against(|own, first| own >= first) && own_number.zip(second).is_some_and(|(own, last)| own <= last)
        }
        _ => return Err(Bad("unknown filterType")),
    })
}

//! What stands around sensors and queries: lists of MalOps for people, reputations, rules, and what the console is.

use serde_json::{Map, Value, json};

use super::{Cybereason, reply::Reply, sensors::machine_guid};
use crate::simulator::{faults::SensorStatus, truth::Inner};

/// One reputation that a client has set.
#[derive(Clone, Debug)]
pub(super) struct Reputation {
    key: String,
    kind: String,
    hostile: String,
}

impl Cybereason {
    /// A machine; only the newer list tells its sensor.
    fn machine(&self, inner: &Inner, host: u32, sensor: Option<String>) -> Value {
        let online = self.status(inner, host) == SensorStatus::Online;
        let mut told = json!({
            "guid": machine_guid(inner, host),
            "displayName": self.machine_name(inner, host),
            "osType": "WINDOWS",
            "connected": online,
            "isolated": self.truth.is_off(inner, host),
            "lastConnected": self.truth.last_seen(inner, host).as_millisecond(),
        });
        if let Some(sensor) = sensor {
            told["pylumId"] = sensor.into();
        }
        told
    }

    fn malops(&self, from: i64, to: i64, with_sensors: bool) -> Vec<Value> {
        let inner = self.truth.lock();
        let within = |at: i64| at >= from && at <= to;
        let malops = self.world.malops.iter().filter(|malop| within(malop.updated.as_millisecond()));
        let told = malops.map(|malop| {
            let sensor = |at: usize, host: u32| match malop.stray_sensor.as_str() {
                stray if at == 0 && !stray.is_empty() => stray.to_owned(),
                _ => inner.fleet.id(host),
            };
            let machines = malop.machines.iter().enumerate();
            let machines: Vec<Value> = machines
                .map(|(at, host)| self.machine(&inner, *host, with_sensors.then(|| sensor(at, *host))))
                .collect();
            json!({
                "guid": malop.id,
                "displayName": malop.names.first(),
                "edr": !malop.epp,
                "status": if malop.status == "CLOSED" { "Closed" } else { "Active" },
                "severity": "High",
                "malopDetectionType": malop.detection,
                "detectionTypes": [malop.detection],
                "primaryRootCauseName": malop.names.first(),
                "rootCauseElementType": malop.cause_type,
                "rootCauseElementNamesCount": malop.causes,
                "machines": machines,
                "users": [],
                "labels": [],
                "escalated": false,
                "creationTime": malop.created.as_millisecond(),
                "lastUpdateTime": malop.updated.as_millisecond(),
            })
        });
        told.collect()
    }

    /// Answers `POST /rest/detection/inbox`.
    pub(super) fn inbox(&self, body: &Value) -> Reply {
        let at = |name: &str, usual| body.get(name).and_then(Value::as_i64).unwrap_or(usual);
        Reply::json(&json!({"malops": self.malops(at("startTime", 0), at("endTime", i64::MAX), false)}))
    }

    /// Answers `POST /rest/mmng/v2/malops`: here `offset` is the number of a row.
    pub(super) fn managed_malops(&self, body: &Value) -> Reply {
        let at = |path: &str, usual| body.pointer(path).and_then(Value::as_i64).unwrap_or(usual);
        if !self.settings().managed_malops {
            return Reply::status(404, "");
        }
        let all = self.malops(at("/range/from", 0), at("/range/to", i64::MAX), true);
        let number = |path: &str, usual| usize::try_from(at(path, usual)).unwrap_or_default();
        let (size, offset) = (number("/pagination/pageSize", 50).max(1), number("/pagination/offset", 0));
        let page: Vec<&Value> = all.iter().skip(offset).take(size).collect();
        Reply::json(&json!({
            "data": {"data": page, "totalHits": all.len(), "pageSize": size, "pages": all.len().div_ceil(size),
                "offset": offset, "token": null},
            "status": "SUCCESS",
        }))
    }

    /// Answers `GET /rest/settings/isolation-rule`.
    pub(super) fn isolation_rules(&self) -> Reply {
        let rules = self.settings().rule.iter().zip(1..).map(|(rule, number)| {
            json!({
                "ruleId": format!("{number}"),
                "ipAddress": null,
                "ipAddressString": rule.address,
                "domain": rule.domain,
                "port": if rule.port == 0 { json!("") } else { json!(rule.port) },
                "direction": if rule.direction.is_empty() { "ALL" } else { &rule.direction },
                "blocking": rule.blocking,
                "lastUpdated": self.truth.now().as_millisecond(),
            })
        });
        Reply::json(&Value::Array(rules.collect()))
    }

    /// Answers `POST /rest/classification/update`.
    pub(super) fn set_reputations(&self, body: &Value) -> Reply {
        let Some(items) = body.as_array() else { return Reply::status(400, "an array is wanted") };
        let mut kept = self.reputations();
        for item in items {
            let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let removes = item.get("remove").and_then(Value::as_bool) == Some(true);
            for key in item.get("keys").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
                kept.retain(|known| known.key != key);
                if !removes {
                    let hostile = text("maliciousType");
                    kept.push(Reputation { key: key.to_owned(), kind: text("reputationType"), hostile });
                }
            }
        }
        Reply::json(&json!({"outcome": "success"}))
    }

    /// Answers `POST /rest/classification/reputations/list`, where support has enabled it.
    pub(super) fn list_reputations(&self) -> Reply {
        if !self.settings().reputations_list {
            return Reply::status(404, "");
        }
        let told = |known: &Reputation| json!({"key": known.key, "reputationType": known.kind, "maliciousType": known.hostile, "isBlocking": false});
        let told: Vec<Value> = self.reputations().iter().map(told).collect();
        Reply::json(&json!({"outcome": "success", "data": {"reputations": told}}))
    }

    /// Answers what the console is, and who asks.
    pub(super) fn about(&self, path: &str) -> Reply {
        Reply::json(&match path {
            "users/current" => {
                json!({"username": self.credentials.client_id, "roles": ["SYSTEM_ADMIN"], "locked": false})
            }
            "monitor/global/server/version/all" => json!({"data": {"version": self.settings().version}}),
            "monitor/global/reg-server/status" => json!({"status": "OK"}),
            _ => translated(),
        })
    }
}

/// Names of features for people.
fn translated() -> Value {
    let names = [
        ("connectionToBlackListAddressByAddressRootCause", "Connection to a blocklisted address"),
        ("connectionToBlackListDomainByDomainRootCause", "Connection to a blocklisted domain"),
        ("connectionToMaliciousDomainByDomainRootCause", "Connection to a malicious domain"),
    ];
    let features: Map<String, Value> =
        names.into_iter().map(|(name, shown)| (name.to_owned(), json!({"translatedName": shown}))).collect();
    json!({"Process": features})
}

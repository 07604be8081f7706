//! What events say: made-up detections, and the outcomes of isolations.
//!
//! An event's number decides all of it, so that one that waits in a queue is a number and nothing more.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::event_types as types;
use crate::simulator::{
    amqp::{Content, Maker},
    fleet::Fleet,
    guid::{Guid, mix},
    truth::Truth,
};

/// The numbers of events that come while the console runs; those below wait in queues from the start.
pub(super) const LATER: u64 = 1 << 30;

/// The numbers of the outcomes of isolations.
pub(super) const OUTCOMES: u64 = 1 << 31;

/// Makes events.
#[derive(Debug)]
pub(super) struct Bodies {
    truth: Arc<Truth>,
    base_url: String,
    organisation: Guid,
    /// How many hosts there were at the start, over which detections are spread.
    hosts: u32,
    /// When the console started, in seconds.
    epoch: u64,
    /// How many come in a second.
    rate: u64,
    odd: bool,
}

/// What an event with a number is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct About {
    pub(super) host: u32,
    pub(super) kind: u32,
}

/// How an isolation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) about: About,
    /// How long the host was isolated, for one that is not any longer.
    pub(super) lasted: Option<Duration>,
}

impl PartialEq for About {
    fn eq(&self, other: &Self) -> bool {
        (self.host, self.kind) == (other.host, other.kind)
    }
}

impl Eq for About {}

const DETECTIONS: [(u32, &str); 8] = [
    (types::THREAT_DETECTED, "Medium"),
    (types::THREAT_QUARANTINED, "Medium"),
    (types::QUARANTINE_FAILURE, "High"),
    (types::EXECUTED_MALWARE, "Critical"),
    (types::CLOUD_IOC, "High"),
    (types::EXPLOIT_PREVENTION, "Low"),
    (types::POLICY_UPDATE, ""),
    (types::THREAT_DETECTED, "Low"),
];

const NAMES: [&str; 5] =
    ["W32.Example.RET", "Win.Trojan.Sample", "Auto.2F3C.in05", "Doc.Dropper.Made", "Xml.Exploit.Up"];
const FILES: [&str; 4] = ["a.exe", "invoice_0412.docm", "updater.dll", "svchost32.exe"];

/// What somebody who wants to harm the reader would call a file.
const HOSTILE: [&str; 6] = [
    "\u{1b}[2J\u{1b}[31mall clear\u{1b}[0m.exe",
    "two\r\nlines\t{\"severity\":\"Low\"}.exe",
    "=HYPERLINK(\"http://example.invalid\",\"open\").exe",
    "\u{202e}fdp.exe",
    "<script>alert(1)</script>\"';--.exe",
    "nul\u{0}bell\u{7}\u{9b}31m.exe",
];

/// One in so many detections is hostile.
const HOSTILE_SHARE: u64 = 40;

/// One in so many detections has an odd shape, if that is wanted.
const ODD_SHARE: u64 = 10;

impl Bodies {
    pub(super) fn new(truth: Arc<Truth>, base_url: String, rate: u32, odd: bool) -> Self {
        let hosts = u32::try_from(truth.lock().fleet.len()).unwrap_or(u32::MAX);
        let epoch = u64::try_from(truth.now().as_second()).unwrap_or_default();
        let organisation = Guid::derived("organisation", "simulated");
        Self { truth, base_url, organisation, hosts, epoch, rate: rate.max(1).into(), odd }
    }

    /// What the made-up detection with this number is about; `None` if there is no host.
    pub(super) fn about(&self, number: u64) -> Option<About> {
        let hash = mix(number ^ 0xde7e_c7ed);
        let host = u32::try_from((hash >> 32).checked_rem(self.hosts.into())?).ok()?;
        let kind = match self.oddity(number) {
            Some(Oddity::WithoutId) => types::THREAT_HUNTING,
            _ => pick(&DETECTIONS, hash).0,
        };
        Some(About { host, kind })
    }

    /// The event that tells how an isolation went.
    pub(super) fn outcome(&self, number: u64, outcome: &Outcome) -> Content {
        let inner = self.truth.lock();
        let fleet = &inner.fleet;
        let about = outcome.about;
        let mut event = self.common(fleet, number, about, self.truth.now(), 0);
        if let Some(lasted) = outcome.lasted {
            event["isolation"] = json!({"duration": lasted.as_secs()});
        }
        if matches!(about.kind, types::START_FAILURE | types::STOP_FAILURE) {
            event["error"] = json!({"error_code": 3_221_225_506_u32, "description": "Access denied"});
        }
        self.content(fleet, about, &event)
    }

    /// An event whose body somebody else wrote, about nothing that is known.
    pub(super) fn foreign(&self, body: bytes::Bytes) -> Content {
        let routing_key = format!("{}.{}.0", self.organisation, Guid(0));
        let copied_to = format!("{routing_key}.{}", Guid(0));
        Content { routing_key, copied_to, body }
    }

    /// Unique, and above what a float holds.
    fn id(&self, number: u64) -> u64 {
        self.epoch << 32 | number & 0xffff_ffff
    }

    fn content(&self, fleet: &Fleet, about: About, event: &Value) -> Content {
        let routing_key = format!("{}.{}.{}", self.organisation, fleet.guid(about.host), about.kind);
        let copied_to = format!("{routing_key}.{}", fleet.group(about.host).guid);
        Content { routing_key, copied_to, body: event.to_string().into() }
    }

    /// What every event has.
    fn common(&self, fleet: &Fleet, number: u64, about: About, at: Timestamp, nanoseconds: u32) -> Value {
        let About { host, kind } = about;
        let guid = fleet.guid(host);
        let group = fleet.group(host).guid;
        let own = format!("{}/v1/computers/{guid}", self.base_url);
        json!({
            "id": self.id(number),
            "timestamp": at.as_second(),
            "timestamp_nanoseconds": nanoseconds,
            "date": at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
            "event_type": types::EventType::find(kind).map(|kind| kind.name),
            "event_type_id": kind,
            "connector_guid": guid,
            "group_guids": [group],
            "computer": {
                "connector_guid": guid,
                "hostname": fleet.name(host),
                "external_ip": fleet.external_ip(host),
                "active": true,
                "network_addresses": [{"ip": fleet.ip(host), "mac": fleet.mac(host).to_string()}],
                "links": {
                    "computer": own,
                    "trajectory": format!("{own}/trajectory"),
                    "group": format!("{}/v1/groups/{group}", self.base_url),
                },
            },
        })
    }

    fn oddity(&self, number: u64) -> Option<Oddity> {
        let hash = mix(number ^ 0x0dd);
        if !self.odd || !hash.is_multiple_of(ODD_SHARE) {
            return None;
        }
        Some(match hash / ODD_SHARE % 4 {
            0 => Oddity::WithoutId,
            1 => Oddity::WithoutConnector,
            2 => Oddity::LargeId,
            _ => Oddity::NoJson,
        })
    }

    /// When a made-up detection happened.
    fn time(&self, number: u64) -> (Timestamp, u32) {
        let (second, part) = if number < LATER {
            // One each millisecond, from a day before the start.
            (self.epoch.saturating_sub(86_400) + number / 1000, number % 1000 * 1_000_000)
        } else {
            let later = number - LATER;
            (self.epoch + later / self.rate, later % self.rate * 1_000_000_000 / self.rate)
        };
        let at = Timestamp::from_second(i64::try_from(second).unwrap_or_default()).unwrap_or_default();
        (at, u32::try_from(part).unwrap_or_default())
    }
}

/// How an event differs from most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Oddity {
    /// As threat hunters report.
    WithoutId,
    /// As in 2017.
    WithoutConnector,
    /// An id above 2^63.
    LargeId,
    /// No JSON at all.
    NoJson,
}

impl Maker for Bodies {
    fn make(&self, number: u64) -> Content {
        let Some(about) = self.about(number) else { return self.foreign(bytes::Bytes::from_static(b"{}")) };
        let inner = self.truth.lock();
        let fleet = &inner.fleet;
        let hash = mix(number ^ 0xde7e_c7ed);
        let (at, nanoseconds) = self.time(number);
        let mut event = self.common(fleet, number, about, at, nanoseconds);
        let oddity = self.oddity(number);
        detect(&mut event, about.kind, number, hash);
        match oddity {
            Some(Oddity::WithoutId) => hunt(&mut event, number),
            Some(Oddity::WithoutConnector) => remove(&mut event, &["connector_guid", "group_guids"]),
            Some(Oddity::LargeId) => event["id"] = json!(u64::MAX - number),
            Some(Oddity::NoJson) => {
                let mut content = self.content(fleet, about, &event);
                content.body = format!("event {number} without a shape \u{1b}[31m").into();
                return content;
            }
            None => {}
        }
        self.content(fleet, about, &event)
    }
}

/// Adds what detections have beyond what every event has.
fn detect(event: &mut Value, kind: u32, number: u64, hash: u64) {
    let severity = pick(&DETECTIONS, hash).1;
    if kind == types::POLICY_UPDATE {
        return;
    }
    event["severity"] = json!(severity);
    event["detection"] = json!(pick(&NAMES, hash >> 8));
    event["detection_id"] = json!((mix(number / 2) >> 1).to_string());
    event["computer"]["user"] = json!(format!("user{}@corp.example", hash >> 20 & 0xff));
    let hostile = mix(number ^ 0xbad).is_multiple_of(HOSTILE_SHARE);
    let name = if hostile { pick(&HOSTILE, hash >> 12) } else { pick(&FILES, hash >> 12) };
    let path = match hash >> 16 & 3 {
        0 => format!("\\\\?\\C:\\Temp\\{name}"),
        1 => format!("/C:/Users/Public/{name}"),
        2 => format!("file:///C%3A/Windows/system32/{name}"),
        _ => format!("/opt/vendor/{name}"),
    };
    let mut sha256 = format!("{:016x}{:016x}{:016x}{:016x}", mix(hash), mix(hash ^ 1), mix(hash ^ 2), hash);
    if hash >> 24 & 1 == 1 {
        sha256.make_ascii_uppercase();
    }
    event["file"] = json!({
        "disposition": if kind == types::CLOUD_IOC { "Clean" } else { "Malicious" },
        "file_name": name,
        "file_path": path,
        "identity": {"sha256": sha256},
        "parent": {
            "process_id": hash >> 30 & 0x7fff,
            "disposition": "Clean",
            "file_name": "explorer.exe",
            "identity": {"sha256": format!("{:064x}", mix(hash ^ 3))},
        },
    });
    if kind == types::QUARANTINE_FAILURE {
        event["error"] = json!({"error_code": 3_221_225_524_u32, "description": "Object name not found"});
    }
    if kind == types::CLOUD_IOC {
        event["cloud_ioc"] = json!({"description": "Logs are cleared", "short_description": "W32.ClearEventLogs.ioc"});
        event["command_line"] = json!({"arguments": "wevtutil.exe cl Application"});
        event["tactics"] = json!(["TA0005"]);
        event["techniques"] = json!(["T1070"]);
    }
}

/// Makes it an incident that threat hunters report.
fn hunt(event: &mut Value, number: u64) {
    remove(event, &["id", "file", "detection", "detection_id"]);
    event["severity"] = json!("Critical");
    event["threat_hunting"] = json!({"incident_id": number, "incident_title": "Found by hand", "severity": "critical"});
    event["tactics"] = json!([{"name": "Defense Evasion", "external_id": "TA0005", "mitre_name": "tactic"}]);
}

fn remove(event: &mut Value, names: &[&str]) {
    if let Value::Object(members) = event {
        for name in names {
            members.remove(*name);
        }
    }
}

fn pick<T: Copy + Default>(all: &[T], hash: u64) -> T {
    all.get(hash as usize % all.len().max(1)).copied().unwrap_or_default()
}

//! An event a target in the Open Cybersecurity Schema Framework, category Remediation.
//!
//! | what the run does | class |
//! |---|---|
//! | isolate, unisolate, tasks without a file | 7001 Remediation Activity |
//! | delete a file, put one into quarantine | 7002 File Remediation Activity |
//! | block, unblock | 7004 Network Remediation Activity |
//!
//! 7004 is for connections, and wants one; an isolated host is a remedied device, and so 7001. 7003 wants the number of a
//! process: a task that ends every process of a program knows none, and is 7001, too. What a field of the schema cannot say
//! exactly is left to `unmapped`.

use std::io::{self, Write};

use serde_json::{Map, Value, json};
use url::Host;

use super::{
    story::Story,
    subject::{self, Deed},
};
use crate::{
    domain::{failure::FailureKind, indicator::Indicator, outcome::Outcome},
    engine::event::TargetResult,
    reporters::json_text,
};

/// The version of the schema. What is used of it is the same in every later one.
const VERSION: &str = "1.5.0";
/// The category.
const REMEDIATION: i64 = 7;

/// A class of the category.
struct Class {
    uid: i64,
    name: &'static str,
}

/// What was done, as the schema and D3FEND have it.
struct Activity {
    id: i64,
    name: &'static str,
    tactic: Option<&'static str>,
    technique: Option<(&'static str, &'static str)>,
}

/// Writes a line a target.
pub(super) fn write(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    for row in &story.rows {
        writeln!(out, "{}", json_text::to_line(&event(story, row))?)?;
    }
    Ok(())
}

fn event(story: &Story, row: &TargetResult) -> Value {
    let deed = Deed::of(story);
    let (class, activity) = (class_of(deed), activity_of(deed, story));
    let type_uid = class.uid * 100 + activity.id;
    let (status_id, status) = status_of(row);
    let mut event = Map::new();
    let mut put = |key: &str, value: Value| {
        event.insert(key.to_owned(), value);
    };
    put("category_uid", json!(REMEDIATION));
    put("category_name", json!("Remediation"));
    put("class_uid", json!(class.uid));
    put("class_name", json!(class.name));
    put("activity_id", json!(activity.id));
    put("activity_name", json!(activity.name));
    put("type_uid", json!(type_uid));
    put("type_name", json!(format!("{}: {}", class.name, activity.name)));
    put("time", json!(row.finished.as_millisecond()));
    put("start_time", json!(row.started.as_millisecond()));
    put("end_time", json!(row.finished.as_millisecond()));
    let took = row.finished.as_millisecond() - row.started.as_millisecond();
    put("duration", json!(took.max(0)));
    put("timezone_offset", json!(0));
    put("severity_id", json!(1));
    put("severity", json!("Informational"));
    put("status_id", json!(status_id));
    put("status", json!(status));
    if let Some(failure) = &row.reason {
        put("status_code", json!(failure.kind.word()));
        put("status_detail", json!(subject::cut(&failure.text)));
    }
    put("message", json!(subject::message(story, row)));
    put("command_uid", json!(subject::uid(story, row)));
    put("metadata", metadata(story, row));
    put("actor", actor(story));
    if let Some(device) = device(story, row) {
        put("device", device);
    }
    if let Some(countermeasure) = countermeasure(&activity) {
        put("countermeasures", json!([countermeasure]));
    }
    put("observables", json!(observables(deed, story, row)));
    match deed {
        Deed::DeleteFile(path) | Deed::QuarantineFile(path) => put("file", file(path)),
        // Whatever way it goes, and whoever begins.
        Deed::Block | Deed::Unblock => put("connection_info", json!({ "direction_id": 99, "direction": "both" })),
        Deed::Isolate | Deed::Release | Deed::EndProcess(_) | Deed::Search | Deed::Task => {}
    }
    put("unmapped", Value::Object(subject::own_fields(story, row)));
    Value::Object(event)
}

const fn class_of(deed: Deed<'_>) -> Class {
    match deed {
        Deed::Isolate | Deed::Release | Deed::EndProcess(_) | Deed::Search | Deed::Task => {
            Class { uid: 7001, name: "Remediation Activity" }
        }
        Deed::DeleteFile(_) | Deed::QuarantineFile(_) => Class { uid: 7002, name: "File Remediation Activity" },
        Deed::Block | Deed::Unblock => Class { uid: 7004, name: "Network Remediation Activity" },
    }
}

fn activity_of(deed: Deed<'_>, story: &Story) -> Activity {
    let of = |id, name, technique| Activity { id, name, tactic: Some(name), technique };
    match deed {
        Deed::Isolate => of(1, "Isolate", Some(("D3-NI", "Network Isolation"))),
        Deed::Release => of(3, "Restore", Some(("D3-RNA", "Restore Network Access"))),
        Deed::Block => of(1, "Isolate", Some(("D3-NTF", "Network Traffic Filtering"))),
        Deed::Unblock => of(3, "Restore", Some(("D3-RNA", "Restore Network Access"))),
        Deed::DeleteFile(_) => of(2, "Evict", Some(("D3-FEV", "File Eviction"))),
        Deed::QuarantineFile(_) => of(1, "Isolate", Some(("D3-CQ", "Content Quarantine"))),
        Deed::EndProcess(_) => of(2, "Evict", Some(("D3-PT", "Process Termination"))),
        Deed::Search => of(5, "Detect", None),
        Deed::Task => Activity { id: 99, name: story.header.action, tactic: None, technique: None },
    }
}

fn countermeasure(activity: &Activity) -> Option<Value> {
    let tactic = activity.tactic?;
    let mut countermeasure = json!({ "d3f_tactic": { "name": tactic } });
    if let (Some((uid, name)), Some(object)) = (activity.technique, countermeasure.as_object_mut()) {
        object.insert("d3f_technique".to_owned(), json!({ "uid": uid, "name": name }));
    }
    Some(countermeasure)
}

/// The schema's number and word. Only what is proven is a success: what a console has taken is told by our own word.
fn status_of(row: &TargetResult) -> (i64, &'static str) {
    let kind = row.reason.as_ref().map(|failure| failure.kind);
    match (row.outcome, kind) {
        (Outcome::Confirmed | Outcome::Already, _) => (1, "Success"),
        (Outcome::Unresolved, Some(FailureKind::NotFound)) => (3, "Does Not Exist"),
        (Outcome::Refused | Outcome::Failed, Some(FailureKind::NotCapable | FailureKind::Unsupported)) => {
            (5, "Unsupported")
        }
        (Outcome::Failed | Outcome::Unresolved | Outcome::Refused, _) => (2, "Failure"),
        (Outcome::InDoubt, _) => (0, "Unknown"),
        (Outcome::Accepted | Outcome::Unconfirmed | Outcome::NotSent, _) => (99, row.outcome.word()),
    }
}

fn metadata(story: &Story, row: &TargetResult) -> Value {
    let mut labels = vec![format!("vendor:{}", story.vendor_of(row))];
    if story.header.simulated {
        labels.push("rehearsal".to_owned());
    }
    json!({
        "version": VERSION,
        "product": {
            "name": "edrctl",
            "vendor_name": "edrctl",
            "version": story.journalled.tool.trim_start_matches("edrctl ").to_owned(),
        },
        "uid": subject::uid(story, row),
        "correlation_uid": story.header.run.as_str(),
        "sequence": row.n,
        "log_name": story.journal_name(),
        "event_code": story.header.action,
        "original_time": crate::clock::rfc3339(row.finished),
        "labels": labels,
        "profiles": ["host"],
    })
}

/// Who started the run, and by what.
fn actor(story: &Story) -> Value {
    let (name, uid) = subject::user(story);
    let mut user = json!({ "name": subject::cut(name) });
    if let (Some(uid), Some(user)) = (uid, user.as_object_mut()) {
        user.insert("uid".to_owned(), json!(uid));
    }
    json!({ "user": user, "app_name": "edrctl" })
}

/// The machine: the host, or the firewall that blocks. None for a target that is no host we know.
fn device(story: &Story, row: &TargetResult) -> Option<Value> {
    let mut device = Map::new();
    let mut put = |key: &str, value: Value| {
        device.insert(key.to_owned(), value);
    };
    if subject::is_indicator(story) {
        put("type_id", json!(9));
        put("type", json!("Firewall"));
        put("name", json!(subject::cut(story.console_of(row))));
        match subject::console(story, row) {
            Some(Host::Domain(name)) => put("hostname", json!(name)),
            Some(address) => put("ip", json!(address.to_string().trim_matches(['[', ']']))),
            None => {}
        }
        return Some(Value::Object(device));
    }
    let id = row.host.as_ref()?;
    put("type_id", json!(0));
    put("type", json!("Unknown"));
    put("uid", json!(subject::cut(id.as_str())));
    put("is_managed", json!(true));
    if let Some(name) = row.name.as_deref() {
        put("name", json!(subject::cut(name)));
    }
    if let Some(name) = subject::host_name(row) {
        put("hostname", json!(name));
    }
    if let Some(address) = subject::address(story, row) {
        put("ip", json!(address.to_string()));
    }
    Some(Value::Object(device))
}

/// What can be searched for: each with the place that it has in the event.
fn observables(deed: Deed<'_>, story: &Story, row: &TargetResult) -> Vec<Value> {
    const HOST_NAME: (i64, &str) = (1, "Hostname");
    const ADDRESS: (i64, &str) = (2, "IP Address");
    const USER_NAME: (i64, &str) = (4, "User Name");
    const PROCESS_NAME: (i64, &str) = (9, "Process Name");
    const UID: (i64, &str) = (10, "Resource UID");
    const SUBNET: (i64, &str) = (12, "Subnet");

    let one = |name: &str, (id, kind): (i64, &str), value: &str| json!({ "name": name, "type_id": id, "type": kind, "value": subject::cut(value) });
    let mut observables = vec![one("actor.user.name", USER_NAME, subject::user(story).0)];
    if let Deed::EndProcess(path) = deed {
        observables.push(one("unmapped.path", PROCESS_NAME, &name_of(path)));
    }
    if subject::is_indicator(story) {
        let indicator = subject::indicator(row);
        let kind = match &indicator {
            Some(Indicator::Domain(_)) | None => HOST_NAME,
            Some(indicator) if indicator.canonical().contains('/') => SUBNET,
            Some(_) => ADDRESS,
        };
        let value = indicator.map_or_else(|| row.target.to_string(), |indicator| indicator.canonical());
        observables.push(one("unmapped.target", kind, &value));
        return observables;
    }
    if let Some(id) = &row.host {
        observables.push(one("device.uid", UID, id.as_str()));
    }
    if let Some(name) = subject::host_name(row) {
        observables.push(one("device.hostname", HOST_NAME, name));
    }
    if let Some(address) = subject::address(story, row) {
        observables.push(one("device.ip", ADDRESS, &address.to_string()));
    }
    observables
}

/// A file of a Windows host; those are the only ones that tasks speak of.
fn file(path: &str) -> Value {
    json!({ "name": name_of(path), "path": subject::cut(path), "type_id": 1, "type": "Regular File" })
}

fn name_of(path: &str) -> String {
    subject::cut(path.rsplit(['\\', '/']).next().unwrap_or(path))
}

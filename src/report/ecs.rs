//! An event a target in the Elastic Common Schema. What that has no field for is under `edrctl`, a name that it leaves free.

use std::io::{self, Write};

use serde_json::{Map, Value, json};
use url::Host;

use super::{
    story::Story,
    subject::{self, Deed},
};
use crate::{
    clock,
    domain::{
        indicator::{Indicator, IndicatorKind},
        outcome::Outcome,
    },
    engine::event::TargetResult,
    reporters::json_text,
};

/// The version of the schema.
const VERSION: &str = "9.4.0";

/// Writes a line a target.
pub(super) fn write(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    for row in &story.rows {
        writeln!(out, "{}", json_text::to_line(&event(story, row))?)?;
    }
    Ok(())
}

fn event(story: &Story, row: &TargetResult) -> Value {
    let deed = Deed::of(story);
    let mut event = Map::new();
    let mut put = |key: &str, value: Value| {
        event.insert(key.to_owned(), value);
    };
    put("@timestamp", json!(clock::rfc3339(row.finished)));
    put("ecs", json!({ "version": VERSION }));
    put("message", json!(subject::message(story, row)));
    put("event", about(deed, story, row));
    let version = story.journalled.tool.trim_start_matches("edrctl ");
    put("agent", json!({ "name": "edrctl", "type": "edrctl", "version": version }));
    let (name, uid) = subject::user(story);
    let user = subject::cut(name);
    put("user", uid.map_or_else(|| json!({ "name": user }), |uid| json!({ "name": user, "id": uid })));
    put("observer", observer(story, row));
    put("related", related(story, row, &user));
    if let Some(host) = host(story, row) {
        put("host", host);
    }
    if let Some(indicator) = threat(story, row) {
        put("threat", json!({ "indicator": indicator }));
    }
    match deed {
        Deed::DeleteFile(path) | Deed::QuarantineFile(path) => put("file", json!({ "path": subject::cut(path) })),
        Deed::EndProcess(path) => put("process", json!({ "executable": subject::cut(path) })),
        _ => {}
    }
    let mut tags = vec!["edrctl"];
    if story.header.simulated {
        tags.push("rehearsal");
    }
    put("tags", json!(tags));
    put("edrctl", Value::Object(subject::own_fields(story, row)));
    Value::Object(event)
}

fn about(deed: Deed<'_>, story: &Story, row: &TargetResult) -> Value {
    let (category, kind) = match deed {
        Deed::Isolate | Deed::Release | Deed::Task => ("host", "change"),
        Deed::Search => ("host", "info"),
        Deed::Block => ("configuration", "creation"),
        Deed::Unblock => ("configuration", "deletion"),
        Deed::DeleteFile(_) => ("file", "deletion"),
        Deed::QuarantineFile(_) => ("file", "change"),
        Deed::EndProcess(_) => ("process", "end"),
    };
    // What nobody sent has changed nothing.
    let kind = if row.attempts == 0 { "info" } else { kind };
    let took = row.finished.duration_since(row.started).as_nanos();
    let mut about = json!({
        "kind": "event",
        "category": [category],
        "type": [kind],
        "action": story.header.action,
        "outcome": outcome(row),
        "id": subject::uid(story, row),
        "sequence": row.n,
        "module": "edrctl",
        "dataset": "edrctl.report",
        "provider": story.vendor_of(row),
        "start": clock::rfc3339(row.started),
        "end": clock::rfc3339(row.finished),
        "duration": i64::try_from(took).unwrap_or(i64::MAX).max(0),
    });
    if let (Some(failure), Some(about)) = (&row.reason, about.as_object_mut()) {
        about.insert("code".to_owned(), json!(failure.kind.word()));
        about.insert("reason".to_owned(), json!(subject::cut(&failure.text)));
    }
    about
}

/// The schema has three words. Only what is proven is a success, and what may yet come about is unknown.
const fn outcome(row: &TargetResult) -> &'static str {
    match row.outcome {
        Outcome::Confirmed | Outcome::Already => "success",
        Outcome::Accepted | Outcome::Unconfirmed | Outcome::InDoubt => "unknown",
        Outcome::Failed | Outcome::Unresolved | Outcome::Refused | Outcome::NotSent => "failure",
    }
}

fn host(story: &Story, row: &TargetResult) -> Option<Value> {
    let id = row.host.as_ref().filter(|_| !subject::is_indicator(story))?;
    let mut host = json!({ "id": subject::cut(id.as_str()) });
    let object = host.as_object_mut()?;
    if let Some(name) = row.name.as_deref() {
        object.insert("name".to_owned(), json!(subject::cut(name)));
        object.insert("hostname".to_owned(), json!(subject::cut(name)));
    }
    if let Some(address) = subject::address(story, row) {
        object.insert("ip".to_owned(), json!([address.to_string()]));
    }
    Some(host)
}

/// The console, or the firewall.
fn observer(story: &Story, row: &TargetResult) -> Value {
    let kind = if subject::is_indicator(story) { "firewall" } else { "edr" };
    // Of several consoles, a host's own is named by its word.
    let product = row.vendor.unwrap_or(story.header.console_name);
    let mut observer = json!({ "product": product, "type": kind });
    if let Some(object) = observer.as_object_mut() {
        match subject::console(story, row) {
            Some(Host::Domain(name)) => object.insert("hostname".to_owned(), json!(name)),
            Some(address) => object.insert("ip".to_owned(), json!([address.to_string().trim_matches(['[', ']'])])),
            None => None,
        };
    }
    observer
}

/// What the run was about where it is no host.
fn threat(story: &Story, row: &TargetResult) -> Option<Value> {
    if !subject::is_indicator(story) {
        return None;
    }
    let indicator = subject::indicator(row)?;
    let canonical = indicator.canonical();
    let kind = match indicator.kind() {
        IndicatorKind::Ipv4 => "ipv4-addr",
        IndicatorKind::Ipv6 => "ipv6-addr",
        IndicatorKind::Domain => "domain-name",
    };
    let mut threat = json!({ "type": kind, "name": canonical });
    if let (Some(object), false, true) =
        (threat.as_object_mut(), matches!(indicator, Indicator::Domain(_)), !canonical.contains('/'))
    {
        object.insert("ip".to_owned(), json!(canonical));
    }
    Some(threat)
}

/// What can be searched for, whatever it is called elsewhere.
fn related(story: &Story, row: &TargetResult, user: &str) -> Value {
    let (mut hosts, mut addresses) = (Vec::new(), Vec::new());
    if subject::is_indicator(story) {
        match subject::indicator(row) {
            Some(Indicator::Domain(name)) => hosts.push(Indicator::Domain(name).canonical()),
            Some(indicator) if !indicator.canonical().contains('/') => addresses.push(indicator.canonical()),
            _ => {}
        }
    } else {
        hosts.extend(row.host.as_ref().map(|id| subject::cut(id.as_str())));
        hosts.extend(row.name.as_deref().map(subject::cut));
        addresses.extend(subject::address(story, row).map(|address| address.to_string()));
    }
    let mut related = json!({ "user": [user] });
    if let Some(object) = related.as_object_mut() {
        for (key, values) in [("hosts", hosts), ("ip", addresses)] {
            if !values.is_empty() {
                object.insert(key.to_owned(), json!(values));
            }
        }
    }
    related
}

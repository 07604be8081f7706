//! What an event of a SIEM has to know of a target, whichever schema it is in.

use std::net::IpAddr;

use serde_json::{Map, Value, json};
use url::{Host, Url};

use super::story::Story;
use crate::{
    clock,
    domain::{
        action::{ActionKind, Thing},
        indicator::Indicator,
    },
    engine::event::TargetResult,
    reporters::phrases,
};

/// Characters of one text: both schemas have a bound, and an event is no place for a gateway's whole page.
const LONGEST: usize = 8_000;

/// What is done about what, as far as schemas tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed<'a> {
    /// A host is cut off.
    Isolate,
    /// A host is put back.
    Release,
    /// A firewall drops what comes from or goes to an indicator.
    Block,
    /// It does not any more.
    Unblock,
    /// A file of a host is deleted.
    DeleteFile(&'a str),
    /// A file of a host is put into quarantine.
    QuarantineFile(&'a str),
    /// The processes of a program are ended.
    EndProcess(&'a str),
    /// A host is searched.
    Search,
    /// Whatever else a host's agent does.
    Task,
}

impl<'a> Deed<'a> {
    /// What a run does.
    pub(super) fn of(story: &'a Story) -> Self {
        // Tasks are kept as the console's guide has them.
        let task = story.journalled.options.get("task");
        let path = task.and_then(|task| task.pointer("/params/path")?.as_str());
        match (story.kind(), story.header.action, path) {
            (ActionKind::Isolate, ..) => Self::Isolate,
            (ActionKind::Unisolate, ..) => Self::Release,
            (ActionKind::Block, ..) => Self::Block,
            (ActionKind::Unblock, ..) => Self::Unblock,
            (ActionKind::Task, "deleteFile", Some(path)) => Self::DeleteFile(path),
            (ActionKind::Task, "quarantineFile", Some(path)) => Self::QuarantineFile(path),
            (ActionKind::Task, "terminateProcess", Some(path)) => Self::EndProcess(path),
            (ActionKind::Task, "iocScan" | "onDemandScan", _) => Self::Search,
            (ActionKind::Task, ..) => Self::Task,
        }
    }
}

/// The name that tells an event from every other, the same each time a report is made: a SIEM can leave out what it has.
pub(super) fn uid(story: &Story, row: &TargetResult) -> String {
    format!("{}/{}", story.header.run, row.n)
}

/// The event in one line.
pub(super) fn message(story: &Story, row: &TargetResult) -> String {
    let rehearsal = if story.header.simulated { "REHEARSAL: " } else { "" };
    let name = row.name.as_deref().filter(|_| !is_indicator(story)).unwrap_or(&row.target);
    let reason = row.reason.as_ref().map(|failure| format!(": {}", failure.text)).unwrap_or_default();
    cut(&format!("{rehearsal}{} {name}: {}{reason}", story.header.action, phrases::label(row.outcome)))
}

/// Who started the run: the name, and the number that the system knows it by.
pub(super) fn user(story: &Story) -> (&str, Option<&str>) {
    let user = story.journalled.user.as_str();
    let parts = user.strip_suffix(')').and_then(|user| user.rsplit_once(" (uid "));
    parts.map_or((user, None), |(name, uid)| (name, Some(uid)))
}

/// Whether the run lands on indicators.
pub(super) fn is_indicator(story: &Story) -> bool {
    story.kind().lands_on() == Thing::Indicator
}

/// The indicator of a target.
pub(super) fn indicator(row: &TargetResult) -> Option<Indicator> {
    let text = row.host.as_ref().map_or(&*row.target, |id| id.as_str());
    Indicator::parse(text).ok().map(|parsed| parsed.indicator)
}

/// The address of a host, where it was named by one.
pub(super) fn address(story: &Story, row: &TargetResult) -> Option<IpAddr> {
    let text = row.target.strip_prefix("ip:").unwrap_or(&row.target).trim();
    text.parse().ok().filter(|_| !is_indicator(story) && row.host.is_some())
}

/// A name that is one by the rules for names of hosts.
pub(super) fn host_name(row: &TargetResult) -> Option<&str> {
    let part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !part.is_empty() && part.bytes().all(plain) && !part.starts_with('-') && !part.ends_with('-')
    };
    row.name.as_deref().filter(|name| name.len() <= 253 && name.split('.').all(part))
}

/// The console's own name or address.
pub(super) fn console(story: &Story, row: &TargetResult) -> Option<Host<String>> {
    let url = Url::parse(story.console_of(row)).ok()?;
    let host = url.host()?.to_owned();
    match host {
        // Under schemes that nobody has registered, an address is only a text.
        Host::Domain(name) => Some(name.parse().map_or(Host::Domain(name), |address: IpAddr| match address {
            IpAddr::V4(address) => Host::Ipv4(address),
            IpAddr::V6(address) => Host::Ipv6(address),
        })),
        address => Some(address),
    }
}

/// What neither schema has a place for. Every field is one of ours, as `edrctl.result/1` has it.
pub(super) fn own_fields(story: &Story, row: &TargetResult) -> Map<String, Value> {
    let header = &story.header;
    let mut own = Map::new();
    let mut add = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            own.insert(key.to_owned(), value);
        }
    };
    let text = |text: Option<&str>| text.map(|text| Value::String(cut(text)));
    add("run", Some(json!(header.run.as_str())));
    add("vendor", Some(json!(story.vendor_of(row))));
    add("console", text(Some(story.console_of(row))));
    add("action", Some(json!(header.action)));
    add("target", text(Some(&row.target)));
    add("file", text(row.file.as_deref()));
    add("line", Some(json!(row.line)));
    add("outcome", Some(json!(row.outcome.word())));
    add("state", text(row.state.as_deref()));
    add("attempts", Some(json!(row.attempts)));
    add("last_seen", text(row.last_seen.as_deref()));
    add("ticket", text(story.journalled.ticket.as_deref()));
    add("comment", text(story.journalled.comment.as_deref()));
    add("console_ticket", text(row.ticket.as_deref()));
    add("note", text(row.note.as_deref()));
    add("simulated", Some(json!(header.simulated)));
    add("started_on", text(Some(&story.journalled.host)));
    add("journal_sha256", Some(json!(story.digest)));
    let path = match Deed::of(story) {
        Deed::DeleteFile(path) | Deed::QuarantineFile(path) | Deed::EndProcess(path) => Some(path),
        _ => None,
    };
    add("path", text(path));
    let due = story.journalled.options.get("expires").and_then(Value::as_str);
    add("expires", due.and_then(|due| due.parse().ok()).map(|due| json!(clock::rfc3339(due))));
    own
}

/// The text, if it is not too long to be one.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

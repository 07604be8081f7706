//! The hosts of a `MalOp`: from it to the processes that are suspected, and on to their machines, in one query.
//!
//! A `MalOp` of the antivirus has no suspected processes. Its machines stand in the console's list of `MalOp`s for people, by
//! sensor in the newer form of it, and by machine in the older one: then the machines are asked for their sensors.

use jiff::Timestamp;

use super::{
    Cybereason, answers,
    machines::{self, FIELDS},
    query::{self, Rows, link},
    session::Draft,
    wire::{Inbox, InboxAsked, InboxMachine, InboxMalop, Managed, ManagedAsked, PathPart},
};
use crate::{
    clock,
    domain::{failure::FailureKind, host::Host},
    vendors::{Again, VendorError},
};

const MANAGED: &str = "rest/mmng/v2/malops";
const INBOX: &str = "rest/detection/inbox";

/// Rows of the newer list in one answer: what its own clients ask for.
const PAGE: usize = 50;

/// The most answers of it that are read for one `MalOp`: the newest ones come first.
const MOST_PAGES: usize = 200;

/// How far back the lists are read, in hours: whoever isolates for a `MalOp` does so for one of these days.
const HOURS: i64 = 365 * 24;

/// Says whether a text is a `MalOp`'s id: two numbers with a point between, or the newer form of sixteen signs and more.
pub(super) fn check_id(text: &str) -> Result<(), &'static str> {
    let number = |part: &str| !part.is_empty() && part.len() <= 20 && part.bytes().all(|byte| byte.is_ascii_digit());
    let old = text
        .split_once('.')
        .is_some_and(|(first, second)| number(first) && number(second.strip_prefix('-').unwrap_or(second)));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let new = (16..=64).contains(&text.len()) && text.bytes().all(plain);
    if old || new {
        Ok(())
    } else {
        Err("a MalOp's id is written like 11.-4200000000000000017, or in 16 to 64 letters, digits, `-` and `_`")
    }
}

fn query(id: &str) -> Result<Draft, VendorError> {
    let path = vec![
        PathPart {
            requested_type: "MalopProcess",
            guid_list: Some(vec![id.to_owned()]),
            connection_feature: link("MalopProcess", "suspects"),
            ..PathPart::default()
        },
        PathPart {
            requested_type: "Process",
            connection_feature: link("Process", "ownerMachine"),
            ..PathPart::default()
        },
        PathPart { requested_type: "Machine", is_result: Some(true), ..PathPart::default() },
    ];
    Draft::ask(query::SEARCH, &query::chain(path, FIELDS))
}

impl Cybereason {
    /// The hosts that a `MalOp` is about; none, if the console knows no such `MalOp`, or no machine of it.
    pub(super) async fn hosts_of_malop(&self, id: &str) -> Result<Vec<Host>, VendorError> {
        let hosts = whole(&self.sessions.ask(&query(id)?, query::judge).await?, id)?;
        if !hosts.is_empty() {
            return Ok(hosts);
        }
        let Some(malop) = self.in_the_list(id).await? else { return Ok(Vec::new()) };
        let (named, nameless): (Vec<_>, Vec<_>) =
            malop.machines.0.into_iter().partition(|machine| machine.pylum_id.as_str().is_some());
        let mut hosts: Vec<Host> = named.iter().filter_map(of_the_list).collect();
        if !nameless.is_empty() {
            hosts.extend(self.sensors_of(id, nameless).await?);
        }
        Ok(hosts)
    }

    /// A `MalOp` of any kind, as the console's list for people has it.
    async fn in_the_list(&self, id: &str) -> Result<Option<InboxMalop>, VendorError> {
        let now = clock::now();
        let from = now.checked_sub(jiff::SignedDuration::from_hours(HOURS)).unwrap_or(Timestamp::UNIX_EPOCH);
        let (from, to) = (from.as_millisecond(), now.as_millisecond());
        let is_it = |malop: &InboxMalop| malop.guid.as_str() == Some(id);
        for page in 0..MOST_PAGES {
            let draft = Draft::ask(MANAGED, &ManagedAsked::new(from, to, page * PAGE, PAGE))?;
            let answer = match self.sessions.ask(&draft, answers::of::<Managed>).await {
                // An older console does not have it.
                Err(error) if page == 0 && is_not_there(&error) => {
                    let draft = Draft::ask(INBOX, &InboxAsked { start_time: from, end_time: to })?;
                    let inbox: Inbox = self.sessions.ask(&draft, answers::of::<Inbox>).await?;
                    return Ok(inbox.malops.0.into_iter().find(is_it));
                }
                answer => answer?,
            };
            let list = answer.data;
            let rows = list.data.0.len();
            if let Some(found) = list.data.0.into_iter().find(is_it) {
                return Ok(Some(found));
            }
            let read = (page * PAGE + rows) as u64;
            if rows == 0 || list.total_hits.0.map_or(rows < PAGE, |total| read >= total) {
                return Ok(None);
            }
        }
        let text = format!("the MalOp {id} is none of the {} that were changed last", MOST_PAGES * PAGE);
        Err(VendorError::new(FailureKind::NotFound, text, Again::Never))
    }

    /// Machines that the list has without their sensors.
    async fn sensors_of(&self, malop: &str, machines: Vec<InboxMachine>) -> Result<Vec<Host>, VendorError> {
        let guids: Option<Vec<String>> =
            machines.iter().map(|machine| machine.guid.as_str().map(str::to_owned)).collect();
        let guids = guids.ok_or_else(|| {
            let text = format!("the console tells a machine of the MalOp {malop} without any id");
            VendorError::new(FailureKind::Protocol, text, Again::Never)
        })?;
        let path = vec![PathPart {
            requested_type: "Machine",
            guid_list: Some(guids.clone()),
            is_result: Some(true),
            ..PathPart::default()
        }];
        let draft = Draft::ask(query::SEARCH, &query::chain(path, FIELDS))?;
        let rows = self.sessions.ask(&draft, query::judge).await?;
        if let Some(gone) =
            guids.iter().find(|guid| !rows.elements.contains_key(*guid)).filter(|_| rows.missing.is_none())
        {
            let text = format!("the console tells no sensor of the machine {gone} of the MalOp {malop}");
            return Err(VendorError::new(FailureKind::Protocol, text, Again::Never));
        }
        whole(&rows, malop)
    }
}

/// Whether a call is not there on this console.
fn is_not_there(error: &VendorError) -> bool {
    matches!(error.failure().kind, FailureKind::Protocol | FailureKind::BadRequest | FailureKind::Forbidden)
}

/// A machine that the list tells with its sensor.
fn of_the_list(machine: &InboxMachine) -> Option<Host> {
    let id = machine.pylum_id.as_str()?;
    Some(machines::host(id, machine.display_name.as_str(), machine.connected.0, machine.isolated.0))
}

/// The hosts of the machines that came. Whoever acts on a part of a `MalOp` must know it, so a part is an error.
fn whole(rows: &Rows, malop: &str) -> Result<Vec<Host>, VendorError> {
    if let Some(missing) = &rows.missing {
        let text = format!("the console did not tell all machines of the MalOp {malop}: {}", missing.why);
        return Err(VendorError::new(FailureKind::Protocol, text, Again::Backoff));
    }
    let mut hosts = Vec::new();
    for machine in rows.elements.values() {
        let host = machines::of_row(machine).map_err(|why| {
            let name = machine.text("elementDisplayName").unwrap_or("(no name)");
            let text = format!("the console tells {why} of the machine `{name}` of the MalOp {malop}");
            VendorError::new(FailureKind::Protocol, text, Again::Never)
        })?;
        hosts.push(host);
    }
    hosts.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id)));
    Ok(hosts)
}

//! Response tasks on their way to the console: an incident is created, then released, on one connection.

use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};

use super::{
    Kaspersky,
    answers::Refusal,
    container::Container,
    filter, hosts, requests,
    tasks::{Area, Task},
};
use crate::{
    clock,
    domain::{action::Target, failure::FailureKind, id::Ticket},
    vendors::{Ack, Again, Recalled, Scope, VendorError},
};

/// What stands in front of an incident's number in a ticket.
const TICKET: &str = "incident:";

/// How much earlier than it was sent an incident of ours may be dated. Its time is this machine's, and a console may write
/// its own instead, or read the filter's as that of another zone. The body tells it from others.
const EARLIER: SignedDuration = SignedDuration::from_hours(38);

/// Chunks of incidents that are looked through: one host has had no more of them.
const MOST_CHUNKS: u64 = 5;

/// A task that did not get to where the console makes something of it.
#[derive(Debug)]
pub struct SubmitError {
    /// The incident, if it was created. Whoever asks again hands it in, or there will be two.
    pub begun: Option<Ticket>,
    /// What went wrong.
    pub error: VendorError,
}

impl From<VendorError> for SubmitError {
    fn from(error: VendorError) -> Self {
        Self { begun: None, error }
    }
}

impl Kaspersky {
    /// Submits one task for one host. With an incident that is there already, that is only released.
    ///
    /// # Errors
    ///
    /// [`SubmitError`]. Once the incident is there, no verdict says that all of it is to be asked again.
    pub async fn submit_task(
        &self,
        task: &Task,
        target: &Target,
        area: &Area,
        begun: Option<&Ticket>,
    ) -> Result<Ack, SubmitError> {
        if target.id.is_empty() {
            return Err(VendorError::new(FailureKind::BadRequest, "the host has no id", Again::Never).into());
        }
        let mut talk = self.pool.talk().await?;
        let incident = match begun {
            Some(ticket) => number(ticket).ok_or_else(|| {
                VendorError::new(FailureKind::Internal, "the ticket is no incident of this console", Again::Never)
            })?,
            None => {
                let body = task.body(target.id.as_str(), area);
                let call = requests::add_incident(&target.id, &body, clock::now());
                let incident = talk.ask(call, requests::judge_added).await.map_err(|refusal| refusal.error)?;
                self.is_new(incident)?;
                incident
            }
        };
        let call = requests::update_incident(incident, &target.id);
        match talk.ask(call, |response| requests::judge_done(response, true)).await {
            Ok(()) => Ok(Ack::Accepted(ticket(incident))),
            Err(refusal) => {
                let error = unreleased(incident, &refusal.error, begun.is_some());
                Err(SubmitError { begun: Some(ticket(incident)), error })
            }
        }
    }

    /// A number that was given before is of another host's incident, and to release that is not to release this one.
    fn is_new(&self, incident: i64) -> Result<(), VendorError> {
        if self.incidents.lock().unwrap_or_else(PoisonError::into_inner).insert(incident) {
            return Ok(());
        }
        let text = format!("the console gave the number of an incident a second time: {incident}");
        Err(VendorError::new(FailureKind::Protocol, text, Again::InDoubt))
    }

    /// Looks for a request of ours whose answer was lost: an incident of this host with this very body, or a task that is
    /// called after the run.
    ///
    /// # Errors
    ///
    /// [`VendorError`] if the console could not be asked.
    pub async fn find_own_request(
        &self,
        target: &Target,
        body: &str,
        area: &Area,
        since: Timestamp,
    ) -> Result<Recalled, VendorError> {
        let since = since.checked_sub(EARLIER).unwrap_or(since);
        let filter = filter::incidents(&target.id, since).ok_or_else(|| {
            VendorError::new(FailureKind::BadRequest, "the id of a host has no control characters", Again::Never)
        })?;
        let mut talk = self.pool.talk().await?;
        let found = async {
            let set = talk.ask(requests::find_incidents(&filter), requests::judge_found).await?;
            let items = hosts::all_items(&mut talk, &set, MOST_CHUNKS).await?;
            Ok((items, self.task_of(&mut talk, target, area).await?))
        };
        let (items, task) = found.await.map_err(|refusal: Refusal| refusal.error)?;
        let of_host = items.iter().filter(|item| {
            // An attribute that is left out says nothing against it: the filter asked for this host.
            item.text("KLHST_WKS_HOSTNAME").is_none_or(|id| id.eq_ignore_ascii_case(target.id.as_str()))
        });
        let seen: Vec<Own> = of_host.map(|item| own_incident(body, item)).collect();
        let own = seen.iter().filter_map(Own::known).max();
        let number = own.map(|(incident, _)| ticket(incident));
        Ok(match (own, task) {
            (_, Some(task)) => Recalled::Taken(with_task(number.as_ref(), &task.id)),
            (Some((incident, true)), None) => Recalled::Unclear(format!(
                "incident {incident} is there and marked as handled, and the host has no task of it: nothing is sent again"
            )),
            (Some((incident, false)), None) => Recalled::There(ticket(incident)),
            (None, None) if seen.contains(&Own::Unreadable) => Recalled::Unclear(
                "the console has incidents of this host that cannot be compared, and one of them may be this"
                    .to_owned(),
            ),
            (None, None) => Recalled::NotThere,
        })
    }
}

/// Whether an incident is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    /// It is; its number, and whether the console has marked it as handled.
    Known(i64, bool),
    /// What would tell is missing.
    Unreadable,
    /// It is not.
    No,
}

impl Own {
    const fn known(&self) -> Option<(i64, bool)> {
        match self {
            Self::Known(incident, handled) => Some((*incident, *handled)),
            Self::Unreadable | Self::No => None,
        }
    }
}

fn own_incident(body: &str, item: &Container) -> Own {
    match requests::has_body(body, item) {
        Some(false) => Own::No,
        Some(true) => match item.whole("KLINCDT_ID") {
            Some(incident) => Own::Known(incident, item.truth("KLINCDT_IS_HANDLED") == Some(true)),
            None => Own::Unreadable,
        },
        None => Own::Unreadable,
    }
}

/// The incident is there, and whether the console has made a task of it nobody knows: it is looked for, whatever was said.
fn unreleased(incident: i64, error: &VendorError, was_begun: bool) -> VendorError {
    let doubt = if error.again() == Again::InDoubt { "perhaps " } else { "" };
    let text = format!("incident {incident} was created but {doubt}not released: {error}");
    let kind = error.failure().kind;
    if error.scope() == Scope::Run {
        return VendorError::stops_run_in_doubt(kind, text);
    }
    let again = match (error.again(), was_begun) {
        (again @ (Again::Never | Again::Throttled(_)), true) => again,
        _ => Again::InDoubt,
    };
    VendorError::new(kind, text, again)
}

fn ticket(incident: i64) -> Ticket {
    Ticket(Some(format!("{TICKET}{incident}").into()))
}

/// The ticket of an incident that has become a task.
pub(super) fn with_task(incident: Option<&Ticket>, task: &str) -> Ticket {
    let incident = incident.and_then(number).map(|incident| format!("{TICKET}{incident} ")).unwrap_or_default();
    Ticket(Some(format!("{incident}task:{task}").into()))
}

fn number(ticket: &Ticket) -> Option<i64> {
    ticket.0.as_deref()?.split(' ').find_map(|part| part.strip_prefix(TICKET)?.parse().ok())
}

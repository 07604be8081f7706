//! Response tasks on their way to the console: an incident is created, then released, on one connection.

use jiff::{SignedDuration, Timestamp};

use super::{
    Kaspersky, filter, hosts,
    requests::{self, incident_with},
    tasks::{Area, Task},
};
use crate::{
    clock,
    domain::{action::Target, failure::FailureKind, id::Ticket},
    vendors::{Ack, Again, Scope, VendorError},
};

/// What stands in front of an incident's number in a ticket.
const TICKET: &str = "incident:";

/// How much earlier than it was sent an incident of ours may be dated: both times are this machine's.
const EARLIER: SignedDuration = SignedDuration::from_mins(2);

/// Chunks of incidents that are looked through: one host has had no more of them in two minutes.
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
                talk.ask(call, requests::judge_added).await.map_err(|refusal| refusal.error)?
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

    /// Looks for an incident of ours: one of this host, with this very body, that was added since then. `None` says that
    /// there is none, and that it may be sent once more.
    ///
    /// # Errors
    ///
    /// [`VendorError`] if the console could not be asked.
    pub async fn find_own_incident(
        &self,
        target: &Target,
        body: &str,
        since: Timestamp,
    ) -> Result<Option<Ticket>, VendorError> {
        let since = since.checked_sub(EARLIER).unwrap_or(since);
        let filter = filter::incidents(&target.id, since).ok_or_else(|| {
            VendorError::new(FailureKind::BadRequest, "the id of a host has no control characters", Again::Never)
        })?;
        let mut talk = self.pool.talk().await?;
        let found = async {
            let set = talk.ask(requests::find_incidents(&filter), requests::judge_found).await?;
            hosts::all_items(&mut talk, &set, MOST_CHUNKS).await
        };
        let items = found.await.map_err(|refusal| refusal.error)?;
        let of_host = items.iter().filter(|item| {
            // An attribute that is left out says nothing against it: the filter asked for this host.
            item.text("KLHST_WKS_HOSTNAME").is_none_or(|id| id.eq_ignore_ascii_case(target.id.as_str()))
        });
        Ok(of_host.filter_map(|item| incident_with(body, item)).max().map(ticket))
    }
}

/// The incident is there and waits. Releasing it twice does no harm, and creating it twice would.
fn unreleased(incident: i64, error: &VendorError, was_begun: bool) -> VendorError {
    let doubt = if error.again() == Again::InDoubt { "perhaps " } else { "" };
    let text = format!("incident {incident} was created but {doubt}not released: {error}");
    let kind = error.failure().kind;
    let again = match (error.again(), was_begun) {
        (Again::Never, _) if error.scope() == Scope::Run => return VendorError::stops_run(kind, text),
        (Again::Never, _) => Again::Never,
        (Again::InDoubt, true) => Again::Backoff,
        (again, true) => again,
        (_, false) => Again::InDoubt,
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

//! Kaspersky Security Center, Open API version 1.0, on premises, with Kaspersky Endpoint Security for Windows 12.9 or
//! later on the hosts.
//!
//! Login: user and password open a session, which belongs to one connection here. See `session.rs`.
//!
//! Oddities, each of which this module must be right about:
//! - There is no method that isolates a host. An incident is created whose text says what is to be done; something beside
//!   the console reads it and makes a task. That an incident was created proves that it was created.
//! - `AddIncident` twice is two tasks, and nothing in it can be told apart afterwards but its text.
//! - A failure comes with HTTP 200, and its number means something only together with its module.
//! - A host's id stands in an attribute that is called its name.
//! - Display names repeat, and wildcards are live in filters, so whatever comes back is compared here.
//! - No documented attribute tells whether a host is isolated.
//! - More than a hundred response tasks push each other out.
//!
//! A method of the trait is one conversation here: a fixed, bounded row of calls on one connection.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;

use self::{
    answers::Why,
    requests::TaskInfo,
    session::{Pool, Talk},
};
pub use self::{
    errand::draft,
    follow::{Followed, KnownTask, Rung},
    hosts::Sought,
    requests::Found,
    respond::SubmitError,
    tasks::{Area, Task, TaskError, TaskKind},
};
use crate::{
    domain::{
        action::{Action, ActionKind, Observed, Target, Thing},
        failure::FailureKind,
        guid,
        host::{Host, HostId},
        selector::{IdForm, Selector, is_unprintable},
    },
    http::{ClientError, SingleClients, Url},
    secret::Secret,
    vendors::{
        Advice, Answer, Capabilities, Capability, Completion, Cursor, Driver, Errand, Group, Inventory, Meta, Page,
        Preflight, Progress, Recalled, Repeat, Reply, Scope, Takes, Tenant, Vendor, VendorError,
    },
};

mod answers;
mod codes;
pub mod config;
mod container;
mod crowd;
mod errand;
mod filter;
mod follow;
mod groups;
mod hosts;
mod requests;
mod respond;
mod session;
pub mod tasks;
mod wire;

/// One in so many requests may wait for a connection.
const WAITING_SHARE: usize = 8;

/// The console's name for people.
const CONSOLE: &str = "Kaspersky Security Center";

/// What is known of it before any of its settings are.
pub(super) const DRIVER: Driver = Driver {
    word: config::NAME,
    console: CONSOLE,
    acts_on: Thing::Host,
    id_form,
    section: || Box::new(config::KasperskySection::default()),
    takes: Takes { groups: true, keeps_no_state: true, ..Takes::NOTHING },
    advice: Advice {
        secret: "password",
        address_keys: "`url`",
        address_example: "https://ksc.corp.example:13299",
        of: |kind| match kind {
            FailureKind::CredentialsRefused => Some(
                "an account of the operating system or of a domain needs `internal_user = false`, and `domain` in a domain; \
                 one with two-step verification must be excluded from it in the console",
            ),
            FailureKind::Forbidden => {
                Some("the user's role needs the devices in its scope, the right to read, and all rights on tasks")
            }
            FailureKind::Certificate => Some(
                "the console's own certificate, `klserver.cer`, is trusted by `certificate`, or by its pin, `certificate_sha256`, \
                 which `edrctl check kaspersky --show-certificate` shows",
            ),
            FailureKind::NotCapable => {
                Some("response tasks need a licence, and Kaspersky Endpoint Security 12.9 or later")
            }
            _ => None,
        },
    },
};

/// The most hosts that one question may be about.
const MOST_OBSERVED: usize = 200;

/// The documented defaults are those for isolations that a scan for indicators began; for one that was asked for through
/// the console nothing else is documented.
const SELF_ENDING: &str = "the agents end an isolation by themselves, after 8 hours on Windows and 5 on Linux unless their \
     settings say otherwise: isolate again before that, or change the policy";

/// Hosts in a page of the inventory.
const PAGE: NonZeroUsize = NonZeroUsize::new(200).expect("more than none");

/// Who asks.
#[derive(Clone)]
pub struct Account {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// Whether it is a user of the console's own, and not of the operating system.
    pub internal: bool,
    /// The user's domain.
    pub domain: Option<String>,
    /// Whether the domain is sent in base64: clients differ in this.
    pub domain_base64: bool,
    /// The virtual Administration Server that is meant; the main one, if `None`.
    pub virtual_server: Option<String>,
}

impl fmt::Debug for Account {
    /// Without the user: whoever swaps it with the password must not find the password in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("internal", &self.internal).finish_non_exhaustive()
    }
}

/// An Administration Server, as one account sees it.
pub struct Kaspersky {
    address: String,
    pool: Pool,
    capabilities: Capabilities,
    /// What tasks are called. A name does not change, and a task of a group is one for all of its hosts.
    known_tasks: Mutex<HashMap<Box<str>, Arc<TaskInfo>>>,
    /// The result set of the inventory that the console let go of.
    lost: Mutex<Option<Box<str>>>,
    /// How many names the console takes in one filter, as far as it is known.
    batch: AtomicUsize,
    /// The run that asks, if it is one.
    errand: Option<Errand>,
    /// The word that its tasks are found again by.
    area: Area,
    /// The tasks that were seen to be its own, by host.
    own_tasks: Mutex<HashMap<HostId, KnownTask>>,
    /// The hosts whose task was missing when it was last asked for.
    missed: Mutex<HashSet<HostId>>,
    /// The numbers of the incidents that it was given.
    incidents: Mutex<HashSet<i64>>,
    /// Whether hosts were read already: that proves address, certificate, credentials and the right to read.
    reads: AtomicBool,
    /// What a check has learnt of the Web Console, for whoever asks next.
    attended: Mutex<Option<Option<bool>>>,
    /// Looks ahead in a row that were not answered.
    looks: AtomicUsize,
}

impl fmt::Debug for Kaspersky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kaspersky").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Kaspersky {
    /// Makes the console's client; nothing is sent.
    ///
    /// # Errors
    ///
    /// [`VendorError`] if the account cannot be written into a header.
    pub fn new(
        clients: &SingleClients,
        base: &Url,
        account: Account,
        max_in_flight: NonZeroUsize,
        errand: Option<Errand>,
    ) -> Result<Self, VendorError> {
        let one = Capability {
            max_batch: NonZeroUsize::MIN,
            completion: Completion::Polled,
            repeat: Repeat::Unsafe,
            ends_by_itself: None,
            recalls: true,
        };
        let capabilities = Capabilities {
            console: CONSOLE,
            actions: [ActionKind::Isolate, ActionKind::Unisolate, ActionKind::Task]
                .map(|kind| {
                    let ends_by_itself = (kind == ActionKind::Isolate).then_some(SELF_ENDING);
                    (kind, Capability { ends_by_itself, ..one.clone() })
                })
                .into(),
            max_observe: MOST_OBSERVED,
            max_find: hosts::MOST_NAMES,
            finds_ids: false,
            looks_ahead: true,
            looks_first: false,
            inventory: Inventory::Pages(PAGE),
            // A few wait for a connection, so that none is idle while the journal is written.
            max_in_flight: max_in_flight.saturating_add(max_in_flight.get() / WAITING_SHARE),
        };
        Ok(Self {
            address: base.origin().ascii_serialization(),
            pool: Pool::new(clients, base, &account, max_in_flight.get())?,
            capabilities,
            known_tasks: Mutex::default(),
            lost: Mutex::default(),
            batch: AtomicUsize::new(hosts::MOST_NAMES),
            area: errand.as_ref().map(|errand| errand::area(&errand.run)).unwrap_or_default(),
            errand,
            own_tasks: Mutex::default(),
            missed: Mutex::default(),
            incidents: Mutex::default(),
            reads: AtomicBool::new(false),
            attended: Mutex::default(),
            looks: AtomicUsize::new(0),
        })
    }

    /// Whether a console is there that makes tasks of incidents; `None` where this one cannot say.
    ///
    /// # Errors
    ///
    /// [`VendorError`] if the question was not answered.
    pub async fn is_console_there(&self) -> Result<Option<bool>, VendorError> {
        let mut talk = self.pool.talk().await?;
        asks_for_console(&mut talk).await
    }
}

/// Not every version has the method, and not every role may call it: then nobody knows.
async fn asks_for_console(talk: &mut Talk<'_>) -> Result<Option<bool>, VendorError> {
    match talk.ask(requests::is_console_there(), requests::judge_console).await {
        Ok(there) => Ok(Some(there)),
        Err(refusal) if refusal.why != Why::Other || refusal.error.failure().kind == FailureKind::Forbidden => Ok(None),
        Err(refusal) => Err(refusal.error),
    }
}

fn no_client(error: &ClientError) -> VendorError {
    VendorError::stops_run(FailureKind::Internal, error.to_string())
}

/// The console says nothing beside its answers: no id of the request, no quota.
fn answer<T>(value: T) -> Answer<T> {
    Answer { value, meta: Meta::default() }
}

#[async_trait]
impl Vendor for Kaspersky {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn check(&self) -> Result<Answer<Tenant>, VendorError> {
        let mut talk = self.pool.talk().await?;
        let set = talk.ask(requests::find_hosts(""), requests::judge_found).await.map_err(|refusal| refusal.error)?;
        // Whether it is let go of now or by and by changes nothing.
        drop(talk.ask(requests::release(&set.accessor), |response| requests::judge_done(response, false)).await);
        self.reads.store(true, Ordering::Relaxed);
        let attended = match asks_for_console(&mut talk).await {
            // What cannot be learnt is only warned of, and by whoever looks ahead.
            Err(error) if error.scope() != Scope::Run => None,
            attended => Some(attended?),
        };
        *self.attended.lock().unwrap_or_else(PoisonError::into_inner) = attended;
        let console = match attended.flatten() {
            Some(true) => "a Web Console is connected",
            Some(false) => "no Web Console is connected, so nothing will be carried out until one is",
            None => "whether a Web Console is connected cannot be learnt",
        };
        let hosts = if set.count == 1 { "1 host".to_owned() } else { format!("{} hosts", set.count) };
        let detail =
            Some(format!("{hosts}; {console}; whether the account may create tasks shows only when one is sent"));
        Ok(answer(Tenant { console: self.address.clone(), detail, clock_skew: None }))
    }

    async fn submit(&self, action: &Action, targets: &[Target]) -> Result<Answer<Vec<Reply>>, VendorError> {
        let (target, task) = (errand::only(targets)?, self.task(action.kind)?);
        let submitted = self.submit_task(&task, target, &self.area, target.ticket.as_ref()).await;
        Ok(answer(vec![Ok(submitted.map_err(|failed| failed.error)?)]))
    }

    async fn recall(&self, action: &Action, targets: &[Target]) -> Result<Answer<Vec<Recalled>>, VendorError> {
        let (target, task) = (errand::only(targets)?, self.task(action.kind)?);
        let body = task.body(target.id.as_str(), &self.area);
        Ok(answer(vec![self.find_own_request(target, &body, &self.area, self.since()).await?]))
    }

    async fn poll(&self, _: &Action, targets: &[Target]) -> Result<Answer<Vec<Progress>>, VendorError> {
        Ok(answer(vec![self.progress(errand::only(targets)?).await?]))
    }

    async fn find(&self, selectors: &[Selector]) -> Result<Answer<Vec<Host>>, VendorError> {
        let found = self.find_hosts(selectors).await?;
        let hosts = found.into_iter().filter_map(|sought| match sought {
            Sought::Hosts(hosts) => Some(hosts),
            Sought::CannotAsk(_) => None,
        });
        Ok(answer(hosts.flatten().map(|found| found.host).collect()))
    }

    fn cannot_find(&self, selector: &Selector) -> Option<&'static str> {
        hosts::wanted(selector).err()
    }

    async fn group(&self, name: &str) -> Result<Answer<Vec<Group>>, VendorError> {
        self.groups(name).await.map(answer)
    }

    async fn preflight(&self, more: Option<usize>) -> Result<Answer<Preflight>, VendorError> {
        self.looks_ahead(more).await.map(answer)
    }

    async fn close(&self) {
        self.pool.close().await;
    }

    async fn list(&self, cursor: Option<&Cursor>) -> Result<Answer<Page>, VendorError> {
        self.page(cursor).await.map(answer)
    }

    async fn observe(&self, targets: &[Target]) -> Result<Answer<Vec<Observed>>, VendorError> {
        self.look(targets).await.map(answer)
    }
}

/// The longest text that is taken for an id.
const LONGEST_ID: usize = 128;

/// Tells a host's id from a name or an address.
///
/// Ids are opaque. In practice they have the shape of a GUID, and not always its digits; anything else is an id where it is
/// said to be one. The spelling is kept, because the console may tell letters apart.
pub fn id_form(text: &str) -> IdForm {
    let groups = || text.split('-').map(str::len).eq(guid::USUAL);
    if groups() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return IdForm::Id(None);
    }
    match guid::form(text, &[guid::USUAL]) {
        IdForm::NotAnId if may_be_an_id(text) => IdForm::IfSaid(None),
        IdForm::Damaged(how) if may_be_an_id(text) => IdForm::DamagedUnlessSaid(how, None),
        form => form,
    }
}

fn may_be_an_id(text: &str) -> bool {
    !text.is_empty()
        && text.chars().nth(LONGEST_ID).is_none()
        && !text.chars().any(|c| c.is_whitespace() || is_unprintable(c))
}

#[cfg(test)]
mod tests;

//! The consoles, each reduced to what a bulk run needs of it.
//!
//! The engine knows only [`Vendor`]. A difference between consoles is data in [`Capabilities`], never a branch on a
//! name. A vendor's method makes **one** request: it never loops over targets, retries, waits, prints or journals.
//! All of that is the engine's, once, for every console.

use std::{borrow::Cow, collections::BTreeMap, fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::{
    action::{Action, ActionKind, Observed, Target},
    failure::Failure,
    host::{Host, HostId},
    id::{RunId, Ticket},
    indicator::IndicatorKind,
    selector::Selector,
};

pub mod apex_central;
pub mod cisco;
pub mod cybereason;
mod driver;
mod error;
pub mod fortigate;
mod hidden;
pub mod indicators;
pub mod kaspersky;
mod reach;
pub mod streams;

pub use driver::{
    Advice, ConsoleSection, Driver, Errand, IdCheck, Link, OpenError, Ready, Takes, TakesBack, VendorName, Wishes,
};
pub use error::{Again, Scope, VendorError};
pub use hidden::Hidden;

/// A console, reduced to what a bulk run needs of it.
#[async_trait]
pub trait Vendor: fmt::Debug + Send + Sync {
    /// What this console can do, as data: no request is made.
    fn capabilities(&self) -> &Capabilities;

    /// Proves the address, the certificate and the credentials, and names the tenant; changes nothing.
    async fn check(&self) -> Result<Answer<Tenant>, VendorError>;

    /// Makes one request for at most `max_batch` targets: one reply per target, in order.
    async fn submit(&self, action: &Action, targets: &[Target]) -> Result<Answer<Vec<Reply>>, VendorError>;

    /// Reads one page of the inventory: the first without a cursor, the next with the cursor of the last answer.
    async fn list(&self, _cursor: Option<&Cursor>) -> Result<Answer<Page>, VendorError> {
        Err(VendorError::unsupported("list hosts"))
    }

    /// Makes one request for the state of at most `max_observe` targets: one answer per target, in order.
    async fn observe(&self, _targets: &[Target]) -> Result<Answer<Vec<Observed>>, VendorError> {
        Err(VendorError::unsupported("read the state of a host"))
    }

    /// Finds every host that one of these selectors may name, at most [`Capabilities::max_find`] of them. More hosts may
    /// come than fit: what fits is judged by whoever asks.
    async fn find(&self, _selectors: &[Selector]) -> Result<Answer<Vec<Host>>, VendorError> {
        Err(VendorError::unsupported("find hosts"))
    }

    /// Why [`Vendor::find`] cannot find this, whichever hosts there are.
    fn cannot_find(&self, _selector: &Selector) -> Option<&'static str> {
        None
    }

    /// Reads the hosts of the groups that this names: of all of them, so that whoever asks sees that it is not one.
    async fn group(&self, _name: &str) -> Result<Answer<Vec<Group>>, VendorError> {
        Err(VendorError::unsupported("be asked for the hosts of a group"))
    }

    /// Reads the hosts that a detection of the console's is about, by its id.
    async fn detection(&self, _id: &str) -> Result<Answer<Vec<Host>>, VendorError> {
        Err(VendorError::unsupported("be asked for the hosts of a detection"))
    }

    /// Asks how accepted work stands, by the ticket that each target has. Only for [`Completion::Polled`] actions.
    async fn poll(&self, _action: &Action, _targets: &[Target]) -> Result<Answer<Vec<Progress>>, VendorError> {
        Err(VendorError::unsupported("say how a request stands"))
    }

    /// Looks whether a request of this run that nobody has answered is there. Only where [`Capability::recalls`] says so.
    async fn recall(&self, _action: &Action, _targets: &[Target]) -> Result<Answer<Vec<Recalled>>, VendorError> {
        Err(VendorError::unsupported("be asked for earlier requests"))
    }

    /// What runs of ours have left at the console by marks that tell when it is due to go.
    async fn kept(&self) -> Result<Answer<Vec<Kept>>, VendorError> {
        Err(VendorError::unsupported("tell what runs have left with it"))
    }

    /// Looks for what would keep requests from being carried out, before any is sent. `more`: so many are to be sent, if there
    /// has to be room for them.
    async fn preflight(&self, _more: Option<usize>) -> Result<Answer<Preflight>, VendorError> {
        Ok(Answer { value: Preflight::default(), meta: Meta::default() })
    }

    /// Signs out, where there is a session. Nothing depends on it.
    async fn close(&self) {}

    /// What it knows of hostile connections, if it is a console that tells.
    fn indicators(&self) -> Option<&dyn indicators::Connections> {
        None
    }

    /// Its event streams, if it is a console that has them.
    fn streams(&self) -> Option<&dyn streams::EventStreams> {
        None
    }
}

/// What a request brought, and what came beside it.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// What the console said beside it.
    pub meta: Meta,
}

impl<T> Answer<T> {
    /// Changes what was asked for, keeps what came beside it.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { value: change(self.value), meta: self.meta }
    }
}

/// What a console says beside every answer.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// The console's own id of the request: the only thing its support can search for.
    pub request_id: Option<Box<str>>,
    /// What is left of the quota.
    pub quota: Option<QuotaReading>,
}

/// What a console said of its quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaReading {
    /// Requests a window allows.
    pub limit: Option<u64>,
    /// Requests left in this window.
    pub remaining: u64,
    /// The time until the window ends, as the console rounds it.
    pub reset: Duration,
}

/// One target's part of an answered request; the outer `Err` means that the whole request failed.
pub type Reply = Result<Ack, VendorError>;

/// How accepted work stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How far it has come.
    pub stage: Stage,
    /// The word for that: what is told as the target's state.
    pub word: Cow<'static, str>,
    /// What the console or the host said, or what the word means.
    pub said: String,
    /// What the console gives to ask after it by, if it is more than before.
    pub ticket: Option<Ticket>,
}

/// How far accepted work has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It may still be done.
    UnderWay,
    /// It was done, and the console vouches for it.
    Done,
    /// It could not be done.
    Failed,
    /// It ended, and the console does not vouch for it: the host warns.
    Warned,
    /// It can no longer be followed: nobody knows whether it was done.
    Lost,
}

/// Whether a request that nobody has answered is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recalled {
    /// It is, and may have to be finished: it is submitted again with this.
    There(Ticket),
    /// It is, and the console has made something of it already: nothing of it may be sent again.
    Taken(Ticket),
    /// It is not: nothing was done.
    NotThere,
    /// The console does not tell, in these words: nothing may be sent again.
    Unclear(String),
}

/// What stands in the way of requests, as far as a console tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preflight {
    /// What the user is to know before anything is sent.
    pub warnings: Vec<String>,
    /// What is so by the console's own rules, and is told with the plan.
    pub notes: Vec<String>,
    /// Whether somebody is there who carries requests out; `None` where nobody knows.
    pub attended: Option<bool>,
    /// How much accepted work the console keeps; more pushes the oldest out, done or not.
    pub room: Option<Room>,
    /// Why nothing may be sent at all.
    pub refusal: Option<Failure>,
    /// Why nothing may be added, though it may be taken out.
    pub harmful: Option<Failure>,
    /// How many more targets there may be, in each place that they go to.
    pub vacancies: Vec<Vacancies>,
    /// What has to be known where domains are among the targets.
    pub of_domains: Option<&'static str>,
}

/// How many targets a place may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vacancies {
    /// The kinds of targets that go there.
    pub kinds: Vec<IndicatorKind>,
    /// What is counted.
    pub unit: Unit,
    /// So many in all.
    pub limit: usize,
    /// So many are there.
    pub taken: usize,
    /// What they are, in words: `members of the group`.
    pub what: String,
    /// Whose limit it is, in words.
    pub by: String,
    /// Whether it holds whatever the user says.
    pub is_fixed: bool,
}

/// What is counted of targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Each is one.
    Targets,
    /// Each is as much as its text, and the end of its line.
    Bytes,
}

/// Something that a run of ours has left at a console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What it is about.
    pub id: HostId,
    /// What it is called there.
    pub name: Box<str>,
    /// The run.
    pub run: RunId,
    /// When it is due to go; `None` for never.
    pub expires: Option<Timestamp>,
    /// Whether it is in force.
    pub in_force: bool,
}

/// A group of hosts.
#[derive(Clone, Debug)]
pub struct Group {
    /// The console's number of it, where it tells one.
    pub number: Option<i64>,
    /// Its name, with those of the groups above it where the console tells them.
    pub name: Box<str>,
    /// Its hosts, without those of groups below.
    pub hosts: Vec<Host>,
}

/// How much accepted work a console keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// So much in all.
    pub limit: usize,
    /// What is there; `None` where it cannot be counted.
    pub taken: Option<Taken>,
}

/// How much accepted work a console has, as far as it shows. How it stands is counted only if some of it has to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// So much in all.
    pub all: usize,
    /// So much of it is of others, and not known to be done.
    pub open: usize,
    /// So much of the oldest is done, and may be pushed out.
    pub spare: usize,
}

/// How a console acknowledges one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ack {
    /// Done, and the console vouches for it.
    Done,
    /// The same, and something has to be known of it.
    DoneBut(Box<str>),
    /// It was so before.
    AlreadyInState,
    /// Taken; the state has to be asked for.
    Accepted(Ticket),
}

/// The part of a console that is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// The console's address, without credentials.
    pub console: String,
    /// The tenant's name or the console's version, where it tells one.
    pub detail: Option<String>,
    /// Seconds that the console's clock is ahead of ours, where requests depend on it.
    pub clock_skew: Option<i64>,
}

/// One page of an inventory.
#[derive(Clone, Debug)]
pub struct Page {
    /// The hosts on it.
    pub hosts: Vec<Host>,
    /// Where the next page is; `None` on the last.
    pub next: Option<Cursor>,
    /// How many hosts the whole inventory has, where the console says it.
    pub total: Option<u64>,
}

/// Where the next page of an inventory is; opaque to the engine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(pub Arc<str>);

/// What a console can do, as data.
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// The console's name for people: `Cisco Secure Endpoint`.
    pub console: &'static str,
    /// The actions it supports; an absent one is refused while planning.
    pub actions: BTreeMap<ActionKind, Capability>,
    /// How many targets one `observe` takes; 0 where a single host cannot be asked for.
    pub max_observe: usize,
    /// How many selectors one `find` takes; 0 where hosts can only be listed.
    pub max_find: usize,
    /// Whether `find` takes one id, where it takes nothing else.
    pub finds_ids: bool,
    /// Whether it can be asked what would keep requests from being carried out.
    pub looks_ahead: bool,
    /// Whether every host is looked at before anything is sent to it, because the console takes requests that no host can
    /// carry out.
    pub looks_first: bool,
    /// How the inventory is listed.
    pub inventory: Inventory,
    /// Requests in flight unless the configuration says otherwise.
    pub max_in_flight: NonZeroUsize,
}

/// How an inventory is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inventory {
    /// In pages of so many hosts.
    Pages(NonZeroUsize),
    /// All of it in one answer. One request tells the name, the state and the abilities of every host, so it is made
    /// before every action, whatever the targets are.
    Whole,
}

impl Inventory {
    /// How many requests read this many hosts.
    pub const fn pages(self, hosts: u64) -> u64 {
        match self {
            Self::Pages(size) => hosts.div_ceil(size.get() as u64),
            Self::Whole => 1,
        }
    }
}

/// What a console can do of one action.
#[derive(Clone, Debug)]
pub struct Capability {
    /// Targets in one request; 1 where the console takes them singly.
    pub max_batch: NonZeroUsize,
    /// How the end of accepted work is learnt.
    pub completion: Completion,
    /// Whether asking twice can do harm.
    pub repeat: Repeat,
    /// What ends its effect without anybody's doing, in words, where that is documented.
    pub ends_by_itself: Option<&'static str>,
    /// Whether the console can be asked for a request that was sent and not answered. The state of the host is not looked at
    /// then.
    pub recalls: bool,
}

/// How the end of accepted work is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The answer is the end.
    Immediate,
    /// By reading the state of the host.
    Observed,
    /// By asking after the ticket.
    Polled,
}

/// Whether asking twice can do harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It cannot: the console settles the second request by the first.
    Safe,
    /// It can.
    Unsafe,
}

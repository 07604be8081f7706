//! Consoles that push their events: the streams of a tenant, as they are made, read, changed and removed.
//!
//! As with [`Vendor`](super::Vendor), every method makes **one** request. Whoever calls them goes through
//! `engine::console`, which keeps the pace and tries again where that can help.

use std::fmt;

use async_trait::async_trait;

use super::{Answer, Cursor, VendorError};
use crate::{
    domain::{action::ActionKind, host::HostState},
    secret::Secret,
};

/// A console that has event streams.
#[async_trait]
pub trait EventStreams: Send + Sync {
    /// The most streams that a tenant may have, where the console documents it.
    fn most(&self) -> Option<usize>;

    /// The types of events that tell how an isolation, or the end of one, has gone at a host.
    fn isolation_events(&self) -> &'static [IsolationEvent];

    /// Lists the tenant's streams: all of them, in one answer.
    async fn list(&self) -> Result<Answer<Vec<EventStream>>, VendorError>;

    /// Reads one stream.
    async fn show(&self, id: StreamId) -> Result<Answer<EventStream>, VendorError>;

    /// Makes a stream. Its password is in this answer and in no other.
    ///
    /// Never repeated by itself: after a failure that leaves it in doubt, the list tells whether the name is there.
    async fn create(&self, new: &NewStream) -> Result<Answer<Result<Created, Refusal>>, VendorError>;

    /// Changes a stream. What it comes to is for [`EventStreams::show`] to tell.
    async fn update(&self, id: StreamId, change: &Change) -> Result<Answer<Result<(), Refusal>>, VendorError>;

    /// Removes a stream, and with it the events that wait in its queue.
    async fn delete(&self, id: StreamId) -> Result<Answer<()>, VendorError>;

    /// Lists the types of events that the console knows.
    async fn event_types(&self) -> Result<Answer<Vec<EventType>>, VendorError>;

    /// Reads one page of the tenant's groups: the first without a cursor.
    async fn groups(&self, cursor: Option<&Cursor>) -> Result<Answer<GroupPage>, VendorError>;
}

/// A stream's number at its console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A stream, as the console tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventStream {
    /// Its number.
    pub id: StreamId,
    /// Its name, which no other stream of the tenant has.
    pub name: String,
    /// The types of events that go into it; none for all.
    pub event_types: Vec<u64>,
    /// The ids of the groups whose events go into it; none for all.
    pub groups: Vec<String>,
    /// Where its events are, where the console tells.
    pub queue: Option<QueueAddress>,
}

/// Where a stream's events are taken from. The password is not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueAddress {
    /// The broker.
    pub host: String,
    /// Its port, which speaks TLS.
    pub port: u16,
    /// The queue.
    pub queue_name: String,
    /// Who signs in.
    pub user_name: String,
}

/// What a stream is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStream {
    /// Its name.
    pub name: String,
    /// The types of events; none for all.
    pub event_types: Vec<u64>,
    /// The ids of groups; none for all.
    pub groups: Vec<String>,
}

/// What is to change at a stream. `None` leaves a part as it is; an empty list means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: Option<String>,
    /// The types of events.
    pub event_types: Option<Vec<u64>>,
    /// The ids of groups.
    pub groups: Option<Vec<String>>,
}

/// A stream that has just been made.
#[derive(Clone, Debug)]
pub struct Created {
    /// Its number.
    pub id: StreamId,
    /// Where its events are.
    pub queue: QueueAddress,
    /// The password. Nobody can ask for it again.
    pub password: Secret,
}

/// The console has understood, and will not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why, as far as its words say. They may change, so a look at the list is what counts.
    pub why: RefusedFor,
    /// Its words.
    pub said: String,
}

/// Why a console will not make or change a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedFor {
    /// Another stream has the name.
    NameTaken,
    /// The tenant has as many streams as it may.
    TooMany,
    /// Something else.
    Other,
}

/// A type of events that tells how an action has gone at a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IsolationEvent {
    /// The type's number.
    pub type_id: u64,
    /// The action, whoever asked for it.
    pub kind: ActionKind,
    /// Whether the host got where the action leads.
    pub reached: bool,
    /// The state that the host is in then.
    pub state: HostState,
}

/// A type of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventType {
    /// Its number, which does not change.
    pub id: u64,
    /// Its name, which does over the years.
    pub name: String,
}

/// One page of a tenant's groups.
#[derive(Clone, Debug)]
pub struct GroupPage {
    /// The groups on it.
    pub groups: Vec<Group>,
    /// Where the next page is; `None` on the last.
    pub next: Option<Cursor>,
}

/// A group of hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

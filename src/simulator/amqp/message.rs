//! What a queue holds, and what of it goes over the wire.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use tokio::time::Instant;

/// An event as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Content {
    /// What the broker calls the routing key.
    pub(in crate::simulator) routing_key: String,
    /// The one further routing key in the header `CC`.
    pub(in crate::simulator) copied_to: String,
    pub(in crate::simulator) body: Bytes,
}

/// Makes events of numbers: a million that wait take no room.
pub(in crate::simulator) trait Maker: fmt::Debug + Send + Sync {
    /// The event with this number; the same each time.
    fn make(&self, number: u64) -> Content;
}

/// Where an event comes from.
#[derive(Clone, Debug)]
pub(in crate::simulator) enum Source {
    Ready(Arc<Content>),
    MadeUp(u64),
}

/// An event in a queue, or in the hands of a consumer.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Its place in the queue, to which it goes back.
    pub(super) place: u64,
    pub(super) source: Source,
    pub(super) redelivered: bool,
    /// When it came.
    pub(super) since: Instant,
}

//! Where events come from: a queue that delivers, and takes acknowledgements.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

/// A queue that can be connected to, again and again.
#[async_trait]
pub trait Source: fmt::Debug + Send {
    /// Connects, and begins to consume with at most `prefetch` deliveries that are not acknowledged.
    ///
    /// # Errors
    ///
    /// [`SourceError`] says whether trying again can help.
    async fn open(&mut self, prefetch: u16) -> Result<Box<dyn Consumer>, SourceError>;
}

/// One connection that consumes.
#[async_trait]
pub trait Consumer: fmt::Debug + Send {
    /// Waits for the next delivery. May be dropped while it waits, and loses nothing then.
    ///
    /// # Errors
    ///
    /// [`SourceError`] once the connection is of no more use. What was not acknowledged comes again.
    async fn next(&mut self) -> Result<Delivery, SourceError>;

    /// A delivery that is here already, without waiting.
    fn ready(&mut self) -> Option<Delivery>;

    /// Acknowledges this delivery and all before it on this connection.
    ///
    /// # Errors
    ///
    /// [`SourceError`] if it was not taken: then they all come again.
    async fn acknowledge(&mut self, tag: u64) -> Result<(), SourceError>;

    /// How many events wait in the queue, those that were delivered and not acknowledged not counted.
    ///
    /// # Errors
    ///
    /// [`SourceError`] if the queue cannot be asked.
    async fn waiting(&mut self) -> Result<u64, SourceError>;

    /// Closes the connection in an orderly way. What was not acknowledged goes back to the queue.
    async fn close(self: Box<Self>);
}

/// One event as it was delivered.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its number on this connection, from 1.
    pub tag: u64,
    /// Whether the queue has delivered it before.
    pub redelivered: bool,
    /// The body, as it came.
    pub body: Bytes,
}

/// Why there are no events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct SourceError {
    /// What can be done about it.
    pub kind: SourceErrorKind,
    /// In words.
    pub text: String,
}

/// What can be done about a queue that does not deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceErrorKind {
    /// The network, the broker, its maintenance: try again after a wait.
    Unreachable,
    /// The certificate is not one to be trusted.
    Certificate,
    /// The credentials are refused: the stream is gone or its password is another one.
    Refused,
    /// The queue is gone.
    Gone,
    /// Somebody else consumes, and may not be joined.
    Taken,
    /// An acknowledgement came too late for the broker.
    TooLate,
}

impl SourceErrorKind {
    /// Whether trying again can help.
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::Unreachable | Self::TooLate)
    }
}

#[cfg(test)]
pub(crate) mod memory;

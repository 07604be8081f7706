//! How much, how long, how patiently.

use std::time::Duration;

use tokio::time::Instant;

use crate::stream::backoff::Backoff;

/// How much, how long, how patiently.
#[derive(Clone, Debug)]
pub struct PumpLimits {
    /// Deliveries that the queue may make before the first of them is acknowledged. Memory is bounded by it.
    pub prefetch: u16,
    /// Deliveries in a batch. It is never more than half of the prefetch, so that the queue goes on while a batch is kept.
    pub batch_events: usize,
    /// Bytes in a batch, up to which another delivery is taken.
    pub batch_bytes: usize,
    /// How long a batch that is not full waits for more.
    pub linger: Duration,
    /// The stream ends when so many events were handed to the sinks.
    pub count: Option<u64>,
    /// The stream ends then.
    pub until: Option<Instant>,
    /// The stream ends when the queue is empty.
    pub drain: bool,
    /// The waits between tries, of the queue and of each sink.
    pub backoff: Backoff,
    /// A connection that stood so long was a good one: the next wait is a short one. A twelfth of it is enough where
    /// something was acknowledged.
    pub healthy: Duration,
    /// The stream ends if so many tries have failed before the first connection; it never does if there is none.
    pub tries_at_start: Option<u32>,
    /// How long somebody else may have the queue before that is taken for an answer, at the start. It may be what is left
    /// of ourselves.
    pub patience_at_start: Duration,
    /// The same after a connection was lost: the broker may not have noticed yet that we are gone.
    pub patience: Duration,
    /// How long an orderly end waits for sinks that do not keep what was taken. Whoever stops containers waits ten seconds in
    /// all, and the connections want to be closed in that time, too.
    pub grace: Duration,
}

impl Default for PumpLimits {
    fn default() -> Self {
        Self {
            prefetch: 1000,
            batch_events: 500,
            batch_bytes: 4 * 1024 * 1024,
            linger: Duration::from_millis(10),
            count: None,
            until: None,
            drain: false,
            backoff: Backoff::default(),
            healthy: Duration::from_secs(60),
            tries_at_start: None,
            patience_at_start: Duration::from_secs(5),
            patience: Duration::from_secs(180),
            grace: Duration::from_secs(5),
        }
    }
}

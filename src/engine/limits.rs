//! The bounds of a run.

use std::{num::NonZeroUsize, time::Duration};

/// The bounds of a run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests in flight.
    pub concurrency: NonZeroUsize,
    /// Tries of one request before it is given up.
    pub max_attempts: u32,
    /// The ceiling of the first wait between tries; doubled each time.
    pub backoff_first: Duration,
    /// The ceiling of all waits between tries.
    pub backoff_most: Duration,
    /// The longest wait for the console's quota.
    pub max_wait: Duration,
    /// How long the console may be silent, or fail everything, before the run stops.
    pub silence: Duration,
    /// The first wait between two looks at accepted hosts; it grows.
    pub poll_first: Duration,
    /// The longest wait between two looks.
    pub poll_most: Duration,
    /// How many requests may follow the oldest one that is not known to be done: at a console that keeps so many, and drops
    /// the oldest for a new one.
    pub outstanding: Option<NonZeroUsize>,
}

/// A quota's window is an hour at the consoles that have one; with ten minutes to spare, one window can be waited for.
pub const DEFAULT_MAX_WAIT: Duration = Duration::from_secs(70 * 60);

impl Limits {
    /// The defaults, at a concurrency.
    pub const fn new(concurrency: NonZeroUsize) -> Self {
        Self {
            concurrency,
            max_attempts: 5,
            backoff_first: Duration::from_millis(500),
            backoff_most: Duration::from_secs(30),
            max_wait: DEFAULT_MAX_WAIT,
            silence: Duration::from_secs(30),
            poll_first: Duration::from_secs(1),
            poll_most: Duration::from_secs(15),
            outstanding: None,
        }
    }
}

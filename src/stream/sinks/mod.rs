//! Where events go. A sink has taken a batch when it keeps every event of it, come what may.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::event::ConsoleEvent;

pub mod file;
pub mod http;
pub mod stdout;
pub mod syslog;

/// Keeps events.
#[async_trait]
pub trait Sink: fmt::Debug + Send {
    /// Its name, for people and metrics: `stdout`, `file /var/log/events.jsonl`.
    fn name(&self) -> &str;

    /// Makes it go on where it stood when everything up to `position` was kept: what of ours was written behind that was never
    /// acknowledged and comes again, and must not be kept twice where the sink can tell. Called once, before the first batch; `None` if nothing is known.
    ///
    /// # Errors
    ///
    /// [`SinkError`] if it cannot stand there.
    async fn begin(&mut self, position: Option<&Position>) -> Result<(), SinkError>;

    /// Keeps a batch, in its order. Once this returns, every event is kept, but for those that are refused for good.
    ///
    /// It may be called again with the same batch after an error; what was kept of it the first time must then not be kept
    /// twice, where the sink can tell.
    ///
    /// # Errors
    ///
    /// [`SinkError`] if the batch, or a part of it, is not kept.
    async fn keep(&mut self, batch: &[ConsoleEvent]) -> Result<Kept, SinkError>;

    /// Where it stands after the last batch, where that means something to it.
    fn position(&self) -> Option<Position> {
        None
    }

    /// What people should know of it since they were told last.
    fn take_notes(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Closes it in an orderly way.
    ///
    /// # Errors
    ///
    /// [`SinkError`] if that failed; everything that was kept is kept all the same.
    async fn close(&mut self) -> Result<(), SinkError>;
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Kept {
    /// The events that the sink will never take, by their place in the batch, each with the reason.
    pub refused: Vec<(usize, String)>,
}

/// Where a file sink stands: a name and a length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The file's name.
    pub file: String,
    /// Its length in bytes.
    pub length: u64,
}

/// Why a batch is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct SinkError {
    /// In words.
    pub text: String,
    /// What follows.
    pub then: Then,
}

/// What follows when a batch was not kept. Nothing is acknowledged in the meantime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Try again: after this wait if the sink has named one, or after a growing one.
    Again(Option<Duration>),
    /// Whoever reads has gone: the stream ends quietly.
    Ended,
    /// It cannot go on: the stream ends with an error.
    Stop,
}

#[cfg(test)]
pub(crate) mod memory;

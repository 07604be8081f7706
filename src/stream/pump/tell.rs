//! What the pump tells whoever shows it: facts as they happen, and the totals so far.

use std::{collections::VecDeque, fmt, time::Duration};

use jiff::Timestamp;

use super::Ending;
use crate::stream::{
    sinks::{Sink, SinkError},
    source::SourceError,
};

/// Hears what happens. It must not take long: nothing is delivered in the meantime.
pub trait Listener: fmt::Debug + Send {
    /// Something has happened; `stats` are the totals with it.
    fn on_event(&mut self, event: &StreamEvent<'_>, stats: &StreamStats);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug)]
pub struct Deaf;

impl Listener for Deaf {
    fn on_event(&mut self, _: &StreamEvent<'_>, _: &StreamStats) {}
}

/// Something that has happened.
#[derive(Clone, Copy, Debug)]
pub enum StreamEvent<'a> {
    /// The queue delivers.
    Connected,
    /// It does not, or not any more.
    Disconnected {
        /// Why.
        error: &'a SourceError,
        /// It is tried again after this.
        wait: Duration,
    },
    /// A batch is kept and acknowledged.
    Batch(Batch),
    /// A sink does not keep a batch. Nothing is acknowledged until it does.
    SinkHeld {
        /// Its name.
        sink: &'a str,
        /// Why.
        error: &'a SinkError,
        /// It is tried again after this.
        wait: Duration,
    },
    /// It has kept the batch now.
    SinkBack {
        /// Its name.
        sink: &'a str,
    },
    /// A sink will never take an event; it is with the dead letters.
    Refused {
        /// The sink's name.
        sink: &'a str,
        /// Its reason.
        reason: &'a str,
    },
    /// People should know this of a sink.
    Note {
        /// Its name.
        sink: &'a str,
        /// In words.
        text: &'a str,
    },
    /// A sink did not close as it should. What it has kept is kept.
    CloseFailed {
        /// Its name.
        sink: &'a str,
        /// Why.
        error: &'a SinkError,
    },
    /// That was all.
    Ended(&'a Ending),
}

/// What one batch was made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Events that were handed to the sinks.
    pub events: u64,
    /// Deliveries of events that were had before.
    pub duplicates: u64,
    /// Deliveries that the queue says it has made before.
    pub redelivered: u64,
    /// Events that the filter left out.
    pub filtered: u64,
    /// Events that some sink will never take.
    pub refused: u64,
    /// When the last of its events happened, by the console's clock.
    pub last_event: Option<Timestamp>,
}

/// The totals. Every delivery that was acknowledged is one of kept, refused, duplicate and filtered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamStats {
    /// Deliveries that were taken.
    pub delivered: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Events that are in every sink.
    pub kept: u64,
    /// Deliveries of events that were had before.
    pub duplicates: u64,
    /// Deliveries that the queue says it has made before.
    pub redelivered: u64,
    /// Events whose number another body had before. They are handed to the sinks like any other.
    pub twins: u64,
    /// Events that the filter left out.
    pub filtered: u64,
    /// Events that are with the dead letters, for some sink.
    pub refused: u64,
    /// Deliveries that were taken and are not acknowledged, now.
    pub unacknowledged: u64,
    /// How often the queue began to deliver.
    pub connections: u64,
    /// How often a connection was made, but for the first time.
    pub reconnects: u64,
    /// The times without a connection.
    pub gaps: Gaps,
    /// When the last event happened, by the console's clock.
    pub last_event: Option<Timestamp>,
    /// When the last batch was acknowledged, by ours.
    pub last_batch: Option<Timestamp>,
}

/// The times without a connection, once there had been one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// How many.
    pub count: u64,
    /// Together.
    pub total: Duration,
    /// The longest.
    pub longest: Duration,
    /// The last few, oldest first. One that is still going on is the last of them, as long as it was when that was looked at.
    pub recent: VecDeque<Gap>,
}

/// A time without a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// When it began.
    pub from: Timestamp,
    /// How long it was.
    pub length: Duration,
}

/// So many gaps are told one by one.
const RECENT: usize = 32;

impl Gaps {
    /// One begins.
    pub(super) fn begin(&mut self, from: Timestamp) {
        self.count += 1;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(Gap { from, length: Duration::ZERO });
    }

    /// The last one is this long by now.
    pub(super) fn lasts(&mut self, length: Duration) {
        let Some(last) = self.recent.back_mut() else { return };
        self.total += length.saturating_sub(last.length);
        last.length = last.length.max(length);
        self.longest = self.longest.max(length);
    }
}

/// The totals and who is told of them, together: several sinks may have something to tell at the same time.
#[derive(Debug)]
pub(super) struct Teller {
    pub(super) listener: Box<dyn Listener>,
    pub(super) stats: StreamStats,
    /// The sinks that have a batch and have not kept it yet.
    pub(super) awaited: Vec<String>,
}

impl Teller {
    /// Tells what people should know of a sink.
    pub(super) fn note(&mut self, sink: &mut dyn Sink) {
        for text in sink.take_notes() {
            self.tell(&StreamEvent::Note { sink: sink.name(), text: &text });
        }
    }

    pub(super) fn tell(&mut self, event: &StreamEvent<'_>) {
        self.listener.on_event(event, &self.stats);
    }
}

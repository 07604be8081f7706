//! Stands between a queue and the sinks.
//!
//! For every batch, in this order: every sink keeps it, the dead letters are written, the ledger is committed, and only then
//! it is acknowledged. A crash between any two of these steps loses nothing, because what was not acknowledged comes again,
//! and repeats nothing where a sink has a position, because it stands again where the last commit left it.
//!
//! Nothing here shows anything or ends the program: a listener is told, and an [`Ending`] comes back.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until};

pub use self::{
    collect::Filter,
    limits::PumpLimits,
    tell::{Batch, Deaf, Gap, Gaps, Listener, StreamEvent, StreamStats},
};
use self::{
    collect::{Collected, Measure, Sieve},
    tell::Teller,
    tries::Tries,
};
use super::{
    cancel::Cancel,
    dead_letters::{DeadLetter, DeadLetters},
    event::EventId,
    ledger::{Ledger, LedgerError},
    sinks::{Kept, Position, Sink, SinkError},
    source::{Consumer, Source, SourceError},
};
use crate::clock;

mod collect;
mod hand;
mod limits;
mod tell;
mod tries;

/// Why a stream has ended.
#[derive(Debug)]
pub enum Ending {
    /// Somebody interrupted. Everything that was taken is kept, and acknowledged but for what the connection was lost over.
    Cancelled,
    /// What was taken is not acknowledged and comes again: somebody interrupted twice.
    Abandoned,
    /// It was time to end, and the last batch was not kept within the time that was left for it. It comes again.
    Late {
        /// The sinks that have not kept it; none if it was the queue that did not take the acknowledgement.
        sinks: Vec<String>,
        /// How many events it has.
        events: u64,
        /// How long was waited.
        waited: Duration,
    },
    /// So many events were asked for.
    Count,
    /// The time is over.
    Time,
    /// The queue is empty.
    Drained,
    /// Whoever reads has gone.
    ReaderGone {
        /// The sink's name.
        sink: String,
    },
    /// The queue does not deliver, and trying again cannot help.
    Source(SourceError),
    /// A sink cannot go on.
    Sink {
        /// Its name.
        sink: String,
        /// Why.
        error: SinkError,
    },
    /// What was kept cannot be written down.
    Ledger(LedgerError),
    /// What was refused cannot be written down.
    DeadLetters(io::Error),
}

/// A queue, sinks, and what is between them.
pub struct Pump {
    source: Box<dyn Source>,
    sinks: Vec<Box<dyn Sink>>,
    ledger: Ledger,
    dead_letters: DeadLetters,
    filter: Option<Filter>,
    limits: PumpLimits,
    teller: Teller,
    /// Events that were handed to the sinks and kept or refused.
    settled: u64,
    /// Batches that were acknowledged.
    batches: u64,
    collected: Collected,
}

impl fmt::Debug for Pump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sinks: Vec<&str> = self.sinks.iter().map(|sink| sink.name()).collect();
        f.debug_struct("Pump").field("source", &self.source).field("sinks", &sinks).finish_non_exhaustive()
    }
}

/// How one connection ended.
enum Session {
    Lost(SourceError),
    Over(Ending),
}

impl Pump {
    /// A pump that wants every event and tells nobody.
    pub fn new(
        source: Box<dyn Source>,
        sinks: Vec<Box<dyn Sink>>,
        ledger: Ledger,
        dead_letters: DeadLetters,
        limits: PumpLimits,
    ) -> Self {
        let teller = Teller { listener: Box::new(Deaf), stats: StreamStats::default(), awaited: Vec::new() };
        let collected = Collected::default();
        Self { source, sinks, ledger, dead_letters, filter: None, limits, teller, settled: 0, batches: 0, collected }
    }

    /// Leaves out what this says no to: it is acknowledged and counted.
    #[must_use]
    pub fn with_filter(self, filter: Filter) -> Self {
        Self { filter: Some(filter), ..self }
    }

    /// Tells what happens.
    #[must_use]
    pub fn with_listener(mut self, listener: Box<dyn Listener>) -> Self {
        self.teller.listener = listener;
        self
    }

    /// The totals so far.
    pub const fn stats(&self) -> &StreamStats {
        &self.teller.stats
    }

    /// Pumps until there is a reason to end. May be dropped at any moment: what was not acknowledged comes again.
    pub async fn run(&mut self, cancel: &Cancel) -> Ending {
        let ending = tokio::select! {
            biased;
            () = cancel.abandoned() => Ending::Abandoned,
            ending = self.pump(cancel) => ending,
        };
        for sink in &mut self.sinks {
            let closed = tokio::select! {
                biased;
                () = cancel.abandoned() => break,
                closed = sink.close() => closed,
            };
            if let Err(error) = closed {
                self.teller.tell(&StreamEvent::CloseFailed { sink: sink.name(), error: &error });
            }
        }
        self.teller.tell(&StreamEvent::Ended(&ending));
        ending
    }

    async fn pump(&mut self, cancel: &Cancel) -> Ending {
        let stop = Stop { cancel: cancel.clone(), until: self.limits.until };
        for sink in &mut self.sinks {
            let position = self.ledger.positions().get(sink.name());
            let begun = tokio::select! {
                biased;
                ending = stop.wanted() => Err(ending),
                begun = hand::begin(sink.as_mut(), position, self.limits.backoff, &mut self.teller) => begun,
            };
            if let Err(ending) = begun {
                return ending;
            }
            self.teller.note(sink.as_mut());
        }
        // A crash in the middle of the first batch must find a place to go back to as well.
        let positions = self.positions();
        if positions != *self.ledger.positions()
            && let Err(error) = blocking(|| self.ledger.commit(&[], &positions))
        {
            return Ending::Ledger(error);
        }
        let mut tries = Tries::new(&self.limits);
        let ending = self.connect_again_and_again(&stop, &mut tries).await;
        tries.over(&mut self.teller.stats);
        ending
    }

    async fn connect_again_and_again(&mut self, stop: &Stop, tries: &mut Tries) -> Ending {
        loop {
            let opened = tokio::select! {
                biased;
                ending = stop.wanted() => return ending,
                opened = self.source.open(self.limits.prefetch) => opened,
            };
            let error = match opened {
                Err(error) => error,
                Ok(consumer) => {
                    tries.connected(&mut self.teller.stats);
                    self.teller.tell(&StreamEvent::Connected);
                    let before = self.batches;
                    match self.session(consumer, stop).await {
                        Session::Over(ending) => return ending,
                        Session::Lost(error) => {
                            tries.lost(self.batches > before);
                            self.teller.stats.unacknowledged = 0;
                            error
                        }
                    }
                }
            };
            let Some(wait) = tries.failed(&error) else { return Ending::Source(error) };
            tries.missed(&mut self.teller.stats);
            self.teller.tell(&StreamEvent::Disconnected { error: &error, wait });
            tokio::select! {
                biased;
                ending = stop.wanted() => return ending,
                () = sleep(wait) => {}
            }
        }
    }

    /// One connection, from its first delivery to its end.
    async fn session(&mut self, mut consumer: Box<dyn Consumer>, stop: &Stop) -> Session {
        let ending = loop {
            match self.batch(consumer.as_mut(), stop).await {
                Ok(None) => {}
                Ok(Some(ending)) => break ending,
                Err(error) => return Session::Lost(error),
            }
        };
        consumer.close().await;
        Session::Over(ending)
    }

    /// One batch, from its first delivery to its acknowledgement. An ending if there is to be no other one.
    async fn batch(&mut self, consumer: &mut dyn Consumer, stop: &Stop) -> Result<Option<Ending>, SourceError> {
        let left = self.limits.count.map(|count| count.saturating_sub(self.settled));
        if left == Some(0) {
            return Ok(Some(Ending::Count));
        }
        let first = tokio::select! {
            biased;
            ending = stop.wanted() => return Ok(Some(ending)),
            first = collect::first(consumer, self.limits.drain) => first?,
        };
        let Some(first) = first else { return Ok(Some(Ending::Drained)) };
        let half = usize::from(self.limits.prefetch / 2);
        let measure = Measure {
            deliveries: self.limits.batch_events.min(half).max(1),
            events: left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX)),
            bytes: self.limits.batch_bytes,
            linger: self.limits.linger,
        };
        let (ledger, filter) = (&self.ledger, self.filter.as_ref());
        // What is left of a batch on a connection that was lost.
        self.collected.clear();
        let mut sieve = Sieve { ledger, filter, stats: &mut self.teller.stats };
        self.collected.take(first, &mut sieve);
        self.collected.fill(consumer, &measure, &mut sieve).await;
        let grace = self.limits.grace;
        let done = tokio::select! {
            biased;
            done = self.settle_and_acknowledge(consumer) => Some(done),
            () = stop.out_of_patience(grace) => None,
        };
        done.unwrap_or_else(|| {
            let (sinks, events) = (std::mem::take(&mut self.teller.awaited), self.collected.events.len() as u64);
            Ok(Some(Ending::Late { sinks, events, waited: grace }))
        })
    }

    async fn settle_and_acknowledge(&mut self, consumer: &mut dyn Consumer) -> Result<Option<Ending>, SourceError> {
        if let Err(ending) = self.settle().await {
            return Ok(Some(ending));
        }
        consumer.acknowledge(self.collected.last_tag).await?;
        self.batches += 1;
        let stats = &mut self.teller.stats;
        stats.unacknowledged = stats.unacknowledged.saturating_sub(self.collected.deliveries as u64);
        stats.last_event = self.collected.facts.last_event.or(stats.last_event);
        stats.last_batch = Some(clock::now());
        self.teller.tell(&StreamEvent::Batch(self.collected.facts));
        self.collected.clear();
        Ok(None)
    }

    /// Where every sink stands now; one that was not asked for this time keeps its place.
    fn positions(&self) -> BTreeMap<String, Position> {
        let mut positions = self.ledger.positions().clone();
        for sink in &self.sinks {
            if let Some(position) = sink.position() {
                positions.insert(sink.name().to_owned(), position);
            }
        }
        positions
    }

    /// Everything that must be done before a batch may be acknowledged.
    async fn settle(&mut self) -> Result<(), Ending> {
        let events = &self.collected.events;
        let Some(last) = events.last() else { return Ok(()) };
        let last_event = last.happened();
        let kept = hand::keep(&mut self.sinks, events, self.limits.backoff, &mut self.teller).await?;
        for sink in &mut self.sinks {
            self.teller.note(sink.as_mut());
        }
        let refused = self.bury(&kept)?;
        let positions = self.positions();
        let ids: Vec<EventId> = self.collected.events.iter().map(|event| event.id).collect();
        blocking(|| self.ledger.commit(&ids, &positions)).map_err(Ending::Ledger)?;
        let count = ids.len() as u64;
        self.settled += count;
        let facts = &mut self.collected.facts;
        (facts.events, facts.refused, facts.last_event) = (count, refused, last_event);
        self.teller.stats.kept += count - refused;
        self.teller.stats.refused += refused;
        Ok(())
    }

    /// Writes down what was refused for good. Returns how many events that are.
    fn bury(&mut self, kept: &[Kept]) -> Result<u64, Ending> {
        if kept.iter().all(|kept| kept.refused.is_empty()) {
            return Ok(0);
        }
        let mut letters = Vec::new();
        let mut places = BTreeSet::new();
        for (sink, kept) in self.sinks.iter().zip(kept) {
            for (place, reason) in &kept.refused {
                if let Some(event) = self.collected.events.get(*place) {
                    letters.push(DeadLetter { sink: sink.name(), reason, event });
                    places.insert(*place);
                }
            }
        }
        blocking(|| self.dead_letters.write(&letters)).map_err(Ending::DeadLetters)?;
        for letter in &letters {
            self.teller.tell(&StreamEvent::Refused { sink: letter.sink, reason: letter.reason });
        }
        Ok(places.len() as u64)
    }
}

/// Runs what waits for the disk, without holding up other tasks where there are threads for them.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Reasons from outside to end.
struct Stop {
    cancel: Cancel,
    until: Option<Instant>,
}

impl Stop {
    /// Waits for one of them.
    async fn wanted(&self) -> Ending {
        let time = async {
            match self.until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.cancel.requested() => Ending::Cancelled,
            () = time => Ending::Time,
        }
    }

    /// Waits for one of them, and then as long again as may be waited for what was begun.
    async fn out_of_patience(&self, grace: Duration) {
        self.wanted().await;
        sleep(grace).await;
    }
}

#[cfg(test)]
mod tests;

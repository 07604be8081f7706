//! Collects a batch: waits for one delivery, then takes what is there.

use std::{collections::HashSet, time::Duration};

use tokio::time::{sleep, timeout};

use super::tell::{self, StreamStats};
use crate::stream::{
    event::{ConsoleEvent, EventId},
    ledger::Ledger,
    source::{Consumer, Delivery, SourceError},
};

/// Which events are wanted.
pub type Filter = Box<dyn Fn(&ConsoleEvent) -> bool + Send + Sync>;

/// A queue that is asked and says that it is empty may have a delivery under way; it is asked again after this.
const STILL: Duration = Duration::from_millis(200);

/// So often must it say so.
const TIMES: u32 = 2;

/// The deliveries that are dealt with together.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// The events that are handed to the sinks.
    pub(super) events: Vec<ConsoleEvent>,
    /// The last delivery, wanted or not. It and all before it are acknowledged.
    pub(super) last_tag: u64,
    /// How many deliveries it is.
    pub(super) deliveries: usize,
    /// What it was made of, so far.
    pub(super) facts: tell::Batch,
    bytes: usize,
    ids: HashSet<EventId>,
    numbers: HashSet<u64>,
}

/// What a batch is measured by.
#[derive(Clone, Copy)]
pub(super) struct Measure {
    pub(super) deliveries: usize,
    pub(super) events: usize,
    pub(super) bytes: usize,
    pub(super) linger: Duration,
}

impl Collected {
    /// Empties it, and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.ids.clear();
        self.numbers.clear();
        (self.last_tag, self.deliveries, self.bytes) = (0, 0, 0);
        self.facts = tell::Batch::default();
    }

    fn is_full(&self, measure: &Measure) -> bool {
        self.deliveries >= measure.deliveries || self.events.len() >= measure.events || self.bytes >= measure.bytes
    }

    /// Takes what has come after the first delivery: what is here, and what comes within a moment.
    ///
    /// The moment is slept through rather than watched: to be woken for each delivery costs more than the delivery.
    pub(super) async fn fill(&mut self, consumer: &mut dyn Consumer, measure: &Measure, sieve: &mut Sieve<'_>) {
        self.take_ready(consumer, measure, sieve);
        if !self.is_full(measure) && !measure.linger.is_zero() {
            sleep(measure.linger).await;
            self.take_ready(consumer, measure, sieve);
        }
    }

    fn take_ready(&mut self, consumer: &mut dyn Consumer, measure: &Measure, sieve: &mut Sieve<'_>) {
        while !self.is_full(measure) {
            let Some(delivery) = consumer.ready() else { return };
            self.take(delivery, sieve);
        }
    }

    pub(super) fn take(&mut self, delivery: Delivery, sieve: &mut Sieve<'_>) {
        let stats = &mut *sieve.stats;
        self.last_tag = delivery.tag;
        self.deliveries += 1;
        self.bytes += delivery.body.len();
        stats.delivered += 1;
        stats.unacknowledged += 1;
        stats.bytes += delivery.body.len() as u64;
        if delivery.redelivered {
            self.facts.redelivered += 1;
            stats.redelivered += 1;
        }
        let mut event = ConsoleEvent::new(delivery.body);
        if sieve.ledger.has(&event.id) || !self.ids.insert(event.id) {
            self.facts.duplicates += 1;
            stats.duplicates += 1;
            return;
        }
        let again = matches!(event.id, EventId::Number(number, _) if !self.numbers.insert(number));
        event.is_twin = again || sieve.ledger.has_number(&event.id);
        if sieve.filter.is_some_and(|wants| !wants(&event)) {
            self.facts.filtered += 1;
            stats.filtered += 1;
        } else {
            stats.twins += u64::from(event.is_twin);
            self.events.push(event);
        }
    }
}

/// What decides whether a delivery is handed on.
pub(super) struct Sieve<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) filter: Option<&'a Filter>,
    pub(super) stats: &'a mut StreamStats,
}

/// Waits for a delivery. `None` if the queue is empty and that is to be the end.
pub(super) async fn first(consumer: &mut dyn Consumer, drain: bool) -> Result<Option<Delivery>, SourceError> {
    if !drain {
        return consumer.next().await.map(Some);
    }
    let mut empty = 0;
    loop {
        if let Some(delivery) = consumer.ready() {
            return Ok(Some(delivery));
        }
        empty = if consumer.waiting().await? == 0 { empty + 1 } else { 0 };
        if let Some(delivery) = consumer.ready() {
            return Ok(Some(delivery));
        }
        if empty >= TIMES {
            return Ok(None);
        }
        if let Ok(delivery) = timeout(STILL, consumer.next()).await {
            return delivery.map(Some);
        }
    }
}

//! A queue in memory that behaves like a broker, and badly where a test says so.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{sync::Notify, task::yield_now};

use super::{Consumer, Delivery, Source, SourceError, SourceErrorKind};

/// The queue; clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryQueue {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(Bytes, bool)>,
    acts: VecDeque<Act>,
    delivered: usize,
    redelivered: usize,
    closed: usize,
    most_unacknowledged: usize,
}

/// How the next connection goes.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// It cannot be made.
    Refuse(SourceErrorKind),
    /// It stands for so many deliveries, and then ends.
    Cut(usize, SourceErrorKind),
    /// Its acknowledgement of this number (from 0) is told as failed, and was taken if that is said.
    FailAck { number: usize, taken: bool },
    /// It goes as it should.
    Well,
}

pub(crate) fn error(kind: SourceErrorKind) -> SourceError {
    SourceError { kind, text: format!("{kind:?} by script") }
}

impl MemoryQueue {
    pub(crate) fn new(bodies: impl IntoIterator<Item = impl Into<Bytes>>) -> Self {
        let queue = Self::default();
        queue.push(bodies);
        queue
    }

    /// The next connections go so; those after them as they should.
    pub(crate) fn script(self, acts: impl IntoIterator<Item = Act>) -> Self {
        self.lock().acts.extend(acts);
        self
    }

    pub(crate) fn push(&self, bodies: impl IntoIterator<Item = impl Into<Bytes>>) {
        self.lock().waiting.extend(bodies.into_iter().map(|body| (body.into(), false)));
        self.changed.notify_waiters();
    }

    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    pub(crate) fn closed(&self) -> usize {
        self.lock().closed
    }

    pub(crate) fn delivered(&self) -> usize {
        self.lock().delivered
    }

    pub(crate) fn redelivered(&self) -> usize {
        self.lock().redelivered
    }

    pub(crate) fn most_unacknowledged(&self) -> usize {
        self.lock().most_unacknowledged
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

#[async_trait]
impl Source for MemoryQueue {
    async fn open(&mut self, prefetch: u16) -> Result<Box<dyn Consumer>, SourceError> {
        yield_now().await;
        let act = self.lock().acts.pop_front().unwrap_or(Act::Well);
        if let Act::Refuse(kind) = act {
            return Err(error(kind));
        }
        let queue = self.clone();
        let prefetch = usize::from(prefetch);
        Ok(Box::new(MemoryConsumer { queue, act, prefetch, unacknowledged: VecDeque::new(), tag: 0, acks: 0 }))
    }
}

#[derive(Debug)]
struct MemoryConsumer {
    queue: MemoryQueue,
    act: Act,
    prefetch: usize,
    unacknowledged: VecDeque<(u64, Bytes)>,
    tag: u64,
    acks: usize,
}

impl MemoryConsumer {
    fn cut(&self) -> Option<SourceError> {
        match self.act {
            Act::Cut(after, kind) if self.tag >= after as u64 => Some(error(kind)),
            _ => None,
        }
    }
}

/// The broker takes back what was not acknowledged, to where it was.
impl Drop for MemoryConsumer {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        while let Some((_, body)) = self.unacknowledged.pop_back() {
            state.waiting.push_front((body, true));
        }
    }
}

#[async_trait]
impl Consumer for MemoryConsumer {
    async fn next(&mut self) -> Result<Delivery, SourceError> {
        loop {
            yield_now().await;
            if let Some(error) = self.cut() {
                return Err(error);
            }
            let queue = self.queue.clone();
            let changed = queue.changed.notified();
            if let Some(delivery) = self.ready() {
                return Ok(delivery);
            }
            changed.await;
        }
    }

    fn ready(&mut self) -> Option<Delivery> {
        if self.cut().is_some() || self.unacknowledged.len() >= self.prefetch {
            return None;
        }
        let mut state = self.queue.lock();
        let (body, redelivered) = state.waiting.pop_front()?;
        self.tag += 1;
        self.unacknowledged.push_back((self.tag, body.clone()));
        state.delivered += 1;
        state.redelivered += usize::from(redelivered);
        state.most_unacknowledged = state.most_unacknowledged.max(self.unacknowledged.len());
        Some(Delivery { tag: self.tag, redelivered, body })
    }

    async fn acknowledge(&mut self, tag: u64) -> Result<(), SourceError> {
        yield_now().await;
        if let Some(error) = self.cut() {
            return Err(error);
        }
        self.acks += 1;
        let fails = match self.act {
            Act::FailAck { number, taken } if self.acks > number => Some(taken),
            _ => None,
        };
        if fails != Some(false) {
            while self.unacknowledged.front().is_some_and(|(first, _)| *first <= tag) {
                self.unacknowledged.pop_front();
            }
        }
        yield_now().await;
        match fails {
            Some(_) => Err(error(SourceErrorKind::TooLate)),
            None => Ok(()),
        }
    }

    async fn waiting(&mut self) -> Result<u64, SourceError> {
        yield_now().await;
        self.cut().map_or_else(|| Ok(self.queue.waiting() as u64), Err)
    }

    async fn close(self: Box<Self>) {
        self.queue.lock().closed += 1;
    }
}

//! One stream's queue: what is ready, who consumes, what was counted. Any number of connections share it.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    message::{Content, Maker, Message, Source},
    signal::Signal,
};

/// A queue, and the one user who may read it.
pub(in crate::simulator) struct Queue {
    pub(super) name: String,
    /// What the console calls the stream.
    pub(super) user: String,
    password: String,
    ttl: Duration,
    maker: Arc<dyn Maker>,
    state: Mutex<State>,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("name", &self.name).field("user", &self.user).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    title: String,
    ready: VecDeque<Message>,
    places: u64,
    counts: QueueCounts,
    consumers: usize,
    exclusive: bool,
    deleted: bool,
    /// Connections to wake when something is ready or the queue goes.
    listeners: Vec<Weak<Signal>>,
}

/// What became of a stream's events so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Events that wait.
    pub ready: u64,
    /// Events that consumers hold and have not acknowledged.
    pub unacknowledged: u64,
    /// Events that ever came into the queue.
    pub published: u64,
    /// Deliveries, second ones included.
    pub delivered: u64,
    /// Deliveries that were marked as second ones.
    pub redelivered: u64,
    /// Events that consumers took for good.
    pub acknowledged: u64,
    /// Events that consumers refused for good.
    pub rejected: u64,
    /// Events that nobody took in time.
    pub expired: u64,
    /// Consumers now.
    pub consumers: u64,
}

/// Why somebody may not consume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoConsumer {
    Exclusive,
    Deleted,
}

impl Queue {
    pub(in crate::simulator) fn new(
        name: String,
        user: String,
        password: String,
        title: String,
        ttl: Duration,
        maker: Arc<dyn Maker>,
    ) -> Self {
        let state = State { title, ..State::default() };
        Self { name, user, password, ttl, maker, state: Mutex::new(state) }
    }

    /// Whether this is the user's password.
    pub(super) fn admits(&self, password: &[u8]) -> bool {
        self.password.as_bytes() == password && !self.is_deleted()
    }

    pub(in crate::simulator) fn user(&self) -> &str {
        &self.user
    }

    pub(in crate::simulator) fn name(&self) -> &str {
        &self.name
    }

    /// What the console calls the stream, which faults go by.
    pub(in crate::simulator) fn title(&self) -> String {
        self.lock().title.clone()
    }

    pub(in crate::simulator) fn rename(&self, title: &str) {
        title.clone_into(&mut self.lock().title);
    }

    pub(in crate::simulator) fn is_deleted(&self) -> bool {
        self.lock().deleted
    }

    /// Puts events at the end.
    pub(in crate::simulator) fn publish(&self, sources: impl IntoIterator<Item = Source>) {
        let now = Instant::now();
        let mut state = self.lock();
        if state.deleted {
            return;
        }
        for source in sources {
            state.places += 1;
            let place = state.places;
            state.counts.published += 1;
            state.ready.push_back(Message { place, source, redelivered: false, since: now });
        }
        state.wake();
    }

    /// Deletes the queue with everything in it.
    pub(in crate::simulator) fn delete(&self) {
        let mut state = self.lock();
        state.deleted = true;
        state.ready.clear();
        state.wake();
    }

    pub(in crate::simulator) fn counts(&self) -> QueueCounts {
        let mut state = self.lock();
        state.expire(self.ttl);
        QueueCounts { ready: state.ready.len() as u64, consumers: state.consumers as u64, ..state.counts }
    }

    /// What waits, as it would be delivered.
    pub(in crate::simulator) fn peek(&self) -> Vec<Bytes> {
        let waiting: Vec<Message> = self.lock().ready.iter().cloned().collect();
        waiting.iter().map(|message| self.content(message).body.clone()).collect()
    }

    /// What an event is, once it is to be sent.
    pub(super) fn content(&self, message: &Message) -> Arc<Content> {
        match &message.source {
            Source::Ready(content) => Arc::clone(content),
            Source::MadeUp(number) => Arc::new(self.maker.make(*number)),
        }
    }

    /// Takes the first event that is this old; it counts as delivered. Otherwise, when there may be one.
    pub(super) fn take(&self, for_good: bool, age: Duration) -> Result<Message, Option<Instant>> {
        let mut state = self.lock();
        state.expire(self.ttl);
        let due = state.ready.front().map(|message| message.since + age);
        if due.is_some_and(|due| due > Instant::now()) {
            return Err(due);
        }
        let message = state.ready.pop_front().ok_or(None)?;
        state.counts.delivered += 1;
        state.counts.redelivered += u64::from(message.redelivered);
        if for_good {
            state.counts.acknowledged += 1;
        } else {
            state.counts.unacknowledged += 1;
        }
        Ok(message)
    }

    /// Puts a copy of an event into its place, as if it had been published twice.
    pub(super) fn repeat(&self, message: &Message) {
        let mut state = self.lock();
        state.counts.published += 1;
        state.put_back(Message { redelivered: false, ..message.clone() });
        state.wake();
    }

    pub(super) fn acknowledged(&self, count: u64) {
        let mut state = self.lock();
        state.counts.unacknowledged = state.counts.unacknowledged.saturating_sub(count);
        state.counts.acknowledged += count;
    }

    pub(super) fn rejected(&self, count: u64) {
        let mut state = self.lock();
        state.counts.unacknowledged = state.counts.unacknowledged.saturating_sub(count);
        state.counts.rejected += count;
    }

    /// Takes events back, each to its old place.
    pub(super) fn take_back(&self, mut messages: Vec<Message>) {
        if messages.is_empty() {
            return;
        }
        let mut state = self.lock();
        state.counts.unacknowledged = state.counts.unacknowledged.saturating_sub(messages.len() as u64);
        if state.deleted {
            return;
        }
        messages.sort_by_key(|message| message.place);
        for message in messages.into_iter().rev() {
            state.put_back(Message { redelivered: true, ..message });
        }
        state.wake();
    }

    /// How many wait, and for how many consumers.
    pub(super) fn sizes(&self) -> (u32, u32) {
        let counts = self.counts();
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        (small(counts.ready), small(counts.consumers))
    }

    /// Adds a consumer.
    pub(super) fn enter(&self, exclusive: bool) -> Result<(), NoConsumer> {
        let mut state = self.lock();
        if state.deleted {
            return Err(NoConsumer::Deleted);
        }
        if state.exclusive || (exclusive && state.consumers > 0) {
            return Err(NoConsumer::Exclusive);
        }
        state.consumers += 1;
        state.exclusive = exclusive;
        Ok(())
    }

    /// Takes a consumer away.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        state.consumers = state.consumers.saturating_sub(1);
        // An exclusive consumer is the only one.
        state.exclusive = false;
    }

    /// Wakes this connection from now on.
    pub(super) fn listen(&self, signal: &Arc<Signal>) {
        let mut state = self.lock();
        state.listeners.retain(|listener| listener.strong_count() > 0);
        state.listeners.push(Arc::downgrade(signal));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake(&self) {
        for listener in self.listeners.iter().filter_map(Weak::upgrade) {
            listener.wake();
        }
    }

    fn put_back(&mut self, message: Message) {
        let at = self.ready.partition_point(|other| other.place < message.place);
        self.ready.insert(at, message);
    }

    fn expire(&mut self, ttl: Duration) {
        while self.ready.front().is_some_and(|message| message.since.elapsed() >= ttl) {
            self.ready.pop_front();
            self.counts.expired += 1;
        }
    }
}

//! One channel: its consumers, and what they hold. What they hold goes back when the channel ends, however it ends.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::Arc,
    time::Duration,
};

use amq_protocol::protocol::basic;
use tokio::time::Instant;

use super::{
    frames::{Output, short},
    message::Message,
    queue::{NoConsumer, Queue},
    refusal::Refusal,
};

/// One channel of a connection.
#[derive(Debug, Default)]
pub(super) struct Channel {
    /// The broker closed it and waits for the client to agree.
    pub(super) closing: bool,
    /// What consumers from now on may hold, each; nought for any number.
    prefetch: u16,
    /// What all of them together may hold; nought for any number.
    shared: u16,
    consumers: Vec<Consumer>,
    held: VecDeque<Held>,
    tags: u64,
    numbers: u64,
    /// Whose turn it is.
    turn: usize,
}

#[derive(Debug)]
struct Consumer {
    number: u64,
    tag: String,
    queue: Arc<Queue>,
    no_ack: bool,
    limit: u16,
    holds: usize,
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.queue.leave();
    }
}

/// A delivery that was not acknowledged yet.
#[derive(Debug)]
struct Held {
    tag: u64,
    queue: Arc<Queue>,
    message: Message,
    /// Whose; nought if it was fetched.
    consumer: u64,
    since: Instant,
}

/// What a client does with deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Acknowledged,
    Requeued,
    Rejected,
}

/// What came of looking for something to deliver.
#[derive(Debug)]
pub(super) enum Delivered {
    /// This was sent; the place in the list of consumers.
    One(Arc<Queue>, Message, usize),
    /// There may be something at this time.
    NotBefore(Instant),
    Nothing,
}

impl Channel {
    pub(super) fn set_prefetch(&mut self, qos: &basic::Qos) {
        let place = if qos.global { &mut self.shared } else { &mut self.prefetch };
        *place = qos.prefetch_count;
    }

    /// Adds a consumer; its tag.
    pub(super) fn consume(&mut self, queue: &Arc<Queue>, asked: &basic::Consume) -> Result<String, Refusal> {
        let mut tag = asked.consumer_tag.to_string();
        if tag.is_empty() {
            tag = format!("amq.ctag-{:016x}", crate::simulator::guid::mix(self.numbers));
        }
        if self.consumers.iter().any(|consumer| consumer.tag == tag) {
            return Err(Refusal::connection(530, format!("attempt to reuse consumer tag '{tag}'")));
        }
        queue.enter(asked.exclusive).map_err(|why| match why {
            NoConsumer::Exclusive => {
                Refusal::channel(403, format!("queue '{}' in vhost '/' in exclusive use", queue.name()))
            }
            NoConsumer::Deleted => Refusal::no_queue(queue.name()),
        })?;
        self.numbers += 1;
        self.consumers.push(Consumer {
            number: self.numbers,
            tag: tag.clone(),
            queue: Arc::clone(queue),
            no_ack: asked.no_ack,
            limit: self.prefetch,
            holds: 0,
        });
        Ok(tag)
    }

    /// Takes a consumer away. What it holds it still holds.
    pub(super) fn cancel(&mut self, tag: &str) {
        self.consumers.retain(|consumer| consumer.tag != tag);
    }

    /// Takes the consumer at a place of the list away; its tag.
    pub(super) fn cancel_at(&mut self, place: usize) -> Option<String> {
        (place < self.consumers.len()).then(|| self.consumers.remove(place).tag.clone())
    }

    /// Takes a consumer away whose queue is gone; its tag.
    pub(super) fn cancel_deleted(&mut self) -> Option<String> {
        let place = self.consumers.iter().position(|consumer| consumer.queue.is_deleted())?;
        self.cancel_at(place)
    }

    /// Sends the next event to the next consumer that may have one.
    pub(super) fn deliver(
        &mut self,
        channel: u16,
        delay: Duration,
        output: &mut Output,
        frame_max: u32,
    ) -> io::Result<Delivered> {
        let mut soonest = None;
        let full = self.shared > 0 && self.held.len() >= usize::from(self.shared);
        for step in 0..if full { 0 } else { self.consumers.len() } {
            let place = (self.turn + step) % self.consumers.len();
            let Some(consumer) = self.consumers.get_mut(place) else { continue };
            if consumer.limit > 0 && consumer.holds >= usize::from(consumer.limit) {
                continue;
            }
            let message = match consumer.queue.take(consumer.no_ack, delay) {
                Ok(message) => message,
                Err(due) => {
                    soonest = [soonest, due].into_iter().flatten().min();
                    continue;
                }
            };
            self.turn = place + 1;
            self.tags += 1;
            let content = consumer.queue.content(&message);
            let method = basic::AMQPMethod::Deliver(basic::Deliver {
                consumer_tag: short(&consumer.tag),
                delivery_tag: self.tags,
                redelivered: message.redelivered,
                exchange: short(super::EXCHANGE),
                routing_key: short(&content.routing_key),
            });
            let queue = Arc::clone(&consumer.queue);
            if !consumer.no_ack {
                consumer.holds += 1;
                let number = consumer.number;
                self.hold(&queue, message.clone(), number);
            }
            output.event(channel, method, &content, frame_max)?;
            return Ok(Delivered::One(queue, message, place));
        }
        Ok(soonest.map_or(Delivered::Nothing, Delivered::NotBefore))
    }

    /// Answers a request for one event.
    pub(super) fn get(
        &mut self,
        channel: u16,
        queue: &Arc<Queue>,
        no_ack: bool,
        output: &mut Output,
        frame_max: u32,
    ) -> io::Result<Option<Message>> {
        let Ok(message) = queue.take(no_ack, Duration::ZERO) else {
            let empty = basic::AMQPMethod::GetEmpty(basic::GetEmpty {});
            output.method(channel, amq_protocol::protocol::AMQPClass::Basic(empty))?;
            return Ok(None);
        };
        self.tags += 1;
        let content = queue.content(&message);
        let method = basic::AMQPMethod::GetOk(basic::GetOk {
            delivery_tag: self.tags,
            redelivered: message.redelivered,
            exchange: short(super::EXCHANGE),
            routing_key: short(&content.routing_key),
            message_count: queue.sizes().0,
        });
        if !no_ack {
            self.hold(queue, message.clone(), 0);
        }
        output.event(channel, method, &content, frame_max)?;
        Ok(Some(message))
    }

    /// Settles one delivery, or all up to it.
    pub(super) fn settle(&mut self, tag: u64, multiple: bool, verdict: Verdict) -> Result<(), Refusal> {
        let settled: Vec<Held> = if multiple && tag == 0 {
            self.held.drain(..).collect()
        } else {
            let unknown = || Refusal::channel(406, format!("unknown delivery tag {tag}"));
            let at = self.held.binary_search_by_key(&tag, |held| held.tag).map_err(|_| unknown())?;
            if multiple { self.held.drain(..=at).collect() } else { self.held.remove(at).into_iter().collect() }
        };
        for held in &settled {
            let holder = self.consumers.iter_mut().find(|consumer| consumer.number == held.consumer);
            if let Some(holder) = holder {
                holder.holds = holder.holds.saturating_sub(1);
            }
        }
        hand_over(settled, verdict);
        Ok(())
    }

    /// Gives everything back that is held.
    pub(super) fn recover(&mut self) {
        for consumer in &mut self.consumers {
            consumer.holds = 0;
        }
        hand_over(self.held.drain(..).collect(), Verdict::Requeued);
    }

    /// Since when the oldest delivery is held.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.held.front().map(|held| held.since)
    }

    /// Ends its work: what it holds goes back, and its consumers leave.
    pub(super) fn end(&mut self) {
        self.consumers.clear();
        hand_over(self.held.drain(..).collect(), Verdict::Requeued);
    }

    fn hold(&mut self, queue: &Arc<Queue>, message: Message, consumer: u64) {
        let (tag, queue) = (self.tags, Arc::clone(queue));
        self.held.push_back(Held { tag, queue, message, consumer, since: Instant::now() });
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.end();
    }
}

/// Tells each queue what became of its events.
fn hand_over(settled: Vec<Held>, verdict: Verdict) {
    let mut queues: HashMap<*const Queue, (Arc<Queue>, Vec<Message>)> = HashMap::new();
    for held in settled {
        let place = queues.entry(Arc::as_ptr(&held.queue)).or_insert_with(|| (held.queue, Vec::new()));
        place.1.push(held.message);
    }
    for (queue, messages) in queues.into_values() {
        let count = messages.len() as u64;
        match verdict {
            Verdict::Acknowledged => queue.acknowledged(count),
            Verdict::Rejected => queue.rejected(count),
            Verdict::Requeued => queue.take_back(messages),
        }
    }
}

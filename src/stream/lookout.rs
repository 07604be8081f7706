//! Looks at a queue and takes nothing out of it: no event is acknowledged, and all go back when the look ends.
//!
//! Whoever waits for something to happen wants only what happens from now on. So the events that are in the queue already
//! are passed over first, and remembered by their ids: after a connection that was lost, the queue delivers them again.

use std::{collections::HashSet, time::Duration};

use tokio::time::{Instant, timeout};

use super::{
    backoff::Backoff,
    event::{ConsoleEvent, EventId},
    source::{Consumer, Delivery, Source, SourceError, SourceErrorKind},
};

/// Events that can be looked at: nothing is acknowledged, so this is also the most that a queue may hold.
pub const MOST: u16 = u16::MAX;

/// A queue that says it is empty may have deliveries under way; it is empty once none has come for so long.
const STILL: Duration = Duration::from_millis(100);

/// The time that passing over what is there may take.
const PASSING_OVER: Duration = Duration::from_secs(15);

/// What is seen from a lookout.
#[derive(Debug)]
pub enum Seen {
    /// An event that came into the queue since the look began, and was not seen before.
    Event(ConsoleEvent),
    /// The queue is not seen. It is tried again.
    Lost(SourceError),
    /// It is seen again, with all that has come into it meanwhile.
    Back,
    /// The queue will not be seen again.
    Over(SourceError),
}

/// How the look stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Seeing,
    Lost,
    Over,
}

/// A look at a queue.
#[derive(Debug)]
pub struct Lookout {
    source: Box<dyn Source>,
    consumer: Option<Box<dyn Consumer>>,
    seen: HashSet<EventId>,
    /// Deliveries of this connection.
    delivered: usize,
    /// What is in the queue has been passed over.
    begun: bool,
    state: State,
    backoff: Backoff,
}

impl Lookout {
    /// Prepares; nothing is dialled.
    pub fn new(source: Box<dyn Source>) -> Self {
        Self {
            source,
            consumer: None,
            seen: HashSet::new(),
            delivered: 0,
            begun: false,
            state: State::Seeing,
            backoff: Backoff::default(),
        }
    }

    /// Connects, and passes over what is in the queue.
    ///
    /// # Errors
    ///
    /// [`SourceError`] when it cannot be connected to, or holds more than can be looked at.
    pub async fn begin(&mut self) -> Result<(), SourceError> {
        self.delivered = 0;
        let mut consumer = self.source.open(MOST).await?;
        if !self.begun {
            let passed = timeout(PASSING_OVER, self.pass_over(consumer.as_mut())).await;
            passed.unwrap_or_else(|_| {
                let text = format!("the queue was not looked through within {} s", PASSING_OVER.as_secs());
                Err(SourceError { kind: SourceErrorKind::Unreachable, text })
            })?;
            self.begun = true;
        }
        self.consumer = Some(consumer);
        Ok(())
    }

    async fn pass_over(&mut self, consumer: &mut dyn Consumer) -> Result<(), SourceError> {
        loop {
            while let Some(delivery) = consumer.ready() {
                self.is_new(delivery)?;
            }
            if consumer.waiting().await? == 0 {
                break;
            }
            if let Ok(delivery) = timeout(STILL, consumer.next()).await {
                self.is_new(delivery?)?;
            }
        }
        // What was on its way when the queue said that it is empty. One that is never still is looked at for a while only.
        let until = Instant::now() + 10 * STILL;
        while Instant::now() < until
            && let Ok(delivery) = timeout(STILL, consumer.next()).await
        {
            self.is_new(delivery?)?;
        }
        Ok(())
    }

    /// Counts a delivery; its event if it was not seen before.
    fn is_new(&mut self, delivery: Delivery) -> Result<Option<ConsoleEvent>, SourceError> {
        self.delivered += 1;
        if self.delivered >= usize::from(MOST) {
            let text = format!("it holds {MOST} events or more, and no more than that can be looked through");
            return Err(SourceError { kind: SourceErrorKind::Gone, text });
        }
        let event = ConsoleEvent::new(delivery.body);
        Ok(self.seen.insert(event.id).then_some(event))
    }

    /// Waits for what is seen next; `None` once the queue will not be seen again. May be dropped while it waits.
    pub async fn next(&mut self) -> Option<Seen> {
        loop {
            match self.state {
                State::Over => return None,
                State::Lost => {
                    tokio::time::sleep(self.backoff.wait()).await;
                    match self.begin().await {
                        Ok(()) => {
                            self.backoff.reset();
                            self.state = State::Seeing;
                            return Some(Seen::Back);
                        }
                        Err(error) if is_passing(&error) => {}
                        Err(error) => return Some(self.lose(error)),
                    }
                }
                State::Seeing => match self.next_event().await {
                    Ok(Some(event)) => return Some(Seen::Event(event)),
                    Ok(None) => {}
                    Err(error) => return Some(self.lose(error)),
                },
            }
        }
    }

    fn lose(&mut self, error: SourceError) -> Seen {
        self.consumer = None;
        if is_passing(&error) {
            self.state = State::Lost;
            Seen::Lost(error)
        } else {
            self.state = State::Over;
            Seen::Over(error)
        }
    }

    async fn next_event(&mut self) -> Result<Option<ConsoleEvent>, SourceError> {
        let delivery = match &mut self.consumer {
            Some(consumer) => consumer.next().await?,
            None => return self.begin().await.map(|()| None),
        };
        self.is_new(delivery)
    }

    /// Ends in an orderly way: the queue has everything back at once.
    pub async fn close(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            consumer.close().await;
        }
    }
}

/// Whether trying again can help. Whoever else has the queue now may be gone in a moment.
const fn is_passing(error: &SourceError) -> bool {
    error.kind.is_passing() || matches!(error.kind, SourceErrorKind::Taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::source::memory::{Act, MemoryQueue};

    fn body(id: u64) -> String {
        format!(r#"{{"id":{id}}}"#)
    }

    async fn watched(lookout: &mut Lookout, seconds: u64) -> Vec<String> {
        let mut told = Vec::new();
        let watch = async {
            while let Some(seen) = lookout.next().await {
                told.push(match seen {
                    Seen::Event(event) => String::from_utf8_lossy(&event.body).into_owned(),
                    Seen::Lost(error) => format!("lost: {error}"),
                    Seen::Back => "back".to_owned(),
                    Seen::Over(error) => format!("over: {error}"),
                });
            }
        };
        drop(timeout(Duration::from_secs(seconds), watch).await);
        told
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_the_queue_already_is_passed_over_and_left_there() {
        let queue = MemoryQueue::new((0..300).map(body));
        let mut lookout = Lookout::new(Box::new(queue.clone()));
        lookout.begin().await.unwrap();
        queue.push([body(7), body(1000), body(1001)]);
        assert_eq!(watched(&mut lookout, 5).await, [body(1000), body(1001)]);
        lookout.close().await;
        assert_eq!(queue.waiting(), 303, "everything is there again");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_lost_connection_only_what_was_not_seen_is_told() {
        let acts = [Act::Cut(4, SourceErrorKind::Unreachable), Act::Refuse(SourceErrorKind::Taken), Act::Well];
        let queue = MemoryQueue::new((0..3).map(body)).script(acts);
        let mut lookout = Lookout::new(Box::new(queue.clone()));
        lookout.begin().await.unwrap();
        queue.push([body(10), body(11)]);
        let lost = "lost: Unreachable by script".to_owned();
        assert_eq!(watched(&mut lookout, 60).await, [body(10), lost, "back".to_owned(), body(11)]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_help_ends_it() {
        let queue = MemoryQueue::new((0..3).map(body)).script([Act::Cut(4, SourceErrorKind::Gone)]);
        let mut lookout = Lookout::new(Box::new(queue.clone()));
        lookout.begin().await.unwrap();
        queue.push([body(10)]);
        assert_eq!(watched(&mut lookout, 60).await, [body(10), "over: Gone by script".to_owned()]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_holds_too_much_is_told() {
        let queue = MemoryQueue::new((0..u64::from(MOST)).map(body));
        let error = Lookout::new(Box::new(queue)).begin().await.unwrap_err();
        assert_eq!(error.kind, SourceErrorKind::Gone);
        assert!(error.text.contains("65535 events or more"), "{error}");
    }
}

//! The events that come on their own: outcomes of isolations when hosts confirm, and made-up detections.
//!
//! No timer runs for a host. What will come is kept in the order of its time, and one task sleeps until the first.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Inner, Stream, Streams,
    bodies::{About, LATER, OUTCOMES, Outcome},
    event_types,
};
use crate::simulator::{amqp::Source, guid::Guid, truth::Outlook};

/// How long it sleeps when nothing is due; it is woken when something is added.
const LONG: Duration = Duration::from_secs(3600);

/// Something that will happen to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    at: Instant,
    guid: Guid,
    number: u32,
    kind: u32,
    /// Void if there were more requests for the host by then; for unlocking alone.
    requests: Option<u32>,
}

/// Runs until the streams are gone.
pub(super) fn start(streams: &Arc<Streams>) {
    let (weak, wake) = (Arc::downgrade(streams), Arc::clone(&streams.wake));
    tokio::spawn(async move {
        loop {
            let Some(streams) = weak.upgrade() else { return };
            let next = streams.tell().unwrap_or_else(|| Instant::now() + LONG);
            drop(streams);
            tokio::select! {
                () = wake.notified() => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
    });
}

impl Streams {
    /// A host was asked to change: tells of it once it has.
    pub(in crate::simulator::cisco) fn changed(&self, guid: Guid, isolate: bool) {
        let Some(outlook) = self.truth.outlook(guid, isolate) else { return };
        let Outlook { number, requests, settles, unlocks } = outlook;
        let mut inner = self.lock();
        if let Some((at, success)) = settles {
            let kind = match (isolate, success) {
                (true, true) => event_types::START_SUCCESS,
                (true, false) => event_types::START_FAILURE,
                (false, true) => event_types::STOP_SUCCESS,
                (false, false) => event_types::STOP_FAILURE,
            };
            inner.due.push(Reverse(Due { at, guid, number, kind, requests: None }));
        }
        if let Some(at) = unlocks {
            let kind = event_types::STOP_SUCCESS;
            inner.due.push(Reverse(Due { at, guid, number, kind, requests: Some(requests) }));
        }
        drop(inner);
        self.wake.notify_one();
    }

    /// Tells what is due; when the next thing is.
    fn tell(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut inner = self.lock();
        while inner.due.peek().is_some_and(|Reverse(due)| due.at <= now) {
            let Some(Reverse(due)) = inner.due.pop() else { break };
            self.tell_one(&mut inner, &due);
        }
        let next = inner.due.peek().map(|Reverse(due)| due.at);
        [next, self.pace(&mut inner, now)].into_iter().flatten().min()
    }

    fn tell_one(&self, inner: &mut Inner, due: &Due) {
        let isolate = due.kind == event_types::START_SUCCESS;
        if let Some(requests) = due.requests
            && self.truth.outlook(due.guid, false).is_none_or(|outlook| outlook.requests != requests)
        {
            return;
        }
        let lasted = match due.kind {
            event_types::STOP_SUCCESS => {
                let since = inner.isolated.remove(&due.number).unwrap_or(self.started);
                Some(due.at.saturating_duration_since(since))
            }
            _ => None,
        };
        if isolate {
            inner.isolated.insert(due.number, due.at);
        }
        let about = About { host: due.number, kind: due.kind };
        let group = self.group(about.host);
        let mut wanting = inner.streams.values().filter(|stream| stream.wants(about.kind, group)).peekable();
        if wanting.peek().is_none() {
            return;
        }
        let content = Arc::new(self.bodies.outcome(OUTCOMES + inner.outcomes, &Outcome { about, lasted }));
        for stream in wanting {
            stream.queue.publish([Source::Ready(Arc::clone(&content))]);
        }
        inner.outcomes += 1;
    }

    /// Brings the detections that the rate has made due; when the next one is.
    fn pace(&self, inner: &mut Inner, now: Instant) -> Option<Instant> {
        let rate = u64::from(self.faults.rate);
        if rate == 0 {
            return None;
        }
        let passed = now.saturating_duration_since(self.started);
        let due = u64::try_from(passed.as_nanos() * u128::from(rate) / 1_000_000_000).unwrap_or(u64::MAX);
        let (first, count) = (LATER + inner.paced, due.saturating_sub(inner.paced));
        for stream in inner.streams.values() {
            let fit = (first..first + count).filter(|number| self.fits(stream, *number));
            stream.queue.publish(fit.map(Source::MadeUp));
        }
        inner.paced = inner.paced.max(due);
        // One wake-up for several, where they come close together.
        let next = Duration::from_nanos((inner.paced + 1).saturating_mul(1_000_000_000) / rate);
        Some((self.started + next).max(now + Duration::from_millis(10)))
    }

    /// Fills a new stream with detections that it wants to hear of, as far as there are any.
    pub(super) fn fill(&self, stream: &Stream, first: u64, count: u64) {
        if count == 0 {
            return;
        }
        // Some kind of detection, and some group, may never come.
        let tried = first..first.saturating_add(count.saturating_mul(200)).min(LATER);
        let fit = tried.filter(|number| self.fits(stream, *number));
        stream.queue.publish(fit.take(usize::try_from(count).unwrap_or(usize::MAX)).map(Source::MadeUp));
    }

    fn fits(&self, stream: &Stream, number: u64) -> bool {
        if let Some(about) = self.bodies.about(number) {
            let all = stream.groups.is_empty();
            return stream.wants_type(about.kind) && (all || stream.groups.contains(&self.group(about.host)));
        }
        false
    }
}

impl Stream {
    fn wants(&self, kind: u32, group: Guid) -> bool {
        self.wants_type(kind) && (self.groups.is_empty() || self.groups.contains(&group))
    }

    fn wants_type(&self, kind: u32) -> bool {
        self.event_types.is_empty() || self.event_types.contains(&kind)
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

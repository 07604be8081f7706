//! A console's quota and a driver that obeys the pace, in a time of their own: no runtime, no clock, no wire.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use tokio::time::Instant;

use super::super::{Pace, Permit};
use crate::vendors::QuotaReading;

/// While it waits for answers, the driver asks again so often.
const TICK: Duration = Duration::from_millis(100);

/// How a console rounds the time that is left of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    Up,
    Down,
}

/// A day at a console.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) window: Duration,
    pub(super) limit: u64,
    pub(super) rounding: Rounding,
    /// Requests that the driver has to get through.
    pub(super) requests: u64,
    pub(super) concurrency: u64,
    /// The least time on the way out, and the same on the way back.
    pub(super) way: Duration,
    /// Up to so much is added to each way, so that answers overtake each other.
    pub(super) spread: Duration,
    /// One answer in `slow_every` takes so much longer.
    pub(super) slow: Duration,
    pub(super) slow_every: u64,
    pub(super) uses_reserve: bool,
    /// Whether answers tell what is left. If not, a refusal names the time to the turn.
    pub(super) tells: bool,
    /// When another client takes how many requests.
    pub(super) others: Vec<(Duration, u64)>,
    pub(super) seed: u64,
}

/// What came of the day.
#[derive(Debug, Default)]
pub(super) struct Day {
    pub(super) took: Duration,
    /// Requests that were refused.
    pub(super) refusals: u64,
    /// Requests that were refused although they left after an earlier refusal was known.
    pub(super) repeated_refusals: u64,
    /// The fewest requests that the driver itself left of any window.
    pub(super) least_left: Option<u64>,
    /// Windows that began.
    pub(super) windows: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrives { request: u64, sent: Duration },
    Returns { sent: Duration, refused: bool, remaining: u64, reset: Duration },
    Other { requests: u64 },
}

struct Console<'a> {
    case: &'a Case,
    began: Option<Duration>,
    used: u64,
    day: Day,
}

impl Console<'_> {
    /// Counts one request in a window that is anchored at its first one.
    fn take(&mut self, now: Duration) -> (bool, u64, Duration) {
        let window = self.case.window;
        if self.began.is_none_or(|began| now >= began + window) {
            self.began = Some(now);
            self.used = 0;
            self.day.windows += 1;
        }
        self.used += 1;
        let left = self.began.map_or(window, |began| began + window - now);
        let seconds = match self.case.rounding {
            Rounding::Down => left.as_secs(),
            Rounding::Up => left.as_secs() + u64::from(left.subsec_nanos() > 0),
        };
        let remaining = self.case.limit.saturating_sub(self.used);
        (self.used > self.case.limit, remaining, Duration::from_secs(seconds))
    }
}

/// Runs a driver that sends whenever the pace allows it, until everything is through.
pub(super) fn day(case: &Case) -> Day {
    let start = Instant::now();
    let mut console = Console { case, began: None, used: 0, day: Day::default() };
    let mut pace = Pace::new(case.uses_reserve);
    let mut random = Random(case.seed | 1);
    let mut events = BinaryHeap::new();
    let mut now = Duration::ZERO;
    let (mut to_send, mut in_flight, mut sent_in_all) = (case.requests, 0_u64, 0_u64);
    let mut refusal_known_since = None;
    for (at, requests) in &case.others {
        events.push(Reverse((*at, Event::Other { requests: *requests })));
    }
    while to_send > 0 || in_flight > 0 {
        let mut wake = None;
        while to_send > 0 && in_flight < case.concurrency {
            match pace.ask(start + now) {
                Permit::Go => {
                    pace.sent(start + now);
                    (to_send, in_flight, sent_in_all) = (to_send - 1, in_flight + 1, sent_in_all + 1);
                    let arrives = now + case.way + random.up_to(case.spread);
                    events.push(Reverse((arrives, Event::Arrives { request: sent_in_all, sent: now })));
                    assert!(sent_in_all < 20 * case.requests + 1_000, "it sends for ever: {case:?}");
                }
                Permit::Answers => {
                    assert!(in_flight > 0, "it waits for answers and nothing is under way: {case:?} at {now:?}");
                    wake = Some(now + TICK);
                    break;
                }
                Permit::Wait { until, .. } => {
                    assert!(until > start + now, "it waits for the past: {case:?} at {now:?}");
                    wake = Some(until - start);
                    break;
                }
            }
        }
        let next = events.peek().map(|Reverse((at, _))| *at);
        now = match (next, wake) {
            (Some(next), Some(wake)) if wake < next => {
                now = wake;
                continue;
            }
            (Some(next), _) => next,
            (None, Some(wake)) => {
                now = wake;
                continue;
            }
            (None, None) => panic!("it stalls: {case:?} at {now:?}"),
        };
        let Some(Reverse((_, event))) = events.pop() else { continue };
        match event {
            Event::Arrives { request, sent } => {
                let (refused, remaining, reset) = console.take(now);
                if refused {
                    console.day.refusals += 1;
                    let was_known = refusal_known_since.is_some_and(|since| sent > since);
                    console.day.repeated_refusals += u64::from(was_known);
                }
                let least = console.day.least_left.get_or_insert(remaining);
                *least = remaining.min(*least);
                let slow = if request.is_multiple_of(case.slow_every) { case.slow } else { Duration::ZERO };
                let returns = now + case.way + random.up_to(case.spread) + slow;
                events.push(Reverse((returns, Event::Returns { sent, refused, remaining, reset })));
            }
            Event::Returns { sent, refused, remaining, reset } => {
                in_flight -= 1;
                let reading = case.tells.then_some(QuotaReading { limit: Some(case.limit), remaining, reset });
                pace.answered(start + sent, start + now, reading, refused);
                if refused {
                    to_send += 1;
                    refusal_known_since.get_or_insert(now);
                    pace.refused(start + now, (!case.tells).then_some(reset));
                }
                assert_eq!(pace.in_flight(), in_flight);
            }
            Event::Other { requests } => {
                for _ in 0..requests {
                    console.take(now);
                }
            }
        }
    }
    console.day.took = now;
    console.day
}

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn up_to(&mut self, most: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.0 % (most + 1))
    }
}

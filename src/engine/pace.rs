//! How fast the console may be asked: its quota, its refusals, and a reserve for whoever is in need.
//!
//! Pure but for the instants that it is handed. A quota is a fixed window: a number of requests, and a time at which the
//! number is whole again. Within a window nothing is held back, because an isolation that comes early is worth more
//! than one that comes evenly; when only the reserve is left, every worker waits for the next window.
//!
//! The console tells the time left in whole seconds and not how it rounds them. The earliest turn that it has named is
//! right if it rounds up; a single request goes ahead then. If the window has not turned, that request came out of the
//! reserve and was not refused, and a second later is right for a console that rounds down. Whoever has no reserve to
//! spend waits that second at once.
//!
//! A console that names no quota teaches it by its first refusal: what it had granted until then is what a window holds,
//! and the wait that follows ends the window. From then on it is paced as if it had said so.
//!
//! Answers overtake each other, and one may be on its way for as long as it likes. What a reading says was so at some
//! moment between the sending of its request and its arrival, and nothing narrower is concluded from it.

use std::time::Duration;

use tokio::time::Instant;

use crate::vendors::QuotaReading;

/// The console may round the time left up or down to a second.
const ROUNDING: Duration = Duration::from_secs(1);

/// The first request goes alone, because nobody knows yet what is left; for so long, if its answer does not come.
const ALONE: Duration = Duration::from_secs(1);

/// Added to the turn of the window, because our clock need not agree with the console's to the millisecond.
const MARGIN: Duration = Duration::from_millis(15);

/// How long everything waits after a refusal that names no time; doubled each time, an hour at the most.
const UNNAMED_WAIT: Duration = Duration::from_secs(30);
const LONGEST_UNNAMED_WAIT: Duration = Duration::from_secs(3_600);

/// Whether a request may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Send it.
    Go,
    /// Something under way has to come back first; its answer tells more.
    Answers,
    /// Ask again at this instant.
    Wait {
        /// When.
        until: Instant,
        /// Whether the console refused a request; if not, the quota is spent but for the reserve.
        refused: bool,
    },
}

/// One console's pace.
#[derive(Debug, Default)]
pub struct Pace {
    window: Option<Window>,
    /// The longest time to a turn that was ever told: the best idea of a window's length.
    longest: Duration,
    /// Whether this run may use the reserve: putting hosts back is what it is kept for.
    uses_reserve: bool,
    in_flight: u64,
    /// When the first request was sent.
    first_sent: Option<Instant>,
    /// Whether any request has come back.
    met: bool,
    /// Everything waits until then, because the console refused a request.
    refused_until: Option<Instant>,
    /// One request is out alone, to see whether the window has turned or the refusal is over.
    scouting: bool,
    /// The console rounds the time left down, as a scout has found.
    rounds_down: bool,
    unnamed_refusals: u32,
    /// Of a console that names no quota: what it has granted since the window is thought to have opened.
    granted: u64,
    opened: Option<Instant>,
    /// How long its window is, as a refusal has taught.
    length: Option<Duration>,
    /// Other runs that ask the same console now, and how much all of them may have under way.
    others: u64,
    others_in_flight: u64,
}

/// What is known of the window that is open.
#[derive(Clone, Copy, Debug)]
struct Window {
    limit: u64,
    /// The least that any reading of this window has named.
    remaining: u64,
    /// When that least was read: whatever was sent later was counted later.
    learnt: Instant,
    /// The earliest turn that any reading of this window has named, had it been made as it arrived.
    turn: Instant,
    /// The latest turn that any has named, had it been made as its request was sent.
    latest: Instant,
    /// The console names nothing: this is what its last refusal has taught.
    assumed: bool,
}

impl Pace {
    /// A pace that knows nothing yet: until the console names a quota there is none.
    pub fn new(uses_reserve: bool) -> Self {
        Self { uses_reserve, ..Self::default() }
    }

    /// So many other runs ask the same console now, and may have so many requests under way.
    pub const fn share_with(&mut self, others: u64, in_flight: u64) {
        self.others = others;
        self.others_in_flight = in_flight;
    }

    /// May one more request be sent?
    pub fn ask(&self, now: Instant) -> Permit {
        if self.scouting {
            return Permit::Answers;
        }
        if let Some(until) = self.refused_until {
            // After a refusal one request goes first, and alone: a second refusal must not be earned by many.
            return match (now < until, self.in_flight) {
                (true, _) => Permit::Wait { until, refused: true },
                (false, 0) => Permit::Go,
                (false, _) => Permit::Answers,
            };
        }
        let Some(window) = self.window else {
            let alone = self.first_sent.is_some_and(|sent| now < sent + ALONE);
            return if !self.met && alone { Permit::Answers } else { Permit::Go };
        };
        if self.free(&window) > 0 {
            return Permit::Go;
        }
        let turn = self.turn(&window);
        if now < turn {
            // What is under way is counted twice until it comes back, once by us and once by the console.
            let may_be_free = self.in_flight > 0 && window.remaining > self.reserve(&window);
            return if may_be_free { Permit::Answers } else { Permit::Wait { until: turn, refused: false } };
        }
        if self.in_flight == 0 { Permit::Go } else { Permit::Answers }
    }

    /// A request is sent at `now`; call after [`Permit::Go`].
    pub fn sent(&mut self, now: Instant) {
        self.first_sent.get_or_insert(now);
        self.opened.get_or_insert(now);
        self.scouting = self.refused_until.is_some() || self.window.is_some_and(|window| self.free(&window) == 0);
        self.in_flight += 1;
    }

    /// A request that was sent at `sent` came back at `now`, with or without a reading.
    pub fn answered(&mut self, sent: Instant, now: Instant, reading: Option<QuotaReading>, refused: bool) {
        let scout = std::mem::take(&mut self.scouting);
        match reading {
            Some(reading) => self.read(sent, now, reading, scout),
            None if !refused => self.assume(sent, now, scout),
            None => {}
        }
        self.met = true;
        self.in_flight = self.in_flight.saturating_sub(1);
        if scout && !refused {
            self.refused_until = None;
            self.unnamed_refusals = 0;
        }
    }

    /// Counts what a console without readings has granted, against what its last refusal has taught.
    fn assume(&mut self, sent: Instant, now: Instant, scout: bool) {
        let assumed = self.window.filter(|window| window.assumed);
        match (assumed, self.length) {
            // The first one through after a refusal, or after the window's turn: a new window is open.
            (_, Some(length)) if scout => {
                let limit = assumed.map_or(self.granted, |window| window.limit).max(1);
                let turn = sent + length;
                self.window =
                    Some(Window { limit, remaining: limit - 1, learnt: now, turn, latest: turn, assumed: true });
                (self.granted, self.opened) = (1, Some(sent));
            }
            (Some(window), _) => {
                self.window = Some(Window { remaining: window.remaining.saturating_sub(1), ..window });
                self.granted += 1;
            }
            (None, _) => self.granted += 1,
        }
    }

    /// The console refused a request: everything waits. Call after [`Pace::answered`]. Returns the wait.
    pub fn refused(&mut self, now: Instant, retry_after: Option<Duration>) -> Duration {
        // A refusal says that our idea of the window was wrong: its turn is awaited as if it were rounded down.
        let by_window = self.window.map(|window| window.turn.saturating_duration_since(now));
        let first = self.refused_until.is_none_or(|until| until <= now);
        let wait = retry_after.or(by_window).map(|wait| wait + ROUNDING).unwrap_or_else(|| {
            let wait = UNNAMED_WAIT.saturating_mul(1 << self.unnamed_refusals.min(7)).min(LONGEST_UNNAMED_WAIT);
            if first {
                self.unnamed_refusals += 1;
            }
            wait
        });
        let until = now + wait + MARGIN;
        if first && self.window.is_none_or(|window| window.assumed) {
            // What was granted until now is what a window holds, and the wait ends with it.
            let length = until.saturating_duration_since(self.opened.unwrap_or(now));
            self.length = Some(length);
            self.longest = self.longest.max(length);
            self.window = None;
        }
        // Requests that left before the first refusal came back may be refused too; it is the same refusal.
        let until = self.refused_until.map_or(until, |earlier| earlier.max(until));
        self.refused_until = Some(until);
        until.saturating_duration_since(now)
    }

    fn read(&mut self, sent: Instant, now: Instant, reading: QuotaReading, scout: bool) {
        self.longest = self.longest.max(reading.reset);
        let limit = reading.limit.unwrap_or_else(|| self.window.map_or(reading.remaining, |window| window.limit));
        let fresh = Window {
            limit,
            remaining: reading.remaining,
            learnt: now,
            turn: now + reading.reset,
            latest: sent + reading.reset,
            assumed: false,
        };
        self.window = Some(match self.window {
            None => fresh,
            Some(window) if window.assumed => fresh,
            // Even if both were rounded in the unlikeliest way, this one is of a later window.
            Some(window) if fresh.latest >= window.turn + 2 * ROUNDING => fresh,
            // Or of an earlier one: the answer was overtaken on its way.
            Some(window) if fresh.turn + 2 * ROUNDING <= window.latest => window,
            // Within a window the number only falls. This request was counted after the number was, so the window is new.
            Some(window) if sent >= window.learnt && fresh.remaining > window.remaining => fresh,
            Some(window) => {
                self.rounds_down |= scout && sent >= window.turn;
                let lower = fresh.remaining < window.remaining;
                Window {
                    limit,
                    remaining: fresh.remaining.min(window.remaining),
                    learnt: if lower { now } else { window.learnt },
                    turn: fresh.turn.min(window.turn),
                    latest: fresh.latest.max(window.latest),
                    assumed: false,
                }
            }
        });
    }

    /// When the window turns, as far as is known.
    fn turn(&self, window: &Window) -> Instant {
        let late = self.rounds_down || self.reserve(window) == 0;
        let rounding = if late { ROUNDING } else { Duration::ZERO };
        window.turn + rounding + MARGIN
    }

    /// Requests that may still leave in this window.
    fn free(&self, window: &Window) -> u64 {
        let spendable = window.remaining.saturating_sub(self.reserve(window));
        // What others have sent since the console made our last reading is not in it: at most what they may have under way.
        let alone = spendable.saturating_sub(self.others_in_flight).saturating_sub(self.in_flight);
        // Near the end of the window everybody goes on with one request at a time, and leaves one for each of the others.
        let last = self.others > 0 && self.in_flight == 0 && spendable > self.others;
        alone.max(u64::from(last))
    }

    /// One request in a hundred, thirty at the most, is left for whoever has to put a host back at once.
    fn reserve(&self, window: &Window) -> u64 {
        if self.uses_reserve || window.limit < 4 { 0 } else { (window.limit / 100).clamp(1, 30) }
    }

    /// Requests that are under way.
    pub const fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Requests left in this window, as the console last said.
    pub fn left(&self) -> Option<u64> {
        self.window.map(|window| window.remaining)
    }

    /// How long the quota will hold back `requests` more; zero where they fit into this window.
    pub fn delay_for(&self, requests: u64, now: Instant) -> Duration {
        let Some(window) = self.window else { return Duration::ZERO };
        let free = self.free(&window);
        if requests <= free {
            return Duration::ZERO;
        }
        let a_window = window.limit.saturating_sub(self.reserve(&window)).max(1);
        let turns = (requests - free).div_ceil(a_window);
        let first = self.turn(&window).saturating_duration_since(now);
        first + self.longest.saturating_mul(u32::try_from(turns - 1).unwrap_or(u32::MAX))
    }

    /// How far apart polls of `cost` requests must be so that half of what is left stays for other work.
    pub fn poll_interval(&self, cost: u64, now: Instant) -> Duration {
        let Some(window) = self.window else { return Duration::ZERO };
        let rounds = (self.free(&window) / 2 / cost.max(1)).max(1);
        self.turn(&window).saturating_duration_since(now) / u32::try_from(rounds).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;

//! The tries to connect: how long to wait, and when that is no use.

use std::time::Duration;

use tokio::time::Instant;

use super::{PumpLimits, tell::StreamStats};
use crate::{
    clock,
    stream::{
        backoff::Backoff,
        source::{SourceError, SourceErrorKind},
    },
};

/// A connection that did what it is for was a good one so many times sooner.
const PROGRESS: u32 = 12;

/// The tries to connect, and the times between connections.
pub(super) struct Tries {
    backoff: Backoff,
    healthy: Duration,
    most: Option<u32>,
    patience_at_start: Duration,
    patience: Duration,
    failures: u32,
    connected: Option<Instant>,
    /// Since when there is none, and that by the clock.
    lost: Option<(Instant, jiff::Timestamp)>,
    /// That is among the gaps already.
    told: bool,
    /// Since when somebody else has the queue.
    taken: Option<Instant>,
}

impl Tries {
    pub(super) fn new(limits: &PumpLimits) -> Self {
        Self {
            backoff: limits.backoff,
            healthy: limits.healthy,
            most: limits.tries_at_start,
            patience_at_start: limits.patience_at_start,
            patience: limits.patience,
            failures: 0,
            connected: None,
            lost: None,
            told: false,
            taken: None,
        }
    }

    pub(super) fn connected(&mut self, stats: &mut StreamStats) {
        stats.connections += 1;
        if self.lost.is_some() {
            stats.reconnects += 1;
            self.missed(stats);
        }
        (self.lost, self.told) = (None, false);
        self.connected = Some(Instant::now());
        self.taken = None;
    }

    /// There is still no connection, and there is to be one.
    pub(super) fn missed(&mut self, stats: &mut StreamStats) {
        let Some((since, from)) = self.lost else { return };
        if !std::mem::replace(&mut self.told, true) {
            stats.gaps.begin(from);
        }
        stats.gaps.lasts(since.elapsed());
    }

    /// The stream ends. A gap that is open is as long as it is now.
    pub(super) fn over(&mut self, stats: &mut StreamStats) {
        if self.told {
            self.missed(stats);
        }
    }

    /// `progress` is whether anything was acknowledged on the connection.
    pub(super) fn lost(&mut self, progress: bool) {
        self.lost = Some((Instant::now(), clock::now()));
        let healthy = if progress { self.healthy / PROGRESS } else { self.healthy };
        if self.connected.is_some_and(|since| since.elapsed() >= healthy) {
            self.backoff.reset();
        }
    }

    /// How long to wait after this error; `None` if it is the end.
    pub(super) fn failed(&mut self, error: &SourceError) -> Option<Duration> {
        self.failures += 1;
        if error.kind == SourceErrorKind::Taken {
            let since = *self.taken.get_or_insert_with(Instant::now);
            let patience = if self.connected.is_some() { self.patience } else { self.patience_at_start };
            return (since.elapsed() < patience).then(|| self.backoff.wait());
        }
        self.taken = None;
        let tried_enough = self.connected.is_none() && self.most.is_some_and(|most| self.failures >= most);
        (error.kind.is_passing() && !tried_enough).then(|| self.backoff.wait())
    }
}

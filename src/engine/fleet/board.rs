//! Where the parts of a run tell what they do, and the one listener hears it as one run.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    clock,
    domain::outcome::{Ending, RunStats},
    engine::event::{Listener, RunEvent, RunEventKind, RunHeader, TargetResult},
};

/// Every part ticks; a listener animates no faster for it.
const TICK: Duration = Duration::from_millis(90);

/// What is known of the whole run.
pub(super) struct Board<'l> {
    listener: &'l mut dyn Listener,
    begun: Instant,
    ticked: Option<Instant>,
    /// What belongs to no part.
    own: RunStats,
    parts: Vec<RunStats>,
    cancelled: bool,
}

impl<'l> Board<'l> {
    pub(super) fn new(own: RunStats, parts: Vec<RunStats>, listener: &'l mut dyn Listener) -> Self {
        Self { listener, begun: Instant::now(), ticked: None, own, parts, cancelled: false }
    }

    /// Tells that the run begins, and what no console has.
    pub(super) fn begin(&mut self, header: Arc<RunHeader>, aside: Vec<Arc<TargetResult>>) {
        self.tell(RunEventKind::RunStarted(header));
        for result in aside {
            self.own.settled.add(result.outcome);
            self.tell(RunEventKind::TargetSettled(result));
        }
    }

    pub(super) fn finish(&mut self, ending: Ending) {
        self.tell(RunEventKind::RunFinished(ending));
    }

    fn tell(&mut self, kind: RunEventKind) {
        let event = RunEvent { at: clock::now(), elapsed: self.begun.elapsed(), stats: self.stats(), kind };
        self.listener.on_event(&event);
    }

    /// The totals of all parts. The quota that is told is the one that ends first.
    pub(super) fn stats(&self) -> RunStats {
        let mut all = self.own.clone();
        for part in &self.parts {
            for (outcome, count) in part.settled.present() {
                all.settled.add_many(outcome, count);
            }
            all.awaiting += part.awaiting;
            all.in_flight += part.in_flight;
            all.requests += part.requests;
            all.quota_left = [all.quota_left, part.quota_left].into_iter().flatten().min();
            all.eta = all.eta.max(part.eta);
        }
        all
    }

    fn keep(&mut self, place: usize, stats: &RunStats) {
        if let Some(part) = self.parts.get_mut(place) {
            part.clone_from(stats);
        }
    }
}

/// What one part tells its news to.
pub(super) struct Ear<'b, 'l> {
    pub(super) board: &'b Mutex<Board<'l>>,
    pub(super) place: usize,
    pub(super) vendor: &'static str,
    pub(super) numbers: Arc<[u32]>,
}

impl Ear<'_, '_> {
    /// A result as the whole run has it.
    fn of_the_whole(&self, result: &TargetResult) -> Arc<TargetResult> {
        let n = self.numbers.get(result.n as usize).copied().unwrap_or(u32::MAX);
        Arc::new(TargetResult { n, vendor: Some(self.vendor), ..result.clone() })
    }
}

impl Listener for Ear<'_, '_> {
    fn on_event(&mut self, event: &RunEvent) {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        board.keep(self.place, &event.stats);
        let kind = match &event.kind {
            // The whole run begins and ends once.
            RunEventKind::RunStarted(_) | RunEventKind::RunFinished(_) => return,
            RunEventKind::CancelRequested if std::mem::replace(&mut board.cancelled, true) => return,
            RunEventKind::TargetAccepted(result) => RunEventKind::TargetAccepted(self.of_the_whole(result)),
            RunEventKind::TargetSettled(result) => RunEventKind::TargetSettled(self.of_the_whole(result)),
            other => other.clone(),
        };
        board.tell(kind);
    }

    fn tick(&mut self, stats: &RunStats, _elapsed: Duration) {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        board.keep(self.place, stats);
        let now = Instant::now();
        if board.ticked.is_some_and(|ticked| now.saturating_duration_since(ticked) < TICK) {
            return;
        }
        board.ticked = Some(now);
        let (stats, elapsed) = (board.stats(), board.begun.elapsed());
        board.listener.tick(&stats, elapsed);
    }
}

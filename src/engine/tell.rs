//! Tells the listeners, in order, and only what is on disk.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::time::Instant;

use super::{
    event::{Listener, RunEvent, RunEventKind},
    recorder::Synced,
};
use crate::{clock, domain::outcome::RunStats};

/// The events of a run on their way out.
pub(super) struct Teller<'a> {
    listener: &'a mut dyn Listener,
    begun: Instant,
    /// Events that wait for their journal line to be on disk, in order.
    held: VecDeque<(Synced, Vec<RunEventKind>)>,
    /// The totals as told.
    pub(super) stats: RunStats,
}

impl<'a> Teller<'a> {
    pub(super) fn new(listener: &'a mut dyn Listener, total: u64) -> Self {
        let stats = RunStats { total, ..RunStats::default() };
        Self { listener, begun: Instant::now(), held: VecDeque::new(), stats }
    }

    /// Tells `kinds` once `synced` is on disk, after everything that was handed in before.
    pub(super) fn after(&mut self, synced: Synced, kinds: Vec<RunEventKind>) {
        self.held.push_back((synced, kinds));
    }

    /// Tells at once; only for what claims nothing of a target.
    pub(super) fn now(&mut self, kind: RunEventKind) {
        if let RunEventKind::TargetSettled(result) = &kind {
            self.stats.settled.add(result.outcome);
        }
        let event = RunEvent { at: clock::now(), elapsed: self.begun.elapsed(), stats: self.stats.clone(), kind };
        self.listener.on_event(&event);
    }

    /// Whether everything has been told.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Waits until the next line is on disk, and tells what waited for it and for those behind it that are on disk too;
    /// `Err` if the journal failed.
    pub(super) async fn next(&mut self) -> Result<(), Unwritten> {
        let Some((synced, _)) = self.held.front_mut() else { return std::future::pending().await };
        let mut written = synced.wait().await;
        loop {
            let Some((_, kinds)) = self.held.pop_front() else { return Ok(()) };
            if written.is_err() {
                return Err(Unwritten(kinds));
            }
            for kind in kinds {
                self.now(kind);
            }
            // Many lines share a sync: what follows is most often on disk too.
            let Some(next) = self.held.front_mut().and_then(|(synced, _)| synced.wait().now_or_never()) else {
                return Ok(());
            };
            written = next;
        }
    }

    /// Time for animations.
    pub(super) fn tick(&mut self) {
        self.listener.tick(&self.stats, self.begun.elapsed());
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// What is not told, because its journal line could not be written.
pub(super) struct Unwritten(pub(super) Vec<RunEventKind>);

/// A listener that hears nothing.
#[derive(Debug, Default)]
pub struct Silence;

impl Listener for Silence {
    fn on_event(&mut self, _event: &RunEvent) {}

    fn tick(&mut self, _stats: &RunStats, _elapsed: Duration) {}
}

/// Shares one text among the events that carry it.
pub(super) fn shared(text: &str) -> Arc<str> {
    text.into()
}

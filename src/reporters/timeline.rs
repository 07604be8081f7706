//! Where a run stands in time: between events, and in what it had to wait.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::event::{RunEvent, RunEventKind};

/// The time since a run began, told by its events and going on between them.
#[derive(Debug)]
pub(super) struct Timeline {
    elapsed: Duration,
    heard: Instant,
}

impl Timeline {
    /// Begins at nought.
    pub(super) fn new() -> Self {
        Self { elapsed: Duration::ZERO, heard: Instant::now() }
    }

    /// Takes the time from an event.
    pub(super) fn hear(&mut self, event: &RunEvent) {
        self.elapsed = event.elapsed;
        self.heard = Instant::now();
    }

    /// The time since the run began.
    pub(super) fn now(&self) -> Duration {
        self.elapsed + self.heard.elapsed()
    }
}

/// How long a run has been throttled. Waits that overlap count once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waited {
    total: Duration,
    until: Duration,
}

impl Waited {
    /// Counts a wait, and takes back what is left of it where the run ends first.
    pub(super) fn hear(&mut self, event: &RunEvent) {
        match event.kind {
            RunEventKind::Throttled { wait, .. } => {
                let until = event.elapsed + wait;
                self.total += until.saturating_sub(self.until.max(event.elapsed));
                self.until = self.until.max(until);
            }
            RunEventKind::RunFinished(_) => {
                self.total = self.total.saturating_sub(self.until.saturating_sub(event.elapsed));
                self.until = Duration::ZERO;
            }
            _ => {}
        }
    }

    /// All of it.
    pub(super) const fn total(&self) -> Duration {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::outcome::Ending,
        reporters::testing::{event_at, throttled_at},
    };

    #[test]
    fn overlapping_waits_count_once_and_a_cut_wait_only_as_far_as_it_went() {
        let mut waited = Waited::default();
        waited.hear(&throttled_at(10, 20));
        waited.hear(&throttled_at(15, 20));
        assert_eq!(waited.total(), Duration::from_secs(25));
        waited.hear(&throttled_at(20, 5));
        assert_eq!(waited.total(), Duration::from_secs(25));
        waited.hear(&throttled_at(100, 50));
        waited.hear(&event_at(110, RunEventKind::RunFinished(Ending::Interrupted)));
        assert_eq!(waited.total(), Duration::from_secs(35));
    }
}

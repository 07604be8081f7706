//! A task of a response, and how it stands on its host at any instant.

use std::time::Duration;

use crate::simulator::faults::TaskEnd;

/// A task of a response.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Task {
    pub(in crate::simulator) name: String,
    pub(in crate::simulator) kind: &'static str,
    pub(in crate::simulator) host: u32,
    pub(in crate::simulator) incident: i32,
    pub(in crate::simulator) created: Duration,
    /// Whether it isolates its host, or releases it.
    pub(super) isolates: Option<bool>,
    pub(super) end: TaskEnd,
    pub(in crate::simulator) description: String,
    pub(super) takes: Duration,
    /// When it was deleted to make room.
    pub(super) removed: Option<Duration>,
}

/// How a task stands on its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Phase {
    Pending,
    Scheduled,
    Running,
    Finished,
    Warning,
    Failed,
    Paused,
}

impl Phase {
    pub(in crate::simulator) const ALL: [Self; 7] =
        [Self::Pending, Self::Running, Self::Finished, Self::Warning, Self::Failed, Self::Scheduled, Self::Paused];

    /// The number on the wire.
    pub(in crate::simulator) const fn code(self) -> u32 {
        match self {
            Self::Pending => 1,
            Self::Running => 2,
            Self::Finished => 4,
            Self::Warning => 8,
            Self::Failed => 16,
            Self::Scheduled => 32,
            Self::Paused => 64,
        }
    }

    /// Whether the host did what it was asked.
    pub(in crate::simulator) const fn is_done(self) -> bool {
        matches!(self, Self::Finished | Self::Warning)
    }

    pub(in crate::simulator) const fn is_over(self) -> bool {
        self.is_done() || matches!(self, Self::Failed)
    }
}

impl Task {
    /// When it begins to run on its host, if it comes that far.
    pub(in crate::simulator) fn starts(&self) -> Option<Duration> {
        let runs = !matches!(self.end, TaskEnd::Pending | TaskEnd::Scheduled);
        runs.then(|| self.created + self.takes / 2)
    }

    /// When it ends on its host, if it does.
    pub(in crate::simulator) fn ends(&self) -> Option<Duration> {
        let ends = matches!(self.end, TaskEnd::Finished | TaskEnd::Warning | TaskEnd::Failed);
        ends.then(|| self.created + self.takes)
    }

    /// Whether its host has done it by then. One that was deleted before the host began is not carried out any more.
    pub(super) fn is_done(&self, now: Duration) -> bool {
        let begun = |removed: Duration| self.starts().is_some_and(|starts| starts <= removed);
        self.phase(now).is_done() && self.removed.is_none_or(begun)
    }

    /// How it stands on its host at an instant: a quarter of its time to be delivered, another one to begin.
    pub(in crate::simulator) fn phase(&self, now: Duration) -> Phase {
        let passed = now.saturating_sub(self.created);
        if self.end == TaskEnd::Pending || passed < self.takes / 4 {
            return Phase::Pending;
        }
        if self.end == TaskEnd::Scheduled || passed < self.takes / 2 {
            return Phase::Scheduled;
        }
        if self.end == TaskEnd::Running || passed < self.takes {
            return Phase::Running;
        }
        match self.end {
            TaskEnd::Warning => Phase::Warning,
            TaskEnd::Failed => Phase::Failed,
            TaskEnd::Paused => Phase::Paused,
            _ => Phase::Finished,
        }
    }
}

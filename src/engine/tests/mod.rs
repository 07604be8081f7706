//! Whole runs against a console that does as it is told, in a time that no one waits for.

use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc, time::Duration};

use super::{
    cancel::Cancel,
    console::Console,
    event::{Listener, RunEvent, RunEventKind, RunHeader, TargetResult},
    limits::Limits,
    rollout::Rollout,
    roster::{Detail, Roster},
    run::{Purpose, Report, Resumed, Run},
};
use crate::{
    clock,
    domain::{
        action::{Action, ActionKind},
        host::Isolation,
        id::RunId,
        outcome::{Outcome, RunStats},
    },
    journal::Journal,
};

mod answers;
mod batches;
mod confirmation;
pub(crate) mod fake;
mod journalled;
mod news;
mod property;
mod rollout;
mod stops;
mod tickets;
mod truth;
mod verdicts;

use fake::Fake;

type OnEvent = Box<dyn FnMut(&RunEvent) + Send>;

/// What heard the run: everything, in order.
#[derive(Default)]
pub(crate) struct Ears {
    pub(crate) events: Vec<RunEvent>,
    on_event: Option<OnEvent>,
}

impl Listener for Ears {
    fn on_event(&mut self, event: &RunEvent) {
        if let Some(on_event) = &mut self.on_event {
            on_event(event);
        }
        self.events.push(event.clone());
    }

    fn tick(&mut self, _stats: &RunStats, elapsed: Duration) {
        // A run that does not end is a failure and not a hang.
        assert!(elapsed < Duration::from_secs(7 * 86_400), "the run does not end");
    }
}

/// A run to be made.
pub(crate) struct Room {
    pub(crate) fake: Arc<Fake>,
    pub(crate) targets: u32,
    pub(crate) limits: Limits,
    pub(crate) wait: Option<Duration>,
    pub(crate) kind: Option<ActionKind>,
    pub(crate) journal: Option<Journal>,
    pub(crate) cancel: Cancel,
    pub(crate) standings: Vec<(u32, Resumed)>,
    /// What the plan has found of the first targets.
    pub(crate) before: Vec<Isolation>,
    /// Whether the plan has left them to be followed only.
    pub(crate) follows: bool,
    pub(crate) on_event: Option<OnEvent>,
    pub(crate) news: Option<tokio::sync::mpsc::Receiver<super::News>>,
    /// The steps of its waves.
    pub(crate) waves: Option<&'static str>,
    pub(crate) rollout: Rollout,
}

/// What came of it.
pub(crate) struct After {
    pub(crate) report: Report,
    pub(crate) events: Vec<RunEvent>,
}

impl Room {
    pub(crate) fn new(fake: Arc<Fake>, targets: u32) -> Self {
        Self {
            fake,
            targets,
            limits: Limits::new(NonZeroUsize::new(8).unwrap()),
            wait: None,
            kind: Some(ActionKind::Isolate),
            journal: None,
            cancel: Cancel::new(),
            standings: Vec::new(),
            before: Vec::new(),
            follows: false,
            on_event: None,
            news: None,
            waves: None,
            rollout: Rollout::default(),
        }
    }

    pub(crate) fn waiting(self, seconds: u64) -> Self {
        Self { wait: Some(Duration::from_secs(seconds)), ..self }
    }

    pub(crate) async fn go(self) -> After {
        let mut roster = Roster::default();
        for n in 0..self.targets {
            let id = fake::id(n);
            let before = self.before.get(n as usize).copied().map(fake::state);
            roster.push(
                id.as_str().into(),
                None,
                n + 1,
                Some(id),
                Detail { before, follows: self.follows, ..Detail::default() },
            );
        }
        if let Some(waves) = self.waves {
            waves.parse::<super::waves::Waves>().unwrap().assign(&mut roster);
        }
        let purpose = match self.kind {
            Some(kind) => Purpose::Act(Action { kind, comment: None }),
            None => Purpose::Read,
        };
        let run = Run {
            header: Arc::new(header(self.targets, self.wait.is_some(), !self.standings.is_empty())),
            purpose,
            console: Console::new(self.fake, self.limits, false),
            roster,
            standings: self.standings,
            wait: self.wait,
            first_batch: 0,
            rollout: self.rollout,
            news: self.news,
        };
        let mut ears = Ears { events: Vec::new(), on_event: self.on_event };
        let report = run.go(self.journal, self.cancel, &mut ears).await;
        After { report, events: ears.events }
    }
}

pub(crate) fn run_id() -> RunId {
    RunId::parse("20260101-000000-aaaaaa").unwrap()
}

fn header(targets: u32, waits: bool, resumed: bool) -> RunHeader {
    RunHeader {
        run: run_id(),
        vendor: "fake",
        console_name: "Fake",
        console: "https://fake.example".to_owned(),
        action: "isolate",
        waits,
        simulated: false,
        resumed,
        dry_run: false,
        targets: u64::from(targets),
        started: clock::now(),
    }
}

impl After {
    /// How each target ended; fails if one was told twice or not at all, or the totals are not what was told.
    pub(crate) fn settled(&self) -> BTreeMap<u32, Arc<TargetResult>> {
        let mut settled = BTreeMap::new();
        for event in &self.events {
            if let RunEventKind::TargetSettled(result) = &event.kind {
                let before = settled.insert(result.n, Arc::clone(result));
                assert!(before.is_none(), "{} was told twice: {before:?}, {result:?}", result.target);
            }
        }
        for outcome in Outcome::ALL {
            let told = settled.values().filter(|result| result.outcome == outcome).count() as u64;
            assert_eq!(self.report.counts.get(outcome), told, "{outcome} in the report");
            let last = self.events.last().unwrap();
            assert_eq!(last.stats.settled.get(outcome), told, "{outcome} in the last totals");
        }
        settled
    }

    /// How each target ended, where every one must have.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        let settled = self.settled();
        let total = self.events.last().unwrap().stats.total;
        assert_eq!(settled.len() as u64, total, "every target is told");
        settled.values().map(|result| result.outcome).collect()
    }

    /// How the only target ended.
    pub(crate) fn only(&self) -> Arc<TargetResult> {
        let mut settled = self.settled();
        assert_eq!(settled.len(), 1);
        settled.pop_first().unwrap().1
    }

    pub(crate) fn count(&self, fits: impl Fn(&RunEventKind) -> bool) -> usize {
        self.events.iter().filter(|event| fits(&event.kind)).count()
    }
}

//! Events and writers that the tests of this folder share.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;

use super::Reporter;
use crate::{
    domain::{
        failure::{Failure, FailureKind},
        host::HostId,
        id::RunId,
        outcome::{Ending, Outcome, RunStats},
    },
    engine::event::{Candidate, Duplicate, RunEvent, RunEventKind, RunHeader, TargetResult, Throttle},
};

/// A writer whose text the test keeps.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// What was written since the last call.
    pub(super) fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) const RUN: &str = "20261122-031502-k3f9q2";

pub(super) fn start() -> Timestamp {
    "2026-11-22T03:15:02.120Z".parse().unwrap()
}

pub(super) fn header() -> RunHeader {
    RunHeader {
        run: RunId::parse(RUN).unwrap(),
        vendor: "cisco",
        console_name: "Cisco Secure Endpoint",
        console: "https://api.amp.cisco.com".into(),
        action: "isolate",
        waits: false,
        simulated: false,
        resumed: false,
        dry_run: false,
        targets: 3,
        started: start(),
    }
}

/// A run whose totals are kept as the engine keeps them.
pub(super) struct Script {
    pub(super) stats: RunStats,
    pub(super) elapsed: Duration,
    events: Vec<RunEvent>,
}

impl Script {
    pub(super) fn new(header: RunHeader) -> Self {
        let stats = RunStats { total: header.targets, ..RunStats::default() };
        let mut script = Self { stats, elapsed: Duration::ZERO, events: Vec::new() };
        script.tell(RunEventKind::RunStarted(Arc::new(header)));
        script
    }

    pub(super) fn tell(&mut self, kind: RunEventKind) {
        self.events.push(RunEvent {
            at: start() + self.elapsed,
            elapsed: self.elapsed,
            stats: self.stats.clone(),
            kind,
        });
    }

    pub(super) fn at(&mut self, millis: u64) {
        self.elapsed = Duration::from_millis(millis);
    }

    pub(super) fn settle(&mut self, result: TargetResult) {
        self.stats.settled.add(result.outcome);
        self.stats.requests += u64::from(result.attempts);
        self.tell(RunEventKind::TargetSettled(Arc::new(result)));
    }

    pub(super) fn throttle(&mut self, wait: u64, why: Throttle) {
        let wait = Duration::from_secs(wait);
        self.tell(RunEventKind::Throttled { wait, until: start() + self.elapsed + wait, why });
    }

    pub(super) fn finish(mut self, ending: Ending) -> Vec<RunEvent> {
        self.tell(RunEventKind::RunFinished(ending));
        self.events
    }

    pub(super) fn take(&mut self) -> Vec<RunEvent> {
        std::mem::take(&mut self.events)
    }
}

pub(super) fn play(reporter: &mut dyn Reporter, events: &[RunEvent]) {
    for event in events {
        reporter.on_event(event).unwrap();
    }
}

pub(super) fn result(target: &str, outcome: Outcome) -> TargetResult {
    TargetResult {
        n: 0,
        target: target.into(),
        file: Some("hosts.txt".into()),
        line: 7,
        vendor: None,
        host: Some(HostId::new("0a1b2c3d-0000-4000-8000-000000000001")),
        name: Some(target.into()),
        outcome,
        state: None,
        last_seen: None,
        attempts: 1,
        ticket: None,
        reason: None,
        candidates: Vec::new(),
        duplicates: Vec::new(),
        note: None,
        wave: None,
        started: start(),
        finished: start() + Duration::from_millis(412),
    }
}

pub(super) fn failed(target: &str, outcome: Outcome, kind: FailureKind, text: &str) -> TargetResult {
    TargetResult { reason: Some(Failure::new(kind, text)), ..result(target, outcome) }
}

/// One result of every troublesome sort: quiet success, several candidates, a duplicate, and a name that attacks.
pub(super) fn bad_day() -> Vec<TargetResult> {
    vec![
        TargetResult { state: Some("isolated".into()), ..result("web01", Outcome::Confirmed) },
        TargetResult {
            state: Some("isolated".into()),
            attempts: 0,
            duplicates: vec![Duplicate { target: "WEB02".into(), file: None, line: 9 }],
            ..result("10.0.0.2", Outcome::Already)
        },
        TargetResult {
            host: None,
            name: None,
            attempts: 0,
            candidates: vec![
                Candidate {
                    id: HostId::new("0a1b2c3d-0000-4000-8000-00000000000a"),
                    name: Some("db01.corp.example".into()),
                    last_seen: Some("2026-11-21T09:00:00Z".into()),
                    product: None,
                    state: None,
                    vendor: None,
                },
                Candidate {
                    id: HostId::new("0a1b2c3d-0000-4000-8000-00000000000b"),
                    name: None,
                    last_seen: None,
                    product: None,
                    state: None,
                    vendor: None,
                },
            ],
            ..failed("db01", Outcome::Unresolved, FailureKind::Ambiguous, "2 hosts are named so")
        },
        TargetResult {
            name: Some("=cmd()\u{1b}[2J\n\u{202e}exe.\"txt\u{9b}".into()),
            state: Some("pending\tstart".into()),
            last_seen: Some("2026-11-22T03:14:00Z".into()),
            ..failed("端末01", Outcome::Failed, FailureKind::Forbidden, "the console said: \"no\u{7}\", HTTP 403")
        },
    ]
}

pub(super) fn event_at(seconds: u64, kind: RunEventKind) -> RunEvent {
    let elapsed = Duration::from_secs(seconds);
    RunEvent { at: start() + elapsed, elapsed, stats: RunStats::default(), kind }
}

pub(super) fn throttled_at(seconds: u64, wait: u64) -> RunEvent {
    let wait = Duration::from_secs(wait);
    let until = start() + Duration::from_secs(seconds) + wait;
    event_at(seconds, RunEventKind::Throttled { wait, until, why: Throttle::Quota })
}

pub(super) fn cancelled() -> RunEvent {
    event_at(1, RunEventKind::CancelRequested)
}

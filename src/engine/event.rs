//! What the engine tells: the interface between a run and its reporters.
//!
//! An event carries facts, never how to show them. Events come in one order, from one task.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::domain::{
    action::ActionKind,
    failure::Failure,
    host::HostId,
    id::RunId,
    outcome::{Counts, Ending, Outcome, RunStats},
};

/// One thing that happened in a run.
#[derive(Clone, Debug)]
pub struct RunEvent {
    /// The time of day.
    pub at: Timestamp,
    /// Since the run began.
    pub elapsed: Duration,
    /// The totals so far, this event included.
    pub stats: RunStats,
    /// What happened.
    pub kind: RunEventKind,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum RunEventKind {
    /// The run begins. The first event.
    RunStarted(Arc<RunHeader>),
    /// A request is about to be sent: its intent is on disk.
    BatchStarted {
        /// How many targets it carries.
        targets: usize,
        /// The number of the try, from 1.
        attempt: u32,
    },
    /// A request failed and is not the end of its targets.
    AttemptFailed {
        /// The target as written, or the first of several.
        target: Arc<str>,
        /// The number of the try that failed, from 1.
        attempt: u32,
        /// Why.
        failure: Failure,
        /// What comes next.
        next: NextStep,
    },
    /// Something was wrong on our side and has been put right; requests go on at once. Told once for each kind.
    Mended {
        /// What was wrong, and what was done about it.
        failure: Failure,
    },
    /// What the console pushes of its hosts is not heard any longer: they are asked for instead.
    HearingLost {
        /// Why.
        why: String,
    },
    /// It is heard again.
    HearingBack,
    /// Every worker waits: for the quota's next window, or because the console said so.
    Throttled {
        /// How long.
        wait: Duration,
        /// Until when.
        until: Timestamp,
        /// Why.
        why: Throttle,
    },
    /// The console took a request whose effect is still awaited.
    TargetAccepted(Arc<TargetResult>),
    /// A target came to its end.
    TargetSettled(Arc<TargetResult>),
    /// Somebody interrupted: what is under way is awaited, nothing more is sent.
    CancelRequested,
    /// A wave begins; the ones before it are over.
    WaveStarted(Wave),
    /// Every target of a wave is at its end.
    WaveEnded {
        /// The wave.
        wave: Wave,
        /// How its targets ended.
        counts: Counts,
    },
    /// The next wave is held up.
    BetweenWaves(Between),
    /// The run halts by its own rules: nothing more is sent.
    Halted {
        /// Why.
        why: String,
        /// Whether what is under way is given up, and is in doubt; it is awaited otherwise.
        abandons: bool,
    },
    /// The run is over. The last event.
    RunFinished(Ending),
}

/// One wave of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wave {
    /// Its number, from 1.
    pub number: u32,
    /// How many waves the run has.
    pub of: u32,
    /// How many of its targets are not at their end.
    pub targets: u64,
}

/// What holds up the next wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// A pause.
    Pause {
        /// How long.
        wait: Duration,
        /// Until when.
        until: Timestamp,
    },
    /// Somebody, or a command, has to agree.
    Gate {
        /// Whether it is a person, who is asked now.
        asks: bool,
    },
}

/// Why every worker waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// The quota is spent but for its reserve; no request was refused.
    Quota,
    /// The console refused a request: too many.
    Refused,
}

/// What follows a failed try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// It is tried again after this wait.
    Retry(Duration),
    /// The console is asked how the host stands.
    Look,
    /// The whole run waits, then it is tried again.
    WaitForConsole,
}

/// The word of a run over several consoles, in the place of a console's.
pub const SEVERAL: &str = "auto";

/// What a run is, as told at its beginning and kept in its journal.
#[derive(Clone, Debug)]
pub struct RunHeader {
    /// Its name.
    pub run: RunId,
    /// The console's word: `cisco`; [`SEVERAL`] where there is more than one.
    pub vendor: &'static str,
    /// The console's name for people: `Cisco Secure Endpoint`.
    pub console_name: &'static str,
    /// The console's address, without credentials.
    pub console: String,
    /// The command's word: `isolate`, `unisolate`, `status`.
    pub action: &'static str,
    /// Whether the user asked for proof (`--wait`).
    pub waits: bool,
    /// Whether the console is the embedded simulator.
    pub simulated: bool,
    /// Whether this goes on with an earlier run.
    pub resumed: bool,
    /// Whether it only says what would be done.
    pub dry_run: bool,
    /// Hosts in the run.
    pub targets: u64,
    /// When it began.
    pub started: Timestamp,
}

impl RunHeader {
    /// What is done to hosts, as in "12 hosts to isolate".
    pub fn verb(&self) -> String {
        // What is no action of its own is a task that hosts run.
        if self.action == "status" || ActionKind::from_word(self.action).is_some() {
            self.action.to_owned()
        } else {
            format!("run {} on", self.action)
        }
    }
}

/// How one target stands or ended.
#[derive(Clone, Debug)]
pub struct TargetResult {
    /// Its number in the run, from 0.
    pub n: u32,
    /// The target as written.
    pub target: Arc<str>,
    /// The file it was read from; `None` for standard input.
    pub file: Option<Arc<str>>,
    /// Its line, from 1.
    pub line: u32,
    /// The word of the console that it was asked of, in a run over several.
    pub vendor: Option<&'static str>,
    /// The host, if it was resolved.
    pub host: Option<HostId>,
    /// The host's name, if it is known.
    pub name: Option<Arc<str>>,
    /// How it ended; [`Outcome::Accepted`] in [`RunEventKind::TargetAccepted`].
    pub outcome: Outcome,
    /// The console's word for the host's state, where it was read.
    pub state: Option<Arc<str>>,
    /// When the console last heard of the host, as the console writes it.
    pub last_seen: Option<Arc<str>>,
    /// How often it was sent.
    pub attempts: u32,
    /// What the console gave for the request: the number of an incident, of a task.
    pub ticket: Option<Arc<str>>,
    /// Why it did not succeed; `None` on success.
    pub reason: Option<Failure>,
    /// Hosts that fit an unresolved target.
    pub candidates: Vec<Candidate>,
    /// Further lines that named the same host.
    pub duplicates: Vec<Duplicate>,
    /// What else the user must know of how the host was found.
    pub note: Option<Arc<str>>,
    /// The wave that it belongs to, from 1; `None` where there are none.
    pub wave: Option<u16>,
    /// When it was first sent, or settled without being sent.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
}

/// A host that fits an unresolved target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub id: HostId,
    /// Its name.
    pub name: Option<Box<str>>,
    /// When the console last heard of it, as the console writes it.
    pub last_seen: Option<Box<str>>,
    /// The product whose agent it is, where one machine may have several.
    pub product: Option<Box<str>>,
    /// The console's word for its state, where that is known.
    pub state: Option<Box<str>>,
    /// The word of its console, in a run over several.
    pub vendor: Option<Box<str>>,
}

/// A further line that named a host which the run already has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The target as written there.
    pub target: Arc<str>,
    /// The file; `None` for standard input.
    pub file: Option<Arc<str>>,
    /// The line, from 1.
    pub line: u32,
}

/// Whoever hears a run: called in order, from one task. It shows, and never stops a run.
pub trait Listener: Send {
    /// One thing happened.
    fn on_event(&mut self, event: &RunEvent);

    /// Some time has passed: for animations, with the totals as they stand.
    fn tick(&mut self, stats: &RunStats, elapsed: Duration);
}

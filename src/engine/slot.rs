//! Where each target of a run stands. One small value a target, owned by the one task that runs the run.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use crate::domain::{failure::Failure, id::Ticket};

/// Where a target stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// To be sent, now or after a wait.
    Ready,
    /// Its request is on the way.
    InFlight,
    /// The console is to be asked how the host stands, or is being asked.
    Look(Why),
    /// Taken by the console; its effect is awaited.
    Awaiting,
    /// At its end.
    Settled,
}

/// Why the console is asked how a host stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It contradicted a request.
    Conflict,
    /// A request was sent and not answered, in this run or in the part of it that ended before.
    Doubt,
    /// The state is all that was asked for.
    Reading,
    /// A taken request's effect is awaited.
    Awaiting,
}

/// One target's standing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) phase: Phase,
    /// Requests sent for it by this process.
    pub(super) attempts: u32,
    /// Requests sent for it before the run was resumed.
    pub(super) attempts_before: u32,
    /// Looks at it since the last request.
    pub(super) looks: u32,
    /// An earlier request may have been taken, so a state that is reached now may be our doing.
    pub(super) maybe_ours: bool,
    /// When it was first sent.
    pub(super) started: Option<Timestamp>,
}

impl Slot {
    pub(super) const fn new(phase: Phase) -> Self {
        Self { phase, attempts: 0, attempts_before: 0, looks: 0, maybe_ours: false, started: None }
    }

    /// Whether a request has ever been sent for it.
    pub(super) const fn was_sent(&self) -> bool {
        self.attempts + self.attempts_before > 0
    }
}

/// What is remembered of the few targets that did not go straight to their end.
#[derive(Clone, Debug, Default)]
pub(super) struct Note {
    /// The last failure.
    pub(super) failure: Option<Failure>,
    /// What the console gave for its request.
    pub(super) ticket: Option<Ticket>,
    /// The console's last word for the host's state.
    pub(super) state: Option<Arc<str>>,
    /// What that word means, where it does not say it.
    pub(super) said: Option<Arc<str>>,
    /// When the console last heard of the host.
    pub(super) last_seen: Option<Arc<str>>,
    /// The console takes no request until the host has arrived where it was sent before.
    pub(super) leaving: bool,
    /// It was on its way elsewhere when the console took the request, which may go under: it is sent again if need be.
    pub(super) sent_while_leaving: bool,
    /// It was on its way before anything was sent: it is only waited for.
    pub(super) before_us: bool,
    /// It was sent, nobody knows with what effect, and no look has shown one yet; why it was looked at.
    pub(super) unsure: Option<Why>,
    /// The host was seen on its way to what was asked.
    pub(super) headed: bool,
    /// How many looks in a row have since seen it back where it was.
    pub(super) fell_back: u32,
}

/// The notes, by target.
#[derive(Debug, Default)]
pub(super) struct Notes(HashMap<u32, Note>);

impl Notes {
    pub(super) fn get(&self, n: u32) -> Option<&Note> {
        self.0.get(&n)
    }

    pub(super) fn of(&mut self, n: u32) -> &mut Note {
        self.0.entry(n).or_default()
    }

    pub(super) fn forget(&mut self, n: u32) {
        self.0.remove(&n);
    }
}

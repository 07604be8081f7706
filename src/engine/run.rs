//! One run, from its first event to its last.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{
    cancel::Cancel,
    console::Console,
    dispatcher::Dispatcher,
    event::{Listener, RunHeader},
    news::News,
    recorder::Recorder,
    rollout::Rollout,
    roster::Roster,
};
use crate::{
    domain::{
        action::Action,
        failure::Failure,
        id::Ticket,
        outcome::{Counts, Ending, ExitCode, Outcome},
    },
    journal::Journal,
};

/// What a run is for.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// Change hosts.
    Act(Action),
    /// Read their states; changes nothing and keeps no journal.
    Read,
}

/// Everything that a run needs.
#[derive(Debug)]
pub struct Run {
    /// What it is, for listeners.
    pub header: Arc<RunHeader>,
    /// What it is for.
    pub purpose: Purpose,
    /// The console, with what is known of its quota.
    pub console: Console,
    /// The targets.
    pub roster: Roster,
    /// Where each target stands, if this goes on with an earlier run; all are new otherwise.
    pub standings: Vec<(u32, Resumed)>,
    /// How long the console may take to confirm; `None` not to wait.
    pub wait: Option<Duration>,
    /// The number of the first batch: after those that are in the journal.
    pub first_batch: u64,
    /// How it is spread over time.
    pub rollout: Rollout,
    /// What the console pushes of its hosts, if somebody listens.
    pub news: Option<mpsc::Receiver<News>>,
}

/// Where a target of an earlier run stands.
#[derive(Clone, Debug)]
pub enum Resumed {
    /// It ended; it is counted and not told again.
    Settled(Outcome),
    /// Nothing was sent for it that could have been done.
    Unsent {
        /// Requests sent for it.
        attempts: u32,
    },
    /// A request was sent, and nobody knows what came of it.
    InDoubt {
        /// Requests sent for it.
        attempts: u32,
    },
    /// The console took it; the state is awaited.
    Awaiting {
        /// Requests sent for it.
        attempts: u32,
        /// What the console gave to ask after it by.
        ticket: Option<Ticket>,
    },
    /// The console took it, and nobody waits for the state.
    Accepted {
        /// Requests sent for it.
        attempts: u32,
    },
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Why it ended.
    pub ending: Ending,
    /// How its targets ended.
    pub counts: Counts,
    /// The exit code that follows.
    pub exit: ExitCode,
    /// Why targets were not sent, where something stopped the run.
    pub stopped_by: Option<Failure>,
}

impl Run {
    /// Runs to the end. The journal, if there is one, is closed and sealed.
    pub async fn go(self, journal: Option<Journal>, cancel: Cancel, listener: &mut dyn Listener) -> Report {
        Dispatcher::new(self, Recorder::new(journal), cancel, listener).run().await
    }
}

//! A run, gathered for telling.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::history::{History, Step};
use crate::{
    domain::{
        action::ActionKind,
        failure::{Failure, FailureKind},
        outcome::{Counts, Ending, Outcome},
    },
    engine::event::{RunHeader, TargetResult},
    journal::{Account, Header, Replay, TargetReplay, Verified},
    reporters::{
        groups::Groups,
        hints::{Hint, Invocation, hints},
    },
};

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A process works on it now.
    UnderWay,
    /// It ended so.
    Ended(Ending),
    /// Nothing works on it, and it has no end: it was killed, or the machine went down.
    CutOff,
}

/// What a story is made of.
#[derive(Debug)]
pub struct Origin {
    /// The journal.
    pub account: Account,
    /// What was seen while it was read.
    pub history: History,
    /// The run as it is told.
    pub header: RunHeader,
    /// How it stands.
    pub standing: Standing,
    /// How a target is told.
    pub result_of: fn(&TargetReplay, &Replay) -> TargetResult,
    /// What the next command has to repeat.
    pub invocation: Invocation,
}

/// A run, gathered for telling.
#[derive(Debug)]
pub struct Story {
    /// The run as it is told.
    pub(super) header: Arc<RunHeader>,
    /// What its journal says that it is.
    pub(super) journalled: Header,
    /// How it stands.
    pub(super) standing: Standing,
    /// Its targets.
    pub(super) rows: Vec<Arc<TargetResult>>,
    /// How many came to what.
    pub(super) counts: Counts,
    /// What happened between beginning and end.
    pub(super) history: History,
    /// How many had come how far, and when.
    pub(super) steps: Vec<Step>,
    /// Those that did not succeed, by reason.
    pub(super) failures: Groups,
    /// Who went on with it: when, who, on which machine.
    pub(super) resumed: Vec<(Timestamp, String, String)>,
    /// When the last line was written.
    pub(super) last_at: Timestamp,
    /// How the journal stands.
    pub(super) verified: Verified,
    /// What stands for the whole journal.
    pub(super) digest: String,
    /// What to type next.
    pub(super) next: Vec<Hint>,
}

impl Story {
    /// Gathers it.
    pub fn new(origin: Origin) -> Self {
        let Origin { account, history, header, standing, result_of, invocation } = origin;
        let Account { replay, verified, digest } = account;
        let mut rows: Vec<Arc<TargetResult>> = Vec::with_capacity(replay.targets.len());
        let mut counts = Counts::default();
        let mut failures = Groups::default();
        for target in &replay.targets {
            let mut row = result_of(target, &replay);
            if standing == Standing::UnderWay {
                not_yet(&mut row);
            }
            if row.outcome.is_success(header.waits) {
                row.reason = None;
            } else {
                failures.add(&row);
            }
            counts.add(row.outcome);
            rows.push(Arc::new(row));
        }
        let next = match &standing {
            // What follows is not known before it has ended.
            Standing::UnderWay => Vec::new(),
            Standing::Ended(ending) => hints(&header, ending, &counts, &invocation),
            Standing::CutOff => hints(&header, &Ending::Interrupted, &counts, &invocation),
        };
        let resumed = replay.resumptions.into_iter().map(|(at, by)| (at, by.user, by.host)).collect();
        Self {
            steps: history.steps(),
            header: Arc::new(header),
            journalled: replay.header,
            standing,
            rows,
            counts,
            history,
            failures,
            resumed,
            last_at: replay.last_at,
            verified,
            digest,
            next,
        }
    }

    /// How long it took, or takes so far; pauses before a resumption are in it.
    pub(super) fn took(&self) -> Duration {
        Duration::try_from(self.last_at.duration_since(self.header.started)).unwrap_or_default()
    }

    /// The word of the console that a target is asked of.
    pub(super) fn vendor_of(&self, row: &TargetResult) -> &str {
        row.vendor.unwrap_or(self.header.vendor)
    }

    /// Its address.
    pub(super) fn console_of(&self, row: &TargetResult) -> &str {
        let own = row.vendor.and_then(|vendor| self.journalled.consoles.get(vendor));
        own.map_or(&self.header.console, String::as_str)
    }

    /// The name of the journal, which is the same wherever it lies.
    pub(super) fn journal_name(&self) -> String {
        format!("{}.jsonl", self.header.run)
    }

    /// The verb, where it is one; what is none is a task.
    pub(super) fn kind(&self) -> ActionKind {
        ActionKind::from_word(self.header.action).unwrap_or(ActionKind::Task)
    }

    /// Whether a target did not succeed, and how pressing that is: what may have been done to it and is not known comes first.
    pub(super) fn urgency(&self, row: &TargetResult) -> Option<u8> {
        if row.outcome.is_success(self.header.waits) {
            return None;
        }
        Some(match row.outcome {
            Outcome::InDoubt => 0,
            Outcome::Unconfirmed | Outcome::Accepted => 1,
            Outcome::Failed => 2,
            Outcome::Unresolved => 3,
            Outcome::NotSent => 4,
            Outcome::Refused | Outcome::Confirmed | Outcome::Already => 5,
        })
    }

    /// The targets that somebody has to look after, the most pressing first.
    pub(super) fn pressing(&self) -> Vec<&TargetResult> {
        let mut rows: Vec<(u8, &TargetResult)> =
            self.rows.iter().filter_map(|row| Some((self.urgency(row)?, row.as_ref()))).collect();
        rows.sort_by_key(|(urgency, row)| (*urgency, row.n));
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

/// While a run is under way, what it has not come to is not what it stopped before.
fn not_yet(row: &mut TargetResult) {
    let stopped = row.reason.as_ref().is_some_and(|failure| failure.kind == FailureKind::Stopped);
    let text = match row.outcome {
        Outcome::NotSent if stopped => "not sent yet: the run is under way",
        Outcome::InDoubt if stopped => "sent, and not answered yet: the run is under way",
        Outcome::Accepted if stopped => "accepted, and not confirmed yet: the run is under way",
        _ => return,
    };
    row.reason = Some(Failure::new(FailureKind::Stopped, text));
}

//! What journals know of indicators that runs have put in: when they are due, and whose they are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    cli::error::CommandError,
    domain::{
        action::ActionKind,
        id::RunId,
        indicator::Indicator,
        outcome::{ExitCode, Outcome},
    },
    journal::{JournalError, Replay, StateFolder, TargetReplay},
    vendors::{TakesBack, VendorName},
};

/// Where the journal keeps when what a run does is due to be taken back.
pub(super) const EXPIRES: &str = "expires";

/// Where it keeps which part of what is at the firewall's address the run is in.
pub(super) const PART: &str = "part";

/// The part that a run was in, if its journal tells.
pub(crate) fn part_of(replay: &Replay) -> Option<&str> {
    replay.header.options.get(PART).and_then(Value::as_str)
}

/// Where it keeps what alone may be taken back.
pub(super) const TAKES_BACK: &str = "takes_back";

/// What is written down of it.
pub(super) fn takes_back_record(takes_back: &TakesBack) -> Value {
    match takes_back {
        TakesBack::Run(run) => serde_json::json!({ "run": run.as_str() }),
        TakesBack::Due(at) => serde_json::json!({ "due": crate::clock::rfc3339(*at) }),
    }
}

fn damaged(what: &str) -> CommandError {
    CommandError::text(ExitCode::Journal, format!("the journal's `{what}` cannot be read"))
}

/// When what a run does is due to be taken back.
///
/// # Errors
///
/// [`CommandError`] if the journal says it in a way that this version does not understand.
pub(crate) fn expiry_of(replay: &Replay) -> Result<Option<Timestamp>, CommandError> {
    let Some(at) = replay.header.options.get(EXPIRES) else { return Ok(None) };
    at.as_str().and_then(|at| at.parse().ok()).map(Some).ok_or_else(|| damaged(EXPIRES))
}

/// What alone the run takes back.
///
/// # Errors
///
/// [`CommandError`] if the journal says it in a way that this version does not understand.
pub(crate) fn takes_back_of(replay: &Replay) -> Result<Option<TakesBack>, CommandError> {
    let Some(record) = replay.header.options.get(TAKES_BACK) else { return Ok(None) };
    let run = record.get("run").and_then(Value::as_str).and_then(|run| RunId::parse(run).ok()).map(TakesBack::Run);
    let due = record.get("due").and_then(Value::as_str).and_then(|at| at.parse().ok()).map(TakesBack::Due);
    run.or(due).map(Some).ok_or_else(|| damaged(TAKES_BACK))
}

/// Whether a run may have changed how a target stands: what was so before it was left alone.
fn changed(target: &TargetReplay) -> bool {
    let was_so = matches!(target.outcome(), Outcome::Already);
    let done =
        matches!(target.outcome(), Outcome::Confirmed | Outcome::Accepted | Outcome::InDoubt | Outcome::Unconfirmed);
    done && !was_so && target.attempts > 0
}

/// Whether a run has tried to put a target in and failed: something of it may be left that blocks nothing, and has its mark.
fn may_be_left(target: &TargetReplay, kind: ActionKind) -> bool {
    kind == ActionKind::Block && target.outcome() == Outcome::Failed && target.attempts > 0
}

/// The indicators that a run has changed, as they have to be changed back: never what was so before it.
pub(crate) fn undone_of(replay: &Replay, kind: ActionKind) -> Vec<String> {
    let reached = match kind {
        ActionKind::Block => "blocked",
        _ => "not_blocked",
    };
    let was_so = |target: &&TargetReplay| target.record.before.as_deref() == Some(reached);
    let targets = replay
        .targets
        .iter()
        .filter(|target| changed(target) || may_be_left(target, kind))
        .filter(|target| !was_so(target));
    targets.filter_map(|target| target.record.id.as_deref().map(str::to_owned)).collect()
}

/// An indicator that the journals have as put in, and due to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    /// The indicator.
    pub(crate) indicator: Indicator,
    /// When it is due.
    pub(crate) expires: Timestamp,
}

/// What the journals have as put into a firewall with a time to go, and not taken out since. `unread` is told of journals
/// that cannot be read: they may know of more.
///
/// # Errors
///
/// [`JournalError`] if the folder cannot be read.
pub(crate) fn pending(
    journals: &StateFolder,
    vendor: VendorName,
    (address, part): (&str, Option<&str>),
    unread: &mut dyn FnMut(&RunId, &JournalError),
) -> Result<Vec<Pending>, JournalError> {
    let mut last: BTreeMap<Indicator, (Timestamp, Option<Timestamp>)> = BTreeMap::new();
    for run in journals.names()? {
        let replay = match journals.replay(&run) {
            Ok(replay) => replay,
            Err(error) => {
                unread(&run, &error);
                continue;
            }
        };
        let header = &replay.header;
        let kind = ActionKind::from_word(&header.action);
        let same_part = part_of(&replay).zip(part).is_none_or(|(its, ours)| its == ours);
        let ours = header.vendor == vendor.word() && header.console == address && same_part && !header.simulated;
        let (Some(kind @ (ActionKind::Block | ActionKind::Unblock)), true) = (kind, ours) else { continue };
        let expires = expiry_of(&replay).ok().flatten();
        for target in &replay.targets {
            let gone = kind == ActionKind::Unblock && target.outcome() == Outcome::Already;
            if !changed(target) && !gone {
                continue;
            }
            let Some(Ok(parsed)) = target.record.id.as_deref().map(Indicator::parse) else { continue };
            let now = (replay.started, expires.filter(|_| kind == ActionKind::Block));
            let entry = last.entry(parsed.indicator).or_insert(now);
            if entry.0 <= now.0 {
                *entry = now;
            }
        }
    }
    let due = last.into_iter().filter_map(|(indicator, (_, expires))| Some(Pending { indicator, expires: expires? }));
    Ok(due.collect())
}

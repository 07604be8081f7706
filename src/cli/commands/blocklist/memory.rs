//! What journals know of indicators that runs have put in: when they are due, and whose they are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    cli::{context::Context, error::CommandError},
    domain::{
        action::ActionKind,
        id::RunId,
        indicator::Indicator,
        outcome::{ExitCode, Outcome},
    },
    journal::{Header, JournalError, Replay, StateFolder, TargetReplay},
    vendors::{TakesBack, VendorName},
};

/// Where the journal keeps when what a run does is due to be taken back.
pub(super) const EXPIRES: &str = "expires";

/// Where it keeps which part of what is at the firewall's address the run is in.
pub(super) const PART: &str = "part";

/// The part that a run was in, if its journal tells.
pub(crate) fn part_of(replay: &Replay) -> Option<&str> {
    part_in(&replay.header)
}

/// The same of its header.
pub(crate) fn part_in(header: &Header) -> Option<&str> {
    header.options.get(PART).and_then(Value::as_str)
}

/// Where it keeps that the list it was made of said of itself that some of it was missing.
pub(super) const INCOMPLETE: &str = "incomplete";

/// Whether the list that a run was made of said that some of it was missing.
pub(crate) fn is_incomplete(header: &Header) -> bool {
    header.options.get(INCOMPLETE).and_then(Value::as_bool).unwrap_or_default()
}

/// How such a run ends: all that is there may have succeeded, and that is not all.
pub(crate) fn exit_of(exit: ExitCode, incomplete: bool) -> ExitCode {
    if incomplete && exit == ExitCode::Success { ExitCode::SomeFailed } else { exit }
}

/// Says so.
pub(crate) fn tell_incomplete(header: &Header, context: &Context) {
    if is_incomplete(header) {
        context.ui.warn(&format!(
            "the list that run {} was made of said that it was not whole: there are indicators that it did not have",
            header.run
        ));
    }
}

/// Where it keeps what alone may be taken back.
pub(crate) const TAKES_BACK: &str = "takes_back";

/// What is written down of it.
pub(super) fn takes_back_record(takes_back: &TakesBack) -> Value {
    match takes_back {
        TakesBack::Run(run) => serde_json::json!({ "run": run.as_str() }),
        TakesBack::Due(at) => serde_json::json!({ "due": crate::clock::rfc3339(*at) }),
        TakesBack::Time { of, to } => serde_json::json!({ "time_of": of.as_str(), "to": to.as_str() }),
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
    let run_at = |key: &str| record.get(key).and_then(Value::as_str).and_then(|run| RunId::parse(run).ok());
    let run = run_at("run").map(TakesBack::Run);
    let time = run_at("time_of").zip(run_at("to")).map(|(of, to)| TakesBack::Time { of, to });
    let due = record.get("due").and_then(Value::as_str).and_then(|at| at.parse().ok()).map(TakesBack::Due);
    run.or(due).or(time).map(Some).ok_or_else(|| damaged(TAKES_BACK))
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

/// What a run has given another time to, though it was blocked before: by the run whose time held then, and that time. What no
/// journal here knows an earlier time of is told by its number.
///
/// # Errors
///
/// [`JournalError`] if the folder cannot be read.
pub(crate) fn retimed_of(journals: &StateFolder, replay: &Replay) -> Result<(Retimed, u64), JournalError> {
    let header = &replay.header;
    let was_so = |target: &&TargetReplay| changed(target) && target.record.before.as_deref() == Some("blocked");
    let ids: Vec<&str> =
        replay.targets.iter().filter(was_so).filter_map(|target| target.record.id.as_deref()).collect();
    let (mut found, mut unknown) = (Retimed::new(), 0);
    if ids.is_empty() {
        return Ok((found, unknown));
    }
    let mut last: BTreeMap<String, (Timestamp, Option<Held>)> = BTreeMap::new();
    for run in journals.names()?.into_iter().filter(|run| *run != header.run) {
        // A journal that cannot be read may know more, and then nothing is found.
        let Ok(earlier) = journals.replay(&run) else { continue };
        let its = &earlier.header;
        let same = its.vendor == header.vendor && its.console == header.console && its.simulated == header.simulated;
        if !same || part_of(&earlier) != part_of(replay) || earlier.started > replay.started {
            continue;
        }
        let Some(kind @ (ActionKind::Block | ActionKind::Unblock)) = ActionKind::from_word(&its.action) else {
            continue;
        };
        let wanted = match takes_back_of(&earlier) {
            Ok(Some(TakesBack::Time { to, .. })) => to,
            _ => its.run.clone(),
        };
        let Ok(expires) = expiry_of(&earlier) else { continue };
        let put_in = (kind == ActionKind::Block).then_some((wanted, expires));
        for target in earlier.targets.iter().filter(|target| changed(target)) {
            let Some(id) = target.record.id.as_deref().filter(|id| ids.contains(id)) else { continue };
            let entry = last.entry(id.to_owned()).or_insert_with(|| (earlier.started, put_in.clone()));
            if entry.0 <= earlier.started {
                *entry = (earlier.started, put_in.clone());
            }
        }
    }
    for id in ids {
        match last.get(id) {
            Some((_, Some(earlier))) => found.entry(earlier.clone()).or_default().push(id.to_owned()),
            _ => unknown += 1,
        }
    }
    Ok((found, unknown))
}

/// The run whose time holds for an indicator, and that time.
type Held = (RunId, Option<Timestamp>);

/// Indicators by the run whose time held for them, and that time.
pub(crate) type Retimed = BTreeMap<Held, Vec<String>>;

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
            let is_out = target.outcome() == Outcome::Already || target.is_left_to_others();
            let gone = kind == ActionKind::Unblock && is_out;
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

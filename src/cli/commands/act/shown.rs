//! What would be done, told in the words and shapes of a run.

use std::sync::Arc;

use crate::{
    cli::{commands::prepare, context::Context},
    clock,
    domain::{
        action::{ActionKind, Thing},
        failure::{Failure, FailureKind},
        outcome::{Counts, Ending, ExitCode, Outcome, RunStats},
    },
    engine::{
        event::{Listener, RunEvent, RunEventKind, RunHeader, TargetResult},
        roster::Roster,
    },
};

/// Whether a rule of ours forbids every host. One that the console cannot act on is no rule: that is a run that failed.
pub(in crate::cli::commands) fn all_protected(roster: &Roster) -> bool {
    let protected = |n: u32| {
        let settled = roster.detail(n).and_then(|detail| detail.settled.as_ref());
        let reason = settled.and_then(|settled| settled.reason.as_ref());
        reason.is_some_and(|reason| reason.kind.is_a_rule())
    };
    !roster.is_empty() && (0..roster.len()).all(protected)
}

/// Tells what would be done, in the same words and shapes as a run.
pub(in crate::cli::commands) fn tell_plan(
    header: &Arc<RunHeader>,
    roster: &Roster,
    verb: &str,
    requests: u64,
    listener: &mut dyn Listener,
) -> Counts {
    let started = tokio::time::Instant::now();
    let mut stats = RunStats { total: u64::from(roster.len()), requests, ..RunStats::default() };
    let mut tell = |kind: RunEventKind, stats: &RunStats| {
        listener.on_event(&RunEvent { at: clock::now(), elapsed: started.elapsed(), stats: stats.clone(), kind });
    };
    tell(RunEventKind::RunStarted(Arc::clone(header)), &stats);
    for n in 0..roster.len() {
        let Some(result) = planned(roster, n, verb) else { continue };
        stats.settled.add(result.outcome);
        tell(RunEventKind::TargetSettled(Arc::new(result)), &stats);
    }
    tell(RunEventKind::RunFinished(Ending::Completed), &stats);
    stats.settled
}

/// Tells for which targets nothing would be sent, where standard output has only what would be.
pub(in crate::cli::commands) fn tell_left_out(roster: &Roster, verb: &str, context: &Context) -> Counts {
    let mut counts = Counts::default();
    for result in (0..roster.len()).filter_map(|n| planned(roster, n, verb)) {
        counts.add(result.outcome);
        if !matches!(result.outcome, Outcome::NotSent | Outcome::Already) {
            let reason = result.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            context.ui.warn(&format!("{} is {}{reason}", result.target, result.outcome.word()));
        }
    }
    counts
}

pub(in crate::cli::commands) fn planned(roster: &Roster, n: u32, verb: &str) -> Option<TargetResult> {
    let item = roster.item(n)?;
    let detail = roster.detail(n);
    let settled = detail.and_then(|detail| detail.settled.clone());
    let thing = ActionKind::from_word(verb).map_or(Thing::Host, ActionKind::lands_on).word();
    let (outcome, reason) = settled.map_or_else(
        || {
            (
                Outcome::NotSent,
                Some(Failure::new(FailureKind::DryRun, format!("dry run: it would {verb} this {thing}"))),
            )
        },
        |settled| (settled.outcome, settled.reason),
    );
    let now = clock::now();
    Some(TargetResult {
        n,
        target: Arc::clone(&item.written),
        file: roster.file(n).cloned(),
        line: item.line,
        vendor: None,
        host: item.host.clone(),
        name: detail.and_then(|detail| detail.name.clone()),
        outcome,
        state: detail.and_then(|detail| detail.before.as_ref()).map(|state| prepare::shared(&state.word)),
        last_seen: detail.and_then(|detail| detail.last_seen.clone()),
        attempts: 0,
        ticket: None,
        reason,
        candidates: detail.map(|detail| detail.candidates.clone()).unwrap_or_default(),
        duplicates: detail.map(|detail| detail.duplicates.clone()).unwrap_or_default(),
        note: detail.and_then(|detail| detail.note.clone()),
        wave: Some(roster.wave(n)).filter(|wave| *wave > 0),
        started: now,
        finished: now,
    })
}

/// A dry run succeeds if a run could: every target is a host that is so already or would be acted on.
pub(in crate::cli::commands) fn dry_run_exit(counts: &Counts) -> ExitCode {
    let fine = counts.get(Outcome::NotSent) + counts.get(Outcome::Already);
    if fine == counts.total() { ExitCode::Success } else { ExitCode::SomeFailed }
}

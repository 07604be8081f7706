//! A journal as commands speak of it: the run and its targets as they are told, and what is left of them.
//!
//! Whoever goes on with a run, repeats it or reports it reads it the same way.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use super::{act, auto, back, prepare, session::Session};
use crate::{
    cli::{context::Context, error::CommandError},
    clock,
    domain::{
        action::{ActionKind, Thing},
        failure::{Failure, FailureKind},
        host::{HostId, HostState, Isolation},
        id::Ticket,
        outcome::{Ending, ExitCode, Outcome},
        selector::Entry,
    },
    engine::{
        Resumed,
        event::{Candidate, Duplicate, RunHeader, SEVERAL, TargetResult},
        plan::{Protection, States, Wish},
        resolve::Rules,
        roster::{Detail, Roster},
    },
    journal::{Header, Need, Phase, Record, Replay, Resumed as ResumedRecord, StateFolder, TargetReplay},
    simulator::{Fleet, Wanted},
    vendors::{
        Inventory, VendorName,
        kaspersky::{Task, TaskKind, tasks::IocLimits},
    },
};

/// A run belongs to the console that it began with.
pub(super) fn elsewhere(began: &str, of: &str, now: &str) -> CommandError {
    CommandError::text(
        ExitCode::Refused,
        format!("this run belongs to {began}{of}, and the configuration speaks to {now}; nothing was sent"),
    )
    .hint("choose the run's own configuration with `--config` or `--profile`")
}

/// How much accepted work a run allowed the console to have at once when it began.
pub(super) fn wave_of(header: &Header) -> Option<NonZeroUsize> {
    let wave = header.options.get(act::WAVE).and_then(serde_json::Value::as_u64)?;
    NonZeroUsize::new(usize::try_from(wave).ok()?)
}

/// The record of somebody's going on with a run.
pub(super) fn resumption(journals: &StateFolder, wait: Option<Duration>) -> Result<Record, CommandError> {
    let turn = Some(journals.take_turn()?);
    Ok(Record::Resumed(ResumedRecord {
        user: act::user(),
        host: act::machine(),
        pid: std::process::id(),
        waits: wait.map(act::whole_seconds),
        turn,
    }))
}

/// Ends what another run has done the opposite to since, or does now: what is newer holds.
pub(super) fn settle_opposed(replay: &Replay, roster: &mut Roster, waits: bool, opposed: &back::Crossed) {
    if opposed.is_empty() {
        return;
    }
    for (n, target) in (0_u32..).zip(&replay.targets) {
        let may_be_sent = matches!(target.needs(waits), Need::Send | Need::Look);
        let why = target.record.id.as_deref().filter(|_| may_be_sent).and_then(|id| opposed.get(&HostId::new(id)));
        if let Some(why) = why {
            roster.detail_mut(n).follows = false;
            roster.settle(n, Outcome::Refused, Some(why.clone()));
        }
    }
}

/// What a run does, by its journal.
pub(super) fn kind_of(replay: &Replay) -> Result<ActionKind, CommandError> {
    match ActionKind::from_word(&replay.header.action) {
        // What there is an action for is that action, and not a task, whichever command it was.
        Some(kind) => Ok(kind),
        None if replay.header.options.contains_key(act::TASK) => Ok(ActionKind::Task),
        None => Err(unknown_action(replay)),
    }
}

fn unknown_action(replay: &Replay) -> CommandError {
    CommandError::text(
        ExitCode::Journal,
        format!("this version cannot go on with a run that does `{}`", replay.header.action),
    )
}

/// The run's word for what it does.
fn word_of(replay: &Replay) -> Result<&'static str, CommandError> {
    match kind_of(replay)? {
        ActionKind::Task => {
            TaskKind::from_word(&replay.header.action).map(TaskKind::word).map_err(|_| unknown_action(replay))
        }
        kind => Ok(kind.word()),
    }
}

/// The task that the run has hosts carry out.
pub(super) fn task_of(replay: &Replay) -> Result<Option<Task>, CommandError> {
    let Some(task) = replay.header.options.get(act::TASK) else { return Ok(None) };
    Task::from_json(&task.to_string(), &IocLimits::default())
        .map(Some)
        .map_err(|error| CommandError::new(ExitCode::Journal, error).context("read the task out of the journal"))
}

pub(super) fn vendor_of(replay: &Replay) -> Result<VendorName, CommandError> {
    VendorName::from_word(&replay.header.vendor).ok_or_else(|| {
        CommandError::text(
            ExitCode::Journal,
            format!("this version does not know the console `{}`", replay.header.vendor),
        )
    })
}

/// The simulated fleet of a rehearsal ended with it; it is made again as the journal left it.
pub(super) fn simulated_fleet(replay: &Replay, kind: ActionKind) -> Result<Option<Fleet>, CommandError> {
    if !replay.header.simulated {
        return Ok(None);
    }
    if kind.lands_on() == Thing::Indicator {
        // A simulated firewall has no hosts. It begins as it is made, and what is left is done to that.
        return Ok(Some(Fleet::of_size(1)));
    }
    let done = |target: &TargetReplay| {
        matches!(target.outcome(), Outcome::Accepted | Outcome::Confirmed | Outcome::Already | Outcome::Unconfirmed)
    };
    let wanted = replay.targets.iter().filter_map(|target| {
        let isolated = (kind == ActionKind::Isolate) == done(target);
        let id = target.record.id.as_deref()?;
        Some(Wanted { id: Some(id), name: target.record.name.as_deref(), isolated, ..Wanted::default() })
    });
    Fleet::of_targets(wanted).map(Some).map_err(|error| {
        CommandError::new(ExitCode::Journal, error).context("make the simulated fleet from the journal")
    })
}

/// The list may have grown since the run began: what was not sent yet is held against it again. Where one request tells the
/// states and abilities of all hosts, these are checked again as well, as they were for the plan.
#[expect(clippy::too_many_arguments, reason = "each is one thing that the check depends on")]
pub(super) async fn check_protected(
    session: &mut Session,
    replay: &Replay,
    roster: &mut Roster,
    waits: bool,
    kind: ActionKind,
    protection: &Protection,
    vendor: VendorName,
    cancel: &crate::engine::cancel::Cancel,
    context: &Context,
) -> Result<(), CommandError> {
    let capabilities = session.console.vendor.capabilities();
    let whole = capabilities.inventory == Inventory::Whole || capabilities.looks_first;
    if protection.is_empty() && !whole {
        return Ok(());
    }
    let may_be_sent = |target: &TargetReplay| matches!(target.needs(waits), Need::Send | Need::Look);
    let numbered = (0_u32..).zip(&replay.targets).filter(|(_, target)| may_be_sent(target));
    let (numbers, entries): (Vec<u32>, Vec<Entry>) =
        numbered.filter_map(|(n, target)| Some((n, prepare::entry_of(target.record.id.as_deref()?, vendor)?))).unzip();
    let mut checked = Roster::new(&entries, vec![None], Vec::new());
    let mut tell = prepare::teller(context);
    let wish = Wish {
        kind: Some(kind),
        protection,
        states: States::Incidentally,
        rules: Rules::default(),
        follows: waits,
        keeps_hosts: false,
        product: None,
        queues: replay.header.options.contains_key(act::QUEUE_OFFLINE),
    };
    let planned =
        crate::engine::plan::plan(&mut session.console, &entries, &mut checked, wish, cancel, &mut tell).await;
    if let Err(halt) = planned {
        return Err(prepare::failed(session, halt));
    }
    for (place, n) in (0_u32..).zip(numbers) {
        let settled = checked.detail(place).and_then(|detail| detail.settled.clone());
        let in_doubt = replay.targets.get(n as usize).is_some_and(|target| target.needs(waits) == Need::Look);
        // A detail is made for the few that need one: a list may be long.
        if !in_doubt && checked.detail(place).is_some_and(|detail| detail.follows) {
            roster.detail_mut(n).follows = true;
        }
        // What is in doubt is looked at whatever the list says: it may have been done. It is not sent again.
        if let Some(settled) = settled.as_ref().filter(|settled| in_doubt && settled.outcome == Outcome::Refused) {
            roster.detail_mut(n).barred = settled.reason.clone().map(Box::new);
        }
        let Some(settled) = settled.filter(|_| !in_doubt) else { continue };
        if whole {
            roster.detail_mut(n).before = checked.detail(place).and_then(|detail| detail.before.clone());
        }
        if whole || settled.outcome == Outcome::Refused {
            roster.settle(n, settled.outcome, settled.reason);
        }
    }
    Ok(())
}

pub(super) fn standing(target: &TargetReplay, waits: bool) -> Resumed {
    let attempts = target.attempts;
    match (target.needs(waits), &target.phase) {
        (Need::Send, _) => Resumed::Unsent { attempts },
        (Need::Look, _) => Resumed::InDoubt { attempts },
        (Need::Poll, phase) => Resumed::Awaiting { attempts, ticket: ticket_of(phase) },
        (Need::Nothing, Phase::Accepted { .. }) => Resumed::Accepted { attempts },
        (Need::Nothing, _) => Resumed::Settled(target.outcome()),
    }
}

fn ticket_of(phase: &Phase) -> Option<Ticket> {
    let ticket = match phase {
        Phase::Accepted { ticket, .. } => ticket.clone(),
        Phase::Settled(settlement) => settlement.ticket.clone(),
        Phase::Unsent { .. } | Phase::InDoubt { .. } => None,
    };
    ticket.map(|ticket| Ticket(Some(ticket)))
}

pub(super) fn roster_of(replay: &Replay) -> Roster {
    let mut roster = Roster::default();
    for target in &replay.targets {
        let record = &target.record;
        let detail = Detail {
            name: record.name.clone(),
            // Only the console's word is kept; what it means is asked anew.
            before: record
                .before
                .as_ref()
                .map(|word| HostState { isolation: Isolation::Unknown, word: word.to_string().into() }),
            last_seen: None,
            candidates: candidates_of(target),
            duplicates: duplicates_of(target),
            settled: None,
            note: record.note.clone(),
            follows: false,
            host: None,
            barred: None,
            allowed: None,
        };
        let host = record.id.as_ref().map(|id| HostId::new(Arc::clone(id)));
        roster.push(Arc::clone(&record.t), record.f.clone(), record.l, host, detail);
        roster.set_wave(record.n, record.w);
    }
    roster
}

/// The part of the plan that may still be sent, for the question.
pub(super) fn left_to_act(replay: &Replay, roster: &Roster, waits: bool) -> Roster {
    let mut left = Roster::default();
    for (n, target) in (0_u32..).zip(&replay.targets) {
        let refused = roster.detail(n).is_some_and(|detail| detail.settled.is_some() || detail.follows);
        if matches!(target.needs(waits), Need::Send | Need::Look) && !refused {
            let record = &target.record;
            let host = record.id.as_ref().map(|id| HostId::new(Arc::clone(id)));
            let detail = Detail { name: record.name.clone(), ..Detail::default() };
            left.push(Arc::clone(&record.t), record.f.clone(), record.l, host, detail);
            left.set_wave(left.len().saturating_sub(1), record.w);
        }
    }
    left
}

fn candidates_of(target: &TargetReplay) -> Vec<Candidate> {
    let candidates = target.record.candidates.iter();
    candidates
        .map(|candidate| Candidate {
            id: HostId::new(Arc::clone(&candidate.id)),
            name: candidate.name.clone(),
            last_seen: candidate.last_seen.clone(),
            product: candidate.product.clone(),
            state: candidate.state.clone(),
            vendor: candidate.vendor.clone(),
        })
        .collect()
}

fn duplicates_of(target: &TargetReplay) -> Vec<Duplicate> {
    let duplicates = target.record.dup.iter();
    duplicates.map(|also| Duplicate { target: Arc::clone(&also.t), file: also.f.clone(), line: also.l }).collect()
}

/// The run as it is told.
pub(crate) fn header_of(replay: &Replay, waits: bool, resumed: bool) -> Result<RunHeader, CommandError> {
    let (vendor, console_name) = if replay.header.vendor == SEVERAL {
        (SEVERAL, auto::NAME)
    } else {
        let vendor = vendor_of(replay)?;
        (vendor.word(), vendor.console())
    };
    Ok(RunHeader {
        run: replay.header.run.clone(),
        vendor,
        console_name,
        console: replay.header.console.clone(),
        action: word_of(replay)?,
        waits,
        simulated: replay.header.simulated,
        resumed,
        dry_run: false,
        targets: replay.targets.len() as u64,
        started: if resumed { clock::now() } else { replay.started },
    })
}

/// A target as its journal tells it.
pub(crate) fn result_of(target: &TargetReplay, replay: &Replay) -> TargetResult {
    let record = &target.record;
    let settled = target.settled();
    let stopped = |text: &str| Some(Failure::new(FailureKind::Stopped, text));
    let reason = match &target.phase {
        Phase::Settled(settlement) => settlement.failure(),
        Phase::Unsent { failure: Some(failure) } => Some((**failure).clone()),
        Phase::Unsent { failure: None } => stopped("the run stopped before this host"),
        Phase::InDoubt { .. } => stopped("sent, and not known what came of it"),
        Phase::Accepted { .. } if replay.header.waits.is_some() => stopped("accepted, and not confirmed"),
        Phase::Accepted { .. } => None,
    };
    let at = settled.and_then(|settled| settled.finished).unwrap_or(replay.last_at);
    TargetResult {
        n: record.n,
        target: Arc::clone(&record.t),
        file: record.f.clone(),
        line: record.l,
        vendor: record.v.as_deref().and_then(VendorName::from_word).map(VendorName::word),
        host: record.id.as_ref().map(|id| HostId::new(Arc::clone(id))),
        name: record.name.clone(),
        outcome: target.outcome(),
        state: settled.and_then(|settled| settled.state.clone()),
        last_seen: settled.and_then(|settled| settled.last_seen.clone()),
        attempts: target.attempts,
        ticket: ticket_of(&target.phase).and_then(|ticket| ticket.0).map(|ticket| prepare::shared(&ticket)),
        reason,
        candidates: candidates_of(target),
        duplicates: duplicates_of(target),
        note: record.note.clone(),
        wave: Some(record.w).filter(|wave| *wave > 0),
        started: target.first_sent.or(settled.and_then(|settled| settled.started)).unwrap_or(at),
        finished: at,
    }
}

/// The end that a journal tells, in our words.
pub(crate) fn ending_of(replay: &Replay) -> Ending {
    let Some((_, end)) = replay.ends.last() else { return Ending::Interrupted };
    let text = end.text.clone().unwrap_or_default();
    match end.ending.as_str() {
        "completed" => Ending::Completed,
        "quota_wait" => {
            let seconds = text.trim_end_matches(" s").parse().unwrap_or_default();
            Ending::QuotaWait(Duration::from_secs(seconds))
        }
        "no_room" => Ending::NoRoom(text),
        "halted" => Ending::Halted(text),
        "table_full" => Ending::TableFull(text),
        "folder_failed" => Ending::FolderFailed(text),
        "credentials_lost" => Ending::CredentialsLost(text),
        "certificate_lost" => Ending::CertificateLost(text),
        "console_lost" => Ending::ConsoleLost(text),
        "journal_failed" => Ending::JournalFailed(text),
        _ => Ending::Interrupted,
    }
}

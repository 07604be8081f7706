//! From an earlier run to what takes it back, and to what is left of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Back, Earlier, History, Look, RERUNS, Reading, UNDOES, history, record_of};
use crate::{
    domain::{
        action::ActionKind,
        failure::{Failure, FailureKind},
        host::HostId,
        id::RunId,
        outcome::Outcome,
        selector::{IdForm, Selector},
    },
    journal::{JournalError, Replay, Since, StateFolder, TargetReplay},
    reporters::words,
    vendors::{Repeat, VendorName},
};

/// What takes a run back, and the journals that it was read from. No host where nothing is left of what the run did.
pub(crate) fn taken_back(
    journals: &StateFolder,
    replay: &Replay,
    kind: ActionKind,
    vendor: VendorName,
) -> Result<(Back, History), JournalError> {
    let id_form = vendor.id_form();
    let header = &replay.header;
    let ids: HashSet<HostId> =
        replay.targets.iter().filter_map(|target| Some(HostId::new(target.record.id.as_deref()?))).collect();
    let is_here = |other: &crate::journal::Header| other.vendor == header.vendor && other.console == header.console;
    let history = history::read(journals, Some(&ids), is_here)?;
    let mut back = Back {
        console: header.console.clone(),
        options: BTreeMap::from([(UNDOES.to_owned(), record_of(&header.run))]),
        takes_back: true,
        ..Back::default()
    };
    let (mut before, mut gone, mut wanted) = (0, 0, 0);
    for target in &replay.targets {
        let Some(mut host) = Earlier::of_id(target, &header.run, id_form) else { continue };
        let Some(id) = host.id() else { continue };
        match history.ledger.since(&id, &header.run) {
            Since::Untouched => {
                before += u64::from(target.outcome() == Outcome::Already);
                continue;
            }
            Since::TakenBack(_) => {
                gone += 1;
                continue;
            }
            // What the console does not keep, journals do.
            Since::Stands { .. }
                if vendor.driver().takes.keeps_no_state && history.ledger.so_before(&id, &header.run).is_some() =>
            {
                before += 1;
                continue;
            }
            Since::Stands { look } => {
                host.look = match (target.outcome(), look) {
                    (Outcome::InDoubt, _) => Look::Must,
                    (_, true) => Look::IfTold,
                    (_, false) => Look::No,
                };
            }
            Since::Wanted(by) => {
                wanted += 1;
                let other_way = kind.undone_by().map(ActionKind::word).unwrap_or_default();
                let text = format!(
                    "run {by}, a later one, wants it so, too (`{}`): it is left as it is; `edrctl {other_way}` with its id acts on it \
                     whatever runs want",
                    kind.word()
                );
                host.leave = Some(Failure::new(FailureKind::OtherRun, text));
            }
        }
        back.hosts.push(host);
    }
    let mut say = |count: u64, what: &str| {
        if count > 0 {
            back.says.push(format!("{} left: {what}", words::hosts(count)));
        }
    };
    say(before, "so before that run");
    say(gone, "taken back since");
    say(wanted, "a later run wants them so");
    Ok((back, history))
}

/// Which targets are the same in a run and in those that do it again.
type Written<'a> = (Option<&'a str>, u32, &'a str);

fn written(target: &TargetReplay) -> Written<'_> {
    (target.record.f.as_deref(), target.record.l, &target.record.t)
}

/// The targets of a run that have succeeded neither in it nor in one that did it again, each with its last outcome.
pub(crate) fn left_of<'a, 'r>(
    replay: &'a Replay,
    reruns: impl Iterator<Item = &'r Replay>,
) -> Vec<(&'a TargetReplay, Outcome)> {
    // By what was written and by host: one line may name several hosts.
    let mut last: HashMap<Written<'_>, Vec<(Option<HostId>, Outcome)>> = HashMap::new();
    for (run, target) in reruns.flat_map(|run| run.targets.iter().map(move |target| (run, target))) {
        let host = target.record.id.as_deref().map(HostId::new);
        let outcome = success_or(target.outcome(), run.header.waits.is_some());
        // Who has sent nothing knows no better what came of what was sent before.
        if target.attempts == 0 && !outcome.is_success(true) {
            continue;
        }
        last.entry(written(target)).or_default().push((host, outcome));
    }
    let left = replay.targets.iter().filter_map(|target| {
        let id = target.record.id.as_deref().map(HostId::new);
        let later = last.get(&written(target)).map(Vec::as_slice).unwrap_or_default();
        let same = |host: &Option<HostId>| id.is_none() || *host == id;
        let mut outcomes = later.iter().filter(|(host, _)| same(host)).map(|(_, outcome)| *outcome);
        let own = success_or(target.outcome(), replay.header.waits.is_some());
        let is_done = |outcome: Outcome| outcome.is_success(true);
        let done = is_done(own) || outcomes.clone().any(is_done);
        (!done).then(|| (target, outcomes.next_back().unwrap_or(own)))
    });
    left.collect()
}

/// What does the targets of a run again that are left. `again`: how a repeat goes at this console.
pub(crate) fn done_again(
    replay: &Replay,
    left: &[(&TargetReplay, Outcome)],
    kind: ActionKind,
    again: Repeat,
    id_form: fn(&str) -> IdForm,
) -> Back {
    let header = &replay.header;
    let reading = Reading::of_record(replay);
    let host =
        |(target, now): &(&TargetReplay, Outcome)| host_of(target, &header.run, *now, (kind, again), &reading, id_form);
    Back {
        hosts: left.iter().filter_map(host).collect(),
        console: header.console.clone(),
        options: BTreeMap::from([(RERUNS.to_owned(), record_of(&header.run))]),
        ..Back::default()
    }
}

/// An outcome, with a success that was all the run asked for called one.
fn success_or(outcome: Outcome, waited: bool) -> Outcome {
    if outcome.is_success(waited) { Outcome::Confirmed } else { outcome }
}

fn host_of(
    target: &TargetReplay,
    run: &RunId,
    now: Outcome,
    (kind, again): (ActionKind, Repeat),
    reading: &Reading,
    id_form: fn(&str) -> IdForm,
) -> Option<Earlier> {
    let unresolved = target.outcome() == Outcome::Unresolved || target.record.id.is_none();
    if unresolved {
        let selector = Selector::parse(&target.record.t, reading.by, id_form).ok()?;
        return Some(Earlier {
            selector,
            file: target.record.f.clone(),
            line: target.record.l,
            name: None,
            run: run.clone(),
            look: Look::No,
            knows_before: false,
            unproven: false,
            leave: None,
        });
    }
    let mut host = Earlier::of_id(target, run, id_form)?;
    host.look = super::host::look_of(now);
    // What leaves no state behind can be looked at by nobody but the run that asked for it.
    let is_work = kind.undone_by().is_none() && again == Repeat::Unsafe;
    if is_work && matches!(now, Outcome::InDoubt | Outcome::Unconfirmed | Outcome::Accepted) {
        let text =
            format!("it may have been carried out, and a second time can do harm: `edrctl resume {run}` asks first");
        host.leave = Some(Failure::new(FailureKind::Conflict, text));
    }
    Some(host)
}

//! Hosts that another run holds against this one: it does the opposite to them now, or has done so since.

use std::collections::{HashMap, HashSet};

use super::{
    EXPIRED, UNDOES,
    due::{was_seen, was_taken},
    history,
    judge::reopen,
};
use crate::{
    cli::{context::Context, error::CommandError},
    clock,
    domain::{
        action::{ActionKind, Thing},
        failure::{Failure, FailureKind},
        host::HostId,
        id::RunId,
        outcome::Outcome,
    },
    engine::roster::Roster,
    journal::{Course, Header, JournalError, Need, Replay, Since, StateFolder, TargetReplay},
    vendors::VendorName,
};

/// Hosts that are held, each with why.
pub(crate) type Crossed = HashMap<HostId, Failure>;

/// Of a plan's hosts, those that another run does the opposite to now. Firm while the folder's gate is kept, else a foretaste.
pub(crate) fn crossed_now(journals: &StateFolder, header: &Header, roster: &Roster) -> Result<Crossed, JournalError> {
    let Some(course) = course(header) else { return Ok(Crossed::new()) };
    let open = |n: &u32| {
        let settled = roster.detail(*n).and_then(|detail| detail.settled.as_ref());
        settled.is_none_or(|settled| settled.outcome == Outcome::Already)
    };
    let hosts: HashSet<HostId> = (0..roster.len()).filter(open).filter_map(|n| roster.item(n)?.host.clone()).collect();
    Ok(under_way(journals.crossed(course, &hosts)?, course.kind))
}

/// Of the hosts that a run is to take back, those that are no longer its to take back: since the journals were read, another run has
/// wanted them so, or has taken them back. Firm while the folder's gate is kept.
///
/// A question may stand for minutes, and a quota be waited for longer: what held when the plan was made is read once more.
pub(crate) fn overtaken(journals: &StateFolder, header: &Header, roster: &Roster) -> Result<Crossed, JournalError> {
    let undone = header.options.get(UNDOES).and_then(serde_json::Value::as_str).and_then(|run| RunId::parse(run).ok());
    let expires = header.options.contains_key(EXPIRED);
    let Some(kind) = course(header).map(|course| course.kind).filter(|kind| {
        // What is ours in a firewall carries a mark, which is read again for each object.
        kind.lands_on() == Thing::Host && (undone.is_some() || expires)
    }) else {
        return Ok(Crossed::new());
    };
    let hosts: HashSet<HostId> = roster.to_act().filter_map(|n| roster.item(n)?.host.clone()).collect();
    if hosts.is_empty() {
        return Ok(Crossed::new());
    }
    // Two that take the same back at once would both ask for it.
    let same = kind.undone_by().map(|kind| Course {
        run: &header.run,
        vendor: &header.vendor,
        console: &header.console,
        kind,
    });
    let in_hand = same.map(|same| journals.crossed(same, &hosts)).transpose()?.unwrap_or_default();
    let mut held: Crossed = in_hand
        .into_iter()
        .map(|(host, run)| {
            let why = format!("run {run} is under way and does the same to it; it is left to that run");
            (host, Failure::new(FailureKind::OtherRun, why))
        })
        .collect();
    let is_here = |other: &Header| other.vendor == header.vendor && other.console == header.console;
    let mut history = history::read(journals, Some(&hosts), is_here)?;
    // It may say that a host is to stay.
    if let Some((_, error)) = history.unread.pop() {
        return Err(error);
    }
    if let Some(run) = undone {
        let why = |host: &HostId| match history.ledger.since(host, &run) {
            Since::Wanted(by) => {
                let so = kind.undone_by().map(ActionKind::word).unwrap_or_default();
                Some(format!("run {by}, which began meanwhile, wants it so, too (`{so}`): it is left as it is"))
            }
            Since::TakenBack(by) => Some(format!("run {by}, which began meanwhile, has taken it back")),
            Since::Stands { .. } | Since::Untouched => None,
        };
        let overtaken = hosts.into_iter().filter_map(|host| {
            let why = why(&host)?;
            Some((host, Failure::new(FailureKind::OtherRun, why)))
        });
        held.extend(overtaken);
        return Ok(held);
    }
    let now = clock::now();
    let keeps_no_state =
        VendorName::from_word(&header.vendor).is_some_and(|vendor| vendor.driver().takes.keeps_no_state);
    let pending = history.ledger.pending(if keeps_no_state { was_taken } else { was_seen });
    let due = pending.into_iter().filter(|pending| pending.due.is_some_and(|due| due <= now));
    let due: HashSet<HostId> = due.map(|pending| pending.id).collect();
    let left = hosts.into_iter().filter(|host| !due.contains(host));
    let why = "a run that began meanwhile wants it to stay, or has put it back: it is left as it is";
    held.extend(left.map(|host| (host, Failure::new(FailureKind::OtherRun, why))));
    Ok(held)
}

/// The same before anybody is asked, so that the plan tells it. What it ends stays ended, whatever becomes of the other run.
pub(crate) fn foretell_crossed(header: &Header, roster: &mut Roster, context: &Context) -> Result<(), CommandError> {
    let Some(course) = course(header).map(|course| course.kind) else { return Ok(()) };
    if course.undone_by().is_none() || roster.is_empty() {
        return Ok(());
    }
    let journals = context.journals()?;
    // Where nobody may write there is no gate, and no run that could be crossed.
    let Ok(_gate) = tokio::task::block_in_place(|| journals.gate()) else { return Ok(()) };
    // Plans of runs under way may be long, and other tasks of this thread go on elsewhere meanwhile.
    let crossed = tokio::task::block_in_place(|| crossed_now(&journals, header, roster))?;
    settle_crossed(roster, &crossed);
    tokio::task::block_in_place(|| doubt(&journals, header, roster))?;
    Ok(())
}

/// How long a request of ours that nobody saw carried out is thought to be on its way, where a list is acted on.
const ON_ITS_WAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// Has hosts asked that were found as they are wanted, where a run of the last hour asked for the opposite and did not see it: some consoles
/// show the old state until the host has answered.
pub(crate) fn doubt(journals: &StateFolder, header: &Header, roster: &mut Roster) -> Result<(), JournalError> {
    let opposite = course(header).and_then(|course| course.kind.undone_by());
    let Some(opposite) = opposite.filter(|kind| kind.lands_on() == Thing::Host) else { return Ok(()) };
    let already = |n: &u32| {
        let settled = roster.detail(*n).and_then(|detail| detail.settled.as_ref());
        settled.is_some_and(|settled| settled.outcome == Outcome::Already && settled.reason.is_none())
    };
    let already: HashMap<HostId, u32> =
        (0..roster.len()).filter(already).filter_map(|n| Some((roster.item(n)?.host.clone()?, n))).collect();
    if already.is_empty() {
        return Ok(());
    }
    let now = clock::now();
    let mut on_their_way: HashSet<u32> = HashSet::new();
    for entry in journals.runs()? {
        let Ok(summary) = entry.summary else { continue };
        let recent = now.duration_since(summary.last_at) < ON_ITS_WAY;
        let opposes = summary.header.action == opposite.word() && !summary.header.simulated;
        let is_here = |head: &Header| head.vendor == header.vendor && head.console == header.console;
        if !recent || !opposes || !summary.header.heads().iter().any(is_here) {
            continue;
        }
        // One that cannot be read says nothing here: it is looked for damage where that keeps hosts cut off.
        let Ok(replay) = journals.replay(&entry.run) else { continue };
        let pieces = replay.apart().pieces.into_iter().filter(|piece| is_here(&piece.replay.header));
        for target in pieces.flat_map(|piece| piece.replay.targets) {
            let unproven = matches!(target.outcome(), Outcome::Accepted | Outcome::Unconfirmed | Outcome::InDoubt);
            let n = target.record.id.as_deref().and_then(|id| already.get(&HostId::new(id)));
            on_their_way.extend(n.filter(|_| unproven));
        }
    }
    for n in on_their_way {
        reopen(roster, n);
    }
    Ok(())
}

/// Ends the hosts that are held.
pub(crate) fn settle_crossed(roster: &mut Roster, crossed: &Crossed) {
    if crossed.is_empty() {
        return;
    }
    for n in 0..roster.len() {
        let why = roster.item(n).and_then(|item| crossed.get(item.host.as_ref()?));
        if let Some(why) = why {
            roster.detail_mut(n).follows = false;
            roster.settle(n, Outcome::Refused, Some(why.clone()));
        }
    }
}

/// Of what a run that is gone on with may still send, the hosts that another run does the opposite to now, or has since this
/// one last heard of them.
pub(crate) fn opposed(journals: &StateFolder, replay: &Replay, waits: bool) -> Result<Crossed, JournalError> {
    let header = &replay.header;
    let Some(course) = course(header) else { return Ok(Crossed::new()) };
    let may_be_sent = |wanted: Need| matches!(wanted, Need::Send | Need::Look);
    let left = replay.targets.iter().filter(|target| may_be_sent(target.needs(waits)));
    let left: HashMap<HostId, &TargetReplay> =
        left.filter_map(|target| Some((HostId::new(target.record.id.as_deref()?), target))).collect();
    let hosts: HashSet<HostId> = left.keys().cloned().collect();
    let mut crossed = under_way(journals.crossed(course, &hosts)?, course.kind);
    if hosts.is_empty() {
        return Ok(crossed);
    }
    let is_here = |other: &Header| other.vendor == header.vendor && other.console == header.console;
    let history = history::read(journals, Some(&hosts), is_here)?;
    // One that cannot be read cannot keep anybody from going on: the gate has seen those that are under way.
    for (host, target) in left {
        let after = history.ledger.heard_of(target, replay);
        if let Some(by) = history.ledger.opposed_since(&host, &header.run, course.kind, after) {
            crossed.entry(host).or_insert_with(|| since(by, course.kind));
        }
    }
    Ok(crossed)
}

fn course(header: &Header) -> Option<Course<'_>> {
    let kind = ActionKind::from_word(&header.action).filter(|_| !header.simulated)?;
    Some(Course { run: &header.run, vendor: &header.vendor, console: &header.console, kind })
}

fn under_way(crossed: HashMap<HostId, RunId>, kind: ActionKind) -> Crossed {
    let opposite = kind.undone_by().map(ActionKind::word).unwrap_or_default();
    let why = |run: &RunId| {
        let text = format!(
            "run {run} is under way and has this {} to {opposite}; it is left to that run, or to be asked again when that is over",
            kind.lands_on().word()
        );
        Failure::new(FailureKind::OtherRun, text)
    };
    crossed.into_iter().map(|(host, run)| (host, why(&run))).collect()
}

fn since(run: &RunId, kind: ActionKind) -> Failure {
    let opposite = kind.undone_by().map(ActionKind::word).unwrap_or_default();
    let text = format!("run {run} has done the opposite since (`{opposite}`), and what is newer holds");
    Failure::new(FailureKind::OtherRun, text)
}

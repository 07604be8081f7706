//! What is now, held against what a plan says: one host that is not what it was, and nothing of the plan is done.

use super::applied::{Applied, duplicates};
use crate::{
    cli::{commands::back::is_other_name, error::CommandError},
    domain::{
        action::ActionKind,
        failure::{Failure, FailureKind},
        host::{HostId, HostState, Isolation},
        outcome::{ExitCode, Outcome},
    },
    engine::{
        event::Candidate,
        roster::{Detail, Roster},
    },
    plan_file::{Mark, State, Target},
    reporters::{clean::clean, words},
};

/// Changes that are told one by one.
const SHOWN: usize = 20;

impl Applied {
    /// Holds what was found against the plan, and adds the targets that nothing is done to. `found` has those that something is to
    /// be done to, in the plan's order.
    ///
    /// In a rehearsal hosts are made up, so that only what keeps them from being acted on counts.
    pub(crate) fn hold(&self, mut found: Roster, simulated: bool) -> Result<Roster, CommandError> {
        let mut roster = Roster::default();
        let mut changes: Vec<String> = Vec::new();
        let (mut next, mut acted) = (0_u32, 0_u64);
        for target in &self.plan.targets {
            if !target.is_good() {
                push_left(&mut roster, target);
                continue;
            }
            acted += 1;
            // What was folded into another target is missing.
            let is_it =
                found.item(next).is_some_and(|item| *item.written == *target.target && item.line == target.line)
                    && found.file(next).map(|file| &**file) == target.file.as_deref();
            if !is_it {
                changes.push(told(target, "it and another target were two hosts, and are one now"));
                continue;
            }
            let n = next;
            next += 1;
            if let Some(change) = change(&found, n, target, self.kind, simulated) {
                changes.push(told(target, &change));
                continue;
            }
            let host = found.item(n).and_then(|item| item.host.clone());
            let detail = found.detail_mut(n);
            detail.host = None;
            let detail = Detail { duplicates: duplicates(target), ..detail.clone() };
            roster.push(
                target.target.as_str().into(),
                target.file.as_deref().map(Into::into),
                target.line,
                host,
                detail,
            );
        }
        // Every further line was folded into its host, unless it leads elsewhere.
        for item in (next..found.len()).filter_map(|n| found.item(n)) {
            let line = clean(&item.written);
            changes.push(format!(
                "`{line}` (line {}): it named one of the plan's hosts again, and does not now",
                item.line
            ));
        }
        if changes.is_empty() { Ok(roster) } else { Err(stale(&changes, acted)) }
    }
}

/// A target that nothing is done to ends as the plan says.
fn push_left(roster: &mut Roster, target: &Target) {
    let code = target.reason.as_ref().and_then(|reason| FailureKind::from_word(&reason.code));
    let text = target.reason.as_ref().map_or_else(|| target.mark.words().to_owned(), |reason| reason.text.clone());
    let candidate = |candidate: &crate::plan_file::Candidate| Candidate {
        id: HostId::new(candidate.id.as_str()),
        name: candidate.name.as_deref().map(Into::into),
        last_seen: candidate.last_seen.as_deref().map(Into::into),
        vendor: None,
        product: None,
        state: None,
    };
    let state = target.state.as_ref().zip(target.means);
    let detail = Detail {
        name: target.name.as_deref().map(Into::into),
        before: state.map(|(word, means)| HostState { isolation: means.meant(), word: word.clone().into() }),
        last_seen: target.last_seen.as_deref().map(Into::into),
        candidates: target.candidates.iter().map(candidate).collect(),
        duplicates: duplicates(target),
        note: target.note.as_deref().map(Into::into),
        ..Detail::default()
    };
    let host = target.id.as_deref().map(HostId::new);
    roster.push(target.target.as_str().into(), target.file.as_deref().map(Into::into), target.line, host, detail);
    let failure = Failure::new(code.unwrap_or_else(|| target.mark.failure()), text);
    // What is not acted on has an outcome.
    let outcome = target.mark.outcome().unwrap_or(Outcome::Refused);
    roster.settle(roster.len() - 1, outcome, Some(failure));
}

/// What is not as the plan says.
fn change(found: &Roster, n: u32, target: &Target, kind: ActionKind, simulated: bool) -> Option<String> {
    let detail = found.detail(n);
    let settled = detail.and_then(|detail| detail.settled.as_ref());
    let because = |what: &str| {
        let reason = settled.and_then(|settled| settled.reason.as_ref());
        reason.map_or_else(|| what.to_owned(), |reason| format!("{what}: {reason}"))
    };
    let outcome = settled.map(|settled| settled.outcome);
    let why = settled.and_then(|settled| settled.reason.as_ref()).map(|reason| reason.kind);
    match (outcome, Mark::of(outcome.map(|outcome| (outcome, why)))) {
        (None | Some(Outcome::Already), _) => {}
        (_, Mark::NotFound) => return Some(because("it is not found now")),
        (_, Mark::Ambiguous) => return Some(because("it is ambiguous now")),
        (_, Mark::Protected) => return Some(because("it is protected now")),
        (_, Mark::Offline) => return Some(because("it is offline now")),
        (_, Mark::OtherRun) => return Some(because("it is in another run now")),
        _ => return Some(because("it is not capable now")),
    }
    let host = found.item(n).and_then(|item| item.host.as_ref());
    let id = target.id.as_deref().unwrap_or_default();
    if host != Some(&HostId::new(id)) {
        let now = host.map(ToString::to_string).unwrap_or_default();
        return Some(format!("it was the host `{id}`, and is `{now}` now"));
    }
    if simulated {
        return None;
    }
    other_machine(detail, target).or_else(|| other_state(detail, outcome, target, kind))
}

/// Why it may be another machine than it was.
fn other_machine(detail: Option<&Detail>, target: &Target) -> Option<String> {
    let now = detail.and_then(|detail| detail.name.as_deref());
    if let Some(before) = target.name.as_deref() {
        match now {
            Some(now) if !is_other_name(before, now) => {}
            Some(now) => return Some(format!("it was called `{before}`, and is called `{now}` now")),
            None => return Some(format!("it was called `{before}`, and has no name now")),
        }
    }
    let macs = macs_of(detail);
    let other = !macs.is_empty() && !target.macs.is_empty() && !macs.iter().any(|mac| target.macs.contains(mac));
    other.then(|| format!("its MAC addresses were {}, and are {} now", target.macs.join(", "), macs.join(", ")))
}

/// The MAC addresses of a host that was kept, as a plan has them.
pub(super) fn macs_of(detail: Option<&Detail>) -> Vec<String> {
    let host = detail.and_then(|detail| detail.host.as_deref());
    let mut macs: Vec<String> =
        host.map(|host| host.macs.iter().map(ToString::to_string).collect()).unwrap_or_default();
    macs.sort();
    macs.dedup();
    macs
}

/// How it stands otherwise than it did.
fn other_state(detail: Option<&Detail>, outcome: Option<Outcome>, target: &Target, kind: ActionKind) -> Option<String> {
    let follows = detail.is_some_and(|detail| detail.follows);
    let is_so = outcome == Some(Outcome::Already) || follows;
    let now = detail.and_then(|detail| detail.before.as_ref());
    match target.mark {
        Mark::Already if is_so => None,
        Mark::Already => Some("it was so already, and is not any more".to_owned()),
        _ if is_so => Some(format!("it was to be acted on ({kind}), and is so already now")),
        _ => {
            let told = |state: State| state.meant() != Isolation::NotTold;
            let before = target.means.filter(|state| told(*state));
            let means = now.map(|state| State::of(state.isolation)).filter(|state| told(*state));
            let word = |word: Option<&str>| word.map_or_else(|| "not told".to_owned(), |word| format!("`{word}`"));
            (before != means).then(|| {
                let (before, now) = (word(target.state.as_deref()), word(now.map(|state| &*state.word)));
                format!("its state was {before}, and is {now} now")
            })
        }
    }
}

/// One change, with the target that it is of.
fn told(target: &Target, change: &str) -> String {
    let at = target.file.as_deref().unwrap_or("standard input");
    let name = target.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
    clean(&format!("  {at}:{}: {}{name}: {change}", target.line, target.target)).into_owned()
}

fn stale(changes: &[String], acted: u64) -> CommandError {
    let count = changes.len() as u64;
    let have = if count == 1 { "has" } else { "have" };
    let targets = words::count(acted, "target", "targets");
    let mut text = format!(
        "the plan does not hold any more: {} of {targets} {have} changed since; nothing was sent",
        words::number(count)
    );
    for change in changes.iter().take(SHOWN) {
        text.push('\n');
        text.push_str(change);
    }
    if changes.len() > SHOWN {
        text.push_str(&format!("\n  and {} more", words::number((changes.len() - SHOWN) as u64)));
    }
    CommandError::text(ExitCode::Refused, text).hint("make a new plan, and look at it, with `edrctl plan`")
}

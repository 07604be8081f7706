//! Holds what is known of hosts from earlier against what the console says of them now.

use std::{collections::HashMap, sync::Arc};

use super::{Back, Earlier, Look, is_other_name};
use crate::{
    cli::{
        commands::{prepare, session::Session},
        context::Context,
        error::CommandError,
    },
    domain::{
        action::{ActionKind, Observed, Standing, Target},
        failure::{Failure, FailureKind},
        host::{HostId, HostState, Isolation},
        outcome::Outcome,
        selector::Selector,
    },
    engine::{cancel::Cancel, roster::Roster},
    reporters::clean::clean,
};

impl Back {
    /// Judges the hosts of a plan. What the plan has ended stays ended, unless it only found the host to be so already.
    pub(crate) async fn judge(
        &self,
        session: &mut Session,
        roster: &mut Roster,
        (kind, follows): (ActionKind, bool),
        cancel: &Cancel,
        context: &Context,
    ) -> Result<(), CommandError> {
        let known: HashMap<HostId, &Earlier> = self.hosts.iter().filter_map(|host| Some((host.id()?, host))).collect();
        let deed = Deed { kind, takes_back: self.takes_back, follows };
        find_unread(session, roster, &known, deed, cancel, context).await?;
        let mut to_look: Vec<(u32, Looked)> = Vec::new();
        for n in 0..roster.len() {
            let Some(host) = roster.item(n).and_then(|item| known.get(item.host.as_ref()?)) else { continue };
            if self.takes_back && host.unproven && reopen(roster, n) {
                continue;
            }
            let detail = roster.detail(n);
            if detail.is_some_and(|detail| detail.settled.is_some()) {
                continue;
            }
            let now = detail.and_then(|detail| detail.name.clone());
            if let Some(failure) = renamed(host, now.as_deref()) {
                roster.settle(n, Outcome::Refused, Some(failure));
                continue;
            }
            if detail.is_some_and(|detail| detail.name.is_none()) || detail.is_none() {
                roster.detail_mut(n).name.clone_from(&host.name);
            }
            if let Some(why) = &host.leave {
                roster.settle(n, Outcome::Refused, Some(why.clone()));
            } else if host.look != Look::No {
                to_look.push((n, Looked { look: host.look, knows_before: host.knows_before }));
            }
        }
        look(session, roster, deed, &to_look, cancel, context).await
    }
}

/// What is done.
#[derive(Clone, Copy)]
struct Deed {
    kind: ActionKind,
    takes_back: bool,
    /// Whether hosts that are on their way are waited for.
    follows: bool,
}

/// Why a host is looked at.
#[derive(Clone, Copy)]
struct Looked {
    look: Look,
    knows_before: bool,
}

/// Reads hosts that the plan has not read because a listing was too dear, where the console gives each by its id: what it is called
/// now tells whether it is the same machine, and how it stands whether anything is to be done.
async fn find_unread(
    session: &mut Session,
    roster: &mut Roster,
    known: &HashMap<HostId, &Earlier>,
    deed: Deed,
    cancel: &Cancel,
    context: &Context,
) -> Result<(), CommandError> {
    if !session.console.vendor.capabilities().finds_ids {
        return Ok(());
    }
    let mut tell = prepare::teller(context);
    for n in 0..roster.len() {
        let unread = roster.detail(n).is_none_or(|detail| detail.settled.is_none() && detail.before.is_none());
        let Some(id) = roster.item(n).and_then(|item| item.host.clone()).filter(|_| unread) else { continue };
        let Some(host) = known.get(&id).filter(|host| host.name.is_some() || host.look != Look::No) else { continue };
        let selectors: Arc<[Selector]> = Arc::new([host.selector.clone()]);
        let asked = session.console.ask(cancel, &mut tell, move |vendor| {
            let selectors = Arc::clone(&selectors);
            async move { vendor.find(&selectors).await }
        });
        let found = asked.await.map_err(|halt| prepare::failed(session, halt))?;
        match found.into_iter().find(|found| found.id == id) {
            Some(found) => {
                roster.resolve(n, &found);
                let same = renamed(host, found.name.as_deref()).is_none();
                if let Some(state) = found.state.filter(|_| same && host.leave.is_none()) {
                    take(roster, n, Looked { look: Look::No, knows_before: true }, deed, state);
                }
            }
            None => {
                let failure = Failure::new(FailureKind::NotFound, "the console knows no such host");
                roster.settle(n, Outcome::Unresolved, Some(failure));
            }
        }
    }
    Ok(())
}

/// Why this is not the host that it was; `None` where it is, or the console does not tell.
fn renamed(host: &Earlier, now: Option<&str>) -> Option<Failure> {
    let (before, now) = (host.name.as_deref()?, now?);
    if !is_other_name(before, now) {
        return None;
    }
    let text = format!(
        "the host of this id is called `{}` now, and was `{}` in run {}: it may be another machine; `edrctl unisolate` or \
         `isolate` with its id acts on it all the same",
        clean(now),
        clean(before),
        host.run
    );
    Some(Failure::new(FailureKind::Renamed, text))
}

/// Looks at hosts of which nobody knows what became of them.
async fn look(
    session: &mut Session,
    roster: &mut Roster,
    deed: Deed,
    hosts: &[(u32, Looked)],
    cancel: &Cancel,
    context: &Context,
) -> Result<(), CommandError> {
    let mut unseen: Vec<(u32, Looked)> = Vec::new();
    for (n, look) in hosts.iter().copied() {
        match roster.detail(n).and_then(|detail| detail.before.clone()) {
            Some(state) => take(roster, n, look, deed, state),
            None => unseen.push((n, look)),
        }
    }
    let most = session.console.vendor.capabilities().max_observe;
    if most == 0 {
        unseen.into_iter().for_each(|(n, look)| untold(roster, n, look));
        return Ok(());
    }
    let mut tell = prepare::teller(context);
    for part in unseen.chunks(most) {
        let targets: Arc<[Target]> = part
            .iter()
            .filter_map(|(n, _)| roster.item(*n)?.host.clone())
            .map(|id| Target { id, name: None, ticket: None })
            .collect();
        let asked = session.console.ask(cancel, &mut tell, move |vendor| {
            let targets = Arc::clone(&targets);
            async move { vendor.observe(&targets).await }
        });
        let seen = asked.await.map_err(|halt| prepare::failed(session, halt))?;
        let mut seen = seen.into_iter();
        for (n, look) in part.iter().copied() {
            match seen.next() {
                Some(Observed::State { state, last_seen, .. }) => {
                    let detail = roster.detail_mut(n);
                    detail.before = Some(state.clone());
                    detail.last_seen = last_seen.as_deref().map(Into::into);
                    take(roster, n, look, deed, state);
                }
                Some(Observed::NoSuchHost) => {
                    let failure = Failure::new(FailureKind::NotFound, "the console knows no such host");
                    roster.settle(n, Outcome::Unresolved, Some(failure));
                }
                None => untold(roster, n, look),
            }
        }
    }
    Ok(())
}

/// Has a host that was found as it is wanted asked all the same: a request for the opposite is on its way to it, as far as anybody
/// knows. Whether it was one of these.
pub(super) fn reopen(roster: &mut Roster, n: u32) -> bool {
    let is_already = |detail: &crate::engine::roster::Detail| {
        detail.settled.as_ref().is_some_and(|settled| settled.outcome == Outcome::Already && settled.reason.is_none())
    };
    if !roster.detail(n).is_some_and(is_already) {
        return false;
    }
    let detail = roster.detail_mut(n);
    detail.settled = None;
    // What it was before is what the earlier request makes of it, and nobody knows that.
    detail.before = None;
    let note =
        "the console shows it so, but an earlier request for the opposite was never seen carried out, and may still be";
    detail.note = Some(note.into());
    true
}

/// Takes what a look has shown.
fn take(roster: &mut Roster, n: u32, looked: Looked, deed: Deed, state: HostState) {
    let Deed { kind, takes_back, follows } = deed;
    let look = looked.look;
    match (kind.standing(state.isolation), state.isolation) {
        // It stands as it would after a release, and our own request may still come after this look.
        (Standing::Reached, _) if takes_back && looked.knows_before && look != Look::No => {
            roster.settle(n, Outcome::Already, None);
            reopen(roster, n);
        }
        // Whoever wants proof waits for it, as for any host that was on its way.
        (Standing::Heading, _) if follows => roster.detail_mut(n).follows = true,
        (Standing::Reached | Standing::Heading, _) => roster.settle(n, Outcome::Already, None),
        (_, Isolation::NotTold | Isolation::Unknown) => untold(roster, n, looked),
        _ if takes_back && look == Look::Must && !looked.knows_before => {
            let text = "that run never learnt what became of its request, nor how the host was before: it may be somebody else's \
                        doing, and is left; its id with `edrctl unisolate` or `isolate` acts on it all the same";
            roster.settle(n, Outcome::Refused, Some(Failure::new(FailureKind::Conflict, text)));
        }
        _ if takes_back && look != Look::No => {
            let note = "that run did not learn what became of its request; the console shows that it was carried out";
            let note = if look == Look::Must { note } else { "that run did not see its request confirmed" };
            roster.detail_mut(n).note = Some(note.into());
        }
        _ => {}
    }
}

/// Ends a host of which no look can tell whether the earlier run changed it.
fn untold(roster: &mut Roster, n: u32, looked: Looked) {
    if looked.look == Look::Must {
        let text = "that run never learnt what became of its request, and the console does not tell the host's state: \
                    `edrctl resume` of that run asks it";
        roster.settle(n, Outcome::Refused, Some(Failure::new(FailureKind::Conflict, text)));
    }
}

//! From what was written to what will be done: the inventory is read if it must be, selectors become hosts, and each
//! host is held against the protected list, its own state and what its console can do.
//!
//! Nothing here changes a console. A run and a dry run go through the same door.

use std::{collections::HashSet, sync::Arc};

use super::{
    cancel::Cancel,
    console::{Console, Halt, Notice},
    event::Candidate,
    resolve::{CUT, Near, Resolution, Resolver, Rules},
    roster::Roster,
};
use crate::domain::{
    action::{ActionKind, Standing, Thing},
    failure::{Failure, FailureKind},
    host::{Host, HostId, HostState, Isolation},
    outcome::Outcome,
    selector::{Entry, Selector, SelectorKind},
};
use crate::vendors::Inventory;

mod named;
mod protection;
mod watch;

pub use named::look_up;
use protection::Verdict;
pub use protection::{Allowance, Guarded, NOTHING, Protection};
use watch::{Watch, is_about_the_list};

/// Whether the states of hosts are wanted beside their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum States {
    /// Only if the inventory is read for another reason.
    Incidentally,
    /// If one listing costs no more requests than there are targets.
    IfCheap,
    /// Of each target, in whichever way costs less.
    Each,
    /// Whatever it costs: a host counts as there only if the console shows it, an id as well as a name.
    Always,
}

/// What a plan is made for.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The action; `None` to read states only.
    pub kind: Option<ActionKind>,
    /// What is protected, and what is allowed all the same.
    pub protection: &'a Protection,
    /// Whether states are wanted.
    pub states: States,
    /// What else than equality names a host.
    pub rules: Rules,
    /// Whether a host that is on its way already is waited for: it has not arrived until it is seen there.
    pub follows: bool,
    /// Whether the hosts are kept as the inventory has them, to be shown.
    pub keeps_hosts: bool,
    /// The product whose agents alone the inventory shows.
    pub product: Option<&'a str>,
    /// Whether hosts are sent to that the console has lost touch with.
    pub queues: bool,
}

/// What came of reading the inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Whether the whole inventory was read.
    pub read: bool,
    /// Hosts in it.
    pub hosts: u64,
    /// It changed while it was read, and hosts may be missing from what was read.
    pub incomplete: bool,
    /// Lines that turned out to name a host that another line had named.
    pub folded: usize,
    /// The console does not list its hosts, so none could be held against what is protected without being written down.
    pub unwatched: bool,
    /// Hosts that were allowed although they are protected, and were not protected, or not among the targets.
    pub needless: Vec<Arc<str>>,
}

/// States that nobody must know are read for no more targets than this: each takes memory, and no eye reads so long a
/// list.
const MOST_STATES: u32 = 100_000;

/// The inventory moves while it is read page by page; it is read again until a whole reading fits its own count.
const MAX_READINGS: u32 = 3;

/// Resolves and checks every target of `roster`.
///
/// # Errors
///
/// [`Halt`] when the inventory must be read and cannot be: then nothing may be sent.
pub async fn plan(
    console: &mut Console,
    entries: &[Entry],
    roster: &mut Roster,
    wish: Wish<'_>,
    cancel: &Cancel,
    tell: &mut (dyn FnMut(Notice) + Send),
) -> Result<Survey, Halt> {
    let looked_up = entries.iter().any(|entry| entry.selector.kind() != SelectorKind::Id);
    let guarded = wish.kind.is_some() && wish.protection.needs_inventory();
    let capabilities = console.vendor.capabilities();
    let first = wish.kind.is_some() && capabilities.looks_first;
    let always = wish.states == States::Always;
    let guarded = guarded || always;
    let each = wish.states == States::Each;
    let singly = each && capabilities.finds_ids;
    let must = looked_up || guarded || first || capabilities.inventory == Inventory::Whole || each && !singly;
    let mut survey = Survey::default();
    let wanted = each || wish.states == States::IfCheap && roster.len() <= MOST_STATES;
    let mut resolver = (must || wanted).then(|| Resolver::new(entries.iter(), wish.rules));
    if let Some(resolver) = &mut resolver {
        let read = match console.vendor.capabilities().max_find {
            0 => read_inventory(console, resolver, must, roster.len(), cancel, tell).await,
            most => match find(console, entries, most, resolver, cancel, tell).await {
                // It cannot be asked so after all: then all are read, and compared as ever.
                Err(Halt::Failed(failure)) if failure.kind == FailureKind::Unsupported => {
                    read_inventory(console, resolver, must, roster.len(), cancel, tell).await
                }
                found => found,
            },
        };
        let read = match read {
            // Fewer targets than pages: each is asked for by its id.
            Ok(survey) if singly && !survey.read => find(console, entries, 1, resolver, cancel, tell).await,
            read => read,
        };
        survey = match read {
            // States would have been nice to know; a console that only lists badly can still isolate.
            Err(Halt::Failed(failure)) if !must && !each && is_about_the_list(failure.kind) => Survey::default(),
            read => read?,
        };
    }
    // For a million targets this is fifty megabytes, so it is held no longer than it is needed.
    let mut resolver = resolver.filter(|_| survey.read);
    let mut watch = Watch::default();
    if resolver.is_none() && wish.kind.is_some() && wish.protection.has_built_in() {
        watch = Watch::look(console, entries, wish.protection, cancel, tell).await?;
        survey.unwatched = !watch.complete;
    }
    for (n, entry) in (0_u32..).zip(entries) {
        if let Some(why) = console.vendor.cannot_find(&entry.selector) {
            roster.settle(n, Outcome::Unresolved, Some(Failure::new(FailureKind::Unsupported, why)));
            continue;
        }
        let resolution = resolver.as_mut().map(|resolver| resolver.take(n, entry.selector.named()));
        if let (None, Some(id)) = (&resolution, roster.item(n).and_then(|item| item.host.clone())) {
            judge_protected(roster, n, watch.verdict(&id));
            if let Some(state) = watch.state(&id) {
                roster.detail_mut(n).before = Some(state);
            }
        }
        settle(roster, n, entry.selector.kind(), resolution, wish, guarded, survey.incomplete);
    }
    drop(resolver);
    survey.needless = protection::settle_allowed(roster, wish.protection);
    // The same id written twice was folded when it was read; only what was looked up can still be a second name.
    if looked_up {
        survey.folded = roster.fold_same_hosts();
    }
    Ok(survey)
}

/// Asks for the hosts that the selectors may name, so many at a time. What fits is judged by the resolver, as ever.
async fn find(
    console: &mut Console,
    entries: &[Entry],
    most: usize,
    resolver: &mut Resolver,
    cancel: &Cancel,
    tell: &mut (dyn FnMut(Notice) + Send),
) -> Result<Survey, Halt> {
    let mut survey = Survey { read: true, ..Survey::default() };
    for part in entries.chunks(most) {
        let selectors: Arc<[Selector]> = part.iter().map(|entry| entry.selector.clone()).collect();
        let hosts = console
            .ask(cancel, tell, move |vendor| {
                let selectors = Arc::clone(&selectors);
                async move { vendor.find(&selectors).await }
            })
            .await?;
        survey.hosts += hosts.len() as u64;
        hosts.iter().for_each(|host| resolver.offer(host));
        tell(Notice::Listed { hosts: survey.hosts, total: None });
    }
    Ok(survey)
}

async fn read_inventory(
    console: &mut Console,
    resolver: &mut Resolver,
    must: bool,
    targets: u32,
    cancel: &Cancel,
    tell: &mut (dyn FnMut(Notice) + Send),
) -> Result<Survey, Halt> {
    let inventory = console.vendor.capabilities().inventory;
    let mut seen: HashSet<HostId> = HashSet::new();
    let mut survey = Survey { read: true, ..Survey::default() };
    for _ in 0..MAX_READINGS {
        let mut cursor = None;
        let mut cursors = HashSet::new();
        let mut total = None;
        let mut this_reading = 0_u64;
        let mut shrank = false;
        loop {
            let page = console.page(cursor.clone(), cancel, tell).await?;
            let first = cursor.is_none();
            // A host that goes moves one from a page that is to come onto a page that was read.
            shrank |= page.total.zip(total).is_some_and(|(now, before)| now < before);
            total = page.total.or(total);
            this_reading += page.hosts.len() as u64;
            for host in &page.hosts {
                if host.id.is_empty() || seen.insert(host.id.clone()) {
                    survey.hosts += 1;
                }
                resolver.offer(host);
            }
            tell(Notice::Listed { hosts: survey.hosts, total });
            let Some(next) = page.next else { break };
            if first && !must {
                // Two targets are not worth the listing of fifty thousand hosts.
                let pages = total.map_or(u64::MAX, |total| inventory.pages(total));
                if pages > u64::from(targets) {
                    return Ok(Survey::default());
                }
            }
            if !cursors.insert(next.clone()) {
                let text =
                    "the console's list of hosts leads in a circle: its `next` link names a page that was read already";
                return Err(Halt::Failed(Failure::new(FailureKind::Protocol, text)));
            }
            cursor = Some(next);
        }
        // What came in one answer was all there at one time.
        if inventory == Inventory::Whole {
            break;
        }
        survey.incomplete = shrank || total.is_some_and(|total| survey.hosts < total || this_reading < total);
        if !survey.incomplete {
            break;
        }
    }
    Ok(survey)
}

fn settle(
    roster: &mut Roster,
    n: u32,
    kind: SelectorKind,
    resolution: Option<Resolution>,
    wish: Wish<'_>,
    guarded: bool,
    incomplete: bool,
) {
    let unresolved = |roster: &mut Roster, kind, text: String, candidates: Vec<Candidate>| {
        roster.detail_mut(n).candidates = candidates;
        roster.settle(n, Outcome::Unresolved, Some(Failure::new(kind, text)));
    };
    match resolution {
        Some(Resolution::Host { host, .. }) if host.id.is_empty() => nameless(roster, n, &host),
        Some(Resolution::Host { host, cut, passed_over }) => {
            found(roster, n, *host, wish);
            if cut {
                add_note(roster, n, format!("the console's name is the first {CUT} characters of what was written"));
            }
            match passed_over {
                0 => {}
                1 => add_note(roster, n, "another host that fits is offline, and was passed over".to_owned()),
                more => add_note(roster, n, format!("{more} other hosts that fit are offline, and were passed over")),
            }
        }
        Some(Resolution::All { hosts }) => {
            let mut number = Some(n);
            for host in hosts {
                match number.take().or_else(|| roster.also(n)) {
                    Some(number) if host.id.is_empty() => nameless(roster, number, &host),
                    Some(number) => found(roster, number, host, wish),
                    None => {}
                }
            }
        }
        Some(Resolution::Several { candidates, fits }) => {
            let first = candidates.first().and_then(|candidate| candidate.product.as_deref());
            let by_product = candidates.iter().any(|candidate| candidate.product.as_deref() != first);
            let or_product = if by_product { ", or choose a product with `--product`" } else { "" };
            let text = format!("{fits} hosts fit, and none is taken: name one by its id{or_product}");
            unresolved(roster, FailureKind::Ambiguous, text, candidates);
        }
        Some(Resolution::None { near, why }) => match kind {
            // An id that a moving inventory did not show may still be there: then the console is the judge of it, unless
            // the protected list had to see the host first.
            SelectorKind::Id if !guarded && !incomplete => {
                roster.settle_missing(n, || Failure::new(FailureKind::NotFound, unknown("id", wish)));
            }
            SelectorKind::Id if !guarded => judge_id(roster, n, wish),
            SelectorKind::Id => {
                let text = match wish.product {
                    Some(product) => format!(
                        "no agent of product `{product}` has this id, so it cannot be checked against the protected list"
                    ),
                    None => {
                        "not in the console's inventory, so it cannot be checked against the protected list".to_owned()
                    }
                };
                unresolved(roster, FailureKind::NotFound, text, near);
            }
            SelectorKind::Name if !near.is_empty() => {
                let among = wish.product.map(|product| format!("; only agents of product `{product}` were looked at"));
                unresolved(roster, FailureKind::NotFound, nearly(why) + &among.unwrap_or_default(), near);
            }
            _ => {
                let what = match kind {
                    SelectorKind::Name => "name",
                    SelectorKind::Ip => "address",
                    _ => "MAC address",
                };
                unresolved(roster, FailureKind::NotFound, unknown(what, wish), near);
            }
        },
        None => judge_id(roster, n, wish),
    }
}

/// What is to be known of a host that is `already` what was asked for, and is not there yet.
pub(super) const ON_ITS_WAY: &str = "it was on its way before this run, and nothing was sent";

/// Adds to what is to be known of how a host was found.
fn add_note(roster: &mut Roster, n: u32, text: String) {
    let detail = roster.detail_mut(n);
    let note = detail.note.as_ref().map_or_else(|| text.clone(), |note| format!("{text}; {note}"));
    detail.note = Some(note.into());
}

/// Ends a target whose host cannot be spoken of to its console.
fn nameless(roster: &mut Roster, n: u32, host: &Host) {
    roster.detail_mut(n).name = host.name.as_deref().map(Into::into);
    let text = "the console lists this host without an id, so nothing can be asked for it";
    roster.settle(n, Outcome::Unresolved, Some(Failure::new(FailureKind::Protocol, text)));
}

/// Takes a host for a target.
fn found(roster: &mut Roster, n: u32, host: Host, wish: Wish<'_>) {
    roster.resolve(n, &host);
    let verdict = wish.kind.map_or(Verdict::Free, |_| wish.protection.judge(host.id.as_str(), Some(&host)));
    let refused = matches!(verdict, Verdict::Refused(_));
    judge_protected(roster, n, verdict);
    if let Some((outcome, reason)) = judge(&host, wish).filter(|_| !refused) {
        let standing = wish.kind.zip(host.state.as_ref()).map(|(kind, state)| kind.standing(state.isolation));
        let heading = outcome == Outcome::Already && standing == Some(Standing::Heading);
        if heading {
            roster.detail_mut(n).note = Some(ON_ITS_WAY.into());
        }
        if heading && wish.follows {
            roster.detail_mut(n).follows = true;
        } else {
            roster.settle(n, outcome, reason);
        }
    }
    if wish.keeps_hosts {
        roster.detail_mut(n).host = Some(Box::new(host));
    }
}

/// Nothing fits what was written.
fn unknown(what: &str, wish: Wish<'_>) -> String {
    match wish.product {
        Some(product) => {
            format!("no agent of product `{product}` has this {what}; one of another product may, without `--product`")
        }
        None => format!("the console knows no host with this {what}"),
    }
}

/// Why a host that nearly fits was not taken.
fn nearly(why: Near) -> String {
    match why {
        Near::OtherDomain => {
            "no host has this full name; a host with the same short name is shown, and not taken".to_owned()
        }
        Near::BareShared => {
            "no host has this full name, and more than one target has the same short name: nobody can say \
                             whose host it is"
                .to_owned()
        }
        Near::Cut => format!(
            "no host has this name; one whose name is its first {CUT} characters is shown, and not taken: \
             `--netbios` takes it"
        ),
        Near::CutElsewhere => format!(
            "no host has this full name; one whose name is its first {CUT} characters is in another domain: it is shown, \
             and not taken"
        ),
        Near::CutShared => format!(
            "no host has this name, and more than one target begins with the same {CUT} characters: nobody can say whose \
             host it is"
        ),
    }
}

/// All that can be said of a host of which only the id is known.
fn judge_id(roster: &mut Roster, n: u32, wish: Wish<'_>) {
    let id = roster.item(n).and_then(|item| item.host.clone());
    if let (Some(id), Some(_)) = (id, wish.kind) {
        judge_protected(roster, n, wish.protection.judge(id.as_str(), None));
    }
}

/// Ends a target whose host is protected, or notes that somebody has allowed it.
fn judge_protected(roster: &mut Roster, n: u32, verdict: Verdict) {
    match verdict {
        Verdict::Free => {}
        Verdict::Refused(failure) => roster.settle(n, Outcome::Refused, Some(failure)),
        Verdict::Allowed(number, failure) => roster.detail_mut(n).allowed = Some(Box::new((number, failure))),
    }
}

/// Ends a host that nothing must or need be sent to.
fn judge(host: &Host, wish: Wish<'_>) -> Option<(Outcome, Option<Failure>)> {
    let Some(kind) = wish.kind else {
        // Its state is all that was asked for, and here it is.
        return host.state.as_ref().map(as_read);
    };
    let standing = host.state.as_ref().map_or(Standing::Unknown, |state| kind.standing(state.isolation));
    match standing {
        Standing::Reached | Standing::Heading => Some((Outcome::Already, None)),
        Standing::Away | Standing::Unknown | Standing::Leaving if host.able.of(kind) == Some(false) => {
            // Whoever knows why says it.
            let why = host.caution.as_deref().filter(|_| kind.lands_on() == Thing::Indicator);
            let failure = match why {
                // What may not be taken out is somebody else's.
                Some(why) if host.able.release == Some(false) => Failure::new(FailureKind::NotOurs, why),
                Some(why) => Failure::new(FailureKind::NotCapable, why),
                None => {
                    let why = host.unable.map_or_else(|| not_capable(kind), ToOwned::to_owned);
                    Failure::new(FailureKind::NotCapable, why)
                }
            };
            Some((Outcome::Refused, Some(failure)))
        }
        _ if host.online == Some(false) && !wish.queues => {
            let seen =
                host.last_seen.as_deref().map(|seen| format!(", and last heard of it {seen}")).unwrap_or_default();
            let text = format!(
                "the console has lost touch with this host{seen}; nobody knows whether a request would wait for it: \
                 `--queue-offline` sends it all the same"
            );
            Some((Outcome::Refused, Some(Failure::new(FailureKind::Offline, text))))
        }
        _ => None,
    }
}

/// What the reading of a state comes to: one that the console does not keep is not read by asking for it.
pub(super) fn as_read(state: &HostState) -> (Outcome, Option<Failure>) {
    if state.isolation == Isolation::NotTold {
        let text = "the console does not tell whether a host is isolated: it keeps no attribute that says so";
        return (Outcome::Unconfirmed, Some(Failure::new(FailureKind::NotConfirmed, text)));
    }
    (Outcome::Confirmed, None)
}

/// Why a host that the console calls incapable is left alone.
pub(super) fn not_capable(kind: ActionKind) -> String {
    let verb = match kind {
        ActionKind::Isolate => "isolated",
        ActionKind::Unisolate => "put back",
        ActionKind::Task => return "the console says that this host has no agent that carries out tasks".to_owned(),
        ActionKind::Block => return "the firewall cannot block this indicator".to_owned(),
        ActionKind::Unblock => return "this indicator is not ours to take out".to_owned(),
    };
    format!(
        "the console says that this host cannot be {verb}: its policy, product, operating system or agent version rules it out"
    )
}

#[cfg(test)]
mod tests;

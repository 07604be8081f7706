//! How accepted work is confirmed: by reading states in rounds, one listing for many hosts, until a deadline.
//!
//! A round reads the inventory page by page. Where that would cost more requests than there are hosts to confirm, the
//! round looks at each of them instead.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    dispatcher::Dispatcher,
    pace::Permit,
    retry::{self, Next},
    slot::{Phase, Why},
    tell::shared,
};
use crate::{
    domain::{
        action::Standing,
        failure::{Failure, FailureKind},
        host::{HostId, HostState},
        outcome::Outcome,
    },
    journal::By,
    vendors::{Answer, Cursor, Inventory, Page, VendorError},
};

/// A host that was seen on its way and is back for so many looks has failed to get there.
const FALLEN_BACK: u32 = 2;

/// The hosts whose state is awaited, and how it is asked for.
#[derive(Debug)]
pub(super) struct Confirmation {
    wait: Option<Duration>,
    inventory: Inventory,
    /// How many hosts one look may be about; 0 where single hosts cannot be asked for.
    max_look: usize,
    /// Each host is asked after by its ticket; no listing would tell.
    polls: bool,
    awaiting: HashMap<HostId, u32>,
    deadline: Option<Instant>,
    next_round: Option<Instant>,
    /// When the next round would be if hosts were not being heard of.
    put_off: Option<Instant>,
    rounds: u32,
    round: Round,
    /// The pages that this round has been sent to; one that comes again leads in a circle.
    visited: HashSet<Cursor>,
    /// The round that began at the deadline is the last.
    last_round: bool,
    /// Hosts in the inventory, as the console last said.
    fleet: Option<u64>,
}

#[derive(Debug, PartialEq, Eq)]
enum Round {
    None,
    Listing { cursor: Option<Cursor>, under_way: bool, failures: u32, not_before: Option<Instant> },
    Looking,
}

impl Confirmation {
    pub(super) fn new(wait: Option<Duration>, inventory: Inventory, max_look: usize, polls: bool) -> Self {
        Self {
            wait,
            inventory,
            max_look,
            polls,
            awaiting: HashMap::new(),
            deadline: None,
            next_round: None,
            put_off: None,
            rounds: 0,
            round: Round::None,
            visited: HashSet::new(),
            last_round: false,
            fleet: None,
        }
    }

    /// More has been sent: its wait begins now.
    pub(super) fn begin_anew(&mut self) {
        self.deadline = None;
        self.last_round = false;
    }

    /// A wave begins: its wait is its own, and it is asked after as soon as the first was.
    pub(super) fn begin_wave(&mut self) {
        self.begin_anew();
        self.rounds = 0;
        self.next_round = None;
        self.put_off = None;
    }

    /// Whether accepted work is followed at all.
    pub(super) const fn is_wanted(&self) -> bool {
        self.wait.is_some()
    }

    pub(super) fn add(&mut self, id: HostId, n: u32) {
        self.awaiting.insert(id, n);
    }

    pub(super) fn remove(&mut self, id: &HostId) {
        self.awaiting.remove(id);
    }

    /// The number of a host that is awaited.
    pub(super) fn number_of(&self, id: &HostId) -> Option<u32> {
        self.awaiting.get(id).copied()
    }

    /// Has the next round begin then, if it would begin later.
    pub(super) fn hurry(&mut self, at: Instant) {
        self.next_round = self.next_round.map(|next| next.min(at));
    }

    /// Has the next round begin when it would if nobody were heard of.
    pub(super) fn is_not_quiet(&mut self) {
        if let Some(at) = self.put_off.take() {
            self.hurry(at);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.awaiting.len()
    }

    pub(super) fn is_over(&self) -> bool {
        self.awaiting.is_empty()
    }

    /// Whether a page of the inventory is to be read now.
    pub(super) fn wants_page(&self) -> bool {
        match &self.round {
            Round::Listing { under_way, not_before, .. } => {
                !under_way && !self.awaiting.is_empty() && not_before.is_none_or(|at| at <= Instant::now())
            }
            Round::None | Round::Looking => false,
        }
    }

    /// The page that is to be read; from now on it is under way.
    pub(super) fn next_page(&mut self) -> Option<Cursor> {
        match &mut self.round {
            Round::Listing { under_way, cursor, .. } => {
                *under_way = true;
                cursor.clone()
            }
            Round::None | Round::Looking => None,
        }
    }

    /// When something is due next.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.round {
            Round::None => self.next_round.filter(|_| !self.awaiting.is_empty()),
            Round::Listing { not_before, .. } => *not_before,
            Round::Looking => None,
        }
    }

    fn pages(&self) -> u64 {
        self.fleet.map_or(1, |hosts| self.inventory.pages(hosts).max(1))
    }

    /// How many requests it takes to look at all that are awaited.
    fn looks(&self) -> u64 {
        let most = if self.polls { 1 } else { self.max_look.max(1) };
        self.awaiting.len().div_ceil(most) as u64
    }

    fn looks_are_cheaper(&self) -> bool {
        // One look at many hosts is never dearer than a page of an inventory, of which there may be more.
        let one_look = self.max_look > 1 && self.looks() == 1 && self.inventory != Inventory::Whole;
        self.polls || one_look || self.max_look > 0 && self.pages() > self.looks()
    }
}

impl Dispatcher<'_> {
    /// Starts a round if it is time, and ends the wait if it is over.
    pub(super) fn confirm_if_due(&mut self) {
        let Some(wait) = self.confirmation.wait else { return };
        if self.confirmation.is_over() || self.is_draining() {
            return;
        }
        let now = Instant::now();
        let is_late = self.confirmation.deadline.is_some_and(|deadline| now >= deadline);
        if is_late && self.is_idle() && matches!(self.pace.ask(now), Permit::Wait { .. }) {
            // Nobody waits for the next window only to be told that the wait is over.
            return self.expire(wait);
        }
        if !self.sending_is_over() && !self.sending_is_held() {
            return;
        }
        if self.confirmation.round == Round::Looking {
            self.end_round();
        }
        if self.confirmation.round != Round::None {
            return;
        }
        let deadline = *self.confirmation.deadline.get_or_insert(now + wait);
        let first = self.limits.poll_first;
        let next = *self.confirmation.next_round.get_or_insert((now + first).min(deadline));
        if self.confirmation.last_round {
            self.expire(wait);
        } else if now >= next {
            if let Some(quiet) = self.hearing.quiet_until(now).filter(|quiet| *quiet > now && now < deadline) {
                self.confirmation.put_off.get_or_insert(next);
                self.confirmation.next_round = Some(quiet.min(deadline));
                return;
            }
            self.confirmation.put_off = None;
            self.hearing.asked();
            self.confirmation.rounds += 1;
            self.confirmation.last_round = now >= deadline;
            self.confirmation.visited.clear();
            if self.confirmation.looks_are_cheaper() {
                self.look_at_awaited();
            } else {
                self.confirmation.round =
                    Round::Listing { cursor: None, under_way: false, failures: 0, not_before: None };
            }
        }
    }

    fn look_at_awaited(&mut self) {
        self.confirmation.round = Round::Looking;
        let mut numbers: Vec<u32> = self.confirmation.awaiting.values().copied().collect();
        numbers.sort_unstable();
        for n in numbers {
            self.set_phase(n, Phase::Look(Why::Awaiting));
            self.enqueue(n, false);
        }
    }

    /// Ends a round, with or without all of its pages; the next one may tell more.
    pub(super) fn end_round(&mut self) {
        let now = Instant::now();
        self.confirmation.round = Round::None;
        let cost = self.confirmation.pages().min(self.confirmation.looks());
        let growing = self.limits.poll_first.mul_f64(1.5_f64.powi(self.confirmation.rounds.min(16).cast_signed()));
        let interval = growing.min(self.limits.poll_most).max(self.pace.poll_interval(cost, now));
        let next = now + interval;
        // The last look is at the deadline itself, so that a host that made it is not told as unconfirmed.
        let next =
            self.confirmation.deadline.map_or(next, |deadline| if now < deadline { next.min(deadline) } else { next });
        self.confirmation.next_round = Some(next);
    }

    pub(super) fn judge_page(&mut self, result: Result<Answer<Page>, VendorError>) {
        let page = match result {
            Ok(answer) => {
                self.console_answered(true, None);
                answer.value
            }
            Err(error) => return self.page_was_refused(&error),
        };
        self.confirmation.fleet = page.total.or(self.confirmation.fleet);
        for host in page.hosts {
            if let Some(n) = self.confirmation.awaiting.get(&host.id).copied()
                && let Some(state) = host.state
            {
                if let Some(name) = host.name {
                    self.roster.detail_mut(n).name.get_or_insert_with(|| shared(&name));
                }
                self.saw_awaited(n, &state, host.last_seen.as_deref(), By::Poll);
            }
        }
        let first_page = matches!(&self.confirmation.round, Round::Listing { cursor: None, .. });
        match page.next {
            Some(_) if self.confirmation.is_over() => self.end_round(),
            Some(_) if first_page && self.confirmation.looks_are_cheaper() => self.look_at_awaited(),
            Some(next) if !self.confirmation.visited.insert(next.clone()) => self.end_round(),
            Some(next) => {
                self.confirmation.round =
                    Round::Listing { cursor: Some(next), under_way: false, failures: 0, not_before: None };
            }
            None => self.end_round(),
        }
    }

    fn page_was_refused(&mut self, error: &VendorError) {
        let now = Instant::now();
        self.note_answer(error);
        let max_attempts = self.limits.max_attempts;
        let Round::Listing { under_way, failures, not_before, .. } = &mut self.confirmation.round else { return };
        *under_way = false;
        match retry::next(error.again(), *failures + 1, &self.limits, retry::jitter()) {
            Next::Pause(_) => {}
            Next::After(wait) if *failures + 1 < max_attempts => {
                *failures += 1;
                *not_before = Some(now + wait);
            }
            // This round tells nothing more; the next one may.
            Next::After(_) | Next::GiveUp | Next::Look => self.end_round(),
        }
    }

    /// A host whose request was accepted was seen in some state.
    pub(super) fn saw_awaited(&mut self, n: u32, state: &HostState, last_seen: Option<&str>, by: By) {
        let Some(kind) = self.action.as_ref().map(|action| action.kind) else { return };
        let note = self.notes.of(n);
        note.state = Some(shared(&state.word));
        note.last_seen = last_seen.map(Into::into).or(note.last_seen.take());
        let standing = kind.standing(state.isolation);
        if note.leaving || note.sent_while_leaving {
            match standing {
                // It has arrived where it was sent before: now the console takes the request.
                Standing::Away => {
                    note.leaving = false;
                    note.sent_while_leaving = false;
                    return self.send_again(n);
                }
                Standing::Leaving => return self.set_phase(n, Phase::Awaiting),
                Standing::Reached | Standing::Heading | Standing::Unknown => {}
            }
        }
        if note.before_us {
            match standing {
                Standing::Reached => return self.settle(n, Outcome::Already, None, by),
                // Whoever asked before us has failed; now it is our turn.
                Standing::Away => {
                    note.before_us = false;
                    return self.send_again(n);
                }
                Standing::Heading | Standing::Leaving | Standing::Unknown => {
                    return self.set_phase(n, Phase::Awaiting);
                }
            }
        }
        match standing {
            Standing::Reached => return self.settle(n, Outcome::Confirmed, None, by),
            Standing::Heading => {
                note.headed = true;
                note.fell_back = 0;
                // The journal has it in doubt until now.
                if note.unsure.take().is_some() {
                    let synced = self.keep_look(n, Outcome::Accepted, None);
                    self.teller.after(synced, Vec::new());
                    return self.set_phase(n, Phase::Awaiting);
                }
            }
            Standing::Away | Standing::Leaving if note.headed => note.fell_back += 1,
            Standing::Away | Standing::Leaving | Standing::Unknown => {}
        }
        if note.fell_back >= FALLEN_BACK {
            let text = format!(
                "the host was on its way and is back to `{}`: the agent could not do it, or somebody took it back",
                state.word
            );
            return self.settle(n, Outcome::Failed, Some(Failure::new(FailureKind::Fallback, text)), by);
        }
        self.set_phase(n, Phase::Awaiting);
    }

    fn send_again(&mut self, n: u32) {
        if let Some(id) = self.roster.item(n).and_then(|item| item.host.clone()) {
            self.confirmation.remove(&id);
        }
        self.set_phase(n, Phase::Ready);
        self.enqueue(n, false);
    }

    fn expire(&mut self, wait: Duration) {
        self.drop_looks();
        let mut numbers: Vec<u32> = self.confirmation.awaiting.values().copied().collect();
        numbers.sort_unstable();
        for n in numbers {
            let note = self.notes.get(n).cloned().unwrap_or_default();
            let means = note.said.as_deref().filter(|said| !said.is_empty());
            let says = match (&note.state, &note.last_seen) {
                (Some(state), _) if means.is_some() => format!("{} (`{state}`)", means.unwrap_or_default()),
                (Some(state), Some(seen)) => {
                    format!("the console still says `{state}`, and last heard of the host {seen}")
                }
                (Some(state), None) => format!("the console still says `{state}`"),
                (None, _) => "the console did not tell the host's state".to_owned(),
            };
            let within = crate::domain::duration::format(wait);
            if let (Some(why), Some(first)) = (note.unsure, &note.failure) {
                let failure = Failure::new(first.kind, format!("{}; and after {within} {says}", first.text));
                // Whoever answered, even badly, has had the time to show an effect.
                match why {
                    Why::Doubt => self.settle_in_doubt(n, failure),
                    _ => self.settle(n, Outcome::Failed, Some(failure), By::Poll),
                }
                continue;
            }
            let whose = if note.before_us { "it was on its way before this run; " } else { "" };
            let text = format!("{whose}not confirmed within {within}: {says}");
            self.settle(n, Outcome::Unconfirmed, Some(Failure::new(FailureKind::NotConfirmed, text)), By::Poll);
        }
        self.stop_if_held();
    }

    pub(super) fn await_state(&mut self, n: u32) {
        if let Some(id) = self.roster.item(n).and_then(|item| item.host.clone()) {
            self.hearing.awaits(n, &id);
            self.confirmation.add(id, n);
        }
        self.set_phase(n, Phase::Awaiting);
    }

    pub(super) fn set_phase(&mut self, n: u32, phase: Phase) {
        if let Some(slot) = self.slots.get_mut(n as usize) {
            slot.phase = phase;
        }
    }
}

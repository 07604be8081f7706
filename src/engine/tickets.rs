//! Work that a console knows by a ticket: it is asked after by that, it is looked for before it is sent again, and no more of
//! it is sent than the console keeps.

use std::{
    collections::{HashSet, VecDeque},
    num::NonZeroUsize,
};

use super::{
    dispatcher::Dispatcher,
    event::RunEventKind,
    retry,
    slot::{Phase, Why},
    tell::shared,
};
use crate::{
    domain::{
        failure::{Failure, FailureKind},
        id::Ticket,
        outcome::{Ending, Outcome},
    },
    journal::By,
    vendors::{Again, Answer, Progress, Recalled, Repeat, Scope, Stage, VendorError},
};

/// So often a request has to be missing before it is sent again: the console may still be at it.
const MISSING: u32 = 2;

/// So often a request is sent whose answers are lost.
const MOST_SENT: u32 = 2;

/// What was sent to a console that drops the oldest for a new one.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    most: Option<NonZeroUsize>,
    /// In the order in which they were sent; what is done is taken out only from the front.
    sent: VecDeque<u32>,
    /// Sent, and not known to be done.
    open: HashSet<u32>,
}

impl Outstanding {
    pub(super) fn new(most: Option<NonZeroUsize>) -> Self {
        Self { most, ..Self::default() }
    }

    pub(super) fn add(&mut self, n: u32) {
        if self.most.is_some() && self.open.insert(n) {
            self.sent.push_back(n);
        }
    }

    /// A target has ended: is its work done with, too?
    pub(super) fn ended(&mut self, n: u32, outcome: Outcome) {
        let may_be_waiting = matches!(outcome, Outcome::Accepted | Outcome::Unconfirmed | Outcome::InDoubt);
        if !may_be_waiting {
            self.open.remove(&n);
        }
    }

    /// Whether one more could push out one that is not done.
    fn is_full(&mut self) -> bool {
        let Some(most) = self.most else { return false };
        while self.sent.front().is_some_and(|n| !self.open.contains(n)) {
            self.sent.pop_front();
        }
        self.sent.len() >= most.get()
    }
}

impl Dispatcher<'_> {
    pub(super) fn is_full(&mut self) -> bool {
        self.outstanding.is_full()
    }

    /// Targets are about to be sent.
    pub(super) fn follow_each_other(&mut self, numbers: &[u32]) {
        if self.outstanding.most.is_some() {
            numbers.iter().for_each(|n| self.outstanding.add(*n));
            self.confirmation.begin_anew();
        }
    }

    /// The wait is over for those that hold up the others.
    pub(super) fn stop_if_held(&mut self) {
        if !self.ready.is_empty() && self.is_full() {
            let open = self.outstanding.open.len();
            let most = self.outstanding.most.map_or(0, NonZeroUsize::get);
            let text = format!("it keeps {most} tasks, and {open} of this run are not done");
            self.stop_with(Ending::NoRoom(text), None);
        }
    }

    pub(super) fn keep_ticket(&mut self, n: u32, ticket: &Ticket) {
        if ticket.0.is_some() {
            self.notes.of(n).ticket = Some(ticket.clone());
        }
    }

    /// Has a target looked at. A request that is looked for itself is given the time to arrive.
    pub(super) fn look_for(&mut self, n: u32, why: Why) {
        self.set_phase(n, Phase::Look(why));
        if self.recalls {
            self.delay(n, self.limits.poll_first);
        } else {
            self.enqueue(n, false);
        }
    }

    pub(super) fn judge_recalled(
        &mut self,
        targets: &[u32],
        why: Why,
        result: Result<Answer<Vec<Recalled>>, VendorError>,
    ) {
        let Some(answers) = self.answers_for(targets, why, result) else { return };
        for (n, recalled) in answers {
            let slot = self.slots.get(n as usize).copied();
            let attempts_left = slot.is_some_and(|slot| slot.attempts < self.limits.max_attempts);
            let sent = slot.map_or(MOST_SENT, |slot| slot.attempts_before + slot.attempts);
            let looks = slot.map_or(MISSING, |slot| slot.looks);
            match recalled {
                Recalled::Taken(ticket) => self.was_taken(n, &ticket),
                Recalled::There(ticket) if attempts_left => {
                    self.notes.of(n).ticket = Some(ticket);
                    self.set_phase(n, Phase::Ready);
                    self.enqueue(n, true);
                }
                Recalled::There(ticket) => {
                    self.notes.of(n).ticket = Some(ticket);
                    let failure = self.first_failure(n, "the request is there, and cannot be finished");
                    self.settle_in_doubt(n, failure);
                }
                Recalled::NotThere | Recalled::Unclear(_) if looks < MISSING => {
                    self.delay(n, 4 * self.limits.poll_first);
                }
                Recalled::Unclear(said) => {
                    let failure = self.first_failure(n, &said);
                    self.settle_in_doubt(n, failure);
                }
                // Two requests that were sent and are not there: this console does not show what it has.
                Recalled::NotThere if sent >= MOST_SENT => {
                    let failure = self.first_failure(n, "the console shows no such request, as it did before");
                    self.settle_in_doubt(n, failure);
                }
                Recalled::NotThere => {
                    let failure = self.first_failure(n, "the console has no such request");
                    if let Some(slot) = self.slots.get_mut(n as usize) {
                        slot.maybe_ours = false;
                    }
                    if !attempts_left {
                        self.settle(n, Outcome::Failed, Some(failure), By::Look);
                        continue;
                    }
                    let attempts = self.slots.get(n as usize).map_or(1, |slot| slot.attempts);
                    let wait = retry::backoff(attempts.max(1), &self.limits, retry::jitter());
                    let synced = self.keep_look(n, Outcome::NotSent, Some(&failure));
                    self.teller.after(synced, Vec::new());
                    self.set_phase(n, Phase::Ready);
                    self.delay(n, wait);
                }
            }
        }
    }

    /// A request that nobody has answered was carried out as far as the console carries it out.
    fn was_taken(&mut self, n: u32, ticket: &Ticket) {
        self.keep_ticket(n, ticket);
        self.notes.of(n).failure = None;
        if self.confirmation.is_wanted() && self.followed {
            let synced = self.keep_look(n, Outcome::Accepted, None);
            let told = vec![RunEventKind::TargetAccepted(self.result(n, Outcome::Accepted, None))];
            self.teller.after(synced, told);
            self.await_state(n);
        } else {
            self.settle(n, Outcome::Accepted, None, By::Look);
        }
    }

    /// What a target ends in that is not asked for again.
    pub(super) fn given_up(&self, n: u32, kind: FailureKind) -> Outcome {
        let slot = self.slots.get(n as usize);
        match kind {
            // A part of it was taken, and only the rest was refused.
            _ if self.repeat == Repeat::Unsafe && slot.is_some_and(|slot| slot.maybe_ours) => Outcome::InDoubt,
            FailureKind::NotFound => Outcome::Unresolved,
            _ => Outcome::Failed,
        }
    }

    pub(super) fn judge_polled(&mut self, targets: &[u32], result: Result<Answer<Vec<Progress>>, VendorError>) {
        let Some(answers) = self.answers_for(targets, Why::Awaiting, result) else { return };
        for (n, progress) in answers {
            let Progress { stage, word, said, ticket } = progress;
            if let Some(ticket) = ticket {
                self.keep_ticket(n, &ticket);
            }
            self.notes.of(n).state = Some(shared(&word));
            match stage {
                Stage::UnderWay => {
                    self.notes.of(n).said = Some(shared(&said));
                    self.set_phase(n, Phase::Awaiting);
                }
                Stage::Done => self.settle(n, Outcome::Confirmed, None, By::Poll),
                Stage::Failed => {
                    self.settle(n, Outcome::Failed, Some(Failure::new(FailureKind::TaskFailed, said)), By::Poll);
                }
                Stage::Warned | Stage::Lost => {
                    // It waits for nobody any more.
                    self.outstanding.open.remove(&n);
                    self.settle(n, Outcome::Unconfirmed, Some(Failure::new(FailureKind::NotConfirmed, said)), By::Poll);
                }
            }
        }
    }

    pub(super) fn settle_read(&mut self, n: u32, (outcome, reason): (Outcome, Option<Failure>)) {
        self.settle(n, outcome, reason, By::Look);
    }

    /// Each target with its part of an answer; those that have none are asked for again.
    fn answers_for<T>(
        &mut self,
        targets: &[u32],
        why: Why,
        result: Result<Answer<Vec<T>>, VendorError>,
    ) -> Option<Vec<(u32, T)>> {
        match result {
            Ok(Answer { value, .. }) => {
                self.console_answered(true, None);
                let answers: Vec<(u32, T)> = targets.iter().copied().zip(value).collect();
                for n in targets.iter().skip(answers.len()) {
                    let failure = Failure::new(FailureKind::Protocol, "the console's answer leaves this host out");
                    self.look_failed(*n, why, &failure, Again::Backoff);
                }
                Some(answers)
            }
            Err(error) => {
                self.note_answer(&error);
                if error.scope() != Scope::Run {
                    for n in targets {
                        self.look_failed(*n, why, error.failure(), error.again());
                    }
                }
                None
            }
        }
    }

    /// What raised the question, and what a look has found since.
    pub(super) fn first_failure(&self, n: u32, found: &str) -> Failure {
        match self.notes.get(n).and_then(|note| note.failure.as_ref()) {
            Some(first) => Failure::new(first.kind, format!("{}; {found}", first.text)),
            None => Failure::new(FailureKind::Conflict, format!("sent, and the run ended before an answer; {found}")),
        }
    }
}

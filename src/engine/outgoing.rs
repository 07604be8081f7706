//! What goes out next: looks before requests, requests before pages, and nothing faster than the console takes it.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    dispatcher::{Carried, Dispatcher},
    event::{RunEventKind, Throttle},
    pace::Permit,
    slot::{Phase, Why},
    worker::{self, Done},
};
use crate::{
    clock,
    domain::{
        action::Target,
        outcome::{Ending, Outcome},
    },
    journal::{By, Intent, Record},
};

impl Dispatcher<'_> {
    pub(super) fn start_work(&mut self) {
        // An interrupt that has not been taken yet counts already: not one request more leaves.
        while self.work.len() < self.limits.concurrency.get() && self.cancel.urgency() == self.heard {
            let may_look = !self.looks.is_empty()
                && (!self.is_draining() || self.looks_while_draining())
                && !self.waits_for_a_look();
            let may_send = !self.ready.is_empty() && !self.is_draining() && !self.is_full();
            let may_list = self.confirmation.wants_page() && !self.is_draining();
            if !(may_look || may_send || may_list) || !self.is_permitted() {
                return;
            }
            if may_look {
                self.start_look();
            } else if may_send {
                self.start_submit();
            } else {
                self.start_page();
            }
        }
    }

    /// Where one look takes many hosts, one at a time is under way: what comes up meanwhile goes with the next.
    fn waits_for_a_look(&self) -> bool {
        let many = self.action.is_some() && !self.polls && !self.recalls && self.vendor.capabilities().max_observe > 1;
        many && self.carried.values().any(|(_, carried)| matches!(carried, Carried::Look(..)))
    }

    /// Asks the pace; a wait that is too long stops the run.
    fn is_permitted(&mut self) -> bool {
        let now = Instant::now();
        match self.pace.ask(now) {
            Permit::Go => {
                self.held_until = None;
                true
            }
            Permit::Answers => false,
            Permit::Wait { until, refused } => {
                let wait = until.saturating_duration_since(now);
                self.held_until = Some(until);
                if self.is_draining() {
                    // Nobody who interrupts a run waits an hour for its last looks: those hosts stay in doubt.
                    self.looks.clear();
                } else if wait > self.limits.max_wait {
                    self.stop_with(Ending::QuotaWait(wait), None);
                } else if self.told_hold.is_none_or(|told| told + Duration::from_millis(500) < until) {
                    let why = if refused { Throttle::Refused } else { Throttle::Quota };
                    let until_day = clock::now() + jiff::SignedDuration::try_from(wait).unwrap_or_default();
                    self.told_hold = Some(until);
                    self.refresh_stats();
                    self.teller.now(RunEventKind::Throttled { wait, until: until_day, why });
                }
                false
            }
        }
    }

    fn start_submit(&mut self) {
        let Some(action) = self.action.clone() else { return };
        let mut numbers = Vec::new();
        let mut targets = Vec::new();
        let mut attempt = 0;
        while numbers.len() < self.max_batch.get()
            && let Some(n) = self.ready.pop_front()
        {
            // The rules may have changed since it was sent for the first time, and a look has found it not done.
            if let Some(reason) = self.roster.detail(n).and_then(|detail| detail.barred.as_deref().cloned()) {
                self.settle(n, Outcome::Refused, Some(reason), By::Plan);
                continue;
            }
            let Some(target) = self.target(n) else { continue };
            let Some(slot) = self.slots.get_mut(n as usize) else { continue };
            self.hearing.sent(&target.id);
            slot.phase = Phase::InFlight;
            slot.attempts += 1;
            slot.looks = 0;
            slot.started.get_or_insert_with(clock::now);
            attempt = attempt.max(slot.attempts);
            numbers.push(n);
            targets.push(target);
        }
        if numbers.is_empty() {
            return;
        }
        self.follow_each_other(&numbers);
        let batch = self.next_batch;
        self.next_batch += 1;
        let intent = self.recorder.write(|| Record::Intent(Intent { batch, attempt, targets: numbers.clone() }));
        self.teller.now(RunEventKind::BatchStarted { targets: numbers.len(), attempt });
        let vendor = Arc::clone(&self.vendor);
        let carried = Carried::Targets(numbers.clone());
        self.spawn(carried, worker::submit(vendor, action, batch, numbers, targets, intent));
    }

    fn start_look(&mut self) {
        // What is asked of a single request is asked of one host at a time.
        let single = self.action.is_some() && (self.polls || self.recalls);
        let most = if single { 1 } else { self.vendor.capabilities().max_observe.max(1) };
        let mut numbers = Vec::new();
        let mut targets = Vec::new();
        let mut why = Why::Reading;
        while numbers.len() < most
            && let Some(n) = self.looks.pop_front()
        {
            let Some(Phase::Look(this)) = self.slots.get(n as usize).map(|slot| slot.phase) else { continue };
            if !numbers.is_empty() && this != why {
                self.looks.push_front(n);
                break;
            }
            let Some(target) = self.target(n) else { continue };
            why = this;
            if let Some(slot) = self.slots.get_mut(n as usize) {
                slot.looks += 1;
            }
            numbers.push(n);
            targets.push(target);
        }
        if numbers.is_empty() {
            return;
        }
        let vendor = Arc::clone(&self.vendor);
        let carried = Carried::Look(numbers.clone(), why);
        match (self.action.clone(), why) {
            (Some(action), Why::Awaiting) if self.polls => {
                self.spawn(carried, worker::poll(vendor, action, numbers, targets));
            }
            (Some(action), Why::Doubt | Why::Conflict) if self.recalls => {
                self.spawn(carried, worker::recall(vendor, action, numbers, targets, why));
            }
            _ => self.spawn(carried, worker::look(vendor, numbers, targets, why)),
        }
    }

    fn start_page(&mut self) {
        let cursor = self.confirmation.next_page();
        self.spawn(Carried::Page, worker::list(Arc::clone(&self.vendor), cursor));
    }

    pub(super) fn spawn(&mut self, carried: Carried, work: impl Future<Output = Done> + Send + 'static) {
        let now = Instant::now();
        self.pace.sent(now);
        self.teller.stats.requests += 1;
        let handle = self.work.spawn(work);
        self.carried.insert(handle.id(), (now, carried));
    }

    pub(super) fn target(&self, n: u32) -> Option<Target> {
        let id = self.roster.item(n)?.host.clone()?;
        let name = self.roster.detail(n).and_then(|detail| detail.name.as_deref()).map(Into::into);
        let ticket = self.notes.get(n).and_then(|note| note.ticket.clone());
        Some(Target { id, name, ticket })
    }
}

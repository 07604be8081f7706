//! What is made of an answer: the next step of each target, its line in the journal, and what is told.

use std::{sync::Arc, time::Duration};

use super::{
    dispatcher::Dispatcher,
    event::{NextStep, RunEventKind, TargetResult},
    plan::{ON_ITS_WAY, as_read, not_capable},
    recorder::Synced,
    retry::{self, Next},
    slot::{Phase, Why},
    tell::shared,
    worker::Done,
};
use crate::{
    clock,
    domain::{
        action::{ActionKind, Observed, Standing, Thing},
        failure::{Failure, FailureKind},
        host::{Abilities, HostState},
        outcome::{Ending, Outcome},
    },
    journal::{self, Answer as AnswerRecord, By, Record, Reply as ReplyRecord, Settled},
    vendors::{Again, Answer, Repeat, Reply, Scope, VendorError},
};

/// Looks at a host that is on its way elsewhere, before the contradiction is final; some ten seconds in all.
const MAX_LOOKS: u32 = 5;

/// What is told once the line that says it is on disk.
pub(super) type Telling = Vec<RunEventKind>;

impl Dispatcher<'_> {
    pub(super) fn judge(&mut self, done: Done) {
        match done {
            Done::Submitted { batch, targets, took, result } => self.judge_submitted(batch, &targets, took, result),
            Done::NotSent { targets } => {
                for n in targets {
                    if let Some(slot) = self.slots.get_mut(n as usize) {
                        slot.phase = Phase::Ready;
                        slot.attempts = slot.attempts.saturating_sub(1);
                    }
                }
                self.journal_failed();
            }
            Done::Looked { targets, why, result } => self.judge_looked(&targets, why, result),
            Done::Recalled { targets, why, result } => self.judge_recalled(&targets, why, result),
            Done::Polled { targets, result } => self.judge_polled(&targets, result),
            Done::Listed { result } => self.judge_page(result),
        }
    }

    /// Takes what an error says of the console, beside what it says of its targets.
    pub(super) fn note_answer(&mut self, error: &VendorError) {
        let failure = error.failure();
        let silent = matches!(
            failure.kind,
            FailureKind::Unreachable
                | FailureKind::Timeout
                | FailureKind::Cut
                | FailureKind::Gateway
                | FailureKind::ServerError
                | FailureKind::FolderBusy
        );
        self.console_answered(!silent, Some(failure));
        // A look or a list may be the first to meet it, and the user is to know all the same.
        if error.again() == Again::AtOnce && self.mended.insert(failure.kind) {
            self.teller.now(RunEventKind::Mended { failure: failure.clone() });
        }
        if error.scope() == Scope::Run {
            let text = failure.text.clone();
            let ending = match failure.kind {
                kind if kind.is_about_us() => Ending::CredentialsLost(text),
                FailureKind::Certificate => Ending::CertificateLost(text),
                FailureKind::TableFull => Ending::TableFull(text),
                FailureKind::FolderFailed => Ending::FolderFailed(text),
                _ => Ending::ConsoleLost(text),
            };
            self.stop_with(ending, Some(failure.clone()));
        }
    }

    fn judge_submitted(
        &mut self,
        batch: u64,
        targets: &[u32],
        took: Duration,
        result: Result<Answer<Vec<Reply>>, VendorError>,
    ) {
        let mut replies = Vec::with_capacity(targets.len());
        let mut telling = Vec::new();
        let request_id = match result {
            Ok(Answer { value, meta }) => {
                self.console_answered(true, None);
                let mut answers = value.into_iter();
                for n in targets.iter().copied() {
                    // A target that the answer does not speak of was sent and not answered.
                    let reply = answers.next().unwrap_or_else(|| {
                        let text = "the console's answer leaves this host out";
                        Err(VendorError::new(FailureKind::Protocol, text, Again::InDoubt))
                    });
                    let verdict = match reply {
                        Ok(ack) => self.acknowledged(n, ack, &mut telling),
                        Err(error) => {
                            // One target's answer may say that every other request would fail alike.
                            if error.scope() == Scope::Run {
                                self.note_answer(&error);
                            }
                            self.failed(n, error.failure(), error.again(), error.scope(), &mut telling)
                        }
                    };
                    replies.push(verdict);
                }
                meta.request_id
            }
            Err(error) => {
                self.note_answer(&error);
                for n in targets.iter().copied() {
                    let verdict = self.failed(n, error.failure(), error.again(), error.scope(), &mut telling);
                    replies.push(verdict);
                }
                error.meta().request_id.clone()
            }
        };
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let synced = self.recorder.write(|| Record::Answer(AnswerRecord { batch, request_id, took_ms, replies }));
        self.teller.after(synced, telling);
    }

    fn failed(&mut self, n: u32, failure: &Failure, again: Again, scope: Scope, telling: &mut Telling) -> ReplyRecord {
        let open = self.slots.get(n as usize).is_some_and(|slot| slot.maybe_ours);
        if scope == Scope::Run && (again == Again::InDoubt || open) {
            // Something was done, now or by an earlier try, and nothing more is asked: a resumed run looks first.
            self.is_maybe_ours(n);
            self.set_phase(n, Phase::Look(Why::Doubt));
            self.notes.of(n).failure = Some(failure.clone());
            return ReplyRecord::look(n, failure);
        }
        if scope == Scope::Run {
            // Refused whole: nothing was done, and a resumed run sends it again.
            self.set_phase(n, Phase::Ready);
            self.notes.of(n).failure = Some(failure.clone());
            return ReplyRecord::stopped(n, failure);
        }
        let attempt = self.slots.get(n as usize).map_or(1, |slot| slot.attempts);
        let unreachable = matches!(failure.kind, FailureKind::Unreachable | FailureKind::FolderBusy);
        // Nothing left this machine: that is no try of this host, and the run as a whole knows how long to go on so.
        let counted = if unreachable { attempt.min(self.limits.max_attempts - 1) } else { attempt };
        let next = retry::next(again, counted, &self.limits, self.jitter);
        let told = match next {
            // A gateway that gave up may have let the request through: the host itself has the last word.
            Next::GiveUp if again == Again::Backoff => {
                if may_have_been_done(failure.kind) {
                    self.is_maybe_ours(n);
                }
                self.look_for(n, Why::Conflict);
                NextStep::Look
            }
            // Where a repeat can do harm, what may have been done is looked at first.
            Next::After(_) if self.repeat == Repeat::Unsafe && may_have_been_done(failure.kind) => {
                self.is_maybe_ours(n);
                self.look_for(n, Why::Doubt);
                NextStep::Look
            }
            Next::GiveUp => {
                let outcome = self.given_up(n, failure.kind);
                return self.ended(n, outcome, Some(failure.clone()), By::Answer, telling);
            }
            Next::After(wait) => {
                if unreachable {
                    self.sent_nothing(n);
                } else if again == Again::AtOnce {
                    if self.mended.insert(failure.kind) {
                        telling.push(RunEventKind::Mended { failure: failure.clone() });
                    }
                } else if may_have_been_done(failure.kind) {
                    // The console failed in the middle of it: what a later look finds may be our doing.
                    self.is_maybe_ours(n);
                }
                self.set_phase(n, Phase::Ready);
                self.delay(n, wait);
                NextStep::Retry(wait)
            }
            Next::Pause(_) => {
                self.sent_nothing(n);
                self.set_phase(n, Phase::Ready);
                self.enqueue(n, true);
                NextStep::WaitForConsole
            }
            Next::Look => {
                if again == Again::InDoubt {
                    self.is_maybe_ours(n);
                }
                self.look_for(n, if again == Again::InDoubt { Why::Doubt } else { Why::Conflict });
                NextStep::Look
            }
        };
        self.notes.of(n).failure = Some(failure.clone());
        let target = self.roster.item(n).map_or_else(|| shared(""), |item| Arc::clone(&item.written));
        telling.push(RunEventKind::AttemptFailed { target, attempt, failure: failure.clone(), next: told });
        // The journal must not call undone what nobody knows: whoever resumes looks first.
        let open = told == NextStep::Look || self.slots.get(n as usize).is_some_and(|slot| slot.maybe_ours);
        if open { ReplyRecord::look(n, failure) } else { ReplyRecord::again(n, failure) }
    }

    /// Whether the plan found the host on its way elsewhere, and this is the first request for it.
    pub(super) fn was_leaving(&self, n: u32) -> bool {
        let kind = self.action.as_ref().map(|action| action.kind);
        let before = self.roster.detail(n).and_then(|detail| detail.before.as_ref());
        let first = self.slots.get(n as usize).is_some_and(|slot| slot.attempts == 1);
        let leaving = |(kind, state): (ActionKind, &HostState)| kind.standing(state.isolation) == Standing::Leaving;
        first && kind.zip(before).is_some_and(leaving)
    }

    fn sent_nothing(&mut self, n: u32) {
        if let Some(slot) = self.slots.get_mut(n as usize) {
            slot.attempts = slot.attempts.saturating_sub(1);
        }
    }

    pub(super) fn is_maybe_ours(&mut self, n: u32) {
        if let Some(slot) = self.slots.get_mut(n as usize) {
            slot.maybe_ours = true;
        }
    }

    fn judge_looked(&mut self, targets: &[u32], why: Why, result: Result<Answer<Vec<Observed>>, VendorError>) {
        match result {
            Ok(Answer { value, .. }) => {
                self.console_answered(true, None);
                let mut seen = value.into_iter();
                for n in targets.iter().copied() {
                    match seen.next() {
                        Some(observed) => self.saw(n, why, observed),
                        None => {
                            let failure =
                                Failure::new(FailureKind::Protocol, "the console's answer leaves this host out");
                            self.look_failed(n, why, &failure, Again::Backoff);
                        }
                    }
                }
            }
            Err(error) => {
                self.note_answer(&error);
                if error.scope() == Scope::Run {
                    return;
                }
                for n in targets.iter().copied() {
                    self.look_failed(n, why, error.failure(), error.again());
                }
            }
        }
    }

    pub(super) fn look_failed(&mut self, n: u32, why: Why, failure: &Failure, again: Again) {
        let looks = self.slots.get(n as usize).map_or(1, |slot| slot.looks);
        match retry::next(again, looks, &self.limits, self.jitter) {
            Next::Pause(_) => self.enqueue(n, true),
            Next::After(wait) => self.delay(n, wait),
            Next::GiveUp | Next::Look => match why {
                Why::Awaiting => self.set_phase(n, Phase::Awaiting),
                Why::Reading if failure.kind == FailureKind::NotFound => {
                    self.settle(n, Outcome::Unresolved, Some(failure.clone()), By::Look);
                }
                Why::Reading => self.settle(n, Outcome::Failed, Some(failure.clone()), By::Look),
                Why::Conflict | Why::Doubt => {
                    let first = self.notes.get(n).and_then(|note| note.failure.clone());
                    let first =
                        first.map_or_else(|| "sent, and the run ended before an answer".to_owned(), |first| first.text);
                    let text = format!("{first}; and the look at the host failed: {failure}");
                    let failure = Failure::new(failure.kind, text);
                    if why == Why::Doubt {
                        self.settle_in_doubt(n, failure);
                    } else {
                        self.settle(n, Outcome::Failed, Some(failure), By::Look);
                    }
                }
            },
        }
    }

    /// A look at one host succeeded.
    fn saw(&mut self, n: u32, why: Why, observed: Observed) {
        let (state, able, last_seen) = match observed {
            Observed::NoSuchHost => return self.saw_nothing(n, why),
            Observed::State { state, able, last_seen } => (state, able, last_seen),
        };
        let note = self.notes.of(n);
        note.state = Some(shared(&state.word));
        if let Some(seen) = &last_seen {
            note.last_seen = Some(shared(seen));
        }
        match why {
            Why::Reading => self.settle_read(n, as_read(&state)),
            Why::Awaiting => self.saw_awaited(n, &state, last_seen.as_deref(), By::Look),
            Why::Conflict | Why::Doubt => self.saw_after_question(n, why, &state, able),
        }
    }

    /// A look did not find the host. A list that moves while it is read leaves one out now and then: once the console has
    /// taken a request for a host, one look is no proof that it is gone.
    fn saw_nothing(&mut self, n: u32, why: Why) {
        let failure = Failure::new(FailureKind::NotFound, "the console knows no such host");
        let Some(slot) = self.slots.get(n as usize).copied() else { return };
        match why {
            Why::Awaiting => self.set_phase(n, Phase::Awaiting),
            Why::Doubt if slot.maybe_ours && slot.looks < 2 => self.delay(n, self.limits.poll_first),
            Why::Doubt if slot.maybe_ours => self.settle_in_doubt(n, failure),
            _ => self.settle(n, Outcome::Unresolved, Some(failure), By::Look),
        }
    }

    /// The look that follows a contradiction or a silence.
    fn saw_after_question(&mut self, n: u32, why: Why, state: &HostState, able: Abilities) {
        let Some(kind) = self.action.as_ref().map(|action| action.kind) else { return };
        let Some(slot) = self.slots.get(n as usize).copied() else { return };
        let attempts_left = slot.attempts < self.limits.max_attempts;
        match kind.standing(state.isolation) {
            Standing::Reached if slot.maybe_ours => self.settle(n, Outcome::Confirmed, None, By::Look),
            Standing::Heading if slot.maybe_ours => {
                if self.confirmation.is_wanted() {
                    self.notes.of(n).headed = true;
                    self.await_state(n);
                    let synced = self.keep_look(n, Outcome::Accepted, None);
                    let result = self.result(n, Outcome::Accepted, None);
                    self.teller.after(synced, vec![RunEventKind::TargetAccepted(result)]);
                } else {
                    self.settle(n, Outcome::Accepted, None, By::Look);
                }
            }
            Standing::Reached => self.settle(n, Outcome::Already, None, By::Look),
            // Whoever waits for proof waits for this host, too: it has not arrived.
            Standing::Heading if self.confirmation.is_wanted() => {
                let synced = self.keep_look(n, Outcome::NotSent, Some(&self.after_a_look(n, state)));
                self.teller.after(synced, Vec::new());
                self.notes.of(n).before_us = true;
                self.await_state(n);
            }
            Standing::Heading => {
                self.roster.detail_mut(n).note = Some(shared(ON_ITS_WAY));
                self.settle(n, Outcome::Already, None, By::Look);
            }
            // Whoever waits for proof can wait for this, too, and by listings: it is sent again once the host has arrived.
            Standing::Leaving if self.confirmation.is_wanted() => {
                let synced = self.keep_look(n, unsent_or_in_doubt(slot.maybe_ours), Some(&self.after_a_look(n, state)));
                self.teller.after(synced, Vec::new());
                self.notes.of(n).leaving = true;
                self.await_state(n);
            }
            Standing::Leaving if slot.looks < MAX_LOOKS => {
                // The console takes nothing until the host has arrived where it was sent before.
                self.delay(n, Duration::from_secs(u64::from(slot.looks.clamp(1, 8))));
            }
            Standing::Away | Standing::Unknown if why == Why::Conflict && able.of(kind) == Some(false) => {
                let failure = Failure::new(FailureKind::NotCapable, not_capable(kind));
                self.settle(n, Outcome::Failed, Some(failure), By::Look);
            }
            // A request that is wrong in itself is as wrong the second time; one that met a host on its way is not.
            Standing::Away | Standing::Unknown
                if why == Why::Conflict && slot.looks == 1 && self.was_a_bad_request(n) =>
            {
                self.unsettled(n, why, state);
            }
            Standing::Away | Standing::Unknown if why == Why::Conflict && self.did_nothing_twice(n) => {
                self.unsettled(n, why, state);
            }
            Standing::Away | Standing::Unknown
                if attempts_left && (why == Why::Conflict || self.repeat == Repeat::Safe) =>
            {
                let wait = retry::backoff(slot.attempts.max(1), &self.limits, self.jitter);
                let synced = self.keep_look(n, unsent_or_in_doubt(slot.maybe_ours), Some(&self.after_a_look(n, state)));
                self.teller.after(synced, Vec::new());
                self.set_phase(n, Phase::Ready);
                self.delay(n, wait);
            }
            Standing::Away | Standing::Unknown | Standing::Leaving => self.unsettled(n, why, state),
        }
    }

    /// Whether the console took a request and did nothing, and did so a second time.
    fn did_nothing_twice(&self, n: u32) -> bool {
        let last = self.notes.get(n).and_then(|note| note.failure.as_ref());
        last.is_some_and(|failure| failure.kind == FailureKind::NothingDone)
            && self.slots.get(n as usize).is_some_and(|slot| slot.attempts > 1)
    }

    fn was_a_bad_request(&self, n: u32) -> bool {
        let last = self.notes.get(n).and_then(|note| note.failure.as_ref());
        last.is_some_and(|failure| failure.kind == FailureKind::BadRequest)
    }

    /// Looks and tries are used up.
    fn unsettled(&mut self, n: u32, why: Why, state: &HostState) {
        let failure = self.after_a_look(n, state);
        let open = why == Why::Doubt || may_have_been_done(failure.kind);
        if open && self.confirmation.is_wanted() {
            // A console may be slow to show what it has taken, and there is time to wait for it.
            let synced = self.keep_look(n, Outcome::InDoubt, Some(&failure));
            self.teller.after(synced, Vec::new());
            let note = self.notes.of(n);
            note.unsure = Some(why);
            note.failure = Some(failure);
            self.await_state(n);
        } else if why == Why::Doubt {
            self.settle_in_doubt(n, failure);
        } else {
            self.settle(n, Outcome::Failed, Some(failure), By::Look);
        }
    }

    /// Keeps what a look has found where it is not the end: the journal knew no more than that there was a question.
    pub(super) fn keep_look(&self, n: u32, outcome: Outcome, reason: Option<&Failure>) -> Synced {
        let result = self.result(n, outcome, None);
        let mut settlement = journal::Settlement::new(outcome, By::Look);
        settlement.state.clone_from(&result.state);
        settlement.attempts = result.attempts;
        settlement.ticket = result.ticket.as_deref().map(Into::into);
        if let Some(failure) = reason {
            settlement = settlement.because(failure);
        }
        self.recorder.write(|| Record::Settled(Settled { n, result: settlement }))
    }

    /// What raised the question, and what a look has found since.
    fn after_a_look(&self, n: u32, state: &HostState) -> Failure {
        let thing = self.action.as_ref().map_or(Thing::Host, |action| action.kind.lands_on());
        self.first_failure(n, &format!("a look finds the {} `{}`", thing.word(), state.word))
    }

    pub(super) fn settle_in_doubt(&mut self, n: u32, failure: Failure) {
        self.is_maybe_ours(n);
        self.settle(n, Outcome::InDoubt, Some(failure), By::Look);
    }

    /// Ends a target with a line of its own in the journal.
    pub(super) fn settle(&mut self, n: u32, outcome: Outcome, reason: Option<Failure>, by: By) {
        let mut telling = Vec::new();
        let record = self.ended(n, outcome, reason, by, &mut telling);
        let ReplyRecord::Settled { n, result } = record else { return };
        let synced = self.recorder.write(|| Record::Settled(Settled { n, result }));
        self.teller.after(synced, telling);
    }

    /// Ends a target; the caller journals what is returned and then tells.
    pub(super) fn ended(
        &mut self,
        n: u32,
        outcome: Outcome,
        reason: Option<Failure>,
        by: By,
        telling: &mut Telling,
    ) -> ReplyRecord {
        let result = self.result(n, outcome, reason);
        self.set_phase(n, Phase::Settled);
        if let Some(id) = &result.host {
            self.confirmation.remove(id);
        }
        self.notes.forget(n);
        self.outstanding.ended(n, outcome);
        self.count_end(n, outcome, by);
        self.teller.stats.awaiting = self.confirmation.len() as u64;
        let mut settlement = journal::Settlement::new(outcome, by);
        settlement.state.clone_from(&result.state);
        settlement.last_seen.clone_from(&result.last_seen);
        settlement.attempts = result.attempts;
        settlement.ticket = result.ticket.as_deref().map(Into::into);
        settlement.started = Some(result.started);
        settlement.finished = Some(result.finished);
        if let Some(failure) = &result.reason {
            settlement = settlement.because(failure);
        }
        telling.push(RunEventKind::TargetSettled(result));
        ReplyRecord::Settled { n, result: settlement }
    }

    /// Tells a target that the plan has ended; its line is in the journal with the plan.
    pub(super) fn settle_from_plan(&mut self, n: u32) {
        let settled = self.roster.detail(n).and_then(|detail| detail.settled.clone());
        let Some(settled) = settled else { return };
        if self.slots.get(n as usize).is_none_or(|slot| slot.phase == Phase::Settled) {
            return;
        }
        let result = self.result(n, settled.outcome, settled.reason);
        self.set_phase(n, Phase::Settled);
        self.teller.now(RunEventKind::TargetSettled(result));
    }

    /// Ends a target that a resumed run will not send after all; the journal's plan does not say so yet.
    pub(super) fn settle_anew(&mut self, n: u32) {
        let settled = self.roster.detail(n).and_then(|detail| detail.settled.clone());
        let open = self.slots.get(n as usize).is_some_and(|slot| slot.phase != Phase::Settled);
        if let Some(settled) = settled.filter(|_| open) {
            self.settle(n, settled.outcome, settled.reason, By::Plan);
        }
    }

    /// Accounts for a target that the run leaves behind. The journal knows it by what is missing.
    pub(super) fn tell_unfinished(&mut self, n: u32, ending: &Ending) {
        let Some(phase) = self.slots.get(n as usize).map(|slot| slot.phase) else { return };
        let because = self.stopped_by().map_or_else(
            || match ending {
                Ending::Interrupted => "the run was interrupted".to_owned(),
                Ending::NoRoom(text) | Ending::TableFull(text) | Ending::Halted(text) => text.clone(),
                Ending::QuotaWait(wait) => {
                    format!("the console's quota is spent for {}", crate::domain::duration::format(*wait))
                }
                _ => "the run ended".to_owned(),
            },
            |failure| failure.text.clone(),
        );
        let kind = self.stopped_by().map_or(FailureKind::Stopped, |failure| failure.kind);
        let (outcome, text) = match phase {
            Phase::Ready if self.slots.get(n as usize).is_some_and(|slot| slot.maybe_ours) => {
                (Outcome::InDoubt, format!("sent, not known what came of it, and not sent again: {because}"))
            }
            Phase::Ready => (Outcome::NotSent, format!("not sent: {because}")),
            Phase::Look(Why::Reading) => (Outcome::NotSent, format!("not read: {because}")),
            Phase::InFlight | Phase::Look(Why::Doubt) => {
                self.is_maybe_ours(n);
                (Outcome::InDoubt, format!("sent, and not known what came of it: {because}"))
            }
            Phase::Look(Why::Conflict) => (Outcome::InDoubt, format!("contradicted, and not looked at: {because}")),
            Phase::Awaiting | Phase::Look(Why::Awaiting) if self.notes.get(n).is_some_and(|note| note.before_us) => {
                (Outcome::NotSent, format!("{ON_ITS_WAY}; it was not seen to arrive: {because}"))
            }
            Phase::Awaiting | Phase::Look(Why::Awaiting)
                if self.notes.get(n).is_some_and(|note| note.unsure.is_some()) =>
            {
                (Outcome::InDoubt, format!("sent, and not known what came of it: {because}"))
            }
            Phase::Awaiting | Phase::Look(Why::Awaiting) if self.notes.get(n).is_some_and(|note| note.leaving) => {
                let maybe_ours = self.slots.get(n as usize).is_some_and(|slot| slot.maybe_ours);
                let text = format!("the console takes no request while the host changes its state: {because}");
                (unsent_or_in_doubt(maybe_ours), text)
            }
            Phase::Awaiting | Phase::Look(Why::Awaiting) => {
                (Outcome::Accepted, format!("accepted, and not confirmed: {because}"))
            }
            Phase::Settled => return,
        };
        let result = self.result(n, outcome, Some(Failure::new(kind, text)));
        self.set_phase(n, Phase::Settled);
        self.teller.now(RunEventKind::TargetSettled(result));
    }

    /// What there is to tell of a target now.
    pub(super) fn result(&self, n: u32, outcome: Outcome, reason: Option<Failure>) -> Arc<TargetResult> {
        let item = self.roster.item(n);
        let detail = self.roster.detail(n);
        let note = self.notes.get(n);
        let slot = self.slots.get(n as usize);
        let before = detail.and_then(|detail| detail.before.as_ref());
        // A state from before the request says nothing once a request was sent.
        let attempts = slot.map_or(0, |slot| slot.attempts_before + slot.attempts);
        let unsent = attempts == 0;
        let state = note.and_then(|note| note.state.clone());
        let state = state.or_else(|| before.filter(|_| unsent).map(|state| shared(&state.word)));
        let seen = note.and_then(|note| note.last_seen.clone());
        let now = clock::now();
        Arc::new(TargetResult {
            n,
            target: item.map_or_else(|| shared(""), |item| Arc::clone(&item.written)),
            file: self.roster.file(n).cloned(),
            line: item.map_or(0, |item| item.line),
            vendor: None,
            host: item.and_then(|item| item.host.clone()),
            name: detail.and_then(|detail| detail.name.clone()),
            outcome,
            state,
            last_seen: seen.or_else(|| detail.and_then(|detail| detail.last_seen.clone())),
            attempts,
            ticket: note.and_then(|note| note.ticket.as_ref()?.0.as_deref()).map(shared),
            reason,
            candidates: detail.map(|detail| detail.candidates.clone()).unwrap_or_default(),
            duplicates: detail.map(|detail| detail.duplicates.clone()).unwrap_or_default(),
            note: detail.and_then(|detail| detail.note.clone()),
            wave: Some(self.roster.wave(n)).filter(|wave| *wave > 0),
            started: slot.and_then(|slot| slot.started).unwrap_or(now),
            finished: now,
        })
    }
}

/// Whether a request that failed so may have been carried out all the same: the console or a gateway broke off in the
/// middle of it.
const fn may_have_been_done(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::ServerError | FailureKind::Gateway | FailureKind::Timeout | FailureKind::Cut)
}

/// What stands for a host between a look and the next request.
const fn unsent_or_in_doubt(maybe_ours: bool) -> Outcome {
    if maybe_ours { Outcome::InDoubt } else { Outcome::NotSent }
}

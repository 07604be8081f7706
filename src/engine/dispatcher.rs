//! The one task that owns a run's state: it decides what is sent next, journals, and then tells.
//!
//! Requests run in tasks of their own and come back as [`Done`]; everything else happens here, in one order. What is
//! made of an answer is in `judge.rs`, how accepted work is confirmed in `confirm.rs`.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet, VecDeque},
    num::NonZeroUsize,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    task::{Id, JoinError, JoinSet},
    time::Instant,
};

use super::{
    cancel::{Cancel, Urgency},
    confirm::Confirmation,
    console::Company,
    event::{Listener, RunEventKind, RunHeader},
    limits::Limits,
    news::Hearing,
    pace::Pace,
    recorder::Recorder,
    retry,
    rollout::Stages,
    roster::Roster,
    run::{Purpose, Report, Resumed, Run},
    slot::{Notes, Phase, Slot, Why},
    tell::{Teller, Unwritten},
    tickets::Outstanding,
    worker::Done,
};
use crate::{
    domain::{
        action::Action,
        failure::{Failure, FailureKind},
        outcome::{Ending, ExitCode, Outcome},
    },
    journal::{End, How, Interrupted, Record},
    vendors::{Again, Completion, Repeat, Vendor},
};

/// How often listeners may animate.
const TICK: Duration = Duration::from_millis(100);

/// So much too early is early enough for what waits to be sent again.
const TOGETHER: Duration = Duration::from_millis(5);

/// How often it is counted who else asks the console: whoever comes has hardly asked by then.
const HEADCOUNT: Duration = TICK;

pub(super) struct Dispatcher<'a> {
    pub(super) header: Arc<RunHeader>,
    pub(super) action: Option<Arc<Action>>,
    pub(super) vendor: Arc<dyn Vendor>,
    pub(super) repeat: Repeat,
    /// Whether the effect of what was accepted can be awaited at all: by the host's state, or by a ticket.
    pub(super) followed: bool,
    /// Whether accepted work is asked after by its ticket.
    pub(super) polls: bool,
    /// Whether a request without an answer is looked for itself, and not its effect.
    pub(super) recalls: bool,
    /// What was sent to a console that keeps only so much.
    pub(super) outstanding: Outstanding,
    pub(super) max_batch: NonZeroUsize,
    pub(super) limits: Limits,
    pub(super) pace: Pace,
    /// Who else asks the console, and when they were last counted.
    company: Option<Company>,
    counted: Option<Instant>,
    pub(super) roster: Roster,
    pub(super) slots: Vec<Slot>,
    pub(super) notes: Notes,
    /// Targets to be sent, in order.
    pub(super) ready: VecDeque<u32>,
    /// Targets to be looked at, in order.
    pub(super) looks: VecDeque<u32>,
    /// Targets that wait for their time, to be sent or looked at as their phase says.
    delayed: BinaryHeap<Reverse<(Instant, u32)>>,
    /// What is added by chance to waits, the same for all that came back together: they go on together, too.
    pub(super) jitter: f64,
    pub(super) confirmation: Confirmation,
    pub(super) hearing: Hearing,
    pub(super) work: JoinSet<Done>,
    /// When each piece of work was sent, and what it carries, for the case that it panics.
    pub(super) carried: HashMap<Id, (Instant, Carried)>,
    pub(super) recorder: Recorder,
    pub(super) teller: Teller<'a>,
    pub(super) cancel: Cancel,
    pub(super) heard: Urgency,
    /// The waves, and when the run halts.
    pub(super) stages: Stages,
    /// Why nothing more is sent.
    stop: Option<Ending>,
    stopped_by: Option<Failure>,
    pub(super) next_batch: u64,
    /// Everything waits until then.
    pub(super) held_until: Option<Instant>,
    /// The wait that listeners were last told of ends then.
    pub(super) told_hold: Option<Instant>,
    /// Nothing good has come from the console since then.
    silent_since: Option<Instant>,
    /// What was wrong on our side and has been told.
    pub(super) mended: HashSet<FailureKind>,
}

#[derive(Debug)]
pub(super) enum Carried {
    Targets(Vec<u32>),
    Look(Vec<u32>, Why),
    Page,
}

impl<'a> Dispatcher<'a> {
    pub(super) fn new(run: Run, recorder: Recorder, cancel: Cancel, listener: &'a mut dyn Listener) -> Self {
        let Run { header, purpose, console, roster, standings, wait, first_batch, rollout, news } = run;
        let action = match purpose {
            Purpose::Act(action) => Some(Arc::new(action)),
            Purpose::Read => None,
        };
        let requests_before = console.requests;
        let capabilities = console.vendor.capabilities();
        let capability = action.as_ref().and_then(|action| capabilities.actions.get(&action.kind));
        let max_batch = match capability {
            Some(capability) => capability.max_batch,
            None => NonZeroUsize::new(capabilities.max_observe).unwrap_or(NonZeroUsize::MIN),
        };
        let repeat = capability.map_or(Repeat::Safe, |capability| capability.repeat);
        let completion = capability.map_or(Completion::Observed, |capability| capability.completion);
        let polls = completion == Completion::Polled;
        let teller = Teller::new(listener, u64::from(roster.len()));
        let first_phase = if action.is_some() { Phase::Ready } else { Phase::Look(Why::Reading) };
        let mut dispatcher = Self {
            action,
            repeat,
            followed: completion != Completion::Immediate,
            polls,
            recalls: capability.is_some_and(|capability| capability.recalls),
            outstanding: Outstanding::new(console.limits.outstanding),
            max_batch,
            limits: console.limits,
            pace: console.pace,
            company: console.company,
            counted: None,
            slots: vec![Slot::new(first_phase); roster.len() as usize],
            notes: Notes::default(),
            ready: VecDeque::new(),
            looks: VecDeque::new(),
            delayed: BinaryHeap::new(),
            jitter: retry::jitter(),
            confirmation: Confirmation::new(wait, capabilities.inventory, capabilities.max_observe, polls),
            hearing: Hearing::new(news, header.resumed),
            work: JoinSet::new(),
            carried: HashMap::new(),
            recorder,
            teller,
            cancel,
            heard: Urgency::None,
            stages: Stages::new(rollout),
            stop: None,
            stopped_by: None,
            next_batch: first_batch,
            held_until: None,
            told_hold: None,
            silent_since: None,
            mended: HashSet::new(),
            vendor: console.vendor,
            header,
            roster,
        };
        dispatcher.teller.stats.requests = requests_before;
        dispatcher.take_standings(standings);
        dispatcher
    }

    /// Puts every target where it stands: settled by the plan, gone on with, or new.
    fn take_standings(&mut self, standings: Vec<(u32, Resumed)>) {
        for (n, standing) in standings {
            let Some(slot) = self.slots.get_mut(n as usize) else { continue };
            let (phase, attempts) = match standing {
                Resumed::Settled(outcome) => {
                    self.teller.stats.settled.add(outcome);
                    (Phase::Settled, 0)
                }
                // Whatever was sent for it before was refused whole: the journal would call it in doubt otherwise.
                Resumed::Unsent { attempts } => (Phase::Ready, attempts),
                Resumed::InDoubt { attempts } => {
                    slot.maybe_ours = true;
                    (Phase::Look(Why::Doubt), attempts)
                }
                Resumed::Awaiting { attempts, ticket } => {
                    slot.maybe_ours = true;
                    self.notes.of(n).ticket = ticket;
                    self.outstanding.add(n);
                    (Phase::Awaiting, attempts)
                }
                Resumed::Accepted { attempts } => {
                    self.teller.stats.settled.add(Outcome::Accepted);
                    slot.maybe_ours = true;
                    (Phase::Settled, attempts)
                }
            };
            slot.phase = phase;
            // A resumed run has its tries anew.
            slot.attempts_before = attempts;
        }
    }

    pub(super) async fn run(mut self) -> Report {
        self.teller.now(RunEventKind::RunStarted(Arc::clone(&self.header)));
        self.begin_stages();
        self.sort_into_queues();
        self.count_company();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // These two outlive a turn of the loop: to make them anew costs more than most of what a turn does.
        let cancel = self.cancel.clone();
        let mut interrupt = pin!(cancel.beyond(self.heard));
        let mut alarm = pin!(tokio::time::sleep_until(Instant::now()));
        loop {
            self.wake_delayed();
            self.take_early_news();
            self.confirm_if_due();
            self.advance_stages();
            self.start_work();
            if self.is_done() {
                break;
            }
            let timer = self.next_timer();
            if let Some(at) = timer
                && at != alarm.deadline()
            {
                alarm.as_mut().reset(at);
            }
            tokio::select! {
                () = &mut interrupt => {
                    self.interrupted();
                    interrupt.set(cancel.beyond(self.heard));
                }
                told = self.teller.next(), if !self.teller.is_empty() => {
                    if let Err(Unwritten(kinds)) = told {
                        self.untold(&kinds);
                    }
                }
                Some(done) = self.work.join_next_with_id(), if !self.work.is_empty() => {
                    self.take(done);
                    // What else has come back is taken in the same turn.
                    while let Some(done) = self.work.try_join_next_with_id() {
                        self.take(done);
                    }
                }
                () = &mut alarm, if timer.is_some() => {}
                Some(word) = self.stages.asking.join_next(), if !self.stages.asking.is_empty() => self.take_word(word),
                news = self.hearing.next() => {
                    self.take_news(news);
                    while let Some(news) = self.hearing.ready() {
                        self.take_news(Some(news));
                    }
                }
                _ = tick.tick() => self.tick(),
            }
        }
        self.finish().await
    }

    fn sort_into_queues(&mut self) {
        let settled: Vec<u32> = (0..self.roster.len())
            .filter(|n| self.roster.detail(*n).is_some_and(|detail| detail.settled.is_some()))
            .collect();
        for n in settled {
            if self.header.resumed {
                self.settle_anew(n);
            } else {
                self.settle_from_plan(n);
            }
        }
        let follows = |n: &u32| self.roster.detail(*n).is_some_and(|detail| detail.follows);
        let followed: Vec<u32> = (0..self.roster.len()).filter(follows).collect();
        for n in followed {
            if self.slots.get(n as usize).is_some_and(|slot| slot.phase == Phase::Ready) {
                self.set_phase(n, Phase::Awaiting);
                self.notes.of(n).before_us = true;
            }
        }
        for (n, slot) in (0_u32..).zip(&self.slots) {
            match slot.phase {
                Phase::Ready if self.stages.is_later(self.roster.wave(n)) => self.stages.hold(n, self.roster.wave(n)),
                Phase::Ready => self.ready.push_back(n),
                Phase::Look(_) => self.looks.push_back(n),
                Phase::Awaiting => {
                    if let Some(id) = self.roster.item(n).and_then(|item| item.host.clone()) {
                        self.confirmation.add(id, n);
                    }
                }
                Phase::InFlight | Phase::Settled => {}
            }
        }
    }

    /// Whether no more is to be sent, for whatever reason.
    pub(super) const fn is_draining(&self) -> bool {
        self.stop.is_some()
    }

    fn is_done(&self) -> bool {
        let idle = self.work.is_empty() && self.teller.is_empty();
        let asked = self.looks_are_over() && (self.is_draining() || self.all_asked());
        idle && asked
    }

    /// While draining, a look that has not begun is only worth its wait if the console still answers.
    fn looks_are_over(&self) -> bool {
        self.looks.is_empty() || (self.is_draining() && !self.looks_while_draining())
    }

    pub(super) fn looks_while_draining(&self) -> bool {
        let asks = matches!(self.stop, Some(Ending::Interrupted | Ending::Halted(_)));
        self.action.is_some() && asks && self.heard < Urgency::Abandon && !self.stages.abandons
    }

    fn all_asked(&self) -> bool {
        self.ready.is_empty() && self.delayed.is_empty() && self.confirmation.is_over() && self.stages.are_over()
    }

    /// Whether every request that changes something has been sent and has come back.
    pub(super) fn sending_is_over(&self) -> bool {
        self.ready.is_empty() && self.looks.is_empty() && self.delayed.is_empty() && self.work.is_empty()
    }

    /// Whether the rest has to wait for what was sent, and that has come back.
    pub(super) fn sending_is_held(&mut self) -> bool {
        self.looks.is_empty() && self.delayed.is_empty() && self.work.is_empty() && self.is_full()
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.work.is_empty()
    }

    /// Drops the looks that have not begun.
    pub(super) fn drop_looks(&mut self) {
        self.looks.clear();
        self.delayed.clear();
    }

    /// Moves what has waited long enough to where it is sent or looked at.
    fn wake_delayed(&mut self) {
        // What came back together was put off within an instant, and is to leave in one request.
        let now = Instant::now() + TOGETHER;
        while let Some(Reverse((at, n))) = self.delayed.peek().copied()
            && at <= now
        {
            self.delayed.pop();
            self.enqueue(n, false);
        }
    }

    /// Puts a target into the queue that its phase names.
    pub(super) fn enqueue(&mut self, n: u32, first: bool) {
        let queue = match self.slots.get(n as usize).map(|slot| slot.phase) {
            // Whoever turns back before its wave waits for that, too.
            Some(Phase::Ready) if self.stages.is_later(self.roster.wave(n)) => {
                return self.stages.hold(n, self.roster.wave(n));
            }
            Some(Phase::Ready) => &mut self.ready,
            Some(Phase::Look(_)) => &mut self.looks,
            _ => return,
        };
        if first {
            queue.push_front(n);
        } else {
            queue.push_back(n);
        }
    }

    /// Has a target wait before it goes on.
    pub(super) fn delay(&mut self, n: u32, wait: Duration) {
        self.delayed.push(Reverse((Instant::now() + wait, n)));
    }

    fn take(&mut self, done: Result<(Id, Done), JoinError>) {
        match done {
            Ok((id, done)) => {
                if let Some((sent, _)) = self.carried.remove(&id) {
                    self.keep_pace(sent, &done);
                }
                self.jitter = retry::jitter();
                self.judge(done);
            }
            Err(error) => {
                let Some((sent, carried)) = self.carried.remove(&error.id()) else { return };
                self.pace.answered(sent, Instant::now(), None, false);
                if error.is_panic() {
                    self.worker_panicked(carried);
                }
            }
        }
    }

    /// Takes what an answer says of the quota, before anything is made of the rest of it.
    fn keep_pace(&mut self, sent: Instant, done: &Done) {
        let now = Instant::now();
        let (reading, refused) = done.of_the_quota();
        self.pace.answered(sent, now, reading, refused.is_some());
        if let Some(retry_after) = refused {
            self.pace.refused(now, retry_after);
        }
    }

    /// A panic of a worker is a bug of ours and one target's outcome, not the end of the run.
    fn worker_panicked(&mut self, carried: Carried) {
        let failure =
            Failure::new(FailureKind::Internal, "edrctl failed while it worked on this host; please report it");
        match carried {
            Carried::Targets(numbers) => {
                for n in numbers {
                    self.settle_in_doubt(n, failure.clone());
                }
            }
            Carried::Look(numbers, why) => {
                for n in numbers {
                    self.look_failed(n, why, &failure, Again::Never);
                }
            }
            Carried::Page => self.end_round(),
        }
    }

    /// Notes whether the console still answers; one that is silent for too long stops the run.
    pub(super) fn console_answered(&mut self, well: bool, failure: Option<&Failure>) {
        if well {
            self.silent_since = None;
            return;
        }
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.limits.silence
            && let Some(failure) = failure
        {
            let text = failure.text.clone();
            let is_ours = failure.kind == FailureKind::FolderBusy;
            let ending = if is_ours { Ending::FolderFailed(text) } else { Ending::ConsoleLost(text) };
            self.stop_with(ending, Some(failure.clone()));
        }
    }

    /// Nothing more is sent. The first reason is the one that is told.
    pub(super) fn stop_with(&mut self, ending: Ending, failure: Option<Failure>) {
        if self.stop.is_none() {
            self.stop = Some(ending);
            self.stopped_by = failure;
        }
    }

    pub(super) fn journal_failed(&mut self) {
        let why = self.recorder.failure();
        // A journal that fails outweighs every other reason to stop: nothing after it can be trusted to be kept.
        if !matches!(self.stop, Some(Ending::JournalFailed(_))) {
            self.stopped_by = Some(Failure::new(FailureKind::Journal, why.clone()));
            self.stop = Some(Ending::JournalFailed(why));
        }
    }

    /// What could not be written is not told: those targets are as open as the journal says they are.
    fn untold(&mut self, kinds: &[RunEventKind]) {
        self.journal_failed();
        for kind in kinds {
            if let RunEventKind::TargetSettled(result) | RunEventKind::TargetAccepted(result) = kind {
                self.set_phase(result.n, if result.attempts > 0 { Phase::InFlight } else { Phase::Ready });
            }
        }
    }

    fn interrupted(&mut self) {
        self.heard = self.cancel.urgency();
        let how = if self.heard == Urgency::Abandon { How::Abandon } else { How::Drain };
        let synced = self.recorder.write(|| Record::Interrupted(Interrupted { how }));
        self.stop_with(Ending::Interrupted, None);
        self.refresh_stats();
        self.teller.now(RunEventKind::CancelRequested);
        self.teller.after(synced, Vec::new());
        if how == How::Abandon {
            self.work.abort_all();
        }
    }

    fn next_timer(&self) -> Option<Instant> {
        let now = Instant::now();
        let delayed = self.delayed.peek().map(|Reverse((at, _))| *at);
        // While draining, only what is under way counts, and it comes back by itself.
        let waits = [delayed, self.held_until, self.confirmation.due(), self.stages.due()].into_iter().flatten();
        waits.filter(|at| *at > now && !self.is_draining()).min()
    }

    /// Counts who else asks the console, so that all of them together keep within what it grants.
    fn count_company(&mut self) {
        let due = self.counted.is_none_or(|counted| counted.elapsed() >= HEADCOUNT);
        if let Some(company) = self.company.as_ref().filter(|_| due) {
            let (others, in_flight) = company.count();
            self.pace.share_with(others, in_flight);
            self.counted = Some(Instant::now());
        }
    }

    fn tick(&mut self) {
        self.count_company();
        self.refresh_stats();
        self.teller.tick();
    }

    /// Brings the totals up to date, the expected end among them.
    pub(super) fn refresh_stats(&mut self) {
        let now = Instant::now();
        let elapsed = self.teller.elapsed().as_secs_f64();
        let stats = &mut self.teller.stats;
        stats.in_flight = self.work.len() as u64;
        stats.awaiting = self.confirmation.len() as u64;
        stats.quota_left = self.pace.left();
        let to_send =
            self.ready.len() as u64 + self.delayed.len() as u64 + self.looks.len() as u64 + self.stages.waiting();
        let done = stats.settled.total() + stats.awaiting;
        let requests = to_send / self.max_batch.get() as u64;
        let by_quota = self.pace.delay_for(requests, now);
        stats.eta = (done > 0 && to_send > 0).then(|| {
            let each = elapsed / done as f64;
            by_quota + Duration::try_from_secs_f64(each * to_send as f64).unwrap_or(Duration::MAX)
        });
        if stats.eta.is_none() && !by_quota.is_zero() {
            stats.eta = Some(by_quota);
        }
    }

    async fn finish(mut self) -> Report {
        // Whatever was asked for between two waves is not wanted any more.
        self.stages.asking.shutdown().await;
        let ending = self.stop.clone().unwrap_or(Ending::Completed);
        let unsettled: Vec<u32> =
            (0_u32..).zip(&self.slots).filter(|(_, slot)| slot.phase != Phase::Settled).map(|(n, _)| n).collect();
        for n in unsettled {
            self.tell_unfinished(n, &ending);
        }
        let counts = self.teller.stats.settled;
        let mut exit = ending.exit(&counts, self.header.waits, self.touched_for_good());
        let mut ending = ending;
        let text_and_exit = End::new(&ending, counts, exit.number());
        let mut synced = self.recorder.write(|| Record::End(text_and_exit));
        let written = synced.wait().await.is_ok() && self.recorder.close().await.is_ok();
        if !written && !matches!(ending, Ending::JournalFailed(_)) {
            self.journal_failed();
            ending = self.stop.clone().unwrap_or(Ending::Completed);
            exit = ExitCode::Journal;
        }
        self.refresh_stats();
        self.teller.stats.eta = None;
        self.teller.now(RunEventKind::RunFinished(ending.clone()));
        Report { ending, counts, exit, stopped_by: self.stopped_by }
    }

    /// Whether anything was sent that the console may have carried out.
    fn touched_for_good(&self) -> bool {
        self.slots.iter().any(|slot| slot.maybe_ours)
    }

    /// The failure that stopped the run, if one did.
    pub(super) const fn stopped_by(&self) -> Option<&Failure> {
        self.stopped_by.as_ref()
    }
}

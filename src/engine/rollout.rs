//! A run in waves: who goes when, what comes between two waves, and when the run halts by itself.
//!
//! Targets of later waves stand aside until their wave begins, so the rest of the dispatcher knows nothing of waves. A wave is
//! over when each of its targets is at its end. Then come the pause and the gate, and then the next wave.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    task::{JoinError, JoinSet},
    time::Instant,
};

use super::{
    dispatcher::Dispatcher,
    event::{Between, RunEventKind, Wave},
    halt::{HaltHow, HaltRule},
    recorder::Synced,
    slot::{Phase, Slot},
};
use crate::{
    clock,
    domain::outcome::{Counts, Ending, Outcome},
    journal::By,
};

/// How a run is spread over time, beside the wave that each target has.
#[derive(Clone, Debug, Default)]
pub struct Rollout {
    /// How long the run waits between two waves.
    pub pause: Option<Duration>,
    /// What has to agree before the next wave begins.
    pub gate: Option<Arc<dyn Gate>>,
    /// When the run halts.
    pub halt: Option<HaltRule>,
}

/// What has to agree before the next wave begins.
#[async_trait]
pub trait Gate: fmt::Debug + Send + Sync {
    /// Whether a person is asked, who has just agreed where a run is gone on with.
    fn asks(&self) -> bool;

    /// Waits for the word; `Err` says why the next wave does not begin. It is dropped when somebody interrupts.
    async fn pass(&self, interval: &Interval) -> Result<(), String>;
}

/// What there is to know between two waves.
#[derive(Clone, Debug)]
pub struct Interval {
    /// The wave that is over; none where a run that stopped between two is gone on with.
    pub ended: Option<Wave>,
    /// How its targets ended.
    pub counts: Counts,
    /// How the targets of the run have ended so far.
    pub so_far: Counts,
    /// Whether proof is waited for, so that `accepted` is no success.
    pub waits: bool,
    /// The wave that is to begin.
    pub next: Wave,
}

/// Where a run stands between and in its waves.
#[derive(Debug)]
pub(super) struct Stages {
    rollout: Rollout,
    of: u16,
    current: u16,
    stage: Stage,
    /// Targets that wait for their wave.
    later: BTreeMap<u16, VecDeque<u32>>,
    /// The wave that is under way, or was the last to be.
    wave: Option<Wave>,
    /// Its targets that are not at their end.
    open: u64,
    /// How the others ended.
    counts: Counts,
    /// How all targets that came to their end in this process did.
    ended: Counts,
    pub(super) asking: JoinSet<Result<(), String>>,
    halting: bool,
    /// What was under way when the run halted is given up.
    pub(super) abandons: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Before,
    UnderWay,
    Pausing(Instant),
    Asking,
    Over,
}

impl Stages {
    pub(super) fn new(rollout: Rollout) -> Self {
        Self {
            rollout,
            of: 0,
            current: 0,
            stage: Stage::Over,
            later: BTreeMap::new(),
            wave: None,
            open: 0,
            counts: Counts::default(),
            ended: Counts::default(),
            asking: JoinSet::new(),
            halting: false,
            abandons: false,
        }
    }

    /// Whether no wave is to come.
    pub(super) fn are_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// When the pause is over.
    pub(super) const fn due(&self) -> Option<Instant> {
        match self.stage {
            Stage::Pausing(until) => Some(until),
            _ => None,
        }
    }

    /// Targets that wait for their wave.
    pub(super) fn waiting(&self) -> u64 {
        self.later.values().map(|numbers| numbers.len() as u64).sum()
    }

    /// Whether a target of this wave has to wait for it.
    pub(super) const fn is_later(&self, wave: u16) -> bool {
        wave > self.current
    }

    pub(super) fn hold(&mut self, n: u32, wave: u16) {
        self.later.entry(wave).or_default().push_back(n);
    }
}

impl Dispatcher<'_> {
    /// Counts the waves, before anything is queued.
    pub(super) fn begin_stages(&mut self) {
        self.stages.of = (0..self.roster.len()).map(|n| self.roster.wave(n)).max().unwrap_or(0);
        if self.stages.of > 0 {
            self.stages.stage = Stage::Before;
        }
    }

    /// A target came to its end.
    pub(super) fn count_end(&mut self, n: u32, outcome: Outcome, by: By) {
        if by == By::Plan {
            return;
        }
        let stages = &mut self.stages;
        stages.ended.add(outcome);
        if stages.current > 0 && self.roster.wave(n) == stages.current {
            stages.open = stages.open.saturating_sub(1);
            stages.counts.add(outcome);
        }
        let failed = stages.ended.total() - stages.ended.successes(self.header.waits);
        stages.halting = stages.rollout.halt.is_some_and(|rule| failed >= rule.failures);
    }

    /// Halts, or goes on to what comes next.
    pub(super) fn advance_stages(&mut self) {
        loop {
            if self.is_draining() {
                return;
            }
            if let Some(rule) = self.stages.rollout.halt.filter(|_| self.stages.halting) {
                let failed = self.stages.ended.total() - self.stages.ended.successes(self.header.waits);
                let done = self.stages.ended.total();
                let why = format!("{failed} of {done} have failed, and the limit is {}", rule.failures);
                return self.halt(why, rule.how);
            }
            // Nothing begins before what came before it is on disk, and told.
            if !self.teller.is_empty() {
                return;
            }
            match self.stages.stage {
                Stage::Before => self.begin_first(),
                Stage::UnderWay if self.stages.open == 0 => self.end_wave(),
                Stage::Pausing(until) if until <= Instant::now() => self.reach_gate(),
                Stage::UnderWay | Stage::Pausing(_) | Stage::Asking | Stage::Over => return,
            }
        }
    }

    /// A run that is gone on with may have stopped between two waves: the person has just been asked, a command has not.
    fn begin_first(&mut self) {
        let Some(next) = self.next_wave() else {
            self.stages.stage = Stage::Over;
            return;
        };
        let is_fresh = |(n, slot): (u32, &Slot)| {
            u32::from(self.roster.wave(n)) != next.number || slot.phase == Phase::Settled || !slot.was_sent()
        };
        let is_between = next.number > 1 && (0_u32..).zip(&self.slots).all(is_fresh);
        if is_between && self.stages.rollout.gate.as_ref().is_some_and(|gate| !gate.asks()) {
            self.reach_gate();
        } else {
            self.begin_wave(next);
        }
    }

    /// The first wave from the current one on that has a target which is not at its end.
    fn next_wave(&self) -> Option<Wave> {
        let mut open: BTreeMap<u16, u64> = BTreeMap::new();
        for (n, slot) in (0_u32..).zip(&self.slots) {
            let wave = self.roster.wave(n);
            if wave > self.stages.current && slot.phase != Phase::Settled {
                *open.entry(wave).or_default() += 1;
            }
        }
        let (number, targets) = open.pop_first()?;
        Some(Wave { number: number.into(), of: self.stages.of.into(), targets })
    }

    fn begin_wave(&mut self, wave: Wave) {
        let number = u16::try_from(wave.number).unwrap_or(u16::MAX);
        let stages = &mut self.stages;
        stages.stage = Stage::UnderWay;
        stages.current = number;
        stages.open = wave.targets;
        stages.counts = Counts::default();
        stages.wave = Some(wave);
        if let Some(numbers) = stages.later.remove(&number) {
            self.ready.extend(numbers);
        }
        self.confirmation.begin_wave();
        self.tell_in_turn(RunEventKind::WaveStarted(wave));
    }

    fn end_wave(&mut self) {
        let Some(ended) = self.stages.wave else { return };
        let counts = self.stages.counts;
        self.tell_in_turn(RunEventKind::WaveEnded { wave: ended, counts });
        if self.next_wave().is_none() {
            self.stages.stage = Stage::Over;
            return;
        }
        let failed = counts.total() - counts.successes(self.header.waits);
        if failed > 0 && self.stages.rollout.halt.is_none() {
            let (number, of, all) = (ended.number, ended.of, counts.total());
            let text = format!("{failed} of {all} in wave {number} of {of} did not succeed");
            return self.halt(text, HaltHow::Soon);
        }
        match self.stages.rollout.pause.filter(|pause| !pause.is_zero()) {
            Some(pause) => {
                self.stages.stage = Stage::Pausing(Instant::now() + pause);
                let until = clock::now() + jiff::SignedDuration::try_from(pause).unwrap_or_default();
                self.tell_in_turn(RunEventKind::BetweenWaves(Between::Pause { wait: pause, until }));
            }
            None => self.reach_gate(),
        }
    }

    fn reach_gate(&mut self) {
        let Some(next) = self.next_wave() else {
            self.stages.stage = Stage::Over;
            return;
        };
        let Some(gate) = self.stages.rollout.gate.clone() else { return self.begin_wave(next) };
        let interval = Interval {
            ended: self.stages.wave,
            counts: self.stages.counts,
            so_far: self.teller.stats.settled,
            waits: self.header.waits,
            next,
        };
        self.stages.stage = Stage::Asking;
        // Whoever draws on the terminal makes room for the question first.
        self.tell_in_turn(RunEventKind::BetweenWaves(Between::Gate { asks: gate.asks() }));
        self.stages.asking.spawn(async move { gate.pass(&interval).await });
    }

    /// The gate has spoken.
    pub(super) fn take_word(&mut self, word: Result<Result<(), String>, JoinError>) {
        match word {
            Ok(Ok(())) => match self.next_wave() {
                Some(next) if !self.is_draining() => self.begin_wave(next),
                _ => self.stages.stage = Stage::Over,
            },
            Ok(Err(why)) => self.halt(why, HaltHow::Soon),
            Err(error) if error.is_panic() => {
                self.halt("edrctl failed between two waves; please report it".to_owned(), HaltHow::Soon);
            }
            Err(_) => {}
        }
    }

    fn halt(&mut self, why: String, how: HaltHow) {
        if self.is_draining() {
            return;
        }
        self.stop_with(Ending::Halted(why.clone()), None);
        if how == HaltHow::Now {
            self.stages.abandons = true;
            self.work.abort_all();
        }
        self.refresh_stats();
        self.tell_in_turn(RunEventKind::Halted { why, abandons: how == HaltHow::Now });
    }

    /// Tells once everything has been told that came before.
    fn tell_in_turn(&mut self, kind: RunEventKind) {
        if self.teller.is_empty() {
            self.teller.now(kind);
        } else {
            self.teller.after(Synced::at_once(), vec![kind]);
        }
    }
}

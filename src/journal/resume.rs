//! What a journal's records come to: the state of every target. Pure.
//!
//! The rule is short. An intent without its answer may have been sent: the target is in doubt. An answer belongs to the
//! last intent of its batch that names the target, and to nothing else. A settlement holds until the target is sent
//! again.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    error::JournalError,
    reader::Line,
    record::{Answer, End, Header, Interrupted, Record, Reply, Resumed, Settlement, TargetRecord},
    turn::Turn,
};
use crate::domain::{
    failure::{Failure, FailureKind},
    outcome::{Counts, Outcome},
};

/// A run as its journal tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// What the run is.
    pub header: Header,
    /// When it began.
    pub started: Timestamp,
    /// Its targets; each stands at the place of its number.
    pub targets: Vec<TargetReplay>,
    /// Who went on with it, and when.
    pub resumptions: Vec<(Timestamp, Resumed)>,
    /// When it was interrupted, and how.
    pub interruptions: Vec<(Timestamp, Interrupted)>,
    /// How it and its resumptions ended, and when.
    pub ends: Vec<(Timestamp, End)>,
    /// Whether the last line is an end; a run that was killed has none.
    pub ended: bool,
    /// The first number that no request has had.
    pub next_batch: u64,
    /// How many lines the journal has.
    pub lines: u64,
    /// When its last line was written down.
    pub last_at: Timestamp,
}

impl Replay {
    /// How many targets stand in each outcome, if nothing more is done.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.targets.iter().for_each(|target| counts.add(target.outcome()));
        counts
    }

    /// The turn in which a target was last heard of.
    pub fn turn_of(&self, target: &TargetReplay) -> Option<&Turn> {
        match target.resumed.checked_sub(1) {
            None => self.header.turn.as_ref(),
            Some(n) => self.resumptions.get(n as usize)?.1.turn.as_ref(),
        }
    }
}

/// One target as the journal tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetReplay {
    /// The target as planned.
    pub record: TargetRecord,
    /// How often it was sent.
    pub attempts: u32,
    /// How often the run had been resumed when it was last heard of.
    pub resumed: u32,
    /// When it was first sent.
    pub first_sent: Option<Timestamp>,
    /// Where it stands.
    pub phase: Phase,
}

/// Where a target stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// It was never sent, or it was and nothing was done.
    Unsent {
        /// Why nothing was done, the last time.
        failure: Option<Box<Failure>>,
    },
    /// It was meant to be sent, and what came of it is not known.
    InDoubt {
        /// The request that carried it.
        batch: u64,
        /// Since when.
        since: Timestamp,
        /// What went wrong with the request, if that is all that is known of it.
        failure: Option<Box<Failure>>,
    },
    /// The console took it; the state has not been read since.
    Accepted {
        /// What to ask after the work by.
        ticket: Option<Box<str>>,
        /// The console's word for the host's state, where the answer told it.
        state: Option<Arc<str>>,
        /// Since when.
        since: Timestamp,
    },
    /// It came to an end.
    Settled(Box<Settlement>),
}

/// What a resumed run has to do for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: its outcome stands.
    Nothing,
    /// Send it.
    Send,
    /// Look at the host, then decide.
    Look,
    /// Wait for the state, as for any accepted request.
    Poll,
}

impl TargetReplay {
    /// What a resumed run has to do for it. `waits`: whether that run waits for proof.
    pub fn needs(&self, waits: bool) -> Need {
        match &self.phase {
            Phase::Unsent { .. } => Need::Send,
            Phase::InDoubt { .. } => Need::Look,
            Phase::Accepted { .. } if waits => Need::Poll,
            Phase::Accepted { .. } => Need::Nothing,
            Phase::Settled(result) => match result.outcome {
                Outcome::NotSent => Need::Send,
                Outcome::InDoubt => Need::Look,
                Outcome::Unconfirmed => Need::Poll,
                Outcome::Accepted if waits => Need::Poll,
                Outcome::Accepted
                | Outcome::Confirmed
                | Outcome::Already
                | Outcome::Failed
                | Outcome::Unresolved
                | Outcome::Refused => Need::Nothing,
            },
        }
    }

    /// How it ended, or what would have to be said of it if nothing more is done.
    pub fn outcome(&self) -> Outcome {
        match &self.phase {
            Phase::Unsent { .. } => Outcome::NotSent,
            Phase::InDoubt { .. } => Outcome::InDoubt,
            Phase::Accepted { .. } => Outcome::Accepted,
            Phase::Settled(result) => result.outcome,
        }
    }

    /// How it ended, if it did.
    pub fn settled(&self) -> Option<&Settlement> {
        match &self.phase {
            Phase::Settled(result) => Some(result),
            Phase::Unsent { .. } | Phase::InDoubt { .. } | Phase::Accepted { .. } => None,
        }
    }

    /// Whether nothing of ours is left of it, and somebody else keeps it as it is: then it is his, and none of ours is due.
    pub fn is_left_to_others(&self) -> bool {
        let code = self.settled().filter(|result| result.outcome == Outcome::Failed).and_then(|result| result.code);
        self.attempts > 0 && code == Some(FailureKind::NotOurs)
    }

    fn new(mut record: TargetRecord, at: Timestamp) -> Self {
        let phase = match record.settled.take() {
            Some(result) => settled(*result, at),
            None => Phase::Unsent { failure: None },
        };
        Self { record, attempts: 0, resumed: 0, first_sent: None, phase }
    }

    fn sent(&mut self, batch: u64, attempt: u32, at: Timestamp) {
        self.attempts = self.attempts.saturating_add(1).max(attempt);
        self.first_sent.get_or_insert(at);
        self.phase = Phase::InDoubt { batch, since: at, failure: None };
    }

    fn answered(&mut self, in_batch: u64, reply: Reply, at: Timestamp, resumed: u32) {
        let Phase::InDoubt { batch, since, .. } = self.phase else { return };
        if batch != in_batch {
            return;
        }
        self.resumed = resumed;
        let failure = reply.failure().map(Box::new);
        self.phase = match reply {
            Reply::Accepted { ticket, state, .. } => Phase::Accepted { ticket, state, since: at },
            Reply::Settled { result, .. } => settled(result, at),
            Reply::Again { .. } | Reply::Stopped { .. } => Phase::Unsent { failure },
            Reply::Look { .. } => Phase::InDoubt { batch, since, failure },
        };
    }
}

fn settled(mut result: Settlement, at: Timestamp) -> Phase {
    result.finished.get_or_insert(at);
    Phase::Settled(Box::new(result))
}

/// Folds lines that were read elsewhere.
///
/// # Errors
///
/// [`JournalError::Damaged`] if they contradict themselves: no header, a plan that is not whole, a target that is not in
/// it.
pub fn replay(lines: impl IntoIterator<Item = Line>) -> Result<Replay, JournalError> {
    let mut fold = Fold::default();
    let mut number = 0;
    let damaged = |number: u64, what: String| JournalError::damaged("-".as_ref(), number, what);
    for line in lines {
        number = line.number;
        fold.take(line).map_err(|what| damaged(number, what))?;
    }
    fold.finish().map_err(|what| damaged(number, what))
}

/// The fold, a line at a time. An error says what is wrong with the line.
#[derive(Debug, Default)]
pub(super) struct Fold {
    so_far: Option<Replay>,
    texts: Texts,
}

impl Fold {
    pub(super) fn take(&mut self, line: Line) -> Result<(), String> {
        let Line { number, at, record } = line;
        if let Record::Run(header) = record {
            if self.so_far.is_some() {
                return Err("says a second time what the run is".to_owned());
            }
            self.so_far = Some(Replay {
                header: *header,
                started: at,
                targets: Vec::new(),
                resumptions: Vec::new(),
                interruptions: Vec::new(),
                ends: Vec::new(),
                ended: false,
                next_batch: 0,
                lines: number,
                last_at: at,
            });
            return Ok(());
        }
        let run = self.so_far.as_mut().ok_or("comes before what the run is")?;
        run.lines = number;
        run.last_at = at;
        run.ended = matches!(record, Record::End(_));
        let resumed = u32::try_from(run.resumptions.len()).unwrap_or(u32::MAX);
        match record {
            Record::Run(_) => {}
            Record::Targets(part) => {
                run.targets.reserve(part.list.len());
                for mut target in part.list {
                    if usize::try_from(target.n).ok() != Some(run.targets.len()) {
                        return Err(format!("numbers a target {} that is the plan's {}", target.n, run.targets.len()));
                    }
                    self.texts.share(&mut target);
                    run.targets.push(TargetReplay::new(target, at));
                }
            }
            Record::Intent(intent) => {
                run.next_batch = run.next_batch.max(intent.batch.saturating_add(1));
                for n in intent.targets {
                    let target = find(&mut run.targets, n)?;
                    target.resumed = resumed;
                    target.sent(intent.batch, intent.attempt, at);
                }
            }
            Record::Answer(Answer { batch, replies, .. }) => {
                for mut reply in replies {
                    match &mut reply {
                        Reply::Accepted { state, .. } => self.texts.share_text(state),
                        Reply::Settled { result, .. } => self.texts.share_text(&mut result.state),
                        Reply::Again { .. } | Reply::Look { .. } | Reply::Stopped { .. } => {}
                    }
                    find(&mut run.targets, reply.n())?.answered(batch, reply, at, resumed);
                }
            }
            Record::Settled(mut one) => {
                self.texts.share_text(&mut one.result.state);
                let target = find(&mut run.targets, one.n)?;
                target.resumed = resumed;
                target.phase = settled(one.result, at);
            }
            Record::Interrupted(interrupted) => run.interruptions.push((at, interrupted)),
            Record::Resumed(resumed) => run.resumptions.push((at, resumed)),
            Record::End(end) => run.ends.push((at, end)),
        }
        Ok(())
    }

    /// The run as far as its lines were taken.
    pub(super) const fn so_far(&self) -> Option<&Replay> {
        self.so_far.as_ref()
    }

    pub(super) fn finish(self) -> Result<Replay, String> {
        let mut run = self.so_far.ok_or("is missing: a journal begins with what the run is")?;
        if run.header.targets != run.targets.len() as u64 {
            return Err(format!("ends a plan of {} targets instead of {}", run.targets.len(), run.header.targets));
        }
        run.targets.shrink_to_fit();
        Ok(run)
    }
}

fn find(targets: &mut [TargetReplay], n: u32) -> Result<&mut TargetReplay, String> {
    usize::try_from(n)
        .ok()
        .and_then(|n| targets.get_mut(n))
        .ok_or_else(|| format!("speaks of target {n}, which is not in the plan"))
}

/// Keeps one copy of the texts that a million targets have in common: file names and states.
#[derive(Debug, Default)]
struct Texts(Vec<Arc<str>>);

impl Texts {
    /// A journal with more different ones than this pays for the rest.
    const KEPT: usize = 32;

    fn share(&mut self, target: &mut TargetRecord) {
        self.share_text(&mut target.f);
        self.share_text(&mut target.before);
        if let Some(id) = &mut target.id
            && *id == target.t
        {
            *id = Arc::clone(&target.t);
        }
        if let Some(result) = &mut target.settled {
            self.share_text(&mut result.state);
        }
        for further in &mut target.dup {
            self.share_text(&mut further.f);
        }
    }

    fn share_text(&mut self, text: &mut Option<Arc<str>>) {
        let Some(text) = text else { return };
        match self.0.iter().find(|kept| *kept == text) {
            Some(kept) => *text = Arc::clone(kept),
            None if self.0.len() < Self::KEPT => self.0.push(Arc::clone(text)),
            None => {}
        }
    }
}

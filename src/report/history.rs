//! What the journal knows of the time between a run's beginning and its end.
//!
//! It hears every line and looks each time where the targets of that line stand now. So it counts what the journal's own
//! rules say, also where a host was lost again or a run was resumed.

use jiff::{SignedDuration, Timestamp};

use crate::{
    domain::{failure::FailureKind, outcome::Outcome},
    journal::{Answer, How, Line, Phase, Record, Replay, Reply, TargetReplay, Witness},
};

/// Marks that are kept; a console may throttle ten thousand times.
const MOST_MARKS: usize = 200;
/// Refusals that come so close to each other are one mark.
const TOGETHER: SignedDuration = SignedDuration::from_secs(1);

/// How far a target has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reach {
    #[default]
    Nothing,
    /// It was so before anything was sent.
    Before,
    /// The console took it.
    Taken,
    /// The console says that it is so.
    Proven,
}

/// So many targets from this moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The moment.
    pub(super) at: Timestamp,
    /// Targets that the console has taken; those that are proven are among them.
    pub(super) taken: u64,
    /// Targets that the console says are so.
    pub(super) proven: u64,
}

/// Something that happened to the run as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// When.
    pub(super) at: Timestamp,
    /// What.
    pub(super) what: Event,
}

/// What may happen to a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The console said: slower; so many targets were told so.
    Throttled(u64),
    /// Somebody interrupted it.
    Interrupted(How),
    /// Somebody went on with it.
    Resumed,
    /// It ended, with this word.
    Ended(String),
}

/// The time between a run's beginning and its end.
#[derive(Debug, Default)]
pub struct History {
    reach: Vec<Reach>,
    changes: Vec<(Timestamp, Reach, Reach)>,
    before: u64,
    marks: Vec<Mark>,
    unmarked: u64,
    /// The targets of the line that was heard last, and when it was written.
    named: Vec<u32>,
    at: Timestamp,
}

impl Witness for History {
    fn hear(&mut self, line: &Line) {
        self.named.clear();
        self.at = line.at;
        match &line.record {
            Record::Targets(part) => {
                self.named.extend(part.list.iter().filter(|target| target.settled.is_some()).map(|target| target.n));
            }
            Record::Intent(intent) => self.named.extend(&intent.targets),
            Record::Answer(answer) => {
                self.named.extend(answer.replies.iter().map(Reply::n));
                self.throttled(answer);
            }
            Record::Settled(settled) => self.named.push(settled.n),
            Record::Interrupted(interrupted) => self.mark(Event::Interrupted(interrupted.how)),
            Record::Resumed(_) => self.mark(Event::Resumed),
            Record::End(end) => self.mark(Event::Ended(end.ending.clone())),
            // The beginning; and what the journal may learn to say says nothing here until this is taught to hear it.
            _ => {}
        }
    }

    fn see(&mut self, so_far: &Replay) {
        for n in std::mem::take(&mut self.named) {
            let Some((place, target)) = usize::try_from(n).ok().and_then(|n| Some((n, so_far.targets.get(n)?))) else {
                continue;
            };
            if self.reach.len() <= place {
                self.reach.resize(so_far.targets.len(), Reach::Nothing);
            }
            let Some(reach) = self.reach.get_mut(place) else { continue };
            let (is, at) = reach_of(target, self.at);
            if *reach != is {
                self.before += u64::from(is == Reach::Before);
                self.before -= u64::from(*reach == Reach::Before);
                self.changes.push((at, *reach, is));
                *reach = is;
            }
        }
    }
}

fn reach_of(target: &TargetReplay, at: Timestamp) -> (Reach, Timestamp) {
    match &target.phase {
        Phase::Accepted { .. } => (Reach::Taken, at),
        Phase::Settled(result) => {
            let reach = match result.outcome {
                Outcome::Already if target.attempts == 0 => Reach::Before,
                Outcome::Confirmed | Outcome::Already => Reach::Proven,
                Outcome::Accepted | Outcome::Unconfirmed => Reach::Taken,
                _ => Reach::Nothing,
            };
            (reach, result.finished.unwrap_or(at))
        }
        Phase::Unsent { .. } | Phase::InDoubt { .. } => (Reach::Nothing, at),
    }
}

impl History {
    fn mark(&mut self, what: Event) {
        if self.marks.len() < MOST_MARKS {
            self.marks.push(Mark { at: self.at, what });
        } else {
            self.unmarked += 1;
        }
    }

    fn throttled(&mut self, answer: &Answer) {
        let refused = answer
            .replies
            .iter()
            .filter(|reply| matches!(reply, Reply::Again { code: Some(FailureKind::Throttled), .. }));
        let refused = refused.count() as u64;
        if refused == 0 {
            return;
        }
        if let Some(Mark { at, what: Event::Throttled(count) }) = self.marks.last_mut()
            && self.at.duration_since(*at) <= TOGETHER
        {
            *count += refused;
        } else {
            self.mark(Event::Throttled(refused));
        }
    }

    /// Targets that were so before anything was sent.
    pub(super) const fn before(&self) -> u64 {
        self.before
    }

    /// What happened to the run as a whole, in order.
    pub(super) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// What happened beyond the marks that were kept.
    pub(super) const fn unmarked(&self) -> u64 {
        self.unmarked
    }

    /// How many targets had come how far, from moment to moment. Those that were so before are not among them.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut changes = self.changes.clone();
        // An outcome may be dated before the line that tells it.
        changes.sort_by_key(|(at, ..)| *at);
        let taken = |reach: Reach| i64::from(matches!(reach, Reach::Taken | Reach::Proven));
        let proven = |reach: Reach| i64::from(reach == Reach::Proven);
        let (mut all_taken, mut all_proven) = (0_i64, 0_i64);
        let mut steps: Vec<Step> = Vec::new();
        for (at, was, is) in changes {
            all_taken += taken(is) - taken(was);
            all_proven += proven(is) - proven(was);
            let count = |sum: i64| u64::try_from(sum).unwrap_or_default();
            let step = Step { at, taken: count(all_taken), proven: count(all_proven) };
            match steps.last_mut() {
                Some(last) if last.at == at => *last = step,
                _ => steps.push(step),
            }
        }
        steps
    }
}

//! What runs have done to each target, one after the other: whose doing its state is, and when it is due to be taken back.
//! Pure.
//!
//! A journal tells of its own run only. Whoever takes something back has to know what others have asked for since, and so all
//! journals of a console are laid side by side here. Where they leave a doubt, the host stays cut off.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::{
    record::Header,
    resume::{Need, Phase, Replay, TargetReplay},
    turn::{Clocks, Turn},
};
use crate::domain::{action::ActionKind, host::HostId, id::RunId, outcome::Outcome};

/// How long a request of ours that nobody saw carried out is thought to be on its way. What is seen of a host later than that is how it is.
pub const ON_ITS_WAY: SignedDuration = SignedDuration::from_hours(1);

/// Where a journal keeps for how many seconds what its run does is to last.
pub const FOR: &str = "for";

/// Where it keeps until when, for what is known by the console to that time.
pub const EXPIRES: &str = "expires";

/// What a run has done to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touch {
    /// Nothing: it was so before, and the run wants it so.
    Wanted,
    /// Perhaps it was its doing, and nobody knows how it was before: it may be somebody else's as well.
    Unclear,
    /// Perhaps it was its doing: sent, and nobody knows what came of it.
    Perhaps,
    /// The console took its request, and did not confirm it in time.
    Asked,
    /// The console took its request, and nobody waited for proof.
    Taken,
    /// It was its doing.
    Done,
}

/// When what a run does is due to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// Never.
    ForGood,
    /// So long after it was done.
    For(SignedDuration),
    /// At this time.
    Until(Timestamp),
}

impl Lasts {
    fn due(self, done: Timestamp) -> Option<Timestamp> {
        match self {
            Self::ForGood => None,
            // What is later than time is counted here is never due.
            Self::For(time) => Some(done.checked_add(time).unwrap_or(Timestamp::MAX)),
            Self::Until(at) => Some(at),
        }
    }
}

/// How long what a run does is to last. What cannot be read lasts for good: nothing is given back too early.
pub fn lasts(header: &Header) -> Lasts {
    let option = |key: &str| header.options.get(key);
    let time = option(FOR).and_then(serde_json::Value::as_i64).map(SignedDuration::from_secs);
    let until = option(EXPIRES).and_then(serde_json::Value::as_str).and_then(|at| at.parse().ok());
    time.map(Lasts::For).or(until.map(Lasts::Until)).unwrap_or(Lasts::ForGood)
}

/// What a run has done to a target; `None` where it neither changed it nor found it as it wants it.
pub fn touch(target: &TargetReplay, kind: ActionKind) -> Option<Touch> {
    let was_so = kind.reached().is_some() && target.record.before.as_deref() == kind.reached();
    let sent = target.attempts > 0 && !was_so;
    let if_sent = |touch| Some(if sent { touch } else { Touch::Wanted });
    match target.outcome() {
        Outcome::Already => Some(Touch::Wanted),
        Outcome::Confirmed => if_sent(Touch::Done),
        Outcome::Accepted => if_sent(Touch::Taken),
        Outcome::Unconfirmed => if_sent(Touch::Asked),
        Outcome::InDoubt if target.record.before.is_none() => if_sent(Touch::Unclear),
        Outcome::InDoubt => if_sent(Touch::Perhaps),
        Outcome::Failed if kind == ActionKind::Unblock && target.is_left_to_others() => Some(Touch::Done),
        Outcome::Failed | Outcome::Unresolved | Outcome::Refused | Outcome::NotSent => None,
    }
}

/// Whether a run that is under way may still do something to a target.
pub(super) fn is_in_hand(target: &TargetReplay, waits: bool) -> bool {
    target.needs(waits) != Need::Nothing
}

/// When the last that is known of a target became known, by the clock of then.
fn heard_of(target: &TargetReplay, run: &Replay) -> Timestamp {
    match &target.phase {
        Phase::Unsent { .. } => run.started,
        Phase::InDoubt { since, .. } | Phase::Accepted { since, .. } => *since,
        Phase::Settled(settled) => settled.finished.or(settled.started).unwrap_or(run.started),
    }
}

/// One run's part in the story of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, told so that it agrees with the order in which runs began.
    pub at: Timestamp,
    /// When by its own clock.
    pub told: Timestamp,
    /// Its place in the order of runs.
    pub turn: Option<Turn>,
    /// When its run began, told like `at`.
    pub began: Timestamp,
    /// That by its own clock, and its place in the order.
    begin: (Timestamp, Option<Turn>),
    /// The run.
    pub run: Arc<RunId>,
    /// What it did.
    pub kind: ActionKind,
    /// Whether it was its doing.
    pub touch: Touch,
    /// When that is due to be taken back.
    pub due: Option<Timestamp>,
    /// What the host was called then.
    pub name: Option<Arc<str>>,
}

impl Event {
    /// Two at the same instant stand in the order of their turns and names, so that it is the same each time.
    fn key(&self) -> (Timestamp, u64, &RunId) {
        (self.at, self.turn.as_ref().map_or(0, |turn| turn.n), &self.run)
    }

    /// Whether its run began after that of another.
    fn is_of_later_run(&self, other: &Self) -> bool {
        let key = |event: &Self| (event.began, event.begin.1.as_ref().map_or(0, |turn| turn.n));
        *self.run != *other.run && (key(self), &self.run) > (key(other), &other.run)
    }

    /// Whether what this one found may have been changed by a request of that one that was still on its way.
    fn may_have_missed(&self, request: &Self) -> bool {
        let was_seen = matches!(request.touch, Touch::Done | Touch::Wanted);
        self.touch == Touch::Wanted && !was_seen && self.at.duration_since(request.at) < ON_ITS_WAY
    }

    fn is_against(&self, kind: ActionKind) -> bool {
        kind.undone_by() == Some(self.kind)
    }

    /// Whether the target was seen as the run wanted it.
    const fn is_sure(&self) -> bool {
        matches!(self.touch, Touch::Taken | Touch::Done | Touch::Wanted)
    }
}

/// How what a run has done to a target stands, seen from all that came later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// The run has not changed it.
    Untouched,
    /// It stands; `look`: whether that is certain only after a look.
    Stands {
        /// Whether the host has to be looked at first.
        look: bool,
    },
    /// That run has taken it back.
    TakenBack(Arc<RunId>),
    /// That run, a later one, wants it so, too.
    Wanted(Arc<RunId>),
}

/// A target that is to be taken back at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The target.
    pub id: HostId,
    /// What it was called, the last time.
    pub name: Option<Arc<str>>,
    /// When it is due; `None` where a run wants it so for good.
    pub due: Option<Timestamp>,
    /// The runs that want it so for a time, the oldest first.
    pub runs: Vec<Arc<RunId>>,
    /// The run that decides: the one that holds it longest.
    pub holder: Arc<RunId>,
    /// How sure the surest of those who hold it is that it was its doing.
    pub touch: Touch,
}

/// The stories of the targets of one console.
#[derive(Debug, Default)]
pub struct Ledger {
    stories: BTreeMap<HostId, Vec<Event>>,
    clocks: Clocks,
}

impl Ledger {
    /// Adds what a run has done. `only`: the targets that matter, if not all do.
    pub fn add(&mut self, run: &Replay, kind: ActionKind, lasts: Lasts, only: Option<&HashSet<HostId>>) {
        self.clocks.hear(run);
        let name = Arc::new(run.header.run.clone());
        for target in &run.targets {
            let (Some(id), Some(touch)) = (&target.record.id, touch(target, kind)) else { continue };
            let id = HostId::new(Arc::clone(id));
            if only.is_some_and(|only| !only.contains(&id)) {
                continue;
            }
            let at = heard_of(target, run);
            let due = lasts.due(at);
            let event = Event {
                at,
                told: at,
                turn: run.turn_of(target).cloned(),
                began: run.started,
                begin: (run.started, run.header.turn.clone()),
                run: Arc::clone(&name),
                kind,
                touch,
                due,
                name: target.record.name.as_ref().map(Arc::clone),
            };
            let story = self.stories.entry(id).or_default();
            let place = story.partition_point(|earlier| earlier.key() <= event.key());
            story.insert(place, event);
        }
    }

    /// Puts all that was added in order, also what a clock that was ahead had written down. To be called once all is there.
    pub fn put_in_order(&mut self) {
        self.clocks.compare();
        for event in self.stories.values_mut().flatten() {
            event.at = self.clocks.agreed(event.turn.as_ref(), event.told);
            let (began, turn) = &event.begin;
            event.began = self.clocks.agreed(turn.as_ref(), *began);
        }
        for story in self.stories.values_mut() {
            story.sort_by(|a, b| a.key().cmp(&b.key()));
        }
    }

    /// When the last that is known of a target became known, told so that it agrees with the order in which runs began.
    pub fn heard_of(&self, target: &TargetReplay, run: &Replay) -> Timestamp {
        self.clocks.agreed(run.turn_of(target), heard_of(target, run))
    }

    /// What runs have done to a target, the oldest first.
    pub fn story(&self, id: &HostId) -> &[Event] {
        self.stories.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    /// How what `run` has done to a target stands.
    pub fn since(&self, id: &HostId, run: &RunId) -> Since {
        let story = self.story(id);
        let Some(place) = story.iter().position(|event| *event.run == *run) else { return Since::Untouched };
        let Some((own, later)) = story.get(place..).and_then(<[Event]>::split_first) else { return Since::Untouched };
        let mut since = match own.touch {
            Touch::Wanted => return Since::Untouched,
            Touch::Unclear | Touch::Perhaps | Touch::Asked => Since::Stands { look: true },
            Touch::Taken | Touch::Done => Since::Stands { look: false },
        };
        // A later run may have said that it wants it so before this one heard what came of its request.
        for event in story.iter().take(place) {
            if event.kind == own.kind && event.is_of_later_run(own) {
                since = Since::Wanted(Arc::clone(&event.run));
            } else if event.is_against(own.kind)
                && event.is_sure()
                && let Since::Wanted(_) = since
            {
                since = Since::Stands { look: own.touch < Touch::Taken };
            }
        }
        for event in later {
            if event.kind == own.kind {
                since = Since::Wanted(Arc::clone(&event.run));
            } else if event.is_against(own.kind) {
                since = match (event.touch, since) {
                    // It was so at that time, and a request that nobody saw carried out may have been carried out after it.
                    (Touch::Wanted, Since::Stands { .. }) if event.may_have_missed(own) => Since::Stands { look: true },
                    (Touch::Taken | Touch::Done | Touch::Wanted, _) => Since::TakenBack(Arc::clone(&event.run)),
                    // Nobody knows whether it was taken back.
                    (Touch::Unclear | Touch::Perhaps | Touch::Asked, Since::Stands { .. }) => {
                        Since::Stands { look: true }
                    }
                    (Touch::Unclear | Touch::Perhaps | Touch::Asked, since) => since,
                };
            }
        }
        since
    }

    /// The earlier run that has done to a target what `run` did to it again, where nobody has taken it back in between.
    pub fn so_before(&self, id: &HostId, run: &RunId) -> Option<&Arc<RunId>> {
        let story = self.story(id);
        let place = story.iter().position(|event| *event.run == *run)?;
        let (earlier, later) = story.split_at_checked(place)?;
        let kind = later.first()?.kind;
        let mut holder = None;
        for event in earlier {
            if event.kind == kind {
                holder = Some(&event.run);
            } else if event.is_against(kind) && event.is_sure() {
                holder = None;
            }
        }
        holder
    }

    /// The run that has the last word on a target, if that is the opposite of `kind` and came after this time.
    pub fn opposed_since(&self, id: &HostId, run: &RunId, kind: ActionKind, after: Timestamp) -> Option<&Arc<RunId>> {
        let others = self.story(id).iter().rev().filter(|event| *event.run != *run && event.at >= after);
        let last = others.into_iter().next()?;
        last.is_against(kind).then_some(&last.run)
    }

    /// Everything that runs have done for a time and that stands, by what it is about.
    ///
    /// A target is held by every run that did it or found it so, for as long as that run wants. The longest wins. What no run of
    /// these has done is somebody else's, and not in the list.
    ///
    /// `is_enough`: how sure a release has to be to count. Where the console tells no states, that it was asked for has to do: to ask
    /// again each time would only heap up requests.
    pub fn pending(&self, is_enough: fn(Touch) -> bool) -> Vec<Pending> {
        self.stories.iter().filter_map(|(id, story)| pending(id, story, is_enough)).collect()
    }
}

fn pending(id: &HostId, story: &[Event], is_enough: fn(Touch) -> bool) -> Option<Pending> {
    let mut holds: Vec<&Event> = Vec::new();
    for event in story {
        match event.kind {
            ActionKind::Isolate | ActionKind::Block => holds.push(event),
            // A release that may have failed takes nobody's hold away.
            ActionKind::Unisolate | ActionKind::Unblock if is_enough(event.touch) => {
                // Nor does one that found it released already, while a request to hold it may still be on its way.
                holds.retain(|hold| event.may_have_missed(hold));
            }
            _ => {}
        }
    }
    let ours = holds.iter().any(|hold| hold.touch != Touch::Wanted);
    let for_a_time = holds.iter().any(|hold| hold.due.is_some());
    let for_good = holds.iter().rev().find(|hold| hold.due.is_none());
    let longest = for_good.or_else(|| holds.iter().max_by_key(|hold| hold.due)).filter(|_| ours && for_a_time)?;
    Some(Pending {
        id: id.clone(),
        name: holds.iter().rev().find_map(|hold| hold.name.as_ref().map(Arc::clone)),
        due: longest.due,
        runs: holds.iter().filter(|hold| hold.due.is_some()).map(|hold| Arc::clone(&hold.run)).collect(),
        holder: Arc::clone(&longest.run),
        touch: holds.iter().map(|hold| hold.touch).max().unwrap_or(Touch::Wanted),
    })
}

#[cfg(test)]
mod tests;

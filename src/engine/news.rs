//! What a console pushes of its hosts while a run waits for them: it settles hosts without a request.
//!
//! The engine does not know where it comes from. Whoever sends it vouches for one thing only: that it was not there yet when
//! the listening began. An event may come late, though, so the run judges by the time that each thing has: it is believed
//! if it happened after the host's request had left. The two clocks may differ, so nothing is dropped for its time: what
//! looks too old, is from the future or has no time makes the run ask for the host as if there were no news.
//!
//! Silence proves nothing. A stream may leave hosts out, so an inventory is read after a while in which nobody was heard
//! of, and at the end of the wait.

use std::{collections::HashMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::{sync::mpsc, time::Instant};

use super::{dispatcher::Dispatcher, event::RunEventKind, slot::Phase};
use crate::{
    clock,
    domain::{
        action::ActionKind,
        failure::{Failure, FailureKind},
        host::{HostId, HostState},
        outcome::Outcome,
    },
    journal::By,
};

/// So long after the last host that was heard of, the inventory is asked for the others; then after twice that, and so on.
const PATIENCE: Duration = Duration::from_secs(60);

/// A console's clock, and its seconds without parts, may put something so long before the request that led to it.
const BEFORE: SignedDuration = SignedDuration::from_secs(5);

/// So far ahead of ours a console's clock may be and still be believed.
const AHEAD: SignedDuration = SignedDuration::from_mins(3);

/// News that wait for a run to begin, or to take them; whoever sends more waits.
pub const NEWS_AT_ONCE: usize = 1024;

/// One thing that a console has pushed, or that there will be none for a while.
#[derive(Clone, Debug)]
pub enum News {
    /// How an action ended at a host.
    Host(Sighting),
    /// Nothing is heard any longer, for this reason.
    Lost(String),
    /// It is heard again, also of what happened in between.
    Back,
}

/// How an action ended at a host, as the console told it unasked.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The host.
    pub host: HostId,
    /// The action that has ended there, whoever asked for it.
    pub kind: ActionKind,
    /// Whether the host got where the action leads.
    pub reached: bool,
    /// The state that the host is in then.
    pub state: HostState,
    /// The console's words.
    pub said: String,
    /// When it happened, by the console's clock.
    pub at: Option<Timestamp>,
}

/// What is heard in a run.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    source: Option<mpsc::Receiver<News>>,
    /// Whether something would be heard if it happened.
    hears: bool,
    /// Until when no host needs to be asked for; after each vain round the next one is further away.
    quiet_until: Option<Instant>,
    /// Hosts are awaited since before anybody listened: they are asked for once, whatever is heard.
    asks_first: bool,
    /// When the listening began.
    begun: Option<Timestamp>,
    patience: Duration,
    /// What was heard of hosts whose requests are under way: their answers come first.
    early: HashMap<HostId, Sighting>,
    /// Those of them that are awaited now, or are being looked at and will be again.
    answered: Vec<u32>,
}

impl Hearing {
    /// `resumed`: whether hosts may have arrived before anybody listened.
    pub(super) fn new(source: Option<mpsc::Receiver<News>>, resumed: bool) -> Self {
        let begun = source.is_some().then(clock::now);
        Self { hears: begun.is_some(), source, asks_first: resumed, begun, patience: PATIENCE, ..Self::default() }
    }

    /// The next thing that is heard; never returns where nothing can be.
    pub(super) async fn next(&mut self) -> Option<News> {
        match &mut self.source {
            Some(source) => source.recv().await,
            None => std::future::pending().await,
        }
    }

    /// What else is there already.
    pub(super) fn ready(&mut self) -> Option<News> {
        self.source.as_mut()?.try_recv().ok()
    }

    /// Until when nobody needs to be asked, once hosts are awaited.
    pub(super) fn quiet_until(&mut self, now: Instant) -> Option<Instant> {
        if !self.hears || self.asks_first {
            return None;
        }
        Some(*self.quiet_until.get_or_insert(now + self.patience))
    }

    /// A host was heard of: so are the others, as it seems.
    fn heard_of_one(&mut self) {
        self.patience = PATIENCE;
        self.quiet_until = Some(Instant::now() + self.patience);
    }

    /// Hosts were asked for, because nothing was heard.
    pub(super) fn asked(&mut self) {
        if !std::mem::take(&mut self.asks_first) && self.hears {
            self.patience = self.patience.saturating_mul(2);
            self.quiet_until = Some(Instant::now() + self.patience);
        }
    }

    /// Something was heard that cannot be believed by itself: what is so is asked for at the next round.
    const fn doubts(&mut self) {
        self.asks_first = true;
    }

    /// A request for a host leaves now: what was heard of it before says nothing of this one.
    pub(super) fn sent(&mut self, host: &HostId) {
        if !self.early.is_empty() {
            self.early.remove(host);
        }
    }

    /// A host's effect is awaited from now on.
    pub(super) fn awaits(&mut self, n: u32, host: &HostId) {
        if self.early.contains_key(host) {
            self.answered.push(n);
        }
    }
}

impl Dispatcher<'_> {
    /// Takes what was heard; `None` if nothing ever will be again.
    pub(super) fn take_news(&mut self, news: Option<News>) {
        match news {
            Some(News::Host(sighting)) => self.heard_of(sighting),
            Some(News::Lost(why)) => {
                if std::mem::replace(&mut self.hearing.hears, false) {
                    self.hearing.quiet_until = None;
                    self.confirmation.hurry(Instant::now() + self.limits.poll_first);
                    self.teller.now(RunEventKind::HearingLost { why });
                }
            }
            Some(News::Back) => {
                if !std::mem::replace(&mut self.hearing.hears, true) {
                    self.teller.now(RunEventKind::HearingBack);
                }
            }
            None => {
                self.hearing.source = None;
                self.hearing.hears = false;
                self.hearing.quiet_until = None;
                self.confirmation.hurry(Instant::now() + self.limits.poll_first);
            }
        }
    }

    fn heard_of(&mut self, sighting: Sighting) {
        if self.action.is_none() {
            return;
        }
        match self.confirmation.number_of(&sighting.host) {
            Some(n) => self.heard_of_awaited(n, &sighting),
            None if self.is_idle() => {}
            // Its request may be under way; if it is not, nobody will ask for this.
            None => drop(self.hearing.early.insert(sighting.host.clone(), sighting)),
        }
    }

    /// What was heard before the answer that it belongs to is taken after it.
    pub(super) fn take_early_news(&mut self) {
        for n in std::mem::take(&mut self.hearing.answered) {
            let Some(host) = self.roster.item(n).and_then(|item| item.host.clone()) else { continue };
            if let Some(sighting) = self.hearing.early.remove(&host)
                && self.confirmation.number_of(&host) == Some(n)
            {
                self.heard_of_awaited(n, &sighting);
            }
        }
        if self.is_idle() && self.hearing.answered.is_empty() {
            self.hearing.early.clear();
        }
    }

    fn heard_of_awaited(&mut self, n: u32, sighting: &Sighting) {
        if !self.slots.get(n as usize).is_some_and(|slot| slot.phase == Phase::Awaiting) {
            // It is being looked at, and that answer comes first.
            self.hearing.early.insert(sighting.host.clone(), sighting.clone());
            self.hearing.answered.push(n);
            return;
        }
        let Some(kind) = self.action.as_ref().map(|action| action.kind) else { return };
        if !self.believes(n, sighting.at) {
            self.hearing.doubts();
            return self.confirmation.is_not_quiet();
        }
        self.hearing.heard_of_one();
        let ours = sighting.kind == kind;
        if sighting.reached {
            self.saw_awaited(n, &sighting.state, None, By::Stream);
        } else if ours {
            let note = self.notes.of(n);
            if note.before_us || note.leaving || note.sent_while_leaving {
                // It was not our request that failed.
                return self.saw_awaited(n, &sighting.state, None, By::Stream);
            }
            note.state = Some(super::tell::shared(&sighting.state.word));
            let text = format!("the agent could not do it; the console said: {}", sighting.said);
            let failure = Failure::new(FailureKind::Fallback, text);
            self.settle(n, Outcome::Failed, Some(failure), By::Stream);
        }
        // That the opposite failed says only what a listing will say better.
    }

    /// Whether something happened after this host's request had left. A host that was sent to before the run was resumed is
    /// believed from the time on at which somebody listened.
    fn believes(&self, n: u32, at: Option<Timestamp>) -> bool {
        let sent = self.slots.get(n as usize).and_then(|slot| slot.started).or(self.hearing.begun);
        let (Some(at), Some(sent)) = (at, sent) else { return false };
        at.duration_since(sent) >= -BEFORE && at.duration_since(clock::now()) <= AHEAD
    }
}

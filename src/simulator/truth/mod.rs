//! What is true of the simulated hosts, whatever the console answers: their states, and what was asked of them.
//!
//! A host changes on its own some time after it was asked to. No timer runs for it: its state is worked out from the
//! instant of the request whenever somebody looks.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    faults::{HowConfirmed, KasperskyFaults, Script},
    fleet::{Fleet, Said, agents::Capability},
    guid::Guid,
};
use crate::domain::host::Isolation;

pub(super) mod agents;
mod outlook;
pub(super) mod responses;
mod state;
mod texts;

use agents::Moves;
pub(super) use outlook::Outlook;
use responses::Responses;
pub use responses::{IncidentTruth, TaskTruth};
use state::{AVAILABLE, CHANGING, HAS_CODE, ISOLATED, REMOVED, State};
use texts::Texts;

/// The true state of a simulated console's hosts. Tests assert on this first.
#[derive(Debug)]
pub struct Truth {
    started: Instant,
    wall: Timestamp,
    pub(super) script: Script,
    inner: Mutex<Inner>,
}

/// What is true of one host.
#[derive(Clone, Debug)]
pub struct HostTruth {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it stands now.
    pub state: Isolation,
    /// Whether it can be isolated.
    pub available: bool,
    /// Requests to isolate it that reached the console's own logic, refused ones included.
    pub puts: u16,
    /// Requests to isolate it that were accepted.
    pub puts_accepted: u16,
    /// Requests to release it that reached the console's own logic, refused ones included.
    pub deletes: u16,
    /// Requests to release it that were accepted.
    pub deletes_accepted: u16,
    /// The comment of the last accepted request.
    pub comment: Option<Arc<str>>,
    /// The unlock code that a client chose; `None` if the console did, or if it was never isolated.
    pub unlock_code: Option<Arc<str>>,
    /// Whether it has been removed from the console.
    pub removed: bool,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) fleet: Fleet,
    states: Vec<State>,
    texts: Texts,
    /// Numbers of hosts in the order of the listing; `None` while that is simply the order of the numbers.
    order: Option<Vec<u32>>,
    comments: u64,
    moves: Moves,
    /// What a Security Center keeps; no other console has any.
    pub(super) responses: Option<Responses>,
}

/// How a host looks to the console.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) state: Isolation,
    pub(super) available: bool,
    pub(super) comment: Option<Arc<str>>,
    /// The code a client chose, or the one the console made.
    pub(super) unlock_code: Option<String>,
}

/// A request to isolate or release that the console's logic has to judge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'a> {
    pub(super) isolate: bool,
    pub(super) comment: Option<&'a str>,
    pub(super) unlock_code: Option<&'a str>,
}

/// How a change was judged.
#[derive(Clone, Debug)]
pub(super) enum Judged {
    /// Accepted; the look from before it, and the look after it.
    Accepted { before: Look, after: Look },
    /// It is so already.
    Already,
    /// It is changing.
    Changing,
    /// It cannot be isolated.
    Unavailable,
    /// There is no such host.
    NoSuchHost,
}

impl Truth {
    pub(super) fn new(fleet: Fleet, script: Script, wall: Timestamp) -> Self {
        let mut states = Vec::with_capacity(fleet.len());
        for number in 0..u32::try_from(fleet.len()).unwrap_or(u32::MAX) {
            states.push(State::first(fleet.guid(number), fleet.said(number), &script));
        }
        let inner = Inner {
            fleet,
            states,
            texts: Texts::default(),
            order: None,
            comments: 0,
            moves: Moves::default(),
            responses: None,
        };
        Self { started: Instant::now(), wall, script, inner: Mutex::new(inner) }
    }

    /// Where a host stands now; `None` for a host that the console does not have.
    pub fn state_of(&self, id: &str) -> Option<Isolation> {
        self.host(id).map(|host| host.state)
    }

    /// What is true of one host, by its id: in any case, and in either form of a GUID.
    pub fn host(&self, id: &str) -> Option<HostTruth> {
        let inner = self.lock();
        let number = inner.fleet.find_text(id)?;
        Some(self.tell(&inner, number))
    }

    /// What is true of every host, in the order in which the fleet has them.
    pub fn hosts(&self) -> Vec<HostTruth> {
        let inner = self.lock();
        inner.numbers().map(|number| self.tell(&inner, number)).collect()
    }

    /// How many hosts there are, those that were removed not counted.
    pub fn len(&self) -> usize {
        let inner = self.lock();
        inner.listed() - self.uninstalled(&inner)
    }

    /// Whether there is no host.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many hosts are off the network now, those that are being released included.
    pub fn isolated(&self) -> usize {
        let inner = self.lock();
        let off = |number| inner.state(number).is_off(self.state(&inner, number));
        inner.numbers().filter(|number| off(*number)).count()
    }

    /// Every comment that came with an accepted request, each once.
    pub fn comments(&self) -> Vec<Arc<str>> {
        let inner = self.lock();
        let mut numbers: Vec<u32> =
            inner.states.iter().map(|state| state.comment).filter(|number| *number > 0).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().filter_map(|number| inner.texts.text(number).cloned()).collect()
    }

    /// How many accepted requests brought a comment.
    pub fn comments_received(&self) -> u64 {
        self.lock().comments
    }

    /// The time of day, as the console's clock shows it.
    pub(super) fn now(&self) -> Timestamp {
        self.wall.checked_add(self.started.elapsed()).unwrap_or(self.wall)
    }

    /// The time of day at an instant since the start.
    pub(super) fn time_of(&self, instant: Duration) -> Timestamp {
        self.wall.checked_add(instant).unwrap_or(self.wall)
    }

    /// How long the console runs.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        self.settle(&mut inner);
        inner
    }

    /// Keeps incidents and tasks from now on, as this console does.
    pub(super) fn keep_responses(&self, settings: KasperskyFaults) {
        self.lock().responses = Some(Responses::new(settings));
    }

    /// A host that the console has and has not removed.
    pub(super) fn find(inner: &Inner, guid: Guid) -> Option<u32> {
        let number = inner.fleet.find(guid)?;
        (!inner.state(number).is(REMOVED)).then_some(number)
    }

    /// Where a host stands now.
    pub(super) fn state(&self, inner: &Inner, number: u32) -> Isolation {
        let state = inner.state(number);
        let passed = self.started.elapsed().saturating_sub(Duration::from_millis(state.since.into()));
        state.after(passed, self.script.confirmation(state.confirmation))
    }

    pub(super) fn is_available(inner: &Inner, number: u32) -> bool {
        inner.state(number).is(AVAILABLE)
    }

    /// When the console last heard of a host.
    pub(super) fn last_seen(&self, inner: &Inner, number: u32) -> Timestamp {
        let hash = inner.fleet.guid(number).hash(5);
        let state = inner.state(number);
        let confirmation = self.script.confirmation(state.confirmation);
        if let Some(said) = inner.fleet.said(number).and_then(|said| said.last_seen) {
            return said;
        }
        let (now, ago) = match confirmation.how {
            HowConfirmed::Never => (self.wall, Duration::from_secs(86_400 * (20 + hash % 60))),
            _ => (self.now(), Duration::from_secs(hash % 240)),
        };
        now.checked_sub(ago).unwrap_or(now)
    }

    pub(super) fn look(&self, inner: &Inner, number: u32) -> Look {
        let state = inner.state(number);
        Look {
            state: self.state(inner, number),
            available: state.is(AVAILABLE),
            comment: inner.texts.text(state.comment).cloned(),
            unlock_code: inner.unlock_code(number),
        }
    }

    /// Judges a change, and does it if it is accepted.
    pub(super) fn change(&self, guid: Guid, change: Change<'_>) -> Judged {
        let mut inner = self.lock();
        let Some(number) = Self::find(&inner, guid) else {
            return Judged::NoSuchHost;
        };
        let now = self.state(&inner, number);
        let before = self.look(&inner, number);
        let since = u32::try_from(self.started.elapsed().as_millis()).unwrap_or(u32::MAX);
        if let Some(state) = inner.states.get_mut(number as usize) {
            let count = if change.isolate { &mut state.puts } else { &mut state.deletes };
            *count = count.saturating_add(1);
        }
        match (now, change.isolate) {
            (Isolation::NotIsolated, _) if !before.available => return Judged::Unavailable,
            (Isolation::NotIsolated, true) | (Isolation::Isolated, false) => {}
            (Isolation::NotIsolated, false) | (Isolation::Isolated, true) => return Judged::Already,
            _ => return Judged::Changing,
        }
        let comment = inner.texts.number(change.comment);
        let unlock_code = inner.texts.number(change.unlock_code);
        inner.comments += u64::from(comment > 0);
        if let Some(state) = inner.states.get_mut(number as usize) {
            let count = if change.isolate { &mut state.puts_accepted } else { &mut state.deletes_accepted };
            *count = count.saturating_add(1);
            state.since = since;
            state.comment = comment;
            state.set(ISOLATED, !change.isolate);
            state.set(CHANGING, true);
            if change.isolate {
                state.unlock_code = unlock_code;
                state.set(HAS_CODE, true);
            }
        }
        let mut after = self.look(&inner, number);
        after.state = if change.isolate { Isolation::Isolating } else { Isolation::Releasing };
        Judged::Accepted { before, after }
    }

    /// Puts a new host at the top of the listing.
    pub(super) fn insert_first(&self) {
        let mut inner = self.lock();
        let guid = Guid::derived("new", &inner.states.len().to_string());
        let Some(number) = inner.fleet.insert(guid, Said::default()) else {
            return;
        };
        let state = State::first(guid, None, &self.script);
        inner.states.push(state);
        let mut order = inner.order.take().unwrap_or_else(|| (0..number).collect());
        order.insert(0, number);
        inner.order = Some(order);
    }

    /// Takes the first host out of the listing.
    pub(super) fn remove_first(&self) {
        let mut inner = self.lock();
        let numbers = 0..u32::try_from(inner.states.len()).unwrap_or(u32::MAX);
        let mut order = inner.order.take().unwrap_or_else(|| numbers.collect());
        if !order.is_empty() {
            let number = order.remove(0);
            if let Some(state) = inner.states.get_mut(number as usize) {
                state.set(REMOVED, true);
            }
        }
        inner.order = Some(order);
    }

    fn tell(&self, inner: &Inner, number: u32) -> HostTruth {
        let state = inner.state(number);
        HostTruth {
            id: inner.fleet.id(number),
            name: inner.fleet.name(number),
            state: self.state(inner, number),
            available: Self::can(inner, number, Capability::Isolate),
            puts: state.puts,
            puts_accepted: state.puts_accepted,
            deletes: state.deletes,
            deletes_accepted: state.deletes_accepted,
            comment: inner.texts.text(state.comment).cloned(),
            unlock_code: inner.texts.text(state.unlock_code).cloned(),
            removed: self.is_gone(inner, number),
        }
    }
}

impl Inner {
    /// How many hosts the listing has.
    pub(super) fn listed(&self) -> usize {
        self.order.as_ref().map_or(self.states.len(), Vec::len)
    }

    /// The host that stands at a place of the listing.
    pub(super) fn at(&self, place: usize) -> Option<u32> {
        match &self.order {
            Some(order) => order.get(place).copied(),
            None => u32::try_from(place).ok().filter(|_| place < self.states.len()),
        }
    }

    fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        0..u32::try_from(self.states.len()).unwrap_or(u32::MAX)
    }

    fn state(&self, number: u32) -> State {
        self.states.get(number as usize).copied().unwrap_or_default()
    }

    fn unlock_code(&self, number: u32) -> Option<String> {
        let state = self.state(number);
        if let Some(chosen) = self.texts.text(state.unlock_code) {
            return Some(chosen.to_string());
        }
        if !state.is(HAS_CODE) {
            return None;
        }
        // Six letters, as the console makes them; new ones for each isolation.
        let mut hash = self.fleet.guid(number).hash(u64::from(state.puts_accepted) + 100);
        let mut code = String::with_capacity(6);
        for _ in 0..6 {
            code.push(char::from(b'a' + (hash % 26) as u8));
            hash /= 26;
        }
        Some(code)
    }
}

#[cfg(test)]
mod tests;

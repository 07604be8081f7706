//! One host's state in a few bytes, and how it changes with time.

use std::time::Duration;

use crate::{
    domain::host::Isolation,
    simulator::{
        faults::{Confirmation, HowConfirmed, Script},
        fleet::Said,
        guid::Guid,
    },
};

/// One host's state: 24 bytes, because there may be a million.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    /// Milliseconds since the console's start at which the last request was accepted.
    pub(super) since: u32,
    pub(super) comment: u32,
    pub(super) unlock_code: u32,
    pub(super) puts: u16,
    pub(super) puts_accepted: u16,
    pub(super) deletes: u16,
    pub(super) deletes_accepted: u16,
    pub(super) confirmation: u8,
    flags: u8,
}

pub(super) const ISOLATED: u8 = 1;
pub(super) const CHANGING: u8 = 1 << 1;
pub(super) const AVAILABLE: u8 = 1 << 2;
pub(super) const REMOVED: u8 = 1 << 3;
pub(super) const HAS_CODE: u8 = 1 << 4;
pub(super) const AWAY: u8 = 1 << 5;
/// The last request came while the one before it was still pending.
pub(super) const TURNED: u8 = 1 << 6;

impl State {
    pub(super) const fn is(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) const fn set(&mut self, flag: u8, on: bool) {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
    }
}

impl State {
    pub(super) fn first(guid: Guid, said: Option<&Said>, script: &Script) -> Self {
        let mut state = Self { confirmation: script.confirmation_of(guid), ..Self::default() };
        let isolated = said.is_some_and(|said| said.state == Isolation::Isolated);
        state.set(AVAILABLE, said.is_none_or(|said| said.available) && !script.is_unavailable(guid));
        state.set(ISOLATED, isolated);
        state.set(HAS_CODE, isolated);
        let agent = said.and_then(|said| said.agent.as_deref());
        state.set(CHANGING, agent.is_some_and(|agent| agent.changing));
        let offline = agent.is_some_and(|agent| agent.offline);
        state.set(AWAY, offline || said.is_some_and(|said| said.last_seen.is_some()));
        state
    }

    /// Whether the host is off the network in this state, which it is in now.
    pub(super) const fn is_off(self, now: Isolation) -> bool {
        match now {
            Isolation::Isolated => true,
            Isolation::Releasing => !self.is(TURNED),
            Isolation::Isolating => self.is(TURNED),
            Isolation::NotIsolated
            | Isolation::NotTold
            | Isolation::Blocked
            | Isolation::NotBlocked
            | Isolation::Unknown => false,
        }
    }

    /// What a console tells that has not heard of the last request yet.
    pub(super) const fn before_last(self) -> Isolation {
        match (self.is(ISOLATED), self.is(TURNED)) {
            (true, false) => Isolation::Isolated,
            (false, false) => Isolation::NotIsolated,
            (true, true) => Isolation::Isolating,
            (false, true) => Isolation::Releasing,
        }
    }

    /// Where the host stands when this much time has passed since the last accepted request.
    pub(super) fn after(self, passed: Duration, confirmation: Confirmation) -> Isolation {
        let Confirmation { how, after, unlock_after } = confirmation;
        let confirmed = passed >= after && how != HowConfirmed::Never && !self.is(AWAY);
        let unlocked = |since: Duration| how == HowConfirmed::LocalUnlock && passed >= since + unlock_after;
        match (self.is(ISOLATED), self.is(CHANGING)) {
            (true, false) if unlocked(Duration::ZERO) => Isolation::NotIsolated,
            (true, false) => Isolation::Isolated,
            (false, false) => Isolation::NotIsolated,
            (false, true) if !confirmed => Isolation::Isolating,
            (false, true) if how == HowConfirmed::StartFailure || unlocked(after) => Isolation::NotIsolated,
            (false, true) => Isolation::Isolated,
            (true, true) if !confirmed => Isolation::Releasing,
            (true, true) if how == HowConfirmed::StopFailure => Isolation::Isolated,
            (true, true) => Isolation::NotIsolated,
        }
    }
}

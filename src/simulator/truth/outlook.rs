//! What will become of the last accepted request, for whoever tells of it when it comes.

use std::time::Duration;

use tokio::time::Instant;

use super::{Truth, state::AWAY};
use crate::simulator::{faults::HowConfirmed, guid::Guid};

/// What will become of a host's last accepted request.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct Outlook {
    pub(in crate::simulator) number: u32,
    /// How many requests for this host were accepted so far; with another one, this outlook is void.
    pub(in crate::simulator) requests: u32,
    /// When the host settles, and whether it does what it was asked; `None` if it never settles.
    pub(in crate::simulator) settles: Option<(Instant, bool)>,
    /// When somebody at the host unlocks it, if it was isolated.
    pub(in crate::simulator) unlocks: Option<Instant>,
}

impl Truth {
    /// What will become of the last accepted request; `None` for a host that the console does not have.
    pub(in crate::simulator) fn outlook(&self, guid: Guid, isolate: bool) -> Option<Outlook> {
        let inner = self.lock();
        let number = Self::find(&inner, guid)?;
        let state = inner.state(number);
        let confirmation = self.script.confirmation(state.confirmation);
        let settled = self.started + Duration::from_millis(state.since.into()) + confirmation.after;
        let settles = match confirmation.how {
            HowConfirmed::Never => None,
            _ if state.is(AWAY) => None,
            HowConfirmed::StartFailure => Some((settled, !isolate)),
            HowConfirmed::StopFailure => Some((settled, isolate)),
            HowConfirmed::After | HowConfirmed::LocalUnlock => Some((settled, true)),
        };
        let is_unlocked = isolate && confirmation.how == HowConfirmed::LocalUnlock;
        let unlocks = settles.filter(|_| is_unlocked).map(|(at, _)| at + confirmation.unlock_after);
        let requests = u32::from(state.puts_accepted) + u32::from(state.deletes_accepted);
        Some(Outlook { number, requests, settles, unlocks })
    }
}

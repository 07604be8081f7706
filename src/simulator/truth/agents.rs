//! What becomes of hosts under Apex Central's rules: whatever a capable agent is asked is accepted.

use std::{borrow::Cow, collections::HashMap, time::Duration};

use super::{
    AVAILABLE, CHANGING, ISOLATED, Inner, REMOVED, Truth,
    state::{AWAY, TURNED},
};
use crate::{
    domain::host::Isolation,
    simulator::{faults::HowConfirmed, fleet::agents::Capability},
};

/// What was asked of agents beyond isolation.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// When an agent was asked to uninstall itself, since the console's start.
    uninstalls: HashMap<u32, Duration>,
    relocations: HashMap<u32, Relocation>,
    /// How often an agent's server has not answered so far.
    refused: HashMap<u32, u32>,
}

#[derive(Debug)]
struct Relocation {
    asked: Duration,
    to: Place,
    /// Where it is until it confirms.
    from: Place,
}

/// A server and a folder.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Place {
    pub(in crate::simulator) server: Box<str>,
    pub(in crate::simulator) folder: Box<str>,
}

/// What an agent is asked.
#[derive(Clone, Debug)]
pub(in crate::simulator) enum Deed {
    Isolate,
    Restore,
    Relocate(Place),
    Uninstall,
}

impl Deed {
    pub(in crate::simulator) const fn needs(&self) -> Capability {
        match self {
            Self::Isolate => Capability::Isolate,
            Self::Restore => Capability::Restore,
            Self::Relocate(_) => Capability::Relocate,
            Self::Uninstall => Capability::Uninstall,
        }
    }
}

impl Truth {
    /// Numbers of all agents that the console still has.
    pub(in crate::simulator) fn agents<'a>(&'a self, inner: &'a Inner) -> impl Iterator<Item = u32> + 'a {
        (0..inner.listed()).filter_map(|place| inner.at(place)).filter(|number| !self.is_gone(inner, *number))
    }

    /// Whether a host is switched off, or out of reach.
    pub(in crate::simulator) fn is_out_of_reach(inner: &Inner, number: u32) -> bool {
        inner.state(number).is(AWAY)
    }

    /// Whether a host is off the network now.
    pub(in crate::simulator) fn is_off(&self, inner: &Inner, number: u32) -> bool {
        inner.state(number).is_off(self.state(inner, number))
    }

    /// Whether the console does not have this host any more.
    pub(in crate::simulator) fn is_gone(&self, inner: &Inner, number: u32) -> bool {
        inner.state(number).is(REMOVED)
            || inner.moves.uninstalls.get(&number).is_some_and(|asked| self.has_confirmed(inner, number, *asked))
    }

    /// How many hosts are gone because they were uninstalled.
    pub(super) fn uninstalled(&self, inner: &Inner) -> usize {
        let gone = |number: &&u32| !inner.state(**number).is(REMOVED) && self.is_gone(inner, **number);
        inner.moves.uninstalls.keys().filter(gone).count()
    }

    /// The state that the console tells: with `lag`, it hears of requests late.
    pub(in crate::simulator) fn told(&self, inner: &Inner, number: u32, lag: Duration) -> Isolation {
        let state = inner.state(number);
        let asked = Duration::from_millis(state.since.into());
        let fresh = state.is(CHANGING) && self.started.elapsed().saturating_sub(asked) < lag;
        // What stood there from the start is no news.
        if fresh && state.since > 0 { state.before_last() } else { self.state(inner, number) }
    }

    /// The server and the folder of an agent.
    pub(in crate::simulator) fn place<'a>(&self, inner: &'a Inner, number: u32) -> (Cow<'a, str>, Cow<'a, str>) {
        let moved = inner.moves.relocations.get(&number);
        let place =
            moved.map(|moved| if self.has_confirmed(inner, number, moved.asked) { &moved.to } else { &moved.from });
        match place {
            Some(place) => ((&*place.server).into(), (&*place.folder).into()),
            None => (inner.fleet.server(number), inner.fleet.folder(number).into()),
        }
    }

    /// Whether an agent can do this.
    pub(in crate::simulator) fn can(inner: &Inner, number: u32, what: Capability) -> bool {
        Self::capabilities(inner, number).contains(&what)
    }

    /// What an agent can do, in the console's order.
    pub(in crate::simulator) fn capabilities(inner: &Inner, number: u32) -> &[Capability] {
        if !inner.state(number).is(AVAILABLE) {
            return &[];
        }
        inner.fleet.agent(number).and_then(|agent| agent.capabilities.as_deref()).unwrap_or(&Capability::ALL)
    }

    /// Counts a request that matched a host.
    pub(in crate::simulator) fn count(inner: &mut Inner, number: u32, deed: &Deed, accepted: bool) {
        let Some(state) = inner.states.get_mut(number as usize) else { return };
        let (asked, done) = match deed {
            Deed::Isolate => (&mut state.puts, &mut state.puts_accepted),
            Deed::Restore => (&mut state.deletes, &mut state.deletes_accepted),
            Deed::Relocate(_) | Deed::Uninstall => return,
        };
        let count = if accepted { done } else { asked };
        *count = count.saturating_add(1);
    }

    /// The code that an action on this agent earns, if it earns one. A server that is down counts what it refuses.
    pub(in crate::simulator) fn refusal(inner: &mut Inner, number: u32) -> Option<i32> {
        const SERVER_DOWN: i32 = -104;
        let agent = inner.fleet.agent(number)?;
        let (answers, down_for) = (agent.answers, agent.down_for);
        if answers.is_some() || down_for == 0 {
            return answers;
        }
        let refused = inner.moves.refused.entry(number).or_default();
        *refused = refused.saturating_add(1);
        (*refused <= down_for).then_some(SERVER_DOWN)
    }

    /// Begins what an agent was asked; asking it again changes nothing.
    pub(in crate::simulator) fn begin(&self, inner: &mut Inner, number: u32, deed: &Deed) {
        let asked = self.started.elapsed();
        match deed {
            Deed::Isolate | Deed::Restore => self.turn(inner, number, matches!(deed, Deed::Isolate)),
            Deed::Relocate(to) => {
                let (server, folder) = self.place(inner, number);
                let from = Place { server: server.into(), folder: folder.into() };
                inner.moves.relocations.insert(number, Relocation { asked, to: to.clone(), from });
            }
            Deed::Uninstall => {
                inner.moves.uninstalls.entry(number).or_insert(asked);
            }
        }
    }

    fn turn(&self, inner: &mut Inner, number: u32, isolate: bool) {
        let now = self.state(inner, number);
        let there = if isolate {
            matches!(now, Isolation::Isolated | Isolation::Isolating)
        } else {
            matches!(now, Isolation::NotIsolated | Isolation::Releasing)
        };
        let since = u32::try_from(self.started.elapsed().as_millis()).unwrap_or(u32::MAX);
        let Some(state) = inner.states.get_mut(number as usize) else { return };
        if there {
            return;
        }
        let off = state.is_off(now);
        state.since = since.max(1);
        state.set(ISOLATED, !isolate);
        state.set(CHANGING, true);
        state.set(TURNED, off == isolate);
    }

    /// Whether the agent has done by now what it was asked then, other than isolation.
    fn has_confirmed(&self, inner: &Inner, number: u32, asked: Duration) -> bool {
        let state = inner.state(number);
        let confirmation = self.script.confirmation(state.confirmation);
        let away = state.is(AWAY) || confirmation.how == HowConfirmed::Never;
        !away && self.started.elapsed().saturating_sub(asked) >= confirmation.after
    }
}

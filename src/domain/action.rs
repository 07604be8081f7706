//! What is done to hosts, and which action takes which back.

use std::fmt;

use super::{
    host::{Abilities, HostId, HostState, Isolation},
    id::Ticket,
};

/// The verbs of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActionKind {
    /// Cut the host off the network.
    Isolate,
    /// Put the host back.
    Unisolate,
    /// Have the host's agent carry out a task that leaves no state behind which a console could tell.
    Task,
}

impl ActionKind {
    /// The word for it: the command's name, in results and in the journal.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Isolate => "isolate",
            Self::Unisolate => "unisolate",
            Self::Task => "task",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Isolate, Self::Unisolate, Self::Task].into_iter().find(|kind| kind.word() == word)
    }

    /// The action that takes this one back, if one does.
    pub const fn undone_by(self) -> Option<Self> {
        match self {
            Self::Isolate => Some(Self::Unisolate),
            Self::Unisolate => Some(Self::Isolate),
            Self::Task => None,
        }
    }

    /// How a host's state stands to what this action leads to.
    pub const fn standing(self, state: Isolation) -> Standing {
        match (self, state) {
            (Self::Isolate, Isolation::Isolated) | (Self::Unisolate, Isolation::NotIsolated) => Standing::Reached,
            (Self::Isolate, Isolation::Isolating) | (Self::Unisolate, Isolation::Releasing) => Standing::Heading,
            (Self::Isolate, Isolation::NotIsolated) | (Self::Unisolate, Isolation::Isolated) => Standing::Away,
            (Self::Isolate, Isolation::Releasing) | (Self::Unisolate, Isolation::Isolating) => Standing::Leaving,
            (Self::Task, _) | (_, Isolation::Unknown | Isolation::NotTold) => Standing::Unknown,
        }
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A host's state, seen from an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The state that the action leads to.
    Reached,
    /// On its way there.
    Heading,
    /// At rest in the opposite state.
    Away,
    /// On its way to the opposite state; a console may refuse until it has arrived.
    Leaving,
    /// Not known.
    Unknown,
}

/// One action with what goes with it to the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The verb.
    pub kind: ActionKind,
    /// Why, in words that the console keeps where it can.
    pub comment: Option<String>,
}

/// What an action lands on: one host, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The console's id of the host.
    pub id: HostId,
    /// Its name, if it is known.
    pub name: Option<Box<str>>,
    /// What the console gave for a request of this run that it has taken already, wholly or to a part.
    pub ticket: Option<Ticket>,
}

/// What a look at one host told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// The console knows the host; its state, and when it was last heard of.
    State {
        /// The state.
        state: HostState,
        /// What the console says can be done to it.
        able: Abilities,
        /// When the console last heard of it, as the console writes it.
        last_seen: Option<Box<str>>,
    },
    /// The console does not know the host.
    NoSuchHost,
}

//! What was meant and what came of it, on disk: one append-only file of JSON lines a run.
//!
//! A run's file begins with the whole plan and exists only once the plan is on disk. After that every request leaves
//! two marks: its intent, synced before it is sent, and its answer. From these two alone [`Replay`] can tell, after a
//! crash at any moment, which targets are done, which were never sent and which have to be looked at.
//!
//! Every line carries the hash of the line before it and a sum of its own, so that [`StateFolder::verify`] finds a line
//! that was edited, removed, inserted or moved. The chain has no key: it finds accidents and clumsy hands, and is no
//! proof against somebody who writes the whole file anew.
//!
//! Nothing secret is in a journal, because nothing secret is given to it: records hold only the texts that their
//! makers pass, and no maker has a credential to pass. Nothing here decides what to do with a target, and nothing here
//! knows a console.
//!
//! | file | what it does |
//! |---|---|
//! | `record.rs`, `words.rs` | the versioned format of a line |
//! | `chain.rs` | the hash that ties a line to the one before it |
//! | `open.rs` | create a run's file whole, or lock and check one to go on with it |
//! | `writer.rs`, `sink.rs` | append, sync in groups, keep room on the disk |
//! | `reader.rs`, `verify.rs` | read back and check; a torn last line is normal |
//! | `account.rs` | a run whole, checked, with what happened on the way |
//! | `resume.rs` | pure: records in, the state of every target out |
//! | `folder.rs` | where runs live, and how one is named |
//! | `ledger.rs` | pure: all runs of a console side by side; whose doing it is, and when it is due |
//! | `gate.rs`, `flight.rs` | one run begins at a time, and not against another that is under way |
//! | `paper.rs` | the plan that a run has carried out |
//! | `turn.rs` | in which order runs began, whatever the clock said |
//! | `presence.rs` | who else works on a console from here |

mod account;
mod apart;
mod chain;
mod error;
mod flight;
mod folder;
mod gate;
mod ledger;
mod open;
mod paper;
mod presence;
mod reader;
mod record;
mod resume;
mod sink;
mod turn;
mod verify;
mod words;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

pub use account::{Account, Witness};
pub use apart::{Apart, Piece};
pub use error::{Holder, JournalError, JournalFailed};
pub use flight::Course;
pub use folder::{LATEST, RunEntry, RunSummary, StateFolder, new_run_id};
pub use gate::Gate;
pub use ledger::{EXPIRES, Event, FOR, Lasts, Ledger, Pending, Since, Touch, lasts, touch};
pub use paper::PlanNote;
pub use presence::{Alone, Presence};
pub use reader::Line;
pub use record::{
    Answer, By, CandidateRecord, DuplicateRecord, End, Header, How, Intent, Interrupted, Record, Reply, Resumed,
    Settled, Settlement, TargetRecord, Targets,
};
pub use resume::{Need, Phase, Replay, TargetReplay, replay};
pub use turn::Turn;
pub use verify::Verified;
pub use writer::{Journal, Synced, WriterOptions};

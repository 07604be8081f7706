//! The bulk run: resolve, plan, pace, send, look, settle. One task owns the state and tells in one order.
//!
//! For every batch, in this order: journal the intent, sync, send, journal the answers, tell the listeners. A verdict on
//! a failure is the vendor's ([`crate::vendors::Again`]); what follows from it is decided here, once, for every console.

mod acks;
pub mod cancel;
mod census;
mod confirm;
pub mod console;
mod dispatcher;
pub mod event;
pub mod extract;
pub mod fleet;
pub mod halt;
mod judge;
pub mod limits;
mod news;
mod outgoing;
pub mod pace;
pub mod plan;
mod recorder;
pub mod resolve;
pub mod retry;
pub mod rollout;
pub mod roster;
mod run;
mod slot;
mod tell;
mod tickets;
pub mod waves;
mod worker;

#[cfg(test)]
mod tests;

pub use news::{NEWS_AT_ONCE, News, Sighting};
pub use run::{Purpose, Report, Resumed, Run};
pub use tell::Silence;

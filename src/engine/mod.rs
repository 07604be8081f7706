//! The bulk run: resolve, plan, pace, send, look, settle. One task owns the state and tells in one order.

pub mod cancel;
pub mod console;
pub mod event;
pub mod limits;
pub mod pace;
pub mod plan;
pub mod resolve;
pub mod retry;
pub mod roster;

//! The bulk run: resolve, plan, pace, send, look, settle. One task owns the state and tells in one order.

pub mod event;

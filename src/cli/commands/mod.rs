//! The commands, one file each, named as typed. What several share stands in `act`, `session` and `prepare`.

mod act;
pub(crate) mod apex_isolate;
pub(crate) mod block;
mod blocklist;
mod certificate;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod expire;
mod found;
mod hearing;
pub(crate) mod hosts;
pub(crate) mod indicators;
pub(crate) mod isolate;
pub(crate) mod ksc_task;
pub(crate) mod man;
mod prepare;
pub(crate) mod resume;
pub(crate) mod runs;
mod session;
pub(crate) mod simulate;
pub(crate) mod status;
pub(crate) mod stream;
pub(crate) mod streams;
pub(crate) mod unblock;
pub(crate) mod undo;
pub(crate) mod unisolate;
mod unlock_code;

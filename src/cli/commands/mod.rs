//! The commands, one file each, named as typed. What several share stands in `act`, `session` and `prepare`.

mod act;
pub mod check;
pub mod completions;
pub mod hosts;
pub mod isolate;
pub mod man;
mod prepare;
pub mod resume;
pub mod runs;
mod session;
pub mod simulate;
pub mod status;
pub mod unisolate;
mod unlock_code;

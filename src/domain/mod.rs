//! The values that everything else speaks of: hosts, selectors, actions, outcomes.
//!
//! Nothing here does I/O, waits, reads a clock or knows a vendor's name.

pub mod action;
pub mod console_url;
pub mod duration;
pub mod failure;
pub mod guid;
pub mod host;
pub mod id;
pub mod indicator;
pub mod outcome;
pub mod protect;
pub mod selector;
pub mod share;
pub mod vetting;

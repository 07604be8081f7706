//! `--vendor auto`: one command over every console that manages hosts, each host where it lives.
//!
//! | file | what it does |
//! |---|---|
//! | `consoles.rs` | which consoles are asked, and opens them: all of them, or nothing is done |
//! | `resolve.rs` | asks each for the targets that can be its own, and sorts what they say |
//! | `change.rs` | `isolate` and `unisolate` |
//! | `status.rs` | `status` |
//! | `resume.rs` | goes on with such a run |

mod change;
mod consoles;
mod resolve;
mod resume;
mod status;

pub(crate) use change::act;
pub(super) use consoles::NAME;
pub(crate) use consoles::refuse_alone;
pub(super) use resume::resume;
pub(crate) use status::status;

//! One run over several consoles.
//!
//! Every console is asked for the same targets ([`crate::engine::plan`] does that, once for each); [`sort`] decides where
//! each lives. Then every console has a run of its own, with its own pace, limits and numbers, and all of them share one
//! journal, one listener and one cancel: [`Joint`] runs them side by side in one task, so events still come in one order.

mod board;
mod joint;
mod sort;

pub use joint::{Joint, JointReport, Part};
pub use sort::{Asked, Sorted, sort};

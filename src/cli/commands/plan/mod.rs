//! `edrctl plan`, `apply` and `approve`: what would be done goes into a file, somebody looks at it, and exactly that is done.
//!
//! A plan is made by the same way as a dry run, and carried out by the same way as the command that it was made of: `act` for hosts,
//! `blocklist` for indicators. Each is handed a [`Paper`], and asks it at a few places.
//!
//! | file | what it does |
//! |---|---|
//! | `make.rs` | `plan`: the command line |
//! | `draft.rs` | from what was found to the file |
//! | `place.rs` | where a file goes: its owner's, whole or not at all, over nobody's |
//! | `fold.rs` | a plan for people |
//! | `apply.rs` | `apply`: the command line |
//! | `applied.rs` | a plan that is carried out: read, checked, as targets |
//! | `hold.rs` | what is now, held against what the plan says |
//! | `leave.rs` | whether somebody has agreed, where that is wanted |
//! | `once.rs` | whether it was carried out before |
//! | `approve.rs` | `approve` |

use super::{act, back, blocklist, rollout, session, unlock_code};

mod applied;
pub(crate) mod apply;
pub(crate) mod approve;
mod draft;
mod fold;
mod hold;
mod leave;
pub(crate) mod make;
mod once;
mod place;

pub(crate) use applied::Applied;
pub(crate) use draft::{Draft, Sheet};
pub(crate) use leave::{Asked, check_leave};
pub(crate) use once::too_late;

/// A plan on paper: one that is to be written, or one that is carried out.
#[derive(Debug)]
pub(crate) enum Paper {
    /// What would be done is written down, and nothing is done.
    Write(Box<Draft>),
    /// Exactly what it says is done.
    Apply(Box<Applied>),
}

impl Paper {
    /// The plan that is carried out, if one is.
    pub(crate) const fn applied(&self) -> Option<&Applied> {
        match self {
            Self::Apply(applied) => Some(applied),
            Self::Write(_) => None,
        }
    }

    /// The one that is to be written, if one is.
    pub(crate) const fn draft(&self) -> Option<&Draft> {
        match self {
            Self::Write(draft) => Some(draft),
            Self::Apply(_) => None,
        }
    }
}

/// A file as a command takes it: what begins with a dash would be an option.
fn as_operand(path: &str) -> std::borrow::Cow<'_, str> {
    if path.starts_with('-') { format!("./{path}").into() } else { path.into() }
}

/// Who runs this, as a number of this machine. A test may be somebody else.
fn uid() -> u32 {
    // A program that is given to people has no way to be somebody else.
    let told = std::env::var(UID).ok().filter(|_| cfg!(debug_assertions));
    let other = told.and_then(|uid| uid.parse().ok());
    other.unwrap_or_else(|| rustix::process::getuid().as_raw())
}

/// For tests: the number of whoever runs this.
const UID: &str = "__EDRCTL_UID";

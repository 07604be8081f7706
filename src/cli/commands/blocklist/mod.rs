//! What `block`, `unblock`, `expire` and the undoing of their runs have in common: a run whose targets are indicators.
//!
//! | file | what it does |
//! |---|---|
//! | `targets` | what was written to indicators, each once |
//! | `guard` | what is never blocked here: the built-in rules, the configuration, this machine's own way out |
//! | `run` | one run: vet, look, limit, ask, journal, act |
//! | `memory` | what journals know of indicators that runs have put in |

mod guard;
mod memory;
mod run;
mod targets;

pub(crate) use guard::{Guard, Prefixes};
pub(crate) use memory::{
    TAKES_BACK, exit_of, expiry_of, is_incomplete, part_in, part_of, pending, retimed_of, takes_back_of,
    tell_incomplete, undone_of,
};
pub(crate) use run::{Again, Deed, check_again, check_part, run};
pub(crate) use targets::{IndicatorArgs, Wanted, nothing_of_some, read, reading};

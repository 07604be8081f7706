//! The cases, one file each.

mod agents;
mod apex;
mod confirmed;
mod disk;
mod drain;
mod fgt;
mod fgt_ssh;
mod ksc;
mod memory;
mod million;
mod puts;
mod sequential;
mod start;
mod storm;

use anyhow::Result;

use super::{Asked, row::Row};

/// One case.
pub(crate) struct Case {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What it is called in the table.
    pub(crate) what: &'static str,
    /// Measures it.
    pub(crate) run: fn(&Asked) -> Result<Vec<Row>>,
}

/// In the order of the table.
pub(crate) const CASES: &[Case] = &[
    Case { name: "puts", what: puts::WHAT, run: puts::measure },
    Case { name: "sequential", what: sequential::WHAT, run: sequential::measure },
    Case { name: "memory", what: memory::WHAT, run: memory::measure },
    Case { name: "start", what: start::WHAT, run: start::measure },
    Case { name: "confirmed", what: confirmed::WHAT, run: confirmed::measure },
    Case { name: "disk", what: disk::WHAT, run: disk::measure },
    Case { name: "apex", what: apex::WHAT, run: apex::measure },
    Case { name: "ksc", what: ksc::WHAT, run: ksc::measure },
    Case { name: "fgt", what: fgt::WHAT, run: fgt::measure },
    Case { name: "fgt_ssh", what: fgt_ssh::WHAT, run: fgt_ssh::measure },
    Case { name: "agents", what: agents::WHAT, run: agents::measure },
    Case { name: "drain", what: drain::WHAT, run: drain::measure },
    Case { name: "million", what: million::WHAT, run: million::measure },
    Case { name: "storm", what: storm::WHAT, run: storm::measure },
];

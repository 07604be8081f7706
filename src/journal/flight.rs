//! Which hosts runs under way are about to change, and how: nobody else may do the opposite meanwhile.

use std::collections::{HashMap, HashSet};

use super::{apart::Piece, error::JournalError, folder::StateFolder, ledger::is_in_hand, record::Header};
use crate::domain::{action::ActionKind, host::HostId, id::RunId};

/// What a run does, and where.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    /// The run.
    pub run: &'a RunId,
    /// The console's word.
    pub vendor: &'a str,
    /// The console's address.
    pub console: &'a str,
    /// What it does.
    pub kind: ActionKind,
}

impl Course<'_> {
    /// Whether a run does the opposite at the same console.
    fn is_crossed_by(&self, header: &Header) -> bool {
        let opposite = self.kind.undone_by();
        opposite.is_some_and(|opposite| opposite.word() == header.action)
            && header.vendor == self.vendor
            && header.console == self.console
    }
}

impl StateFolder {
    /// Of these hosts, those that another run has in hand now and does the opposite to; each with that run.
    ///
    /// Told by locks and journals alone. It holds for as long as the [gate](Self::gate) is kept.
    ///
    /// # Errors
    ///
    /// The journal of a run under way cannot be read: nobody knows what it is about to do.
    pub fn crossed(&self, course: Course<'_>, hosts: &HashSet<HostId>) -> Result<HashMap<HostId, RunId>, JournalError> {
        let mut crossed = HashMap::new();
        if hosts.is_empty() || course.kind.undone_by().is_none() {
            return Ok(crossed);
        }
        for run in self.names()? {
            if run == *course.run || !self.is_live(&run)? {
                continue;
            }
            for Piece { replay: other, .. } in self.replay(&run)?.apart().pieces {
                if !course.is_crossed_by(&other.header) {
                    continue;
                }
                let waits = other.header.waits.is_some() || other.resumptions.iter().any(|(_, by)| by.waits.is_some());
                for target in other.targets.iter().filter(|target| is_in_hand(target, waits)) {
                    let host = target.record.id.as_ref().map(|id| HostId::new(id.as_ref()));
                    if let Some(host) = host.filter(|host| hosts.contains(host)) {
                        crossed.insert(host, run.clone());
                    }
                }
            }
        }
        Ok(crossed)
    }
}

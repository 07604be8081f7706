//! One host of an earlier run, and what is known of it.

use std::sync::Arc;

use super::selector_of;
use crate::{
    domain::{
        failure::Failure,
        host::{HostId, short_name},
        id::RunId,
        outcome::Outcome,
        selector::{IdForm, Named, Selector, same_name},
    },
    journal::TargetReplay,
};

/// Whether a host has to be looked at before anything is sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It need not be.
    No,
    /// It has to be, where the console tells its state: the console took the request, and did not confirm it.
    IfTold,
    /// Nothing is sent to it without: nobody knows whether the request was ever carried out.
    Must,
}

/// A host of an earlier run.
#[derive(Clone, Debug)]
pub(crate) struct Earlier {
    /// What names it: its id, or what was written if it had none.
    pub(crate) selector: Selector,
    /// The file that it was read from.
    pub(crate) file: Option<Arc<str>>,
    /// The line.
    pub(crate) line: u32,
    /// What it was called.
    pub(crate) name: Option<Arc<str>>,
    /// The run that called it so.
    pub(crate) run: RunId,
    /// Whether it has to be looked at.
    pub(crate) look: Look,
    /// Whether it is known how it stood before that run.
    pub(crate) knows_before: bool,
    /// Whether nobody saw what that run asked for: it may still come about after it was seen otherwise.
    pub(crate) unproven: bool,
    /// Why it is left alone, unless it is so already.
    pub(crate) leave: Option<Failure>,
}

impl Earlier {
    /// A host by the id that a journal has; `None` where that is no id of this console.
    pub(crate) fn of_id(target: &TargetReplay, run: &RunId, id_form: fn(&str) -> IdForm) -> Option<Self> {
        let record = &target.record;
        let selector = selector_of(record.id.as_deref()?, &record.t, id_form)?;
        Some(Self {
            selector,
            file: record.f.clone(),
            line: record.l,
            name: record.name.clone(),
            run: run.clone(),
            look: look_of(target.outcome()),
            knows_before: record.before.is_some(),
            unproven: matches!(target.outcome(), Outcome::Accepted | Outcome::Unconfirmed | Outcome::InDoubt),
            leave: None,
        })
    }

    /// The console's id of it, where that is known.
    pub(crate) fn id(&self) -> Option<HostId> {
        match self.selector.named() {
            Named::Id(id) => Some(HostId::new(Arc::clone(id))),
            _ => None,
        }
    }
}

/// What has to be known of a host that ended so.
pub(crate) const fn look_of(outcome: Outcome) -> Look {
    match outcome {
        Outcome::InDoubt => Look::Must,
        Outcome::Unconfirmed => Look::IfTold,
        _ => Look::No,
    }
}

/// Whether a host that was called so is called otherwise now.
pub(crate) fn is_other_name(before: &str, now: &str) -> bool {
    // Whoever joins a domain gets a longer name, and stays the same machine.
    let bare = !before.contains('.') || !now.contains('.');
    !(same_name(before, now) || bare && same_name(short_name(before), short_name(now)))
}

//! A run's errand: which task it has carried out, by what word that is found again, and how it stands.

use std::{borrow::Cow, sync::PoisonError};

use jiff::Timestamp;

use super::{Area, Followed, Kaspersky, Rung, Task, requests, respond};
use crate::{
    clock,
    domain::{
        action::{ActionKind, Target},
        failure::FailureKind,
        host::HostId,
        id::RunId,
    },
    vendors::{Again, Progress, Stage, VendorError},
};

/// What the word of every run begins with.
pub(super) const OURS: &str = "edrctl-";

/// The word by which a run's tasks are found again: the end of its name, which people see at the console, too.
pub(super) fn area(run: &RunId) -> Area {
    let name = run.as_str();
    let word = name.rsplit('-').next().filter(|end| end.len() >= 4).unwrap_or(name);
    let start = word.len().saturating_sub(24 - OURS.len());
    Area::new(&format!("{OURS}{}", word.get(start..).unwrap_or(word))).unwrap_or_default()
}

/// What is sent first for one host of a run: the arguments of `HostGroup.AddIncident`.
///
/// # Errors
///
/// [`VendorError`] if the host has no id.
pub fn draft(task: &Task, host: &HostId, run: &RunId) -> Result<String, VendorError> {
    let call = requests::add_incident(host, &task.body(host.as_str(), &area(run)), clock::now())?;
    Ok(call.body)
}

/// The console takes hosts singly, and says so in its capabilities.
pub(super) fn only(targets: &[Target]) -> Result<&Target, VendorError> {
    match targets {
        [target] => Ok(target),
        _ => Err(VendorError::new(FailureKind::Internal, "one host at a time", Again::Never)),
    }
}

impl Kaspersky {
    /// What an action is at this console.
    pub(super) fn task(&self, kind: ActionKind) -> Result<Cow<'_, Task>, VendorError> {
        let task = self.errand.as_ref().and_then(|errand| errand.task.as_deref());
        match kind {
            ActionKind::Block | ActionKind::Unblock => Err(VendorError::unsupported("block indicators")),
            ActionKind::Isolate => Ok(Cow::Owned(Task::IsolateHost { on: true })),
            ActionKind::Unisolate => Ok(Cow::Owned(Task::IsolateHost { on: false })),
            ActionKind::Task => task
                .map(Cow::Borrowed)
                .ok_or_else(|| VendorError::new(FailureKind::Internal, "no task was handed in", Again::Never)),
        }
    }

    /// When the run began, whose incidents and tasks are looked for.
    pub(super) fn since(&self) -> Timestamp {
        self.errand.as_ref().map_or_else(clock::now, |errand| errand.begun)
    }

    /// How far the task of one host has come.
    pub(super) async fn progress(&self, target: &Target) -> Result<Progress, VendorError> {
        let known = self.own_tasks.lock().unwrap_or_else(PoisonError::into_inner).get(&target.id).cloned();
        let followed = self.follow(target, &self.area, known.as_ref()).await?;
        let Followed { rung, task, said, .. } = followed;
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        // One answer without it may be a bad one.
        let rung = match rung {
            Rung::Lost if missed.insert(target.id.clone()) => Rung::TaskCreated,
            Rung::Lost => Rung::Lost,
            other => {
                missed.remove(&target.id);
                other
            }
        };
        drop(missed);
        let ticket = task.as_ref().map(|task| respond::with_task(target.ticket.as_ref(), &task.id));
        if let Some(task) = task {
            self.own_tasks.lock().unwrap_or_else(PoisonError::into_inner).insert(target.id.clone(), task);
        }
        let stage = match rung {
            Rung::Completed => Stage::Done,
            Rung::CompletedWithWarning => Stage::Warned,
            Rung::Failed => Stage::Failed,
            Rung::Lost => Stage::Lost,
            Rung::Submitted | Rung::TaskCreated | Rung::Pending | Rung::Running | Rung::Paused => Stage::UnderWay,
        };
        let said = match said {
            Some(said) if !said.trim().is_empty() => format!("{}: {said}", rung.words()),
            _ => rung.words().to_owned(),
        };
        Ok(Progress { stage, word: Cow::Borrowed(rung.word()), said, ticket })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_run_is_the_end_of_its_name_and_fits() {
        let word = |name: &str| area(&RunId::parse(name).unwrap()).as_str().to_owned();
        assert_eq!(word("20261122-031502-k3f9q2"), "edrctl-k3f9q2");
        assert_eq!(word("20261122-031502-ab"), "edrctl-0261122-031502-ab");
        assert!(word(&"a".repeat(40)).len() <= 24);
    }
}

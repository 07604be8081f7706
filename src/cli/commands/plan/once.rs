//! A plan is carried out once: what it says was true before it was.

use crate::{
    cli::{commands::back::Crossed, error::CommandError},
    domain::{host::HostId, id::RunId, outcome::ExitCode},
    journal::{Header, JournalError, PlanNote, StateFolder},
    reporters::{hints::Invocation, words},
};

/// Why a run that carries a plan out is not begun after all, while the folder's gate is kept: another has carried it out, or has one
/// of its hosts in hand, since it was looked at. `None` for a run of no plan, too.
pub(crate) fn too_late(
    journals: &StateFolder,
    header: &Header,
    crossed: &Crossed,
    invocation: &Invocation,
) -> Result<Option<CommandError>, JournalError> {
    let Some(note) = PlanNote::of(header) else { return Ok(None) };
    if let Some(run) = run_of(journals, &note.digest, header.simulated)? {
        return Ok(Some(refuse_again(&run, invocation)));
    }
    let mut hosts: Vec<&HostId> = crossed.keys().collect();
    hosts.sort();
    Ok(hosts.first().and_then(|host| crossed.get(host)).map(|why| {
        CommandError::text(ExitCode::Refused, format!("{why}; nothing was sent")).context(format!(
            "{} of the plan may not be acted on now",
            words::things(hosts.len() as u64, &header.action)
        ))
    }))
}

/// The run that has carried out the plan of this digest.
pub(super) fn run_of(journals: &StateFolder, digest: &str, simulated: bool) -> Result<Option<RunId>, JournalError> {
    // A journal that cannot be read says nothing of any plan; that its hosts have changed will.
    let runs = journals.runs()?.into_iter().filter_map(|entry| Some((entry.run, entry.summary.ok()?.header)));
    let mut same = runs.filter(|(_, header)| {
        header.simulated == simulated && PlanNote::of(header).is_some_and(|note| note.digest == digest)
    });
    Ok(same.next().map(|(run, _)| run))
}

/// Refuses to do it a second time.
pub(super) fn refuse_again(run: &RunId, invocation: &Invocation) -> CommandError {
    CommandError::text(
        ExitCode::Refused,
        format!("run {run} has carried out this plan, and a plan is applied once; nothing was sent"),
    )
    .hint(format!(
        "`{}` goes on with what is left of it, `{}` does again what failed",
        invocation.command(&["resume", run.as_str()]),
        invocation.command(&["rerun", run.as_str()])
    ))
}

//! A plan is carried out once: what it says was true before it was.

use serde_json::Value;

use super::applied::{DIGEST, PLAN};
use crate::{
    cli::error::CommandError,
    domain::{id::RunId, outcome::ExitCode},
    journal::{Header, JournalError, StateFolder},
};

/// The run that has carried out the same plan. Firm while the folder's gate is kept, else a foretaste.
pub(crate) fn applied_before(journals: &StateFolder, header: &Header) -> Result<Option<RunId>, JournalError> {
    match digest_of(header) {
        Some(digest) => run_of(journals, digest, header.simulated),
        None => Ok(None),
    }
}

/// The run that has carried out the plan of this digest.
pub(super) fn run_of(journals: &StateFolder, digest: &str, simulated: bool) -> Result<Option<RunId>, JournalError> {
    // A journal that cannot be read says nothing of any plan; that its hosts have changed will.
    let runs = journals.runs()?.into_iter().filter_map(|entry| Some((entry.run, entry.summary.ok()?.header)));
    let mut same = runs.filter(|(_, header)| header.simulated == simulated && digest_of(header) == Some(digest));
    Ok(same.next().map(|(run, _)| run))
}

fn digest_of(header: &Header) -> Option<&str> {
    header.options.get(PLAN)?.get(DIGEST).and_then(Value::as_str)
}

/// Refuses to do it a second time.
pub(crate) fn refuse_again(run: &RunId) -> CommandError {
    CommandError::text(
        ExitCode::Refused,
        format!("run {run} has carried out this plan, and a plan is applied once; nothing was sent"),
    )
    .hint(format!("`edrctl resume {run}` goes on with what is left of it, `edrctl rerun {run}` does again what failed"))
}

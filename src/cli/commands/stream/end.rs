//! How a stream ended, in words that say what to do.

use super::exit_of;
use crate::{
    cli::error::CommandError,
    domain::outcome::ExitCode,
    stream::{pump::Ending, source::SourceErrorKind, store::StoredStream},
};

/// Tells an end that nobody wanted. `connected`: whether the queue had been reached at all.
pub(super) fn judge(ending: Ending, found: &StoredStream, connected: bool) -> Result<ExitCode, CommandError> {
    let exit = exit_of(&ending, connected);
    let name = &found.name;
    match ending {
        Ending::Cancelled | Ending::Count | Ending::Time | Ending::Drained | Ending::ReaderGone { .. } => Ok(exit),
        Ending::Abandoned => Err(CommandError::text(
            exit,
            "ended at once: what was taken and not acknowledged comes again, and nothing is lost",
        )),
        Ending::Source(error) => {
            let hint = match error.kind {
                SourceErrorKind::Refused | SourceErrorKind::Gone => format!(
                    "`edrctl streams show {}` tells whether the stream is still there; `edrctl streams recreate {}` makes it \
                     again with a new password",
                    found.id, found.id
                ),
                SourceErrorKind::Taken => {
                    "somebody else takes its events; `--shared` joins them, and each event goes to one of you"
                        .to_owned()
                }
                SourceErrorKind::Certificate => {
                    "if the queue has a private CA, name its certificate with `ca_file`".to_owned()
                }
                SourceErrorKind::Unreachable | SourceErrorKind::TooLate => {
                    format!("check the network between here and {}:{}", found.host, found.port)
                }
            };
            Err(CommandError::new(exit, error).context(format!("take events of the stream `{name}`")).hint(hint))
        }
        Ending::Sink { sink, error } => Err(CommandError::new(exit, error)
            .context(format!("keep events in {sink}"))
            .hint("what was not kept was not acknowledged, and comes again once the sink takes it")),
        Ending::Ledger(error) => Err(CommandError::new(exit, error).context("write down what was kept")),
        Ending::DeadLetters(error) => {
            Err(CommandError::new(exit, error).context("write down the events that a sink will never take"))
        }
    }
}

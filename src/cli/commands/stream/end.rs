//! How a stream ended, in words that say what to do.

use super::exit_of;
use crate::{
    cli::error::CommandError,
    domain::{duration, outcome::ExitCode},
    reporters::words,
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
        Ending::Late { sinks, events, waited } => {
            let waited = duration::format(waited);
            let events = words::count(events, "event", "events");
            Err(if sinks.is_empty() {
                CommandError::text(
                    exit,
                    format!("the queue did not take the last acknowledgement within {waited}: {events} may come again"),
                )
                .hint("they are kept, and known when they come")
            } else {
                let sinks = sinks.join(" and ");
                CommandError::text(
                    exit,
                    format!(
                        "{sinks} did not take the last batch within {waited}: {events} were not kept and come again"
                    ),
                )
                .hint("nothing is lost: run it again once that place takes events")
            })
        }
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
        Ending::Ledger(error) => {
            let hint = error.hint();
            let told = CommandError::new(exit, error).context("write down what was kept");
            Err(hint.into_iter().fold(told, CommandError::hint))
        }
        Ending::DeadLetters(error) => {
            Err(CommandError::new(exit, error).context("write down the events that a sink will never take"))
        }
    }
}

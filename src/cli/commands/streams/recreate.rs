//! `streams recreate`: the only way to a new password, because the console tells each once.

use clap::Args;

use super::{
    StreamConsentArgs, StreamConsoleArgs,
    create::{Making, make},
    delete::{forget, loss, not_deleted},
    output::{self, Done, Names, Shown},
    refused,
    talk::Talk,
    wanted,
};
use crate::{
    cli::{confirm, context::Context, error::CommandError},
    domain::outcome::ExitCode,
    engine::console::Halt,
    stream::store::NameOrId,
    vendors::streams::NewStream,
};

/// The arguments of `streams recreate`.
#[derive(Debug, Args)]
pub(crate) struct RecreateArgs {
    /// The stream's name or number
    #[arg(value_name = "NAME|ID", value_parser = wanted)]
    stream: NameOrId,
    #[command(flatten)]
    console: StreamConsoleArgs,
    #[command(flatten)]
    consent: StreamConsentArgs,
}

/// Runs it.
pub(in crate::cli::commands) async fn run(args: &RecreateArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let mut talk = Talk::open(&args.console, context).await?;
    let old = talk.find(&args.stream).await?;
    let new = NewStream { name: old.name.clone(), event_types: old.event_types.clone(), groups: old.groups.clone() };
    if let Ok(true) = talk.store.keeps(&talk.session.address, old.id.0) {
        context.ui.warn(
            "this machine has the stream's password already; a new one is needed only if that one was seen by others",
        );
    }
    if args.consent.dry_run {
        output::one(&Shown { stream: &old, done: Done::Recreate, dry_run: true, names: Names::NONE }, &talk)?;
        talk.close().await;
        return Ok(ExitCode::Success);
    }
    let prompt = format!("{}Delete it and make it again? [y/N] ", loss("delete and create", &old, &talk));
    let agreed = args.consent.yes || talk.is_rehearsal();
    confirm::agree(agreed, "delete an event stream and make it again", prompt, &context.ui, &talk.cancel).await?;
    talk.store.prove_writable()?;
    // From here until the stream is there again its filters are known to nobody else.
    context.ui.tell(&format!("if this is cut short: `{}` makes the stream", refused::command_for(&new)));
    talk.delete(old.id).await.map_err(|halt| not_deleted(&old, halt, &talk))?;
    let gone = |why: CommandError| {
        let again = refused::command_for(&new);
        why.context(format!("the event stream `{}`, number {}, was deleted, and is not made again", old.name, old.id))
            .hint(format!("to make it with the same filters: `{again}`"))
    };
    let stream = match make(&mut talk, &new).await.map_err(gone)? {
        Making::Made(stream) => stream,
        Making::Refused(refusal) => {
            return Err(gone(CommandError::text(ExitCode::SomeFailed, format!("the console says: {}", refusal.said))));
        }
        Making::Failed(Halt::Failed(failure)) => return Err(gone(CommandError::text(ExitCode::SomeFailed, failure))),
        Making::Failed(Halt::QuotaWait(wait)) => {
            let wait = crate::domain::duration::format(wait);
            let text = format!("the console's quota is spent for {wait}, longer than `--max-wait` allows");
            return Err(gone(CommandError::text(ExitCode::Stopped, text)));
        }
        Making::Failed(Halt::Interrupted) => return Err(gone(CommandError::text(ExitCode::Stopped, "interrupted"))),
        Making::Lost(id, failure) => {
            return Err(CommandError::text(ExitCode::SomeFailed, failure)
                .context(format!(
                    "the event stream `{}` was deleted and made again as number {id}, and the answer with its password did not come",
                    old.name
                ))
                .hint(format!("once more: `edrctl streams recreate {id}`")));
        }
        Making::InDoubt(failure) => return Err(gone(CommandError::text(ExitCode::SomeFailed, failure))),
    };
    talk.store.remove(&talk.session.address, old.id.0)?;
    forget(old.id.0, &talk)?;
    output::one(&Shown { stream: &stream, done: Done::Recreate, dry_run: false, names: Names::NONE }, &talk)?;
    talk.close().await;
    Ok(ExitCode::Success)
}

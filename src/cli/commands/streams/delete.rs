//! `streams delete`.

use clap::Args;

use super::{
    StreamConsentArgs, StreamConsoleArgs,
    output::{self, Done, Names, Shown},
    talk::{Talk, may_have_been_done},
    wanted,
};
use crate::{
    cli::{confirm, context::Context, error::CommandError},
    domain::outcome::ExitCode,
    engine::console::Halt,
    reporters::clean::clean,
    stream::store::NameOrId,
    vendors::streams::EventStream,
};

/// The arguments of `streams delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The stream's name or number
    #[arg(value_name = "NAME|ID", value_parser = wanted)]
    stream: NameOrId,
    #[command(flatten)]
    console: StreamConsoleArgs,
    #[command(flatten)]
    consent: StreamConsentArgs,
}

/// Runs it.
pub(in crate::cli::commands) async fn run(args: &DeleteArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let mut talk = Talk::open(&args.console, context).await?;
    let stream = talk.find(&args.stream).await?;
    let shown = Shown { stream: &stream, done: Done::Delete, dry_run: args.consent.dry_run, names: Names::NONE };
    if !args.consent.dry_run {
        let prompt = format!("{}Delete it? [y/N] ", loss("delete", &stream, &talk));
        let agreed = args.consent.yes || talk.is_rehearsal();
        confirm::agree(agreed, "delete an event stream", prompt, &context.ui, &talk.cancel).await?;
        talk.delete(stream.id).await.map_err(|halt| not_deleted(&stream, halt, &talk))?;
        talk.store.remove(&talk.session.address, stream.id.0)?;
        forget(stream.id.0, &talk)?;
    }
    output::one(&shown, &talk)?;
    talk.close().await;
    Ok(ExitCode::Success)
}

/// Removes what was remembered of the events of a stream that is gone, and says what is still there.
pub(in crate::cli::commands) fn forget(id: u64, talk: &Talk<'_>) -> Result<(), CommandError> {
    let remains = talk.store.forget(&talk.session.address, id)?;
    for path in remains.in_use {
        let path = path.display();
        talk.context
            .ui
            .warn(&format!("an `edrctl stream` still has `{path}`, so it stays; remove it once that has ended"));
    }
    if let Some(path) = remains.dead_letters {
        let path = path.display();
        talk.context.ui.tell(&format!("events that a place would never take are still in `{path}`"));
    }
    Ok(())
}

/// What is lost with a stream, before anybody says yes.
pub(in crate::cli::commands) fn loss(verb: &str, stream: &EventStream, talk: &Talk<'_>) -> String {
    let mut lines = vec![format!("{verb} the event stream {} at {}:", stream.id, talk.session.address)];
    lines.push(format!("  name         {}", stream.name));
    lines.extend(output::filters(stream, Names::NONE));
    lines.push("  the events that wait in its queue are lost, and whoever consumes it is cut off".to_owned());
    let lines: Vec<String> = lines.iter().map(|line| format!("{}\n", clean(line))).collect();
    lines.concat()
}

/// Why a stream is still there, or may be.
pub(in crate::cli::commands) fn not_deleted(stream: &EventStream, halt: Halt, talk: &Talk<'_>) -> CommandError {
    match halt {
        Halt::Failed(failure) if may_have_been_done(failure.kind) => CommandError::text(ExitCode::SomeFailed, &failure)
            .context(format!("the console did not delete the event stream `{}`, number {}", stream.name, stream.id))
            .hint("`edrctl streams list` shows whether it is still there; then run the same command again"),
        halt => talk.failed(halt),
    }
}

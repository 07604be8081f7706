//! `streams list` and `streams show`: what there is. Nothing is changed.

use clap::Args;

use super::{
    StreamConsoleArgs,
    output::{self, Done, Names, Shown},
    talk::Talk,
    wanted,
};
use crate::{
    cli::{args::OutputFormat, context::Context, error::CommandError},
    domain::outcome::ExitCode,
    stream::store::NameOrId,
};

/// The arguments of `streams list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    console: StreamConsoleArgs,
}

/// The arguments of `streams show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The stream's name or number
    #[arg(value_name = "NAME|ID", value_parser = wanted)]
    stream: NameOrId,
    #[command(flatten)]
    console: StreamConsoleArgs,
}

/// Runs `streams list`.
pub(in crate::cli::commands) async fn list(args: &ListArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let mut talk = Talk::open(&args.console, context).await?;
    let mut streams = talk.list().await.map_err(|halt| talk.failed(halt))?;
    streams.sort_by_key(|stream| stream.id);
    output::all(&streams, &talk)?;
    if streams.is_empty() {
        context.ui.tell("the console has no event stream; `edrctl streams create NAME` makes one");
    }
    talk.close().await;
    Ok(ExitCode::Success)
}

/// Runs `streams show`.
pub(in crate::cli::commands) async fn show(args: &ShowArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let mut talk = Talk::open(&args.console, context).await?;
    let stream = talk.find(&args.stream).await?;
    // Only people want names for the numbers; without them the numbers still say it.
    let mut names = Names::default();
    if context.ui.output == OutputFormat::Human && !stream.event_types.is_empty() {
        names.types = talk.event_types().await.unwrap_or_default();
    }
    if context.ui.output == OutputFormat::Human && !stream.groups.is_empty() {
        names.groups = talk.groups().await.unwrap_or_default();
    }
    output::one(&Shown { stream: &stream, done: Done::Show, dry_run: false, names: &names }, &talk)?;
    talk.close().await;
    Ok(ExitCode::Success)
}

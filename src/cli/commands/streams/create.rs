//! `streams create`, and the making that `streams recreate` shares.
//!
//! The order is what matters: prove that the password can be kept, make the stream, keep its password, and only then go on.
//! A password that cannot be kept is shown to nobody; its stream is removed again.

use clap::Args;

use super::{
    FilterArgs, StreamConsentArgs, StreamConsoleArgs, filters, new_name,
    output::{self, Done, Shown},
    refused,
    talk::{Talk, may_have_been_done},
};
use crate::{
    cli::{confirm, context::Context, error::CommandError},
    domain::{failure::Failure, outcome::ExitCode},
    engine::console::Halt,
    reporters::clean::clean,
    vendors::streams::{Created, EventStream, NewStream, Refusal, StreamId},
};

/// Tries of a creation that a look has shown not to have happened.
const TRIES: u32 = 3;

/// The arguments of `streams create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The name, which no other stream of the tenant has
    #[arg(value_name = "NAME", value_parser = new_name)]
    name: String,
    #[command(flatten)]
    filters: FilterArgs,
    #[command(flatten)]
    console: StreamConsoleArgs,
    #[command(flatten)]
    consent: StreamConsentArgs,
}

/// Runs it.
pub(in crate::cli::commands) async fn run(args: &CreateArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let mut talk = Talk::open(&args.console, context).await?;
    let streams = talk.list().await.map_err(|halt| talk.failed(halt))?;
    if let Some(other) = streams.iter().find(|stream| stream.name == args.name) {
        return Err(refused::name_taken(&args.name, Some(other)));
    }
    let filters = filters::resolve(&args.filters, &mut talk).await?;
    let new =
        NewStream { name: args.name.clone(), event_types: filters.event_types.clone(), groups: filters.groups.clone() };
    let planned = planned(&new);
    // The console has the last word on how many there may be.
    if let Some(most) = talk.most().filter(|most| streams.len() >= *most) {
        let there = streams.len();
        context.ui.warn(&format!("the console has {there} event streams already, and is known to allow {most}"));
    }
    if args.consent.dry_run {
        output::one(&Shown { stream: &planned, done: Done::Create, dry_run: true, names: &filters.names }, &talk)?;
        talk.close().await;
        return Ok(ExitCode::Success);
    }
    let mut prompt = format!("create an event stream at {}:\n  name         {}\n", talk.session.address, new.name);
    for line in output::filters(&planned, &filters.names) {
        prompt.push_str(&format!("{}\n", clean(&line)));
    }
    prompt.push_str("Create it? [y/N] ");
    let agreed = args.consent.yes || talk.is_rehearsal();
    confirm::agree(agreed, "create an event stream", prompt, &context.ui, &talk.cancel).await?;
    talk.store.prove_writable()?;
    let stream = match make(&mut talk, &new).await? {
        Making::Made(stream) => stream,
        Making::Refused(refusal) => {
            let streams = talk.list().await.ok();
            return Err(refused::refusal(&refusal, Some(&new.name), streams.as_deref(), talk.most()));
        }
        Making::Failed(halt) => return Err(talk.failed(halt)),
        Making::Lost(id, failure) => return Err(lost(&new.name, id, &failure)),
        Making::InDoubt(failure) => return Err(in_doubt(&new.name, &failure)),
    };
    output::one(&Shown { stream: &stream, done: Done::Create, dry_run: false, names: &filters.names }, &talk)?;
    context.ui.tell(&if talk.is_rehearsal() {
        "the rehearsal is over: its stream is gone, and the password that was kept with it".to_owned()
    } else {
        format!("next: `edrctl stream {}` takes its events", stream.id)
    });
    talk.close().await;
    Ok(ExitCode::Success)
}

/// A stream that is not there yet.
fn planned(new: &NewStream) -> EventStream {
    EventStream {
        id: StreamId(0),
        name: new.name.clone(),
        event_types: new.event_types.clone(),
        groups: new.groups.clone(),
        queue: None,
    }
}

/// What came of making a stream.
pub(in crate::cli::commands) enum Making {
    /// It is there, and its password is kept.
    Made(EventStream),
    /// The console will not.
    Refused(Refusal),
    /// It was not made.
    Failed(Halt),
    /// A stream of the name is there, and its password was in an answer that never came.
    Lost(StreamId, Failure),
    /// Whether it is there is not known.
    InDoubt(Failure),
}

/// Makes a stream and keeps its password. A creation in doubt is not repeated before a look has shown that it did not
/// happen. Call after [`crate::stream::store::StreamStore::prove_writable`] and with a name that no stream has.
pub(in crate::cli::commands) async fn make(talk: &mut Talk<'_>, new: &NewStream) -> Result<Making, CommandError> {
    let mut attempt = 1;
    loop {
        let failure = match talk.create(new).await {
            Ok(Ok(made)) => return kept(talk, new, &made).await.map(Making::Made),
            Ok(Err(refusal)) => return Ok(Making::Refused(refusal)),
            Err(Halt::Failed(failure)) if may_have_been_done(failure.kind) => failure,
            Err(halt) => return Ok(Making::Failed(halt)),
        };
        let Ok(streams) = talk.list().await else { return Ok(Making::InDoubt(failure)) };
        if let Some(there) = streams.iter().find(|stream| stream.name == new.name) {
            return Ok(Making::Lost(there.id, failure));
        }
        if attempt == TRIES {
            return Ok(Making::Failed(Halt::Failed(failure)));
        }
        talk.context.ui.tell(&format!("{failure}; the console has no stream of this name, so it is tried again"));
        let wait = talk.session.console.limits.backoff_first * attempt;
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = talk.cancel.requested() => return Ok(Making::Failed(Halt::Interrupted)),
        }
        attempt += 1;
    }
}

/// Keeps the password, before anything else is done. Where that fails the stream goes again: nobody could ever consume it.
async fn kept(talk: &mut Talk<'_>, new: &NewStream, made: &Created) -> Result<EventStream, CommandError> {
    let id = made.id;
    let Err(error) = talk.keep(&new.name, made) else {
        return Ok(EventStream { id, queue: Some(made.queue.clone()), ..planned(new) });
    };
    let told = match talk.delete(id).await {
        Ok(()) => {
            format!("the password of the new event stream {id} could not be kept, so the stream was deleted again")
        }
        Err(halt) => {
            let why = match halt {
                Halt::Failed(failure) => failure.to_string(),
                Halt::QuotaWait(_) => "the console's quota is spent".to_owned(),
                Halt::Interrupted => "interrupted".to_owned(),
            };
            return Err(error
                .context(format!(
                    "the password of the new event stream {id} could not be kept, and the stream could not be deleted again ({why})"
                ))
                .hint(format!("nobody can consume it now; remove it with `edrctl streams delete {id}`")));
        }
    };
    Err(error.context(told))
}

/// The stream is there, and nobody knows its password.
pub(in crate::cli::commands) fn lost(name: &str, id: StreamId, failure: &Failure) -> CommandError {
    CommandError::text(ExitCode::SomeFailed, failure)
        .context(format!(
            "the console made the event stream `{name}`, number {id}, and the answer with its password did not come"
        ))
        .hint(format!(
            "nobody can consume it now: `edrctl streams recreate {id}` makes it again, with a password that is kept"
        ))
}

/// Nobody knows whether the stream is there.
pub(in crate::cli::commands) fn in_doubt(name: &str, failure: &Failure) -> CommandError {
    CommandError::text(ExitCode::SomeFailed, failure)
        .context(format!("whether the console made the event stream `{name}` is not known, and a look could not tell"))
        .hint("`edrctl streams list` tells; if it is there, `edrctl streams recreate NAME` makes it again with a password that is kept")
}

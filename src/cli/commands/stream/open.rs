//! Which stream is meant, with its password, and what was kept of it before.

use std::{path::PathBuf, time::Duration};

use super::StreamArgs;
use crate::{
    cli::{
        commands::streams::{
            create::{self, Making},
            filters, refused,
            talk::Talk,
            update::is_as,
        },
        error::CommandError,
    },
    domain::outcome::ExitCode,
    reporters::clean::clean,
    stream::{
        filter::Filter,
        ledger::{self, Ledger, LedgerError},
        store::{NameOrId, StoreError, StoredStream},
    },
    vendors::streams::{EventStream, NewStream, StreamId},
};

/// Programs of ours that share one stream on one machine, at most.
const SHARERS: u32 = 64;

/// The time that asking for names of types may take.
const ASKING: Duration = Duration::from_secs(10);

/// The stream of a rehearsal.
const REHEARSED: &str = "rehearsal";

/// Finds the stream and its password; makes it where that was asked for.
pub(super) async fn stream(args: &StreamArgs, talk: &mut Talk<'_>) -> Result<StoredStream, CommandError> {
    let console = talk.session.address.clone();
    let rehearsed = talk.is_rehearsal();
    let wanted = match (&args.stream, rehearsed) {
        (Some(wanted), _) => wanted.clone(),
        (None, true) => NameOrId::Name(REHEARSED.to_owned()),
        (None, false) => return only(talk, &console),
    };
    let found = match talk.store.find(&console, &wanted) {
        // The names of another tenant's streams are free in this one.
        Err(StoreError::Elsewhere { .. }) if args.create => None,
        found => found?,
    };
    if let Some(found) = found {
        if has_filters(args) {
            same_filters(args, &found, talk).await?;
        }
        return Ok(found);
    }
    match &wanted {
        NameOrId::Name(name) if args.create || rehearsed => make(name, args, talk, &console).await,
        _ => Err(missing(&wanted, talk).await),
    }
}

const fn has_filters(args: &StreamArgs) -> bool {
    !args.filters.event_types.is_empty() || !args.filters.groups.is_empty()
}

/// Filters of a stream are of use only where one is made: elsewhere they would be passed over in silence.
pub(super) fn check(args: &StreamArgs) -> Result<(), CommandError> {
    if args.create || args.console.simulate || !has_filters(args) {
        return Ok(());
    }
    Err(CommandError::text(
        ExitCode::Usage,
        "`--event-type` and `--group` say what goes into a stream that is made with `--create`; nothing was taken",
    )
    .hint("`--where 'type = …'` or `--where 'group = …'` chooses among the events of a stream; `edrctl streams update` changes what goes into it"))
}

/// A stream that is there already was to have these filters, so it has to have them.
async fn same_filters(args: &StreamArgs, found: &StoredStream, talk: &mut Talk<'_>) -> Result<(), CommandError> {
    let wanted = filters::resolve(&args.filters, talk).await?;
    let there = talk.show(StreamId(found.id)).await.map_err(|halt| talk.failed(halt))?;
    let as_wanted = EventStream { event_types: wanted.event_types, groups: wanted.groups, ..there.clone() };
    if is_as(&there, &as_wanted) {
        return Ok(());
    }
    Err(CommandError::text(
        ExitCode::Refused,
        format!("the event stream `{}` is there already, with other filters; nothing was taken", found.name),
    )
    .hint(format!(
        "`edrctl streams show {0}` shows them, and `edrctl streams update {0}` changes them; without `--event-type` and `--group` it is taken as it is",
        found.id
    )))
}

/// Warns of types that the console does not know. Their names change over the years, so an old one is no mistake for
/// certain. The stream does not depend on the answer.
pub(super) async fn check_types(wanted: &Filter, talk: &mut Talk<'_>) {
    let names = wanted.type_names();
    if names.is_empty() {
        return;
    }
    let Ok(Ok(known)) = tokio::time::timeout(ASKING, talk.event_types()).await else { return };
    for name in names.iter().filter(|name| !known.iter().any(|known| known.name.to_lowercase() == **name)) {
        talk.context.ui.warn(&format!(
            "the console knows no event type `{}`, so `--where` may fit nothing; numbers stay the same over the years",
            clean(name)
        ));
    }
}

/// The only stream whose password is here.
fn only(talk: &Talk<'_>, console: &str) -> Result<StoredStream, CommandError> {
    let mut kept = talk.store.all(console)?;
    match (kept.pop(), kept.len()) {
        (Some(stream), 0) => Ok(stream),
        (None, _) => Err(CommandError::text(ExitCode::Config, "the password of no event stream is on this machine")
            .hint("`edrctl streams create NAME` makes a stream and keeps its password, as does `edrctl stream NAME --create`")),
        (Some(last), _) => {
            kept.push(last);
            let names: Vec<&str> = kept.iter().map(|stream| stream.name.as_str()).collect();
            Err(CommandError::text(ExitCode::Usage, "the passwords of several event streams are on this machine")
                .hint(format!("name one of them: {}", refused::quoted(&names))))
        }
    }
}

async fn make(name: &str, args: &StreamArgs, talk: &mut Talk<'_>, console: &str) -> Result<StoredStream, CommandError> {
    let streams = talk.list().await.map_err(|halt| talk.failed(halt))?;
    if streams.iter().any(|stream| stream.name == name) {
        return Err(missing(&NameOrId::Name(name.to_owned()), talk).await);
    }
    let wanted = filters::resolve(&args.filters, talk).await?;
    let new = NewStream { name: name.to_owned(), event_types: wanted.event_types, groups: wanted.groups };
    talk.store.prove_writable()?;
    match create::make(talk, &new).await? {
        Making::Made(stream) => {
            talk.context.ui.tell(&format!("made the event stream `{name}`, number {}", stream.id.0));
            let found = talk.store.find(console, &NameOrId::Id(stream.id.0))?;
            found.ok_or_else(|| CommandError::text(ExitCode::Internal, "the password that was just kept is gone"))
        }
        Making::Refused(refusal) => {
            let streams = talk.list().await.ok();
            Err(refused::refusal(&refusal, Some(name), streams.as_deref(), talk.most()))
        }
        Making::Failed(halt) => Err(talk.failed(halt)),
        Making::Lost(id, failure) => Err(create::lost(name, id, &failure)),
        Making::InDoubt(failure) => Err(create::in_doubt(name, &failure)),
    }
}

/// Says why there is no password.
async fn missing(wanted: &NameOrId, talk: &mut Talk<'_>) -> CommandError {
    let there = talk.find(wanted).await;
    match there {
        Ok(stream) => CommandError::text(
            ExitCode::Config,
            format!("the event stream `{wanted}` is there, and its password is not on this machine"),
        )
        .hint(format!(
            "it was told once, where the stream was made; `edrctl streams recreate {}` makes it again with a new one",
            stream.id.0
        )),
        Err(error) => error.hint("`--create` makes it"),
    }
}

/// Opens what was kept before; two of ours on one stream are told apart from strangers.
pub(super) fn ledger(talk: &Talk<'_>, found: &StoredStream, shared: bool) -> Result<Ledger, CommandError> {
    let open = |kind: &str| Ledger::open(&beside(talk, found, kind), ledger::WINDOW);
    let locked = |error: &LedgerError| matches!(error, LedgerError::Locked { .. });
    match open("ledger") {
        Ok(ledger) => Ok(ledger),
        Err(error) if locked(&error) && shared => {
            for number in 2..=SHARERS {
                match open(&format!("{number}.ledger")) {
                    Ok(ledger) => return Ok(ledger),
                    Err(error) if locked(&error) => {}
                    Err(error) => return Err(unreadable(error)),
                }
            }
            Err(CommandError::new(ExitCode::Refused, error))
        }
        Err(error) if locked(&error) => Err(CommandError::text(
            ExitCode::Refused,
            format!("another `edrctl stream` takes the events of `{}` on this machine", found.name),
        )
        .hint("stop it, or join it with `--shared`: then each event goes to one of the two")),
        Err(error) => Err(unreadable(error)),
    }
}

fn unreadable(error: LedgerError) -> CommandError {
    let hint = error.hint();
    let told = CommandError::new(ExitCode::Journal, error).context("read what was kept before");
    hint.into_iter().fold(told, CommandError::hint)
}

/// A file beside the stream's password.
pub(super) fn beside(talk: &Talk<'_>, found: &StoredStream, kind: &str) -> PathBuf {
    let password = talk.store.path(&found.console, found.id);
    password.with_extension(kind)
}

//! `streams update`.

use std::collections::BTreeSet;

use clap::{ArgGroup, Args};

use super::{
    FilterArgs, StreamConsentArgs, StreamConsoleArgs, filters, new_name,
    output::{self, Done, Names, Shown},
    refused,
    talk::{Talk, may_have_been_done},
    wanted,
};
use crate::{
    cli::{confirm, context::Context, error::CommandError},
    domain::outcome::ExitCode,
    engine::console::Halt,
    reporters::clean::clean,
    stream::store::{NameOrId, StoredStream},
    vendors::streams::{Change, EventStream},
};

/// The arguments of `streams update`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true)
    .args(["name", "event_types", "groups", "all_event_types", "all_groups"]))]
pub(crate) struct UpdateArgs {
    /// The stream's name or number
    #[arg(value_name = "NAME|ID", value_parser = wanted)]
    stream: NameOrId,
    /// Give it this name
    #[arg(long, value_name = "NAME", value_parser = new_name, help_heading = "Filters")]
    name: Option<String>,
    #[command(flatten)]
    filters: FilterArgs,
    /// Events of all types
    #[arg(long, conflicts_with = "event_types", help_heading = "Filters")]
    all_event_types: bool,
    /// Events of all groups
    #[arg(long, conflicts_with = "groups", help_heading = "Filters")]
    all_groups: bool,
    #[command(flatten)]
    console: StreamConsoleArgs,
    #[command(flatten)]
    consent: StreamConsentArgs,
}

/// Runs it.
pub(in crate::cli::commands) async fn run(args: &UpdateArgs, context: &Context) -> Result<ExitCode, CommandError> {
    let mut talk = Talk::open(&args.console, context).await?;
    let before = talk.find(&args.stream).await?;
    let filters::Filters { event_types, groups, names } = filters::resolve(&args.filters, &mut talk).await?;
    let given = |all: bool, empty: bool| all || !empty;
    let change = Change {
        name: args.name.clone().filter(|name| *name != before.name),
        event_types: given(args.all_event_types, event_types.is_empty()).then_some(event_types),
        groups: given(args.all_groups, groups.is_empty()).then_some(groups),
    };
    let after = changed(&before, &change);
    let shown = |stream, dry_run| Shown { stream, done: Done::Update, dry_run, names: &names };
    if is_as(&before, &after) {
        context.ui.tell("the stream is so already; nothing was sent");
        output::one(&shown(&before, args.consent.dry_run), &talk)?;
        talk.close().await;
        return Ok(ExitCode::Success);
    }
    if args.consent.dry_run {
        output::one(&shown(&after, true), &talk)?;
        talk.close().await;
        return Ok(ExitCode::Success);
    }
    let agreed = args.consent.yes || talk.is_rehearsal();
    let prompt = prompt(&before, &after, &names, &talk);
    confirm::agree(agreed, "change an event stream", prompt, &context.ui, &talk.cancel).await?;
    match talk.update(before.id, &change).await {
        Ok(Ok(())) => {}
        Ok(Err(refusal)) => {
            let mut streams = talk.list().await.ok();
            if let Some(streams) = &mut streams {
                streams.retain(|stream| stream.id != before.id);
            }
            return Err(refused::refusal(&refusal, change.name.as_deref(), streams.as_deref(), None));
        }
        Err(Halt::Failed(failure)) if may_have_been_done(failure.kind) => return Err(not_known(&before, &failure)),
        Err(halt) => return Err(talk.failed(halt)),
    }
    // That the console took it does not say what it made of it.
    let now = match talk.show(before.id).await {
        Ok(now) => now,
        Err(Halt::Failed(failure)) => return Err(not_known(&before, &failure)),
        Err(_) => return Err(not_known(&before, &"the look was stopped")),
    };
    rename_kept(&before, &now, &talk);
    output::one(&shown(&now, false), &talk)?;
    if !is_as(&now, &after) {
        return Err(CommandError::text(
            ExitCode::SomeFailed,
            format!("the console took the change of the event stream {}, and shows it otherwise", before.id),
        )
        .hint(format!("`edrctl streams show {}` shows it as it is now", before.id)));
    }
    talk.close().await;
    Ok(ExitCode::Success)
}

fn not_known(stream: &EventStream, why: &dyn std::fmt::Display) -> CommandError {
    CommandError::text(ExitCode::SomeFailed, why)
        .context(format!("whether the event stream `{}` was changed is not known", stream.name))
        .hint(format!("`edrctl streams show {}` shows it; the same change may be asked for twice", stream.id))
}

/// The stream as it is to be.
fn changed(before: &EventStream, change: &Change) -> EventStream {
    let mut after = before.clone();
    if let Some(name) = &change.name {
        after.name.clone_from(name);
    }
    if let Some(types) = &change.event_types {
        after.event_types.clone_from(types);
    }
    if let Some(groups) = &change.groups {
        after.groups.clone_from(groups);
    }
    after
}

/// Whether two are the same to whoever consumes them: the order of a filter means nothing.
pub(in crate::cli::commands) fn is_as(one: &EventStream, other: &EventStream) -> bool {
    let types = |stream: &EventStream| stream.event_types.iter().copied().collect::<BTreeSet<_>>();
    let groups =
        |stream: &EventStream| stream.groups.iter().map(|group| group.to_ascii_lowercase()).collect::<BTreeSet<_>>();
    one.name == other.name && types(one) == types(other) && groups(one) == groups(other)
}

fn prompt(before: &EventStream, after: &EventStream, names: &Names, talk: &Talk<'_>) -> String {
    let mut lines = vec![format!("change the event stream {} at {}, from", before.id, talk.session.address)];
    for stream in [before, after] {
        lines.push(format!("  name         {}", stream.name));
        lines.extend(output::filters(stream, names));
        lines.push("to".to_owned());
    }
    lines.pop();
    let lines: Vec<String> = lines.iter().map(|line| format!("{}\n", clean(line))).collect();
    format!("{}Change it? [y/N] ", lines.concat())
}

/// The password is found by the stream's name, too, so the name here follows the one at the console.
fn rename_kept(before: &EventStream, now: &EventStream, talk: &Talk<'_>) {
    if before.name == now.name {
        return;
    }
    let renamed = talk.store.find(&talk.session.address, &NameOrId::Id(before.id.0)).and_then(|kept| match kept {
        Some(kept) if kept.id == before.id.0 => talk.store.save(&StoredStream { name: now.name.clone(), ..kept }),
        _ => Ok(()),
    });
    if let Err(error) = renamed {
        talk.context.ui.warn(&format!("this machine still knows the stream by its old name: {error}"));
    }
}

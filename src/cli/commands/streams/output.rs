//! Streams as they are printed. The password is in none of it: only whether this machine has it.

use serde::Serialize;

use super::talk::Talk;
use crate::{
    cli::{args::OutputFormat, error::CommandError, ui},
    domain::outcome::ExitCode,
    reporters::{
        clean::clean,
        csv, json_text,
        table::{Column, Table},
        words,
    },
    vendors::streams::{EventStream, EventType, Group},
};

/// One stream, as published.
#[derive(Serialize)]
struct StreamV1<'a> {
    schema: &'static str,
    vendor: &'static str,
    console: &'a str,
    /// What was done, or would be done in a dry run.
    action: &'static str,
    /// Null for a stream that a dry run has not made.
    id: Option<u64>,
    name: &'a str,
    /// Empty for all.
    event_types: &'a [u64],
    /// Empty for all.
    groups: &'a [String],
    queue: Option<QueueV1<'a>>,
    /// Whether this machine has the password.
    password_kept: bool,
    dry_run: bool,
    simulated: bool,
}

#[derive(Serialize)]
struct QueueV1<'a> {
    host: &'a str,
    port: u16,
    name: &'a str,
    user: &'a str,
}

/// What was done to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::commands) enum Done {
    List,
    Show,
    Create,
    Update,
    Delete,
    Recreate,
}

impl Done {
    const fn word(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Show => "show",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Recreate => "recreate",
        }
    }

    /// How the human form begins.
    const fn heading(self, dry_run: bool) -> &'static str {
        match (self, dry_run) {
            (Self::List | Self::Show, _) => "event stream",
            (Self::Create, false) => "created event stream",
            (Self::Create, true) => "dry run: would create event stream",
            (Self::Update, false) => "changed event stream",
            (Self::Update, true) => "dry run: would change event stream",
            (Self::Delete, false) => "deleted event stream",
            (Self::Delete, true) => "dry run: would delete event stream",
            (Self::Recreate, false) => "deleted and created event stream",
            (Self::Recreate, true) => "dry run: would delete and create event stream",
        }
    }
}

/// Names for numbers and GUIDs, as far as the console was asked for them.
#[derive(Debug, Default)]
pub(in crate::cli::commands) struct Names {
    pub(in crate::cli::commands) types: Vec<EventType>,
    pub(in crate::cli::commands) groups: Vec<Group>,
}

impl Names {
    /// None at all: numbers say it, too.
    pub(in crate::cli::commands) const NONE: &'static Self = &Self { types: Vec::new(), groups: Vec::new() };
}

/// A stream, and what is told beside it.
pub(in crate::cli::commands) struct Shown<'a> {
    pub(in crate::cli::commands) stream: &'a EventStream,
    pub(in crate::cli::commands) done: Done,
    pub(in crate::cli::commands) dry_run: bool,
    /// Names for what is filtered by number.
    pub(in crate::cli::commands) names: &'a Names,
}

/// Prints one stream.
pub(in crate::cli::commands) fn one(shown: &Shown<'_>, talk: &Talk<'_>) -> Result<(), CommandError> {
    let there = shown.stream.id.0 > 0 && shown.done != Done::Delete;
    let kept = if there { is_kept(shown.stream, talk) } else { Kept::No };
    let text = match talk.context.ui.output {
        OutputFormat::Human => human(shown, kept, talk),
        OutputFormat::Json | OutputFormat::Jsonl => line(shown, kept, talk)?,
        OutputFormat::Csv => table_of_cells(&[(shown, kept)])?,
    };
    ui::print(text.as_bytes())
}

/// Prints all streams.
pub(in crate::cli::commands) fn all(streams: &[EventStream], talk: &Talk<'_>) -> Result<(), CommandError> {
    let shown: Vec<(Shown<'_>, Kept)> = streams
        .iter()
        .map(|stream| (Shown { stream, done: Done::List, dry_run: false, names: Names::NONE }, is_kept(stream, talk)))
        .collect();
    let context = talk.context;
    let text = match context.ui.output {
        OutputFormat::Human => table(&shown, talk),
        OutputFormat::Jsonl => lines(&shown, talk)?.concat(),
        OutputFormat::Json => {
            let lines: Vec<String> =
                lines(&shown, talk)?.iter().map(|line| line.trim_end_matches('\n').to_owned()).collect();
            format!("[{}]\n", lines.join(",\n"))
        }
        OutputFormat::Csv => {
            let rows: Vec<(&Shown<'_>, Kept)> = shown.iter().map(|(shown, kept)| (shown, *kept)).collect();
            table_of_cells(&rows)?
        }
    };
    ui::print(text.as_bytes())
}

/// Whether this machine has a stream's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Here,
    /// There is a file, and it cannot be used.
    Unusable,
    No,
}

/// Why a password cannot be used is told beside it.
fn is_kept(stream: &EventStream, talk: &Talk<'_>) -> Kept {
    match talk.store.keeps(&talk.session.address, stream.id.0) {
        Ok(true) => Kept::Here,
        Ok(false) => Kept::No,
        Err(error) => {
            let hint = error.hint().map(|hint| format!(": {hint}")).unwrap_or_default();
            talk.context.ui.warn(&format!("{error}{hint}"));
            Kept::Unusable
        }
    }
}

fn lines(shown: &[(Shown<'_>, Kept)], talk: &Talk<'_>) -> Result<Vec<String>, CommandError> {
    shown.iter().map(|(shown, kept)| line(shown, *kept, talk)).collect()
}

fn line(shown: &Shown<'_>, kept: Kept, talk: &Talk<'_>) -> Result<String, CommandError> {
    let stream = shown.stream;
    let queue = stream.queue.as_ref();
    let line = json_text::to_line(&StreamV1 {
        schema: "edrctl.stream/1",
        vendor: talk.session.vendor.word(),
        console: &talk.session.address,
        action: shown.done.word(),
        id: Some(stream.id.0).filter(|id| *id > 0),
        name: &stream.name,
        event_types: &stream.event_types,
        groups: &stream.groups,
        queue: queue.map(|queue| QueueV1 {
            host: &queue.host,
            port: queue.port,
            name: &queue.queue_name,
            user: &queue.user_name,
        }),
        password_kept: kept == Kept::Here,
        dry_run: shown.dry_run,
        simulated: talk.is_rehearsal(),
    });
    line.map(|line| format!("{line}\n")).map_err(|error| CommandError::new(ExitCode::Internal, error))
}

fn table_of_cells(rows: &[(&Shown<'_>, Kept)]) -> Result<String, CommandError> {
    let internal = |error| CommandError::new(ExitCode::Internal, error);
    let header = ["id", "name", "event_types", "groups", "host", "port", "queue", "user", "password_kept"];
    let mut bytes = csv::row(header).map_err(internal)?;
    for (shown, kept) in rows {
        let stream = shown.stream;
        let queue = stream.queue.as_ref();
        let id = if stream.id.0 > 0 { stream.id.to_string() } else { String::new() };
        let types: Vec<String> = stream.event_types.iter().map(u64::to_string).collect();
        let row = csv::row([
            id.as_str(),
            &stream.name,
            &types.join(" "),
            &stream.groups.join(" "),
            queue.map_or("", |queue| &queue.host),
            &queue.map(|queue| queue.port.to_string()).unwrap_or_default(),
            queue.map_or("", |queue| &queue.queue_name),
            queue.map_or("", |queue| &queue.user_name),
            if *kept == Kept::Here { "true" } else { "false" },
        ]);
        bytes.extend(row.map_err(internal)?);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn table(shown: &[(Shown<'_>, Kept)], talk: &Talk<'_>) -> String {
    let ui = &talk.context.ui;
    if shown.is_empty() {
        return String::new();
    }
    let columns = [
        Column::number("ID"),
        Column::new("NAME"),
        Column::new("EVENT TYPES"),
        Column::new("GROUPS"),
        Column::new("QUEUE"),
        Column::new("PASSWORD").whole(),
    ];
    let mut table = Table::new(columns);
    let count = |items: usize| if items == 0 { "all".to_owned() } else { items.to_string() };
    for (shown, kept) in shown {
        let stream = shown.stream;
        table.push([
            stream.id.to_string().as_str(),
            &stream.name,
            &count(stream.event_types.len()),
            &count(stream.groups.len()),
            stream.queue.as_ref().map_or("-", |queue| &queue.host),
            match kept {
                Kept::Here => "here",
                Kept::Unusable => "not usable",
                Kept::No => "not here",
            },
        ]);
    }
    table.render(ui.table_columns(), ui.stdout_colour)
}

fn human(shown: &Shown<'_>, kept: Kept, talk: &Talk<'_>) -> String {
    let Shown { stream, done, dry_run, names } = shown;
    let id = if stream.id.0 > 0 { format!(" {}", stream.id) } else { String::new() };
    let mut lines = vec![format!("{}{id}: {}", done.heading(*dry_run), stream.name)];
    lines.extend(filters(stream, names));
    if let Some(queue) = &stream.queue {
        lines.push(format!("  queue        {} at {}:{}", queue.queue_name, queue.host, queue.port));
        lines.push(format!("  user         {}", queue.user_name));
    }
    let path = talk.store.path(&talk.session.address, stream.id.0);
    match (done, kept) {
        (Done::Delete, _) | (Done::Create | Done::Recreate, Kept::No) => {}
        (_, Kept::Unusable) => lines.push(format!("  password     not usable: see the file {}", path.display())),
        (_, Kept::Here) => lines.push(format!("  password     kept in {}", path.display())),
        (_, Kept::No) => {
            let again = format!("`edrctl streams recreate {}` makes the stream again, with a new one", stream.id);
            lines.push(format!("  password     not on this machine; the console does not tell it again, {again}"));
        }
    }
    let lines: Vec<String> = lines.iter().map(|line| format!("{}\n", clean(line))).collect();
    lines.concat()
}

/// The filters of a stream, in lines for people.
pub(in crate::cli::commands) fn filters(stream: &EventStream, names: &Names) -> Vec<String> {
    let all = |what: &str| vec![format!("all {what}")];
    let with = |id: String, name: Option<&String>| name.map_or_else(|| id.clone(), |name| format!("{id} {name}"));
    let event_types = match stream.event_types.as_slice() {
        [] => all("types"),
        ids => ids
            .iter()
            .map(|id| with(id.to_string(), names.types.iter().find(|one| one.id == *id).map(|one| &one.name)))
            .collect(),
    };
    let groups = match stream.groups.as_slice() {
        [] => all("groups"),
        ids => ids
            .iter()
            .map(|id| {
                let named = names.groups.iter().find(|one| one.id.eq_ignore_ascii_case(id));
                with(id.clone(), named.map(|one| &one.name))
            })
            .collect(),
    };
    let mut lines = Vec::new();
    for (title, values) in [("event types", event_types), ("groups", groups)] {
        for (number, value) in values.into_iter().enumerate() {
            let title = if number == 0 { title } else { "" };
            lines.push(format!("  {} {value}", words::pad(title, 12)));
        }
    }
    lines
}

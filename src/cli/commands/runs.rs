//! `edrctl runs`.

use std::{collections::BTreeMap, sync::Arc};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    back::{self, Due},
    replayed,
};
use crate::{
    cli::{args::OutputFormat, context::Context, error::CommandError, ui},
    clock,
    domain::{
        id::RunId,
        outcome::{Ending, ExitCode, RunStats},
    },
    engine::event::{Listener, RunEvent, RunEventKind},
    journal::{Header, JournalError, Lasts, PlanNote, Replay, RunEntry, RunSummary, lasts},
    reporters::{
        clean::clean,
        json_text,
        table::{Column, Table},
        words,
    },
};

mod narrow;

/// Tell what was done: list runs, show one, verify its journal
#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    command: RunsCommand,
}

#[derive(Debug, Subcommand)]
enum RunsCommand {
    /// List the runs, the newest first
    List,
    /// Show what a run did to each host
    Show {
        /// A run's name, a unique prefix of it, or `latest`
        #[arg(value_name = "RUN", default_value = "latest")]
        run: String,
    },
    /// Prove that a run's journal is as it was written
    ///
    /// Finds any line that was edited, removed or moved, and with --all a journal that is gone. Exit code 8 if there is one.
    Verify {
        /// A run's name, a unique prefix of it, or `latest`
        #[arg(value_name = "RUN", default_value = "latest")]
        run: String,
        /// Verify every run
        #[arg(long, conflicts_with = "run")]
        all: bool,
    },
}

/// Runs it.
pub(crate) fn run(args: &RunsArgs, context: &Context) -> Result<ExitCode, CommandError> {
    match &args.command {
        RunsCommand::List => list(context),
        RunsCommand::Show { run } => show(run, context),
        RunsCommand::Verify { run, all } => verify(run, *all, context),
    }
}

/// One run, as published.
#[derive(Serialize)]
struct RunV1<'a> {
    schema: &'static str,
    run: &'a str,
    started: String,
    vendor: &'a str,
    console: &'a str,
    action: &'a str,
    targets: u64,
    /// The word for how it ended; null if it is under way or was cut off.
    ending: Option<&'a str>,
    exit: Option<u8>,
    outcomes: BTreeMap<&'static str, u64>,
    user: &'a str,
    host: &'a str,
    comment: Option<&'a str>,
    ticket: Option<&'a str>,
    simulated: bool,
    /// Whether the list that it was made of said that some of it was missing; absent where it did not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    incomplete: bool,
    /// The run that it takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<&'a str>,
    /// The run that it does again.
    #[serde(skip_serializing_if = "Option::is_none")]
    reruns: Option<&'a str>,
    /// How what it did for a time stands; absent where it is to last, or nothing of it is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<DueV1>,
}

/// How what a run did for a time stands, as published.
#[derive(Serialize)]
struct DueV1 {
    /// How much is to be taken back, and how much of that is overdue.
    pending: u64,
    overdue: u64,
    /// How much a later run wants so for good.
    kept: u64,
    first: Option<String>,
    last: Option<String>,
}

impl DueV1 {
    fn of(due: Due) -> Self {
        let Due { pending, overdue, kept, first, last } = due;
        Self { pending, overdue, kept, first: first.map(clock::rfc3339), last: last.map(clock::rfc3339) }
    }
}

/// How what runs did for a time stands. What cannot be told keeps nobody from the list.
fn dues(context: &Context) -> BTreeMap<RunId, Due> {
    let journals = context.journals();
    let places = journals.and_then(|journals| back::places(&journals).map_err(Into::into));
    places.map(|places| back::dues(&places, clock::now())).unwrap_or_default()
}

fn list(context: &Context) -> Result<ExitCode, CommandError> {
    let entries = context.journals()?.runs()?;
    let dues = dues(context);
    let text = match context.ui.output {
        OutputFormat::Human => list_human(&entries, &dues, context),
        OutputFormat::Jsonl => list_json(&entries, &dues)?.iter().map(|line| format!("{line}\n")).collect(),
        OutputFormat::Json => format!("[{}]\n", list_json(&entries, &dues)?.join(",\n")),
        OutputFormat::Csv => {
            return Err(CommandError::text(ExitCode::Usage, "`runs list` has no CSV output")
                .hint("use `-o human` or `-o jsonl`"));
        }
    };
    ui::print(text.as_bytes())?;
    let mut exit = ExitCode::Success;
    for entry in entries {
        if let Err(error) = entry.summary {
            context.ui.warn(&format!("{}: {error}", entry.run));
            exit = ExitCode::Journal;
        }
    }
    Ok(exit)
}

fn list_json(entries: &[RunEntry], dues: &BTreeMap<RunId, Due>) -> Result<Vec<String>, CommandError> {
    let readable = entries.iter().filter_map(|entry| Some((entry.run.as_str(), entry.summary.as_ref().ok()?)));
    readable
        .map(|(run, summary)| {
            let end = summary.end.as_ref();
            let outcomes =
                end.map(|end| end.counts.present().map(|(outcome, count)| (outcome.word(), count)).collect());
            json_text::to_line(&RunV1 {
                schema: "edrctl.run_summary/1",
                run,
                started: clock::rfc3339(summary.started),
                vendor: &summary.header.vendor,
                console: &summary.header.console,
                action: &summary.header.action,
                targets: summary.header.targets,
                ending: end.map(|end| end.ending.as_str()),
                exit: end.map(|end| end.exit),
                outcomes: outcomes.unwrap_or_default(),
                user: &summary.header.user,
                host: &summary.header.host,
                comment: summary.header.comment.as_deref(),
                ticket: summary.header.ticket.as_deref(),
                simulated: summary.header.simulated,
                incomplete: super::blocklist::is_incomplete(&summary.header),
                undoes: option(&summary.header, back::UNDOES),
                reruns: option(&summary.header, back::RERUNS),
                due: dues.get(&summary.header.run).copied().map(DueV1::of),
            })
            .map_err(|error| CommandError::new(ExitCode::Internal, error))
        })
        .collect()
}

/// What a header says of another run.
fn option<'a>(header: &'a Header, key: &str) -> Option<&'a str> {
    header.options.get(key).and_then(serde_json::Value::as_str)
}

/// How what a run did for a time stands, in a cell: `3 due 2026-11-28 16:00Z`, `2 overdue`.
fn due_cell(due: Due) -> String {
    let at = |at: jiff::Timestamp| at.strftime("%Y-%m-%d %H:%MZ").to_string();
    let waiting = due.pending - due.overdue;
    let overdue = (due.overdue > 0).then(|| format!("{} overdue", due.overdue));
    let pending = due.last.filter(|_| waiting > 0).map(|last| format!("{waiting} due {}", at(last)));
    let kept = (due.kept > 0).then(|| format!("{} kept by others", due.kept));
    let parts: Vec<String> = [overdue, pending, kept].into_iter().flatten().collect();
    parts.join(", ")
}

fn list_human(entries: &[RunEntry], dues: &BTreeMap<RunId, Due>, context: &Context) -> String {
    let mut columns = vec![
        Column::new("RUN").whole(),
        Column::new("STARTED").whole(),
        Column::new("ACTION").whole(),
        Column::number("HOSTS"),
        Column::new("ENDED").whole(),
        Column::new("OUTCOMES").whole(),
        Column::new("CONSOLE"),
        Column::new("WHY"),
    ];
    if !dues.is_empty() {
        columns.push(Column::new("DUE").whole());
    }
    let mut table = Table::new(columns);
    for entry in entries {
        let Ok(summary) = &entry.summary else {
            table.push([entry.run.as_str(), "-", "-", "-", "damaged", "-", "-", "-"]);
            continue;
        };
        let header = &summary.header;
        let (ended, outcomes) = end_of(summary);
        let outcomes = if outcomes.is_empty() { "-".to_owned() } else { outcomes.join(", ") };
        table.push([
            entry.run.as_str(),
            &summary.started.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            &header.action,
            &header.targets.to_string(),
            &ended,
            &outcomes,
            &console_of(header),
            &why_of(header),
            &dues.get(&entry.run).copied().map(due_cell).unwrap_or_default(),
        ]);
    }
    if table.is_empty() {
        context.ui.tell("no runs yet");
        return String::new();
    }
    match context.ui.table_columns() {
        Some(columns) if table.needs() > columns => narrow::list(entries, dues, columns, context.ui.stdout_colour),
        columns => table.render(columns, context.ui.stdout_colour),
    }
}

/// How a run ended, and how many of its targets ended how.
fn end_of(summary: &RunSummary) -> (String, Vec<String>) {
    let Some(end) = &summary.end else { return ("not ended".to_owned(), Vec::new()) };
    let outcomes = end.counts.present().map(|(outcome, count)| format!("{count} {outcome}"));
    (end.ending.clone(), outcomes.collect())
}

fn console_of(header: &Header) -> String {
    let simulated = if header.simulated { " (simulated)" } else { "" };
    format!("{} {}{simulated}", header.vendor, header.console)
}

fn why_of(header: &Header) -> String {
    let why = [header.ticket.as_deref(), header.comment.as_deref()];
    why.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn show(wanted: &str, context: &Context) -> Result<ExitCode, CommandError> {
    let journals = context.journals()?;
    let run = find(&journals, wanted)?;
    let replay = journals.replay(&run)?;
    if context.ui.output == OutputFormat::Human {
        ui::print(describe(&replay, dues(context).get(&run).copied()).as_bytes())?;
    }
    let header = replayed::header_of(&replay, replay.header.waits.is_some(), false)?;
    let mut setup = context.ui.setup(context.invocation(Vec::new(), Vec::new()));
    // A run is told as it ended: there is no progress to show.
    setup.quiet = true;
    setup.screen = None;
    let mut reporters = context.ui.reporters(setup);
    let requests = replay.targets.iter().map(|target| u64::from(target.attempts)).sum();
    let mut stats = RunStats { total: replay.targets.len() as u64, requests, ..RunStats::default() };
    let elapsed = std::time::Duration::try_from(replay.last_at.duration_since(replay.started)).unwrap_or_default();
    let mut tell = |kind: RunEventKind, stats: &RunStats| {
        reporters.on_event(&RunEvent { at: replay.last_at, elapsed, stats: stats.clone(), kind });
    };
    tell(RunEventKind::RunStarted(Arc::new(header)), &stats);
    for target in &replay.targets {
        let result = replayed::result_of(target, &replay);
        stats.settled.add(result.outcome);
        tell(RunEventKind::TargetSettled(Arc::new(result)), &stats);
    }
    let ending = if replay.ended { replayed::ending_of(&replay) } else { Ending::Interrupted };
    tell(RunEventKind::RunFinished(ending), &stats);
    Ok(ExitCode::Success)
}

/// What is said of a run whose list was not whole.
const NOT_WHOLE: &str = "said that it was not whole: there are indicators that it did not have";

fn describe(replay: &Replay, due: Option<Due>) -> String {
    let header = &replay.header;
    let mut lines = vec![
        format!("run        {}", header.run),
        format!(
            "console    {} {}{}",
            header.vendor,
            header.console,
            if header.simulated { " (simulated)" } else { "" }
        ),
        format!("action     {}", header.action),
        format!("started    {} by {} on {}", clock::rfc3339(replay.started), header.user, header.host),
    ];
    let mut add = |label: &str, value: Option<&String>| {
        if let Some(value) = value {
            lines.push(format!("{label:<10} {value}"));
        }
    };
    add("profile", header.profile.as_ref());
    add("comment", header.comment.as_ref());
    add("ticket", header.ticket.as_ref());
    let plan = PlanNote::of(header);
    let incomplete = super::blocklist::is_incomplete(header).then(|| NOT_WHOLE.to_owned());
    add("list", incomplete.as_ref());
    add("plan", plan.as_ref().map(ToString::to_string).as_ref());
    add("approved", plan.as_ref().and_then(PlanNote::approval).as_ref());
    add("undo of", option(header, back::UNDOES).map(str::to_owned).as_ref());
    add("again", option(header, back::RERUNS).map(str::to_owned).as_ref());
    let expired = header.options.get(back::EXPIRED).and_then(serde_json::Value::as_array);
    let expired = expired.map(|runs| runs.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", "));
    add("expired", expired.as_ref());
    let lasts = match lasts(header) {
        Lasts::ForGood => None,
        Lasts::For(time) => Some(format!("for {}", words::duration(time.unsigned_abs()))),
        Lasts::Until(at) => Some(format!("until {}", clock::rfc3339(at))),
    };
    add("lasts", lasts.as_ref());
    add("due", due.map(due_cell).as_ref());
    for (at, how) in &replay.interruptions {
        lines.push(format!("interrupted {} ({:?})", clock::rfc3339(*at), how.how).to_lowercase());
    }
    for (at, resumed) in &replay.resumptions {
        lines.push(format!("resumed    {} by {} on {}", clock::rfc3339(*at), resumed.user, resumed.host));
    }
    for (at, end) in &replay.ends {
        let text = end.text.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
        lines.push(format!("ended      {} {}{text}", clock::rfc3339(*at), end.ending));
    }
    if !replay.ended {
        lines.push("ended      not yet: it is under way, or was cut off".to_owned());
    }
    let lines: Vec<String> = lines.iter().map(|line| clean(line).into_owned()).collect();
    format!("{}\n\n", lines.join("\n"))
}

fn verify(wanted: &str, all: bool, context: &Context) -> Result<ExitCode, CommandError> {
    let journals = context.journals()?;
    let runs = if all { journals.names()? } else { vec![find(&journals, wanted)?] };
    let mut exit = ExitCode::Success;
    for run in if all { journals.lost()? } else { Vec::new() } {
        context.ui.warn(&JournalError::Lost { run }.to_string());
        exit = ExitCode::Journal;
    }
    for run in runs {
        match journals.verify(&run) {
            Ok(verified) => {
                let end = match (verified.ended, verified.sealed, verified.torn) {
                    (true, true, false) => "ended and sealed",
                    (true, true, true) => {
                        "ended and sealed; half a line was added since, as a resume that died leaves it"
                    }
                    (true, false, _) => "ended; its seal is missing",
                    (false, _, true) => "not ended; half a line stands at its end, as a crash leaves it",
                    (false, _, false) => "not ended",
                };
                ui::print(format!("{run}: {} lines, unbroken; {end}\n", verified.lines).as_bytes())?;
            }
            Err(error) if all => {
                context.ui.warn(&format!("{run}: {error}"));
                exit = ExitCode::Journal;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(exit)
}

/// Finds a run; a name that fits none is wrong usage, not a broken journal.
pub(crate) fn find(
    journals: &crate::journal::StateFolder,
    wanted: &str,
) -> Result<crate::domain::id::RunId, CommandError> {
    journals.find(wanted).map_err(|error| match &error {
        JournalError::NoRuns { .. } | JournalError::NoSuchRun { .. } | JournalError::Ambiguous { .. } => {
            let hint = error.hint();
            let error = CommandError::new(ExitCode::Usage, error);
            hint.into_iter().fold(error, CommandError::hint)
        }
        _ => error.into(),
    })
}

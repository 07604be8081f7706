//! `edrctl streams`: the event streams of a console.
//!
//! A stream's password is told once, when the stream is made. It goes to the state folder before anything else is done,
//! and from there to `edrctl stream`; nothing here shows it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    cli::{args::duration, context::Context, error::CommandError},
    domain::outcome::ExitCode,
    stream::store::NameOrId,
    vendors::VendorName,
};

pub(in crate::cli::commands) mod create;
mod delete;
pub(in crate::cli::commands) mod filters;
mod output;
mod read;
mod recreate;
pub(in crate::cli::commands) mod refused;
pub(in crate::cli::commands) mod talk;
pub(in crate::cli::commands) mod update;

/// The event streams of a console: list, show, make, change and remove them
///
/// A stream is a queue of events at the console. Its password is told once, when the stream is made, and is kept in the
/// state folder, readable by this user only.
#[derive(Debug, Args)]
pub(crate) struct StreamsArgs {
    #[command(subcommand)]
    command: StreamsCommand,
}

#[derive(Debug, Subcommand)]
enum StreamsCommand {
    /// List the streams, and whether this machine has their passwords
    List(read::ListArgs),
    /// Show one stream
    Show(read::ShowArgs),
    /// Make a stream and keep its password
    Create(create::CreateArgs),
    /// Change a stream's name or what goes into it; its password stays
    Update(update::UpdateArgs),
    /// Remove a stream, the events that wait in it, and its password on this machine
    Delete(delete::DeleteArgs),
    /// Remove a stream and make it again, for a new password where the old one is lost
    ///
    /// The new stream has the same name and the same filters. The events that wait in the old one are lost.
    Recreate(recreate::RecreateArgs),
}

/// The console that has the streams.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Console")]
pub(crate) struct StreamConsoleArgs {
    /// The console [default: the only one that has event streams, cisco]
    #[arg(long, value_name = "V")]
    pub(crate) vendor: Option<VendorName>,
    /// Rehearse against an embedded simulated console
    #[arg(long)]
    pub(crate) simulate: bool,
    /// Faults of the simulated console, as a TOML file (docs/simulator.md)
    #[arg(long, value_name = "FILE", requires = "simulate")]
    pub(crate) faults: Option<PathBuf>,
    /// The longest wait for the console's quota; edrctl stops rather than wait longer (exit code 7)
    #[arg(long, value_name = "DURATION", default_value = "70m", value_parser = duration)]
    pub(crate) max_wait: std::time::Duration,
}

/// What every command that changes streams may be told.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Consent")]
struct StreamConsentArgs {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Check and show what would be done; send nothing that changes anything
    #[arg(long)]
    dry_run: bool,
}

/// What goes into a stream.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(in crate::cli::commands) struct FilterArgs {
    /// Only events of this type, by its number or its name; may be repeated
    #[arg(long = "event-type", value_name = "ID|NAME")]
    pub(in crate::cli::commands) event_types: Vec<String>,
    /// Only events of hosts in this group, by its GUID or its name; may be repeated
    #[arg(long = "group", value_name = "GUID|NAME")]
    pub(in crate::cli::commands) groups: Vec<String>,
}

/// Runs it.
pub(crate) async fn run(args: StreamsArgs, context: &Context) -> Result<ExitCode, CommandError> {
    match args.command {
        StreamsCommand::List(args) => read::list(&args, context).await,
        StreamsCommand::Show(args) => read::show(&args, context).await,
        StreamsCommand::Create(args) => create::run(&args, context).await,
        StreamsCommand::Update(args) => update::run(&args, context).await,
        StreamsCommand::Delete(args) => delete::run(&args, context).await,
        StreamsCommand::Recreate(args) => recreate::run(&args, context).await,
    }
}

/// The longest name that is sent: what a column of a database usually holds.
const LONGEST_NAME: usize = 255;

/// Reads the name of a stream that is to be.
pub(in crate::cli::commands) fn new_name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a stream needs a name".to_owned());
    }
    if text.trim() != text || text.chars().any(char::is_control) {
        return Err("it has blanks around it, a control character or a line break".to_owned());
    }
    if text.chars().count() > LONGEST_NAME {
        return Err(format!("it is longer than {LONGEST_NAME} characters"));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("a name of digits only would be taken for a stream's number".to_owned());
    }
    Ok(text.to_owned())
}

/// Reads which stream is meant.
pub(crate) fn wanted(text: &str) -> Result<NameOrId, String> {
    if text.is_empty() {
        return Err("a stream's name or number is wanted".to_owned());
    }
    Ok(NameOrId::parse(text))
}

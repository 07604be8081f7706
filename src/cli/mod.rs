//! The commands, their arguments, and what people see.
//!
//! `main` calls [`run`] and returns its number. Everything that prints to a terminal, asks a person or chooses an exit
//! code is here; nothing below does any of it.

mod args;
mod commands;
mod confirm;
mod context;
mod error;
mod event_line;
mod outlet;
mod protection;
pub mod select;
mod signals;
mod surroundings;
mod ui;

use std::{io, panic, sync::Arc, thread};

use clap::{CommandFactory, Parser, error::ErrorKind};

use args::{Cli, Command};
use commands::{
    apex_isolate, block, check, completions, expire, hosts, indicators, isolate, ksc_task, man,
    plan::{apply, approve, make},
    report, rerun, resume, runs, simulate, status, stream, streams, unblock, undo, unisolate,
};
use context::Context;
use error::CommandError;

use crate::domain::outcome::ExitCode;

/// Runs the command that was typed; returns the exit code.
pub fn run() -> u8 {
    // A panic has been told by now. Without this its code would be one that scripts know nothing of.
    std::panic::catch_unwind(run_command).unwrap_or(ExitCode::Internal.number())
}

fn run_command() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let context = Arc::new(Context::new(cli.global));
    trace(&context);
    let result = match cli.command {
        // These need no runtime, and a shell calls them at its start.
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
        Command::Runs(args) => runs::run(&args, &context),
        Command::Report(args) => report::run(&args, &context),
        command => on_a_runtime(command, &context),
    };
    match result {
        Ok(exit) => exit.number(),
        Err(error) => {
            // If standard error is gone, the exit code still tells.
            drop(error.write(&mut io::stderr(), context.ui.stderr_colour));
            error.exit().number()
        }
    }
}

/// Runs a command on one of the runtime's own threads: from the thread that began here, every answer would have to wake
/// one thread from another.
fn on_a_runtime(command: Command, context: &Arc<Context>) -> Result<ExitCode, CommandError> {
    let internal = |error: anyhow::Error| CommandError::new(ExitCode::Internal, error);
    // A terminal that does not take our output holds one thread; signals and answers still need another.
    let threads = thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(|error| internal(error.into()).context("start the runtime"))?;
    let context = Arc::clone(context);
    let result = runtime.block_on(runtime.spawn(async move { run_async(command, &context).await }));
    // A prompt that nobody answers must not keep the process alive.
    runtime.shutdown_background();
    result.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => panic::resume_unwind(panic),
        Err(error) => Err(internal(error.into())),
    })
}

async fn run_async(command: Command, context: &Context) -> Result<ExitCode, CommandError> {
    match command {
        Command::Isolate(args) => isolate::run(args, context).await,
        Command::Unisolate(args) => unisolate::run(args, context).await,
        Command::Status(args) => status::run(args, context).await,
        Command::Hosts(args) => hosts::run(args, context).await,
        Command::KscTask(args) => ksc_task::run(*args, context).await,
        Command::ApexIsolate(args) => apex_isolate::run(args, context).await,
        Command::Block(args) => block::run(*args, context).await,
        Command::Unblock(args) => unblock::run(*args, context).await,
        Command::Plan(args) => make::run(args, context).await,
        Command::Apply(args) => apply::run(*args, context).await,
        Command::Approve(args) => approve::run(args, context).await,
        Command::Expire(args) => expire::run(*args, context).await,
        Command::Undo(args) => undo::run(*args, context).await,
        Command::Rerun(args) => rerun::run(*args, context).await,
        Command::Stream(args) => stream::run(*args, context).await,
        Command::Streams(args) => streams::run(args, context).await,
        Command::Indicators(args) => indicators::run(*args, context).await,
        Command::Check(args) => check::run(args, context).await,
        Command::Resume(args) => resume::run(args, context).await,
        Command::Simulate(args) => simulate::run(args, context).await,
        Command::Completions(_) | Command::Man(_) | Command::Runs(_) | Command::Report(_) => Ok(ExitCode::Internal),
    }
}

/// The command line as a whole, for completions and man pages.
fn command() -> clap::Command {
    Cli::command()
}

fn usage(error: &clap::Error) -> u8 {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if let Some(better) = ksc_task::explain(std::env::args_os()).filter(|_| !is_help) {
        drop(better.write(&mut io::stderr(), false));
        return better.exit().number();
    }
    // A broken pipe under `--help | head` is no failure.
    drop(error.print());
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::Success.number(),
        _ => ExitCode::Usage.number(),
    }
}

/// `-vv` shows every exchange on standard error; the HTTP layer traces neither headers nor bodies.
fn trace(context: &Context) {
    if context.ui.verbose < 2 {
        return;
    }
    let subscriber = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(context.ui.stderr_colour)
        .with_max_level(tracing::Level::DEBUG)
        // It would complain of a standard error that nobody reads on that same standard error, and panic.
        .log_internal_errors(false)
        .finish();
    let only_ours = tracing_subscriber::filter::Targets::new().with_target("edrctl", tracing::Level::DEBUG);
    let subscriber = tracing_subscriber::layer::SubscriberExt::with(subscriber, only_ours);
    // A second subscriber cannot be set; the first one serves.
    drop(tracing::subscriber::set_global_default(subscriber));
}

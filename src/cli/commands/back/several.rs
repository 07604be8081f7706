//! What comes of a run over several consoles: at each console, a run of its own.

use std::io;

use crate::{
    cli::{
        args::{ConsentArgs, OutputFormat},
        context::Context,
        error::CommandError,
    },
    domain::outcome::ExitCode,
    journal::{Apart, Piece, Replay, TargetReplay},
    reporters::words,
    vendors::VendorName,
};

/// Which parts of a run over several consoles are meant.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct OnlyArgs {
    /// Of a run over several consoles (`--vendor auto`), only what it did at these
    #[arg(long, value_name = "V,...", value_delimiter = ',', help_heading = "Console", value_parser = crate::cli::args::host_console())]
    only: Vec<VendorName>,
}

impl OnlyArgs {
    /// The parts of a run that are meant, and what is in none. A run at one console is its only part.
    pub(crate) fn parts(&self, replay: Replay) -> Result<(Vec<Piece>, Vec<TargetReplay>), CommandError> {
        if !self.only.is_empty() && !replay.header.is_of_several() {
            let run = &replay.header.run;
            return Err(CommandError::text(
                ExitCode::Usage,
                format!("`--only` chooses among several consoles, and run {run} is at one"),
            ));
        }
        let Apart { mut pieces, rest } = replay.apart();
        let is_meant = |piece: &Piece| {
            let vendor = VendorName::from_word(&piece.replay.header.vendor);
            self.only.is_empty() || vendor.is_some_and(|vendor| self.only.contains(&vendor))
        };
        pieces.retain(|piece| is_meant(piece) && !piece.replay.targets.is_empty());
        Ok((pieces, rest))
    }
}

/// Refuses a number of targets that would be held against each of several runs. `or`: what names one of them.
pub(crate) fn check_count(consent: ConsentArgs, runs: usize, or: &str) -> Result<(), CommandError> {
    if consent.expect_count.is_none() || runs < 2 {
        return Ok(());
    }
    let runs = words::count(runs as u64, "run", "runs");
    let text = format!(
        "this may come to {runs}, one for each console, and `--expect-count` says the number of one; nothing was sent"
    );
    Err(CommandError::text(ExitCode::Usage, text).hint(format!("name one with {or}, or agree with `--yes`")))
}

/// What it comes to that somebody stopped in the middle of several runs. `not_begun`: what is left at which consoles, with the number of
/// its targets; `again`: what goes on with them.
pub(crate) fn stopped<'a>(
    ended: Vec<Result<ExitCode, CommandError>>,
    not_begun: impl Iterator<Item = (&'a Replay, usize)>,
    again: &str,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    for error in ended.into_iter().filter_map(Result::err) {
        // If standard error is gone, the exit code still tells.
        drop(error.write(&mut io::stderr(), context.ui.stderr_colour));
    }
    let left: Vec<String> = not_begun
        .filter(|(_, targets)| *targets > 0)
        .map(|(replay, targets)| {
            let header = &replay.header;
            format!("{} ({})", header.vendor, words::things(targets as u64, &header.action))
        })
        .collect();
    if !left.is_empty() {
        context.ui.warn(&format!("not begun: {}; `{again}` goes on with what is left", left.join(", ")));
    }
    Ok(ExitCode::Stopped)
}

/// Refuses to print the documents of several runs one behind the other: `-o json` is one document. `or`: what else would do.
pub(crate) fn check_document(runs: usize, or: &str, context: &Context) -> Result<(), CommandError> {
    if context.ui.output != OutputFormat::Json || runs < 2 {
        return Ok(());
    }
    let runs = words::count(runs as u64, "run", "runs");
    let text =
        format!("this may come to {runs}, each with a document of its own, and `-o json` is one; nothing was sent");
    Err(CommandError::text(ExitCode::Usage, text).hint(format!("use `-o jsonl`{or}")))
}

/// What several runs come to. An only one speaks for itself; of several, each failure is told and none is the end.
pub(crate) fn together(
    mut ended: Vec<Result<ExitCode, CommandError>>,
    context: &Context,
) -> Result<ExitCode, CommandError> {
    if ended.len() == 1 {
        return ended.pop().unwrap_or(Ok(ExitCode::Success));
    }
    let codes: Vec<ExitCode> = ended
        .into_iter()
        .map(|ended| {
            ended.unwrap_or_else(|error| {
                // If standard error is gone, the exit code still tells.
                drop(error.write(&mut io::stderr(), context.ui.stderr_colour));
                error.exit()
            })
        })
        .collect();
    let first = codes.first().copied().unwrap_or(ExitCode::Success);
    Ok(if codes.iter().all(|code| *code == first) { first } else { ExitCode::SomeFailed })
}

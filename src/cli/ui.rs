//! The terminal as it is: colour, width, who can be asked.

use std::io::{self, IsTerminal, Write};

use indicatif::ProgressDrawTarget;

use super::{
    args::{ColorChoice, GlobalArgs, OutputFormat},
    error::CommandError,
    outlet::Outlet,
};
use crate::{
    domain::outcome::ExitCode,
    reporters::{Fanout, Format, Screen, Setup, hints::Invocation},
};

/// Columns where a terminal does not tell.
const DEFAULT_COLUMNS: usize = 80;

/// What is known of the terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ui {
    /// Standard input is a terminal.
    pub(crate) stdin_is_terminal: bool,
    /// Standard output is a terminal.
    pub(crate) stdout_is_terminal: bool,
    /// Standard error is a terminal.
    pub(crate) stderr_is_terminal: bool,
    /// Colour on standard output.
    pub(crate) stdout_colour: bool,
    /// Colour on standard error.
    pub(crate) stderr_colour: bool,
    /// `--quiet`.
    pub(crate) quiet: bool,
    /// `-v`, counted.
    pub(crate) verbose: u8,
    /// What standard output carries.
    pub(crate) output: OutputFormat,
}

impl Ui {
    /// Looks at the terminal once.
    pub(crate) fn new(global: &GlobalArgs) -> Self {
        let stdout_is_terminal = io::stdout().is_terminal();
        let stderr_is_terminal = io::stderr().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let colour = |terminal: bool| match global.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !plain,
        };
        Self {
            stdin_is_terminal: io::stdin().is_terminal(),
            stdout_is_terminal,
            stderr_is_terminal,
            stdout_colour: colour(stdout_is_terminal),
            stderr_colour: colour(stderr_is_terminal),
            quiet: global.quiet,
            verbose: global.verbose,
            output: global.output,
        }
    }

    /// Whether a person can be asked.
    pub(crate) const fn can_ask(&self) -> bool {
        self.stdin_is_terminal && self.stderr_is_terminal
    }

    /// Columns for tables on standard output; unlimited where it is no terminal.
    pub(crate) fn table_columns(&self) -> Option<usize> {
        self.stdout_is_terminal.then(columns)
    }

    /// Columns for tables on standard error.
    pub(crate) fn stderr_columns(&self) -> Option<usize> {
        self.stderr_is_terminal.then(columns)
    }

    /// Shows lines that are clean already on standard error; if nobody reads them, nobody misses them.
    pub(crate) fn show(&self, text: &str) {
        drop(io::stderr().write_all(text.as_bytes()));
    }

    /// Tells something on standard error, unless quiet.
    pub(crate) fn tell(&self, text: &str) {
        if !self.quiet {
            warn_line(text);
        }
    }

    /// Tells a warning on standard error, also when quiet.
    pub(crate) fn warn(&self, text: &str) {
        warn_line(&format!("warning: {text}"));
    }

    /// The reporters of a run here.
    pub(crate) fn reporters(&self, setup: Setup) -> Fanout {
        let stdout = end(io::stdout, self.stdout_is_terminal);
        let stderr = end(io::stderr, self.stderr_is_terminal);
        setup.build(&stdout, &stderr)
    }

    /// How a run is reported here.
    pub(crate) fn setup(&self, invocation: Invocation) -> Setup {
        let bars = self.stderr_is_terminal && !self.quiet;
        Setup {
            format: match self.output {
                OutputFormat::Human => Format::Human,
                OutputFormat::Jsonl => Format::JsonLines,
                OutputFormat::Json => Format::Json,
                OutputFormat::Csv => Format::Csv,
            },
            quiet: self.quiet,
            verbose: self.verbose > 0,
            stdout_colour: self.stdout_colour,
            stderr_colour: self.stderr_colour,
            stdout_is_terminal: self.stdout_is_terminal,
            screen: bars.then(|| Screen::new(ProgressDrawTarget::stderr())),
            columns,
            invocation,
        }
    }
}

/// The terminal's width, or a default.
fn columns() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let asked = || rustix::termios::tcgetwinsize(io::stderr()).ok().map(|size| usize::from(size.ws_col));
    told.or_else(asked).filter(|columns| *columns > 0).unwrap_or(DEFAULT_COLUMNS)
}

/// A line on standard error; if nobody reads it, nobody misses it.
fn warn_line(text: &str) {
    drop(writeln!(io::stderr(), "{}", crate::reporters::clean::clean(text)));
}

/// Prints data on standard output.
///
/// # Errors
///
/// As [`written`].
pub(crate) fn print(text: &[u8]) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    written(out.write_all(text).and_then(|()| out.flush()))
}

/// Judges what came of printing: a reader that has gone away has seen what it wanted.
///
/// # Errors
///
/// [`CommandError`] for anything else: half a list of hosts must not pass for a whole one.
pub(crate) fn written(result: io::Result<()>) -> Result<(), CommandError> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::new(ExitCode::Internal, error).context("write to standard output"))
        }
        _ => Ok(()),
    }
}

type Writer = Box<dyn Write + Send>;

/// Writers to one end. A terminal shares its screen with the bars and is written to directly; whatever else there is may
/// read as slowly as it likes.
fn end<W: Write + Send + 'static>(open: fn() -> W, is_terminal: bool) -> impl Fn() -> Writer {
    // Without a thread there is still output, only with the reader's patience.
    let outlet = if is_terminal { None } else { Outlet::new(open()).ok() };
    move || match &outlet {
        Some(outlet) => Box::new(outlet.clone()),
        None => Box::new(open()),
    }
}

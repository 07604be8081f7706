//! Which reporters a run has, by what the user asked for and where the output goes.

use std::io::Write;

use super::{
    Fanout, Screen, attempts::Attempts, csv::Csv, hints::Invocation, human::Human, json::Json, json_lines::JsonLines,
    plain::Plain, progress::Progress, summary::Summary, warnings::Warnings, waves::Waves,
};

/// What standard output carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A line a target and a summary, for people.
    #[default]
    Human,
    /// A JSON object a target.
    JsonLines,
    /// One JSON document.
    Json,
    /// A row a target.
    Csv,
}

impl Format {
    /// Every format, in the order in which help shows them.
    pub const ALL: [Self; 4] = [Self::Human, Self::JsonLines, Self::Json, Self::Csv];

    /// The word for it after `-o`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::JsonLines => "jsonl",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }
}

/// What the user asked for and where the output goes.
#[derive(Debug)]
pub struct Setup {
    /// What standard output carries.
    pub format: Format,
    /// `--quiet`: nothing on standard error but warnings.
    pub quiet: bool,
    /// `-v`: every failed attempt.
    pub verbose: bool,
    /// Colour on standard output.
    pub stdout_colour: bool,
    /// Colour on standard error.
    pub stderr_colour: bool,
    /// Whether standard output is a terminal, which is then taken for the one that the bars are on.
    pub stdout_is_terminal: bool,
    /// The bars' place, if standard error is a terminal.
    pub screen: Option<Screen>,
    /// Reads the terminal's width.
    pub columns: fn() -> usize,
    /// What the next command has to repeat.
    pub invocation: Invocation,
}

type Writer = Box<dyn Write + Send>;

impl Setup {
    /// Makes the reporters; `stdout` and `stderr` are asked for a writer for each that needs one.
    pub fn build(mut self, stdout: &dyn Fn() -> Writer, stderr: &dyn Fn() -> Writer) -> Fanout {
        // A terminal that cannot move its cursor shows no bars, so it gets lines.
        self.screen = self.screen.filter(|screen| !screen.is_hidden());
        let above = |out: Writer, same: bool| -> Writer {
            match &self.screen {
                Some(screen) if same => Box::new(screen.above(out)),
                _ => out,
            }
        };
        let out = || above(stdout(), self.stdout_is_terminal);
        let err = || above(stderr(), true);
        let mut fanout = Fanout::new(err());
        fanout.push("warnings", Warnings::new(err(), self.stderr_colour));
        if !self.quiet {
            fanout.push("waves", Waves::new(err()));
        }
        match &self.screen {
            _ if self.quiet => {}
            Some(screen) => fanout.push("progress", Progress::new(screen.clone(), self.columns, self.stderr_colour)),
            None if self.format == Format::Human => fanout.push("progress", Plain::new(err())),
            None => fanout.push("progress", Plain::new(err()).without_end()),
        }
        if self.verbose && !self.quiet {
            fanout.push("attempts", Attempts::new(err()));
        }
        match self.format {
            Format::Human => fanout.push("human", Human::new(out(), self.stdout_colour)),
            Format::JsonLines => fanout.push("jsonl", JsonLines::new(out())),
            Format::Json => fanout.push("json", Json::new(out())),
            Format::Csv => fanout.push("csv", Csv::new(out())),
        }
        match self.format {
            Format::Human => fanout.push("summary", Summary::new(out(), self.stdout_colour, self.invocation.clone())),
            _ if self.quiet => {}
            _ => fanout.push("summary", Summary::new(err(), self.stderr_colour, self.invocation.clone())),
        }
        fanout
    }
}

#[cfg(test)]
mod tests;

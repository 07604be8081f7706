//! What a run shows and prints: reporters hear run events and write to what they are handed.
//!
//! A reporter opens nothing, asks nothing and counts nothing: writers, widths and colour come from the command line, and
//! totals come with every event. Whatever a console, an event or a target file brought is cleaned ([`clean`]) before it
//! reaches a terminal, and stays exact in JSON ([`json_text`]).

use std::io;

use crate::engine::event::RunEvent;

pub mod attempts;
pub mod clean;
pub mod csv;
mod fanout;
pub mod groups;
pub mod hints;
pub mod human;
pub mod json;
pub mod json_lines;
pub mod json_text;
pub mod paint;
pub mod phrases;
pub mod plain;
pub mod progress;
mod screen;
mod setup;
pub mod summary;
pub mod table;
#[cfg(test)]
mod testing;
mod timeline;
pub mod warnings;
mod waves;
pub mod wire;
pub mod words;

pub use fanout::Fanout;
pub use screen::{AboveBars, Screen};
pub use setup::{Format, Setup};

/// Something that shows or prints a run while it happens.
pub trait Reporter: Send {
    /// Hears one event; they come in the order in which things happened.
    ///
    /// # Errors
    ///
    /// Whatever the writer says. The caller drops this reporter and goes on with the run.
    fn on_event(&mut self, event: &RunEvent) -> io::Result<()>;

    /// Lets time pass: countdowns move, held lines are written. Meant to be called about ten times a second.
    ///
    /// # Errors
    ///
    /// As for [`Self::on_event`].
    fn tick(&mut self) -> io::Result<()>;
}

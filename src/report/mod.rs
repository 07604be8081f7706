//! A run as others need to be told of it: text for a ticket, a page for a manager, rows, events for a SIEM.
//!
//! Everything comes from the run's journal, and nothing else is asked: a report can be made years later, on a machine
//! that no console would answer. Nothing here opens a file or decides what a target came to. What a console or a target
//! file brought is hostile, and each form has its own way of making it harmless: a code span in Markdown, text and nothing
//! but text in HTML, a quoted cell in CSV, an escaped string in JSON.
//!
//! | file | what it does |
//! |---|---|
//! | `history.rs` | what the journal knows of the time between beginning and end |
//! | `story.rs` | the run, gathered for telling |
//! | `sentences.rs` | what several forms say in the same words |
//! | `markdown.rs`, `html/`, `rows.rs`, `ocsf.rs`, `ecs.rs` | the forms |
//! | `subject.rs` | what an event of a SIEM has to know of a target |

mod ecs;
mod history;
mod html;
mod markdown;
mod ocsf;
mod rows;
mod sentences;
mod story;
mod subject;
#[cfg(test)]
mod testing;

use std::io::{self, Write};

pub use history::History;
pub use story::{Origin, Standing, Story};

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The text of a ticket.
    Markdown,
    /// A row a target.
    Csv,
    /// One page that needs nothing beside it.
    Html,
    /// A Remediation Activity event a target.
    Ocsf,
    /// An event of the Elastic Common Schema a target.
    Ecs,
}

/// Writes a run in one form.
///
/// # Errors
///
/// Whatever the writer says.
pub fn write(form: Form, story: &Story, out: &mut dyn Write) -> io::Result<()> {
    match form {
        Form::Markdown => out.write_all(markdown::page(story).as_bytes()),
        Form::Csv => rows::write(story, out),
        Form::Html => html::write(story, out),
        Form::Ocsf => ocsf::write(story, out),
        Form::Ecs => ecs::write(story, out),
    }
}

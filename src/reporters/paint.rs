//! Colour, where it is wanted. Every colour stands beside a word that says the same.

use anstyle::{AnsiColor, Style};

use crate::domain::outcome::Outcome;

/// The colour of an outcome: green for success, cyan for work that is taken, yellow for what is open, red for failure.
pub const fn outcome(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Confirmed | Outcome::Already => AnsiColor::Green.on_default(),
        Outcome::Accepted => AnsiColor::Cyan.on_default(),
        Outcome::Unconfirmed | Outcome::InDoubt => AnsiColor::Yellow.on_default(),
        Outcome::Failed | Outcome::Unresolved => AnsiColor::Red.on_default(),
        Outcome::Refused => AnsiColor::Magenta.on_default(),
        Outcome::NotSent => Style::new().dimmed(),
    }
}

/// Headings, and the one thing to look at.
pub const STRONG: Style = Style::new().bold();

/// What stands beside it.
pub const FAINT: Style = Style::new().dimmed();

/// What slows a run down.
pub const WARN: Style = AnsiColor::Yellow.on_default();

/// The text in a style, if colour is on.
pub fn paint(text: &str, style: Style, colour: bool) -> String {
    if !colour || style.is_plain() || text.is_empty() {
        return text.to_owned();
    }
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_there_is_no_escape_sequence() {
        for each in Outcome::ALL {
            assert_eq!(paint(each.word(), outcome(each), false), each.word());
            let painted = paint(each.word(), outcome(each), true);
            assert!(painted.starts_with("\u{1b}[") && painted.ends_with("\u{1b}[0m"), "{painted:?}");
        }
    }
}

//! `edrctl runs list` where the terminal has no room for its table: some lines for each run, and nothing cut that somebody has to
//! read or copy.

use std::collections::BTreeMap;

use super::{Due, console_of, due_cell, end_of, why_of};
use crate::{
    domain::id::RunId,
    journal::RunEntry,
    reporters::{
        clean::clean,
        paint::{STRONG, paint},
        words::{fit, things, width},
    },
};

/// How far what belongs to a run stands to the right of its name.
const INDENT: &str = "  ";

/// The runs, in so many columns.
pub(super) fn list(entries: &[RunEntry], dues: &BTreeMap<RunId, Due>, columns: usize, colour: bool) -> String {
    let mut text = String::new();
    for entry in entries {
        let run = entry.run.as_str();
        text.push_str(&paint(run, STRONG, colour));
        let Ok(summary) = &entry.summary else {
            text.push_str("  damaged\n");
            continue;
        };
        // The name says the seconds.
        let started = summary.started.strftime("%Y-%m-%d %H:%MZ").to_string();
        text.push_str(if width(run) + 2 + width(&started) > columns { "\n  " } else { "  " });
        text.push_str(&format!("{started}\n"));
        let header = &summary.header;
        let (ended, outcomes) = end_of(summary);
        let colon = if outcomes.is_empty() { "" } else { ":" };
        let mut words = vec![format!("{} {},", header.action, things(header.targets, &header.action)), ended + colon];
        words.extend(apart(outcomes));
        text.push_str(&filled(&words, columns));
        for line in [console_of(header), why_of(header)].iter().filter(|line| !line.is_empty()) {
            let room = columns.saturating_sub(width(INDENT));
            text.push_str(&format!("{INDENT}{}\n", fit(&clean(line), room)));
        }
        if let Some(due) = dues.get(&entry.run) {
            let parts = due_cell(*due).split(", ").map(str::to_owned).collect();
            text.push_str(&filled(&apart(parts), columns));
        }
    }
    text
}

/// A comma behind each but the last.
fn apart(mut parts: Vec<String>) -> Vec<String> {
    let last = parts.len().saturating_sub(1);
    parts.iter_mut().take(last).for_each(|part| part.push(','));
    parts
}

/// Lines of as many of these as fit; none is cut.
fn filled(words: &[String], columns: usize) -> String {
    let mut text = String::new();
    let mut line = String::new();
    for word in words {
        let word = clean(word);
        if line.is_empty() {
            line = format!("{INDENT}{word}");
        } else if width(&line) + 1 + width(&word) <= columns {
            line.push_str(&format!(" {word}"));
        } else {
            text.push_str(&format!("{line}\n"));
            line = format!("{INDENT}{INDENT}{word}");
        }
    }
    if line.is_empty() { text } else { text + &line + "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_goes_on_in_the_next_line_and_is_not_cut() {
        let words = apart(["3 confirmed", "1 unconfirmed", "2 failed"].map(str::to_owned).to_vec());
        assert_eq!(filled(&words, 80), "  3 confirmed, 1 unconfirmed, 2 failed\n");
        assert_eq!(filled(&words, 30), "  3 confirmed, 1 unconfirmed,\n    2 failed\n");
        assert_eq!(filled(&words, 5), "  3 confirmed,\n    1 unconfirmed,\n    2 failed\n");
        assert_eq!(filled(&[], 80), "");
    }
}

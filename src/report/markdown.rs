//! The text of a ticket, in Markdown.
//!
//! What came from outside stands in code spans and nowhere else. In one, nothing is markup: no link, no mention, no HTML, no
//! emphasis. Its fence is longer than any row of backticks in it, so that it ends where we end it. There is no table with
//! such text, because inside one a bar would count even in a code span.

use std::fmt::Write as _;

use super::{sentences, story::Story};
use crate::{
    engine::event::TargetResult,
    reporters::{
        clean::clean_to,
        phrases,
        words::{number, things},
    },
};

/// Targets that are named one by one.
const MOST_PRESSING: usize = 20;
/// Reasons that are told.
const MOST_REASONS: usize = 20;
/// Marks that are told.
const MOST_MARKS: usize = 30;
/// Columns of one text from outside.
const LONGEST: usize = 300;
/// A row of backticks that some readers of Markdown do not follow any more.
const LONG_ROW: usize = 20;

/// The whole text.
pub(super) fn page(story: &Story) -> String {
    let mut page = String::new();
    line(&mut page, &format!("# {}", sentences::headline(story)));
    for notice in sentences::notices(story) {
        line(&mut page, &format!("\n**{notice}**"));
    }
    line(&mut page, "");
    for (label, value) in sentences::facts(story) {
        line(&mut page, &format!("- {label}: {}", span(&value)));
    }
    line(&mut page, "\n## Outcomes\n");
    for (outcome, count) in story.counts.present() {
        line(&mut page, &format!("- {} {}: {}", number(count), phrases::label(outcome), phrases::meaning(outcome)));
    }
    line(&mut page, "\n## Over time\n");
    for milestone in sentences::milestones(story) {
        line(&mut page, &format!("- {milestone}"));
    }
    marks(story, &mut page);
    reasons(story, &mut page);
    pressing(story, &mut page);
    if !story.next.is_empty() {
        line(&mut page, "\n## Next\n");
        for hint in &story.next {
            line(&mut page, &format!("- {}: {}", span(&hint.command), hint.why));
        }
    }
    line(&mut page, "\n## Journal\n");
    line(&mut page, &format!("- {}: {}", span(&story.journal_name()), sentences::journal(story)));
    line(&mut page, &format!("- SHA-256 of the last line: `{}`", story.digest));
    page
}

fn line(page: &mut String, text: &str) {
    page.push_str(text);
    page.push('\n');
}

fn marks(story: &Story, page: &mut String) {
    let marks = story.history.marks();
    for mark in marks.iter().take(MOST_MARKS) {
        line(page, &format!("- {}: {}", sentences::moment(mark.at), span(&sentences::mark(mark))));
    }
    let more = (marks.len().saturating_sub(MOST_MARKS)) as u64 + story.history.unmarked();
    if more > 0 {
        line(page, &format!("- and {} more such moments", number(more)));
    }
}

fn reasons(story: &Story, page: &mut String) {
    let groups = story.failures.biggest();
    if groups.is_empty() {
        return;
    }
    line(page, "\n## Why targets did not succeed\n");
    for group in groups.iter().take(MOST_REASONS) {
        let examples: Vec<String> = group.examples.iter().map(|example| span(example)).collect();
        let more = if group.count > group.examples.len() as u64 { ", …" } else { "" };
        line(
            page,
            &format!(
                "- {} {}: {} (such as {}{more})",
                number(group.count),
                phrases::label(group.outcome),
                span(&group.text),
                examples.join(", ")
            ),
        );
    }
    if groups.len() > MOST_REASONS {
        let left: u64 = groups.iter().skip(MOST_REASONS).map(|group| group.count).sum();
        line(page, &format!("- {} more for other reasons", number(left)));
    }
}

fn pressing(story: &Story, page: &mut String) {
    let rows = story.pressing();
    if rows.is_empty() {
        return;
    }
    line(page, "\n## Needs attention\n");
    for row in rows.iter().take(MOST_PRESSING) {
        line(page, &format!("- {}", told(row)));
    }
    let more = rows.len().saturating_sub(MOST_PRESSING) as u64;
    if more > 0 {
        let more = things(more, story.header.action);
        line(page, &format!("- and {more} more; `edrctl report {} --format csv` has each", story.header.run));
    }
}

fn told(row: &TargetResult) -> String {
    let mut told = span(&row.target);
    if let Some(name) = row.name.as_deref().filter(|name| *name != &*row.target) {
        let _written = write!(told, " ({})", span(name));
    }
    if let Some(vendor) = row.vendor {
        let _written = write!(told, " at {vendor}");
    }
    let _written = write!(told, ": {}", phrases::label(row.outcome));
    if let Some(reason) = &row.reason {
        let _written = write!(told, ", {}", span(&reason.text));
    }
    told
}

/// A text from outside as a code span.
fn span(text: &str) -> String {
    let mut text = clean_to(text, LONGEST);
    if longest_row(&text) > LONG_ROW {
        text = text.replace('`', "\\u{60}");
    }
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let fence = "`".repeat(longest_row(&text) + 1);
    // One blank at either end is taken for a part of the fence, if there is one at both.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn longest_row(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reporters::clean::is_hostile;

    #[test]
    fn a_code_span_ends_where_we_end_it() {
        assert_eq!(span("web01"), "`web01`");
        assert_eq!(span("a`b``c"), "```a`b``c```");
        assert_eq!(span("`"), "`` ` ``");
        assert_eq!(span("a\nb\u{202e}"), "`a\\nb\\u{202e}`");
        assert_eq!(span(" "), "(empty)");
        assert_eq!(span(&"`".repeat(90)).matches('`').count(), 2);
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_code_span(text in any::<String>()) {
            let span = span(&text);
            prop_assert!(!span.chars().any(is_hostile));
            if span != "(empty)" {
                let fence = span.len() - span.trim_start_matches('`').len();
                let inner = span.get(fence..span.len() - fence).unwrap();
                prop_assert!(span.ends_with(&"`".repeat(fence)));
                prop_assert!(inner.split(|c| c != '`').all(|row| row.len() != fence), "{}", span);
                prop_assert!(!inner.starts_with('`') && !inner.ends_with('`'));
            }
        }
    }
}

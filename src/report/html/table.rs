//! A row a target. The table is whole without the script, which adds the buttons that sort it and the fields that filter it.

use std::io::{self, Write};

use super::text::{from_outside, ours};
use crate::{
    clock,
    engine::event::TargetResult,
    report::story::Story,
    reporters::{phrases, words::things},
};

/// Candidates of one target that are shown.
const MOST_CANDIDATES: usize = 10;

/// The column that only a run over several consoles has, after the others.
const CONSOLE: (&str, &str) = ("Console", "text");

/// The columns, and how each is compared.
const COLUMNS: [(&str, &str); 9] = [
    ("#", "number"),
    ("Target", "text"),
    ("Host", "text"),
    ("Id", "text"),
    ("Outcome", "text"),
    ("State", "text"),
    ("Reason", "text"),
    ("Tries", "number"),
    ("Finished", "text"),
];

pub(super) fn write(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    let all = things(story.rows.len() as u64, story.header.action);
    writeln!(out, "<section aria-labelledby=\"targets\">\n<h2 id=\"targets\">Every target</h2>")?;
    writeln!(out, "<div id=\"controls\" class=\"controls\" role=\"search\" hidden>")?;
    writeln!(out, "<label>Filter <input type=\"search\" id=\"filter\" autocomplete=\"off\"></label>")?;
    writeln!(out, "<label>Outcome <select id=\"outcome\"><option value=\"\">all</option>")?;
    for (outcome, _) in story.counts.present() {
        writeln!(out, "<option value=\"{}\">{}</option>", outcome.word(), ours(phrases::label(outcome)))?;
    }
    writeln!(out, "</select></label>\n<p id=\"shown\" role=\"status\">{}</p>\n</div>", ours(&all))?;
    writeln!(out, "<table id=\"rows\">\n<caption>{} of run {}</caption>\n<thead><tr>", ours(&all), story.header.run)?;
    let several = story.journalled.is_of_several();
    for (column, compared) in COLUMNS.into_iter().chain(several.then_some(CONSOLE)) {
        writeln!(out, "<th scope=\"col\" data-compare=\"{compared}\">{}</th>", ours(column))?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for row in &story.rows {
        write_row(row, several, out)?;
    }
    writeln!(out, "</tbody>\n</table>\n</section>")
}

fn write_row(row: &TargetResult, several: bool, out: &mut dyn Write) -> io::Result<()> {
    let optional = |text: Option<&str>| text.map(from_outside).unwrap_or_default();
    let same = row.name.as_deref() == Some(&*row.target);
    let mut reason: Vec<String> = Vec::new();
    reason.extend(row.reason.as_ref().map(|failure| from_outside(&failure.text)));
    reason.extend(row.note.as_deref().map(from_outside));
    reason.extend(row.candidates.iter().take(MOST_CANDIDATES).map(|candidate| {
        let parts = [Some(candidate.id.as_str()), candidate.name.as_deref(), candidate.last_seen.as_deref()];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        format!("candidate {}", from_outside(&parts.join(" ")))
    }));
    if row.candidates.len() > MOST_CANDIDATES {
        reason.push(format!("{} candidates more", row.candidates.len() - MOST_CANDIDATES));
    }
    let console = if several { format!("<td>{}</td>", ours(row.vendor.unwrap_or_default())) } else { String::new() };
    writeln!(
        out,
        "<tr data-outcome=\"{}\"><td class=\"n\">{}</td><th scope=\"row\">{}</th><td>{}</td><td>{}</td>\
         <td><span class=\"o o-{}\">{}</span></td><td>{}</td><td>{}</td><td class=\"n\">{}</td>\
         <td class=\"t\">{}</td>{console}</tr>",
        row.outcome.word(),
        u64::from(row.n) + 1,
        from_outside(&row.target),
        if same { String::new() } else { optional(row.name.as_deref()) },
        optional(row.host.as_ref().map(|id| id.as_str())),
        row.outcome.word(),
        ours(phrases::label(row.outcome)),
        optional(row.state.as_deref()),
        reason.join("; "),
        row.attempts,
        clock::rfc3339(row.finished)
    )
}

//! One page that needs nothing beside it: no network, no other file, and without its script it can still be read.
//!
//! Its policy (`Content-Security-Policy`) forbids everything but the one style and the one script that are in it, each by its
//! hash. So what a hostile name would have to smuggle in could neither run nor be fetched, even if [`text`] had a hole. Texts
//! from outside stand between tags and nowhere else: never in an attribute, a script or a style.

mod plot;
mod table;
mod text;

use std::io::{self, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use super::{sentences, story::Story};
use crate::reporters::{
    phrases,
    words::{number, percent},
};
use text::{from_outside, ours};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Reasons that are told.
const MOST_REASONS: usize = 100;

/// Writes the page.
pub(super) fn write(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    let title = ours(&format!("{} · run {}", sentences::headline(story), story.header.run));
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
        policy()
    )?;
    writeln!(out, "<h1>{}</h1>", ours(&sentences::headline(story)))?;
    for notice in sentences::notices(story) {
        writeln!(out, "<p class=\"notice\" role=\"note\"><strong>{}</strong></p>", ours(&notice))?;
    }
    facts(story, out)?;
    outcomes(story, out)?;
    over_time(story, out)?;
    reasons(story, out)?;
    table::write(story, out)?;
    next(story, out)?;
    journal(story, out)?;
    writeln!(out, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>")
}

/// What the page may do: show itself, with this style and this script.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn facts(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section aria-labelledby=\"facts\">\n<h2 id=\"facts\">Who, what, when, why</h2>\n<dl>")?;
    for (label, value) in sentences::facts(story) {
        writeln!(out, "<div><dt>{}</dt><dd>{}</dd></div>", ours(label), from_outside(&value))?;
    }
    writeln!(out, "</dl>\n</section>")
}

fn outcomes(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<section aria-labelledby=\"outcomes\">\n<h2 id=\"outcomes\">Outcomes</h2>\n<table class=\"counts\">\n<thead><tr>\
         <th scope=\"col\">Outcome</th><th scope=\"col\" class=\"n\">Targets</th><th scope=\"col\" class=\"n\">Share</th>\
         <th scope=\"col\">Meaning</th></tr></thead>\n<tbody>"
    )?;
    let all = story.rows.len() as u64;
    for (outcome, count) in story.counts.present() {
        writeln!(
            out,
            "<tr><th scope=\"row\"><span class=\"o o-{}\">{}</span></th><td class=\"n\">{}</td><td class=\"n\">{}&nbsp;%</td>\
             <td>{}</td></tr>",
            outcome.word(),
            ours(phrases::label(outcome)),
            number(count),
            percent(count, all),
            ours(phrases::meaning(outcome))
        )?;
    }
    writeln!(out, "</tbody>\n</table>\n</section>")
}

fn over_time(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section aria-labelledby=\"time\">\n<h2 id=\"time\">Over time</h2>")?;
    plot::write(story, out)?;
    writeln!(out, "<ul>")?;
    for milestone in sentences::milestones(story) {
        writeln!(out, "<li>{}</li>", ours(&milestone))?;
    }
    writeln!(out, "</ul>")?;
    let marks = story.history.marks();
    if !marks.is_empty() {
        writeln!(out, "<ol class=\"marks\">")?;
        for mark in marks {
            writeln!(out, "<li>{}: {}</li>", sentences::moment(mark.at), from_outside(&sentences::mark(mark)))?;
        }
        writeln!(out, "</ol>")?;
    }
    if story.history.unmarked() > 0 {
        writeln!(out, "<p>And {} more such moments.</p>", number(story.history.unmarked()))?;
    }
    writeln!(out, "</section>")
}

fn reasons(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    let groups = story.failures.biggest();
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<section aria-labelledby=\"reasons\">\n<h2 id=\"reasons\">Why targets did not succeed</h2>\n<table>\n<thead><tr>\
         <th scope=\"col\" class=\"n\">Targets</th><th scope=\"col\">Outcome</th><th scope=\"col\">Reason</th>\
         <th scope=\"col\">Such as</th></tr></thead>\n<tbody>"
    )?;
    for group in groups.iter().take(MOST_REASONS) {
        let examples: Vec<String> = group.examples.iter().map(|example| from_outside(example)).collect();
        writeln!(
            out,
            "<tr><td class=\"n\">{}</td><td><span class=\"o o-{}\">{}</span></td><td>{}</td><td>{}</td></tr>",
            number(group.count),
            group.outcome.word(),
            ours(phrases::label(group.outcome)),
            from_outside(&group.text),
            examples.join(", ")
        )?;
    }
    writeln!(out, "</tbody>\n</table>")?;
    if groups.len() > MOST_REASONS {
        let left: u64 = groups.iter().skip(MOST_REASONS).map(|group| group.count).sum();
        writeln!(out, "<p>And {} more for other reasons.</p>", number(left))?;
    }
    writeln!(out, "</section>")
}

fn next(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    if story.next.is_empty() {
        return Ok(());
    }
    writeln!(out, "<section aria-labelledby=\"next\">\n<h2 id=\"next\">Next</h2>\n<ul>")?;
    for hint in &story.next {
        writeln!(out, "<li><code>{}</code>: {}</li>", from_outside(&hint.command), ours(&hint.why))?;
    }
    writeln!(out, "</ul>\n</section>")
}

fn journal(story: &Story, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<section aria-labelledby=\"journal\">\n<h2 id=\"journal\">Journal</h2>\n<p><code>{}</code>: {}</p>\n\
         <p>SHA-256 of the last line: <code class=\"digest\">{}</code></p>\n</section>",
        ours(&story.journal_name()),
        ours(&sentences::journal(story)),
        ours(&story.digest)
    )
}

#[cfg(test)]
mod tests;

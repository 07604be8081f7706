//! A plan for people: how many of what, and which.

use std::time::Duration;

use crate::{
    domain::{action::ActionKind, duration::format},
    plan_file::{About, Mark, Plan, Target},
    reporters::{clean::clean, words},
};

/// Targets of a kind that are shown where the plan is to fit a screen.
pub(super) const SCREENFUL: usize = 8;

/// The plan, with up to `shown` targets of each kind.
pub(super) fn text(plan: &Plan, digest: &str, console_name: &str, shown: usize) -> String {
    let about = &plan.about;
    let profile = about.profile.as_deref().map(|profile| format!(", profile {profile}")).unwrap_or_default();
    let part = about.part.as_deref().map(|part| format!(", {part}")).unwrap_or_default();
    let mut lines = vec![
        format!("{} through {console_name} ({}{part}{profile})", about.action, about.console),
        format!("  planned at {} by {} on {}", about.made, about.user, about.machine),
    ];
    if about.simulated {
        lines.push("  in a rehearsal: these hosts are made up".to_owned());
    }
    for (what, text) in [("comment", &about.comment), ("ticket", &about.ticket)] {
        lines.extend(text.as_ref().map(|text| format!("  {what}: {text}")));
    }
    lines.extend(options(about).into_iter().map(|option| format!("  {option}")));
    lines.push(format!("  {}", counts(plan)));
    for mark in Mark::ALL {
        let of_mark = || plan.targets.iter().filter(move |target| target.mark == mark);
        let count = of_mark().count();
        if count == 0 {
            continue;
        }
        lines.push(format!("  {} ({})", mark.words(), words::number(count as u64)));
        lines.extend(of_mark().take(shown).map(|target| format!("    {}", line(target))));
        if count > shown {
            lines.push(format!("    and {} more", words::number((count - shown) as u64)));
        }
    }
    lines.push(format!("  digest: {digest}"));
    let mut text = String::new();
    for line in lines {
        text.push_str(&clean(&line));
        text.push('\n');
    }
    text
}

/// How many of what: `3 targets: 2 to act on, 1 not found`.
pub(super) fn counts(plan: &Plan) -> String {
    let of_mark = |mark: Mark| plan.targets.iter().filter(|target| target.mark == mark).count() as u64;
    let parts = Mark::ALL.into_iter().map(|mark| (mark, of_mark(mark))).filter(|(_, count)| *count > 0);
    let parts: Vec<String> = parts.map(|(mark, count)| format!("{} {}", words::number(count), mark.words())).collect();
    let more: u64 = plan.targets.iter().map(|target| target.duplicates.len() as u64).sum();
    let more = if more > 0 { format!(", {} written more than once", words::number(more)) } else { String::new() };
    format!("{}: {}{more}", words::count(plan.targets.len() as u64, "target", "targets"), parts.join(", "))
}

/// What is agreed to beside the targets.
fn options(about: &About) -> Vec<String> {
    let options = &about.options;
    let mut lines = Vec::new();
    if let Some(lasts) = options.lasts {
        let back = if ActionKind::from_word(&about.action) == Some(ActionKind::Block) {
            "taken out again"
        } else {
            "put back"
        };
        lines.push(format!("each is due to be {back} {} later", format(Duration::from_secs(lasts))));
    }
    for host in &options.allow_protected {
        let reason = options.allow_reason.as_deref().unwrap_or_default();
        lines.push(format!("allowed although it is protected: {host}, because {reason}"));
    }
    lines.extend(options.product.as_ref().map(|product| format!("only agents of product {product}")));
    lines
        .extend(options.max_targets.map(|most| format!("at most {} are acted on", words::things(most, &about.action))));
    lines.extend(options.max_new.map(|most| format!("at most {} new indicators", words::number(most))));
    for (prefix, of) in [(options.max_prefix, "IPv4"), (options.max_prefix6, "IPv6")] {
        lines.extend(prefix.map(|prefix| format!("{of} networks down to /{prefix}")));
    }
    for (given, says) in [
        (options.netbios, "a name may be the first 15 characters of what was written"),
        (options.queue_offline, "also hosts that the console has lost touch with"),
        (options.allow_rotation, "older tasks may be pushed out, done or not"),
        (options.require_console, "only while somebody is connected who carries tasks out"),
    ] {
        if given {
            lines.push(says.to_owned());
        }
    }
    lines
}

fn line(target: &Target) -> String {
    let mut text = target.name.clone().unwrap_or_else(|| target.target.clone());
    match target.id.as_deref() {
        Some(id) if id != text => text.push_str(&format!("  {id}")),
        _ => {}
    }
    if target.target != text
        && target.name.as_ref() != Some(&target.target)
        && target.id.as_ref() != Some(&target.target)
    {
        text.push_str(&format!("  (as {})", target.target));
    }
    let seen = target.last_seen.as_deref().map(|seen| format!("last seen {seen}"));
    let facts: Vec<String> = [target.state.clone(), seen].into_iter().flatten().collect();
    if !facts.is_empty() {
        text.push_str(&format!("  ({})", facts.join(", ")));
    }
    if let Some(reason) = &target.reason {
        let at = target.file.as_deref().unwrap_or("standard input");
        text.push_str(&format!("  {at}:{}: {}", target.line, reason.text));
    }
    if let Some(note) = &target.note {
        text.push_str(&format!("  {note}"));
    }
    text
}

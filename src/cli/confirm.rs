//! Says what will happen to how many hosts, and asks. Without a terminal it never asks.

use std::io::{self, BufRead, Write};

use rustix::termios::{QueueSelector, tcflush};

use super::{args::ConsentArgs, error::CommandError, ui::Ui};
use crate::{
    domain::{
        failure::FailureKind,
        outcome::{ExitCode, Outcome},
    },
    engine::{cancel::Cancel, plan::Survey, roster::Roster},
    reporters::{clean::clean, words},
};

/// Hosts that are named before the question.
const NAMED: usize = 8;

/// What is asked.
pub(crate) struct Question<'a> {
    /// What will be done: `isolate`.
    pub(crate) verb: &'a str,
    /// What that means, where the word does not say it.
    pub(crate) says: &'a [String],
    /// The console's name for people.
    pub(crate) console_name: &'a str,
    /// Its address.
    pub(crate) address: &'a str,
    /// The profile.
    pub(crate) profile: Option<&'a str>,
    /// The targets.
    pub(crate) roster: &'a Roster,
    /// What was read before.
    pub(crate) survey: Survey,
}

/// Refuses if the number of hosts is not the one that was expected.
pub(crate) fn expect(consent: ConsentArgs, roster: &Roster, action: &str) -> Result<(), CommandError> {
    let resolved = roster.resolved();
    match consent.expect_count {
        Some(expected) if expected != resolved => Err(CommandError::text(
            ExitCode::Refused,
            format!(
                "{} expected, and the targets resolve to {resolved}; nothing was sent",
                words::things(expected, action)
            ),
        )
        .hint("`--dry-run` shows what every target resolves to")),
        _ => Ok(()),
    }
}

/// Gets consent for a change, or refuses.
pub(crate) async fn ask(
    consent: ConsentArgs,
    question: &Question<'_>,
    ui: &Ui,
    cancel: &Cancel,
) -> Result<(), CommandError> {
    if consent.yes || consent.expect_count.is_some() {
        return Ok(());
    }
    let to_act = question.roster.to_act().count() as u64;
    if !ui.can_ask() {
        return Err(CommandError::text(
            ExitCode::Refused,
            format!(
                "{} {} needs consent, and there is no terminal to ask at; nothing was sent",
                question.verb,
                words::things(to_act, question.verb)
            ),
        )
        .hint("`--yes` gives it, or `--expect-count N` if the targets resolve to exactly N hosts"));
    }
    put(describe(question, to_act), cancel).await
}

/// Gets consent for a change that is about no hosts, or refuses. `what`: as in "to make an event stream".
pub(crate) async fn agree(yes: bool, what: &str, prompt: String, ui: &Ui, cancel: &Cancel) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !ui.can_ask() {
        return Err(CommandError::text(
            ExitCode::Refused,
            format!("to {what} needs consent, and there is no terminal to ask at; nothing was changed"),
        )
        .hint("`--yes` gives it; `--dry-run` shows what would be done"));
    }
    put(prompt, cancel).await
}

async fn put(prompt: String, cancel: &Cancel) -> Result<(), CommandError> {
    let agreed = tokio::select! {
        agreed = says_yes(prompt) => agreed,
        () = cancel.requested() => false,
    };
    if agreed { Ok(()) } else { Err(CommandError::text(ExitCode::Refused, "declined; nothing was sent")) }
}

/// Asks, and waits for an answer; everything but a yes is a no.
pub(crate) async fn says_yes(prompt: String) -> bool {
    let answer = tokio::task::spawn_blocking(move || read_answer(&prompt)).await.ok().flatten();
    answer.is_some_and(|answer| matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn read_answer(prompt: &str) -> Option<String> {
    // What was typed before the question is no answer to it. Where there is no terminal, nothing can have been typed.
    tcflush(io::stdin(), QueueSelector::IFlush).unwrap_or_default();
    let mut err = io::stderr();
    err.write_all(prompt.as_bytes()).and_then(|()| err.flush()).ok()?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer).ok()?;
    (read > 0).then_some(answer)
}

fn describe(question: &Question<'_>, to_act: u64) -> String {
    let Question { verb, says, console_name, address, profile, roster, survey } = question;
    let profile = profile.map(|profile| format!(", profile {}", clean(profile))).unwrap_or_default();
    // A task is run on hosts; what is done as a whole is to run it.
    let deed = verb.strip_suffix(" on").unwrap_or(verb);
    let mut text = format!("{deed} through {console_name} ({}{profile}):\n", clean(address));
    let mut fold = vec![format!("{} to {verb}", words::things(to_act, verb))];
    let mut add = |count: u64, what: &str| {
        if count > 0 {
            fold.push(format!("{count} {what}"));
        }
    };
    add(roster.settled_as(Outcome::Already), "already so");
    add(roster.following(), "on their way already");
    let refused = |wanted: fn(FailureKind) -> bool| {
        let of_kind = |n: &u32| {
            let settled = roster.detail(*n).and_then(|detail| detail.settled.as_ref());
            settled.is_some_and(|settled| {
                settled.outcome == Outcome::Refused && settled.reason.as_ref().is_some_and(|reason| wanted(reason.kind))
            })
        };
        (0..roster.len()).filter(of_kind).count() as u64
    };
    add(refused(FailureKind::is_a_rule), "protected");
    add(refused(|kind| kind == FailureKind::NotCapable), "not capable");
    add(roster.settled_as(Outcome::Unresolved), "unresolved");
    add(roster.duplicate_lines(), "written more than once");
    text.push_str(&format!("  {}\n", fold.join(", ")));
    for n in roster.to_act().take(NAMED) {
        let Some(item) = roster.item(n) else { continue };
        let detail = roster.detail(n);
        let name = detail.and_then(|detail| detail.name.as_deref());
        let id = item.host.as_ref().map(ToString::to_string).unwrap_or_default();
        let state = detail.and_then(|detail| detail.before.as_ref()).map(|state| state.word.to_string());
        let seen = detail.and_then(|detail| detail.last_seen.as_deref()).map(|seen| format!("last seen {seen}"));
        let facts: Vec<String> = [state, seen].into_iter().flatten().collect();
        let facts = if facts.is_empty() { String::new() } else { format!("  ({})", facts.join(", ")) };
        let line = format!("  {}  {id}{facts}", name.unwrap_or("(name not read)"));
        text.push_str(&format!("{}\n", clean(&line)));
    }
    let rest = to_act.saturating_sub(NAMED as u64);
    if rest > 0 {
        text.push_str(&format!("  and {rest} more; `--dry-run` lists them all\n"));
    }
    if !survey.read {
        text.push_str("  the states were not read: hosts that are already so will be told as they are met\n");
    }
    for line in *says {
        text.push_str(&format!("  {}\n", clean(line)));
    }
    let things = words::things(to_act, verb);
    let mut verb = clean(verb).into_owned();
    if let Some(first) = verb.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text.push_str(&format!("{verb} {things}? [y/N] "));
    text
}

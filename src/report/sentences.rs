//! What several forms say in the same words. Texts that a console, a file or a user brought stand in them as they are: each
//! form makes them harmless in its own way.

use jiff::Timestamp;

use super::{
    history::{Event, Mark},
    story::{Standing, Story},
};
use crate::{
    domain::{action::ActionKind, outcome::Ending},
    journal::{How, PlanNote},
    reporters::{
        phrases,
        words::{duration, number, things},
    },
};

/// A moment to the second, in UTC.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// What the run came to, in one line.
pub(super) fn headline(story: &Story) -> String {
    let header = &story.header;
    let done = number(story.counts.successes(header.waits));
    format!("{}: {done} of {} succeeded", header.action, things(story.rows.len() as u64, header.action))
}

/// How the run stands, as a fragment.
pub(super) fn standing(story: &Story) -> String {
    match &story.standing {
        Standing::UnderWay => "under way".to_owned(),
        Standing::CutOff => "cut off: the program was killed, or the machine went down".to_owned(),
        Standing::Ended(Ending::Completed) => "ended by itself".to_owned(),
        Standing::Ended(ending) => {
            format!("stopped early: {}", phrases::stopped(ending).unwrap_or_else(|| ending.word().to_owned()))
        }
    }
}

/// What must not be overlooked, before anything else is read.
pub(super) fn notices(story: &Story) -> Vec<String> {
    let mut notices = Vec::new();
    if story.header.simulated {
        notices.push("This was a rehearsal against a simulated console. Nothing real was touched.".to_owned());
    }
    if story.journalled.options.get("incomplete").and_then(serde_json::Value::as_bool) == Some(true) {
        notices.push(
            "The list that the run was made of said that it was not whole: there are indicators that it did not have."
                .to_owned(),
        );
    }
    match story.standing {
        Standing::UnderWay => {
            notices.push(format!("The run is still under way. This is how it stood at {}.", moment(story.last_at)))
        }
        Standing::CutOff => notices.push(
            "The run has no end: it was cut off. What is in doubt may have been done; `edrctl resume` looks."
                .to_owned(),
        ),
        Standing::Ended(_) => {}
    }
    if story.verified.ended && !story.verified.sealed {
        notices.push(
            "The journal's seal is missing. Its lines fit together, but whether the last ones are all there cannot be \
             proved."
                .to_owned(),
        );
    }
    if story.verified.torn && story.standing != Standing::UnderWay {
        notices.push("Half a line stands at the journal's end, as a crash leaves it. It is not counted.".to_owned());
    }
    notices
}

/// How the journal stands, as a fragment.
pub(super) fn journal(story: &Story) -> String {
    let verified = &story.verified;
    let end = match (verified.ended, verified.sealed) {
        (true, true) => "ended and sealed",
        (true, false) => "ended, its seal is missing",
        (false, _) => "not ended",
    };
    format!("{} lines, unbroken; {end}", number(verified.lines))
}

/// Who, what, when and why: a label and a value each.
pub(super) fn facts(story: &Story) -> Vec<(&'static str, String)> {
    let (header, journalled) = (&story.header, &story.journalled);
    let mut facts = vec![
        ("Run", header.run.to_string()),
        ("Action", format!("{} {}", header.action, things(story.rows.len() as u64, header.action))),
        ("Console", format!("{} at {}", header.console_name, header.console)),
        ("Started", moment(header.started)),
        ("By", format!("{} on {}", journalled.user, journalled.host)),
    ];
    let mut add = |label: &'static str, value: Option<String>| facts.extend(value.map(|value| (label, value)));
    add("Ticket", journalled.ticket.clone());
    add("Comment", journalled.comment.clone());
    add("Profile", journalled.profile.clone());
    let waits = journalled.waits.map(|seconds| duration(std::time::Duration::from_secs(seconds)));
    add("Proof", Some(waits.map_or_else(|| "not waited for".to_owned(), |waits| format!("waited for up to {waits}"))));
    let plan = PlanNote::of(journalled);
    add("Plan", plan.as_ref().map(ToString::to_string));
    add("Approved by", plan.as_ref().and_then(PlanNote::approval));
    for (key, value) in journalled.options.iter().filter(|(key, _)| plan.is_none() || !PlanNote::is_kept_at(key)) {
        // A number or a word stands for itself; what has parts is shown as it is kept.
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        add("Option", Some(format!("{key}: {value}")));
    }
    for (at, user, host) in &story.resumed {
        add("Resumed", Some(format!("{} by {user} on {host}", moment(*at))));
    }
    let ended = matches!(story.standing, Standing::Ended(_));
    add(if ended { "Ended" } else { "Last heard" }, Some(moment(story.last_at)));
    add("State", Some(standing(story)));
    add("Took", Some(duration(story.took())));
    add("Program", Some(journalled.tool.clone()));
    facts
}

/// What a target has come to once the action is done, for the words of the timeline.
pub(super) const fn deed(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Isolate => "contained",
        ActionKind::Unisolate => "put back",
        ActionKind::Task => "done",
        ActionKind::Block => "blocked",
        ActionKind::Unblock => "unblocked",
    }
}

/// When the first, half of and all the targets had come there.
pub(super) fn milestones(story: &Story) -> Vec<String> {
    let (header, deed) = (&story.header, deed(story.kind()));
    let mut told = Vec::new();
    let before = story.history.before();
    if before > 0 {
        told.push(format!("{}: {deed} before the run", things(before, header.action)));
    }
    let goal = (story.rows.len() as u64).saturating_sub(before);
    if goal == 0 {
        return told;
    }
    let proven = story.steps.last().map_or(0, |step| step.proven);
    let taken = story.steps.last().map_or(0, |step| step.taken);
    // Where proof was waited for, or came with the answers, only that counts.
    let by_proof = header.waits || proven >= taken && proven > 0;
    let (reached, proof) =
        if by_proof { (proven, "as the console confirms") } else { (taken, "as far as the console took it") };
    let when = |wanted: u64| {
        let step = story.steps.iter().find(|step| (if by_proof { step.proven } else { step.taken }) >= wanted)?;
        let after = step.at.duration_since(header.started);
        let after = std::time::Duration::try_from(after).unwrap_or_default();
        Some(format!("after {} ({})", duration(after), moment(step.at)))
    };
    let half = goal.div_ceil(2);
    for (label, wanted) in [("first", 1), ("half", half), ("all", goal)] {
        let of = match label {
            "half" => format!(" ({} of {})", number(half), number(goal)),
            "all" => format!(" ({})", things(goal, header.action)),
            _ => String::new(),
        };
        match when(wanted).filter(|_| reached >= wanted) {
            Some(when) => told.push(format!("{label}{of}: {deed} {when}")),
            None => told.push(format!("{label}{of}: not {deed}")),
        }
    }
    told.push(format!("in the end {} of {} {deed}, {proof}", number(reached), things(goal, header.action)));
    if by_proof && taken > proven {
        told.push(format!("{} more were taken by the console and not confirmed", number(taken - proven)));
    }
    told
}

/// What happened to the run, as a fragment.
pub(super) fn mark(mark: &Mark) -> String {
    match &mark.what {
        Event::Throttled(targets) => {
            format!("the console asked us to slow down ({} waited)", number(*targets))
        }
        Event::Interrupted(How::Drain) => "interrupted; what was under way was awaited".to_owned(),
        Event::Interrupted(How::Abandon) => "interrupted; what was under way was left alone".to_owned(),
        Event::Resumed => "resumed".to_owned(),
        Event::Ended(word) => format!("ended: {word}"),
    }
}

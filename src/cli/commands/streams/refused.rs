//! Why a stream is not found, made or changed, in words that say what to do next.

use crate::{
    cli::error::CommandError,
    config::near,
    domain::outcome::ExitCode,
    reporters::{clean, hints},
    stream::store::NameOrId,
    vendors::streams::{EventStream, NewStream, Refusal, RefusedFor},
};

/// No stream has this number or name.
pub(in crate::cli::commands) fn unknown(wanted: &NameOrId, streams: &[EventStream]) -> CommandError {
    let error = CommandError::text(
        ExitCode::SomeFailed,
        format!("the console has no event stream `{wanted}`; nothing was changed"),
    );
    let names: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
    let near = near::near_ones(&wanted.to_string(), &names);
    if streams.is_empty() {
        error.hint("it has none at all; `edrctl streams create NAME` makes one")
    } else if near.is_empty() {
        error.hint("`edrctl streams list` shows those that there are")
    } else {
        error.hint(format!("there is {}; names are compared for equality", quoted(&near)))
    }
}

/// Several streams have this name, which no console should let happen.
pub(in crate::cli::commands) fn ambiguous(name: &str, streams: &[EventStream]) -> CommandError {
    let ids: Vec<String> =
        streams.iter().filter(|stream| stream.name == name).map(|stream| stream.id.to_string()).collect();
    CommandError::text(
        ExitCode::SomeFailed,
        format!("the console has several event streams named `{name}`; nothing was changed"),
    )
    .hint(format!("name it by its number: {}", ids.join(", ")))
}

/// Another stream has the name.
pub(in crate::cli::commands) fn name_taken(name: &str, other: Option<&EventStream>) -> CommandError {
    let number = other.map(|other| format!(": number {}", other.id)).unwrap_or_default();
    let error = CommandError::text(
        ExitCode::Refused,
        format!("the console already has an event stream named `{name}`{number}; nothing was changed"),
    )
    .hint("choose another name");
    match other {
        Some(other) => error.hint(format!(
            "to consume it: `edrctl stream {0}`; if its password is lost: `edrctl streams recreate {0}`",
            other.id
        )),
        None => error.hint("`edrctl streams list` shows the names that are taken"),
    }
}

/// Puts a refusal into words. What the console says is held against its list, where that could be read: words change.
pub(in crate::cli::commands) fn refusal(
    refusal: &Refusal,
    name: Option<&str>,
    streams: Option<&[EventStream]>,
    most: Option<usize>,
) -> CommandError {
    let namesake =
        name.and_then(|name| streams?.iter().find(|stream| stream.name.to_lowercase() == name.to_lowercase()));
    let is_full = match (streams, most) {
        (Some(streams), Some(most)) => Some(streams.len() >= most),
        _ => None,
    };
    match (refusal.why, name, namesake) {
        (RefusedFor::NameTaken, Some(name), Some(_)) => name_taken(name, namesake),
        (RefusedFor::TooMany, ..) if is_full != Some(false) => too_many(streams, most, &refusal.said),
        (_, Some(name), Some(_)) => name_taken(name, namesake),
        _ if is_full == Some(true) => too_many(streams, most, &refusal.said),
        (RefusedFor::NameTaken, Some(name), None) => name_taken(name, None),
        _ => CommandError::text(
            ExitCode::SomeFailed,
            format!("the console says that the request is wrong: {}; nothing was changed", refusal.said),
        )
        .hint("check the event types and groups; `edrctl streams show` shows those of a stream that works"),
    }
}

fn too_many(streams: Option<&[EventStream]>, most: Option<usize>, said: &str) -> CommandError {
    let most = most.map(|most| format!("{most} ")).unwrap_or_default();
    let names: Vec<&str> = streams.unwrap_or_default().iter().map(|stream| stream.name.as_str()).collect();
    let there = if names.is_empty() { String::new() } else { format!(" ({})", quoted(&names)) };
    CommandError::text(
        ExitCode::Refused,
        format!("the console has all the {most}event streams that it allows{there}; nothing was changed"),
    )
    .hint(format!("in its words: {said}"))
    .hint("remove one that nobody consumes with `edrctl streams delete NAME`, or give one another purpose with `edrctl streams update NAME`")
}

/// The command that makes a stream as this one.
pub(in crate::cli::commands) fn command_for(new: &NewStream) -> String {
    let mut words = vec!["edrctl streams create".to_owned(), word(&new.name, "NAME")];
    for id in &new.event_types {
        words.push(format!("--event-type {id}"));
    }
    for group in &new.groups {
        words.push(format!("--group {}", word(group, "GROUP")));
    }
    words.join(" ")
}

/// A word as a shell takes it; one that a terminal must not see is only named.
fn word(text: &str, instead: &str) -> String {
    if text.chars().any(clean::is_hostile) { instead.to_owned() } else { hints::quote(text) }
}

/// Names in a row.
pub(in crate::cli::commands) fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::streams::StreamId;

    fn streams(names: &[&str]) -> Vec<EventStream> {
        let stream = |(id, name): (u64, &&str)| EventStream {
            id: StreamId(id),
            name: (*name).to_owned(),
            event_types: Vec::new(),
            groups: Vec::new(),
            queue: None,
        };
        (1..).zip(names).map(stream).collect()
    }

    fn told(why: RefusedFor, streams: Option<&[EventStream]>) -> String {
        let refused = Refusal { why, said: "in these words".to_owned() };
        let mut text = Vec::new();
        refusal(&refused, Some("soc"), streams, Some(5)).write(&mut text, false).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn the_list_has_the_last_word_on_what_the_consoles_words_mean() {
        const TAKEN: &str = "already has an event stream named `soc`";
        const FULL: &str = "all the 5 event streams that it allows";
        const WRONG: &str = "the request is wrong: in these words";
        use RefusedFor::{NameTaken, Other, TooMany};
        let (few, many) = (streams(&["a"]), streams(&["a", "b", "c", "d", "e"]));
        let (taken, both) = (streams(&["a", "SOC"]), streams(&["a", "b", "c", "d", "soc"]));
        for (why, list, wanted) in [
            (NameTaken, None, TAKEN),
            (TooMany, None, FULL),
            (Other, None, WRONG),
            (NameTaken, Some(&taken), TAKEN),
            (Other, Some(&taken), TAKEN),
            (TooMany, Some(&taken), TAKEN),
            (NameTaken, Some(&many), FULL),
            (Other, Some(&many), FULL),
            (TooMany, Some(&many), FULL),
            (NameTaken, Some(&both), TAKEN),
            (TooMany, Some(&both), FULL),
            (NameTaken, Some(&few), TAKEN),
            (TooMany, Some(&few), WRONG),
            (Other, Some(&few), WRONG),
        ] {
            let told = told(why, list.map(Vec::as_slice));
            assert!(told.contains(wanted), "{why:?} {list:?}\n{told}");
        }
    }

    #[test]
    fn the_command_for_a_stream_is_one_that_a_shell_takes() {
        let new = NewStream { name: "it's".to_owned(), event_types: vec![7], groups: vec!["g".to_owned()] };
        assert_eq!(command_for(&new), r"edrctl streams create 'it'\''s' --event-type 7 --group g");
        let hostile = NewStream { name: "\u{1b}[2J".to_owned(), event_types: Vec::new(), groups: Vec::new() };
        assert_eq!(command_for(&hostile), "edrctl streams create NAME");
    }
}

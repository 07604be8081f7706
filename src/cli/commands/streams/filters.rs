//! `--event-type` and `--group`: numbers and GUIDs as they are, names through the console's own lists.

use super::{FilterArgs, output::Names, refused, talk::Talk};
use crate::{
    cli::error::CommandError,
    config::near,
    domain::{guid, outcome::ExitCode, selector::IdForm},
    vendors::streams::{EventType, Group},
};

/// What goes into a stream, as the console wants it; empty for all.
pub(in crate::cli::commands) struct Filters {
    pub(in crate::cli::commands) event_types: Vec<u64>,
    pub(in crate::cli::commands) groups: Vec<String>,
    /// The names that were looked up on the way.
    pub(in crate::cli::commands) names: Names,
}

/// Resolves names. The console is asked only where there is one.
pub(in crate::cli::commands) async fn resolve(args: &FilterArgs, talk: &mut Talk<'_>) -> Result<Filters, CommandError> {
    let mut event_types = Vec::new();
    let mut types: Option<Vec<EventType>> = None;
    for wanted in &args.event_types {
        let id = match number(wanted) {
            Some(id) => id,
            None => {
                let known = match types.take() {
                    Some(known) => known,
                    None => talk.event_types().await.map_err(|halt| talk.failed(halt))?,
                };
                event_type(wanted, types.insert(known))?
            }
        };
        if !event_types.contains(&id) {
            event_types.push(id);
        }
    }
    let mut groups = Vec::new();
    let mut listed: Option<Vec<Group>> = None;
    for wanted in &args.groups {
        let id = match guid::form(wanted, &[guid::USUAL]) {
            IdForm::Id(canonical) => canonical.map_or_else(|| wanted.clone(), String::from),
            IdForm::Damaged(why) => {
                return Err(CommandError::text(
                    ExitCode::Usage,
                    format!("`{wanted}` was meant as a group's GUID and is none: {why}"),
                ));
            }
            _ => {
                let known = match listed.take() {
                    Some(known) => known,
                    None => talk.groups().await.map_err(|halt| talk.failed(halt))?,
                };
                group(wanted, listed.insert(known))?
            }
        };
        if !groups.contains(&id) {
            groups.push(id);
        }
    }
    let names = Names { types: types.unwrap_or_default(), groups: listed.unwrap_or_default() };
    Ok(Filters { event_types, groups, names })
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn event_type(wanted: &str, types: &[EventType]) -> Result<u64, CommandError> {
    let named: Vec<(&str, &u64)> = types.iter().map(|one| (one.name.as_str(), &one.id)).collect();
    one_of("event type", wanted, &named).copied()
}

fn group(wanted: &str, groups: &[Group]) -> Result<String, CommandError> {
    let named: Vec<(&str, &String)> = groups.iter().map(|one| (one.name.as_str(), &one.id)).collect();
    one_of("group", wanted, &named).cloned()
}

/// The one of this name, whatever its case. Never one that is only like it, and never the first of several.
fn one_of<'a, T: std::fmt::Display>(what: &str, wanted: &str, named: &[(&str, &'a T)]) -> Result<&'a T, CommandError> {
    let equal = |name: &str| name.to_lowercase() == wanted.to_lowercase();
    let mut found: Vec<&(&str, &T)> = named.iter().filter(|(name, _)| equal(name)).collect();
    if found.len() > 1 && found.iter().filter(|(name, _)| *name == wanted).count() == 1 {
        found.retain(|(name, _)| *name == wanted);
    }
    match found.as_slice() {
        [(_, only)] => Ok(*only),
        [] => {
            let error = CommandError::text(
                ExitCode::Usage,
                format!("the console has no {what} `{wanted}`; nothing was changed"),
            );
            let names: Vec<&str> = named.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect();
            let near = near::near_ones(wanted, &names);
            Err(if near.is_empty() {
                error.hint(format!("a {what} is named as the console names it, or by its id"))
            } else {
                error.hint(format!("there is {}", refused::quoted(&near)))
            })
        }
        _ => {
            let ids: Vec<String> = found.iter().map(|(_, id)| id.to_string()).collect();
            Err(CommandError::text(
                ExitCode::Usage,
                format!("the console has several of the {what} `{wanted}`, and none is taken; nothing was changed"),
            )
            .hint(format!("name it by its id: {}", ids.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> Vec<EventType> {
        [
            (553_648_202, "Endpoint Isolation Start Success"),
            (2_164_260_939, "Endpoint Isolation Start Failure"),
            (1, "Retrospective"),
            (2, "Retrospective"),
            (3, "uninstall"),
            (4, "Uninstall"),
            (1_090_519_054, "Threat Detected"),
        ]
        .into_iter()
        .map(|(id, name)| EventType { id, name: name.to_owned() })
        .collect()
    }

    #[test]
    fn names_are_equal_whatever_their_case_and_never_only_alike() {
        let types = types();
        assert_eq!(event_type("endpoint isolation START failure", &types).unwrap(), 2_164_260_939);
        for alike in ["Endpoint Isolation", "Threat Detecte", "", " Threat Detected"] {
            assert!(event_type(alike, &types).is_err(), "{alike}");
        }
    }

    #[test]
    fn several_of_one_name_are_refused_unless_one_is_spelt_so_to_the_letter() {
        let types = types();
        assert!(event_type("Retrospective", &types).is_err());
        assert!(event_type("UNINSTALL", &types).is_err());
        assert_eq!(event_type("uninstall", &types).unwrap(), 3);
    }

    #[test]
    fn only_digits_are_a_number() {
        assert_eq!(number("2164260939"), Some(2_164_260_939));
        for text in ["", "+1", "-1", "0x21", "1.0", "1 "] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}

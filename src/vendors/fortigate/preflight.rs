//! Whether it is safe to put addresses into the group: which policies use it, and what for. Pure.
//!
//! A group in an accepting policy turns a block list into a guest list, so that stops everything.

use std::collections::BTreeSet;

use super::{
    channel::{Device, Group, Policy, Side},
    objects::Table,
};

/// The oldest version whose groups and interface are what this module expects.
const OLDEST: (u32, u32) = (6, 0);

/// The built-in object that is every address there is.
const EVERYTHING: &str = "all";

/// How many names are told.
const SHOWN: usize = 3;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Why nothing may be sent.
    pub(super) refusal: Option<String>,
    /// Why nothing may be added.
    pub(super) harmful: Option<String>,
    /// What has to be known.
    pub(super) warnings: Vec<String>,
}

/// Judges the unit.
pub(super) fn device(device: &Device, vdom: &str) -> Findings {
    let mut found = Findings::default();
    match device.release() {
        Some(release) if release < OLDEST => {
            found.refusal = Some(format!(
                "the firewall runs version {}, and nothing before {}.{} is spoken to",
                device.version, OLDEST.0, OLDEST.1
            ));
        }
        Some(_) => {}
        None => found.warnings.push(format!("the firewall's version cannot be read: `{}`", device.version)),
    }
    if !device.has_vdom {
        found.refusal.get_or_insert_with(|| format!("the firewall has no virtual domain `{vdom}`"));
    }
    if device.managed_elsewhere {
        found.warnings.push(
            "another machine manages this firewall's settings: what is changed here may be overwritten by it"
                .to_owned(),
        );
    }
    found
}

/// Judges one group of ours by the groups and policies around it.
pub(super) fn group(table: Table, name: &str, groups: &[Group], policies: &[Policy]) -> Findings {
    let mut found = Findings::default();
    let Some(own) = groups.iter().find(|group| group.name == name) else {
        found.refusal = Some(format!(
            "the firewall has no address group `{name}`: make it, and a deny policy that uses it, and then come back"
        ));
        return found;
    };
    if own.kind == "folder" {
        found.refusal =
            Some(format!("`{name}` is a folder and not a plain group: its members may be in no other group"));
        return found;
    }
    let names = holders(name, groups);
    let mut blocks = false;
    let mut idle = Vec::new();
    for policy in policies {
        let of = |side: &Side| side.names.iter().find(|used| names.contains(used.as_str())).cloned();
        let sides = policy.sides(table);
        let (source, destination) = (of(&sides.source), of(&sides.destination));
        let Some(through) = source.clone().or_else(|| destination.clone()) else { continue };
        let told = told(policy);
        let nested = if through == name { String::new() } else { format!(" (through the group `{through}`)") };
        let negated = source.is_some() && sides.source.negated || destination.is_some() && sides.destination.negated;
        if policy.action != "deny" {
            found.harmful.get_or_insert_with(|| {
                let action = if policy.action.is_empty() { "no action that it tells" } else { &policy.action };
                format!(
                    "{told} uses the group `{name}`{nested} and its action is `{action}`: every address that is added would be \
                     let through"
                )
            });
        } else if negated {
            found.harmful.get_or_insert_with(|| {
                format!(
                    "{told} denies everything but the group `{name}`{nested}: every address that is added would be spared"
                )
            });
        } else if policy.enabled {
            blocks = true;
        } else {
            idle.push(told);
        }
    }
    for holder in groups.iter().filter(|group| names.contains(group.name.as_str()) && !group.spares.is_empty()) {
        let spared: Vec<String> = holder.spares.iter().take(SHOWN).map(|name| format!("`{}`", shown(name))).collect();
        let more = holder.spares.len().saturating_sub(SHOWN);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let spared = format!("{}{more}", spared.join(", "));
        let holder_name = shown(&holder.name);
        if holder.spares.iter().any(|spared| spared == EVERYTHING) {
            found.harmful.get_or_insert_with(|| {
                format!("the group `{holder_name}` spares {spared}, every address there is: nothing that is added is blocked")
            });
        } else {
            found.warnings.push(format!(
                "the group `{holder_name}` spares {spared}, whatever is added: `confirmed` means that an address is in the group \
                 `{name}`, and not that it is blocked"
            ));
        }
    }
    if found.harmful.is_none() && !blocks {
        let six = if table == Table::V6 { "IPv6 " } else { "" };
        found.warnings.push(match idle.as_slice() {
            [] => format!("no policy uses the {six}group `{name}`: what is added to it is not blocked"),
            [one, ..] => {
                format!("{one} uses the {six}group `{name}` and is switched off: what is added to it is not blocked")
            }
        });
    }
    found
}

/// The group and every group that holds it, however deep.
fn holders<'a>(name: &'a str, groups: &'a [Group]) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::from([name]);
    loop {
        let before = names.len();
        for group in groups {
            if group.members.iter().any(|member| names.contains(member.as_str())) {
                names.insert(&group.name);
            }
        }
        if names.len() == before {
            return names;
        }
    }
}

fn told(policy: &Policy) -> String {
    if policy.name.is_empty() {
        format!("policy {}", shown(&policy.id))
    } else {
        format!("policy {} `{}`", shown(&policy.id), shown(&policy.name))
    }
}

/// A name of somebody's choosing, on one line.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

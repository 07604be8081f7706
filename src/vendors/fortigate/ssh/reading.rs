//! What `show` and `get` print, read back: whatever is not understood becomes nothing, never something.

use super::super::{
    channel::{Device, Group, Policy, Side, Sides},
    objects::{Object, Table},
};
use crate::domain::indicator::Indicator;

/// One `edit … next` of a `show`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    settings: Vec<(String, Vec<String>)>,
}

impl Entry {
    fn words(&self, name: &str) -> &[String] {
        self.settings.iter().find(|(own, _)| own == name).map_or(&[], |(_, words)| words)
    }

    fn word(&self, name: &str) -> Option<&str> {
        self.words(name).first().map(String::as_str)
    }
}

/// Cuts what follows a command into words: quotes keep blanks, a backslash keeps what follows. `None` if a quote is left open.
fn words(text: &str) -> Option<Vec<String>> {
    let mut all = Vec::new();
    let mut word: Option<String> = None;
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        if c == ' ' && !quoted && !escaped {
            all.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match c {
            _ if escaped => {
                word.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ => word.push(c),
        }
    }
    all.extend(word);
    (!quoted && !escaped).then_some(all)
}

/// Reads the entries of a table. `None` if the answer is not whole: it ends with `end`, or something is missing.
pub(super) fn entries(lines: &[String]) -> Option<Vec<Entry>> {
    let mut whole: Vec<String> = Vec::new();
    let mut open: Option<String> = None;
    // A text may go over several lines, whatever stands in them.
    for line in lines {
        let text = match open.take() {
            Some(begun) => format!("{begun}\n{line}"),
            None => line.trim().to_owned(),
        };
        match words(&text) {
            Some(_) => whole.push(text),
            None => open = Some(text),
        }
    }
    if open.is_some() {
        return None;
    }
    whole.retain(|line| !line.is_empty());
    let (first, rest) = whole.split_first()?;
    let (last, rest) = rest.split_last()?;
    if !first.starts_with("config ") || last != "end" {
        return None;
    }
    let mut found = Vec::new();
    let mut entry: Option<Entry> = None;
    let mut depth = 0_usize;
    for line in rest {
        let (verb, behind) = line.split_once(' ').unwrap_or((line, ""));
        match (verb, depth) {
            ("config", _) => depth += 1,
            ("end", 1..) => depth -= 1,
            (_, 1..) => {}
            ("edit", _) => {
                let name = words(behind)?.into_iter().next()?;
                entry = Some(Entry { name, settings: Vec::new() });
            }
            ("next", _) => found.push(entry.take()?),
            ("set", _) => {
                let mut words = words(behind)?.into_iter();
                let name = words.next()?;
                entry.as_mut()?.settings.push((name, words.collect()));
            }
            _ => {}
        }
    }
    (depth == 0 && entry.is_none()).then_some(found)
}

/// An address object. What is not shown is as it was made: an address without a value is every address there is.
pub(super) fn object(table: Table, entry: &Entry) -> Object {
    let value = match (table, entry.word("type").unwrap_or("ipmask")) {
        (Table::V4, "ipmask") => subnet(entry.words("subnet")),
        (Table::V4, "fqdn") => entry.word("fqdn").and_then(|domain| whole(Indicator::parse(domain).ok()?, domain)),
        (Table::V6, "ipmask" | "ipprefix") => {
            entry.word("ip6").and_then(|prefix| prefix.parse().ok()).map(Indicator::V6)
        }
        _ => None,
    };
    Object { table, name: entry.name.clone(), value, comment: entry.word("comment").unwrap_or_default().to_owned() }
}

/// A domain as it stands on the firewall, only if it is what we would have written.
fn whole(parsed: crate::domain::indicator::Parsed, text: &str) -> Option<Indicator> {
    (parsed.indicator.canonical() == text).then_some(parsed.indicator)
}

fn subnet(words: &[String]) -> Option<Indicator> {
    let [address, mask] = words else { return None };
    let mask = u32::from(mask.parse::<std::net::Ipv4Addr>().ok()?);
    if mask.leading_ones() + mask.trailing_zeros() < 32 {
        return None;
    }
    let length = u8::try_from(mask.leading_ones()).ok()?;
    Some(Indicator::V4(ipnet::Ipv4Net::new(address.parse().ok()?, length).ok()?))
}

pub(super) fn group(entry: &Entry) -> Group {
    let excludes = entry.word("exclude") == Some("enable");
    Group {
        spares: if excludes { entry.words("exclude-member").to_vec() } else { Vec::new() },
        name: entry.name.clone(),
        members: entry.words("member").to_vec(),
        // What is as it was when it was made is not shown: a group without members.
        untold: false,
        kind: entry.word("type").unwrap_or_default().to_owned(),
    }
}

pub(super) fn policy(entry: &Entry) -> Policy {
    let side = |name: &str| Side {
        names: entry.words(name).to_vec(),
        negated: entry.word(&format!("{name}-negate")) == Some("enable"),
    };
    Policy {
        id: entry.name.clone(),
        name: entry.word("name").unwrap_or_default().to_owned(),
        // A policy that does not say what it does denies.
        action: entry.word("action").unwrap_or("deny").to_owned(),
        enabled: entry.word("status") != Some("disable"),
        v4: Sides { source: side("srcaddr"), destination: side("dstaddr") },
        v6: Sides { source: side("srcaddr6"), destination: side("dstaddr6") },
    }
}

/// What `get system status` says of the unit, and whether it has virtual domains.
pub(super) fn device(lines: &[String]) -> Option<(Device, bool)> {
    let value = |name: &str| {
        lines
            .iter()
            .find_map(|line| Some(line.split_once(':').filter(|(own, _)| own.trim() == name)?.1.trim().to_owned()))
    };
    let version = value("Version")?;
    // `FortiGate-60F v7.4.4,build2662,240514 (GA.F)`
    let version = version.split_whitespace().find_map(|word| {
        let release = word.split(',').next()?;
        release.strip_prefix('v')?.starts_with(|c: char| c.is_ascii_digit()).then(|| release.to_owned())
    })?;
    let mode = value("Virtual domain configuration");
    let has_vdoms = mode.is_some_and(|mode| ["multiple", "enable", "split-task"].contains(&mode.as_str()));
    let device = Device {
        version,
        serial: value("Serial-Number"),
        hostname: value("Hostname"),
        has_vdom: false,
        managed_elsewhere: false,
    };
    Some((device, has_vdoms))
}

/// The names of our objects in what `grep` left of a table.
pub(super) fn our_names(lines: &[String], is_ours: fn(&str) -> bool) -> Vec<String> {
    let names = lines.iter().filter_map(|line| {
        let words = words(line.trim().strip_prefix("edit ")?)?;
        words.into_iter().next().filter(|name| is_ours(name))
    });
    names.collect()
}

#[cfg(test)]
mod tests;

//! Groups of hosts: a root, and the groups of the fleet right below it.

use serde_json::{Value, json};

use super::{
    Answer, Caller, Kaspersky, Params,
    arguments::Arguments,
    errors::PxgError,
    hosts, returns,
    sessions::Rows,
    values::{Field, wrapped},
};
use crate::simulator::truth::Inner;

/// The number of the group of all managed hosts.
pub(super) const ROOT: i64 = 0;

/// The number of the group of hosts that nobody has sorted in.
pub(super) const UNASSIGNED: i64 = 1;

/// The number of the group above all others.
pub(super) const SUPER: i64 = 2;

/// The number of the first group of the fleet.
const FIRST: i64 = 10;

const ROOT_NAME: &str = "Managed devices";

const ATTRIBUTES: [&str; 5] = ["id", "name", "grp_full_name", "parentId", "level"];

/// One group.
#[derive(Clone, Debug)]
struct Group {
    id: i64,
    name: String,
    parent: i64,
    level: i64,
}

impl Group {
    fn attribute(&self, name: &str) -> Option<Field> {
        Some(match name {
            "id" => Field::Int(self.id),
            "name" => Field::Text(self.name.clone()),
            "grp_full_name" if self.level > 0 => Field::Text(format!("{ROOT_NAME}/{}/", self.name)),
            "grp_full_name" => Field::Text(format!("{}/", self.name)),
            "parentId" => Field::Int(self.parent),
            "level" => Field::Int(self.level),
            _ => return None,
        })
    }

    fn told(&self, fields: &[&str]) -> Params {
        let told = fields.iter().filter_map(|name| Some(((*name).to_owned(), self.attribute(name)?.json())));
        told.collect()
    }
}

fn all(inner: &Inner) -> Vec<Group> {
    let fixed = [(ROOT, ROOT_NAME), (UNASSIGNED, "Unassigned devices")];
    let fixed = fixed.map(|(id, name)| Group { id, name: name.to_owned(), parent: SUPER, level: 0 });
    let made = (FIRST..).zip(inner.fleet.all_groups());
    let made = made.map(|(id, group)| Group {
        id: number(id, group.name),
        name: group.name.to_owned(),
        parent: ROOT,
        level: 1,
    });
    fixed.into_iter().chain(made).collect()
}

/// The number of the group that a host is in.
pub(super) fn group_of(inner: &Inner, host: u32) -> i64 {
    let guid = inner.fleet.group(host).guid;
    (FIRST..)
        .zip(inner.fleet.all_groups())
        .find(|(_, group)| group.guid == guid)
        .map_or(ROOT, |(id, group)| number(id, group.name))
}

/// A rehearsal's group that is named by a number has this number.
fn number(id: i64, name: &str) -> i64 {
    name.strip_prefix("id:").and_then(|number| number.trim().parse().ok()).unwrap_or(id)
}

impl Kaspersky {
    pub(super) fn find_groups(&self, arguments: &Arguments, caller: &Caller) -> Answer {
        let filter = self.filter(arguments.text_or_empty("wstrFilter")?, &ATTRIBUTES)?;
        let fields = arguments.names("vecFieldsToReturn")?;
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let order = arguments.order("vecFieldsToOrder")?;
        let around = self.circumstances();
        let mut groups = all(&self.truth.lock());
        groups.retain(|group| filter.passes(&|name| group.attribute(name), around));
        hosts::sort(&mut groups, &order, Group::attribute);
        let rows = groups.iter().map(|group| wrapped(group.told(&fields))).collect();
        self.keep(Rows::Ready(rows), arguments, caller)
    }

    pub(super) fn group_info(&self, arguments: &Arguments) -> Answer {
        let id = arguments.number("nGroupId")?;
        let group = all(&self.truth.lock()).into_iter().find(|group| group.id == id);
        let group = group.ok_or_else(|| PxgError::not_found(&id.to_string()))?;
        Ok(returns(group.told(&ATTRIBUTES)))
    }

    pub(super) fn subgroups(&self, arguments: &Arguments) -> Answer {
        let id = arguments.number("nGroupId")?;
        let groups = all(&self.truth.lock());
        if !groups.iter().any(|group| group.id == id) {
            return Err(PxgError::not_found(&id.to_string()).into());
        }
        let inside = groups.iter().filter(|group| group.parent == id);
        let told = inside.map(|group| json!({"type": "params", "value": {"id": group.id, "name": group.name}}));
        Ok(returns(told.collect::<Vec<Value>>()))
    }
}

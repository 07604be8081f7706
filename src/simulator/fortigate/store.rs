//! What the unit has saved: virtual domains, tables, entries. Every change of either face is a [`Write`] or a
//! [`Delete`], judged here.

use std::collections::BTreeMap;

use super::{
    refusal::Refusal,
    schema::{Field, Kind, Table},
    value::{self, Value},
};
use crate::simulator::{faults::FortigateFaults, guid::Guid};

/// A key, numbers in their own order.
type Key = (u32, String);

/// One entry of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    fields: BTreeMap<&'static str, Value>,
}

impl Entry {
    pub(super) fn new(table: Table) -> Self {
        Self { fields: table.fields().iter().map(|field| (field.name, Value::default_of(field))).collect() }
    }

    pub(super) fn value(&self, field: &str) -> &Value {
        static NOTHING: Value = Value::Text(String::new());
        self.fields.get(field).unwrap_or(&NOTHING)
    }

    pub(super) fn text(&self, field: &str) -> &str {
        self.value(field).text()
    }

    pub(super) fn names(&self, field: &str) -> &[String] {
        self.value(field).names()
    }

    pub(super) fn change(&mut self, change: &Change) {
        let field = change.field;
        let names = |entry: &Self| entry.names(field.name).to_vec();
        let value = match &change.how {
            How::Set(value) => value.clone(),
            How::Reset => Value::default_of(field),
            How::Append(more) => {
                let mut all = names(self);
                for name in more {
                    if !all.contains(name) {
                        all.push(name.clone());
                    }
                }
                Value::Names(all)
            }
            How::Unselect(less) => Value::Names(names(self).into_iter().filter(|name| !less.contains(name)).collect()),
        };
        self.fields.insert(field.name, value);
    }
}

/// What becomes of one attribute.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) field: &'static Field,
    pub(super) how: How,
}

#[derive(Clone, Debug)]
pub(super) enum How {
    Set(Value),
    Reset,
    /// Names are added to those that are there when it is saved.
    Append(Vec<String>),
    /// Names are taken out of those that are there when it is saved.
    Unselect(Vec<String>),
}

/// Whether an entry has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Must {
    BeNew,
    Exist,
    Either,
}

/// An entry to be saved.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) vdom: String,
    pub(super) table: Table,
    pub(super) key: String,
    pub(super) must: Must,
    pub(super) changes: Vec<Change>,
}

/// An entry to be removed.
#[derive(Clone, Debug)]
pub(super) struct Delete {
    pub(super) vdom: String,
    pub(super) table: Table,
    pub(super) key: String,
}

/// A change of what is saved.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Write(Write),
    Delete(Delete),
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) created: bool,
    pub(super) changed: bool,
    pub(super) before: u64,
    pub(super) after: u64,
}

/// Where a name is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) table: Table,
    pub(super) key: String,
    pub(super) attribute: &'static str,
}

type Entries = BTreeMap<Key, Entry>;

/// What the unit has saved.
#[derive(Clone, Debug)]
pub(super) struct Store {
    vdoms: BTreeMap<String, BTreeMap<Table, Entries>>,
    singles: BTreeMap<Table, Entry>,
    revision: u64,
    empty_group: bool,
    max_addresses: usize,
    vdom_addresses: Option<usize>,
    max_members: usize,
}

impl Store {
    pub(super) fn new(settings: &FortigateFaults) -> Self {
        let singles = Table::ALL.into_iter().filter(|table| table.is_single());
        Self {
            vdoms: BTreeMap::new(),
            singles: singles.map(|table| (table, Entry::new(table))).collect(),
            revision: 0x5b1c_77e0,
            empty_group: settings.empty_group,
            max_addresses: settings.max_addresses,
            vdom_addresses: settings.vdom_addresses,
            max_members: settings.max_members,
        }
    }

    pub(super) fn add_vdom(&mut self, name: &str) {
        self.vdoms.entry(name.to_owned()).or_default();
    }

    pub(super) fn vdoms(&self) -> impl Iterator<Item = &str> {
        self.vdoms.keys().map(String::as_str)
    }

    pub(super) fn has_vdom(&self, name: &str) -> bool {
        self.vdoms.contains_key(name)
    }

    pub(super) const fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn single(&self, table: Table) -> Option<&Entry> {
        self.singles.get(&table)
    }

    pub(super) fn entry(&self, vdom: &str, table: Table, key: &str) -> Option<&Entry> {
        if table.is_single() {
            return self.single(table);
        }
        self.vdoms.get(vdom)?.get(&table)?.get(&key_of(table, key))
    }

    pub(super) fn entries(&self, vdom: &str, table: Table) -> impl Iterator<Item = (&str, &Entry)> {
        let entries = self.vdoms.get(vdom).and_then(|tables| tables.get(&table));
        entries.into_iter().flatten().map(|((_, key), entry)| (key.as_str(), entry))
    }

    pub(super) fn count(&self, vdom: &str, table: Table) -> usize {
        self.vdoms.get(vdom).and_then(|tables| tables.get(&table)).map_or(0, BTreeMap::len)
    }

    /// How many entries of a table there may be: in the unit, in one virtual domain.
    pub(super) const fn room(&self) -> (usize, Option<usize>) {
        (self.max_addresses, self.vdom_addresses)
    }

    /// Who has this name in a list.
    pub(super) fn uses(&self, vdom: &str, table: Table, key: &str) -> Vec<Use> {
        let mut uses = Vec::new();
        for user in Table::ALL.into_iter().filter(|user| !user.is_single()) {
            let refer = |field: &&'static Field| match field.kind {
                Kind::Members(sources) => sources.contains(&table),
                _ => false,
            };
            for field in user.fields().iter().filter(refer) {
                let users = self.entries(vdom, user);
                let users = users.filter(|(_, entry)| entry.names(field.name).iter().any(|name| name == key));
                uses.extend(users.map(|(user_key, _)| Use {
                    table: user,
                    key: user_key.to_owned(),
                    attribute: field.name,
                }));
            }
        }
        uses
    }

    pub(super) fn apply(&mut self, op: &Op) -> Result<Done, Refusal> {
        match op {
            Op::Write(write) => self.write(write),
            Op::Delete(delete) => self.delete(delete),
        }
    }

    /// Whether the names of a list are there.
    pub(super) fn check_members(&self, vdom: &str, field: &Field, names: &[String]) -> Result<(), Refusal> {
        let Kind::Members(sources) = field.kind else { return Ok(()) };
        for name in names {
            if !sources.iter().any(|source| self.entry(vdom, *source, name).is_some()) {
                return Err(Refusal::value(Refusal::NOT_FOUND, "entry not found in datasource", name));
            }
        }
        Ok(())
    }

    /// Whether there may be a new entry of this name.
    pub(super) fn check_new(&self, vdom: &str, table: Table, key: &str) -> Result<(), Refusal> {
        if table.is_numbered() {
            return key.parse::<u32>().map(drop).map_err(|_| Refusal::value(Refusal::UNEXPECTED, "", key));
        }
        value::name(key, table.longest_key())?;
        if let Some(namesake) = table.namesake()
            && self.entry(vdom, namesake, key).is_some()
        {
            let (one, other) = if table < namesake { (table, namesake) } else { (namesake, table) };
            let said =
                format!("Name '{key}' conflict: '{}' and '{}' cannot be the same name.", one.noun(), other.noun());
            return Err(Refusal::new(Refusal::NAME_CLASH, [said]));
        }
        if matches!(table, Table::Address | Table::Address6) {
            let all: usize = self.vdoms.keys().map(|vdom| self.count(vdom, table)).sum();
            if all >= self.max_addresses {
                let said = "The maximum number of entries has been reached.".to_owned();
                return Err(Refusal::new(Refusal::FULL, [said]));
            }
            if self.vdom_addresses.is_some_and(|most| self.count(vdom, table) >= most) {
                return Err(Refusal::bare(Refusal::VDOM_FULL));
            }
        }
        Ok(())
    }

    fn write(&mut self, write: &Write) -> Result<Done, Refusal> {
        let Write { vdom, table, key, must, changes } = write;
        if !table.is_single() && !self.has_vdom(vdom) {
            return Err(Refusal::entry_not_found());
        }
        let old = self.entry(vdom, *table, key).cloned();
        match (must, &old) {
            (Must::BeNew, Some(_)) => return Err(Refusal::bare(Refusal::DUPLICATE)),
            (Must::Exist, None) => return Err(Refusal::entry_not_found()),
            (_, None) => self.check_new(vdom, *table, key)?,
            _ => {}
        }
        let created = old.is_none();
        let mut entry = old.clone().unwrap_or_else(|| Entry::new(*table));
        for change in changes {
            entry.change(change);
            self.check_members(vdom, change.field, entry.names(change.field.name))?;
        }
        self.check_object(*table, key, &entry)?;
        if created && table.field("uuid").is_some() {
            let uuid = Guid::derived("uuid", &format!("{vdom} {key} {}", self.revision)).to_string();
            entry.fields.insert("uuid", Value::Text(uuid));
        }
        let before = self.revision;
        let changed = old.as_ref() != Some(&entry);
        if changed {
            self.revision += 1;
            if table.is_single() {
                self.singles.insert(*table, entry);
            } else if let Some(tables) = self.vdoms.get_mut(vdom) {
                tables.entry(*table).or_default().insert(key_of(*table, key), entry);
            }
        }
        Ok(Done { created, changed, before, after: self.revision })
    }

    fn check_object(&self, table: Table, key: &str, entry: &Entry) -> Result<(), Refusal> {
        let members = entry.names("member");
        let is_group = matches!(table, Table::Group | Table::Group6);
        if is_group && (members.iter().any(|member| member == key) || members.is_empty() && !self.empty_group) {
            return Err(Refusal::object());
        }
        if is_group && members.len() > self.max_members {
            let said = "The maximum number of entries has been reached.".to_owned();
            return Err(Refusal::new(Refusal::FULL, [said]));
        }
        let is_address = matches!(table, Table::Address | Table::Address6);
        if is_address && entry.text("type") == "fqdn" && entry.text("fqdn").is_empty() {
            return Err(Refusal::object());
        }
        Ok(())
    }

    fn delete(&mut self, delete: &Delete) -> Result<Done, Refusal> {
        let Delete { vdom, table, key } = delete;
        if table.is_single() || self.entry(vdom, *table, key).is_none() {
            return Err(Refusal::entry_not_found());
        }
        let uses = self.uses(vdom, *table, key).len();
        if uses > 0 {
            return Err(Refusal::new(Refusal::IN_USE, [format!("The entry is used by other {uses} entries")]));
        }
        if let Some(entries) = self.vdoms.get_mut(vdom).and_then(|tables| tables.get_mut(table)) {
            entries.remove(&key_of(*table, key));
        }
        let before = self.revision;
        self.revision += 1;
        Ok(Done { created: false, changed: true, before, after: self.revision })
    }

    /// Calls an entry otherwise, wherever it is named.
    pub(super) fn rename(&mut self, vdom: &str, table: Table, from: &str, to: &str) -> Result<(), Refusal> {
        if self.entry(vdom, table, to).is_some() {
            return Err(Refusal::bare(Refusal::DUPLICATE));
        }
        self.check_new(vdom, table, to)?;
        let uses = self.uses(vdom, table, from);
        let Some(tables) = self.vdoms.get_mut(vdom) else { return Err(Refusal::entry_not_found()) };
        let entries = tables.entry(table).or_default();
        let entry = entries.remove(&key_of(table, from)).ok_or_else(Refusal::entry_not_found)?;
        entries.insert(key_of(table, to), entry);
        for used in uses {
            let user = tables.get_mut(&used.table).and_then(|entries| entries.get_mut(&key_of(used.table, &used.key)));
            if let Some(Value::Names(names)) = user.and_then(|user| user.fields.get_mut(used.attribute)) {
                names.iter_mut().filter(|name| *name == from).for_each(|name| *name = to.to_owned());
            }
        }
        self.revision += 1;
        Ok(())
    }
}

fn key_of(table: Table, key: &str) -> Key {
    let number = if table.is_numbered() { key.parse().unwrap_or_default() } else { 0 };
    (number, key.to_owned())
}

//! The unit behind both faces: what is saved, what people do meanwhile, and what tests may know of it.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    refusal::Refusal,
    schema::Table,
    store::{Change, Done, Entry, How, Must, Op, Store, Write},
    value::Value,
    world,
};
use crate::simulator::{
    Credentials,
    faults::{FortigateFaults, Profile},
};

/// What is true of a simulated FortiGate. Tests assert on this first.
#[derive(Debug)]
pub struct Firewall {
    settings: FortigateFaults,
    credentials: Credentials,
    first_vdom: String,
    store: Mutex<Store>,
    tally: Mutex<Tally>,
    transcript: Mutex<Vec<u8>>,
}

/// What has happened so far.
#[derive(Debug, Default)]
struct Tally {
    saved: u64,
    added: u64,
    subnets: u64,
    nexts: u64,
    sessions: u64,
    refused: u64,
    lines: u64,
    group_was_read: bool,
    was_cut: bool,
}

/// What is true of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressTruth {
    /// Its name.
    pub name: String,
    /// `ipmask`, `ipprefix`, `fqdn`.
    pub kind: String,
    /// Address and mask, prefix or domain.
    pub value: String,
    /// What is written to it.
    pub comment: String,
}

impl AddressTruth {
    /// Whether it is every address that there is.
    pub fn is_everything(&self) -> bool {
        matches!(self.value.as_str(), "0.0.0.0 0.0.0.0" | "::/0")
    }

    fn new(name: &str, entry: &Entry) -> Self {
        let kind = entry.text("type");
        let value = match kind {
            "fqdn" => entry.text("fqdn").to_owned(),
            "ipprefix" => entry.text("ip6").to_owned(),
            "ipmask" => entry.text("subnet").to_owned(),
            _ => format!("{}-{}", entry.text("start-ip"), entry.text("end-ip")),
        };
        Self { name: name.to_owned(), kind: kind.to_owned(), value, comment: entry.text("comment").to_owned() }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is done about the end of an entry on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtNext {
    Save,
    CutBefore,
    CutAfter,
}

impl Firewall {
    pub(in crate::simulator) fn new(settings: FortigateFaults, credentials: Credentials) -> Self {
        let first_vdom = world::first_vdom(&settings).to_owned();
        let store = Mutex::new(world::make(&settings));
        Self { settings, credentials, first_vdom, store, tally: Mutex::default(), transcript: Mutex::default() }
    }

    /// The addresses of the first virtual domain, IPv4 and domains first, by name.
    pub fn addresses(&self) -> Vec<AddressTruth> {
        let store = self.store();
        let tables = [Table::Address, Table::Address6].into_iter();
        let of = |table| store.entries(&self.first_vdom, table).map(|(name, entry)| AddressTruth::new(name, entry));
        tables.flat_map(|table| of(table).collect::<Vec<_>>()).collect()
    }

    /// One address of the first virtual domain: IPv4 or a domain, else IPv6.
    pub fn address(&self, name: &str) -> Option<AddressTruth> {
        self.addresses().into_iter().find(|address| address.name == name)
    }

    /// The members of a group of the first virtual domain, as they stand; `None` if there is no such group.
    pub fn members(&self, group: &str) -> Option<Vec<String>> {
        let store = self.store();
        Some(store.entry(&self.first_vdom, Table::Group, group)?.names("member").to_vec())
    }

    /// The members of a group of IPv6 addresses, as [`Firewall::members`].
    pub fn members6(&self, group: &str) -> Option<Vec<String>> {
        let store = self.store();
        Some(store.entry(&self.first_vdom, Table::Group6, group)?.names("member").to_vec())
    }

    /// The names of all groups of IPv4 addresses.
    pub fn groups(&self) -> Vec<String> {
        self.store().entries(&self.first_vdom, Table::Group).map(|(name, _)| name.to_owned()).collect()
    }

    /// Every address that a group covers, through its groups as well; of both kinds.
    pub fn covered(&self, group: &str) -> Vec<AddressTruth> {
        let store = self.store();
        let mut found = Vec::new();
        for (groups, addresses) in [(Table::Group, Table::Address), (Table::Group6, Table::Address6)] {
            let mut seen = BTreeSet::new();
            let mut open = vec![group.to_owned()];
            while let Some(name) = open.pop() {
                if !seen.insert(name.clone()) {
                    continue;
                }
                if let Some(entry) = store.entry(&self.first_vdom, groups, &name) {
                    open.extend(entry.names("member").iter().cloned());
                } else if let Some(entry) = store.entry(&self.first_vdom, addresses, &name) {
                    found.push(AddressTruth::new(&name, entry));
                }
            }
        }
        found
    }

    /// Somebody gives every policy that uses the group in the first virtual domain this action.
    pub fn turn_policies(&self, action: &str) {
        let mut store = self.store();
        let keys: Vec<String> = store.entries(&self.first_vdom, Table::Policy).map(|(key, _)| key.to_owned()).collect();
        let Some(field) = Table::Policy.field("action") else { return };
        let Ok(value) = Value::read(field, &[action.to_owned()]) else { return };
        for key in keys {
            let changes = vec![Change { field, how: How::Set(value.clone()) }];
            let (vdom, table, must) = (self.first_vdom.clone(), Table::Policy, Must::Exist);
            drop(store.apply(&Op::Write(Write { vdom, table, key, must, changes })));
        }
    }

    /// The virtual domains that there are.
    pub fn vdoms(&self) -> Vec<String> {
        self.store().vdoms().map(str::to_owned).collect()
    }

    /// How many changes have been saved since the start.
    pub fn saved(&self) -> u64 {
        lock(&self.tally).saved
    }

    /// How many sessions there were over SSH.
    pub fn ssh_sessions(&self) -> u64 {
        lock(&self.tally).sessions
    }

    /// How many logins were refused over SSH.
    pub fn ssh_refused(&self) -> u64 {
        lock(&self.tally).refused
    }

    /// How many lines were carried out over SSH.
    pub fn ssh_lines(&self) -> u64 {
        lock(&self.tally).lines
    }

    /// Every byte that sessions over SSH have received, in order.
    pub fn transcript(&self) -> Vec<u8> {
        lock(&self.transcript).clone()
    }

    /// The virtual domain that has the group.
    pub fn vdom(&self) -> &str {
        &self.first_vdom
    }

    /// The group that takes indicators.
    pub fn group(&self) -> &str {
        &self.settings.group
    }

    /// What an attribute of the unit's own settings is: `output` of `console`.
    pub fn setting(&self, name: &str, attribute: &str) -> Option<String> {
        let table = Table::of_path("system", name)?;
        Some(self.store().single(table)?.text(attribute).to_owned())
    }

    /// A colleague makes an address by hand and puts it into a group.
    ///
    /// # Errors
    ///
    /// The number of what the unit has against it.
    pub fn colleague_adds(&self, group: &str, name: &str, subnet: &str) -> Result<(), i32> {
        let mut store = self.store();
        let value = [("subnet", vec![subnet.to_owned()]), ("comment", vec!["by hand".to_owned()])];
        let mut changes = Vec::new();
        for (attribute, words) in value {
            let Some(field) = Table::Address.field(attribute) else { continue };
            changes.push(Change { field, how: How::Set(Value::read(field, &words).map_err(|refusal| refusal.code)?) });
        }
        let write = |table, key: &str, must, changes| {
            Op::Write(Write { vdom: self.first_vdom.clone(), table, key: key.to_owned(), must, changes })
        };
        let refused = |refusal: Refusal| refusal.code;
        store.apply(&write(Table::Address, name, Must::Either, changes)).map_err(refused)?;
        append(&mut store, &self.first_vdom, group, name).map_err(refused)
    }

    /// A colleague takes a name out of a group.
    ///
    /// # Errors
    ///
    /// The number of what the unit has against it.
    pub fn colleague_removes(&self, group: &str, name: &str) -> Result<(), i32> {
        let Some(field) = Table::Group.field("member") else { return Ok(()) };
        let changes = vec![Change { field, how: How::Unselect(vec![name.to_owned()]) }];
        let (vdom, key) = (self.first_vdom.clone(), group.to_owned());
        let write = Write { vdom, table: Table::Group, key, must: Must::Exist, changes };
        self.store().apply(&Op::Write(write)).map(drop).map_err(|refusal| refusal.code)
    }

    pub(super) const fn settings(&self) -> &FortigateFaults {
        &self.settings
    }

    pub(super) const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Whether virtual domains are on.
    pub(super) fn has_vdoms(&self) -> bool {
        !self.settings.vdoms.is_empty()
    }

    pub(super) fn may_write(&self) -> bool {
        self.settings.profile == Profile::Full
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    /// Saves a change, and lets people do afterwards what they do.
    pub(super) fn apply(&self, op: &Op) -> Result<Done, Refusal> {
        self.apply_in(&mut self.store(), op)
    }

    /// Saves all of these changes or none.
    pub(super) fn apply_all(&self, ops: &[Op]) -> Result<(), Refusal> {
        let mut store = self.store();
        let mut next = store.clone();
        for op in ops {
            self.apply_in(&mut next, op)?;
        }
        *store = next;
        Ok(())
    }

    /// Saves a change in a store that is held already, and lets people do afterwards what they do.
    pub(super) fn apply_in(&self, store: &mut Store, op: &Op) -> Result<Done, Refusal> {
        let done = store.apply(op)?;
        if !done.changed {
            return Ok(done);
        }
        let saved = {
            let mut tally = lock(&self.tally);
            tally.saved += 1;
            tally.saved
        };
        if self.settings.rename_group_after == Some(saved) {
            let to = format!("{}-old", self.settings.group);
            drop(store.rename(&self.first_vdom, Table::Group, &self.settings.group, &to));
        }
        if self.settings.flip_policy_after == Some(saved)
            && let Some(field) = Table::Policy.field("action")
        {
            let changes = vec![Change { field, how: How::Set(Value::Text("accept".to_owned())) }];
            let (vdom, key) = (self.first_vdom.clone(), "5".to_owned());
            let write = Write { vdom, table: Table::Policy, key, must: Must::Exist, changes };
            drop(store.apply(&Op::Write(write)));
        }
        Ok(done)
    }

    /// The group was read; a colleague may be quicker than whoever read it.
    pub(super) fn group_was_read(&self, key: &str) {
        let Some(colleagues) = self.settings.concurrent_writer.as_deref() else { return };
        let first = key == self.settings.group && !std::mem::replace(&mut lock(&self.tally).group_was_read, true);
        if first {
            let added = self.colleague_adds(&self.settings.group, colleagues, "198.18.9.9 255.255.255.255");
            debug_assert_eq!(added, Ok(()), "a colleague knows what can be added");
        }
    }

    /// Whether this new entry is the one that fails for no reason.
    pub(super) fn add_fails(&self) -> bool {
        let mut tally = lock(&self.tally);
        tally.added += 1;
        self.settings.add_fails == Some(tally.added)
    }

    /// Whether this `set subnet` is the one that is refused.
    pub(super) fn rejects_subnet(&self) -> bool {
        let mut tally = lock(&self.tally);
        tally.subnets += 1;
        self.settings.reject_subnet == Some(tally.subnets)
    }

    pub(super) fn at_next(&self) -> AtNext {
        let mut tally = lock(&self.tally);
        tally.nexts += 1;
        if self.settings.cut_before_next == Some(tally.nexts) {
            AtNext::CutBefore
        } else if self.settings.cut_after_next == Some(tally.nexts) {
            AtNext::CutAfter
        } else {
            AtNext::Save
        }
    }

    pub(super) fn logged_in(&self, accepted: bool) {
        let mut tally = lock(&self.tally);
        if accepted {
            tally.sessions += 1;
        } else {
            tally.refused += 1;
        }
    }

    pub(super) fn line_done(&self) {
        lock(&self.tally).lines += 1;
    }

    /// Keeps what a session received; how much of it arrives before the session is cut.
    pub(super) fn received(&self, bytes: &[u8]) -> usize {
        let mut transcript = lock(&self.transcript);
        let mut tally = lock(&self.tally);
        let room = self.settings.cut_at_byte.filter(|_| !tally.was_cut);
        let taken = room.map_or(bytes.len(), |room| room.saturating_sub(transcript.len()).min(bytes.len()));
        tally.was_cut |= taken < bytes.len();
        transcript.extend_from_slice(bytes.get(..taken).unwrap_or(bytes));
        taken
    }
}

fn append(store: &mut Store, vdom: &str, group: &str, name: &str) -> Result<(), Refusal> {
    let Some(field) = Table::Group.field("member") else { return Ok(()) };
    let changes = vec![Change { field, how: How::Append(vec![name.to_owned()]) }];
    let write = Write { vdom: vdom.to_owned(), table: Table::Group, key: group.to_owned(), must: Must::Exist, changes };
    store.apply(&Op::Write(write)).map(drop)
}

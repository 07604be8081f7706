//! What is there before anybody comes: built-in entries, what people have made, and the policies that use it.

use super::{
    schema::{Field, Table},
    store::{Change, How, Must, Op, Store, Write},
    value::Value,
};
use crate::simulator::faults::{FortigateFaults, GroupPolicy};

/// The address that a colleague has put into the group by hand.
pub(super) const COLLEAGUES: &str = "Partner-VPN-abuse";

/// A world, being made.
struct Maker<'a> {
    store: Store,
    vdom: &'a str,
}

impl Maker<'_> {
    /// An entry of which the faults file says nothing that could be wrong is saved; another is left out.
    fn make(&mut self, table: Table, key: &str, values: &[(&str, &[&str])]) {
        let change = |(name, words): &(&str, &[&str])| {
            let field: &'static Field = table.field(name)?;
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            Some(Change { field, how: How::Set(Value::read(field, &words).ok()?) })
        };
        let changes = values.iter().filter_map(change).collect();
        let (vdom, key) = (self.vdom.to_owned(), key.to_owned());
        drop(self.store.apply(&Op::Write(Write { vdom, table, key, must: Must::Either, changes })));
    }

    fn built_in(&mut self) {
        self.make(Table::Address, "all", &[]);
        self.make(Table::Address, "none", &[("subnet", &["0.0.0.0", "255.255.255.255"])]);
        self.make(Table::Address6, "all", &[]);
        self.make(Table::Address6, "none", &[("ip6", &["::/128"])]);
        self.make(Table::Address, "Servers", &[("subnet", &["10.20.0.0", "255.255.0.0"]), ("comment", &["by hand"])]);
        let outwards: [(&str, &[&str]); 7] = [
            ("name", &["out"]),
            ("srcintf", &["internal"]),
            ("dstintf", &["wan1"]),
            ("srcaddr", &["Servers"]),
            ("dstaddr", &["all"]),
            ("action", &["accept"]),
            ("service", &["HTTPS"]),
        ];
        self.make(Table::Policy, "20", &outwards);
    }

    fn policy(&mut self, key: &str, name: &str, action: &str, status: &str, group: &str, settings: &FortigateFaults) {
        let negate = if settings.negate { "enable" } else { "disable" };
        let values: [(&str, &[&str]); 10] = [
            ("name", &[name]),
            ("srcintf", &["any"]),
            ("dstintf", &["wan1"]),
            ("srcaddr", &["all"]),
            ("dstaddr", &[group]),
            ("dstaddr6", &[group]),
            ("dstaddr-negate", &[negate]),
            ("action", &[action]),
            ("status", &[status]),
            ("service", &["ALL"]),
        ];
        self.make(Table::Policy, key, &values);
    }

    fn group(&mut self, settings: &FortigateFaults) {
        let group = settings.group.as_str();
        let subnet: [(&str, &[&str]); 2] =
            [("subnet", &["198.18.7.7", "255.255.255.255"]), ("comment", &["J. Doe 2024-11-02, do not remove"])];
        self.make(Table::Address, COLLEAGUES, &subnet);
        let mut members = vec!["none", COLLEAGUES];
        for address in &settings.people {
            let subnet: Vec<&str> = address.subnet.iter().map(String::as_str).collect();
            let fqdn: Vec<&str> = address.fqdn.iter().map(String::as_str).collect();
            let kind = if address.fqdn.is_some() { "fqdn" } else { "ipmask" };
            let comment = [address.comment.as_str()];
            let values: [(&str, &[&str]); 4] =
                [("type", &[kind]), ("subnet", &subnet), ("fqdn", &fqdn), ("comment", &comment)];
            self.make(Table::Address, &address.name, &values);
            if address.member {
                members.push(&address.name);
            }
        }
        let kind = if settings.folder { "folder" } else { "default" };
        let excludes = if settings.exclude.is_empty() { "disable" } else { "enable" };
        let spared: Vec<&str> = settings.exclude.iter().map(String::as_str).collect();
        let values: [(&str, &[&str]); 4] =
            [("type", &[kind]), ("member", &members), ("exclude", &[excludes]), ("exclude-member", &spared)];
        self.make(Table::Group, group, &values);
        self.make(Table::Group6, group, &[("member", &["none"])]);
        match settings.group_policy {
            GroupPolicy::Deny => self.policy("5", "EDR-Block", "deny", "enable", group, settings),
            GroupPolicy::Disabled => self.policy("5", "EDR-Block", "deny", "disable", group, settings),
            GroupPolicy::Accept => self.policy("5", "Partner-access", "accept", "enable", group, settings),
            GroupPolicy::Both => {
                self.policy("5", "EDR-Block", "deny", "enable", group, settings);
                self.policy("6", "Partner-access", "accept", "enable", group, settings);
            }
            GroupPolicy::Nested => {
                self.make(Table::Group, "Partners", &[("member", &[group])]);
                self.make(Table::Group6, "Partners", &[("member", &[group])]);
                self.policy("5", "EDR-Block", "deny", "enable", group, settings);
                self.policy("6", "Partner-access", "accept", "enable", "Partners", settings);
            }
            GroupPolicy::None => {}
        }
    }
}

/// The first virtual domain, which has the group.
pub(super) fn first_vdom(settings: &FortigateFaults) -> &str {
    settings.vdoms.first().map_or("root", String::as_str)
}

/// Makes the world that a faults file describes.
pub(super) fn make(settings: &FortigateFaults) -> Store {
    let mut store = Store::new(settings);
    store.add_vdom(first_vdom(settings));
    settings.vdoms.iter().for_each(|vdom| store.add_vdom(vdom));
    let names: Vec<String> = store.vdoms().map(str::to_owned).collect();
    let mut maker = Maker { store, vdom: "" };
    for vdom in &names {
        maker.vdom = vdom;
        maker.built_in();
        if vdom == first_vdom(settings) {
            maker.group(settings);
        }
    }
    maker.make(Table::Global, "", &[("hostname", &[&settings.hostname])]);
    maker.make(Table::Console, "", &[("output", &[if settings.pager { "more" } else { "standard" }])]);
    if settings.central_management {
        maker.make(Table::Management, "", &[("type", &["fortimanager"]), ("fmg", &["198.18.0.9"])]);
    }
    maker.store
}

//! The same room at every console that manages hosts: what the engine does once, it does at each.

use std::collections::BTreeSet;

use edrctl::{domain::host::Isolation, simulator::Fleet};

use super::{Console, Output, Room};

/// A room, its console's word, and hosts there that can be acted on.
pub(crate) struct Place {
    pub(crate) vendor: &'static str,
    pub(crate) room: Room,
    pub(crate) ids: Vec<String>,
}

/// Hosts that change before anybody can look twice.
pub(crate) const PROMPT: &str = "[[confirm]]\nafter = '20ms'\n";

/// One place at each console.
pub(crate) fn every_console(faults: &str) -> Vec<Place> {
    ["cisco", "apex", "kaspersky", "cybereason"].into_iter().map(|vendor| Place::new(vendor, faults)).collect()
}

impl Place {
    pub(crate) fn new(vendor: &'static str, faults: &str) -> Self {
        let fleet = Fleet::of_size(12);
        let console = match vendor {
            "cisco" => Console::with(fleet, faults),
            "apex" => Console::apex(fleet, faults),
            "kaspersky" => Console::kaspersky(fleet, &format!("kaspersky.pick_up_after = '0s'\n{faults}")),
            _ => Console::cybereason(fleet, &format!("cybereason.rate = 0\n{faults}")),
        };
        let hosts = console.fleet().hosts();
        let ids = hosts.iter().filter(|host| host.available).take(4).map(|host| host.id.clone()).collect();
        Self { vendor, room: Room::with(console), ids }
    }

    /// Acts on the hosts of these numbers.
    pub(crate) fn act(&self, command: &str, hosts: &[usize], more: &[&str]) -> Output {
        let list: String = hosts.iter().map(|n| format!("{}\n", self.ids[*n])).collect();
        self.act_on(command, &list, more)
    }

    /// Acts on what stands in this list.
    pub(crate) fn act_on(&self, command: &str, list: &str, more: &[&str]) -> Output {
        self.room.env.file("list.txt", list);
        let args = [command, "--vendor", self.vendor, "--yes", "-o", "jsonl", "list.txt"];
        self.room.env.run([&args[..], more].concat())
    }

    /// A command that comes from earlier runs.
    pub(crate) fn back(&self, args: &[&str]) -> Output {
        self.room.env.run([args, &["--yes", "-o", "jsonl", "--wait=30s"]].concat())
    }

    /// The numbers of the hosts that are off the network, or on their way; -1 for any other host.
    pub(crate) fn off(&self) -> BTreeSet<isize> {
        let off = |state: Isolation| matches!(state, Isolation::Isolated | Isolation::Isolating);
        let fleet = self.room.console.fleet();
        let hosts = fleet.hosts().into_iter().filter(|host| off(host.state));
        let number = |id: &String| self.ids.iter().position(|known| known == id).map_or(-1, usize::cast_signed);
        hosts.map(|host| number(&host.id)).collect()
    }

    /// What requests have changed anything, or tried.
    pub(crate) fn changes(&self) -> u64 {
        let hosts = self.room.console.fleet().hosts();
        hosts.iter().map(|host| u64::from(host.puts) + u64::from(host.deletes)).sum()
    }
}

impl Output {
    /// The run that a result belongs to.
    #[track_caller]
    pub(crate) fn run_name(&self) -> String {
        let results = self.results();
        let first = results.first().unwrap_or_else(|| panic!("no result\n{self}"));
        first["run"].as_str().unwrap().to_owned()
    }

    /// The `reason_code` of each result that has one, sorted.
    pub(crate) fn codes(&self) -> Vec<String> {
        let results = self.results();
        let mut codes: Vec<String> =
            results.iter().filter_map(|result| result["reason_code"].as_str().map(str::to_owned)).collect();
        codes.sort();
        codes
    }
}

//! Rooms with a simulated Cybereason tenant.

use std::{ops::Deref, process::Command};

use edrctl::simulator::{Fleet, faults::Endpoint};

use super::{Console, Output, Room};

/// Calls are not counted by the second, and hosts change before anybody can look twice.
const PROMPT: &str = "cybereason.rate = 0\nconfirm = [{ after = '20ms' }]\n";

/// An environment that is configured for a tenant; `hosts.txt` lists every host by its `pylumId`.
pub(crate) struct Cyb {
    pub(crate) room: Room,
}

impl Deref for Cyb {
    type Target = Room;

    fn deref(&self) -> &Room {
        &self.room
    }
}

impl Cyb {
    /// So many hosts; the faults come behind those of [`PROMPT`].
    pub(crate) fn new(hosts: u32, faults: &str) -> Self {
        Self { room: Room::with(Console::cybereason(Fleet::of_size(hosts), &format!("{PROMPT}{faults}"))) }
    }

    /// The same without them.
    pub(crate) fn plain(hosts: u32, faults: &str) -> Self {
        Self { room: Room::with(Console::cybereason(Fleet::of_size(hosts), faults)) }
    }

    /// The hosts of a fleet file.
    pub(crate) fn of(csv: &str, faults: &str) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), csv).unwrap();
        let fleet = Fleet::read(file.path()).unwrap();
        Self { room: Room::with(Console::cybereason(fleet, &format!("{PROMPT}{faults}"))) }
    }

    /// `isolate` on all hosts, not started yet.
    pub(crate) fn command(&self, more: &[&str]) -> Command {
        self.env.command(act("isolate", more))
    }

    /// Runs `isolate` on all hosts.
    pub(crate) fn isolate(&self, more: &[&str]) -> Output {
        self.env.run(act("isolate", more))
    }

    /// Runs `unisolate` on all hosts.
    pub(crate) fn unisolate(&self, more: &[&str]) -> Output {
        self.env.run(act("unisolate", more))
    }

    /// Runs `isolate` on these targets, one a line.
    pub(crate) fn isolate_list(&self, list: &str, more: &[&str]) -> Output {
        self.env.file("list.txt", list);
        self.env.run([&["isolate", "--vendor", "cybereason", "--yes", "-o", "jsonl", "list.txt"], more].concat())
    }

    /// Requests for this, of either method.
    pub(crate) fn asked(&self, endpoint: Endpoint) -> u64 {
        let stats = self.console.stats();
        stats.requests("POST", endpoint) + stats.requests("GET", endpoint)
    }

    /// Fails if anything was asked that could have changed a host.
    #[track_caller]
    pub(crate) fn was_left_alone(&self) {
        let changes = self.asked(Endpoint::IsolateSensors) + self.asked(Endpoint::ReleaseSensors);
        assert_eq!((changes, self.puts()), (0, 0), "requests that change hosts");
    }

    /// Ids of the hosts that are off the network.
    pub(crate) fn isolated(&self) -> Vec<String> {
        let fleet = self.console.fleet();
        let off = |host: &edrctl::simulator::HostTruth| host.state == edrctl::domain::host::Isolation::Isolated;
        fleet.hosts().into_iter().filter(off).map(|host| host.id).collect()
    }
}

/// A command on `hosts.txt`, as a script gives it.
fn act<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[command, "--vendor", "cybereason", "--yes", "-o", "jsonl", "hosts.txt"], more].concat()
}

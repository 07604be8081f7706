//! Rooms with a FortiGate that is reached over SSH, and what must be true of it whatever happened.

use std::{ops::Deref, process::Command, sync::Arc};

use edrctl::simulator::{AddressTruth, Firewall};

use super::{Console, Output, Room};

/// Lets this room's firewall block the addresses and names of documents.
pub(crate) const OPEN: (&str, &str) = ("__EDRCTL_OPEN_EXAMPLES", "1");

/// The group that takes indicators.
pub(crate) const GROUP: &str = "EDR-Threats";

/// An environment that is configured for a simulated FortiGate.
pub(crate) struct Wall {
    pub(crate) room: Room,
    /// What people had made before anybody came.
    before: Vec<AddressTruth>,
    members: Vec<String>,
}

impl Deref for Wall {
    type Target = Room;

    fn deref(&self) -> &Room {
        &self.room
    }
}

impl Wall {
    /// A firewall that is reached over SSH.
    pub(crate) fn ssh(faults: &str) -> Self {
        let wall = Self::rest(faults);
        wall.env.add_config("transport = \"ssh\"");
        wall
    }

    /// A firewall that is reached over REST.
    pub(crate) fn rest(faults: &str) -> Self {
        let mut room = Room::with(Console::fortigate(faults));
        room.env.set(OPEN.0, OPEN.1);
        let firewall = room.console.inner().firewall().unwrap();
        let (before, members) = (firewall.addresses(), firewall.members(GROUP).unwrap());
        Self { room, before, members }
    }

    pub(crate) fn firewall(&self) -> Arc<Firewall> {
        self.console.inner().firewall().unwrap()
    }

    fn args<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&[command, "--vendor", "fortigate", "--yes", "-o", "jsonl", "list.txt"], more].concat()
    }

    /// Blocks these, one a line.
    pub(crate) fn block(&self, list: &str, more: &[&str]) -> Output {
        self.env.file("list.txt", list);
        self.env.run(Self::args("block", more))
    }

    /// The same, not started yet.
    pub(crate) fn block_command(&self, list: &str) -> Command {
        self.env.file("list.txt", list);
        self.env.command(Self::args("block", &[]))
    }

    /// Unblocks these, one a line.
    pub(crate) fn unblock(&self, list: &str, more: &[&str]) -> Output {
        self.env.file("list.txt", list);
        self.env.run(Self::args("unblock", more))
    }

    /// The values of our objects that the group covers, sorted.
    pub(crate) fn blocked(&self) -> Vec<String> {
        let covered = self.firewall().covered(GROUP);
        let mut values: Vec<String> = covered
            .into_iter()
            .filter(|address| address.name.starts_with("edr-"))
            .map(|address| address.value.replace(" 255.255.255.255", "").replace("/128", ""))
            .collect();
        values.sort();
        values
    }

    /// Whatever happened, this holds.
    #[track_caller]
    pub(crate) fn assert_unharmed(&self) {
        let firewall = self.firewall();
        let addresses = firewall.addresses();
        let everything: Vec<_> = addresses.iter().filter(|address| address.is_everything()).collect();
        assert!(everything.iter().all(|address| address.name == "all"), "every address there is: {everything:?}");
        for known in &self.before {
            assert!(addresses.contains(known), "people made {known:?}");
        }
        let members = firewall.members(GROUP).unwrap();
        for member in &self.members {
            assert!(members.contains(member), "people put {member} into the group: {members:?}");
        }
        for address in addresses.iter().filter(|address| !self.before.contains(address)) {
            let ours = address.name.starts_with("edr-") && address.comment.starts_with("edrctl run=");
            assert!(ours || address.comment == "by hand", "nobody knows whose this is: {address:?}");
            for never in ["10.", "127.", "192.168.", "8.8.8.8", "1.1.1.1", "224.", "169.254."] {
                assert!(!address.value.starts_with(never), "never to be blocked: {address:?}");
            }
        }
        let typed = firewall.transcript();
        let odd: Vec<u8> =
            typed.iter().copied().filter(|byte| !(0x20..0x7f).contains(byte) && *byte != b'\r').collect();
        assert!(odd.is_empty(), "typed: {odd:?}");
        for line in String::from_utf8(typed).unwrap().split('\r') {
            let line = line.trim();
            assert!(!line.starts_with("set member") && !line.starts_with("select"), "{line}");
            assert!(!line.contains("set output"), "{line}");
        }
        assert_eq!(firewall.groups().len(), 1, "{:?}", firewall.groups());
    }
}

/// So many addresses of documents, one a line.
pub(crate) fn addresses(count: u32) -> String {
    (0..count).map(|n| format!("203.0.113.{}\n", n + 1)).collect()
}

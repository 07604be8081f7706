//! Names and addresses for hosts of which none were said: believable, the same each time, never one that was said.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::{Fleet, Said};
use crate::{
    domain::host::MacAddr,
    simulator::{Model, guid::Guid},
};

const OFFICES: [&str; 12] = ["FIN", "HR", "ENG", "SAL", "OPS", "LEG", "MKT", "LAB", "DC1", "DC2", "BER", "OSA"];
const KINDS: [&str; 5] = ["LT", "WS", "SRV", "VM", "KIOSK"];
const SYSTEMS: [(&str, &str); 4] = [
    ("Windows 10 (Build 19045.4412)", "10.0.19045.4412"),
    ("Windows 11 (Build 22631.3593)", "10.0.22631.3593"),
    ("Windows Server 2019 (Build 17763.5820)", "10.0.17763.5820"),
    ("Windows Server 2022 (Build 20348.2461)", "10.0.20348.2461"),
];
const GROUPS: [&str; 4] = ["Protect", "Servers", "Triage", "Audit"];

impl Fleet {
    /// The name of a host.
    pub(in crate::simulator) fn name(&self, number: u32) -> String {
        if let Some(name) = self.said(number).and_then(|said| said.name.as_deref()) {
            return name.to_owned();
        }
        let hash = self.guid(number).hash(1);
        let office = pick(&OFFICES, hash);
        let kind = pick(&KINDS, hash >> 16);
        let (stem, domain) = match self.model {
            Model::Cisco | Model::Kaspersky | Model::Cybereason | Model::Fortigate => {
                (format!("{office}-{kind}-{number:04}"), ".corp.example")
            }
            // Fifteen characters are all that this console shows of a name.
            Model::ApexCentral if number < 100_000 => (format!("{office}-{kind}-{number:04}"), ""),
            Model::ApexCentral => (format!("{office}-{number}"), ""),
        };
        let first = format!("{stem}{domain}");
        if self.is_taken(&Key::Name(&first)) { format!("{stem}X{domain}") } else { first }
    }

    /// The address of a host's one interface.
    pub(in crate::simulator) fn ip(&self, number: u32) -> IpAddr {
        if let Some(ip) = self.said(number).and_then(|said| said.ip) {
            return ip;
        }
        // Networks in which nobody's hosts are, should a target have said the first address.
        let candidates = [
            IpAddr::V4(Ipv4Addr::from_bits(0x0a14_0000_u32.wrapping_add(number.wrapping_add(11)))),
            IpAddr::V4(Ipv4Addr::from_bits(0x6440_0000 | number & 0x003f_ffff)),
        ];
        let spare = IpAddr::V6(Ipv6Addr::from_bits(0xfd00_5eed << 96 | u128::from(number)));
        let in_range = |ip: &IpAddr| matches!(ip, IpAddr::V4(v4) if v4.is_private() || v4.octets()[0] == 100);
        candidates.into_iter().filter(in_range).find(|ip| !self.is_taken(&Key::Ip(*ip))).unwrap_or(spare)
    }

    /// The MAC address of a host's one interface.
    pub(in crate::simulator) fn mac(&self, number: u32) -> MacAddr {
        if let Some(mac) = self.said(number).and_then(|said| said.mac) {
            return mac;
        }
        let [a, b, c, d] = number.to_be_bytes();
        let first = MacAddr([0x02, 0x5e, a, b, c, d]);
        if self.is_taken(&Key::Mac(first)) { MacAddr([0x06, 0x5e, a, b, c, d]) } else { first }
    }

    /// The address from which a host reaches the console: many share one.
    pub(in crate::simulator) fn external_ip(&self, number: u32) -> IpAddr {
        let last = (self.guid(number).hash(2) % 14) as u8 + 1;
        IpAddr::V4(Ipv4Addr::new(203, 0, 113, last))
    }

    /// The operating system of a host, and its version.
    pub(in crate::simulator) fn system(&self, number: u32) -> (&'static str, &'static str) {
        let at = self.guid(number).hash(3) as usize % SYSTEMS.len();
        SYSTEMS.get(at).copied().unwrap_or(("Windows", "10.0"))
    }

    /// The group of a host.
    pub(in crate::simulator) fn group(&self, number: u32) -> Group<'_> {
        let said = self.said(number).and_then(|said| said.group);
        let name = match said.and_then(|at| self.groups().get(usize::from(at))) {
            Some(name) => name,
            None => pick(&GROUPS, self.guid(number).hash(4)),
        };
        Group::named(name)
    }

    /// Every group of the console.
    pub(in crate::simulator) fn all_groups(&self) -> impl Iterator<Item = Group<'_>> {
        let said = self.groups().iter().map(AsRef::as_ref).filter(|name| !GROUPS.contains(name));
        GROUPS.into_iter().chain(said).map(Group::named)
    }

    pub(super) fn take(&mut self, said: &Said) {
        let keys = [said.name.as_deref().map(Key::Name), said.ip.map(Key::Ip), said.mac.map(Key::Mac)];
        self.taken.extend(keys.into_iter().flatten().map(|key| key.hash()));
    }

    fn is_taken(&self, key: &Key<'_>) -> bool {
        !self.taken.is_empty() && self.taken.contains(&key.hash())
    }
}

/// A group of hosts.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct Group<'a> {
    pub(in crate::simulator) name: &'a str,
    pub(in crate::simulator) guid: Guid,
}

impl<'a> Group<'a> {
    fn named(name: &'a str) -> Self {
        Self { name, guid: Guid::derived("group", name) }
    }
}

enum Key<'a> {
    Name(&'a str),
    Ip(IpAddr),
    Mac(MacAddr),
}

impl Key<'_> {
    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self {
            Self::Name(name) => name.to_lowercase().hash(&mut hasher),
            Self::Ip(ip) => ip.hash(&mut hasher),
            Self::Mac(mac) => mac.hash(&mut hasher),
        }
        hasher.finish()
    }
}

fn pick(words: &[&'static str], hash: u64) -> &'static str {
    words.get(hash as usize % words.len()).copied().unwrap_or_default()
}

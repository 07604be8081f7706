//! What the whole world depends on: public resolvers, public suffixes, names with a meaning of their own.

use std::net::IpAddr;

use ipnet::IpNet;

use super::ranges::{single, touch};
use crate::domain::indicator::within;

/// Resolvers that are asked from everywhere, by whoever runs them.
const RESOLVERS: [(&str, &[&str]); 27] = [
    (
        "Google",
        &[
            "8.8.8.8",
            "8.8.4.4",
            "2001:4860:4860::8888",
            "2001:4860:4860::8844",
            "2001:4860:4860::64",
            "2001:4860:4860::6464",
        ],
    ),
    (
        "Cloudflare",
        &[
            "1.1.1.1",
            "1.0.0.1",
            "1.1.1.2",
            "1.0.0.2",
            "1.1.1.3",
            "1.0.0.3",
            "2606:4700:4700::1111",
            "2606:4700:4700::1001",
            "2606:4700:4700::1112",
            "2606:4700:4700::1002",
            "2606:4700:4700::1113",
            "2606:4700:4700::1003",
            "2606:4700:4700::64",
            "2606:4700:4700::6400",
        ],
    ),
    (
        "Quad9",
        &[
            "9.9.9.9",
            "9.9.9.10",
            "9.9.9.11",
            "9.9.9.12",
            "149.112.112.112",
            "149.112.112.9",
            "149.112.112.10",
            "149.112.112.11",
            "149.112.112.12",
            "2620:fe::fe",
            "2620:fe::9",
            "2620:fe::10",
            "2620:fe::fe:9",
            "2620:fe::fe:10",
            "2620:fe::11",
            "2620:fe::fe:11",
        ],
    ),
    (
        "OpenDNS",
        &[
            "208.67.222.222",
            "208.67.220.220",
            "208.67.222.220",
            "208.67.220.222",
            "208.67.222.123",
            "208.67.220.123",
            "208.67.222.2",
            "208.67.220.2",
            "2620:119:35::35",
            "2620:119:53::53",
            "2620:119:35::123",
            "2620:119:53::123",
            "146.112.41.2",
            "146.112.41.3",
        ],
    ),
    ("Level 3", &["4.2.2.1", "4.2.2.2", "4.2.2.3", "4.2.2.4", "4.2.2.5", "4.2.2.6", "209.244.0.3", "209.244.0.4"]),
    ("Verisign", &["64.6.64.6", "64.6.65.6", "2620:74:1b::1:1", "2620:74:1c::2:2"]),
    (
        "AdGuard",
        &[
            "94.140.14.14",
            "94.140.15.15",
            "94.140.14.15",
            "94.140.15.16",
            "94.140.14.140",
            "94.140.14.141",
            "2a10:50c0::ad1:ff",
            "2a10:50c0::ad2:ff",
            "2a10:50c0::1:ff",
            "2a10:50c0::2:ff",
        ],
    ),
    (
        "CleanBrowsing",
        &[
            "185.228.168.9",
            "185.228.169.9",
            "185.228.168.10",
            "185.228.169.11",
            "185.228.168.168",
            "185.228.169.168",
            "2a0d:2a00:1::2",
            "2a0d:2a00:2::2",
        ],
    ),
    ("Comodo", &["8.26.56.26", "8.20.247.20"]),
    (
        "Control D",
        &[
            "76.76.2.0",
            "76.76.10.0",
            "76.76.2.1",
            "76.76.10.1",
            "76.76.2.2",
            "76.76.10.2",
            "2606:1a40::",
            "2606:1a40:1::",
        ],
    ),
    ("NextDNS", &["45.90.28.0", "45.90.30.0", "45.90.28.190", "45.90.30.190"]),
    ("Mullvad", &["194.242.2.2", "194.242.2.3", "194.242.2.4", "2a07:e340::2", "2a07:e340::3"]),
    ("DNS.WATCH", &["84.200.69.80", "84.200.70.40", "2001:1608:10:25::1c04:b12f", "2001:1608:10:25::9249:d69b"]),
    ("Hurricane Electric", &["74.82.42.42", "2001:470:20::2"]),
    (
        "Neustar",
        &[
            "156.154.70.1",
            "156.154.71.1",
            "156.154.70.2",
            "156.154.71.2",
            "156.154.70.5",
            "156.154.71.5",
            "2610:a1:1018::1",
            "2610:a1:1019::1",
        ],
    ),
    ("DNS4EU", &["86.54.11.1", "86.54.11.201", "86.54.11.12", "86.54.11.100"]),
    ("CIRA", &["149.112.121.10", "149.112.122.10", "149.112.121.20", "149.112.122.20"]),
    (
        "Yandex",
        &[
            "77.88.8.8",
            "77.88.8.1",
            "77.88.8.88",
            "77.88.8.2",
            "77.88.8.7",
            "77.88.8.3",
            "2a02:6b8::feed:ff",
            "2a02:6b8:0:1::feed:ff",
        ],
    ),
    ("DNS.SB", &["185.222.222.222", "45.11.45.11", "2a09::", "2a11::"]),
    ("dns0.eu", &["193.110.81.0", "185.253.5.0", "2a0f:fc80::", "2a0f:fc81::"]),
    ("Norton", &["199.85.126.10", "199.85.127.10"]),
    ("SafeDNS", &["195.46.39.39", "195.46.39.40"]),
    ("Freenom", &["80.80.80.80", "80.80.81.81"]),
    ("114DNS", &["114.114.114.114", "114.114.115.115"]),
    ("AliDNS", &["223.5.5.5", "223.6.6.6", "2400:3200::1", "2400:3200:baba::1"]),
    ("DNSPod", &["119.29.29.29", "119.28.28.28", "182.254.116.116", "180.76.76.76", "101.226.4.6", "218.30.118.6"]),
    ("HiNet and Quad101", &["168.95.1.1", "168.95.192.1", "101.101.101.101", "101.102.103.104", "2001:de4::101"]),
];

/// The servers that every resolver begins at.
const ROOTS: [&str; 26] = [
    "198.41.0.4",
    "170.247.170.2",
    "192.33.4.12",
    "199.7.91.13",
    "192.203.230.10",
    "192.5.5.241",
    "192.112.36.4",
    "198.97.190.53",
    "192.36.148.17",
    "192.58.128.30",
    "193.0.14.129",
    "199.7.83.42",
    "202.12.27.33",
    "2001:503:ba3e::2:30",
    "2801:1b8:10::b",
    "2001:500:2::c",
    "2001:500:2d::d",
    "2001:500:a8::e",
    "2001:500:2f::f",
    "2001:500:12::d0d",
    "2001:500:1::53",
    "2001:7fe::53",
    "2001:503:c27::2:30",
    "2001:7fd::1",
    "2001:500:9f::42",
    "2001:dc3::35",
];

/// Names of public resolvers.
const RESOLVER_NAMES: [&str; 13] = [
    "dns.google",
    "one.one.one.one",
    "cloudflare-dns.com",
    "quad9.net",
    "opendns.com",
    "adguard-dns.com",
    "adguard.com",
    "cleanbrowsing.org",
    "nextdns.io",
    "controld.com",
    "dns.mullvad.net",
    "root-servers.net",
    "gtld-servers.net",
];

/// Whose names updates, sign-in, mail and protection go through: consoles, firewalls, operating systems.
const VENDORS: [&str; 38] = [
    "cisco.com",
    "trendmicro.com",
    "kaspersky.com",
    "kaspersky-labs.com",
    "cybereason.com",
    "cybereason.net",
    "fortinet.com",
    "fortinet.net",
    "fortiguard.com",
    "fortiguard.net",
    "microsoft.com",
    "microsoftonline.com",
    "msftauth.net",
    "msauth.net",
    "login.windows.net",
    "sts.windows.net",
    "sharepoint.com",
    "windows.com",
    "windowsupdate.com",
    "office.com",
    "office365.com",
    "outlook.com",
    "live.com",
    "google.com",
    "googleapis.com",
    "gstatic.com",
    "apple.com",
    "icloud.com",
    "okta.com",
    "duosecurity.com",
    "mozilla.org",
    "digicert.com",
    "letsencrypt.org",
    "debian.org",
    "ubuntu.com",
    "redhat.com",
    "ntp.org",
    "crowdstrike.com",
];

/// A suffix whose names are not public names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Special {
    /// The suffix.
    pub(super) suffix: &'static str,
    /// What its names are.
    pub(super) what: &'static str,
    /// Whether it is for examples and tests.
    pub(super) example: bool,
}

const fn special(suffix: &'static str, what: &'static str, example: bool) -> Special {
    Special { suffix, what, example }
}

const SPECIALS: [Special; 20] = [
    special("localhost", "this machine", false),
    special("local", "names of the local network", false),
    special("localdomain", "names of the local network", false),
    special("lan", "names of the local network", false),
    special("home", "names of the local network", false),
    special("corp", "names of the local network", false),
    special("internal", "names of a private network", false),
    special("intranet", "names of a private network", false),
    special("private", "names of a private network", false),
    special("home.arpa", "names of the local network", false),
    special("arpa", "the internet's own", false),
    special("onion", "no names that a resolver knows", false),
    special("alt", "no names that a resolver knows", false),
    special("invalid", "no names that a resolver knows", false),
    special("test", "for tests", true),
    special("example", "for documents", true),
    special("example.com", "for documents", true),
    special("example.net", "for documents", true),
    special("example.org", "for documents", true),
    special("wpad", "names of a private network", false),
];

/// The special suffix that a name is or lies under.
pub(super) fn special_domain(name: &str) -> Option<Special> {
    SPECIALS.into_iter().find(|special| within(name, special.suffix))
}

/// The public resolver that a network holds.
pub(super) fn resolver(net: IpNet) -> Option<IpAddr> {
    let listed = RESOLVERS.iter().flat_map(|(_, addresses)| addresses.iter()).chain(&ROOTS);
    listed.filter_map(|address| address.parse().ok()).find(|address: &IpAddr| touch(net, single(*address)))
}

/// Whether it is the name of a public resolver, or one above or below it.
pub(super) fn is_resolver_name(name: &str) -> bool {
    RESOLVER_NAMES.into_iter().any(|resolver| within(name, resolver) || within(resolver, name))
}

/// The vendor's domain that a name is, lies under or lies above.
pub(super) fn vendor_domain(name: &str) -> Option<&'static str> {
    VENDORS.into_iter().find(|vendor| within(name, vendor) || within(vendor, name))
}

/// Whether everybody can register names under this one: `co.uk`, `github.io`.
pub(super) fn is_public_suffix(name: &str) -> bool {
    // The list has a rule for every top level, also for those that it does not know: a name of two labels under one of
    // them is somebody's.
    psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.as_bytes().len() == name.len())
}

#[cfg(test)]
pub(super) fn every_listed_address() -> Vec<&'static str> {
    RESOLVERS.iter().flat_map(|(_, addresses)| addresses.iter().copied()).chain(ROOTS).collect()
}

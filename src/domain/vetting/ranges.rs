//! Ranges that are not the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{Refusal, Refused};

const fn v4(a: u8, b: u8, c: u8, length: u8) -> Ipv4Net {
    // The lengths are those below, none is above 32.
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), length)
}

const fn v6(a: u16, b: u16, c: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

const V4: [(Ipv4Net, Refusal, &str); 16] = [
    (v4(0, 0, 0, 8), Refusal::Unspecified, "no host has an address in 0.0.0.0/8, and firewalls read it as all of them"),
    (v4(10, 0, 0, 8), Refusal::Private, "10.0.0.0/8 is private"),
    (v4(100, 64, 0, 10), Refusal::Private, "100.64.0.0/10 is the inner network of carriers"),
    (v4(127, 0, 0, 8), Refusal::Loopback, "127.0.0.0/8 is every machine itself"),
    (v4(169, 254, 0, 16), Refusal::LinkLocal, "169.254.0.0/16 is link-local"),
    (v4(172, 16, 0, 12), Refusal::Private, "172.16.0.0/12 is private"),
    (v4(192, 0, 0, 24), Refusal::Reserved, "192.0.0.0/24 is for protocols"),
    (v4(192, 0, 2, 24), Refusal::Documentation, "192.0.2.0/24 is for documentation"),
    (v4(192, 88, 99, 24), Refusal::Reserved, "192.88.99.0/24 is for relays from IPv6"),
    (v4(192, 168, 0, 16), Refusal::Private, "192.168.0.0/16 is private"),
    (v4(198, 18, 0, 15), Refusal::Reserved, "198.18.0.0/15 is for benchmarks"),
    (v4(198, 51, 100, 24), Refusal::Documentation, "198.51.100.0/24 is for documentation"),
    (v4(203, 0, 113, 24), Refusal::Documentation, "203.0.113.0/24 is for documentation"),
    (v4(224, 0, 0, 4), Refusal::Multicast, "224.0.0.0/4 is multicast"),
    (v4(240, 0, 0, 4), Refusal::Reserved, "240.0.0.0/4 is reserved, and its last address is broadcast"),
    // The address of the platform itself in one large cloud: resolver, health and keys of every machine there.
    (
        Ipv4Net::new_assert(Ipv4Addr::new(168, 63, 129, 16), 32),
        Refusal::Reserved,
        "168.63.129.16 is a cloud's platform",
    ),
];

const V6: [(Ipv6Net, Refusal, &str); 13] = [
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), Refusal::Loopback, "::1 is every machine itself"),
    // Includes the mapped addresses, which are read as IPv4 before they come here.
    (v6(0, 0, 0, 16), Refusal::Unspecified, "no host has an address in ::/16 of its own"),
    (v6(0x64, 0xff9b, 1, 48), Refusal::Private, "64:ff9b:1::/48 is for translation within a network"),
    (v6(0x100, 0, 0, 64), Refusal::Reserved, "100::/64 is for what is thrown away"),
    (v6(0x2001, 0, 0, 23), Refusal::Reserved, "2001::/23 is for protocols"),
    (v6(0x2001, 0xdb8, 0, 32), Refusal::Documentation, "2001:db8::/32 is for documentation"),
    (v6(0x3fff, 0, 0, 20), Refusal::Documentation, "3fff::/20 is for documentation"),
    (v6(0x5f00, 0, 0, 16), Refusal::Reserved, "5f00::/16 is for protocols"),
    (v6(0xfe80, 0, 0, 10), Refusal::LinkLocal, "fe80::/10 is link-local"),
    (v6(0xfec0, 0, 0, 10), Refusal::Private, "fec0::/10 is for one site"),
    (v6(0xfc00, 0, 0, 7), Refusal::Private, "fc00::/7 is private"),
    (v6(0xff00, 0, 0, 8), Refusal::Multicast, "ff00::/8 is multicast"),
    (v6(0x2001, 0x2, 0, 48), Refusal::Reserved, "2001:2::/48 is for benchmarks"),
];

/// What is given out to hosts at all.
const GLOBAL: Ipv6Net = v6(0x2000, 0, 0, 3);

/// Why a network is not of the public internet; one that only touches such a range is meant too.
pub(super) fn special(net: IpNet, opens_examples: bool) -> Option<Refused> {
    let open = |why: Refusal| opens_examples && why == Refusal::Documentation;
    let found = match net {
        IpNet::V4(net) => {
            V4.iter().find(|(range, why, _)| touch_v4(*range, net) && !open(*why)).map(|(_, why, text)| (*why, *text))
        }
        IpNet::V6(net) => {
            // A wrapped IPv4 address is judged by what it stands for.
            let wraps = super::wrapped(net.addr()).is_some() && net.prefix_len() >= 96;
            let wide = [v6(0x64, 0xff9b, 0, 96), v6(0x2002, 0, 0, 16)].into_iter().any(|range| touch_v6(range, net));
            let six_to_four = net.addr().segments().first() == Some(&0x2002) && net.prefix_len() >= 48;
            if wide && !(wraps && net.prefix_len() == 128 || six_to_four) {
                Some((Refusal::Reserved, "it holds IPv4 addresses in another form"))
            } else {
                V6.iter()
                    .find(|(range, why, _)| touch_v6(*range, net) && !open(*why))
                    .map(|(_, why, text)| (*why, *text))
                    .or_else(|| {
                        let outside = !wraps && !GLOBAL.contains(&net);
                        outside.then_some((Refusal::Reserved, "only addresses in 2000::/3 are given out to hosts"))
                    })
            }
        }
    };
    found.map(|(why, text)| Refused::new(why, text))
}

fn touch_v4(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

fn touch_v6(one: Ipv6Net, other: Ipv6Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// Whether two networks have an address in common.
pub(super) fn touch(one: IpNet, other: IpNet) -> bool {
    match (one, other) {
        (IpNet::V4(one), IpNet::V4(other)) => touch_v4(one, other),
        (IpNet::V6(one), IpNet::V6(other)) => touch_v6(one, other),
        _ => false,
    }
}

/// One address as a network.
pub(super) fn single(address: IpAddr) -> IpNet {
    IpNet::from(address.to_canonical())
}

//! What is around this machine on the network: itself, the consoles and firewalls of its configuration, its resolvers,
//! gateways and proxies. None of it is ever cut off unasked, because whoever cuts off the way back cannot put anything back.

use std::{
    collections::BTreeSet,
    env, fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    path::PathBuf,
    time::Duration,
};

use crate::{config::Loaded, domain::protect::Pattern, engine::plan::Guarded, vendors::VendorName};

/// For tests: a folder that stands for this machine, with `hostname`, `resolv.conf`,
/// `upstream.conf`, `route` and `ipv6_route`.
const PLAYED: &str = "__EDRCTL_MACHINE";

/// How long a name of ours may take to be looked up.
const PATIENCE: Duration = Duration::from_secs(2);

/// A console of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct OwnConsole {
    /// Which.
    pub(crate) vendor: VendorName,
    /// Its host as the configuration has it: a name, or an address without brackets.
    pub(crate) host: String,
    /// The addresses of that name, as far as it can be looked up here.
    pub(crate) addresses: Vec<IpAddr>,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    /// The consoles and firewalls of the configuration.
    pub(crate) consoles: Vec<OwnConsole>,
    /// This machine's name.
    pub(crate) name: Option<String>,
    /// The addresses by which this machine reaches its consoles, resolvers and gateways.
    pub(crate) addresses: Vec<IpAddr>,
    /// Its resolvers.
    pub(crate) resolvers: Vec<IpAddr>,
    /// Its gateways.
    pub(crate) gateways: Vec<IpAddr>,
    /// The proxies by which it reaches its consoles.
    pub(crate) proxies: Vec<Neighbour>,
}

/// A machine that this one cannot do without.
#[derive(Clone, Debug)]
pub(crate) struct Neighbour {
    /// Its name or address.
    pub(crate) host: String,
    /// The addresses of that name.
    pub(crate) addresses: Vec<IpAddr>,
}

impl Surroundings {
    /// Looks around. What cannot be found out is left out: there are machines without a gateway.
    pub(crate) async fn look(loaded: &Loaded) -> Self {
        let played = env::var_os(PLAYED).map(PathBuf::from);
        let read = |system: &str, name: &str| {
            let path = played.as_ref().map_or_else(|| PathBuf::from(system), |folder| folder.join(name));
            fs::read_to_string(path).unwrap_or_default()
        };
        let name = match &played {
            Some(_) => read("", "hostname").trim().to_owned(),
            None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        };
        let mut resolvers = resolvers(&read("/etc/resolv.conf", "resolv.conf"));
        // A stub on this machine asks others, and those are its resolvers.
        resolvers.extend(self::resolvers(&read("/run/systemd/resolve/resolv.conf", "upstream.conf")));
        let proxies = proxies().await;
        let mut gateways = gateways(&read("/proc/net/route", "route"));
        gateways.extend(gateways6(&read("/proc/net/ipv6_route", "ipv6_route")));
        let consoles = consoles(loaded).await;
        let peers = consoles.iter().flat_map(|console| &console.addresses).chain(&resolvers).chain(&gateways);
        // A machine that is played has no addresses of its own.
        let addresses: BTreeSet<IpAddr> =
            if played.is_some() { BTreeSet::new() } else { peers.filter_map(|peer| towards(*peer).ok()).collect() };
        Self {
            consoles,
            name: Some(name).filter(|name| !name.is_empty() && !name.starts_with("localhost")),
            addresses: addresses.into_iter().collect(),
            resolvers,
            gateways,
            proxies,
        }
    }

    /// What of it hosts are held against.
    pub(crate) fn guarded(&self) -> Vec<Guarded> {
        let mut guarded = Vec::new();
        let mut add = |pattern: Pattern, what: String| {
            guarded.push(Guarded { pattern, built_in: Some(what.into()) });
        };
        for console in &self.consoles {
            let what = format!("the console of `[{}]`", console.vendor);
            // The name of a console in the cloud is no host's name, and its first part may well be one.
            let in_the_cloud = !console.addresses.is_empty() && console.addresses.iter().all(|it| is_public(*it));
            let is_address = console.host.parse::<IpAddr>().is_ok();
            let named = !in_the_cloud && !is_address && !console.host.starts_with("localhost");
            if let Some(name) = named.then(|| Pattern::of_name(&console.host).ok()).flatten() {
                add(name, what.clone());
            }
            for address in console.addresses.iter().filter(|it| tells_apart(**it)) {
                add(Pattern::Address(address.to_canonical()), what.clone());
            }
        }
        for proxy in &self.proxies {
            let is_address = proxy.host.parse::<IpAddr>().is_ok();
            let name = (!is_address).then(|| Pattern::of_name(&proxy.host).ok()).flatten();
            name.into_iter().for_each(|name| add(name, "a proxy of this machine".to_owned()));
            for address in proxy.addresses.iter().filter(|it| tells_apart(**it)) {
                add(Pattern::Address(address.to_canonical()), "a proxy of this machine".to_owned());
            }
        }
        if let Some(name) = self.name.as_ref().and_then(|name| Pattern::of_name(name).ok()) {
            add(name, "the machine that this runs on".to_owned());
        }
        let of_addresses = [
            (&self.addresses, "the machine that this runs on"),
            (&self.resolvers, "a resolver of this machine"),
            (&self.gateways, "a gateway of this machine"),
        ];
        for (addresses, what) in of_addresses {
            for address in addresses.iter().filter(|it| tells_apart(**it)) {
                add(Pattern::Address(address.to_canonical()), what.to_owned());
            }
        }
        guarded
    }
}

/// Whether an address is of one host alone: every host has a loopback.
fn tells_apart(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !(address.is_loopback() || address.is_unspecified() || address.is_multicast() || is_link_local)
}

fn is_public(address: IpAddr) -> bool {
    tells_apart(address)
        && match address.to_canonical() {
            IpAddr::V4(address) => !address.is_private(),
            IpAddr::V6(address) => !address.is_unique_local(),
        }
}

/// The address of this machine that the way to another one begins at. Nothing is sent for it.
fn towards(peer: IpAddr) -> io::Result<IpAddr> {
    let any: IpAddr = if peer.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.connect(SocketAddr::new(peer, 443))?;
    Ok(socket.local_addr()?.ip())
}

/// The hosts of every console that is configured. They are looked up side by side.
async fn consoles(loaded: &Loaded) -> Vec<OwnConsole> {
    let urls = loaded
        .consoles()
        .into_iter()
        .flat_map(|vendor| loaded.console_urls(vendor).into_iter().map(move |url| (vendor, url)));
    let hosts: BTreeSet<(VendorName, String)> = urls
        .filter_map(|(vendor, url)| {
            Some((vendor, url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned()))
        })
        .collect();
    let looked_up = hosts.into_iter().map(|(vendor, host)| async move {
        let addresses = addresses_of(&host).await;
        OwnConsole { vendor, host, addresses }
    });
    futures::future::join_all(looked_up).await
}

/// The addresses of a host, as far as it can be looked up here. A name that cannot be protects itself, at least.
async fn addresses_of(host: &str) -> Vec<IpAddr> {
    if let Ok(address) = host.parse() {
        return vec![address];
    }
    match tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, 443))).await {
        Ok(Ok(addresses)) => addresses.map(|address| address.ip()).collect(),
        _ => Vec::new(),
    }
}

/// The proxies that the environment names.
async fn proxies() -> Vec<Neighbour> {
    let hosts: BTreeSet<String> = PROXIES.iter().filter_map(|name| host_of_proxy(&env::var(name).ok()?)).collect();
    let looked_up = hosts.into_iter().map(|host| async move {
        let addresses = addresses_of(&host).await;
        Neighbour { host, addresses }
    });
    futures::future::join_all(looked_up).await
}

/// The variables that name a proxy.
const PROXIES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// The host of a proxy, which may be written without a scheme.
fn host_of_proxy(text: &str) -> Option<String> {
    let text = text.trim();
    let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = crate::http::Url::parse(&url).ok()?;
    Some(url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned())
}

/// The resolvers of this machine, out of `resolv.conf`.
fn resolvers(text: &str) -> Vec<IpAddr> {
    let addresses = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next().filter(|word| *word == "nameserver").and_then(|_| words.next())?;
        address.split('%').next()?.parse::<IpAddr>().ok()
    });
    addresses.collect()
}

/// The gateways of this machine, out of `/proc/net/route`.
fn gateways(text: &str) -> Vec<IpAddr> {
    let addresses = text.lines().skip(1).filter_map(|line| {
        let gateway = u32::from_str_radix(line.split_whitespace().nth(2)?, 16).ok()?;
        // As the kernel keeps it: the bytes of the address in order, read as a number of this machine.
        (gateway != 0).then(|| IpAddr::V4(Ipv4Addr::from(gateway.to_ne_bytes())))
    });
    addresses.collect()
}

/// The same for IPv6, out of `/proc/net/ipv6_route`.
fn gateways6(text: &str) -> Vec<IpAddr> {
    let addresses = text.lines().filter_map(|line| {
        let gateway = u128::from_str_radix(line.split_whitespace().nth(4)?, 16).ok()?;
        (gateway != 0).then(|| IpAddr::V6(Ipv6Addr::from(gateway)))
    });
    addresses.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn resolvers_and_gateways_are_read_from_where_the_system_keeps_them() {
        let text =
            "# made by hand\nsearch corp.example\nnameserver 203.0.113.1\nnameserver 2001:db8::1%eth0\noptions x\n";
        assert_eq!(resolvers(text), [ip("203.0.113.1"), ip("2001:db8::1")]);
        let text =
            "Iface\tDestination\tGateway \tFlags\neth0\t00000000\t027100CB\t0003\neth0\t007100CB\t00000000\t0001\n";
        if cfg!(target_endian = "little") {
            assert_eq!(gateways(text), [ip("203.0.113.2")]);
        }
        let text = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000400 00000000 00000000 00000003 eth0\n";
        assert_eq!(gateways6(text), [ip("2001:db8::1")]);
        assert!(resolvers("").is_empty() && gateways("").is_empty() && gateways6("nonsense").is_empty());
    }

    #[test]
    fn a_proxy_is_found_however_it_is_written() {
        for (text, host) in [
            ("http://user:secret@proxy.corp.example:3128/", "proxy.corp.example"),
            ("proxy:3128", "proxy"),
            ("socks5h://[2001:db8::8]:1080", "2001:db8::8"),
        ] {
            assert_eq!(host_of_proxy(text).as_deref(), Some(host));
        }
        assert_eq!(host_of_proxy(""), None);
    }

    #[test]
    fn what_every_host_has_protects_none() {
        let surroundings = Surroundings {
            consoles: vec![
                OwnConsole {
                    vendor: VendorName::Cisco,
                    host: "127.0.0.1".to_owned(),
                    addresses: vec![ip("127.0.0.1")],
                },
                OwnConsole {
                    vendor: VendorName::Kaspersky,
                    host: "ksc.corp.example".to_owned(),
                    addresses: vec![ip("10.9.0.4")],
                },
                // Its first part may be the name of any host.
                OwnConsole {
                    vendor: VendorName::Cybereason,
                    host: "api.cloud.example".to_owned(),
                    addresses: vec![ip("198.51.100.7")],
                },
            ],
            name: Some("jump01".to_owned()),
            addresses: vec![ip("10.9.0.3")],
            resolvers: vec![ip("127.0.0.53"), ip("10.9.0.1")],
            gateways: vec![ip("fe80::1"), ip("10.9.0.254")],
            proxies: vec![Neighbour { host: "proxy.corp.example".to_owned(), addresses: vec![ip("10.9.0.8")] }],
        };
        let told: Vec<String> = surroundings.guarded().iter().map(|guarded| guarded.pattern.to_string()).collect();
        assert_eq!(
            told,
            [
                "ksc.corp.example",
                "10.9.0.4",
                "198.51.100.7",
                "proxy.corp.example",
                "10.9.0.8",
                "jump01",
                "10.9.0.3",
                "10.9.0.1",
                "10.9.0.254"
            ]
        );
    }
}

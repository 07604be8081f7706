//! A host as a console knows it, and the state of its isolation.

use std::{borrow::Cow, fmt, net::IpAddr, sync::Arc};

/// A console's own name for a host, opaque to everything but that console's module.
///
/// Shares its text with whatever it was made from, because a run may hold a million of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(Arc<str>);

impl HostId {
    /// Wraps an id that its console's module has already validated.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An IEEE 802 MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Where a host stands between the network and isolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isolation {
    /// On the network.
    NotIsolated,
    /// On the network; the console has been asked to cut it off.
    Isolating,
    /// Off the network.
    Isolated,
    /// Off the network; the console has been asked to put it back.
    Releasing,
    /// The console used a word that this version does not know, or none.
    Unknown,
}

/// The state of a host: what it means, and the console's own word for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostState {
    /// What the word means.
    pub isolation: Isolation,
    /// The console's own word.
    pub word: Cow<'static, str>,
}

/// A host as found in a console's inventory.
#[derive(Clone, Debug)]
pub struct Host {
    /// The console's id of it.
    pub id: HostId,
    /// Its name as registered, with or without a domain.
    pub name: Option<Box<str>>,
    /// The addresses of its own interfaces; never the address that a gateway lends it.
    pub addresses: Vec<IpAddr>,
    /// The MAC addresses of its interfaces.
    pub macs: Vec<MacAddr>,
    /// Its state of isolation, if the inventory tells it.
    pub state: Option<HostState>,
    /// Whether the console says that this host can be isolated; `None` where it does not say.
    pub capable: Option<bool>,
    /// When the console last heard of it, as the console writes it.
    pub last_seen: Option<Box<str>>,
    /// The operating system, as the console writes it.
    pub os: Option<Box<str>>,
    /// The name of its group or policy.
    pub group: Option<Box<str>>,
}

/// Strips the domain from a host name: `web01.corp.example` is `web01`.
pub fn short_name(name: &str) -> &str {
    name.split_once('.').map_or(name, |(short, _)| short)
}

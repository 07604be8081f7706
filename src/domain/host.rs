//! A host as a console knows it, and the state of its isolation.

use std::{
    borrow::Cow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    net::IpAddr,
    sync::Arc,
};

use super::action::ActionKind;

/// A console's own name for a host, opaque to everything but that console's module.
///
/// Keeps the console's spelling, because only that is sure to be understood when it is sent back. Two ids that differ in
/// the case of ASCII letters alone are the same id: people copy ids from tools that change it, and no console gives out
/// two such ids.
///
/// Shares its text with whatever it was made from, because a run may hold a million of them.
#[derive(Clone, Debug)]
pub struct HostId(Arc<str>);

impl PartialEq for HostId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for HostId {}

impl PartialOrd for HostId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HostId {
    fn cmp(&self, other: &Self) -> Ordering {
        let lower = |id: &Self| id.0.as_bytes().iter().map(u8::to_ascii_lowercase).collect::<Vec<_>>();
        if self == other { Ordering::Equal } else { lower(self).cmp(&lower(other)) }
    }
}

impl Hash for HostId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Eight bytes at a time: a hasher is slow at many small writes, and there may be a million ids.
        for chunk in self.0.as_bytes().chunks(8) {
            let word = chunk.iter().fold(0_u64, |word, byte| word << 8 | u64::from(byte.to_ascii_lowercase()));
            state.write_u64(word);
        }
        state.write_usize(self.0.len());
    }
}

impl HostId {
    /// Wraps an id in the spelling of its console.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the console gave the host none: then nothing can be done to it.
    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
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
    /// An indicator that the firewall drops.
    Blocked,
    /// An indicator that the firewall does not know.
    NotBlocked,
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
    /// Its other names, at a console that knows a host by several: any of them names it.
    pub aliases: Box<[Box<str>]>,
    /// Its domain, at a console that keeps names without one: empty where it knows none. `None` where the name itself
    /// has the domain, if any.
    pub domain: Option<Box<str>>,
    /// The addresses of its own interfaces; never the address that a gateway lends it.
    pub addresses: Vec<IpAddr>,
    /// Whether the console lists an address that could not be read: then `addresses` may not be all of them.
    pub more_addresses: bool,
    /// The MAC addresses of its interfaces.
    pub macs: Vec<MacAddr>,
    /// Its state of isolation, if the inventory tells it.
    pub state: Option<HostState>,
    /// What the console says can be done to it.
    pub able: Abilities,
    /// What speaks against the host's doing what it is told, where the console tells it.
    pub caution: Option<Box<str>>,
    /// Whether the console is in touch with it now, where it says so.
    pub online: Option<bool>,
    /// When the console last heard of it, as the console writes it.
    pub last_seen: Option<Box<str>>,
    /// The operating system, as the console writes it.
    pub os: Option<Box<str>>,
    /// The name of its group or policy.
    pub group: Option<Box<str>>,
    /// The product whose agent this is, at a console that may know one machine by several agents.
    pub product: Option<Box<str>>,
}

/// What a console says can be done to a host; `None` where it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Whether it can be cut off.
    pub isolate: Option<bool>,
    /// Whether it can be put back.
    pub release: Option<bool>,
}

impl Abilities {
    /// Whether an action can be done.
    pub const fn of(self, kind: ActionKind) -> Option<bool> {
        match kind {
            ActionKind::Isolate | ActionKind::Block => self.isolate,
            ActionKind::Unisolate | ActionKind::Unblock => self.release,
            // Where there are tasks, isolation is one of them.
            ActionKind::Task => self.isolate,
        }
    }
}

/// Strips the domain from a host name: `web01.corp.example` is `web01`.
pub fn short_name(name: &str) -> &str {
    name.split_once('.').map_or(name, |(short, _)| short)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, hash::BuildHasher as _};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_keeps_its_spelling_and_is_the_same_in_any_case() {
        let upper = HostId::new("6A1C0F52-7B3D-4E88-9A41-0D5E2C7F1B90");
        let lower = HostId::new("6a1c0f52-7b3d-4e88-9a41-0d5e2c7f1b90");
        assert_eq!(upper, lower);
        assert_eq!(upper.as_str(), "6A1C0F52-7B3D-4E88-9A41-0D5E2C7F1B90");
        assert_eq!(HashSet::from([upper, lower]).len(), 1);
        assert_ne!(HostId::new("a"), HostId::new("b"));
        assert_ne!(HostId::new("É"), HostId::new("é"), "letters beyond ASCII are told apart");
    }

    proptest! {
        #[test]
        fn equality_order_and_hash_agree(a in "[aAbB0-]{0,20}", b in "[aAbB0-]{0,20}") {
            let hasher = std::collections::hash_map::RandomState::new();
            let (one, two) = (HostId::new(a.as_str()), HostId::new(b.as_str()));
            let same = a.eq_ignore_ascii_case(&b);
            prop_assert_eq!(one == two, same);
            prop_assert_eq!(one.cmp(&two) == Ordering::Equal, same);
            if same {
                prop_assert_eq!(hasher.hash_one(&one), hasher.hash_one(&two));
            }
        }
    }
}

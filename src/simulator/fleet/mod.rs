//! The hosts of a simulated console as they stand when it starts.
//!
//! What is not said of a host is made up from its id and its number whenever it is asked for, so that a million hosts
//! fit into a few dozen megabytes. What happens to hosts is not here but in [`Truth`](super::Truth).

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use jiff::Timestamp;

use super::{Model, guid::Guid};
use crate::domain::host::{Isolation, MacAddr};

pub(super) mod agents;
mod json;
mod made_up;
pub(super) mod managed;
pub(super) mod pylum;
mod read;

use agents::SaidAgent;
use managed::SaidManaged;
pub use read::FleetError;

/// Hosts, and what was said of them.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    guids: Vec<Guid>,
    /// Numbers of hosts, sorted by their ids.
    by_guid: Vec<u32>,
    said: HashMap<u32, Said>,
    /// Hashes of all names and addresses that were said, so that none is made up a second time.
    taken: HashSet<u64>,
    groups: Vec<Box<str>>,
    model: Model,
    /// Where the host of each id is, for a console whose ids are made of names and cards.
    by_pylum: Option<HashMap<Box<str>, u32>>,
}

/// What a target file says of one host that must be in the fleet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// The console's id of it; derived from the rest if it is not given.
    pub id: Option<&'a str>,
    /// Its name.
    pub name: Option<&'a str>,
    /// Its address.
    pub ip: Option<IpAddr>,
    /// Its MAC address.
    pub mac: Option<MacAddr>,
    /// Whether it is off the network at the start: hosts that are to be put back are.
    pub isolated: bool,
}

/// What was said of one host, beyond its id.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) name: Option<Box<str>>,
    pub(super) ip: Option<IpAddr>,
    pub(super) mac: Option<MacAddr>,
    pub(super) state: Isolation,
    pub(super) available: bool,
    pub(super) last_seen: Option<Timestamp>,
    pub(super) group: Option<u8>,
    pub(super) agent: Option<Box<SaidAgent>>,
    pub(super) managed: Option<Box<SaidManaged>>,
}

impl Default for Said {
    fn default() -> Self {
        Self {
            name: None,
            ip: None,
            mac: None,
            state: Isolation::NotIsolated,
            available: true,
            last_seen: None,
            group: None,
            agent: None,
            managed: None,
        }
    }
}

impl Fleet {
    /// Makes up `count` hosts: the same ones each time.
    pub fn of_size(count: u32) -> Self {
        let mut fleet =
            Self { guids: (0..count).map(|number| Guid::of_number(number.into())).collect(), ..Self::default() };
        fleet.index();
        fleet
    }

    /// Makes the hosts that targets name; targets that name the same host make one.
    ///
    /// # Errors
    ///
    /// [`FleetError::Nothing`] for a target that names nothing.
    pub fn of_targets<'a>(targets: impl IntoIterator<Item = Wanted<'a>>) -> Result<Self, FleetError> {
        let mut fleet = Self::default();
        for (number, wanted) in targets.into_iter().enumerate() {
            let guid = match wanted.id {
                Some(id) => Guid::of_text(id),
                None => derive(&wanted).ok_or(FleetError::Nothing { line: number as u64 + 1 })?,
            };
            let state = if wanted.isolated { Isolation::Isolated } else { Isolation::NotIsolated };
            // An id of the usual form is spelt as the console spells its ids.
            let odd = wanted.id.filter(|id| Guid::parse(id).is_none());
            let agent = odd.map(|id| Box::new(SaidAgent { id: Some(id.into()), ..SaidAgent::default() }));
            let name = wanted.name.map(Into::into);
            let said = Said { name, ip: wanted.ip, mac: wanted.mac, state, agent, ..Said::default() };
            fleet.add(guid, said)?;
        }
        fleet.guids.shrink_to_fit();
        fleet.index();
        fleet.drop_repeated();
        Ok(fleet)
    }

    /// How many hosts there are.
    pub fn len(&self) -> usize {
        self.guids.len()
    }

    /// Whether there is no host at all.
    pub fn is_empty(&self) -> bool {
        self.guids.is_empty()
    }

    pub(super) fn guid(&self, number: u32) -> Guid {
        self.guids.get(number as usize).copied().unwrap_or(Guid(0))
    }

    pub(super) fn said(&self, number: u32) -> Option<&Said> {
        self.said.get(&number)
    }

    pub(super) fn groups(&self) -> &[Box<str>] {
        &self.groups
    }

    /// The number of a host.
    pub(super) fn find(&self, guid: Guid) -> Option<u32> {
        let at = self.by_guid.binary_search_by(|number| self.guid(*number).cmp(&guid)).ok()?;
        self.by_guid.get(at).copied()
    }

    /// The number of the host that its console calls this, in any case.
    pub(super) fn find_text(&self, id: &str) -> Option<u32> {
        match &self.by_pylum {
            Some(known) => known.get(id.to_lowercase().as_str()).copied(),
            None => self.find(Guid::of_text(id)),
        }
    }

    /// Adds one host to a fleet that is already indexed; `None` if it is there.
    pub(super) fn insert(&mut self, guid: Guid, said: Said) -> Option<u32> {
        let at = self.by_guid.binary_search_by(|number| self.guid(*number).cmp(&guid)).err()?;
        let number = u32::try_from(self.guids.len()).ok()?;
        self.add(guid, said).ok()?;
        self.by_guid.insert(at, number);
        let id = self.by_pylum.is_some().then(|| self.id(number).to_lowercase());
        if let (Some(known), Some(id)) = (&mut self.by_pylum, id) {
            known.insert(id.into(), number);
        }
        Some(number)
    }

    /// Adds a second registration of each of the first `count` hosts: the same name under another id.
    pub(super) fn duplicate_names(&mut self, count: u32, last_seen: Timestamp) {
        for number in 0..count.min(u32::try_from(self.guids.len()).unwrap_or(u32::MAX)) {
            let name = self.name(number);
            let guid = Guid::derived("registered before", &self.guid(number).to_string());
            let said = Said { name: Some(name.as_str().into()), last_seen: Some(last_seen), ..Said::default() };
            // From now on this name is said of the first one too, not made up.
            self.said.entry(number).or_default().name = Some(name.into());
            self.insert(guid, said);
        }
    }

    fn add(&mut self, guid: Guid, said: Said) -> Result<(), FleetError> {
        let number = u32::try_from(self.guids.len()).map_err(|_| FleetError::TooMany)?;
        self.guids.push(guid);
        if said.is_something() {
            self.take(&said);
            self.said.insert(number, said);
        }
        Ok(())
    }

    fn index(&mut self) {
        self.by_guid = (0..u32::try_from(self.guids.len()).unwrap_or(u32::MAX)).collect();
        let guids = &self.guids;
        self.by_guid.sort_unstable_by_key(|number| (guids.get(*number as usize).copied(), *number));
    }

    /// The first of several hosts with one id stays, and learns what the others say.
    fn drop_repeated(&mut self) {
        let mut repeated: HashMap<u32, u32> = HashMap::new();
        let mut kept: Option<u32> = None;
        for number in &self.by_guid {
            match kept {
                Some(first) if self.guid(first) == self.guid(*number) => {
                    repeated.insert(*number, first);
                }
                _ => kept = Some(*number),
            }
        }
        if repeated.is_empty() {
            return;
        }
        let old = std::mem::take(self);
        let mut said = old.said;
        let mut others: Vec<_> =
            repeated.iter().filter_map(|(number, first)| Some((*first, said.remove(number)?))).collect();
        for (first, other) in others.drain(..) {
            said.entry(first).or_default().learn(other);
        }
        self.groups = old.groups;
        self.model = old.model;
        for (number, guid) in (0_u32..).zip(old.guids) {
            if !repeated.contains_key(&number) {
                let said = said.remove(&number).unwrap_or_default();
                // Fewer hosts than before: their number fits.
                if self.add(guid, said).is_err() {
                    break;
                }
            }
        }
        self.index();
    }
}

impl Said {
    fn is_something(&self) -> bool {
        self.name.is_some()
            || self.ip.is_some()
            || self.mac.is_some()
            || self.state != Isolation::NotIsolated
            || !self.available
            || self.last_seen.is_some()
            || self.group.is_some()
            || self.agent.is_some()
            || self.managed.is_some()
    }

    fn learn(&mut self, other: Self) {
        self.name = self.name.take().or(other.name);
        self.ip = self.ip.or(other.ip);
        self.mac = self.mac.or(other.mac);
        self.agent = self.agent.take().or(other.agent);
        self.managed = self.managed.take().or(other.managed);
    }
}

/// The id of a host that was named without one.
fn derive(wanted: &Wanted<'_>) -> Option<Guid> {
    if let Some(name) = wanted.name {
        return Some(Guid::derived("name", &name.to_lowercase()));
    }
    if let Some(ip) = wanted.ip {
        return Some(Guid::derived("ip", &ip.to_string()));
    }
    wanted.mac.map(|mac| Guid::derived("mac", &mac.to_string()))
}

#[cfg(test)]
mod tests;

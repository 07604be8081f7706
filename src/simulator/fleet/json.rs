//! Reads a fleet from a JSON file: the records of Apex Central's list, and what the simulator is to make of them.

use serde::Deserialize;

use super::{
    Fleet, FleetError, Said,
    agents::{Capability, SaidAgent},
    managed::SaidManaged,
};
use crate::{
    domain::{
        host::Isolation,
        selector::{parse_ip, parse_mac},
    },
    simulator::guid::Guid,
};

/// One agent, in the words of the list; what is missing is made up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    entity_id: Option<Box<str>>,
    product: Option<Box<str>>,
    managing_server_id: Option<Box<str>>,
    ad_domain: Option<Box<str>>,
    folder_path: Option<Box<str>>,
    ip_address_list: Option<Box<str>>,
    mac_address_list: Option<Box<str>>,
    host_name: Option<Box<str>>,
    #[serde(default)]
    isolation_status: Status,
    capabilities: Option<Box<[Capability]>>,
    /// The name that a Security Center shows.
    display_name: Option<Box<str>>,
    /// Whether a Security Center has its agent there.
    agent: Option<bool>,
    /// The version of the protection.
    version: Option<Box<str>>,
    /// The operating system.
    os: Option<Box<str>>,
    /// It stays pending.
    #[serde(default)]
    offline: bool,
    /// The code that every action on it earns.
    answers: Option<i32>,
    /// So many actions on it earn -104.
    #[serde(default)]
    down_for: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    #[default]
    Normal,
    EndpointIsolationPending,
    Isolated,
    ConnectionRestorationPending,
    NotSupported,
}

impl Fleet {
    /// Reads the text of a JSON file.
    pub(super) fn from_json(text: &str) -> Result<Self, FleetError> {
        let agents: Vec<Written> = serde_json::from_str(text)
            .map_err(|error| FleetError::Json { line: error.line() as u64, what: error.to_string() })?;
        let mut fleet = Self::default();
        for (number, written) in (1_u64..).zip(agents) {
            if written.answers.is_some_and(|code| code >= 0) {
                return Err(FleetError::BadCode { number });
            }
            let (guid, said) = written.host().ok_or(FleetError::NothingOfAgent { number })?;
            fleet.add(guid, said)?;
        }
        let count = fleet.len();
        fleet.index();
        fleet.drop_repeated();
        if fleet.len() == count { Ok(fleet) } else { Err(FleetError::Repeated) }
    }
}

impl Written {
    fn host(self) -> Option<(Guid, Said)> {
        let first = |list: &Option<Box<str>>| {
            let first = list.as_deref()?.split(',').map(str::trim).next()?;
            (!first.is_empty()).then(|| first.to_owned())
        };
        let guid = match (&self.entity_id, &self.host_name) {
            (Some(id), _) => Guid::of_text(id),
            (None, Some(name)) if !name.is_empty() => Guid::derived("name", &name.to_lowercase()),
            _ => return None,
        };
        let state = match self.isolation_status {
            Status::Isolated | Status::ConnectionRestorationPending => Isolation::Isolated,
            _ => Isolation::NotIsolated,
        };
        let changing =
            matches!(self.isolation_status, Status::EndpointIsolationPending | Status::ConnectionRestorationPending);
        let said = Said {
            ip: first(&self.ip_address_list).and_then(|ip| parse_ip(ip.split('%').next().unwrap_or_default())),
            mac: first(&self.mac_address_list).and_then(|mac| parse_mac(&mac, true)),
            name: self.host_name,
            state,
            available: self.isolation_status != Status::NotSupported,
            agent: Some(Box::new(SaidAgent {
                id: self.entity_id,
                product: self.product,
                server: self.managing_server_id,
                domain: self.ad_domain,
                folder: self.folder_path,
                addresses: self.ip_address_list,
                macs: self.mac_address_list,
                capabilities: self.capabilities,
                changing,
                offline: self.offline,
                answers: self.answers,
                down_for: self.down_for,
            })),
            managed: Some(Box::new(SaidManaged {
                display: self.display_name,
                agentless: self.agent == Some(false),
                version: self.version,
                system: self.os,
            })),
            ..Said::default()
        };
        Some((guid, said))
    }
}

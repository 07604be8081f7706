//! What Apex Central knows of a host beyond what every console knows, said or made up.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Fleet;
use crate::simulator::{Model, guid::Guid};

/// The product of every agent of which no other was said.
pub(in crate::simulator) const AGENT_PRODUCT: &str = "SLF_PRODUCT_OFFICESCAN_CE";

/// What was said of one agent.
#[derive(Clone, Debug, Default)]
pub(in crate::simulator) struct SaidAgent {
    /// The id as it was said, if it is not of the usual form.
    pub(in crate::simulator) id: Option<Box<str>>,
    pub(in crate::simulator) product: Option<Box<str>>,
    pub(in crate::simulator) server: Option<Box<str>>,
    pub(in crate::simulator) domain: Option<Box<str>>,
    pub(in crate::simulator) folder: Option<Box<str>>,
    /// Addresses, as the list has them: one text with commas.
    pub(in crate::simulator) addresses: Option<Box<str>>,
    pub(in crate::simulator) macs: Option<Box<str>>,
    pub(in crate::simulator) capabilities: Option<Box<[Capability]>>,
    /// Whether it was changing at the start.
    pub(in crate::simulator) changing: bool,
    /// Whether it confirms nothing.
    pub(in crate::simulator) offline: bool,
    /// The code that every action on it earns.
    pub(in crate::simulator) answers: Option<i32>,
    /// So many actions on it are refused, because its server does not answer.
    pub(in crate::simulator) down_for: u32,
}

/// What can be asked of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::simulator) enum Capability {
    #[serde(rename = "cmd_isolate_agent")]
    Isolate,
    #[serde(rename = "cmd_restore_isolated_agent")]
    Restore,
    #[serde(rename = "cmd_relocate_agent")]
    Relocate,
    #[serde(rename = "cmd_uninstall_agent")]
    Uninstall,
}

impl Capability {
    pub(in crate::simulator) const ALL: [Self; 4] = [Self::Isolate, Self::Restore, Self::Relocate, Self::Uninstall];

    /// Reads the word of an action.
    pub(in crate::simulator) fn from_word(word: &str) -> Option<Self> {
        match word {
            "cmd_isolate_agent" => Some(Self::Isolate),
            "cmd_restore_isolated_agent" => Some(Self::Restore),
            "cmd_relocate_agent" => Some(Self::Relocate),
            "cmd_uninstall_agent" => Some(Self::Uninstall),
            _ => None,
        }
    }
}

impl Fleet {
    /// Tells which console has this fleet: each spells ids and made-up names in its own way.
    pub(in crate::simulator) fn serve_at(&mut self, model: Model) {
        self.model = model;
        self.by_pylum = (model == Model::Cybereason).then(|| {
            let numbers = 0..u32::try_from(self.len()).unwrap_or(u32::MAX);
            numbers.map(|number| (self.id(number).to_lowercase().into(), number)).collect()
        });
    }

    /// The id of a host, as its console spells it.
    pub(in crate::simulator) fn id(&self, number: u32) -> String {
        if let Some(id) = self.agent(number).and_then(|agent| agent.id.as_deref()) {
            return id.to_owned();
        }
        let id = self.guid(number).to_string();
        match self.model {
            Model::ApexCentral => id.to_uppercase(),
            Model::Cybereason => self.pylum_id(number),
            Model::Cisco | Model::Kaspersky | Model::Fortigate => id,
        }
    }

    pub(in crate::simulator) fn agent(&self, number: u32) -> Option<&SaidAgent> {
        self.said(number)?.agent.as_deref()
    }

    pub(in crate::simulator) fn product(&self, number: u32) -> &str {
        self.agent(number).and_then(|agent| agent.product.as_deref()).unwrap_or(AGENT_PRODUCT)
    }

    /// The id of the server that manages an agent, as it was at the start.
    pub(in crate::simulator) fn server(&self, number: u32) -> Cow<'_, str> {
        match self.agent(number).and_then(|agent| agent.server.as_deref()) {
            Some(server) => server.into(),
            None => made_up_server(0).into(),
        }
    }

    pub(in crate::simulator) fn ad_domain(&self, number: u32) -> &str {
        self.agent(number).and_then(|agent| agent.domain.as_deref()).unwrap_or_default()
    }

    /// The folder of an agent, as it was at the start.
    pub(in crate::simulator) fn folder(&self, number: u32) -> &str {
        let said = self.agent(number).and_then(|agent| agent.folder.as_deref());
        said.unwrap_or_else(|| self.group(number).name)
    }

    /// All addresses of an agent, with commas.
    pub(in crate::simulator) fn addresses(&self, number: u32) -> Cow<'_, str> {
        match self.agent(number).and_then(|agent| agent.addresses.as_deref()) {
            Some(addresses) => addresses.into(),
            None => self.ip(number).to_string().into(),
        }
    }

    /// All MAC addresses of an agent, with commas.
    pub(in crate::simulator) fn macs(&self, number: u32) -> Cow<'_, str> {
        match self.agent(number).and_then(|agent| agent.macs.as_deref()) {
            Some(macs) => macs.into(),
            None => self.mac(number).to_string().replace(':', "-").to_uppercase().into(),
        }
    }

    /// Every server: those that were said, then two that are always there.
    pub(in crate::simulator) fn servers(&self) -> Vec<Cow<'_, str>> {
        let mut servers: Vec<Cow<'_, str>> = Vec::new();
        let said = self.said.values().filter_map(|said| said.agent.as_ref()?.server.as_deref());
        for server in said {
            if !servers.iter().any(|known| known.eq_ignore_ascii_case(server)) {
                servers.push(server.into());
            }
        }
        servers.sort();
        servers.extend((0..2).map(|number| made_up_server(number).into()));
        servers
    }
}

fn made_up_server(number: u32) -> String {
    Guid::derived("server", &number.to_string()).to_string().to_uppercase()
}

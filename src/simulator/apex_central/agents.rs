//! Lists of agents and of servers.

use std::{borrow::Cow, time::Duration};

use serde::Serialize;

use super::{
    ApexCentral,
    envelope::Reply,
    route::Route,
    selectors::{Selectors, has_address, name_fits},
};
use crate::{
    domain::host::{Isolation, short_name},
    simulator::{
        faults::{Deed, UnknownFilter},
        fleet::agents::{AGENT_PRODUCT, Capability},
        truth::{Inner, Truth},
    },
};

/// The number that stands for Apex One in the second form of the list.
const APEX_ONE: u32 = 15;

/// An agent, as the console tells it.
#[derive(Serialize)]
pub(super) struct Record<'a> {
    entity_id: String,
    product: &'a str,
    managing_server_id: Cow<'a, str>,
    ad_domain: &'a str,
    folder_path: Cow<'a, str>,
    ip_address_list: Cow<'a, str>,
    mac_address_list: Cow<'a, str>,
    host_name: String,
    isolation_status: &'static str,
    capabilities: &'a [Capability],
}

/// An agent in the second form of the list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecondRecord<'a> {
    #[serde(rename = "endpointID")]
    endpoint_id: String,
    endpoint_host: String,
    #[serde(rename = "endpointIP")]
    endpoint_ip: Cow<'a, str>,
    #[serde(rename = "endpointMAC")]
    endpoint_mac: Cow<'a, str>,
    product: u32,
    #[serde(rename = "managingServerID")]
    managing_server_id: Cow<'a, str>,
    ad_domain: &'a str,
    domain: Cow<'a, str>,
    platform: &'static str,
    isolation_status: &'static str,
    capabilities: &'a [Capability],
}

/// A server, as the console tells it.
#[derive(Serialize)]
struct Server<'a> {
    entity_id: Cow<'a, str>,
    product: &'static str,
    ad_domain: &'static str,
    ip_address_list: String,
    host_name: String,
    capabilities: [&'static str; 1],
}

impl ApexCentral {
    /// Lists the agents that fit all parameters.
    pub(super) fn list(&self, route: &Route, deed: Option<&Deed>) -> Reply {
        let settings = &self.faults.apex;
        let selectors = Selectors::of_query(&route.parameters);
        let nothing = selectors.unknown && settings.unknown_filter == UnknownFilter::Empty;
        let inner = self.truth.lock();
        let numbers =
            if nothing { Vec::new() } else { selectors.matches(&self.truth, &inner, settings.host_name_match) };
        let numbers = self.bend(&inner, numbers, deed);
        Reply::content(&self.records(&inner, &numbers))
    }

    /// Lists all agents in the second form, of which only the unfiltered list is known.
    pub(super) fn second_list(&self) -> Reply {
        let inner = self.truth.lock();
        let records: Vec<_> = self.truth.agents(&inner).map(|number| self.second_record(&inner, number)).collect();
        Reply::content(&records)
    }

    /// Lists the servers that fit all parameters.
    pub(super) fn servers(&self, route: &Route) -> Reply {
        let settings = &self.faults.apex;
        let wanted = Selectors::of_query(&route.parameters);
        let nothing = wanted.unknown && settings.unknown_filter == UnknownFilter::Empty;
        let fits = |wanted: &Option<String>, judge: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(judge);
        let inner = self.truth.lock();
        let servers = inner.fleet.servers().into_iter().zip(1..).map(|(entity_id, number)| Server {
            entity_id,
            product: AGENT_PRODUCT,
            ad_domain: "",
            ip_address_list: format!("10.19.0.{}", number % 250),
            host_name: format!("APEXONE-{number:02}"),
            capabilities: ["cmd_deploy_update_sources"],
        });
        let fitting = servers.filter(|server| {
            !nothing
                && fits(&wanted.entity_id, &|wanted| server.entity_id.eq_ignore_ascii_case(wanted))
                && fits(&wanted.product, &|wanted| server.product.eq_ignore_ascii_case(wanted))
                && fits(&wanted.host_name, &|wanted| name_fits(&server.host_name, wanted, settings.host_name_match))
                && fits(&wanted.ip_address, &|wanted| has_address(&server.ip_address_list, wanted))
        });
        Reply::content(&fitting.collect::<Vec<_>>())
    }

    /// The agents that an answer shows, if a fault does not bend it.
    pub(super) fn bend(&self, inner: &Inner, mut numbers: Vec<u32>, deed: Option<&Deed>) -> Vec<u32> {
        let other = || self.truth.agents(inner).find(|number| !numbers.contains(number));
        match deed {
            Some(Deed::Nothing) => numbers.clear(),
            Some(Deed::OtherAgent) => numbers = other().into_iter().collect(),
            Some(Deed::ExtraAgent) => {
                let other = other();
                numbers.extend(other);
            }
            _ => {}
        }
        numbers
    }

    pub(super) fn records<'a>(&self, inner: &'a Inner, numbers: &[u32]) -> Vec<Record<'a>> {
        numbers.iter().map(|number| self.record(inner, *number)).collect()
    }

    fn record<'a>(&self, inner: &'a Inner, number: u32) -> Record<'a> {
        let fleet = &inner.fleet;
        let (managing_server_id, folder_path) = self.truth.place(inner, number);
        Record {
            entity_id: fleet.id(number),
            product: fleet.product(number),
            managing_server_id,
            ad_domain: fleet.ad_domain(number),
            folder_path,
            ip_address_list: fleet.addresses(number),
            mac_address_list: fleet.macs(number),
            host_name: self.host_name(inner, number),
            isolation_status: status(&self.truth, inner, number, self.faults.apex.list_lag.0),
            capabilities: Truth::capabilities(inner, number),
        }
    }

    fn second_record<'a>(&self, inner: &'a Inner, number: u32) -> SecondRecord<'a> {
        let first = self.record(inner, number);
        SecondRecord {
            endpoint_id: first.entity_id,
            endpoint_host: first.host_name,
            endpoint_ip: first.ip_address_list,
            endpoint_mac: first.mac_address_list,
            product: if first.product == AGENT_PRODUCT { APEX_ONE } else { 0 },
            managing_server_id: first.managing_server_id,
            ad_domain: first.ad_domain,
            domain: first.folder_path,
            platform: inner.fleet.system(number).0,
            isolation_status: first.isolation_status,
            capabilities: first.capabilities,
        }
    }

    fn host_name(&self, inner: &Inner, number: u32) -> String {
        let name = inner.fleet.name(number);
        if self.faults.apex.netbios_names { short_name(&name).to_uppercase().chars().take(15).collect() } else { name }
    }
}

/// The console's word for a state.
fn status(truth: &Truth, inner: &Inner, number: u32, lag: Duration) -> &'static str {
    if !Truth::is_available(inner, number) {
        return "not_supported";
    }
    match truth.told(inner, number, lag) {
        Isolation::NotIsolated
        | Isolation::NotTold
        | Isolation::Blocked
        | Isolation::NotBlocked
        | Isolation::Unknown => "normal",
        Isolation::Isolating => "endpoint_isolation_pending",
        Isolation::Isolated => "isolated",
        Isolation::Releasing => "connection_restoration_pending",
    }
}

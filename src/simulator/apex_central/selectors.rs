//! Which agents or servers a request is for.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::envelope::Code;
use crate::simulator::{
    faults::Names,
    guid::Guid,
    truth::{Inner, Truth},
};

/// What the agents have to fit, all of it; what is absent fits every agent.
#[derive(Clone, Debug, Default)]
pub(super) struct Selectors {
    pub(super) entity_id: Option<String>,
    pub(super) ip_address: Option<String>,
    pub(super) mac_address: Option<String>,
    pub(super) host_name: Option<String>,
    pub(super) product: Option<String>,
    pub(super) managing_server_id: Option<String>,
    /// Whether something was asked that this console does not know.
    pub(super) unknown: bool,
}

impl Selectors {
    /// From the parameters of a list.
    pub(super) fn of_query(parameters: &[(String, String)]) -> Self {
        let mut selectors = Self::default();
        for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
            match selectors.place(name) {
                Some(place) => *place = Some(value.clone()),
                None => selectors.unknown = true,
            }
        }
        selectors
    }

    /// From the members of an action, which cannot be chosen by server.
    pub(super) fn of_members(members: &Map<String, Value>) -> Result<Self, Code> {
        let mut selectors = Self::default();
        for (name, value) in members.iter().filter(|(name, _)| *name != "managing_server_id") {
            let Some(place) = selectors.place(name) else { continue };
            match value {
                Value::Null => {}
                Value::String(text) => *place = Some(text.clone()).filter(|text| !text.is_empty()),
                _ => return Err(Code::INVALID_PARAMETER),
            }
        }
        Ok(selectors)
    }

    fn place(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "entity_id" => Some(&mut self.entity_id),
            "ip_address" => Some(&mut self.ip_address),
            "mac_address" => Some(&mut self.mac_address),
            "host_name" => Some(&mut self.host_name),
            "product" => Some(&mut self.product),
            "managing_server_id" => Some(&mut self.managing_server_id),
            _ => None,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.entity_id.is_none()
            && self.ip_address.is_none()
            && self.mac_address.is_none()
            && self.host_name.is_none()
            && self.product.is_none()
            && self.managing_server_id.is_none()
    }

    /// The agents that fit, in the console's order. With an id it is a look-up.
    pub(super) fn matches(&self, truth: &Truth, inner: &Inner, names: Names) -> Vec<u32> {
        if let Some(id) = &self.entity_id {
            let number = inner.fleet.find(Guid::of_text(id));
            let number = number.filter(|number| !truth.is_gone(inner, *number));
            return number.filter(|number| self.fits(truth, inner, *number, names)).into_iter().collect();
        }
        truth.agents(inner).filter(|number| self.fits(truth, inner, *number, names)).collect()
    }

    /// The first agent that fits.
    pub(super) fn first(&self, truth: &Truth, inner: &Inner, names: Names) -> Option<u32> {
        if self.entity_id.is_some() {
            return self.matches(truth, inner, names).first().copied();
        }
        truth.agents(inner).find(|number| self.fits(truth, inner, *number, names))
    }

    fn fits(&self, truth: &Truth, inner: &Inner, number: u32, names: Names) -> bool {
        let fleet = &inner.fleet;
        let fits = |wanted: &Option<String>, judge: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(judge);
        fits(&self.entity_id, &|wanted| fleet.id(number).eq_ignore_ascii_case(wanted))
            && fits(&self.product, &|wanted| fleet.product(number).eq_ignore_ascii_case(wanted))
            && fits(&self.host_name, &|wanted| name_fits(&fleet.name(number), wanted, names))
            && fits(&self.ip_address, &|wanted| has_address(&fleet.addresses(number), wanted))
            && fits(&self.mac_address, &|wanted| has(&fleet.macs(number), wanted))
            && fits(&self.managing_server_id, &|wanted| truth.place(inner, number).0.eq_ignore_ascii_case(wanted))
    }
}

pub(super) fn name_fits(name: &str, wanted: &str, names: Names) -> bool {
    let (name, wanted) = (name.to_lowercase(), wanted.to_lowercase());
    match names {
        Names::Exact => name == wanted,
        Names::Prefix => name.starts_with(&wanted),
        Names::Contains => name.contains(&wanted),
    }
}

fn has(list: &str, wanted: &str) -> bool {
    list.split(',').any(|member| member.trim().eq_ignore_ascii_case(wanted.trim()))
}

/// Whether a list has an address, however both are written; a zone does not count.
pub(super) fn has_address(list: &str, wanted: &str) -> bool {
    let address = |text: &str| text.trim().split('%').next().and_then(|text| text.parse::<IpAddr>().ok());
    match address(wanted) {
        Some(wanted) => list.split(',').any(|member| address(member) == Some(wanted)),
        None => has(list, wanted),
    }
}

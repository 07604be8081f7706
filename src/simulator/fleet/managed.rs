//! What a Security Center knows of a host beyond what every console knows, said or made up.

use std::net::IpAddr;

use super::Fleet;
use crate::domain::host::short_name;

/// The version of the protection on hosts of which no other was said.
const VERSION: &str = "12.9.0.384";

/// What was said of one managed host.
#[derive(Clone, Debug, Default)]
pub(in crate::simulator) struct SaidManaged {
    /// The name that the console shows, if it is not made from the host's own.
    pub(in crate::simulator) display: Option<Box<str>>,
    /// Whether the console's agent is not installed.
    pub(in crate::simulator) agentless: bool,
    /// The version of the protection; empty: there is none.
    pub(in crate::simulator) version: Option<Box<str>>,
    /// The name of the operating system.
    pub(in crate::simulator) system: Option<Box<str>>,
}

/// The names of a managed host.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Names {
    pub(in crate::simulator) display: String,
    pub(in crate::simulator) netbios: String,
    pub(in crate::simulator) dns: String,
    pub(in crate::simulator) domain: String,
}

impl Names {
    pub(in crate::simulator) fn full(&self) -> String {
        if self.domain.is_empty() { self.dns.clone() } else { format!("{}.{}", self.dns, self.domain) }
    }
}

impl Fleet {
    fn managed(&self, number: u32) -> Option<&SaidManaged> {
        self.said(number)?.managed.as_deref()
    }

    /// The names under which a Security Center knows a host. A name with blanks is only ever shown.
    pub(in crate::simulator) fn names(&self, number: u32) -> Names {
        let name = self.name(number);
        let short = if name.contains(char::is_whitespace) { &name } else { short_name(&name) };
        let display = self.managed(number).and_then(|managed| managed.display.as_deref()).unwrap_or(short).to_owned();
        let dns: String =
            short.chars().map(|c| if c.is_whitespace() { '-' } else { c }).collect::<String>().to_lowercase();
        let domain =
            name.strip_prefix(short).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default().to_lowercase();
        let netbios = dns.to_uppercase().chars().take(15).collect();
        Names { display, netbios, dns, domain }
    }

    /// Whether the console's agent is installed on a host.
    pub(in crate::simulator) fn has_agent(&self, number: u32) -> bool {
        !self.managed(number).is_some_and(|managed| managed.agentless)
    }

    /// The version of the protection on a host, if there is any.
    pub(in crate::simulator) fn protection(&self, number: u32) -> Option<&str> {
        let said = self.managed(number).and_then(|managed| managed.version.as_deref());
        Some(said.unwrap_or(VERSION)).filter(|version| !version.is_empty() && self.has_agent(number))
    }

    /// The name of a host's operating system.
    pub(in crate::simulator) fn system_name(&self, number: u32) -> &str {
        let said = self.managed(number).and_then(|managed| managed.system.as_deref());
        said.unwrap_or_else(|| self.system(number).0.split(" (").next().unwrap_or_default())
    }

    /// Whether responses are supported: Windows, and a protection from 12.9 on.
    pub(in crate::simulator) fn takes_responses(&self, number: u32) -> bool {
        let mut parts = self.protection(number).unwrap_or_default().split('.').map(|part| part.parse::<u32>());
        let major = parts.next().and_then(Result::ok).unwrap_or_default();
        let minor = parts.next().and_then(Result::ok).unwrap_or_default();
        (major, minor) >= (12, 9) && self.system_name(number).contains("Windows")
    }

    /// The IPv4 address of a host.
    pub(in crate::simulator) fn ip_v4(&self, number: u32) -> Option<std::net::Ipv4Addr> {
        match self.ip(number) {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        }
    }
}

//! What is never blocked here: the built-in rules, what the configuration says, and this machine's own way out.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use clap::Args;

use crate::{
    cli::error::CommandError,
    config::{Loaded, SafetyConfig},
    domain::{
        failure::{Failure, FailureKind},
        indicator::{BadIndicator, Indicator},
        outcome::ExitCode,
        protect::{Match, Pattern},
        vetting::{Exception, Refusal, Rules, WIDEST_V4, WIDEST_V6},
    },
    vendors::VendorName,
};

/// For tests: lets a firewall on this very machine block the addresses and names of documents.
const OPENS_EXAMPLES: &str = "__EDRCTL_OPEN_EXAMPLES";

/// How long a name of ours may take to be looked up.
const PATIENCE: Duration = Duration::from_secs(2);

/// How wide networks may be.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Safety")]
pub(crate) struct Prefixes {
    /// Also block IPv4 networks down to this prefix, 24 to 32; single addresses only, unless it is given
    #[arg(long, value_name = "N", default_value = "32", value_parser = clap::value_parser!(u8).range(i64::from(WIDEST_V4)..=32), hide_default_value = true)]
    pub(crate) max_prefix: u8,
    /// The same for IPv6 networks, 48 to 128
    #[arg(long, value_name = "N", default_value = "128", value_parser = clap::value_parser!(u8).range(i64::from(WIDEST_V6)..=128), hide_default_value = true)]
    pub(crate) max_prefix6: u8,
}

impl Default for Prefixes {
    fn default() -> Self {
        Self { max_prefix: 32, max_prefix6: 128 }
    }
}

/// What judges every indicator before anything is sent.
pub(crate) struct Guard {
    rules: Rules,
    /// Entries of the protected list that are names: a domain may be one of them.
    names: Vec<Pattern>,
}

impl Guard {
    /// Gathers the rules of one run.
    ///
    /// # Errors
    ///
    /// [`CommandError`] if something that must be read for it cannot be: then nothing may be sent.
    pub(crate) async fn new(
        loaded: &Loaded,
        safety: &SafetyConfig,
        prefixes: Prefixes,
        vendor: VendorName,
        simulated: bool,
    ) -> Result<Self, CommandError> {
        let opens_examples = simulated || opened_by_test(loaded, vendor)?;
        let mut exceptions = safety.never_block.clone();
        let mut names = Vec::new();
        for protected in &safety.protected {
            match &protected.pattern {
                Pattern::Address(address) => {
                    exceptions.push(Exception::address(*address, Refusal::NeverBlock, protected.origin.to_string()));
                }
                Pattern::Range(range) => {
                    let of = protected.origin.to_string();
                    exceptions.extend(Exception::parse(&range.to_string(), &of).ok());
                }
                name @ Pattern::Name(_) => names.push(name.clone()),
                Pattern::Id(_) => {}
            }
        }
        exceptions.extend(consoles(loaded).await);
        exceptions.extend(resolvers(&fs::read_to_string("/etc/resolv.conf").unwrap_or_default()));
        exceptions.extend(gateways(&fs::read_to_string("/proc/net/route").unwrap_or_default()));
        exceptions.extend(gateways6(&fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default()));
        let rules =
            Rules { exceptions, prefix_v4: prefixes.max_prefix, prefix_v6: prefixes.max_prefix6, opens_examples };
        Ok(Self { rules, names })
    }

    /// Why an indicator is not blocked; `None` if it may be.
    pub(crate) fn refusal(&self, found: &Result<Indicator, BadIndicator>) -> Option<Failure> {
        let indicator = match found {
            Ok(indicator) => indicator,
            Err(error) => return Some(unreadable(*error)),
        };
        if let Err(refused) = self.rules.vet(indicator) {
            return Some(Failure::new(FailureKind::Vetted(refused.why), refused.text));
        }
        let text = indicator.canonical();
        let covers = |pattern: &&Pattern| pattern.matches("", Some(&text), &[]) == Match::Yes;
        self.names.iter().find(covers).map(|pattern| {
            Failure::new(FailureKind::Protected, format!("protected by `{pattern}` in the configuration"))
        })
    }
}

/// What is told of a text that is no indicator.
pub(crate) fn unreadable(error: BadIndicator) -> Failure {
    Failure::new(FailureKind::Vetted(Refusal::BadIndicator), format!("no indicator ({}): {error}", error.word()))
}

/// Whether a test has opened what only documents name. No firewall but one on this machine may be told to block that.
fn opened_by_test(loaded: &Loaded, vendor: VendorName) -> Result<bool, CommandError> {
    if std::env::var_os(OPENS_EXAMPLES).is_none() {
        return Ok(false);
    }
    let url = loaded.console_url(vendor)?;
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) {
        return Ok(true);
    }
    Err(CommandError::text(
        ExitCode::Refused,
        format!("`{OPENS_EXAMPLES}` is set, and it is for a firewall on this machine only; nothing was sent"),
    ))
}

/// The hosts of every console that is configured, the firewall's among them, by name and by address.
async fn consoles(loaded: &Loaded) -> Vec<Exception> {
    let mut found = Vec::new();
    for vendor in loaded.consoles() {
        let Ok(url) = loaded.console_url(vendor) else { continue };
        let Some(host) = url.host_str() else { continue };
        let of = format!("the console of `[{vendor}]`");
        found.extend(Exception::host(host, Refusal::OwnConsole, of.as_str()));
        if host.parse::<IpAddr>().is_ok() || host.starts_with('[') {
            continue;
        }
        // A name that cannot be looked up here protects itself, at least.
        let looked_up = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, 443))).await;
        if let Ok(Ok(addresses)) = looked_up {
            let of = format!("{of}, {host}");
            found.extend(addresses.map(|address| Exception::address(address.ip(), Refusal::OwnConsole, of.as_str())));
        }
    }
    found
}

/// The resolvers of this machine, out of `resolv.conf`.
fn resolvers(text: &str) -> Vec<Exception> {
    let addresses = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next().filter(|word| *word == "nameserver").and_then(|_| words.next())?;
        address.split('%').next()?.parse::<IpAddr>().ok()
    });
    addresses.map(|address| Exception::address(address, Refusal::OwnResolver, "a resolver of this machine")).collect()
}

/// The gateways of this machine, out of `/proc/net/route`.
fn gateways(text: &str) -> Vec<Exception> {
    let addresses = text.lines().skip(1).filter_map(|line| {
        let gateway = u32::from_str_radix(line.split_whitespace().nth(2)?, 16).ok()?;
        // As the kernel keeps it: the bytes of the address in order, read as a number of this machine.
        (gateway != 0).then(|| IpAddr::V4(Ipv4Addr::from(gateway.to_ne_bytes())))
    });
    addresses.map(own_gateway).collect()
}

/// The same for IPv6, out of `/proc/net/ipv6_route`.
fn gateways6(text: &str) -> Vec<Exception> {
    let addresses = text.lines().filter_map(|line| {
        let gateway = u128::from_str_radix(line.split_whitespace().nth(4)?, 16).ok()?;
        (gateway != 0).then(|| IpAddr::V6(Ipv6Addr::from(gateway)))
    });
    addresses.map(own_gateway).collect()
}

fn own_gateway(address: IpAddr) -> Exception {
    Exception::address(address, Refusal::OwnGateway, "a gateway of this machine")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(exceptions: &[Exception]) -> Vec<String> {
        let rules = Rules { exceptions: exceptions.to_vec(), opens_examples: true, ..Rules::default() };
        ["203.0.113.1", "203.0.113.2", "2001:db8::1", "203.0.113.3"]
            .into_iter()
            .filter(|text| rules.vet(&Indicator::parse(text).unwrap().indicator).is_err())
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn resolvers_and_gateways_are_read_from_where_the_system_keeps_them() {
        let text =
            "# made by hand\nsearch corp.example\nnameserver 203.0.113.1\nnameserver 2001:db8::1%eth0\noptions x\n";
        assert_eq!(told(&resolvers(text)), ["203.0.113.1", "2001:db8::1"]);
        let text =
            "Iface\tDestination\tGateway \tFlags\neth0\t00000000\t027100CB\t0003\neth0\t007100CB\t00000000\t0001\n";
        if cfg!(target_endian = "little") {
            assert_eq!(told(&gateways(text)), ["203.0.113.2"]);
        }
        let text = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000400 00000000 00000000 00000003 eth0\n";
        assert_eq!(told(&gateways6(text)), ["2001:db8::1"]);
        assert!(resolvers("").is_empty() && gateways("").is_empty() && gateways6("nonsense").is_empty());
    }
}

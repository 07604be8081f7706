//! What is never blocked here: the built-in rules, what the configuration says, and this machine's own way out.

use std::net::IpAddr;

use clap::Args;

use crate::{
    cli::{error::CommandError, surroundings::Surroundings},
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
                Pattern::Id(_) | Pattern::Group(_) | Pattern::System(_) => {}
            }
        }
        exceptions.extend(exceptions_of(&Surroundings::look(loaded).await));
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
    // A list in a folder that is thrown away is served to no firewall.
    if url.to_file_path().is_ok_and(|path| path.starts_with(std::env::temp_dir())) {
        return Ok(true);
    }
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

/// What is around this machine is never blocked.
fn exceptions_of(surroundings: &Surroundings) -> Vec<Exception> {
    let mut found = Vec::new();
    for console in &surroundings.consoles {
        let of = format!("the console of `[{}]`", console.vendor);
        found.extend(Exception::host(&console.host, Refusal::OwnConsole, of.as_str()));
        let is_address = console.host.parse::<IpAddr>().is_ok();
        let of = format!("{of}, {}", console.host);
        let addresses = console.addresses.iter().filter(|_| !is_address);
        found.extend(addresses.map(|address| Exception::address(*address, Refusal::OwnConsole, of.as_str())));
    }
    for proxy in &surroundings.proxies {
        found.extend(Exception::host(&proxy.host, Refusal::OwnGateway, "a proxy of this machine"));
        let addresses = proxy.addresses.iter();
        found.extend(addresses.map(|it| Exception::address(*it, Refusal::OwnGateway, "a proxy of this machine")));
    }
    let of_addresses = [
        (&surroundings.resolvers, Refusal::OwnResolver, "a resolver of this machine"),
        (&surroundings.gateways, Refusal::OwnGateway, "a gateway of this machine"),
    ];
    for (addresses, why, of) in of_addresses {
        found.extend(addresses.iter().map(|address| Exception::address(*address, why, of)));
    }
    found
}

//! Opens the console that a command speaks to: the real one, or the embedded simulator over the same HTTPS.

use std::{num::NonZeroUsize, path::Path, sync::Arc};

use crate::{
    cli::{args::VendorArgs, context::Context, error::CommandError},
    config::{Loaded, Overrides},
    domain::{
        outcome::ExitCode,
        selector::{Entry, Named},
    },
    engine::{console::Console, limits::Limits},
    http::{self, ClientOptions, Trust, Url},
    secret::Secret,
    simulator::{self, Faults, Fleet, Wanted},
    vendors::{Vendor, VendorName, cisco::Cisco},
};

/// An open console.
pub(crate) struct Session {
    /// The console, with its pace.
    pub(crate) console: Console,
    /// Its word.
    pub(crate) vendor: VendorName,
    /// Its address, without credentials.
    pub(crate) address: String,
    /// Where the credentials were read from, in words.
    pub(crate) key_from: String,
    /// The simulator, if it is one.
    pub(crate) simulator: Option<simulator::Console>,
    /// Requests in flight.
    pub(crate) concurrency: NonZeroUsize,
}

/// What a session is opened for.
pub(crate) struct Opening<'a> {
    /// The console's word.
    pub(crate) vendor: VendorName,
    /// The embedded simulator instead of the real console, with its fleet.
    pub(crate) simulate: Option<Fleet>,
    /// Its faults.
    pub(crate) faults: Option<&'a Path>,
    /// Requests in flight, if the command line says so.
    pub(crate) concurrency: Option<NonZeroUsize>,
    /// The longest wait for the quota.
    pub(crate) max_wait: std::time::Duration,
    /// Whether the reserve of the quota may be used.
    pub(crate) uses_reserve: bool,
    /// The code that ends an isolation at the host.
    pub(crate) unlock_code: Option<Secret>,
}

/// What the command line says against the configuration.
pub(crate) fn overrides(vendor: VendorName, concurrency: Option<NonZeroUsize>) -> Overrides {
    let mut overrides = Overrides::default();
    if let Some(concurrency) = concurrency {
        overrides.set(vendor.word(), "concurrency", "--concurrency", concurrency.to_string());
    }
    overrides
}

/// The fleet of a rehearsal: the hosts that the targets name.
///
/// Hosts that are to be put back begin isolated.
pub(crate) fn fleet_of(args: &VendorArgs, entries: &[Entry], isolated: bool) -> Result<Option<Fleet>, CommandError> {
    if args.simulate { fleet_of_entries(entries, isolated).map(Some) } else { Ok(None) }
}

/// A fleet of the hosts that targets name.
pub(crate) fn fleet_of_entries(entries: &[Entry], isolated: bool) -> Result<Fleet, CommandError> {
    let wanted = entries.iter().map(|entry| match entry.selector.named() {
        Named::Id(id) => Wanted { id: Some(id), isolated, ..Wanted::default() },
        Named::Name(name) => Wanted { name: Some(name), isolated, ..Wanted::default() },
        Named::Ip(ip) => Wanted { ip: Some(ip), isolated, ..Wanted::default() },
        Named::Mac(mac) => Wanted { mac: Some(mac), isolated, ..Wanted::default() },
    });
    Fleet::of_targets(wanted)
        .map_err(|error| CommandError::new(ExitCode::Usage, error).context("make the simulated fleet from the targets"))
}

/// Reads a file of faults.
pub(crate) fn faults(path: Option<&Path>) -> Result<Faults, CommandError> {
    match path {
        None => Ok(Faults::default()),
        Some(path) => Faults::read(path).map_err(|error| {
            CommandError::new(ExitCode::Usage, error).hint("`docs/simulator.md` lists every key of a fault file")
        }),
    }
}

impl Session {
    /// Opens the console.
    pub(crate) async fn open(
        opening: Opening<'_>,
        loaded: Option<&Loaded>,
        context: &Context,
    ) -> Result<Self, CommandError> {
        match opening.vendor {
            VendorName::Cisco => Self::open_cisco(opening, loaded, context).await,
        }
    }

    async fn open_cisco(
        opening: Opening<'_>,
        loaded: Option<&Loaded>,
        context: &Context,
    ) -> Result<Self, CommandError> {
        let vendor = opening.vendor;
        let internal = |error: &dyn std::fmt::Display| CommandError::text(ExitCode::Internal, error);
        if let Some(fleet) = opening.simulate {
            let faults = faults(opening.faults)?;
            let options = simulator::Options { fleet, faults, ..simulator::Options::default() };
            let simulator = simulator::start(options)
                .await
                .map_err(|error| CommandError::new(ExitCode::Console, error).context("start the simulated console"))?;
            let concurrency = opening.concurrency.unwrap_or(DEFAULT_CONCURRENCY);
            let client = http::client(&ClientOptions {
                trust: Trust::Only(simulator.ca_pem().to_owned()),
                timeout: std::time::Duration::from_secs(30),
                idle_connections: concurrency.get(),
                proxy: false,
            })?;
            let base = Url::parse(simulator.base_url()).map_err(|error| internal(&error))?;
            let credentials = simulator.credentials();
            let api_key = Secret::new(credentials.api_key.clone());
            let cisco = Cisco::new(client, base, &credentials.client_id, &api_key, opening.unlock_code, concurrency)
                .map_err(|error| internal(&error))?;
            let address = cisco.address();
            let console = console(Arc::new(cisco), concurrency, opening.max_wait, opening.uses_reserve);
            let key_from = "made by the simulator".to_owned();
            return Ok(Self { console, vendor, address, key_from, simulator: Some(simulator), concurrency });
        }
        let loaded = loaded.ok_or_else(|| internal(&"the configuration was not read"))?;
        let config = loaded.cisco()?;
        for warning in config.warnings() {
            context.ui.warn(&warning);
        }
        let trust = match (&config.ca_file, config.insecure) {
            (_, true) => Trust::Nothing,
            (Some(path), false) => Trust::SystemAnd(path.clone()),
            (None, false) => Trust::System,
        };
        let client = http::client(&ClientOptions {
            trust,
            timeout: config.timeout,
            idle_connections: config.concurrency.get(),
            proxy: true,
        })?;
        let concurrency = config.concurrency;
        let cisco =
            Cisco::new(client, config.base, &config.client_id, &config.api_key, opening.unlock_code, concurrency)
                .map_err(|error| CommandError::text(ExitCode::Config, error))?;
        let address = cisco.address();
        let console = console(Arc::new(cisco), concurrency, opening.max_wait, opening.uses_reserve);
        let key_from = format!("read from {}", config.api_key_origin);
        Ok(Self { console, vendor, address, key_from, simulator: None, concurrency })
    }

    /// Ends the simulator, if there is one.
    pub(crate) async fn close(self) {
        if let Some(simulator) = self.simulator {
            simulator.stop().await;
        }
    }
}

fn console(
    vendor: Arc<dyn Vendor>,
    concurrency: NonZeroUsize,
    max_wait: std::time::Duration,
    uses_reserve: bool,
) -> Console {
    let mut limits = Limits { max_wait, ..Limits::new(concurrency) };
    let silence = std::env::var(SILENCE).ok().and_then(|millis| millis.parse().ok());
    limits.silence = silence.map_or(limits.silence, std::time::Duration::from_millis);
    Console::new(vendor, limits, uses_reserve)
}

/// For tests: how long the console may be silent before a run stops, in milliseconds.
const SILENCE: &str = "__EDRCTL_SILENCE_MS";

/// Requests in flight where neither configuration nor command line says otherwise.
const DEFAULT_CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);
